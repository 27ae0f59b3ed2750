"""What a realtime model can do, as flags: a session decides by these alone and never by a provider's name.

A model states what holds in any of its sessions; a connection states what holds in this very one, which can be less.
What is beyond them `reach` answers in the model's stead. Differences that an adapter evens out have no flag: audio
codecs (sound is PCM here), transcripts that are told anew and longer, keys that live shortly, how usage is counted.
"""

from dataclasses import dataclass
from enum import StrEnum

from agent_worker.errors import ConfigError
from agent_worker.media.settings import OPUS_RATES


class HistoryEdits(StrEnum):
    """What can be done to the model's copy of the history."""

    NONE = "none"
    """It keeps its own; nobody else writes to it."""
    APPEND = "append"
    """Items can be put at its end."""
    INSERT_DELETE = "insert_delete"
    """Items can be put anywhere, and be taken out."""


class Resume(StrEnum):
    """How a conversation goes on over a new connection."""

    NONE = "none"
    REPLAY = "replay"
    """Its history is told again."""
    HANDLE = "handle"
    """The provider keeps it, and takes it up by a handle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model can do. A session decides by these flags alone."""

    # Sound and words.
    input_rate: int = 24_000
    """Samples per second of the user's audio, mono int16."""
    output_rate: int = 24_000
    """Samples per second of the model's audio, mono int16; one of `media.settings.OPUS_RATES`."""
    audio_output: bool = True
    """Replies have sound. In one session: they have it unless a request asks for text."""
    text_output: bool = True
    """Can be asked to answer in text alone."""
    image_input: bool = True
    """Looks at images that stand in a user's message."""
    video_input: bool = False
    """Takes a stream of frames beside the audio, which are no items of the history."""
    user_transcription: bool = True
    """Says what it heard the user say."""
    agent_transcript: bool = True
    """Says the words of its own audio."""
    timed_transcript: bool = False
    """Says when in its audio these words begin."""

    # Turns.
    manual_turns: bool = True
    """Its own turn detection can be turned off: audio is committed, and replies asked for, by us."""
    activity_marks: bool = False
    """With its turn detection off it is told that the user begins and ends, instead of commits."""
    server_turns: bool = True
    """Has a turn detection of its own."""
    semantic_turns: bool = True
    """That turn detection can go by what is said."""
    voice_events: bool = True
    """That turn detection says, reliably, when the user begins and ends."""
    server_interrupts: bool = True
    """That turn detection can stop a reply when the user begins."""
    idle_timeout: bool = True
    """Can speak up by itself after a silence."""
    full_duplex: bool = False
    """Listens and speaks at once, without turns or replies that could be asked for."""

    # Replies.
    create_response: bool = True
    """Replies can be asked for."""
    cancel_response: bool = True
    """A reply that is being made can be stopped."""
    response_instructions: bool = True
    """A request can bring its own instructions."""
    response_tools: bool = True
    """A request can bring its own tools and tool choice."""
    voice_per_response: bool = True
    """A request can bring its own voice, even after the session has spoken in another one."""
    response_metadata: bool = True
    """A reply repeats the metadata of its request."""
    out_of_band: bool = True
    """A request can be answered beside the conversation, leaving no trace in it."""
    several_items: bool = True
    """A reply may be made of several messages."""

    # History.
    history_edits: HistoryEdits = HistoryEdits.INSERT_DELETE
    item_ids: bool = True
    """Items have ids, and take ours."""
    truncate: bool = True
    """Can be told how much of its audio was heard."""
    delete_items: bool = True
    """Items can be taken out of its history."""
    retrieve_items: bool = True
    """Items of its history can be read back."""
    seed_history: bool = True
    """Can be told at the start what was said before."""

    # Settings that may change while a session runs.
    change_instructions: bool = True
    change_tools: bool = True
    change_voice: bool = True
    """Until its first audio, at least."""

    # Tools.
    auto_tool_reply: bool = False
    """Answers by itself as soon as it has a tool's output: none must be asked for."""
    parallel_tools: bool = True
    """May ask for several tools in one reply."""
    async_tools: bool = False
    """Goes on talking while a tool runs."""
    tool_cancellation: bool = False
    """Says that it no longer wants a tool that it asked for."""
    replay_calls: bool = True
    """Calls of tools and their outputs can be told again at the start."""
    hosted_tools: bool = True
    """The provider can run tools by itself (MCP servers)."""

    # Life.
    resume: Resume = Resume.REPLAY
    expiry_notice: bool = False
    """Says some time before that a connection will be closed."""
    max_session_seconds: float | None = None
    """A session ends after so long, whatever happens. None: it has no such limit, or does not say."""
    max_connection_seconds: float | None = None
    """A connection ends after so long; a session may outlive it (`Resume.HANDLE`)."""

    @property
    def lifetime(self) -> float | None:
        """Seconds after which a connection ends, for whichever reason; None: nobody says."""
        limits = [limit for limit in (self.max_session_seconds, self.max_connection_seconds) if limit is not None]
        return min(limits, default=None)

    def __post_init__(self) -> None:
        if self.output_rate not in OPUS_RATES:
            rates = ", ".join(map(str, OPUS_RATES))
            raise ConfigError(
                f"The agent cannot speak at {self.output_rate} samples per second, only at {rates}: have the model's "
                "adapter resample what it receives to one of these."
            )
