"""Stories of who holds the floor, in virtual time. The numbers are those of the behaviours."""

import pytest

from agent_worker.speech import actions as act
from agent_worker.speech import events as ev
from agent_worker.speech.options import SpeechOptions
from agent_worker.speech.queue import Speech
from tests.agent_worker.speech.rig import Rig


def near(time: float) -> object:
    """Within one 20 ms frame and one VAD window of it."""
    return pytest.approx(time, abs=0.02)


def test_a_turn_is_committed_and_answered_after_the_endpointing_delay():
    """T-2."""
    rig = Rig()
    rig.voice(1.0, 2.0)
    rig.until(5.0)
    assert rig.done() == [
        (1.064, act.OpenTurn(1.0)),
        (2.5, act.CommitTurn()),
        (2.5, act.RequestReply(speech_id="answer1", request_id="answer1.0", instructions=None, tool_choice=None)),
    ]


def test_a_pause_inside_a_sentence_does_not_end_the_turn():
    """T-2."""
    rig = Rig()
    rig.voice(1.0, 2.0)
    rig.voice(2.3, 3.0)
    rig.until(5.0)
    assert rig.times_of(act.OpenTurn, act.CommitTurn) == [1.064, 3.5]


def test_a_noise_in_silence_is_no_turn():
    rig = Rig()
    rig.voice(1.0, 1.2)
    rig.until(5.0)
    assert rig.done() == [(1.064, act.OpenTurn(1.0)), (1.7, act.ClearTurn())]


def test_a_cough_holds_the_speech_and_silence_resumes_it():
    """I-1, I-3, I-7."""
    rig = Rig()
    rig.say(0.0)
    rig.voice(3.0, 3.22)
    rig.until(10.0)
    kinds = (act.HoldOutput, act.ClearTurn, act.ResumeOutput, act.CommitTurn, act.CancelReply, act.DropOutput)
    assert [type(action) for _, action in rig.done() if isinstance(action, kinds)] == [
        act.HoldOutput,
        act.ClearTurn,
        act.ResumeOutput,
    ]
    assert rig.times_of(act.HoldOutput) == [near(3.15 + 0.01)]
    assert rig.times_of(act.ResumeOutput) == [near(4.22)]
    assert rig.states()[-2:] == [(near(3.16), "listening"), (near(4.22), "speaking")]


def test_a_sound_shorter_than_pause_after_does_not_even_hold():
    rig = Rig()
    rig.say(0.0)
    rig.voice(3.0, 3.1)
    rig.until(10.0)
    assert rig.times_of(act.HoldOutput) == []


def held_and_committed(**options: object) -> Rig:
    """A voice of 0.6 s over a speech, committed in doubt at 4.1 as item "u"."""
    rig = Rig(SpeechOptions(user_away_timeout=None, **options))  # pyright: ignore[reportArgumentType]
    rig.say(0.0)
    rig.voice(3.0, 3.6)
    rig.at(4.12, ev.TurnCommitted("u"))
    assert rig.times_of(act.CommitTurn) == [4.1]
    assert rig.times_of(act.RequestReply) == [0.0]
    return rig


@pytest.mark.parametrize("text", ["", "Mm-hm.", "Yeah.", "okay, okay", "uh-huh"])
def test_listening_noises_are_deleted_and_the_speech_goes_on(text: str):
    """I-4."""
    rig = held_and_committed()
    rig.at(4.3, ev.TurnTranscribed("u", text))
    rig.until(10.0)
    assert rig.done()[-2:] == [(4.3, act.DeleteItem("u")), (4.3, act.ResumeOutput())]
    assert rig.states()[-1] == (4.3, "speaking")


def test_words_cut_the_speech_and_are_answered_once_the_model_has_stopped():
    """I-4, I-6, M-2."""
    rig = held_and_committed()
    rig.at(4.3, ev.TurnTranscribed("u", "Stop."))
    assert [action for _, action in rig.done()][-4:] == [
        act.CancelReply("r:s.0"),
        act.DropOutput("s.0"),
        act.FinishSpeech(speech_id="s", interrupted=True),
        act.ResumeOutput(),
    ]
    rig.audio(4.31, "s.0")
    assert rig.times_of(act.PlayAudio) == [0.0], "late audio of a cut reply is dropped (R-1)"
    rig.reply_ends(4.35, "s.0")
    assert rig.done()[-1] == (
        4.35,
        act.RequestReply(speech_id="answer1", request_id="answer1.0", instructions=None, tool_choice=None),
    )


def test_a_cancelled_reply_that_never_ends_does_not_block_the_next():
    """S-7."""
    rig = held_and_committed()
    rig.at(4.3, ev.TurnTranscribed("u", "Stop."))
    rig.until(20.0)
    assert rig.times_of(act.RequestReply) == [0.0, 9.3]
    assert rig.times_of(act.ReportProblem) == [9.3]


def test_too_few_words_are_no_interruption():
    rig = held_and_committed(min_interruption_words=2)
    rig.at(4.3, ev.TurnTranscribed("u", "Paris"))
    assert rig.times_of(act.ResumeOutput) == [4.3]


@pytest.mark.parametrize(
    ("end", "goes_on"), [(3.4, True), (3.6, False)], ids=["0.4 s of voice is no evidence", "0.6 s is"]
)
def test_a_transcript_that_never_comes_leaves_the_length_of_the_voice_as_evidence(end: float, goes_on: bool):
    rig = Rig()
    rig.say(0.0)
    rig.voice(3.0, end)
    rig.until(end + 0.5 + 1.49)
    assert rig.times_of(act.ResumeOutput, act.DropOutput) == []
    rig.until(10.0)
    assert bool(rig.times_of(act.DropOutput)) is not goes_on
    assert rig.times_of(act.ResumeOutput) == [near(end + 2.0)]


def test_an_unnamed_turn_that_was_dismissed_is_deleted_when_its_name_comes():
    rig = Rig()
    rig.say(0.0)
    rig.voice(3.0, 3.4)
    rig.at(11.0, ev.TurnCommitted("late"))
    assert rig.done()[-1] == (11.0, act.DeleteItem("late"))


def test_a_long_turn_over_a_speech_cuts_without_waiting_for_words():
    """I-5."""
    rig = Rig()
    rig.say(0.0)
    rig.voice(3.0, 5.0)
    rig.until(5.51)
    kinds = [type(action) for _, action in rig.done()][-5:]
    assert kinds == [act.CommitTurn, act.CancelReply, act.DropOutput, act.FinishSpeech, act.ResumeOutput]


@pytest.mark.parametrize(("end", "cut"), [(3.4, False), (3.6, True)])
def test_without_transcription_the_length_of_the_voice_decides(end: float, cut: bool):
    """I-5."""
    rig = Rig(transcribes=False)
    rig.say(0.0)
    rig.voice(3.0, end)
    rig.until(10.0)
    assert bool(rig.times_of(act.DropOutput)) is cut
    assert len(rig.times_of(act.ResumeOutput)) == 1


def test_a_second_cough_inside_the_silence_keeps_the_hold():
    """I-8."""
    rig = Rig()
    rig.say(0.0)
    rig.voice(3.0, 3.2)
    rig.voice(4.0, 4.2)
    rig.until(10.0)
    assert len(rig.times_of(act.HoldOutput)) == 1
    assert rig.times_of(act.ResumeOutput) == [near(5.2)]


@pytest.mark.parametrize("offset", [-0.01, 0.01])
def test_a_voice_just_before_and_just_after_the_resume_timer(offset: float):
    """I-8: before it, the hold stays; after it, there is a second hold. Nothing is lost either way."""
    rig = Rig()
    rig.say(0.0)
    rig.voice(3.0, 3.2)
    start = 4.2 + offset - 0.064
    rig.voice(start, start + 0.2)
    rig.until(10.0)
    assert len(rig.times_of(act.HoldOutput)) == (1 if offset < 0 else 2)
    assert rig.times_of(act.ResumeOutput)[-1] == near(start + 1.2)
    assert rig.times_of(act.DropOutput) == []


def test_new_voice_while_a_verdict_is_awaited_keeps_the_hold_after_no_words():
    """I-8."""
    rig = held_and_committed()
    rig.at(4.2, ev.VoiceStarted(4.14))
    rig.at(4.3, ev.TurnTranscribed("u", ""))
    assert rig.times_of(act.ResumeOutput) == []
    rig.at(4.5, ev.VoiceStopped(4.3))
    rig.until(10.0)
    assert rig.times_of(act.ResumeOutput) == [near(5.3)]


def test_a_cough_while_thinking_holds_a_reply_that_is_kept():
    """I-9."""
    rig = Rig()
    rig.at(0.0, ev.SpeechRequested(Speech(id="s")))
    rig.voice(0.1, 0.32)
    rig.reply(0.6, "s.0")
    rig.until(5.0)
    assert rig.times_of(act.HoldOutput) == [near(0.26)]
    assert rig.times_of(act.PlayAudio) == [0.6]
    assert rig.times_of(act.ResumeOutput) == [near(1.32)]
    assert rig.times_of(act.DropOutput, act.CancelReply) == []


def test_a_user_who_goes_on_before_the_reply_is_asked_for_again():
    """A reply that was cut before the model began it is cancelled when it begins."""
    rig = Rig()
    rig.voice(1.0, 2.0)
    rig.until(2.5)
    rig.voice(2.6, 4.6)
    rig.until(5.11)
    rig.at(5.2, ev.ReplyStarted(response_id="late", request_id="answer1.0"))
    assert rig.done()[-1] == (5.2, act.CancelReply("late"))
    rig.at(5.3, ev.ReplyEnded(response_id="late", request_id="answer1.0"))
    assert [a.request_id for _, a in rig.done() if isinstance(a, act.RequestReply)] == ["answer1.0", "answer2.0"]


def test_a_speech_that_ends_while_held_lets_the_output_go():
    """I-10."""
    rig = Rig()
    rig.say(0.0)
    rig.reply_ends(1.0, "s.0")
    rig.at(3.064, ev.VoiceStarted(3.0))
    rig.at(3.2, ev.VoiceContinued(3.2))
    assert rig.times_of(act.HoldOutput) == [3.2]
    rig.at(3.25, ev.PlayoutFinished("s.0"))
    assert rig.times_of(act.ResumeOutput) == [3.25]


def test_a_backchannel_after_the_speech_has_ended_is_an_answer():
    rig = held_and_committed()
    rig.reply_ends(4.15, "s.0")
    rig.at(4.2, ev.PlayoutFinished("s.0"))
    rig.at(4.3, ev.TurnTranscribed("u", "yeah"))
    assert isinstance(rig.done()[-1][1], act.RequestReply)


def test_a_protected_speech_is_neither_held_nor_cut_and_its_turn_is_forgotten():
    """I-12, S-4."""
    rig = Rig()
    rig.say(0.0, interruptible=False)
    rig.voice(3.0, 5.0)
    rig.until(10.0)
    kinds = (act.HoldOutput, act.CommitTurn, act.DropOutput)
    assert rig.times_of(*kinds) == []
    assert rig.times_of(act.ClearTurn) == [5.5]


def test_a_final_interruption_is_immediate():
    rig = Rig(SpeechOptions(user_away_timeout=None, resume_false_interruption=False))
    rig.say(0.0)
    rig.voice(3.0, 3.6)
    assert rig.times_of(act.DropOutput) == [near(3.51)]
    assert rig.times_of(act.HoldOutput) == []


def test_without_a_resume_timeout_a_held_speech_is_cut():
    rig = Rig(SpeechOptions(user_away_timeout=None, false_interruption_timeout=None))
    rig.say(0.0)
    rig.voice(3.0, 3.22)
    rig.until(10.0)
    assert rig.times_of(act.DropOutput) == [near(3.72)]


def test_interrupt_during_a_hold_leaves_nothing_held():
    """S-5, I-10."""
    rig = Rig()
    rig.say(0.0)
    rig.voice(3.0, 3.2)
    rig.at(3.5, ev.InterruptRequested())
    rig.until(10.0)
    assert rig.times_of(act.DropOutput) == [3.5]
    assert rig.times_of(act.HoldOutput) == [near(3.16)]
    assert rig.times_of(act.ResumeOutput)[0] == 3.5
    rig.say(11.0, id="next")
    assert rig.states()[-1] == (11.0, "speaking")


def test_tools_are_spoken_of_on_the_same_speech():
    """S-3, U-2."""
    rig = Rig()
    rig.say(0.0)
    rig.reply_ends(0.5, "s.0", tool_calls=1)
    rig.at(1.0, ev.PlayoutFinished("s.0"))
    assert rig.states()[-1] == (1.0, "thinking")
    rig.at(2.0, ev.ToolsFinished("s", reply=True))
    assert rig.done()[-1] == (
        2.0,
        act.RequestReply(speech_id="s", request_id="s.1", instructions=None, tool_choice=None),
    )
    rig.reply(2.1, "s.1")
    rig.reply_ends(2.2, "s.1")
    rig.at(3.0, ev.PlayoutFinished("s.1"))
    assert rig.done()[-1] == (3.0, act.FinishSpeech(speech_id="s", interrupted=False))


def test_tools_that_are_faster_than_the_voice_wait_for_it():
    rig = Rig()
    rig.say(0.0)
    rig.reply_ends(0.5, "s.0", tool_calls=1)
    rig.at(0.6, ev.ToolsFinished("s", reply=True))
    assert rig.times_of(act.RequestReply) == [0.0]
    rig.at(1.0, ev.PlayoutFinished("s.0"))
    assert rig.times_of(act.RequestReply) == [0.0, 1.0]


def test_a_turn_while_tools_run_silences_their_reply():
    """U-3."""
    rig = Rig()
    rig.say(0.0)
    rig.reply_ends(0.5, "s.0", tool_calls=1)
    rig.at(1.0, ev.PlayoutFinished("s.0"))
    rig.voice(1.1, 3.1)
    rig.until(3.7)
    rig.at(4.0, ev.ToolsFinished("s", reply=True))
    assert [a.speech_id for _, a in rig.done() if isinstance(a, act.RequestReply)] == ["s", "answer1"]


def test_the_turn_hook_is_asked_before_the_reply():
    """T-3."""
    rig = Rig(turn_hook=True)
    rig.voice(1.0, 2.0)
    rig.until(3.0)
    assert rig.done()[-1] == (2.5, act.RunTurnHook("answer1"))
    rig.at(3.0, ev.TurnHookFinished("answer1", reply=False))
    assert rig.done()[-1] == (3.0, act.FinishSpeech(speech_id="answer1", interrupted=False))
    rig.voice(4.0, 5.0)
    rig.at(6.0, ev.TurnHookFinished("answer2", reply=True))
    assert isinstance(rig.done()[-1][1], act.RequestReply)


def test_an_app_speech_that_waits_for_the_user_survives_the_users_turn():
    """S-4."""
    rig = Rig()
    rig.at(1.0, ev.VoiceStarted(1.0))
    rig.at(1.5, ev.SpeechRequested(Speech(id="timer")))
    rig.at(2.1, ev.VoiceStopped(2.0))
    rig.until(2.6)
    rig.reply(2.7, "timer.0")
    rig.reply_ends(2.8, "timer.0")
    rig.at(3.0, ev.PlayoutFinished("timer.0"))
    assert [a.speech_id for _, a in rig.done() if isinstance(a, act.RequestReply)] == ["timer", "answer1"]


def test_a_model_that_does_not_begin_a_reply_is_given_up():
    rig = Rig()
    rig.at(0.0, ev.SpeechRequested(Speech(id="s")))
    rig.until(20.0)
    assert rig.done()[-1] == (
        15.0,
        act.FinishSpeech(speech_id="s", interrupted=False, failure="the model did not answer in time"),
    )


def test_states_have_the_times_of_what_happened():
    """T-6."""
    rig = Rig(SpeechOptions(user_away_timeout=15.0))
    rig.voice(1.0, 2.0)
    users = [(a.state.value, round(a.at, 3)) for _, a in rig.log if isinstance(a, act.ReportUserState)]
    assert users == [("speaking", 1.0), ("listening", 2.0)]
    rig.until(2.6)
    rig.reply(3.0, "answer1.0")
    rig.at(3.0, ev.PlayoutStarted("answer1.0"))
    rig.reply_ends(3.1, "answer1.0")
    rig.at(5.0, ev.PlayoutFinished("answer1.0"))
    rig.until(60.0)
    assert rig.states() == [(2.5, "thinking"), (3.0, "speaking"), (5.0, "listening")]
    away = [time for time, a in rig.log if isinstance(a, act.ReportUserState) and a.state is act.UserState.AWAY]
    assert away == [20.0]


def test_a_cut_reports_its_times():
    """I-13."""
    rig = held_and_committed()
    rig.at(4.3, ev.TurnTranscribed("u", "Stop."))
    report = next(a for _, a in rig.log if isinstance(a, act.ReportInterruption))
    assert (report.outcome, report.voice_at, report.held_at, report.decided_at) == (
        act.Outcome.CUT,
        3.0,
        near(3.16),
        4.3,
    )
