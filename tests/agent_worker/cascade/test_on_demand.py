import pytest

from agent_worker.cascade.base import Synthesiser
from agent_worker.cascade.on_demand import OnDemandSynthesiser
from agent_worker.errors import SpeechError
from tests.agent_worker.session.play import FakeSynthesiser


def test_the_engine_is_loaded_once_and_when_it_is_needed():
    loads = 0

    def load() -> Synthesiser:
        nonlocal loads
        loads += 1
        return FakeSynthesiser()

    synthesiser = OnDemandSynthesiser(load)
    assert loads == 0
    assert [word.text for chunk in synthesiser.speak("Hello you", voice="posh") for word in chunk.words] == [
        "Hello",
        "you",
    ]
    assert (synthesiser.name, synthesiser.voices, loads) == ("fake", ("plain", "posh"), 1)


def test_without_an_engine_it_says_what_to_do():
    with pytest.raises(SpeechError, match="doctor"):
        OnDemandSynthesiser(lambda: None).speak("Hello")
