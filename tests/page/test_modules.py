"""The page's pure modules, row by row, in the browser that runs them."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.page.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench(browser: Browser, server: Server) -> AsyncIterator[Page]:
    """A page without the page: its modules can be imported, nothing else goes on."""
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(f"{server.url}/healthz")
        yield page


AGENT = {"identity": "agent-1", "sid": "a", "kind": "agent", "name": "", "attributes": {"agent.state": "thinking"}}
JOINED = {"type": "joined", "room": {"name": "r"}, "me": {"identity": "me", "sid": "m1"}, "participants": []}
WITH_AGENT = [{"type": "join"}, {**JOINED, "participants": [AGENT]}]
TALKING = [*WITH_AGENT, {"type": "link", "identity": "agent-1", "state": "connected", "attempt": 1}]
LOST = {"type": "lost", "code": "server_away", "failures": 1, "retryAt": 5}

DERIVE = """async (events) => {
  const { EMPTY_PAGE, receive, phaseOf, agentStateOf, canType } = await import("/page.js");
  const { problemsOf } = await import("/problems.js");
  const page = events.reduce(receive, EMPTY_PAGE);
  return [phaseOf(page), agentStateOf(page), problemsOf(page).map(({ code }) => code), canType(page)];
}"""


@pytest.mark.parametrize(
    ("events", "phase", "state", "problems", "can_type"),
    [
        pytest.param([], "idle", "idle", [], False, id="nothing happened"),
        pytest.param([{"type": "nonsense"}], "idle", "idle", [], False, id="an unknown event"),
        pytest.param([{"type": "join"}], "joining", "connecting", [], False, id="join"),
        pytest.param([{"type": "join"}, LOST], "reconnecting", "reconnecting", ["server_away"], False, id="away"),
        pytest.param([{"type": "join"}, JOINED], "waiting", "connecting", [], False, id="nobody there"),
        pytest.param(
            [{"type": "join"}, JOINED, {"type": "overdue"}],
            "waiting",
            "connecting",
            ["nobody_called"],
            False,
            id="alone",
        ),
        pytest.param(
            [{"type": "join"}, JOINED, {"type": "dispatch", "op": "pending"}],
            "waiting",
            "connecting",
            [],
            False,
            id="a dispatch needs no word at once",
        ),
        pytest.param(
            [{"type": "join"}, JOINED, {"type": "dispatch", "op": "failed", "reason": "none"}],
            "waiting",
            "connecting",
            ["dispatch_failed"],
            False,
            id="dispatch failed",
        ),
        pytest.param(WITH_AGENT, "connecting", "connecting", [], True, id="an agent"),
        pytest.param(TALKING, "connected", "thinking", [], True, id="talking"),
        pytest.param(
            [*TALKING, {"type": "lost", "code": "server_away", "failures": 0}],
            "reconnecting",
            "reconnecting",
            [],
            False,
            id="a short loss needs no word",
        ),
        pytest.param(
            [*TALKING, LOST],
            "reconnecting",
            "reconnecting",
            ["server_lost_talking"],
            False,
            id="media outlive a server",
        ),
        pytest.param(
            [*TALKING, LOST, {"type": "opening"}],
            "reconnecting",
            "reconnecting",
            ["server_lost_talking"],
            False,
            id="a try is not yet a success",
        ),
        pytest.param(
            [*TALKING, LOST, JOINED],
            "connected",
            "thinking",
            ["back_room"],
            True,
            id="a server that forgot the agent",
        ),
        pytest.param(
            [*TALKING, LOST, {key: JOINED[key] for key in ("type", "room", "me")}],
            "connected",
            "thinking",
            ["back_room"],
            True,
            id="resumed without a list of who is there",
        ),
        pytest.param(
            [*TALKING, LOST, JOINED, {"type": "link", "identity": "agent-1", "state": "rebuilding", "attempt": 1}],
            "waiting",
            "connecting",
            ["back_room"],
            False,
            id="forgotten and gone",
        ),
        pytest.param(
            [*TALKING, {"type": "participant", "op": "left", "participant": AGENT}],
            "waiting",
            "connecting",
            ["agent_left"],
            False,
            id="the agent left",
        ),
        pytest.param(
            [*TALKING, {"type": "link", "identity": "agent-1", "state": "failed", "reason": "ice"}],
            "failed",
            "failed",
            ["call_failed"],
            True,
            id="no sound, but text",
        ),
        pytest.param(
            [*TALKING, {"type": "refused", "code": "removed"}], "failed", "failed", ["removed"], False, id="removed"
        ),
        pytest.param(
            [*TALKING, {"type": "microphone", "state": "microphone_gone"}, {"type": "leave"}],
            "idle",
            "idle",
            ["microphone_gone"],
            False,
            id="leaving keeps what is known of the microphone",
        ),
    ],
)
async def test_what_the_page_is_follows_from_what_happened(
    bench: Page, events: list[Any], phase: str, state: str, problems: list[str], can_type: bool
):
    assert await bench.evaluate(DERIVE, events) == [phase, state, problems, can_type]


@pytest.mark.parametrize(
    ("ending", "failures", "renewable", "verdict"),
    [
        ({"closeCode": 1006}, 0, True, "retry server_away resume"),
        ({"closeCode": 4409}, 0, True, "final duplicate_identity"),
        ({"closeCode": 4410}, 0, True, "final room_closed"),
        ({"closeCode": 4503}, 1, True, "retry no_capacity resume"),
        ({"closeCode": 4503, "code": "room_full"}, 1, True, "final room_full"),
        ({"closeCode": 4508}, 0, True, "retry slow_consumer resume"),
        ({"closeCode": 4512}, 0, True, "retry server_draining anew"),
        ({"closeCode": 4401, "code": "token_expired"}, 0, True, "retry token_expired resume"),
        ({"closeCode": 4401, "code": "token_expired"}, 2, True, "final token_expired"),
        ({"closeCode": 4401, "code": "token_expired"}, 0, False, "final token_expired"),
        ({"code": "maintenance", "action": "none"}, 0, True, "final maintenance"),
        ({"code": "maintenance", "action": "rejoin"}, 0, True, "retry maintenance anew"),
        ({"code": "server_draining", "action": "resume"}, 0, True, "retry server_draining anew"),
        ({"code": "internal", "action": "resume"}, 0, True, "retry internal resume"),
        ({"code": "room_closed", "action": "rejoin"}, 0, True, "retry room_closed anew"),
        ({"code": "removed", "action": "none"}, 0, True, "final removed"),
        ({"code": "server_away"}, 3, False, "retry server_away resume"),
    ],
)
async def test_what_the_end_of_a_connection_means(
    bench: Page, ending: dict[str, Any], failures: int, renewable: bool, verdict: str
):
    script = """async ([ending, failures, renewable]) => {
      const { verdictOf } = await import("/signaling.js");
      const { final, code, resume } = verdictOf(ending, failures, renewable);
      return final ? `final ${code}` : `retry ${code} ${resume ? "resume" : "anew"}`;
    }"""
    assert await bench.evaluate(script, [ending, failures, renewable]) == verdict


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
async def test_which_of_two_offers_holds(
    bench: Page, known: int, offering: bool, polite: bool, gen: int, taken: bool
):
    script = "async ([ours, gen]) => (await import('/links.js')).takesOffer(ours, gen)"
    assert await bench.evaluate(script, [{"gen": known, "offering": offering, "polite": polite}, gen]) is taken


PEERS = """async (events) => {
  const { EMPTY_PAGE, receive } = await import("/page.js");
  const { peersOf, unheardOf } = await import("/people.js");
  const page = events.reduce(receive, EMPTY_PAGE);
  const peers = peersOf(page).map(({ identity, era, offers, away }) =>
    `${identity} ${era} ${offers ? "offers" : "waits"}${away ? " away" : ""}`);
  return [peers, unheardOf(page).map(({ identity }) => identity)];
}"""


def human(identity: str, sid: str = "s1", **facts: Any) -> dict[str, Any]:
    return {"identity": identity, "sid": sid, "kind": "human", "name": "", "attributes": {}, **facts}


def entered(*people: dict[str, Any], sid: str = "m1", kept: tuple[str, ...] = ()) -> dict[str, Any]:
    me = {"identity": "me", "sid": sid, "kind": "human"}
    return {"type": "joined", "room": {"name": "r"}, "me": me, "participants": list(people), "kept": list(kept)}


def told(op: str, who: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"type": "participant", "op": op, "participant": who, **facts}


def linked(identity: str, state: str = "connected") -> dict[str, Any]:
    return {"type": "link", "identity": identity, "state": state, "attempt": 1}


@pytest.mark.parametrize(
    ("events", "peers"),
    [
        pytest.param(
            [entered(human("a"), AGENT)], ["agent-1 a offers", "a s1 offers"], id="a newcomer offers to all"
        ),
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
            [entered(human("a")), linked("a"), entered(human("a", "s2"), sid="m2", kept=("a",))],
            ["a s1 offers"],
            id="both came back and the sound stands",
        ),
        pytest.param(
            [entered(human("a")), linked("a"), entered(human("a", "s2"), sid="m2")],
            ["a s2 offers"],
            id="both came back and the sound does not stand",
        ),
        pytest.param(
            [entered(human("a")), linked("a"), entered(sid="m2")],
            ["a s1 offers away"],
            id="a server that forgot them",
        ),
        pytest.param(
            [
                entered(human("a")),
                linked("a"),
                entered(sid="m2"),
                told("joined", human("a", "s2"), kept=True),
            ],
            ["a s1 waits"],
            id="they came back after us",
        ),
        pytest.param(
            [entered(human("a")), linked("a"), entered(sid="m2"), linked("a", "rebuilding")],
            [],
            id="a server that forgot them, and no sound",
        ),
        pytest.param(
            [entered(human("a")), entered(human("a"), human("b"))],
            ["a s1 offers", "b s1 waits"],
            id="resumed: who came meanwhile came after us",
        ),
        pytest.param(
            [entered(human("9"), human("1"))], ["9 s1 offers", "1 s1 offers"], id="names that look like numbers"
        ),
        pytest.param([entered(human("caller-1"))], [], id="a caller has a way to the agent alone"),
        pytest.param([entered(human("a")), {"type": "refused", "code": "removed"}], [], id="nobody after a refusal"),
    ],
)
async def test_with_whom_there_is_a_connection_and_who_begins(bench: Page, events: list[Any], peers: list[str]):
    assert (await bench.evaluate(PEERS, [{"type": "join"}, *events]))[0] == peers


async def test_all_pages_agree_on_the_six_who_hear_each_other(bench: Page):
    names = [f"p{number}" for number in range(8)]
    hear: dict[str, set[str]] = {}
    for number, name in enumerate(names):
        before = [human(other) for other in names[:number]]
        after = [told("joined", human(other)) for other in names[number + 1 :]]
        me = {**entered(*before), "me": human(name)}
        peers, unheard = await bench.evaluate(PEERS, [{"type": "join"}, me, *after])
        hear[name] = {peer.split()[0] for peer in peers}
        assert hear[name] | set(unheard) == set(names) - {name}
    assert all(hear[name] == set(names[:6]) - {name} for name in names[:6])
    assert hear["p6"] == hear["p7"] == set()


async def test_the_numbers_of_a_connection(bench: Page):
    script = """async ([first, second]) => {
      const { summarise } = await import("/statistics.js");
      const { counted, ...facts } = summarise(second, summarise(first, null));
      return [facts, summarise([], null)];
    }"""

    def reports(received: int, lost: int, samples: int, concealed: int, silent: int) -> list[dict[str, Any]]:
        sound = {"packetsReceived": received, "packetsLost": lost, "jitter": 0.004, "totalSamplesReceived": samples}
        sound |= {"concealedSamples": concealed, "silentConcealedSamples": silent, "audioLevel": 0.1}
        sound |= {"jitterBufferDelay": 0.04 * samples, "jitterBufferEmittedCount": samples}
        return [
            {"id": "T", "type": "transport", "selectedCandidatePairId": "P"},
            {"id": "P", "type": "candidate-pair", "currentRoundTripTime": 0.03, "localCandidateId": "L"},
            {"id": "L", "type": "local-candidate", "candidateType": "relay"},
            {"id": "S", "type": "inbound-rtp", "kind": "audio", **sound},
        ]

    first, second = reports(1000, 0, 48_000, 0, 0), reports(1090, 10, 96_000, 5800, 1000)
    facts, nothing = await bench.evaluate(script, [first, second])
    assert facts.pop("delay") == pytest.approx(0.015 + 0.04)
    assert facts == {"varies": 0.004, "lost": 0.1, "concealed": 0.1, "level": -20, "way": "relay"}
    assert {nothing[key] for key in ("delay", "varies", "lost", "concealed", "level", "way")} == {None}


def told_by_agent(*, lost: int = 0, concealed: int = 0, late: int = 0, received: int = 1000) -> dict[str, Any]:
    """An answer to agent.statistics, as far as the page reads it."""
    packets = {
        "received": received,
        "lost": lost,
        "concealed": concealed,
        "late": late,
        "jitter": 0.002,
        "lag": 0.005,
    }
    return {
        "playout": {"buffered_seconds": 2.54, "level": -23.4, "holds": 2, "drops": 1, "starvations": 0},
        "speeches": {"waiting": 1, "begun": 1},
        "model": {"losses": 0},
        "room": {
            "voice": {"skipped": 3},
            "slots": {"worst": 0.0071},
            "humans": {
                "ada": {
                    "transport": {"round_trip": 0.03},
                    "voice": {"packets": packets, "level": -80.0, "queued": 1},
                },
                "new": {"transport": {}, "voice": None},
            },
        },
    }


SUMMARISE_AGENT = """async ([first, second]) => {
  const { summariseAgent } = await import("/agent-statistics.js");
  const { DETAILS } = await import("/details-words.js");
  const agent = summariseAgent(second, summariseAgent(first, null));
  const shown = agent?.hears.map(({ identity, delay, varies, lost, concealed, late, level }) => [
    identity, DETAILS.delay(delay, varies), DETAILS.percent(lost), DETAILS.percent(concealed), DETAILS.percent(late),
    DETAILS.level(level)]);
  return agent && [shown, Object.fromEntries(DETAILS.voice(agent.voice))];
}"""


async def test_what_an_agent_counts_of_itself(bench: Page):
    first, second = told_by_agent(), told_by_agent(received=1090, lost=10, concealed=5, late=1)
    heard, voice = await bench.evaluate(SUMMARISE_AGENT, [first, second])
    assert heard == [["ada", "40 ± 2 ms", "10.0 %", "5.0 %", "1.0 %", "silent"]]
    assert voice == {
        "Level": "-23 dB",
        "Still to be said": "2.5 s",
        "Speeches in line": "1",
        "Paused for a voice": "2 times",
        "Interrupted": "once",
        "Waited for the model": "0 times",
        "Left out by stalls": "0.06 s",
        "Late by at most": "7 ms",
        "Model lost and found": "0 times",
    }


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (None, None),
        ("nonsense", None),
        ({"room": None}, None),
        ({"room": {}}, [[], {}]),
        (
            {"room": {"humans": {"ada": {"voice": {}}}, "voice": {"skipped": "many"}}},
            [[["ada", "–", "–", "–", "–", "–"]], {}],
        ),
    ],
)
async def test_what_an_agent_of_another_make_tells_breaks_nothing(bench: Page, told: Any, shown: Any):
    assert await bench.evaluate(SUMMARISE_AGENT, [told, told]) == shown


@pytest.mark.parametrize(
    ("claims", "rules"),
    [({"grants": {"admin": True}}, True), ({"grants": {"join": True}}, False), ({}, False), (None, False)],
)
async def test_who_may_rule_a_room_is_read_from_the_token(bench: Page, claims: dict[str, Any] | None, rules: bool):
    body = "no.token" if claims is None else base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
    script = """async (token) => {
      const { Tokens } = await import("/token.js");
      const tokens = new Tokens({ invitation: token, request: null });
      const before = tokens.rules;
      await tokens.take();
      return [before, tokens.rules];
    }"""
    assert await bench.evaluate(script, f"e30.{body.rstrip('=')}.sig") == [False, rules]


async def test_tries_come_slower_and_a_server_is_obeyed_that_asks_for_time(bench: Page):
    script = """async () => {
      const { verdictOf } = await import("/signaling.js");
      const pauses = [0, 1, 2, 3, 4, 9].map((failures) => verdictOf({ closeCode: 1006 }, failures, true).delayMs);
      return [...pauses, verdictOf({ code: "rate_limited", retryAfterMs: 7000 }, 0, true).delayMs];
    }"""
    assert await bench.evaluate(script) == [300, 1000, 2000, 3000, 5000, 5000, 7000]


LINES = """async (steps) => {
  const { Transcript } = await import("/transcript.js");
  const transcript = new Transcript();
  const shown = new Map();
  steps.forEach((step, index) => {
    const changes = step.op ? transcript.stream(step) : transcript.event(step, 1000 * index);
    for (const { op, line } of changes) op === "remove" ? shown.delete(line.id) : shown.set(line.id, line);
  });
  const text = ({ text, mark, seconds }) => text ?? `<${mark}${seconds ? " " + seconds : ""}>`;
  return [...shown.values()].map((line) => `${line.role}: ${line.parts.map(text).join("")}${line.open ? "_" : ""}`);
}"""


def opened(sid: str, role: str) -> dict[str, Any]:
    return {"op": "open", "sid": sid, "topic": "transcription", "attributes": {"role": role}}


def chunk(sid: str, text: str) -> dict[str, Any]:
    return {"op": "chunk", "sid": sid, "text": text}


def closed(sid: str, **attributes: str) -> dict[str, Any]:
    return {"op": "close", "sid": sid, "attributes": attributes}


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        pytest.param([chunk("x", "lost")], [], id="a piece of an unknown stream"),
        pytest.param([opened("a", "agent"), opened("a", "agent")], ["agent: _"], id="opened twice"),
        pytest.param([{"op": "open", "sid": "a", "topic": "else"}, chunk("a", "x")], [], id="another topic"),
        pytest.param(
            [opened("a", "agent"), chunk("a", "one"), {"type": "held"}, chunk("a", " two"), {"type": "resumed"}],
            ["agent: one two<resumed 2>_"],
            id="words during a hold were spoken before it",
        ),
        pytest.param(
            [opened("a", "agent"), chunk("a", "one"), closed("a", interrupted="true"), {"type": "interrupted"}],
            ["agent: one<interrupted>"],
            id="an interruption told twice is one",
        ),
        pytest.param(
            [opened("a", "agent"), chunk("a", "one"), {"type": "interrupted"}, chunk("a", " two"), closed("a")],
            ["agent: one two<interrupted>"],
            id="a mark of the end stays at the end",
        ),
        pytest.param(
            [opened("a", "agent"), closed("a", interrupted="true")],
            [],
            id="nothing was heard, nothing was interrupted",
        ),
        pytest.param([{"type": "interrupted"}], [], id="an interruption of nothing"),
        pytest.param([{"type": "resumed"}], [], id="a resumption of nothing"),
        pytest.param(
            [{"type": "held"}, {"type": "held"}, {"type": "resumed", "held_seconds": 0.5}],
            ["note: <resumed 0.5>"],
            id="a hold before the first word",
        ),
        pytest.param([{"type": "held"}, {"type": "interrupted"}], [], id="cut before the first word"),
        pytest.param(
            [opened("a", "agent"), chunk("a", "one"), {"type": "held"}, {"type": "resumed"}, {"type": "held"}],
            ["agent: one<resumed 1><held>_"],
            id="two holds",
        ),
    ],
)
async def test_lines_grow_and_are_marked(bench: Page, steps: list[Any], lines: list[str]):
    assert await bench.evaluate(LINES, steps) == lines


async def test_a_line_goes_on_after_the_room_was_away(bench: Page):
    script = """async () => {
      const { Transcript } = await import("/transcript.js");
      const transcript = new Transcript();
      const begun = { op: "open", topic: "transcription", attributes: { role: "agent" } };
      const open = (sid) => transcript.stream({ ...begun, sid });
      open("a");
      transcript.stream({ op: "chunk", sid: "a", text: "One" });
      open("b");
      const told = transcript.suspend().map(({ op, line }) => `${op} ${line.open}`);
      const [{ line }] = transcript.stream({ op: "chunk", sid: "a", text: " two" });
      return [told, line.parts, line.open, transcript.stream({ op: "chunk", sid: "b", text: "lost" })];
    }"""
    expected = [["change false", "remove false"], [{"text": "One two"}], True, []]
    assert await bench.evaluate(script) == expected


async def test_a_long_conversation_keeps_its_last_lines(bench: Page):
    script = """async () => {
      const { Transcript } = await import("/transcript.js");
      const transcript = new Transcript();
      let count = 0;
      for (let i = 0; i < 600; i += 1) {
        for (const { op } of transcript.note("presence", String(i))) count += op === "add" ? 1 : -1;
      }
      return count;
    }"""
    assert await bench.evaluate(script) == 500


@pytest.mark.parametrize(
    ("typed", "name"),
    [("  my room ", "my-room"), ("a@b:c_d.e-f", "a@b:c_d.e-f"), ("", None), ("a/b", None), ("x" * 129, None)],
)
async def test_a_room_is_named_as_the_server_takes_it(bench: Page, typed: str, name: str | None):
    script = "async (typed) => (await import('/room-name.js')).roomName(typed)"
    assert await bench.evaluate(script, typed) == name


async def test_every_problem_has_words_and_every_action_is_known(bench: Page):
    script = """async () => {
      const { PROBLEMS, problemWords } = await import("/words.js");
      const people = new Set(["people_without_sound", "mesh_full"]);
      return Object.keys(PROBLEMS).map((code) => {
        const detail = people.has(code) ? ["Ada", ""] : "because";
        const { tone, title, text, actions } = problemWords({ code, detail });
        return [tone, title, text, actions.map(({ name }) => name)];
      });
    }"""
    known = {
        "retry",
        "retry_now",
        "leave",
        "microphone",
        "without_microphone",
        "sound",
        "reload",
        "unmute",
        "stay_muted",
    }
    problems = await bench.evaluate(script)
    assert len(problems) > 25
    for tone, title, text, actions in problems:
        assert tone in {"alert", "calm"}
        assert title
        assert text
        assert "undefined" not in text
        assert set(actions) <= known
