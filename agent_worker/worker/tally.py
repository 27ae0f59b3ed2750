"""What a worker has done since it began, counted: register -> figures -> health."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counts since the worker began: offers refused, jobs started, of them resumed, and how they ended."""

    refused: int = 0
    started: int = 0
    resumed: int = 0
    succeeded: int = 0
    failed: int = 0
