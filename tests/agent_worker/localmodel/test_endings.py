import pytest

from agent_worker.localmodel.endings import is_open


@pytest.mark.parametrize(
    ("partial", "wanted"),
    [
        ("i would like to order a", True),
        ("set a timer for", True),
        ("um", True),
        ("i would like to order", True),
        ("where is my order", False),
        ("cancel my order", False),
        ("hold on", False),
        ("what time is it", False),
        ("tell me a story", False),
        ("stop", False),
        ("my name is alice", False),
        ("", False),
    ],
)
def test_what_is_open(partial: str, wanted: bool) -> None:
    assert is_open(partial) is wanted
