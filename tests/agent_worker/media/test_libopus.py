"""The decoder, against what the encoder was given."""

import numpy as np
import pytest

from agent_worker.audio import Samples
from agent_worker.media.libopus import Application, Decoder, Encoder
from agent_worker.media.opus_packet import carries_fec
from tests.support.alignment import halved
from tests.support.wav import corpus

RATE = 24_000


@pytest.fixture(scope="module")
def speech() -> Samples:
    sound = halved(corpus("s13"))
    return sound[: len(sound) // 480 * 480]


@pytest.fixture(scope="module")
def payloads(speech: Samples) -> list[bytes]:
    encoder = Encoder(RATE, Application.VOIP)
    encoder.set_bit_rate(32_000)
    encoder.set_fec(20)
    return [encoder.encode(speech[at : at + 480]) for at in range(0, len(speech), 480)]


def decoded(payloads: list[bytes], rate: int = RATE) -> Samples:
    decoder = Decoder(rate)
    return np.concatenate([decoder.decode(payload) for payload in payloads])


def likeness(one: Samples, other: Samples) -> float:
    return float(np.corrcoef(one.astype(float), other.astype(float))[0, 1])


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_it_decodes_to_any_rate(rate: int, payloads: list[bytes]) -> None:
    assert len(decoded(payloads, rate)) == len(payloads) * rate // 50


def test_a_copy_is_nearer_to_what_was_lost_than_a_guess(payloads: list[bytes]) -> None:
    whole = decoded(payloads).reshape(-1, 480)
    recovered: list[float] = []
    guessed: list[float] = []
    for lost in range(10, len(payloads) - 1):
        if not carries_fec(payloads[lost + 1]) or np.abs(whole[lost]).max() < 2000:
            continue
        for likenesses, with_copy in ((recovered, True), (guessed, False)):
            decoder = Decoder(RATE)
            for payload in payloads[:lost]:
                decoder.decode(payload)
            stands_in = decoder.recover(payloads[lost + 1], 960) if with_copy else decoder.conceal(960)
            assert len(stands_in) == 480
            likenesses.append(likeness(stands_in, whole[lost]))
    assert len(recovered) > 10
    assert np.median(recovered) > 0.8
    assert np.median(recovered) > np.median(guessed)


@pytest.mark.parametrize("length", [1, 119, 120, 960, 1000, 5760])
def test_a_guess_is_of_the_length_asked_for(length: int, payloads: list[bytes]) -> None:
    decoder = Decoder(RATE)
    decoder.decode(payloads[0])
    assert len(decoder.conceal(length)) == length // 2


def test_what_is_no_opus_is_an_error_and_the_next_packet_is_heard(payloads: list[bytes]) -> None:
    decoder = Decoder(RATE)
    with pytest.raises(ValueError, match="libopus"):
        decoder.decode(bytes([0x4B, 0xFF, 0x00]))
    assert len(decoder.decode(payloads[0])) == 480


def test_a_restart_forgets(payloads: list[bytes]) -> None:
    decoder = Decoder(RATE)
    for payload in payloads[:40]:
        decoder.decode(payload)
    decoder.restart()
    np.testing.assert_array_equal(decoder.decode(payloads[0]), Decoder(RATE).decode(payloads[0]))


def test_a_rate_that_opus_has_not() -> None:
    with pytest.raises(ValueError, match="44100"):
        Decoder(44_100)
