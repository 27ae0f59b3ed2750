"""Clients that nobody here wrote, each through a whole conversation with the local model.

Each is a script of its own in the environment that `make test-clients` made (its dependencies are none of ours). It
sets the session up, speaks a question that a tool answers, hears the answer, asks for a story, interrupts it, has the
cut item sent back, and types. What it saw it prints; what the server sent it is kept by a proxy, and every frame of
that must be one that the vendor's own models accept.
"""

import shutil
from base64 import b64decode
from pathlib import Path

import pytest

from agent_worker.audio import MODEL_RATE
from tests.support.foreign import Json, Talk, run, talk
from tests.support.missing import missing

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / ".venv-clients"
PYTHON = CLIENTS / "bin" / "python"
SCRIPTS = Path(__file__).parent / "scripts"
ANSWER = "half past four in the afternoon"
SENT = (
    "session.update",
    "input_audio_buffer.append",
    "conversation.item.create",
    "response.create",
    "conversation.item.truncate",
    "conversation.item.retrieve",
)
"""What belongs to a whole conversation, from the client's side."""
SECOND = 2 * MODEL_RATE
"""Bytes of audio."""


def python() -> Path:
    if not PYTHON.exists():
        missing("the foreign clients are not installed; to have them: make test-clients")
    return PYTHON


def transcripts(talked: Talk) -> list[str]:
    return [event["transcript"] for event in talked.of("conversation.item.input_audio_transcription.completed")]


def said(talked: Talk) -> list[str]:
    """What each spoken item says, as far as it was sent."""
    words: dict[str, str] = {}
    for event in talked.of("response.output_audio_transcript.delta"):
        words[event["item_id"]] = words.get(event["item_id"], "") + event["delta"]
    return list(words.values())


def check(talked: Talk) -> None:
    """What holds for every client's conversation, by what the client asked for and what the server sent."""
    talked.check()
    assert [kind for kind in SENT if not talked.sent(kind)] == []
    assert talked.of("session.updated")[-1]["session"]["tools"][0]["name"] == "get_time"
    assert transcripts(talked)[:2] == ["what time is it", "tell me a story"]
    (call,) = talked.of("response.function_call_arguments.done")
    assert call["name"] == "get_time"
    (output,) = [
        each["item"] for each in talked.of("conversation.item.done") if each["item"]["type"] == "function_call_output"
    ]
    assert (output["call_id"], ANSWER in output["output"]) == (call["call_id"], True)
    assert any(ANSWER in text for text in said(talked))
    story = next(text for text in said(talked) if text.startswith("Once there was"))
    assert not story.endswith("good evening.")
    cuts = {event["item_id"]: event["audio_end_ms"] for event in talked.of("conversation.item.truncated")}
    # Some clients also retrieve what they were not asked to.
    kept = [each["item"] for each in talked.of("conversation.item.retrieved") if each["item"]["id"] in cuts][-1]
    milliseconds = len(b64decode(kept["content"][0]["audio"])) * 1000 // SECOND
    assert milliseconds == cuts[kept["id"]]
    assert any("twelve" in text.lower() or "12" in text for text in said(talked))
    statuses = [event["response"]["status"] for event in talked.of("response.done")]
    assert "cancelled" in statuses
    assert "failed" not in statuses


def harmless(error: Json) -> bool:
    """Whether a client asked for something that had just ended by itself: it cannot know."""
    return error["error"]["code"] == "response_cancel_not_active"


async def test_openai_agents(tmp_path: Path) -> None:
    async with talk() as talked:
        seen = await run(python(), SCRIPTS / "openai_agents_client.py", talk=talked, folder=tmp_path)
    check(talked)
    assert all(map(harmless, talked.of("error"))), talked.of("error")
    assert seen["asked"] == ["get_time"]
    assert seen["audio"][0] > SECOND
    assert {"audio", "audio_end", "audio_interrupted", "tool_start", "tool_end", "agent_end"} <= set(seen["events"])
    words = [part.get("transcript") for item in seen["history"] for part in item.get("content", ())]
    assert "what time is it" in words


async def test_livekit(tmp_path: Path) -> None:
    async with talk() as talked:
        seen = await run(python(), SCRIPTS / "livekit_client.py", talk=talked, folder=tmp_path)
    check(talked)
    assert all(map(harmless, talked.of("error"))), talked.of("error")
    assert seen["errors"] == []
    assert seen["calls"] == ["get_time"]
    assert ANSWER in seen["reply"]["words"]
    assert seen["reply"]["seconds"] > 1
    assert seen["transcripts"] == ["what time is it", "tell me a story"]
    assert seen["speech"] == ["started", "stopped", "started", "stopped"]
    assert seen["kept"].count("function_call_output") == 1


async def test_pipecat(tmp_path: Path) -> None:
    async with talk() as talked:
        seen = await run(python(), SCRIPTS / "pipecat_client.py", talk=talked, folder=tmp_path)
    check(talked)
    assert talked.of("error") == []
    assert seen["calls"] == ["get_time"]
    assert seen["transcripts"] == ["what time is it", "tell me a story", "stop"]
    assert any(ANSWER in text for text in seen["said"])
    assert seen["audio"] > SECOND


async def test_openai_agents_for_node(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (CLIENTS / "node" / "node_modules").exists():
        missing("the foreign clients are not installed; to have them: make test-clients")
    # Node looks for packages beside the script.
    script = CLIENTS / "node" / "agents_js.mjs"
    script.write_bytes((SCRIPTS / "agents_js.mjs").read_bytes())
    async with talk() as talked:
        seen = await run(node, script, talk=talked, folder=tmp_path)
    check(talked)
    assert all(map(harmless, talked.of("error"))), talked.of("error")
    assert seen["errors"] == []
    assert seen["asked"] == ["get_time"]
    assert seen["audio"] > SECOND
    assert seen["interrupted"] >= 1
    assert any(item.get("type") == "function_call" for item in seen["history"])
