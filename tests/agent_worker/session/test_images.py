"""Pictures that are shown to the model (M-7)."""

import asyncio

import numpy as np
import pytest

from agent_worker import SpeechError
from agent_worker.realtime import base as rt
from agent_worker.realtime.base import Capabilities
from agent_worker.testing import ScriptedModel
from tests.agent_worker.session.play import Stage, play

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
