"""What a `response.create` asks for, with the session's settings filled in. Pure."""

from typing import Any

from agent_worker.localmodel.client_events import ItemReference, ResponseParameters, item_of
from agent_worker.localmodel.conversation import Conversation
from agent_worker.localmodel.dialogue import Line, Situation
from agent_worker.localmodel.items import from_client
from agent_worker.localmodel.refusals import EventRefusedError
from agent_worker.localmodel.responses import Order
from agent_worker.localmodel.settings import CustomVoice, Session, ToolChoice, ToolChoiceFunction


def order_of(given: ResponseParameters | None, session: Session, conversation: Conversation, *, hears: bool) -> Order:
    """The order for one response.

    Args:
        given: The event's `response`, or None.
        session: The settings that hold where it says nothing.
        conversation: Where references to items lead.
        hears: Whether there is a recogniser.

    Raises:
        EventRefusedError: Its input has a wrong item or refers to one that is not there.

    """
    asked = given or ResponseParameters()
    output = asked.audio.output if asked.audio is not None else None
    tools = asked.tools if asked.tools is not None else session.tools
    voice = _voice(output.voice if output is not None and output.voice else session.audio.output.voice)
    own_input = asked.input is not None
    situation = Situation(
        instructions=session.instructions,
        request=asked.instructions,
        tools=tuple(tool.spec() for tool in tools),
        tool_choice=_choice(asked.tool_choice or session.tool_choice),
        history=_lines(asked.input or [], conversation),
        voice=voice,
        hears=hears,
    )
    return Order(
        modality=(asked.output_modalities or session.output_modalities)[0],
        audio_format=output.format if output is not None and output.format else session.audio.output.format,
        voice=voice,
        speed=session.audio.output.speed,
        max_output_tokens=asked.max_output_tokens or session.max_output_tokens,
        in_conversation=asked.conversation != "none",
        metadata=asked.metadata,
        situation=situation,
        has_own_input=own_input,
    )


def _voice(voice: str | CustomVoice | dict[str, Any]) -> str:
    match voice:
        case str():
            return voice
        case CustomVoice():
            return voice.id
        case dict():
            return str(voice.get("id", ""))


def _choice(choice: ToolChoice) -> str:
    return choice.name if isinstance(choice, ToolChoiceFunction) else choice


def _lines(bodies: list[dict[str, Any]], conversation: Conversation) -> tuple[Line, ...]:
    lines: list[Line] = []
    for number, body in enumerate(bodies):
        path = f"response.input[{number}]"
        if body.get("type") == "item_reference":
            reference = ItemReference.model_validate({"id": "", **body})
            if conversation.find(reference.id) is None:
                raise EventRefusedError(
                    f"Error adding item: the item with id '{reference.id}' does not exist.",
                    code="invalid_value",
                    param=f"{path}.id",
                )
            lines += conversation.lines([reference.id])
            continue
        alone = Conversation()
        alone.add(from_client(item_of(body, path), f"input_{number}"))
        lines += alone.lines()
    return tuple(lines)
