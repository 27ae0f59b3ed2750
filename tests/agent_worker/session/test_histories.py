"""The history and the model's copy of it are kept equal, whatever happens to what the agent says (R-1 to R-5)."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent_worker import Agent, function_tool
from agent_worker.history.items import Message, Role
from agent_worker.realtime import base as rt
from agent_worker.testing import ScriptedModel, ScriptedReply
from tests.agent_worker.session.play import WORDS, FakeSynthesiser, Stage, loud, play

UNNAMED = "committed, and not named yet"


class RememberingModel(ScriptedModel):
    """A scripted model with a history in its own order, as real ones have."""

    def __init__(self, **script: object) -> None:
        super().__init__(**script)
        self.items: list[str] = []
        self.heard_ms: dict[str, int] = {}

    @asynccontextmanager
    async def connect(self, settings, history=tuple) -> AsyncGenerator[rt.RealtimeConnection, None]:
        async with super().connect(settings, history) as connection:
            yield _Remembering(connection, self)

    def receive(self, command: rt.RealtimeCommand) -> None:
        match command:
            case rt.CommitAudio():
                self.items.append(UNNAMED)
            case rt.CreateItem(item=item, previous_item_id=previous):
                place = len(self.items) if previous is None else 0
                if previous not in {None, "root"}:
                    place = self.items.index(previous) + 1
                self.items.insert(place, item.id)
            case rt.DeleteItem(item_id):
                self.items.remove(item_id)
            case rt.TruncateItem(item_id=item_id, audio_end_ms=audio_end_ms):
                assert item_id in self.items
                self.heard_ms[item_id] = audio_end_ms
            case _:
                pass

    def tell(self, event: rt.RealtimeEvent) -> None:
        match event:
            case rt.InputCommitted(item_id):
                self.items[self.items.index(UNNAMED)] = item_id
            case rt.OutputItemStarted(item_id=item_id) | rt.FunctionCallReady(item_id=item_id):
                self.items.append(item_id)
            case _:
                pass


class _Remembering:
    def __init__(self, connection: rt.RealtimeConnection, model: RememberingModel) -> None:
        self._connection = connection
        self._model = model
        self.capabilities = connection.capabilities

    def send(self, command: rt.RealtimeCommand) -> None:
        self._model.receive(command)
        self._connection.send(command)

    async def events(self) -> AsyncIterator[rt.RealtimeEvent]:
        async for event in self._connection.events():
            self._model.tell(event)
            yield event


class Clerk(Agent):
    @function_tool
    async def lookup(self) -> str:
        """Look it up."""
        await asyncio.sleep(0.7)
        return "found"


REPLIES = (
    ScriptedReply(WORDS),
    ScriptedReply(WORDS, ends=False),
    ScriptedReply("one two three"),
    ScriptedReply("Let me see", calls=(("lookup", "{}"),)),
)
STEPS = st.one_of(
    st.tuples(st.just("voice"), st.sampled_from((0.1, 0.2, 0.4, 0.6, 1.0, 2.0))),
    st.tuples(st.just("reply"), st.none()),
    st.tuples(st.just("say"), st.booleans()),
    st.tuples(st.just("type"), st.none()),
    st.tuples(st.just("interrupt"), st.none()),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    replies=st.lists(st.sampled_from(REPLIES), max_size=6),
    heard=st.lists(st.sampled_from(("Stop it", "mm-hm", "", "Tell me more")), max_size=6),
    steps=st.lists(st.tuples(st.sampled_from((0.02, 0.3, 0.7, 1.5, 4.0)), STEPS), min_size=1, max_size=8),
)
# A tool that is faster than a voice that is held; and a text typed before the first sample of such a reply.
@example(REPLIES[3:], [], [(0.02, ("voice", 0.1)), (0.02, ("voice", 0.1)), (0.02, ("reply", None))])
@example(REPLIES[3:], [], [(0.02, ("reply", None)), (0.02, ("type", None))])
def test_both_histories_hold_the_same_in_the_same_order(replies: list, heard: list, steps: list):
    model = RememberingModel(replies=replies, heard=heard)

    async def script(stage: Stage) -> None:
        for pause, (what, how) in steps:
            await asyncio.sleep(pause)
            match what:
                case "voice":
                    stage.human.say(loud(how))
                case "reply":
                    stage.session.generate_reply()
                case "say":
                    stage.session.say(WORDS, allow_interruptions=how)
                case "type":
                    stage.human.type("Well?")
                case _:
                    if stage.session.agent_state != "speaking":
                        stage.session.interrupt(force=True)
        await asyncio.sleep(5.0)
        await stage.session.interrupt(force=True)
        await asyncio.sleep(20.0)

    stage = play(script, model, Clerk(), synthesiser=FakeSynthesiser())
    ours = [item.id for item in stage.session.history]
    # What was cut before its first word was half heard has no words; the model keeps those milliseconds of sound.
    wordless = {item_id for item_id, heard_ms in model.heard_ms.items() if heard_ms < 300}
    assert [item_id for item_id in model.items if item_id in ours or item_id not in wordless] == ours
    for item in stage.session.history:
        if isinstance(item, Message) and item.role is Role.ASSISTANT and item.id in model.heard_ms:
            assert abs(len(item.text.split()) - model.heard_ms[item.id] / 300) <= 0.6
