import io
import json
import wave
from base64 import b64encode
from typing import Any

from agent_worker.localmodel.tape import Page, Tape, wav, without_audio


def created(kind: str = "audio/pcm") -> dict[str, Any]:
    output = {"format": {"type": kind}, "voice": "alloy"}
    return {"type": "response.created", "response": {"id": "r", "audio": {"output": output}}}


def delta(size: int) -> dict[str, Any]:
    return {
        "type": "response.output_audio.delta",
        "response_id": "r",
        "item_id": "i",
        "delta": b64encode(bytes(size)).decode(),
    }


def word(text: str, start: int) -> dict[str, Any]:
    kind = "response.output_audio_transcript.delta"
    return {"type": kind, "response_id": "r", "item_id": "i", "delta": text, "audio_start_ms": start}


def parts(pages: list[Page]) -> dict[str, bytes]:
    return {page.name.rsplit(".", 1)[1]: page.data for page in pages}


def test_events_are_kept_without_their_audio() -> None:
    tape = Tape("s")
    (page,) = tape.client(
        json.dumps({"type": "input_audio_buffer.append", "audio": b64encode(bytes(7)).decode()}), 1.5
    )
    assert (page.name, page.append) == ("s.jsonl", True)
    assert json.loads(page.data) == {
        "at": 1.5,
        "from": "client",
        "event": {"type": "input_audio_buffer.append", "audio": {"bytes": 7}},
    }
    (page,) = tape.client("no json", 2.0)
    assert json.loads(page.data)["event"] == {"unreadable": "no json"}
    part = {"type": "input_audio", "audio": b64encode(bytes(4)).decode(), "transcript": "hi"}
    (page,) = tape.server({"type": "conversation.item.retrieved", "item": {"id": "a", "content": [part]}}, 3.0)
    assert json.loads(page.data)["event"]["item"]["content"] == [{**part, "audio": {"bytes": 4}}]
    assert page.data.endswith(b"\n")


def test_text_stays() -> None:
    event = {"type": "response.output_text.delta", "delta": "hello"}
    assert without_audio(event) == event
    session = {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "ash"}}}}
    assert without_audio(session) == session


def test_a_reply_is_a_sound_with_its_words() -> None:
    tape = Tape("s")
    assert len(tape.server(created(), 0)) == 1
    tape.server({"type": "response.content_part.added", "response_id": "r", "item_id": "i"}, 0)
    tape.server(word("Hello", 0), 0)
    tape.server(delta(4800), 0)
    tape.server(word(" there.", 80), 0)
    pages = tape.server({"type": "response.done", "response": {"id": "r", "status": "completed"}}, 0)
    assert [(page.name, page.append) for page in pages] == [
        ("s.jsonl", True),
        ("s_1_r.wav", False),
        ("s_1_r.json", False),
    ]
    with wave.open(io.BytesIO(parts(pages)["wav"])) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 24_000, 2400)
    assert json.loads(parts(pages)["json"]) == {
        "session_id": "s",
        "response_id": "r",
        "status": "completed",
        "items": [
            {
                "item_id": "i",
                "offset_ms": 0,
                "transcript": "Hello there.",
                "words": [{"text": "Hello", "start_ms": 0}, {"text": "there.", "start_ms": 80}],
                "truncated_at_ms": None,
            }
        ],
    }
    cut = tape.server({"type": "conversation.item.truncated", "item_id": "i", "audio_end_ms": 90}, 0)
    assert json.loads(parts(cut)["json"])["items"][0]["truncated_at_ms"] == 90


def test_a_long_reply_can_be_read_while_it_is_spoken() -> None:
    tape = Tape("s")
    tape.server(created(), 0)
    tape.server({"type": "response.content_part.added", "response_id": "r", "item_id": "i"}, 0)
    shown = [tape.server(delta(4800), 0) for _ in range(25)]
    assert [len(pages) for pages in shown] == [3 if number % 10 == 9 else 1 for number in range(25)]
    assert parts(shown[19])["wav"] == wav(bytes(96_000))
    assert json.loads(parts(shown[19])["json"])["status"] == "in_progress"


def test_a_reply_of_two_messages_says_where_each_begins() -> None:
    tape = Tape("s")
    tape.server(created(), 0)
    for item_id in "ab":
        tape.server({"type": "response.content_part.added", "response_id": "r", "item_id": item_id}, 0)
        tape.server({**delta(4800), "item_id": item_id}, 0)
    pages = tape.server({"type": "response.done", "response": {"id": "r", "status": "completed"}}, 0)
    assert [item["offset_ms"] for item in json.loads(parts(pages)["json"])["items"]] == [0, 100]


def test_a_call_has_no_sound() -> None:
    tape = Tape("s")
    tape.server(created(), 0)
    assert len(tape.server({"type": "response.done", "response": {"id": "r", "status": "completed"}}, 0)) == 1
    assert len(tape.server({"type": "conversation.item.truncated", "item_id": "x", "audio_end_ms": 9}, 0)) == 1


def test_a_reply_for_the_telephone_is_kept_as_it_sounds() -> None:
    tape = Tape("s")
    tape.server(created("audio/pcmu"), 0)
    tape.server({"type": "response.content_part.added", "response_id": "r", "item_id": "i"}, 0)
    pages: list[Page] = []
    for _ in range(4):
        pages += tape.server(delta(8000), 0)
    with wave.open(io.BytesIO(parts(pages)["wav"])) as kept:
        assert kept.getframerate() == 24_000
        assert kept.getnframes() > 3 * 24_000
