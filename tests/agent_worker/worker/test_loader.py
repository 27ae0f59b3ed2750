"""Finding the agent in what an application wrote: what counts as one, and what people are told when there is none."""

import sys
import textwrap

import pytest

from agent_worker.agent import Agent
from agent_worker.errors import ConfigError
from agent_worker.worker import loader

ONE = """
    from agent_worker import Agent

    class Waiter(Agent):
        instructions = "Take orders."
"""
TWO = (
    ONE
    + """
    class Cook(Agent):
        instructions = "Cook."
"""
)


@pytest.fixture(autouse=True)
def _own_imports(monkeypatch):
    """What a test imports is gone after it."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    known = set(sys.modules)
    yield
    for name in set(sys.modules) - known:
        del sys.modules[name]


def write(folder, text, name="agent.py"):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return str(path)


@pytest.mark.parametrize(
    ("text", "suffix", "name"),
    [
        (ONE, "", "Waiter"),
        (ONE, ":Waiter", "Waiter"),
        (TWO, ":Cook", "Cook"),
        (ONE + "\n    agent = Waiter('Be kind.')", "", "Waiter"),
        (TWO + "\n    agent = Cook()", "", "Cook"),
        (TWO + "\n    somebody = Cook()", ":somebody", "Cook"),
        ("from agent_worker import Agent\nagent = Agent('Be short.')", "", "Agent"),
        (ONE + "\n    from agent_worker.agent import Agent as Other", "", "Waiter"),
    ],
    ids=[
        "only class",
        "named class",
        "one of two",
        "made",
        "made of two",
        "made and named",
        "base class",
        "imported",
    ],
)
def test_what_counts_as_the_agent(tmp_path, text, suffix, name):
    source = loader.load(write(tmp_path, text) + suffix)
    assert isinstance(source.made, Agent)
    assert type(source.made).__name__ == source.name == name
    another = source.make() if source.make else None
    assert another is not source.made
    assert isinstance(another, Agent) or "= " in text


def test_a_made_agent_is_taken_as_it_is(tmp_path):
    source = loader.load(write(tmp_path, ONE + "\n    agent = Waiter('Be kind.')"))
    assert source.made.instructions == "Be kind."
    assert source.make is None, "there is no other like it"


def test_a_module_by_its_name(tmp_path, monkeypatch):
    write(tmp_path, ONE, "cafe_for_test.py")
    monkeypatch.chdir(tmp_path)
    assert loader.load("cafe_for_test").name == "Waiter"
    assert loader.load("cafe_for_test:Waiter").name == "Waiter"


def test_a_file_finds_its_neighbours_and_does_not_hide_the_library(tmp_path):
    write(tmp_path, "MENU = 'soup'", "menu_for_test.py")
    text = "import random\nfrom menu_for_test import MENU\nfrom agent_worker import Agent\nagent = Agent(MENU)"
    agent = loader.load(write(tmp_path, text, "random.py")).made
    assert agent.instructions == "soup"
    assert sys.modules["random"].__file__ != str(tmp_path / "random.py")


@pytest.mark.parametrize(
    ("text", "suffix", "told"),
    [
        ("x = 1", "", ["has no agent", "class that inherits from agent_worker.Agent", "nothing of its own"]),
        ("def greet(): ...\nclass Menu: ...", "", ["has no agent", "only greet, Menu"]),
        (TWO, "", ["several agents (Waiter, Cook)", "agent.py:Waiter"]),
        (ONE, ":Cook", ["has no Cook", "only Waiter"]),
        ("class Menu: ...", ":Menu", ["no Agent and no subclass"]),
        ("import nothing_like_this", "", ["line 1: ModuleNotFoundError", "nothing_like_this"]),
        ("x = 1\ny = 1 / 0", "", ["line 2: ZeroDivisionError"]),
        ("def f(:", "", ["line 1: SyntaxError"]),
        ("import sys\nsys.exit('no key')", "", ["line 2: SystemExit: no key"]),
        (
            ONE + "\n        def __init__(self, menu): ...",
            "",
            ["Waiter() in", "menu", "agent = Waiter(...)"],
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(tmp_path, text, suffix, told):
    with pytest.raises(ConfigError) as caught:
        loader.load(write(tmp_path, text) + suffix)
    for words in told:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("missing.py", "missing.py is not a Python file"),
        ("some/where", "is not a Python file"),
        ("notes.txt", "There is no module notes.txt"),
        ("no_such_module_here", "There is no module no_such_module_here here"),
        ("no_such_package.agents:Waiter", "There is no module no_such_package.agents here"),
        ("", "is not a Python file"),
    ],
)
def test_a_place_without_a_file(spec, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=told):
        loader.load(spec)


def test_a_module_that_fails_is_not_called_missing(tmp_path, monkeypatch):
    write(tmp_path, "import nothing_like_this", "broken_for_test.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="broken_for_test could not be loaded: ModuleNotFoundError"):
        loader.load("broken_for_test")
