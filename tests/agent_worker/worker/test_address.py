"""Addresses of servers as people write them."""

import pytest

from agent_worker.errors import ConfigError
from agent_worker.worker.address import endpoint, is_loopback


@pytest.mark.parametrize(
    ("url", "address", "loopback"),
    [
        ("ws://127.0.0.1:8080", "ws://127.0.0.1:8080/v1/worker", True),
        ("http://127.0.0.1:8080/", "ws://127.0.0.1:8080/v1/worker", True),
        (" http://localhost:8080 ", "ws://localhost:8080/v1/worker", True),
        ("http://[::1]:8080", "ws://[::1]:8080/v1/worker", True),
        ("https://voice.example.org", "wss://voice.example.org/v1/worker", False),
        ("wss://example.org/voice/", "wss://example.org/voice/v1/worker", False),
        ("http://192.0.2.7:80/?a=b#c", "ws://192.0.2.7:80/v1/worker", False),
        ("http://127.0.0.1.example.org", "ws://127.0.0.1.example.org/v1/worker", False),
    ],
)
def test_what_is_an_address(url, address, loopback):
    assert endpoint(url, "/v1/worker") == address
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ftp://x", "http://", "http://x:port", "http://[::1", "ws://x:0"]
)
def test_what_is_none(url):
    with pytest.raises(ConfigError, match=r"write it like ws://127.0.0.1:8080"):
        endpoint(url, "/v1/worker")
    with pytest.raises(ConfigError):
        is_loopback(url)
