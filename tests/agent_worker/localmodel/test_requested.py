import pytest

from agent_worker.localmodel.requested import asks_to_greet, wanted


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ('Say "One moment, please."', "One moment, please."),
        ("Say exactly: Hello there, friend.", "Hello there, friend."),
        ("Speak the following text word for word: The door is open.", "The door is open."),
        ("Greet the user with 'Welcome to Luigi's!'", "Welcome to Luigi's!"),
        ("Tell the user that their pizza is ready", "Your pizza is ready."),
        ("Inform them that they have won!", "You have won!"),
        ("Ask the user for their order number.", "What is your order number?"),
        ("Ask whether the user is still there.", "Are you still there?"),
        ("Say goodbye.", "Goodbye!"),
    ],
)
def test_words_are_dictated(instructions: str, words: str) -> None:
    said = wanted(instructions)
    assert said is not None
    assert said.text == words


@pytest.mark.parametrize(
    "instructions",
    [
        None,
        "",
        "Greet the user and offer your help.",
        "Answer in one short sentence.",
        "Be 'friendly' and brief.",
        "Tell the user about the weather.",
    ],
)
def test_the_words_are_left_open(instructions: str | None) -> None:
    assert wanted(instructions) is None


def test_a_greeting_is_asked_for() -> None:
    assert asks_to_greet("Greet the user and offer your help.")
    assert asks_to_greet("Say hello to the user")
    assert asks_to_greet("Welcome the caller")
    assert not asks_to_greet("Answer in one short sentence.")
