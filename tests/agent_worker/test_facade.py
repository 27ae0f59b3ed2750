"""What `from agent_worker import ...` gives: everything that is promised, and nothing else."""

import pytest

import agent_worker


@pytest.mark.parametrize("name", agent_worker.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(agent_worker, name).__name__ == name
    assert name in dir(agent_worker)


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Agnet'"):
        agent_worker.Agnet  # noqa: B018
    with pytest.raises(ImportError, match="Agnet"):
        exec("from agent_worker import Agnet")
