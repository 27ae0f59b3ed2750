"""Options: given or not given, by whom, and what counts in the end."""

from dataclasses import fields
from typing import get_type_hints

import pytest

from agent_worker.speech.options import OptionChanges, SpeechOptions, TurnMode, merged


def test_every_option_can_be_changed_and_has_the_same_type_in_both():
    assert get_type_hints(OptionChanges) == get_type_hints(SpeechOptions)


def test_the_last_one_that_gives_an_option_decides():
    session = SpeechOptions(pause_after=0.2, user_turn_limit=60.0)
    agent = OptionChanges(pause_after=0.3, min_endpointing_delay=1.0)
    options = merged(session, agent, OptionChanges(pause_after=0.4))
    assert (options.pause_after, options.min_endpointing_delay, options.user_turn_limit) == (0.4, 1.0, 60.0)


def test_none_is_a_value_and_not_given_is_none():
    session = SpeechOptions(user_turn_limit=60.0)
    assert merged(session, OptionChanges(user_turn_limit=None)).user_turn_limit is None
    assert merged(session, OptionChanges()) == session


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="pause_afterwards"):
        merged(SpeechOptions(), {"pause_afterwards": 1.0})  # type: ignore[typeddict-unknown-key]


def test_the_defaults_are_those_of_the_behaviours():
    options = SpeechOptions()
    assert {
        field.name: getattr(options, field.name) for field in fields(SpeechOptions) if field.name != "backchannels"
    } == {
        "listen": "linked",
        "turn_detection": TurnMode.VAD,
        "server_interrupts": True,
        "allow_interruptions": True,
        "discard_audio_if_uninterruptible": True,
        "pause_after": 0.15,
        "min_interruption_duration": 0.5,
        "min_interruption_words": 0,
        "question_tail": 1.0,
        "false_interruption_timeout": 1.0,
        "resume_false_interruption": True,
        "resume_rewind": 0.0,
        "min_endpointing_delay": 0.5,
        "max_endpointing_delay": 3.0,
        "finished_probability": 0.5,
        "min_turn_duration": 0.25,
        "sure_turn_duration": 1.5,
        "user_turn_limit": None,
        "verdict_timeout": 1.5,
        "min_consecutive_speech_delay": 0.0,
        "aec_warmup": 0.0,
        "max_tool_steps": 3,
        "user_away_timeout": 15.0,
        "departure_timeout": 60.0,
        "reply_timeout": 15.0,
        "stall_timeout": 15.0,
        "interruption_watchdog": 5.0,
    }
