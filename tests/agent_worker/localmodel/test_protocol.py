"""The protocol of one session in virtual time: events in, events and orders out."""

import json
from base64 import b64decode, b64encode
from typing import Any, TypeVar

import pytest

from agent_worker.cascade.base import TimedWord
from agent_worker.localmodel import settings
from agent_worker.localmodel.actions import (
    Action,
    AskPartial,
    BinaryReceived,
    Close,
    DetectVoice,
    DropUtterance,
    FinishUtterance,
    FrameReceived,
    Happening,
    Hear,
    HearItem,
    Hush,
    OpenUtterance,
    PartialHeard,
    PlanMade,
    Send,
    Speak,
    SpeechFailed,
    SpeechFinished,
    SpeechMade,
    Think,
    UtteranceHeard,
    UtteranceLost,
    VoiceJudged,
)
from agent_worker.localmodel.dialogue import (
    AgentLine,
    Call,
    ForgetReminders,
    Pause,
    Remind,
    Say,
    Step,
    Topic,
    UserLine,
)
from agent_worker.localmodel.names import Names
from agent_worker.localmodel.protocol import Protocol

Json = dict[str, Any]
COUNTED = Say("one two three four", topic=Topic.COUNT)
SECOND = 48_000
"""Bytes of audio."""
MANUAL = {"input": {"turn_detection": None, "transcription": {"model": "any"}}}
A = TypeVar("A")


class Session:
    """A client's view of a protocol, with all that it ordered so far."""

    def __init__(self, *, manual: bool = True, hears: bool = True, intent: str | None = None) -> None:
        self.now = 100.0
        session = settings.begun("sess_5eed", intent=intent, model="m", wall=1_800_000_000)
        self.protocol = Protocol(Names("5eed"), session=session, hears=hears, now=self.now)
        self.actions: list[Action] = []
        self.partial: str | None = ""
        """What the recogniser says of an utterance so far, at once; None: it says nothing."""
        self.new = self._take(self.protocol.open())
        if manual:
            self.send("session.update", session={"type": "realtime", "audio": MANUAL})

    def _take(self, actions: list[Action]) -> list[Action]:
        self.actions += actions
        self.new = actions
        return actions

    def send(self, kind: str, **fields: Any) -> list[Json]:
        """Send an event; give the events that come back."""
        return self.happen(FrameReceived(json.dumps({"type": kind, **fields})))

    def happen(self, happening: Happening) -> list[Json]:
        actions = self.protocol.receive(happening, self.now)
        for asked in [action for action in actions if isinstance(action, AskPartial)]:
            if self.partial is not None:
                said = PartialHeard(item_id=asked.item_id, text=self.partial)
                actions = [*actions, *self.protocol.receive(said, self.now)]
        self._take(actions)
        return self.events

    def wait(self, seconds: float) -> list[Json]:
        self.now += seconds
        self._take(self.protocol.advance(self.now))
        return self.events

    @property
    def events(self) -> list[Json]:
        """The newest events."""
        return [action.event for action in self.new if isinstance(action, Send)]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def orders(self, kind: type[A]) -> list[A]:
        """The newest orders of this kind."""
        return [action for action in self.new if isinstance(action, kind)]

    def append(self, size: int) -> None:
        self.send("input_audio_buffer.append", audio=b64encode(bytes(size)).decode())

    def say(self, text: str) -> str:
        """A spoken turn, committed and understood; gives its item's id."""
        self.append(SECOND)
        item_id: str = self.send("input_audio_buffer.commit")[0]["item_id"]
        self.happen(UtteranceHeard(item_id=item_id, text=text))
        return item_id

    def create(self, **response: Any) -> str:
        """Ask for a response; gives its id."""
        created = self.send("response.create", response=response)[0]
        assert created["type"] == "response.created", created
        response_id: str = created["response"]["id"]
        return response_id

    def plan(self, response_id: str, *plan: Step) -> list[Json]:
        return self.happen(PlanMade(response_id=response_id, plan=plan))

    def speech(self, response_id: str, milliseconds: int, *words: tuple[str, int]) -> list[Json]:
        timed = tuple(TimedWord(text=text, start_ms=start) for text, start in words)
        return self.happen(SpeechMade(response_id=response_id, pcm=bytes(48 * milliseconds), words=timed))

    def error(self, kind: str, **fields: Any) -> Json:
        """Send something that is refused; give the error."""
        events = self.send(kind, event_id="mine", **fields)
        assert [event["type"] for event in events] == ["error"], events
        assert events[0]["error"]["event_id"] == "mine"
        error: Json = events[0]["error"]
        return error


def test_a_session_begins_with_itself() -> None:
    session = Session(manual=False)
    (created,) = session.events
    assert created["type"] == "session.created"
    assert created["session"]["id"] == "sess_5eed"
    assert created["session"]["expires_at"] == 1_800_003_600
    assert session.orders(DetectVoice) == [DetectVoice(True)]


def test_every_event_has_an_id_of_its_own() -> None:
    session = Session()
    session.say("hello")
    ids = [action.event["event_id"] for action in session.actions if isinstance(action, Send)]
    assert len(ids) == len(set(ids))
    assert all(len(event_id) <= 32 for event_id in ids)


def test_bad_frames_are_errors_and_nothing_else_happens() -> None:
    session = Session()
    assert session.happen(FrameReceived("{"))[0]["error"] == {
        "type": "invalid_request_error",
        "code": "invalid_json",
        "message": "The frame is not a JSON object.",
        "param": None,
        "event_id": None,
    }
    assert session.happen(BinaryReceived())[0]["error"]["code"] == "invalid_event"
    assert session.error("response.make")["code"] == "invalid_value"
    assert session.error("output_audio_buffer.clear")["param"] == "type"
    assert session.error("session.update", session={})["message"] == "Missing required parameter: 'session.type'."
    assert session.send("session.update", session={"type": "realtime"})[0]["type"] == "session.updated"


# The user's audio, by hand. ------------------------------------------------------------------------------------


def test_appended_audio_is_heard_while_it_comes() -> None:
    session = Session()
    session.append(4800)
    (opened,) = session.orders(OpenUtterance)
    assert opened.start == 0
    assert session.orders(Hear) == [Hear(bytes(4800))]
    session.append(4800)
    assert [type(action) for action in session.new] == [Hear]
    session.append(0)
    assert session.new == []


def test_a_commit_makes_an_item_and_its_transcript_follows() -> None:
    session = Session()
    session.append(4800)
    (opened,) = session.orders(OpenUtterance)
    committed, added, done = session.send("input_audio_buffer.commit")
    assert committed["item_id"] == opened.item_id
    assert committed["previous_item_id"] is None
    item = {
        "id": opened.item_id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }
    assert (added["type"], added["item"], added["previous_item_id"]) == ("conversation.item.added", item, None)
    assert (done["type"], done["item"]) == ("conversation.item.done", item)
    assert session.orders(FinishUtterance) == [FinishUtterance(opened.item_id)]
    delta, completed = session.happen(UtteranceHeard(item_id=opened.item_id, text="hello there"))
    assert (delta["delta"], delta["item_id"]) == ("hello there", opened.item_id)
    assert completed["transcript"] == "hello there"
    assert completed["usage"] == {"type": "duration", "seconds": 0.1}
    session.append(SECOND)
    assert session.orders(OpenUtterance)[0].start == 2400
    assert session.send("input_audio_buffer.commit")[0]["previous_item_id"] == opened.item_id


def test_what_was_not_understood_has_an_empty_transcript() -> None:
    session = Session()
    session.append(SECOND)
    item_id = session.send("input_audio_buffer.commit")[0]["item_id"]
    (completed,) = session.happen(UtteranceHeard(item_id=item_id, text=""))
    assert completed["transcript"] == ""


def test_nobody_who_did_not_ask_gets_transcripts() -> None:
    session = Session()
    session.send("session.update", session={"type": "realtime", "audio": {"input": {"transcription": None}}})
    session.append(SECOND)
    item_id = session.send("input_audio_buffer.commit")[0]["item_id"]
    assert session.happen(UtteranceHeard(item_id=item_id, text="hello")) == []
    assert session.protocol.conversation.lines() == (UserLine("hello"),)


@pytest.mark.parametrize(("size", "there"), [(0, "0.00"), (4798, "99.96")])
def test_too_little_audio_is_no_turn(size: int, there: str) -> None:
    session = Session()
    session.append(size)
    error = session.error("input_audio_buffer.commit")
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["message"].endswith(f"Expected at least 100ms of audio, but buffer only has {there}ms of audio.")


def test_a_cleared_buffer_was_nothing() -> None:
    session = Session()
    session.append(SECOND)
    assert [event["type"] for event in session.send("input_audio_buffer.clear")] == ["input_audio_buffer.cleared"]
    assert session.orders(DropUtterance) == [DropUtterance()]
    assert session.error("input_audio_buffer.commit")["code"] == "input_audio_buffer_commit_empty"
    session.append(SECOND)
    assert session.orders(OpenUtterance)[0].start == 24_000


def test_bad_audio_is_refused() -> None:
    session = Session()
    assert session.error("input_audio_buffer.append", audio="###")["param"] == "audio"


def test_a_recogniser_that_hangs_is_given_up() -> None:
    session = Session()
    session.append(SECOND)
    item_id = session.send("input_audio_buffer.commit")[0]["item_id"]
    response_id = session.create()
    assert session.protocol.deadline == session.now + 5.0
    assert session.wait(4.9) == []
    (failed,) = session.wait(0.1)
    assert failed["type"] == "conversation.item.input_audio_transcription.failed"
    assert failed["item_id"] == item_id
    assert [think.response_id for think in session.orders(Think)] == [response_id]
    assert session.happen(UtteranceHeard(item_id=item_id, text="late")) == []


def test_without_a_recogniser_transcription_fails_and_the_brain_knows() -> None:
    session = Session(hears=False)
    session.append(SECOND)
    item_id = session.send("input_audio_buffer.commit")[0]["item_id"]
    session.create()
    (failed,) = session.happen(UtteranceLost(item_id=item_id, message="none"))
    assert failed["error"]["message"] == "none"
    assert session.orders(Think)[0].situation.hears is False


# Items. --------------------------------------------------------------------------------------------------------


def test_a_client_puts_items_in_and_takes_them_out() -> None:
    session = Session()
    text = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    added, done = session.send("conversation.item.create", item={"id": "a", **text})
    assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
    assert added["item"]["content"] == text["content"]
    assert added["previous_item_id"] is None
    output = {"id": "b", "type": "function_call_output", "call_id": "c1", "output": "42"}
    assert session.send("conversation.item.create", item=output)[0]["previous_item_id"] == "a"
    call = {"id": "c", "type": "function_call", "name": "f", "arguments": "{}"}
    assert session.send("conversation.item.create", item=call, previous_item_id="a")[0]["previous_item_id"] == "a"
    spoken = {"id": "d", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "yes"}]}
    assert (
        session.send("conversation.item.create", item=spoken, previous_item_id="root")[0]["previous_item_id"] is None
    )
    assert session.send("conversation.item.retrieve", item_id="d")[0]["item"]["content"] == spoken["content"]
    assert session.send("conversation.item.delete", item_id="a")[0] == {
        "event_id": session.events[0]["event_id"],
        "type": "conversation.item.deleted",
        "item_id": "a",
    }
    generated = session.send("conversation.item.create", item=text)[0]["item"]["id"]
    assert generated.startswith("item_")


def test_an_image_stays_in_the_history() -> None:
    session = Session()
    picture = {"type": "input_image", "image_url": "data:image/png;base64,xx", "detail": "low"}
    item = {"id": "a", "type": "message", "role": "user", "content": [picture]}
    assert session.send("conversation.item.create", item=item)[0]["item"]["content"] == [picture]
    assert session.protocol.conversation.lines() == (UserLine("", typed=True, shown=True),)


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        ("conversation.item.delete", {"item_id": "x"}, "item_delete_invalid_item_id"),
        ("conversation.item.retrieve", {"item_id": "x"}, "item_retrieve_invalid_item_id"),
        ("conversation.item.truncate", {"item_id": "x", "audio_end_ms": 1}, "item_truncate_invalid_item_id"),
        ("response.cancel", {}, "response_cancel_not_active"),
        ("response.cancel", {"response_id": "x"}, "response_cancel_not_active"),
    ],
)
def test_what_is_not_there_is_refused(kind: str, fields: Json, code: str) -> None:
    assert Session().error(kind, **fields)["code"] == code


# Responses. ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "metadata", [{"k" * 65: "v"}, {"k": "v" * 513}, {f"k{number}": "v" for number in range(17)}, {"k": 1}]
)
def test_metadata_has_its_limits(metadata: Json) -> None:
    error = Session().error("response.create", response={"metadata": metadata})
    assert error["code"] == "invalid_value"
    assert error["param"].startswith("response.metadata")
    assert len(error["param"]) < 120


def test_metadata_at_its_limits_is_echoed() -> None:
    metadata = {f"{number:064}": "v" * 512 for number in range(16)}
    session = Session()
    session.create(metadata=metadata)
    assert session.events[0]["response"]["metadata"] == metadata


def test_a_spoken_response_comes_in_order() -> None:
    session = Session()
    user = session.say("what time is it")
    response_id = session.create(metadata={"request_id": "r1"})
    (created,) = session.events
    assert created["response"]["status"] == "in_progress"
    assert created["response"]["metadata"] == {"request_id": "r1"}
    assert created["response"]["usage"] is None
    (think,) = session.orders(Think)
    assert think.situation.history == (UserLine("what time is it"),)
    output_added, item_added, part_added = session.plan(response_id, Say("It is noon."))
    item_id = output_added["item"]["id"]
    assert (output_added["type"], output_added["output_index"]) == ("response.output_item.added", 0)
    assert (output_added["item"]["status"], output_added["item"]["content"]) == ("in_progress", [])
    assert (item_added["type"], item_added["previous_item_id"]) == ("conversation.item.added", user)
    assert item_added["item"] == output_added["item"]
    assert (part_added["type"], part_added["part"]) == (
        "response.content_part.added",
        {"type": "audio", "transcript": ""},
    )
    assert session.orders(Speak) == [Speak(response_id=response_id, text="It is noon.", voice="alloy", speed=1.0)]
    first, second, sound = session.speech(response_id, 100, ("It", 0), ("is", 60))
    assert [(each["delta"], each["audio_start_ms"]) for each in (first, second)] == [("It", 0), (" is", 60)]
    assert (sound["type"], len(b64decode(sound["delta"]))) == ("response.output_audio.delta", 4800)
    assert {each["item_id"] for each in (first, second, sound)} == {item_id}
    session.speech(response_id, 400, ("noon.", 150))
    session.happen(SpeechFinished(response_id))
    assert session.types == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    _, transcript, part, item, output, done, _ = session.events
    assert transcript["transcript"] == "It is noon."
    assert part["part"] == {"type": "audio", "transcript": "It is noon."}
    assert item["item"] == output["item"] == done["response"]["output"][0]
    assert item["item"]["content"] == [{"type": "output_audio", "transcript": "It is noon."}]
    assert (item["item"]["status"], item["previous_item_id"]) == ("completed", user)
    assert done["response"]["status"] == "completed"
    assert done["response"]["metadata"] == {"request_id": "r1"}
    usage = done["response"]["usage"]
    assert usage["input_tokens"] == sum(
        usage["input_token_details"][kind] for kind in ("text_tokens", "audio_tokens")
    )
    assert usage["output_token_details"] == {"text_tokens": 2, "audio_tokens": 10}
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_tool_call_comes_in_order() -> None:
    session = Session()
    session.say("what time is it")
    response_id = session.create()
    session.plan(response_id, Call("get_time", {"zone": "utc"}))
    assert session.types == [
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    added, _, _, arguments, _, output, done, _ = session.events
    assert (added["item"]["arguments"], added["item"]["status"]) == ("", "in_progress")
    assert (arguments["name"], json.loads(arguments["arguments"])) == ("get_time", {"zone": "utc"})
    assert arguments["call_id"] == output["item"]["call_id"]
    assert len(arguments["call_id"]) <= 32
    assert output["item"]["arguments"] == arguments["arguments"]
    assert done["response"]["output"] == [output["item"]]


def test_words_then_a_call_are_two_items_of_one_response() -> None:
    session = Session()
    response_id = session.create()
    session.plan(response_id, Say("One moment."), Call("slow", {}), Say("Yes."))
    assert len(session.orders(Speak)) == 1
    session.speech(response_id, 100, ("One", 0), ("moment.", 50))
    events = session.happen(SpeechFinished(response_id))
    assert "response.done" not in session.types
    assert [speak.text for speak in session.orders(Speak)] == ["Yes."]
    assert {event["output_index"] for event in events if "output_index" in event} == {0, 1, 2}
    session.speech(response_id, 100, ("Yes.", 0))
    session.happen(SpeechFinished(response_id))
    done = next(event for event in session.events if event["type"] == "response.done")
    assert [item["type"] for item in done["response"]["output"]] == ["message", "function_call", "message"]


def test_a_response_waits_for_what_the_user_said() -> None:
    session = Session()
    session.append(SECOND)
    item_id = session.send("input_audio_buffer.commit")[0]["item_id"]
    response_id = session.create()
    assert session.orders(Think) == []
    session.happen(UtteranceHeard(item_id=item_id, text="hello"))
    (think,) = session.orders(Think)
    assert (think.response_id, think.situation.history) == (response_id, (UserLine("hello"),))


def test_a_response_does_not_wait_for_an_item_that_was_deleted() -> None:
    session = Session()
    session.append(SECOND)
    item_id = session.send("input_audio_buffer.commit")[0]["item_id"]
    session.create()
    session.send("conversation.item.delete", item_id=item_id)
    assert session.orders(Think)[0].situation.history == ()
    assert session.happen(UtteranceHeard(item_id=item_id, text="hello")) == []


def test_one_response_at_a_time_writes_into_the_conversation() -> None:
    session = Session()
    response_id = session.create()
    error = session.error("response.create")
    assert error["code"] == "conversation_already_has_active_response"
    assert error["message"] == (
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one."
    )
    session.plan(response_id, Call("f", {}))
    assert session.create() != response_id


def test_out_of_band_responses_run_beside_it_and_leave_no_trace() -> None:
    session = Session()
    first = session.create()
    question = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "what time is it"}]}
    second = session.create(conversation="none", input=[question], output_modalities=["text"])
    assert session.events[0]["response"]["conversation_id"] is None
    assert session.orders(Think)[0].situation.history == (UserLine("what time is it", typed=True),)
    session.plan(second, Say("It is noon."))
    assert not any(kind.startswith("conversation.item") for kind in session.types)
    assert session.types[-2:] == ["response.done", "rate_limits.updated"]
    assert session.protocol.conversation.lines() == ()
    assert session.send("response.cancel", response_id=first)[0]["type"] == "response.done"


def test_its_own_input_may_point_to_items() -> None:
    session = Session()
    item_id = session.say("tell me a story")
    session.say("stop")
    session.create(input=[{"type": "item_reference", "id": item_id}])
    assert session.orders(Think)[0].situation.history == (UserLine("tell me a story"),)
    session.send("response.cancel")
    error = session.error("response.create", response={"input": [{"type": "item_reference", "id": "x"}]})
    assert error["param"] == "response.input[0].id"
    error = session.error("response.create", response={"input": [{"type": "message"}]})
    assert error["param"] == "response.input[0].role"
    session.create(input=[])
    assert session.orders(Think)[0].situation.history == ()


def test_responses_are_bounded() -> None:
    session = Session()
    for _ in range(8):
        session.create(conversation="none")
    assert session.error("response.create", response={"conversation": "none"})["code"] == "rate_limit_exceeded"


def test_a_text_response_has_no_sound() -> None:
    session = Session()
    response_id = session.create(output_modalities=["text"])
    session.plan(response_id, Say("It is noon."))
    assert session.orders(Speak) == []
    assert session.types[2:9] == [
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
    ]
    assert "".join(event["delta"] for event in session.events if "delta" in event) == "It is noon."
    done = next(event for event in session.events if event["type"] == "response.done")
    assert done["response"]["output"][0]["content"] == [{"type": "output_text", "text": "It is noon."}]


def test_the_request_goes_before_the_session() -> None:
    session = Session()
    tools = [{"type": "function", "name": "f"}]
    settings = {"type": "realtime", "instructions": "Be kind.", "tools": tools}
    session.send("session.update", session={**settings, "audio": {"output": {"speed": 1.5}}})
    session.create()
    situation = session.orders(Think)[0].situation
    assert (situation.instructions, situation.request, situation.tool_choice) == ("Be kind.", None, "auto")
    assert [tool.name for tool in situation.tools] == ["f"]
    session.send("response.cancel")
    response_id = session.create(
        instructions="Say hello.",
        tools=[],
        tool_choice={"type": "function", "name": "g"},
        audio={"output": {"voice": {"id": "mine"}}},
    )
    situation = session.orders(Think)[0].situation
    assert (situation.request, situation.tools, situation.tool_choice) == ("Say hello.", (), "g")
    session.plan(response_id, Say("Hello.", speed=0.5))
    assert session.orders(Speak) == [Speak(response_id=response_id, text="Hello.", voice="mine", speed=0.75)]


def test_a_response_that_cannot_be_spoken_fails() -> None:
    session = Session()
    response_id = session.create()
    session.plan(response_id, Say("Hello."))
    session.happen(SpeechFailed(response_id=response_id, message="no sound"))
    done = session.events[-2]["response"]
    assert done["status"] == "failed"
    assert done["status_details"] == {
        "type": "failed",
        "error": {"type": "server_error", "code": "server_error", "message": "no sound"},
    }
    session.create()


# Cancelling and truncating. ------------------------------------------------------------------------------------


def begun(session: Session) -> tuple[str, str]:
    """A response in mid-speech, after a second and two words; gives its and its item's id."""
    response_id = session.create()
    item_id: str = session.plan(response_id, COUNTED)[0]["item"]["id"]
    session.speech(response_id, 500, ("one", 0))
    session.speech(response_id, 500, ("two", 500))
    return response_id, item_id


def test_a_cancelled_response_ends_where_it_is() -> None:
    session = Session()
    response_id, item_id = begun(session)
    session.send("response.cancel", response_id=response_id)
    assert session.orders(Hush) == [Hush(response_id)]
    assert session.types == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert session.events[1]["transcript"] == "one two"
    assert session.events[4]["item"]["status"] == "incomplete"
    done = session.events[5]["response"]
    assert (done["status"], done["status_details"]) == (
        "cancelled",
        {"type": "cancelled", "reason": "client_cancelled"},
    )
    # What the engine makes after that is nobody's.
    assert session.speech(response_id, 500, ("three", 1000)) == []
    assert session.happen(SpeechFinished(response_id)) == []
    assert session.protocol.conversation.milliseconds(item_id) == 1000


def test_a_response_can_be_cancelled_before_it_speaks() -> None:
    session = Session()
    session.append(SECOND)
    item_id = session.send("input_audio_buffer.commit")[0]["item_id"]
    response_id = session.create()
    session.send("response.cancel")
    assert session.types == ["response.done", "rate_limits.updated"]
    session.happen(UtteranceHeard(item_id=item_id, text="hello"))
    assert session.orders(Think) == []
    assert session.plan(response_id, Say("Hello.")) == []


@pytest.mark.parametrize(
    "order", [("response.cancel", "conversation.item.truncate"), ("conversation.item.truncate",)]
)
def test_a_truncated_item_remembers_what_was_heard(order: tuple[str, ...]) -> None:
    session = Session()
    response_id, item_id = begun(session)
    for kind in order:
        session.send(kind, **({"item_id": item_id, "audio_end_ms": 480} if "truncate" in kind else {}))
    truncated = session.events[0]
    assert (truncated["type"], truncated["audio_end_ms"]) == ("conversation.item.truncated", 480)
    if len(order) == 1:
        session.send("response.cancel", response_id=response_id)
    (line,) = session.protocol.conversation.lines()
    assert line == AgentLine(said=COUNTED, heard=1)
    retrieved = session.send("conversation.item.retrieve", item_id=item_id)[0]["item"]["content"][0]
    assert retrieved["transcript"] is None
    assert len(b64decode(retrieved["audio"])) == 48 * 480


def test_a_cancelled_item_that_is_not_truncated_was_heard_as_far_as_it_was_sent() -> None:
    session = Session()
    begun(session)
    session.send("response.cancel")
    (line,) = session.protocol.conversation.lines()
    assert isinstance(line, AgentLine)
    assert line.unheard == "three four"


def test_an_item_that_is_deleted_while_it_is_made_is_gone() -> None:
    session = Session()
    response_id, item_id = begun(session)
    session.send("conversation.item.delete", item_id=item_id)
    assert session.speech(response_id, 500, ("three", 1000))[-1]["type"] == "response.output_audio.delta"
    session.happen(SpeechFinished(response_id))
    assert "conversation.item.done" not in session.types
    assert session.types[-2] == "response.done"
    assert session.protocol.conversation.lines() == ()


def test_a_voice_that_was_heard_stays() -> None:
    session = Session()
    ash = {"type": "realtime", "audio": {"output": {"voice": "ash"}}}
    assert session.send("session.update", session=ash)[0]["type"] == "session.updated"
    begun(session)
    echo = {"type": "realtime", "audio": {"output": {"voice": "echo"}}}
    assert session.error("session.update", session=echo)["code"] == "cannot_update_voice"


# Turns found by the server. ------------------------------------------------------------------------------------


class Caller(Session):
    """A session with turn detection, which is what a new one has."""

    def __init__(self, **detection: Any) -> None:
        super().__init__(manual=False)
        self._heard = 0.0
        settings = {"type": "server_vad", "silence_duration_ms": 500, **detection}
        audio = {"input": {"turn_detection": settings, "transcription": {"model": "any"}}}
        self.send("session.update", session={"type": "realtime", "audio": audio})

    def judge(self, probability: float, seconds: float) -> list[Json]:
        """The detector hears so much, with this probability of a voice; gives the events of all of it."""
        events: list[Json] = []
        begin = len(self.actions)
        for _ in range(round(seconds / 0.032)):
            self.append(round(0.032 * 24_000) * 2)
            self._heard += 0.032
            events += self.happen(VoiceJudged(probability=probability, end=self._heard))
        self.new = self.actions[begin:]
        return events


def test_a_turn_is_found_committed_and_answered() -> None:
    caller = Caller()
    caller.judge(0.0, 1.024)
    (started,) = caller.judge(0.9, 1.024)
    assert (started["type"], started["audio_start_ms"]) == ("input_audio_buffer.speech_started", 724)
    (opened,) = caller.orders(OpenUtterance)
    assert (opened.item_id, opened.start) == (started["item_id"], 17_376)
    events = caller.judge(0.0, 0.6)
    assert [event["type"] for event in events] == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert events[0]["audio_end_ms"] == 2048
    assert {event["item_id"] for event in events[:2]} == {started["item_id"]}
    assert caller.orders(FinishUtterance) == [FinishUtterance(started["item_id"])]
    caller.happen(UtteranceHeard(item_id=started["item_id"], text="hello"))
    assert len(caller.orders(Think)) == 1
    length = caller.protocol.conversation.milliseconds(started["item_id"])
    assert length == pytest.approx(300 + 1024 + 512, abs=33)


def test_a_turn_interrupts_the_response() -> None:
    caller = Caller()
    response_id, _ = begun(caller)
    events = caller.judge(0.9, 0.5)
    assert [event["type"] for event in events][-2:] == ["rate_limits.updated", "input_audio_buffer.speech_started"]
    assert events[-3]["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert caller.orders(Hush) == [Hush(response_id)]


def test_a_client_may_keep_interruptions_and_responses_to_itself() -> None:
    caller = Caller(interrupt_response=False, create_response=False)
    response_id, _ = begun(caller)
    assert [event["type"] for event in caller.judge(0.9, 0.5)] == ["input_audio_buffer.speech_started"]
    assert caller.judge(0.0, 0.6)[-1]["type"] == "conversation.item.done"
    assert caller.speech(response_id, 100)[0]["type"] == "response.output_audio.delta"


def test_a_turn_beside_a_response_that_goes_on_is_not_answered() -> None:
    caller = Caller(interrupt_response=False)
    begun(caller)
    caller.judge(0.9, 0.5)
    assert "response.created" not in [event["type"] for event in caller.judge(0.0, 0.6)]


def test_a_client_may_commit_before_the_silence_is_over() -> None:
    caller = Caller()
    (started,) = caller.judge(0.9, 0.5)
    assert caller.send("input_audio_buffer.commit")[0]["item_id"] == started["item_id"]
    assert caller.judge(0.0, 1.0) == []


def test_a_client_may_commit_what_the_detector_takes_for_silence() -> None:
    caller = Caller()
    caller.judge(0.0, 1.024)
    committed = caller.send("input_audio_buffer.commit")[0]
    (opened,) = caller.orders(OpenUtterance)
    assert (opened.item_id, opened.start) == (committed["item_id"], 0)


def test_after_a_clear_the_turn_is_forgotten() -> None:
    caller = Caller()
    caller.judge(0.9, 0.5)
    caller.send("input_audio_buffer.clear")
    assert caller.judge(0.0, 1.0) == []


def test_turn_detection_can_be_turned_off_and_on() -> None:
    caller = Caller()
    caller.judge(0.9, 0.5)
    off = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    caller.send("session.update", session=off)
    assert caller.orders(DetectVoice) == [DetectVoice(False)]
    assert caller.orders(DropUtterance) == [DropUtterance()]
    assert caller.judge(0.9, 1.0) == []
    caller.send("session.update", session=off)
    assert caller.orders(DetectVoice) == []
    on = {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}
    caller.send("session.update", session=on)
    assert caller.orders(DetectVoice) == [DetectVoice(True)]
    assert caller.judge(0.9, 0.5)[0]["type"] == "input_audio_buffer.speech_started"


def test_a_client_that_is_ahead_of_the_detector_loses_nothing() -> None:
    caller = Caller()
    caller.append(20 * SECOND)
    begin = len(caller.actions)
    for number in range(1, 600):
        probability = 0.9 if 10.0 <= number * 0.032 <= 11.0 else 0.0
        caller.happen(VoiceJudged(probability=probability, end=number * 0.032))
    events = [action.event for action in caller.actions[begin:] if isinstance(action, Send)]
    started, committed = events[0], events[2]
    assert started["audio_start_ms"] == pytest.approx(9_680, abs=33)
    length = caller.protocol.conversation.milliseconds(committed["item_id"])
    assert length == pytest.approx(300 + 1000 + 500, abs=66)


# The end. ------------------------------------------------------------------------------------------------------


def test_a_session_ends_after_an_hour() -> None:
    session = Session()
    assert session.protocol.deadline == session.now + 3600
    assert session.wait(3599.9) == []
    (expired,) = session.wait(0.1)
    assert expired["error"]["code"] == "session_expired"
    assert session.orders(Close) == [Close(code=1000, reason="session_expired")]
    assert session.wait(1.0) == []


# Silence. ------------------------------------------------------------------------------------------------------

IDLE = {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}, "transcription": {"model": "m"}}}


def idling() -> Session:
    """A session whose first reply, two seconds long, was sent at once."""
    session = Session(manual=False)
    session.send("session.update", session={"type": "realtime", "audio": IDLE})
    response_id = session.create()
    session.plan(response_id, COUNTED)
    session.speech(response_id, 2000, ("one", 0))
    session.happen(SpeechFinished(response_id))
    return session


def test_a_silence_after_a_reply_becomes_an_item_and_is_answered() -> None:
    session = idling()
    session.append(4 * SECOND)
    assert session.protocol.deadline == session.now + 7.0
    session.wait(6.9)
    assert session.types == []
    session.wait(0.1)
    assert session.types == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
    ]
    timeout, committed = session.events[:2]
    assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (0, 4000)
    assert timeout["item_id"] == committed["item_id"]
    (thought,) = session.orders(Think)
    assert thought.situation.history[-1] == UserLine("", silent=True)
    # While that is answered nobody is idle; after it the wait begins again.
    assert session.protocol.deadline > session.now + 3000
    session.plan(thought.response_id, Say("Are you there?"))
    session.happen(SpeechFinished(thought.response_id))
    assert session.protocol.deadline == session.now + 5.0


def test_whoever_speaks_is_not_idle() -> None:
    session = idling()
    session.append(SECOND)
    for end in range(32, 1000, 32):
        session.happen(VoiceJudged(probability=0.9, end=end / 1000))
    session.wait(60)
    assert session.types == []


def test_a_reply_that_was_cut_is_not_waited_for() -> None:
    session = idling()
    item_id = next(
        each.event["item"]["id"]
        for each in session.actions
        if isinstance(each, Send) and each.event["type"] == "response.output_item.added"
    )
    session.send("conversation.item.truncate", item_id=item_id, audio_end_ms=100)
    assert session.protocol.deadline == session.now + 5.0


# Limits, formats, audio in items, transcription. ---------------------------------------------------------------


def test_speech_ends_where_its_tokens_do() -> None:
    session = Session()
    response_id = session.create(max_output_tokens=10)
    session.plan(response_id, COUNTED, Say("And more."))
    session.speech(response_id, 400, ("one", 0))
    assert "response.done" not in session.types
    session.speech(response_id, 400, ("two", 400))
    done = next(event for event in session.events if event["type"] == "response.done")["response"]
    assert (done["status"], done["status_details"]) == (
        "incomplete",
        {"type": "incomplete", "reason": "max_output_tokens"},
    )
    assert [item["status"] for item in done["output"]] == ["incomplete"]
    assert session.orders(Hush) == [Hush(response_id)]
    assert session.create()


def test_text_ends_where_its_tokens_do() -> None:
    session = Session()
    response_id = session.create(max_output_tokens=3, output_modalities=["text"])
    session.plan(response_id, Say("Once there was a lighthouse on an island."), Say("It was grey."))
    done = session.events[-2]["response"]
    assert (done["status"], done["status_details"]["reason"]) == ("incomplete", "max_output_tokens")
    (item,) = done["output"]
    assert (item["status"], item["content"][0]["text"]) == ("incomplete", "Once there")
    assert done["usage"]["output_tokens"] == 3
    response_id = session.create(max_output_tokens=3, output_modalities=["text"])
    session.plan(response_id, Say("Once there."))
    assert session.events[-2]["response"]["status"] == "completed"
    for wrong in (0, 5000):
        assert session.error("response.create", response={"max_output_tokens": wrong})["code"] == "invalid_value"


def test_telephone_audio_goes_in_and_out() -> None:
    session = Session(manual=False)
    audio = {
        "input": {"format": {"type": "audio/pcmu"}, "turn_detection": None},
        "output": {"format": {"type": "audio/pcma"}},
    }
    session.send("session.update", session={"type": "realtime", "audio": audio})
    for _ in range(10):
        session.send("input_audio_buffer.append", audio=b64encode(bytes([0xFF]) * 800).decode())
    item_id = session.send("input_audio_buffer.commit")[0]["item_id"]
    assert 980 <= session.protocol.conversation.milliseconds(item_id) <= 1000
    session.happen(UtteranceHeard(item_id=item_id, text="hello"))
    response_id = session.create()
    assert session.events[0]["response"]["audio"]["output"]["format"] == {"type": "audio/pcma"}
    spoken_id = session.plan(response_id, COUNTED)[0]["item"]["id"]
    sent = b""
    for number in range(10):
        events = session.speech(response_id, 100, *([("one", 0)] if number == 0 else []))
        sent += b"".join(b64decode(each["delta"]) for each in events if each["type"] == "response.output_audio.delta")
    events = session.happen(SpeechFinished(response_id))
    sent += b"".join(b64decode(each["delta"]) for each in events if each["type"] == "response.output_audio.delta")
    assert len(sent) == 8000
    for item, byte in ((item_id, b"\xff"), (spoken_id, b"\xd5")):
        kept = session.send("conversation.item.retrieve", item_id=item)[0]["item"]["content"][0]
        assert set(b64decode(kept["audio"])) <= {byte[0], byte[0] ^ 0x80}


def test_audio_in_an_item_is_kept_recognised_and_transcribed() -> None:
    session = Session()
    sound = b64encode(bytes(SECOND)).decode()
    content = [{"type": "input_text", "text": "listen:"}, {"type": "input_audio", "audio": sound}]
    item = {"id": "mine", "type": "message", "role": "user", "content": content}
    session.send("conversation.item.create", item=item)
    assert session.types == ["conversation.item.added", "conversation.item.done"]
    assert session.orders(HearItem) == [HearItem(item_id="mine", pcm=bytes(SECOND))]
    session.create()
    assert session.orders(Think) == []
    session.happen(UtteranceHeard(item_id="mine", text="what time is it"))
    assert session.types == [
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert session.events[1]["content_index"] == 1
    assert session.events[1]["usage"] == {"type": "duration", "seconds": 1.0}
    (thought,) = session.orders(Think)
    assert thought.situation.history == (UserLine("listen: what time is it"),)
    kept = session.send("conversation.item.retrieve", item_id="mine")[0]["item"]["content"]
    assert kept == [content[0], {"type": "input_audio", "transcript": "what time is it", "audio": sound}]


def test_audio_whose_words_are_known_is_not_recognised() -> None:
    session = Session()
    part = {"type": "input_audio", "audio": b64encode(bytes(SECOND)).decode(), "transcript": "hello"}
    session.send("conversation.item.create", item={"type": "message", "role": "user", "content": [part]})
    assert session.orders(HearItem) == []
    assert session.protocol.conversation.lines() == (UserLine("hello"),)
    wrong = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "?"}]}
    assert session.error("conversation.item.create", item=wrong)["param"] == "item.content.audio"
    assert len(session.protocol.conversation.lines()) == 1


def test_a_transcription_session_writes_down_and_does_not_answer() -> None:
    session = Session(manual=False, intent="transcription")
    assert session.events[0]["session"]["type"] == "transcription"
    session.append(4 * SECOND)
    for number in range(1, 100):
        session.happen(VoiceJudged(probability=0.9 if number < 40 else 0.0, end=number * 0.032))
        if "input_audio_buffer.committed" in session.types:
            break
    assert session.types[0] == "input_audio_buffer.speech_stopped"
    assert "response.created" not in session.types
    item_id = session.events[1]["item_id"]
    session.happen(UtteranceHeard(item_id=item_id, text="hello"))
    assert session.types[-1] == "conversation.item.input_audio_transcription.completed"
    assert "makes no responses" in session.error("response.create")["message"]
    assert session.error("session.update", session={"type": "realtime"})["param"] == "session.type"


# What is said by itself. ---------------------------------------------------------------------------------------


def test_a_reminder_is_spoken_when_it_is_due_and_nobody_speaks() -> None:
    session = Session()
    response_id = session.create()
    session.plan(response_id, Remind(10.0, "Your timer is over."), COUNTED)
    session.wait(12)
    assert session.types == []
    session.happen(SpeechFinished(response_id))
    assert session.protocol.deadline <= session.now
    session.wait(0)
    assert session.types == ["response.created"]
    (thought,) = session.orders(Think)
    assert thought.situation.request == "Say exactly: Your timer is over."
    session.plan(thought.response_id, Say("Your timer is over."))
    session.happen(SpeechFinished(thought.response_id))
    assert session.protocol.deadline > session.now + 1000


def test_the_brain_knows_its_reminders_and_takes_them_off() -> None:
    session = Session()
    session.plan(session.create(), Remind(10.0, "one"))
    session.wait(4)
    response_id = session.create()
    assert session.orders(Think)[0].situation.reminders == (6.0,)
    session.plan(response_id, ForgetReminders())
    session.wait(60)
    assert session.types == []


def test_somebody_else_speaks_in_another_voice() -> None:
    session = Session()
    session.plan(session.create(), Say("Hello.", voice="ash"))
    assert [order.voice for order in session.orders(Speak)] == ["ash"]


def test_a_slow_tool_pauses_the_reply_and_goes_on_by_itself() -> None:
    session = Session()
    response_id = session.create()
    session.plan(response_id, Say("One moment."), Pause(2.5), COUNTED)
    session.happen(SpeechFinished(response_id))
    assert session.types[-1] == "response.output_item.done"
    assert session.protocol.deadline == session.now + 2.5
    session.wait(2.4)
    assert session.types == []
    session.wait(0.1)
    assert [order.text for order in session.orders(Speak)] == [COUNTED.text]
    done = session.happen(SpeechFinished(response_id))[-2]
    assert [done["response"]["status"], len(done["response"]["output"])] == ["completed", 2]
    assert session.protocol.deadline > session.now + 1000


def test_a_slow_tool_can_be_interrupted() -> None:
    session = Session()
    response_id = session.create(output_modalities=["text"])
    session.plan(response_id, Say("One moment."), Pause(2.5), COUNTED)
    session.send("response.cancel")
    assert session.types == ["response.done", "rate_limits.updated"]
    session.wait(5)
    assert session.types == []
    # The next one is not told what the cancelled one was about to say.
    assert [line.said.text for line in session.protocol.conversation.lines() if isinstance(line, AgentLine)] == [
        "One moment."
    ]


# Pauses in the middle of a sentence. ---------------------------------------------------------------------------


def paused(partial: str | None) -> Session:
    """A user who spoke from 0.32 s to 1.28 s of the audio and has now been silent for 0.29 s."""
    session = Session(manual=False)
    session.partial = partial
    session.append(5 * SECOND)
    judge(session, 10, 40, 0.9)
    judge(session, 40, 49, 0.0)
    return session


def judge(session: Session, start: int, end: int, probability: float) -> list[str]:
    """These windows are judged; gives the types of all that is sent."""
    before = len(session.actions)
    for number in range(start, end):
        session.happen(VoiceJudged(probability=probability, end=(number + 1) * 0.032))
    return [action.event["type"] for action in session.actions[before:] if isinstance(action, Send)]


def sent(session: Session) -> list[str]:
    return [action.event["type"] for action in session.actions if isinstance(action, Send)]


def test_a_complete_sentence_is_committed_at_once() -> None:
    assert "input_audio_buffer.committed" in sent(paused("what time is it"))


def test_a_sentence_that_is_open_is_waited_for_and_goes_on() -> None:
    session = paused("i would like to order a")
    assert "input_audio_buffer.speech_stopped" not in sent(session)
    assert judge(session, 49, 75, 0.9) == []
    session.partial = "i would like to order a large pizza"
    types = judge(session, 75, 90, 0.0)
    assert types[:2] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
    assert sent(session).count("input_audio_buffer.speech_started") == 1


def test_an_open_sentence_ends_after_a_longer_silence() -> None:
    session = paused("i would like to order a")
    assert judge(session, 49, 79, 0.0) == []
    assert judge(session, 79, 83, 0.0)[:2] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]


@pytest.mark.parametrize(("partial", "seconds"), [("i would like to order a", 1.1), (None, 1.0)])
def test_a_client_that_sends_no_silence_is_not_waited_for(partial: str | None, seconds: float) -> None:
    session = paused(partial)
    assert session.protocol.deadline <= session.now + seconds
    session.wait(seconds)
    assert session.types[:2] == ["input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]


def test_a_commit_or_a_clear_ends_the_pause() -> None:
    for kind in ("input_audio_buffer.commit", "input_audio_buffer.clear"):
        session = paused("i would like to order a")
        session.send(kind)
        session.wait(60)
        assert "input_audio_buffer.speech_stopped" not in session.types
