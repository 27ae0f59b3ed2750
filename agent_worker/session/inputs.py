"""What of the user the session takes: the application switches it, before a session runs and while it does (M-8)."""

from dataclasses import dataclass


@dataclass(slots=True)
class Inputs:
    """What is taken now.

    Attributes:
        audio: Whether the user is listened to.
        video: Whether pictures are shown to the model.

    """

    audio: bool = True
    video: bool = True
