"""What is read out of docstrings, tidy ones and others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_worker.tools.docstring import Docstring, parse_docstring

CASES: dict[str, tuple[str | None, Docstring]] = {
    "none": (None, Docstring()),
    "empty": ("   \n  ", Docstring()),
    "one line": ("Tell the time.", Docstring(description="Tell the time.")),
    "a first paragraph over two lines": (
        """Tell the time
        in a city.

        Internal notes that the model does not need.
        """,
        Docstring(description="Tell the time in a city."),
    ),
    "arguments": (
        """Book a table.

        Args:
            guests: How many come.
            when (datetime, optional): Day and hour,
                in the restaurant's own time.

            name : Under which name.
            **rest: Whatever: with colons.

        Returns:
            number: The booking's number.
        """,
        Docstring(
            description="Book a table.",
            parameters={
                "guests": "How many come.",
                "when": "Day and hour, in the restaurant's own time.",
                "name": "Under which name.",
                "rest": "Whatever: with colons.",
            },
        ),
    ),
    "a description that begins below": (
        """
        Args:
            x: One.
        """,
        Docstring(parameters={"x": "One."}),
    ),
    "a text on the next line": (
        """Do.

        Args:
            x:
                One
                of many.
            y:
        """,
        Docstring(description="Do.", parameters={"x": "One of many.", "y": ""}),
    ),
    "no blank line before the section": (
        """Do it.
        Args:
            x: One.
        """,
        Docstring(description="Do it.", parameters={"x": "One."}),
    ),
    "what is no parameter takes no text": (
        """Do.

        Args:
            Nothing in particular
                x: not this
            y: One.
        """,
        Docstring(description="Do.", parameters={"y": "One."}),
    ),
    "NumPy": (
        """Book a table.

        It is kept for an hour.

        Parameters
        ----------
        guests : int
            How many come,
            children too.
        day, hour : str, optional
            When: as people say it.
        *rest
            Whatever.

        Returns
        -------
        number : int
            The booking's.

        Other Parameters
        ----------------
        name
            Under which name.
        """,
        Docstring(
            description="Book a table.",
            parameters={
                "guests": "How many come, children too.",
                "day": "When: as people say it.",
                "hour": "When: as people say it.",
                "rest": "Whatever.",
                "name": "Under which name.",
            },
        ),
    ),
    "NumPy without a description": (
        """
        Parameters
        ----------
        x : int
            One.
        """,
        Docstring(parameters={"x": "One."}),
    ),
    "Sphinx": (
        """Book a table
        for today.

        :param guests: How many come,
            children too.
        :type guests: int
        :param str name: Under which name.
        :keyword wish: What: else.
        :returns: The number
            of the booking.
        :raises ValueError: It is full.
        """,
        Docstring(
            description="Book a table for today.",
            parameters={
                "guests": "How many come, children too.",
                "name": "Under which name.",
                "wish": "What: else.",
            },
        ),
    ),
    "Sphinx without a blank line": (
        """Do.
        :param x: One.
        """,
        Docstring(description="Do.", parameters={"x": "One."}),
    ),
}


@pytest.mark.parametrize(("text", "read"), CASES.values(), ids=CASES.keys())
def test_a_docstring_says(text: str | None, read: Docstring) -> None:
    assert parse_docstring(text) == read


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "",
                "Args:",
                "  ",
                "    x: one",
                "      two",
                "y:",
                "\t",
                "Returns:",
                "::",
                "Parameters",
                "----",
                "x : int",
                ":param x: y",
                ":param:",
                "----:",
            ]
        )
    )
)
def test_no_docstring_is_an_error(lines: list[str]) -> None:
    parse_docstring("\n".join(lines))
