import asyncio
import logging
from pathlib import Path

import pytest

from agent_worker.localmodel import recorder as module
from agent_worker.localmodel.recorder import Recorder
from agent_worker.localmodel.tape import Page


def line(text: str) -> Page:
    return Page(name="log.jsonl", data=text.encode(), append=True)


async def ended(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_pages_are_written_in_order_and_the_last_ones_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "down"
    recorder = Recorder(folder)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run())
        recorder.put([line("a\n"), Page(name="a.wav", data=b"old", append=False)])
        async with asyncio.timeout(5):
            while not (folder / "a.wav").exists():
                await asyncio.sleep(0.01)
        recorder.put([line("b\n"), Page(name="a.wav", data=b"new", append=False)])
        await ended(task)
    assert (folder / "log.jsonl").read_text() == "a\nb\n"
    assert (folder / "a.wav").read_bytes() == b"new"
    assert sorted(path.name for path in folder.iterdir()) == ["a.wav", "log.jsonl"]


async def test_a_recording_is_rather_lost_than_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "DEPTH", 2)
    recorder = Recorder(tmp_path)
    with caplog.at_level(logging.WARNING):
        recorder.put([line("a"), line("b"), line("c")])
    assert recorder.lost == 1
    assert "too slow" in caplog.text


async def test_a_full_disk_is_no_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(tmp_path)
    (tmp_path / "taken").mkdir()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run())
        recorder.put([Page(name="taken", data=b"", append=False), line("a")])
        async with asyncio.timeout(5):
            while not (tmp_path / "log.jsonl").exists():
                await asyncio.sleep(0.01)
        await ended(task)
    assert "cannot record taken" in caplog.text
