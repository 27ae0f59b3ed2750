"""What the items of a history look like in OpenAI's Realtime protocol, there and back. Pure."""

import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any, assert_never

from agent_worker.history.items import FunctionCall, FunctionCallOutput, Image, Item, Message, Role

CallIds = Callable[[str], str]
"""Our id of a call as the server takes it."""


def item_object(item: Item, *, call_id: CallIds, agent_text_part: str) -> dict[str, Any]:
    """The item of a conversation.item.create. A client cannot create an agent's audio: it goes back as text."""
    match item:
        case Message():
            part = agent_text_part if item.role is Role.ASSISTANT else "input_text"
            content: list[dict[str, Any]] = []
            if item.text or not item.images:
                content.append({"type": part, "text": item.text})
            content += [_image_part(image) for image in item.images]
            body: dict[str, Any] = {"type": "message", "role": item.role.value, "content": content}
        case FunctionCall():
            body = {
                "type": "function_call",
                "call_id": call_id(item.call_id),
                "name": item.name,
                "arguments": item.arguments,
            }
        case FunctionCallOutput():
            body = {"type": "function_call_output", "call_id": call_id(item.call_id), "output": item.output}
        case _:
            assert_never(item)
    return {"id": item.id, **body}


def _image_part(image: Image) -> dict[str, Any]:
    encoded = binascii.b2a_base64(image.data, newline=False).decode("ascii")
    url = f"data:{image.media_type};base64,{encoded}"
    return {"type": "input_image", "image_url": url, "detail": image.detail}


def read_item(raw: Mapping[str, Any]) -> tuple[Item | None, bytes]:
    """An item as the server keeps it, with its audio; None for a kind that has no place in our history.

    Raises:
        ValueError: Its audio is not base64.

    """
    item_id = _text(raw.get("id"))
    match raw.get("type"):
        case "message":
            parts = list(_mappings(raw.get("content")))
            try:
                role = Role(_text(raw.get("role")))
            except ValueError:
                return None, b""
            text = "".join(_text(part.get("text")) or _text(part.get("transcript")) for part in parts)
            pcm = b"".join(binascii.a2b_base64(_text(part.get("audio")), strict_mode=True) for part in parts)
            images = tuple(image for part in parts if (image := _image(part)) is not None)
            cut = role is Role.ASSISTANT and raw.get("status") == "incomplete"
            return Message(id=item_id, role=role, text=text, interrupted=cut, images=images), pcm
        case "function_call":
            return FunctionCall(
                id=item_id,
                call_id=_text(raw.get("call_id")),
                name=_text(raw.get("name")),
                arguments=_text(raw.get("arguments")),
            ), b""
        case "function_call_output":
            call_id, output = _text(raw.get("call_id")), _text(raw.get("output"))
            return FunctionCallOutput(id=item_id, call_id=call_id, output=output), b""
        case _:
            return None, b""


def _image(part: Mapping[str, Any]) -> Image | None:
    head, _, encoded = _text(part.get("image_url")).partition(";base64,")
    if not head.startswith("data:image/"):
        return None
    detail = part.get("detail")
    return Image(
        binascii.a2b_base64(encoded, strict_mode=True), detail=detail if detail in ("low", "high") else "auto"
    )


def _mappings(value: Any) -> Iterable[Mapping[str, Any]]:
    match value:
        case [*elements]:
            for element in elements:
                match element:
                    case {**part}:
                        yield part
                    case _:
                        continue
        case _:
            return


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
