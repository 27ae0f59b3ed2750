"""What the server refuses to start with, and what it derives."""

import pytest

from signaling.ice import IceSettings
from signaling.members import RoomSettings
from signaling.messages import DEV_API_KEY, DEV_API_SECRET
from signaling.sdp import CandidatePolicy
from signaling.settings import Settings, SettingsError, is_loopback

SECRET = "a-secret-that-is-long-enough-to-be-taken-0123"
KEYS = {"own": SECRET}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(), "AGENT_WORKER_API_SECRET"),
        (Settings(keys={"own": "short"}), "shorter than 32 bytes"),
        (Settings(keys={DEV_API_KEY: DEV_API_SECRET}), "development secret"),
        (Settings(keys={"own": DEV_API_SECRET}), "development secret"),
        (Settings(host="0.0.0.0", dev=True), "--insecure-dev-on-network"),
        (Settings(host="192.168.1.2", dev=True, keys=KEYS), "--insecure-dev-on-network"),
        (Settings(keys=KEYS, ice=IceSettings(turn_urls=("turn:h",))), "AGENT_WORKER_TURN_SECRET"),
        (Settings(keys=KEYS, ice=IceSettings(relay_only=True)), "--turn-url"),
    ],
)
def test_what_is_not_safe_does_not_start(settings: Settings, says: str):
    with pytest.raises(SettingsError) as refused:
        settings.checked()
    assert says in str(refused.value)
    assert SECRET not in str(refused.value)


def test_development_needs_no_key_and_takes_one():
    assert Settings(dev=True).checked().keys == {DEV_API_KEY: DEV_API_SECRET}
    assert Settings(dev=True, keys=KEYS).checked().keys == KEYS
    assert Settings(dev=True, host="0.0.0.0", insecure_dev_on_network=True).checked().keys


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        (Settings(keys=KEYS), CandidatePolicy.LOCAL),
        (Settings(keys=KEYS, host="::1"), CandidatePolicy.LOCAL),
        (Settings(keys=KEYS, host="0.0.0.0"), CandidatePolicy.PUBLIC),
        (Settings(keys=KEYS, host="0.0.0.0", lan=True), CandidatePolicy.LAN),
        (Settings(dev=True, host="0.0.0.0", insecure_dev_on_network=True), CandidatePolicy.LOCAL),
    ],
)
def test_which_candidates_are_let_through(settings: Settings, policy: CandidatePolicy):
    assert settings.checked().rooms.candidates is policy


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_names_of_this_machine(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "localhost.example.org", "127.0.0.1.example.org", "10.0.0.1"])
def test_other_names(host: str):
    assert not is_loopback(host)


def test_secrets_are_not_shown():
    assert SECRET not in repr(Settings(keys=KEYS, ice=IceSettings(turn_secret=SECRET)))


@pytest.mark.parametrize(
    ("keys", "rooms", "quota"),
    [
        (1, RoomSettings(), 1000),
        (2, RoomSettings(), 500),
        (2, RoomSettings(max_rooms=1), 1),
        (2, RoomSettings(max_rooms_per_key=900), 900),
        (1, RoomSettings(max_rooms_per_key=7), 7),
    ],
)
def test_one_of_several_keys_cannot_take_all_rooms(keys: int, rooms: RoomSettings, quota: int):
    several = {f"k{number}": "x" * 32 for number in range(keys)}
    assert Settings(keys=several, rooms=rooms).checked().rooms.max_rooms_per_key == quota
