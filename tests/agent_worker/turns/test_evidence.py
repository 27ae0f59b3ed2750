import pytest

from agent_worker.turns.evidence import BACKCHANNELS, Verdict, judge, words_of


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", Verdict.FALSE),
        (" ... ", Verdict.FALSE),
        ("Mm-hm.", Verdict.FALSE),
        ("Yeah, yeah. Okay!", Verdict.FALSE),
        ("I see", Verdict.FALSE),
        ("I see a dog", Verdict.MEANT),
        ("Stop.", Verdict.MEANT),
        ("okay stop", Verdict.MEANT),
        ("Нет, подожди", Verdict.MEANT),
        ("等一下", Verdict.MEANT),
    ],
)
def test_judge(text: str, verdict: Verdict):
    assert judge(text, backchannels=BACKCHANNELS, min_words=0) is verdict


def test_min_words():
    assert judge("stop", backchannels=(), min_words=2) is Verdict.FALSE
    assert judge("stop it", backchannels=(), min_words=2) is Verdict.MEANT


def test_words_keep_apostrophes_and_hyphens():
    assert words_of("Don\u2019t, uh-huh \u2014 'no'") == ("don\u2019t", "uh-huh", "no")
