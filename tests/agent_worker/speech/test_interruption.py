"""The table of interruption: what it covers, and what no sequence of events can bring about."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.interruption import IGNORED, TABLE, Phase, Signal
from agent_worker.speech.queue import Speech
from tests.agent_worker.speech.rig import Rig

IMPOSSIBLE = {
    # A turn ends in a pause: not while a voice is heard, and not where no turn is open.
    *product(
        [Phase.HELD, Phase.DISMISSED, Phase.JUDGING, Phase.JUDGING_VOICE],
        [Signal.TURN_SHORT, Signal.TURN_DOUBTFUL, Signal.TURN_SURE],
    ),
    # A verdict is awaited in the judging phases alone (late words may come at any time), silence in DISMISSED alone.
    *product([Phase.FREE, Phase.HELD, Phase.UNDECIDED, Phase.DISMISSED], [Signal.NO_WORDS]),
    *product(set(Phase) - {Phase.DISMISSED}, [Signal.SILENCE]),
    # A voice cannot start while it is heard, nor stop while it is not.
    *product([Phase.HELD, Phase.JUDGING_VOICE], [Signal.VOICE_AGAIN]),
    *product([Phase.UNDECIDED, Phase.DISMISSED, Phase.JUDGING, Phase.JUDGING_PAUSE], [Signal.VOICE_STOPPED]),
    # Who holds nothing does not look whether there is something to hold.
    (Phase.FREE, Signal.SPEECH_GONE),
    # A voice is confirmed while nothing is held yet.
    *product(set(Phase) - {Phase.FREE}, [Signal.VOICE_CONFIRMED, Signal.VOICE_FINAL]),
}


def test_every_pair_is_a_row_or_ignored_or_impossible():
    pairs = set(product(Phase, Signal))
    assert not set(TABLE) & IGNORED
    assert pairs - set(TABLE) - IGNORED == IMPOSSIBLE


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["voice", "more", "quiet", "audio", "end", "played", "named", "words", "noise", "speak", "stop", "tools"]
        ),
        st.floats(0.0, 1.2),
    ),
    max_size=60,
)


def play(rig: Rig, sequence: list[tuple[str, float]]) -> None:
    """Anything may happen, in any order, as far as the outside world can bring it about."""
    time, item = 0.0, 0
    for number, (what, gap) in enumerate(sequence):
        time += gap
        rig.until(time)
        requests = [a.request_id for _, a in rig.log if isinstance(a, act.RequestReply)]
        request = requests[-1] if requests else "none"
        match what:
            case "voice":
                rig.at(time, ev.VoiceStarted(time - 0.05))
            case "more":
                rig.at(time, ev.VoiceContinued(time))
            case "quiet":
                rig.at(time, ev.VoiceStopped(time - 0.1))
            case "audio":
                rig.reply(time, request, pcm=request.encode())
                rig.at(time, ev.PlayoutStarted(request))
            case "end" | "tools":
                rig.reply_ends(time, request, tool_calls=int(what == "tools"))
            case "played":
                rig.at(time, ev.PlayoutFinished(request))
                rig.at(time, ev.ToolsFinished(request.split(".")[0], reply=True))
            case "named":
                item += 1
                rig.at(time, ev.TurnCommitted(f"u{item}"))
            case "words" | "noise":
                rig.at(time, ev.TurnTranscribed(f"u{item}", "stop it" if what == "words" else ""))
            case "speak":
                rig.at(time, ev.SpeechRequested(Speech(id=f"s{number}")))
            case "stop":
                rig.at(time, ev.InterruptRequested())
            case _:
                raise AssertionError(what)


@given(steps)
@settings(deadline=None)
def test_the_output_is_never_held_with_nothing_that_could_release_it(sequence: list[tuple[str, float]]):
    """I-10: when all falls silent, what is held is released."""
    rig = Rig()
    play(rig, sequence)
    rig.at(rig.now, ev.VoiceStopped(rig.now))
    rig.until(rig.now + 60.0)
    holds = [a for _, a in rig.log if isinstance(a, act.HoldOutput | act.ResumeOutput)]
    assert not holds or isinstance(holds[-1], act.ResumeOutput)


@given(steps)
@settings(deadline=None)
def test_no_audio_of_a_cut_speech_is_played_after_the_cut(sequence: list[tuple[str, float]]):
    rig = Rig()
    play(rig, sequence)
    dropped: set[str] = set()
    for _, action in rig.log:
        match action:
            case act.DropOutput(request_id=request_id):
                dropped.add(request_id)
            case act.PlayAudio(request_id=request_id):
                assert request_id not in dropped
            case _:
                pass


@given(steps)
@settings(deadline=None)
def test_every_speech_finishes_once_and_one_reply_is_asked_for_at_a_time(sequence: list[tuple[str, float]]):
    """S-1, S-7, M-2."""
    rig = Rig()
    play(rig, sequence)
    finished = [a.speech_id for _, a in rig.log if isinstance(a, act.FinishSpeech)]
    assert len(finished) == len(set(finished))
    requests = [a.request_id for _, a in rig.log if isinstance(a, act.RequestReply)]
    assert len(requests) == len(set(requests))
