"""Pictures that are shown to the model (M-7)."""

import asyncio

import numpy as np
import pytest

from agent_worker import Agent, SpeechError, function_tool
from agent_worker.history.items import Image
from agent_worker.realtime import base as rt
from agent_worker.realtime.base import Capabilities
from agent_worker.testing import ScriptedModel, ScriptedReply
from agent_worker.tools.pictures import Pictures
from tests.agent_worker.session.play import Stage, play, sent_kinds

PICTURE = np.full((24, 32, 3), 128, dtype=np.uint8)


def test_a_picture_becomes_a_message_of_the_user():
    async def script(stage: Stage) -> None:
        assert await stage.session.send_image(PICTURE, detail="low", text="My cat")

    stage = play(script)
    (created,) = stage.model.sent(rt.CreateItem)
    (message,) = stage.session.history.messages()
    assert created.item == message
    assert (message.role, message.text) == ("user", "My cat")
    (image,) = message.images
    assert (image.media_type, image.detail) == ("image/jpeg", "low")


def test_at_most_one_each_second_and_the_old_ones_go():
    async def script(stage: Stage) -> None:
        taken = []
        for _ in range(8):
            taken.append(await stage.session.send_image(PICTURE, keep=2))
            await asyncio.sleep(0.5)
        assert taken == [True, False] * 4

    stage = play(script)
    shown = [created.item.id for created in stage.model.sent(rt.CreateItem)]
    assert len(shown) == 4
    assert [deleted.item_id for deleted in stage.model.sent(rt.DeleteItem)] == shown[:2]
    assert [message.id for message in stage.session.history.messages()] == shown[2:]


def test_a_file_is_sent_as_it_is():
    async def script(stage: Stage) -> None:
        await stage.session.send_image(b"\x89PNG of a kind")

    (message,) = play(script).session.history.messages()
    assert (message.images[0].data, message.images[0].media_type) == (b"\x89PNG of a kind", "image/png")


@pytest.mark.parametrize("picture", [b"GIF89a", np.zeros((4, 4), dtype=np.uint8)])
def test_what_is_no_picture_is_refused(picture: object):
    async def script(stage: Stage) -> None:
        with pytest.raises(SpeechError, match="picture"):
            await stage.session.send_image(picture)

    assert not play(script).model.commands


def test_a_model_without_eyes():
    async def script(stage: Stage) -> None:
        with pytest.raises(SpeechError, match="pictures"):
            await stage.session.send_image(PICTURE)

    play(script, ScriptedModel(capabilities=Capabilities(image_input=False)))


def test_pictures_can_be_switched_off_and_on():
    """M-8."""

    async def script(stage: Stage) -> None:
        assert not await stage.session.send_image(PICTURE)
        stage.session.set_video_input(enabled=True)
        assert await stage.session.send_image(PICTURE)

    stage = play(script, before=lambda session: session.set_video_input(enabled=False))
    assert len(stage.model.sent(rt.CreateItem)) == 1


class Photographer(Agent):
    @function_tool
    async def photograph(self) -> Image:
        """Take a photograph."""
        return Image(b"\xff\xd8\xff of a kind")

    @function_tool
    async def look(self) -> Pictures:
        """Look."""
        return Pictures("A cat.", (Image(b"\x89PNG of a kind"),))


@pytest.mark.parametrize("eyes", [True, False])
def test_what_a_tool_shows_is_looked_at_before_it_is_spoken_of(eyes: bool):
    calls = (("photograph", "{}"), ("look", "{}"))
    model = ScriptedModel(
        replies=[ScriptedReply(calls=calls), ScriptedReply("Nice.")], capabilities=Capabilities(image_input=eyes)
    )

    async def script(stage: Stage) -> None:
        await stage.session.generate_reply()

    stage = play(script, model, Photographer())
    items = [created.item for created in stage.model.sent(rt.CreateItem)]
    outputs, shown = items[:2], items[2:]
    no_eyes = "" if eyes else " [There are pictures, which you cannot look at.]"
    assert [output.output for output in outputs] == [f"A picture.{no_eyes}", f"A cat.{no_eyes}"]
    assert [message.text for message in shown] == (
        ["[What the tool photograph shows.]", "[What the tool look shows.]"] if eyes else []
    )
    kinds = sent_kinds(stage.model)
    assert kinds[-1] is rt.CreateResponse
    assert [len(message.images) for message in stage.session.history.messages() if message.role == "user"] == (
        [1, 1] if eyes else []
    )
