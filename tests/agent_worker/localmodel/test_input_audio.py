from hypothesis import given
from hypothesis import strategies as st

from agent_worker.audio import MODEL_RATE
from agent_worker.localmodel.input_audio import KEPT_SECONDS, InputAudio


def test_half_a_sample_is_left_off() -> None:
    audio = InputAudio()
    assert audio.append(b"\x01\x02\x03") == b"\x01\x02"
    assert audio.append(b"\x04") == b""
    assert (audio.received, audio.waiting) == (1, 1)


def test_a_commit_takes_what_waits_and_the_next_begins_behind_it() -> None:
    audio = InputAudio()
    audio.append(b"aabbccdd")
    assert audio.take(3) == b"aabbcc"
    assert audio.waiting == 1
    assert audio.take(audio.received) == b"dd"
    assert audio.take(audio.received) == b""
    audio.append(b"ee")
    assert audio.take(99) == b"ee"


def test_a_turn_begins_no_earlier_than_what_is_kept() -> None:
    audio = InputAudio()
    audio.append(b"aabbccddee")
    audio.forget_before(2)
    assert audio.start_turn(0) == 2
    assert audio.take(4) == b"ccdd"
    assert audio.start_turn(1) == 4
    assert audio.start_turn(99) == 5


def test_clear_forgets_what_waits() -> None:
    audio = InputAudio()
    audio.append(b"aabb")
    audio.clear()
    assert (audio.waiting, audio.received) == (0, 2)
    audio.append(b"cc")
    assert audio.take(audio.received) == b"cc"


def test_an_endless_turn_keeps_its_end() -> None:
    audio = InputAudio()
    for _ in range(KEPT_SECONDS + 5):
        audio.append(bytes(2 * MODEL_RATE))
    assert audio.waiting == KEPT_SECONDS * MODEL_RATE
    assert len(audio.take(audio.received)) == 2 * KEPT_SECONDS * MODEL_RATE


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["append", "forget", "start", "take", "clear"]), st.integers(min_value=-5, max_value=60)
        )
    )
)
def test_what_is_taken_is_what_was_appended_there(steps: list[tuple[str, int]]) -> None:
    audio, everything = InputAudio(), b""
    for step, number in steps:
        match step:
            case "append":
                piece = bytes((len(everything) // 2 + index) % 251 for index in range(max(0, number)) for _ in "ab")
                everything += audio.append(piece)
            case "forget":
                audio.forget_before(number)
            case "start":
                audio.start_turn(number)
            case "take":
                start = audio.turn_start
                taken = audio.take(number)
                assert taken == everything[2 * start : 2 * start + len(taken)]
            case _:
                audio.clear()
        assert 0 <= audio.turn_start <= audio.received == len(everything) // 2
