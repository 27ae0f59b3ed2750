"""The listening judge on the corpus: where people pause in mid-sentence, and nowhere else."""

import json

import pytest

from agent_worker.audio import MODEL_RATE, WIRE_RATE, samples_in
from agent_worker.cascade import engines
from agent_worker.cascade.resample import Resampler
from agent_worker.cascade.turn_judge import ListeningJudge
from agent_worker.errors import ConfigError
from agent_worker.turns.judge import FINISHED, UNFINISHED, TurnSoFar
from tests.support.missing import missing
from tests.support.wav import CORPUS, corpus

HANGOVER_SECONDS = 0.16


def heard_until(name: str, seconds: float) -> TurnSoFar:
    """What there is of a turn when a pause after `seconds` is noticed."""
    sound = Resampler(WIRE_RATE, MODEL_RATE).feed(corpus(name))
    return TurnSoFar(samples=sound[: samples_in(seconds + HANGOVER_SECONDS, MODEL_RATE)], rate=MODEL_RATE)


def test_the_corpus():
    if engines.recogniser() is None:
        missing("no speech recogniser: pip install 'agent-worker[local]'")
    judge = ListeningJudge()
    entries = json.loads((CORPUS / "manifest.json").read_text(encoding="utf-8"))["entries"]
    wrong = []
    for entry in (entry for entry in entries if entry["kind"] == "speech"):
        ends = [end / 1000 for _, end in entry["segments"]]
        for end in ends:
            found = judge.probability(heard_until(entry["file"].partition("_")[0], end))
            if found != (FINISHED if end == ends[-1] else UNFINISHED):
                wrong.append((entry["file"], end, found))
    assert wrong == []


def test_words_that_the_model_has_told_need_no_listening():
    judge = ListeningJudge(lambda: pytest.fail("there was no need to listen"))
    turn = heard_until("s01", 1.0)
    assert judge.probability(TurnSoFar(samples=turn.samples, rate=turn.rate, text="My name is")) == UNFINISHED


def test_without_an_engine_it_says_what_to_do():
    with pytest.raises(ConfigError, match="doctor"):
        ListeningJudge(lambda: None).probability(heard_until("s01", 1.0))
