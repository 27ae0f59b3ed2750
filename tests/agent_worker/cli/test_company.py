"""With whom a terminal has a connection, and who begins: the rules of the page, row by row."""

import pytest

from agent_worker.cli.company import Company, takes_offer
from signaling.messages import Joined, Participant, ParticipantChanged, RoomInfo


def human(identity: str, sid: str = "s1", kind: str = "human") -> Participant:
    return Participant.model_validate({"identity": identity, "sid": sid, "kind": kind})


AGENT = human("agent-1", "a", "agent")


def entered(*people: Participant, kept: tuple[str, ...] = ()) -> Joined:
    room = RoomInfo(name="r", sid="R")
    return Joined(sid="m1", room=room, you=human("me", "m1"), participants=people, kept=kept)


def told(op: str, who: Participant, *, kept: bool | None = None) -> ParticipantChanged:
    return ParticipantChanged.model_validate({"op": op, "participant": who, "kept": kept})


def peers(company: Company) -> list[str]:
    return [
        f"{one.identity} {one.era} {'offers' if one.begins else 'waits'}"
        for one in sorted(company.wanted().values(), key=lambda one: one.identity)
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([entered(human("a"), AGENT)], ["a s1 offers", "agent-1 a offers"], id="newcomers offer to all"),
        pytest.param([entered(), told("joined", human("b"))], ["b s1 waits"], id="a newcomer is waited for"),
        pytest.param([entered(), told("joined", AGENT)], ["agent-1 a offers"], id="an agent never offers"),
        pytest.param(
            [entered(human("a")), told("left", human("a")), told("joined", human("a", "s2"))],
            ["a s2 waits"],
            id="who comes again is a newcomer",
        ),
        pytest.param(
            [entered(human("a", "s2")), told("left", human("a", "s1"))],
            ["a s2 offers"],
            id="the end of a session of before is old news",
        ),
        pytest.param(
            [entered(human("a")), entered(human("a", "s2"), kept=("a",))],
            ["a s1 offers"],
            id="both came back and the sound stands",
        ),
        pytest.param(
            [entered(human("a")), entered(human("a", "s2"))],
            ["a s2 offers"],
            id="both came back and the sound does not stand",
        ),
        pytest.param(
            [entered(human("a")), told("joined", human("a", "s2"), kept=True)],
            ["a s1 waits"],
            id="they came back and the sound stands",
        ),
        pytest.param([entered(human("caller-1"))], [], id="a caller has a way to the agent alone"),
        pytest.param([entered(human("w", kind="whip"))], [], id="nor has a sender"),
    ],
)
def test_with_whom_there_is_a_connection(events: list, expected: list[str]):
    company = Company()
    for event in events:
        company.enter(event) if isinstance(event, Joined) else company.receive(event)
    assert peers(company) == expected


def test_who_is_heard_stays_when_the_server_has_forgotten_them():
    company = Company()
    company.enter(entered(human("a"), AGENT))
    new, gone = company.enter(entered(), standing={"agent-1"})
    assert (new, [one.identity for one in gone]) == ([], ["a"])
    assert peers(company) == ["agent-1 a offers"]


def test_coming_and_going_is_told_once():
    company = Company()
    assert company.enter(entered(AGENT)) == ([AGENT], [])
    assert company.receive(told("updated", AGENT)) == ([], [])
    assert company.receive(told("joined", human("me", "m1"))) == ([], [])
    assert company.receive(told("joined", human("b"))) == ([human("b")], [])
    assert company.receive(told("left", human("b"))) == ([], [human("b")])
    assert company.receive(told("left", human("b"))) == ([], [])


def test_six_hear_each_other_and_the_seventh_the_agent_alone():
    company = Company()
    company.enter(entered(AGENT, *(human(f"p{number}") for number in range(6))))
    assert peers(company) == ["agent-1 a offers"]
    company.receive(told("left", human("p0")))
    assert len(company.wanted()) == 6


@pytest.mark.parametrize(
    ("known", "offering", "polite", "gen", "taken"),
    [
        (4, False, False, 5, True),
        (4, True, False, 5, True),
        (4, True, True, 3, False),
        (4, False, True, 4, False),
        (4, True, True, 4, True),
        (4, True, False, 4, False),
        (-1, False, False, 0, True),
    ],
)
def test_which_of_two_offers_holds(known: int, offering: bool, polite: bool, gen: int, taken: bool):
    assert takes_offer(gen, known=known, offering=offering, is_polite=polite) is taken
