"""What may happen in a conversation, drawn at random: as far as the outside world can bring it about."""

from hypothesis import note
from hypothesis import strategies as st

from agent_worker.speech import events as ev
from agent_worker.speech.options import OptionChanges, TurnMode, merged
from agent_worker.speech.queue import Priority, Speech, SpeechKind
from tests.agent_worker.speech.story import server_reply, server_voice, voice
from tests.agent_worker.speech.world import NEVER, USUAL, Fact, Reply, World

SECONDS = 12.0
"""Of things happening."""

times = st.floats(0.0, SECONDS).map(lambda time: round(time, 3))
lengths = st.sampled_from([0.05, 0.12, 0.2, 0.3, 0.45, 0.6, 1.2, 2.0])
words = st.sampled_from(["Stop it.", "Yeah.", "", None, NEVER])
changes = st.fixed_dictionaries(
    {},
    optional={
        "turn_detection": st.sampled_from(TurnMode),
        "server_interrupts": st.booleans(),
        "allow_interruptions": st.booleans(),
        "discard_audio_if_uninterruptible": st.booleans(),
        "pause_after": st.sampled_from([0.0, 0.15, 0.7]),
        "min_interruption_words": st.sampled_from([0, 2]),
        "false_interruption_timeout": st.sampled_from([None, 0.2, 1.0]),
        "resume_false_interruption": st.booleans(),
        "min_endpointing_delay": st.sampled_from([0.2, 0.5, 1.5]),
        "stall_timeout": st.sampled_from([0.3, 5.0]),
        "min_consecutive_speech_delay": st.sampled_from([0.0, 0.4]),
        "user_turn_limit": st.sampled_from([None, 0.5]),
        "user_away_timeout": st.sampled_from([None, 2.0]),
        "aec_warmup": st.sampled_from([0.0, 3.0]),
        "max_tool_steps": st.sampled_from([0, 3]),
    },
).map(lambda drawn: OptionChanges(**drawn))
replies = st.lists(
    st.builds(
        Reply,
        seconds=st.sampled_from([0.0, 0.3, 2.0, 5.0]),
        after=st.sampled_from([0.0, 0.1, 0.8]),
        made_in=st.sampled_from([0.05, 0.5, 4.0]),
        items=st.integers(1, 3),
        tools=st.sampled_from([0, 0, 0, 1]),
        tools_take=st.sampled_from([0.0, 0.5, 2.0]),
        spoken=st.booleans(),
        failure=st.sampled_from(["", "", "", "no quota"]),
        stalls=st.sampled_from([False, False, False, True]),
    ),
    max_size=8,
)


def voices(draw: st.DrawFn) -> list[Fact]:
    """Voices do not overlap: there is one user."""
    facts: list[Fact] = []
    time = 0.0
    for gap, length in draw(st.lists(st.tuples(st.sampled_from([0.25, 0.6, 0.8, 2.5]), lengths), max_size=8)):
        time = round(time + gap, 3)
        facts += voice(time, time + length)
        time += length
    return facts


def heard_by_the_model(draw: st.DrawFn) -> list[Fact]:
    """The model's own detector, and answers that it begins by itself."""
    facts: list[Fact] = []
    time = 0.0
    for number, (gap, length) in enumerate(draw(st.lists(st.tuples(st.floats(0.8, 3.0), lengths), max_size=5))):
        time = round(time + gap, 3)
        said = server_voice(time, time + length, f"i{number}", text=draw(st.sampled_from(["Stop it.", "Yeah.", ""])))
        facts += said[: draw(st.sampled_from([2, 3, 4]))]
        time += length
        if draw(st.booleans()):
            facts += server_reply(time + 0.7, f"x{number}", draw(replies.filter(bool))[0])
    return facts


@st.composite
def applications(draw: st.DrawFn) -> list[Fact]:
    """What the application does."""
    facts: list[Fact] = []
    for number, time in enumerate(draw(st.lists(times, max_size=8))):
        id = f"s{number}"
        speech = Speech(
            id=id,
            kind=draw(st.sampled_from(SpeechKind)),
            priority=draw(st.sampled_from(Priority)),
            interruptible=draw(st.sampled_from([None, True, False])),
        )
        event = draw(
            st.sampled_from(
                [
                    ev.SpeechRequested(speech, interrupts=draw(st.booleans())),
                    ev.SpeechRequested(speech),
                    ev.InterruptRequested(force=draw(st.booleans())),
                    ev.SpeechInterruptRequested(
                        draw(st.sampled_from(["s0", "s1", "answer1"])), force=draw(st.booleans())
                    ),
                    ev.SpeechProtected(draw(st.sampled_from(["s0", "s1", "answer1"])), draw(st.booleans())),
                    ev.QuestionHeard(draw(st.sampled_from(["s0.0", "s1.0", "answer1.0"]))),
                    ev.TurnOpened(time),
                    ev.TurnCommitRequested(time),
                    ev.TurnDropped(),
                    ev.TurnJudged(draw(st.floats(0.0, 1.0))),
                    ev.OptionsChanged(merged(USUAL, draw(changes))),
                ]
            )
        )
        facts.append((time, event))
    return facts


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A conversation of twelve seconds that has happened; nobody speaks any more, and the model answers."""
    first: OptionChanges = draw(changes)
    world = World(
        first,
        replies=draw(replies),
        words=draw(st.lists(words, max_size=8)),
        words_take=draw(st.sampled_from([0.2, 0.9, 2.5])),
        transcribes=draw(st.sampled_from([True, True, False])),
        hook_takes=draw(st.sampled_from([None, 0.0, 0.7])),
    )
    world.post(draw(applications()))
    world.post(heard_by_the_model(draw) if first.get("turn_detection") is TurnMode.SERVER else voices(draw))
    # Whatever button is pressed is let go of.
    world.post([(SECONDS + 3.0, ev.TurnDropped())])
    try:
        world.until(SECONDS + 3.0)
    except AssertionError:
        note("\n".join(str(entry) for entry in world.told_and_done))
        raise
    return world
