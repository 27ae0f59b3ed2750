import pytest

from agent_worker.localmodel.voices import unlike, voice_of


@pytest.mark.parametrize(
    ("asked", "voices", "voice"),
    [
        ("slt", ("slt", "rms", "awb"), "slt"),
        ("awb", ("slt", "rms", "awb"), "awb"),
        ("alloy", ("slt", "rms", "awb"), "slt"),
        ("ash", ("slt", "rms", "awb"), "rms"),
        ("ballad", ("slt", "rms"), "rms"),
        ("verse", ("tones",), "tones"),
        ("nobody", ("slt", "rms"), "slt"),
    ],
)
def test_every_voice_has_one_of_ours(asked: str, voices: tuple[str, ...], voice: str) -> None:
    assert voice_of(asked, voices) == voice


@pytest.mark.parametrize("session", ["alloy", "marin", "ash", "cedar", "ballad", "slt", "rms", "awb", "nobody"])
@pytest.mark.parametrize("number", [1, 2])
def test_another_voice_is_never_the_sessions_own(session: str, number: int) -> None:
    ours = ("slt", "rms", "awb")
    assert voice_of(unlike(session, number), ours) != voice_of(session, ours)
