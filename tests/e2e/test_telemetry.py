"""A worker with the standard variables, a real call, and what has left it when the caller has hung up."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.caller import calling
from tests.support.stack import stack
from tests.support.wav import corpus, speech_bounds

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def exported(printed: str) -> list[dict[str, Any]]:
    """The JSON objects that the console's exporters have printed between the log lines."""
    found: list[dict[str, Any]] = []
    decoder = json.JSONDecoder()
    for start in re.finditer(r"^\{", printed, re.MULTILINE):
        try:
            found.append(decoder.raw_decode(printed, start.start())[0])
        except json.JSONDecodeError:
            continue
    return found


async def test_a_call_leaves_its_spans_and_figures_and_none_of_its_words(tmp_path: Path):
    variables = {"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "console"}
    # The session's span is told when the room has closed.
    with stack(tmp_path, worker_env=variables, signaling_options=("--departure-timeout", "1")) as system:
        async with calling(system.url, "watched") as caller:
            await caller.until_heard(0.0)
            await caller.until_silent(1.0)
            asked, _ = await caller.say(corpus("s02"))
            heard = await caller.until_heard(asked + speech_bounds("s02")[1])
            await caller.until_silent(1.0)
            line = caller.lines("agent", since=asked)[-1]
        system.worker.wait_for('"name": "agent_session"')
        system.worker.wait_for("resource_metrics")
    printed = system.worker.printed()
    values = exported(printed)
    spans = {value["name"]: value for value in values if "context" in value}
    assert set(spans) == {"agent_session", "user_turn", "agent_turn", "realtime_request", "function_tool"}
    assert spans["agent_session"]["attributes"]["gen_ai.conversation.id"] == "watched"
    assert spans["function_tool"]["parent_id"] == spans["agent_turn"]["context"]["span_id"]
    assert spans["realtime_request"]["attributes"]["gen_ai.usage.output_tokens"] > 0
    metrics = [
        metric
        for value in values
        for resource in value.get("resource_metrics", ())
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
    ]
    (latency,) = [metric for metric in metrics if metric["name"] == "voice.end_to_end_latency"]
    # The caller hears it later by the way there and back, and by the caller's jitter buffer.
    measured = heard - (asked + speech_bounds("s02")[1])
    assert measured - 0.6 < latency["data"]["data_points"][0]["sum"] < measured + 0.1
    assert line not in printed
