"""What the application asks beside the conversation is answered to it alone: never played, never in a history."""

import asyncio

import pytest

from agent_worker.errors import RealtimeError, SpeechError
from agent_worker.realtime import base as rt
from agent_worker.session.asides import MOST_WAITING
from agent_worker.session.events import UsageCollected
from agent_worker.testing import ScriptedModel, ScriptedReply
from agent_worker.usage import Usage
from tests.agent_worker.session.play import WORDS, Stage, play


def test_the_model_is_asked_while_the_agent_speaks_and_nobody_hears_it() -> None:
    model = ScriptedModel(replies=[ScriptedReply(WORDS), ScriptedReply(" A summary. ")])
    answers: list[str] = []

    async def script(stage: Stage) -> None:
        reply = stage.session.generate_reply()
        await asyncio.sleep(1.0)
        answers.append(await stage.session.ask("Sum it up."))
        assert stage.session.agent_state == "speaking"
        await reply

    stage = play(script, model)
    assert [answer.strip() for answer in answers] == ["A summary."]
    assert [item.text for item in stage.session.history] == [WORDS]
    request = model.sent(rt.CreateResponse)[1]
    assert (request.in_conversation, request.modality, request.tools) == (False, rt.Modality.TEXT, ())
    assert (request.instructions, request.input) == ("Sum it up.", None)
    assert model.sent(rt.CancelResponse) == []


def test_several_questions_about_texts_of_their_own() -> None:
    model = ScriptedModel(replies=[ScriptedReply(f"answer {number}") for number in range(3)])

    async def script(stage: Stage) -> None:
        asked = [stage.session.ask("Classify.", text=f"text {number}") for number in range(3)]
        assert await asyncio.gather(*asked) == ["answer 0", "answer 1", "answer 2"]

    play(script, model)
    assert [request.input[0].text for request in model.sent(rt.CreateResponse)] == ["text 0", "text 1", "text 2"]


def test_a_question_about_a_turn_as_it_sounded() -> None:
    model = ScriptedModel(replies=[ScriptedReply("angry")])

    async def script(stage: Stage) -> None:
        assert await stage.session.ask("How does this sound?", items=["item_1"], text="A hint") == "angry"

    play(script, model)
    (request,) = model.sent(rt.CreateResponse)
    reference, message = request.input
    assert (reference, message.text) == (rt.ItemReference("item_1"), "A hint")


def test_sound_of_such_a_reply_is_not_played_and_its_words_are_the_answer() -> None:
    model = ScriptedModel(capabilities=rt.Capabilities(text_output=False))
    usage = Usage(input_tokens=7)

    async def script(stage: Stage) -> None:
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(stage.session.ask("Say it."))
            request = await model.wait_sent(rt.CreateResponse)
            assert request.modality is None
            part = {"response_id": "aside", "item_id": "said", "content_index": 0}
            model.emit(
                rt.ResponseStarted(response_id="aside", request_id=request.request_id, in_conversation=False),
                rt.OutputItemStarted(response_id="aside", item_id="said"),
                rt.OutputPartStarted(**part, modality=rt.Modality.AUDIO),
                rt.OutputTranscript(**part, delta="It is "),
                rt.OutputAudio(**part, pcm=bytes(48_000)),
                rt.OutputTranscript(**part, delta="said."),
                rt.OutputAudioDone(**part),
                rt.FunctionCallReady(response_id="aside", item_id="c", call_id="c", name="x", arguments="{}"),
                rt.ResponseEnded(
                    response_id="aside",
                    request_id=request.request_id,
                    status=rt.ResponseStatus.COMPLETED,
                    usage=usage,
                ),
            )
            assert await asked == "It is said."
        await asyncio.sleep(1.0)
        assert stage.session.agent_state == "listening"
        assert stage.session.usage == usage

    stage = play(script, model)
    assert [event.usage for event in stage.seen_of(UsageCollected)] == [usage]
    assert list(stage.session.history) == []


def test_one_that_nobody_here_asked_for_is_dropped() -> None:
    model = ScriptedModel()

    async def script(stage: Stage) -> None:
        model.emit(
            rt.ResponseStarted(response_id="aside", request_id="another's", in_conversation=False),
            rt.OutputAudio(response_id="aside", item_id="said", content_index=0, pcm=bytes(48_000)),
            rt.ResponseEnded(response_id="aside", request_id="another's", status=rt.ResponseStatus.COMPLETED),
        )
        await asyncio.sleep(1.0)
        assert stage.session.agent_state == "listening"

    assert list(play(script, model).session.history) == []


def test_no_answer_in_time_stops_it_and_what_comes_late_is_nobody_s() -> None:
    model = ScriptedModel(replies=[ScriptedReply("Well", ends=False)])

    async def script(stage: Stage) -> None:
        with pytest.raises(RealtimeError, match="not answered within 2 s"):
            await stage.session.ask("Think.", seconds=2.0)
        # And one that the model begins only now.
        with pytest.raises(RealtimeError, match="not answered within 2 s"):
            await stage.session.ask("Think.", seconds=2.0)
        request = model.sent(rt.CreateResponse)[1].request_id
        model.emit(
            rt.ResponseStarted(response_id="late", request_id=request, in_conversation=False),
            rt.OutputAudio(response_id="late", item_id="late", content_index=0, pcm=bytes(48_000)),
        )
        await asyncio.sleep(1.0)
        assert stage.session.agent_state == "listening"

    play(script, model)
    assert [command.response_id for command in model.sent(rt.CancelResponse)][1:] == ["late"]
    assert len(model.sent(rt.CancelResponse)) == 2


def test_refused_failed_and_lost_ones_raise() -> None:
    model = ScriptedModel()

    async def script(stage: Stage) -> None:
        async def answered_by(*events: rt.RealtimeEvent, lose: bool = False) -> str:
            async with asyncio.TaskGroup() as group:
                count = len(model.sent(rt.CreateResponse)) + 1
                asked = group.create_task(asyncio.wait_for(hold(stage), 30.0))
                request = (await model.wait_sent(rt.CreateResponse, count=count)).request_id
                model.emit(rt.ResponseStarted(response_id="aside", request_id=request, in_conversation=False))
                if lose:
                    model.lose()
                else:
                    failed = rt.ResponseStatus.FAILED
                    model.emit(*events or [rt.ResponseEnded(response_id="aside", request_id=request, status=failed)])
                return await asked

        assert "the reply is failed" in await answered_by()
        assert "the reply is lost" in await answered_by(lose=True)
        await asyncio.sleep(5.0)
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(hold(stage))
            request = (await model.wait_sent(rt.CreateResponse, count=3)).request_id
            model.emit(rt.ModelError(code="no", message="I may not.", request_id=request))
            assert await asked == "I may not."

    async def hold(stage: Stage) -> str:
        try:
            return await stage.session.ask("Well?")
        except RealtimeError as error:
            return str(error)

    play(script, model)


def test_a_model_that_cannot_and_too_many_questions() -> None:
    async def cannot(stage: Stage) -> None:
        with pytest.raises(SpeechError, match="in the conversation alone"):
            await stage.session.ask("Well?")

    play(cannot, ScriptedModel(capabilities=rt.Capabilities(out_of_band=False)))

    async def too_many(stage: Stage) -> None:
        asked = [stage.session.ask("Well?", seconds=1.0) for _ in range(MOST_WAITING + 1)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers] == [RealtimeError] * MOST_WAITING + [SpeechError]

    play(too_many)
