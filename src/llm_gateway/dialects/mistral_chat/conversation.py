"""The conversation as Mistral takes it: what it has of its own before it is rendered in OpenAI's shape, what it refuses after.

Its order of roles is that of mistral-common's validator: no system after an assistant or a tool, no user straight after a tool,
and at the end a user or a tool, or an assistant whose text goes on (`prefix`).
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from msgspec import Raw, structs

from llm_gateway.core.chat import ChatRequest, Document, Message, Opaque, Part, ToolResult
from llm_gateway.core.json import encode
from llm_gateway.dialects.bedrock_converse.ids import nine_of
from llm_gateway.dialects.openai_chat.paths import Paths, Where, inside

_KIN = "openai_chat"
_ID = re.compile(r"[a-zA-Z0-9]{9}")
_BETWEEN = "OK"
"""What the assistant is made to say between a tool's result and a user's next word, where nobody said anything."""


def prepared(request: ChatRequest, dropped: list[str]) -> ChatRequest:
    """`request` with documents in Mistral's own shape, and instructions that come late as words of the user."""
    paths = Paths(request)
    messages: list[Message] = []
    begun = False
    for index, message in enumerate(request.messages):
        parts = tuple(_part(part, partial(paths.part, index, place), dropped) for place, part in enumerate(message.parts))
        role = message.role
        if begun and role in {"system", "developer"}:
            role = "user"
            dropped.append(f"{paths.message(index)}.role")
        begun = begun or role in {"assistant", "tool"}
        if parts != message.parts or role != message.role:
            message = Message(role, parts, message.name)  # noqa: PLW2901 - the same one, prepared
        messages.append(message)
    return structs.replace(request, messages=tuple(messages))


def _part(part: Part, where: Where, dropped: list[str]) -> Part:
    if isinstance(part, ToolResult):
        parts = tuple(_part(inner, partial(inside, where, place), dropped) for place, inner in enumerate(part.parts))
        return structs.replace(part, parts=parts) if parts != part.parts else part
    if not isinstance(part, Document) or part.text is not None or part.file_id is not None:
        return part
    url = part.url if part.data is None else f"data:{part.media_type or 'application/pdf'};base64,{part.data}"
    shown = {"type": "document_url", "document_url": url}
    if part.name is not None:
        shown["document_name"] = part.name
    lost = {"citations": part.citations, "context": part.context is not None, "cache_control": part.cache is not None}
    dropped += [f"{where()}.{name}" for name, there in lost.items() if there]
    return Opaque(_KIN, "document_url", Raw(encode(shown)))


def settle(messages: list[dict[str, Any]], dropped: list[str]) -> list[dict[str, Any]]:
    """Rendered messages with what Mistral takes, in an order that it takes."""
    out: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        role = message["role"]
        if role != "tool" and message.pop("name", None) is not None:
            dropped.append(f"messages[{index}].name")
        if role == "assistant":
            _assistant(message)
        elif role == "tool":
            message["tool_call_id"] = nine(message["tool_call_id"])
        elif role == "user":
            _user(message)
            if out and out[-1]["role"] == "tool":
                out.append({"role": "assistant", "content": _BETWEEN})
        out.append(message)
    if out[-1]["role"] == "assistant" and not out[-1].get("tool_calls"):
        out[-1].setdefault("prefix", True)
    return out


def nine(ident: str) -> str:
    """An id of a tool call as Mistral wants it; a call and its result keep belonging together."""
    return ident if _ID.fullmatch(ident) else nine_of(ident)


def _assistant(message: dict[str, Any]) -> None:
    content = message.get("content") or ""
    refusal, thought = message.pop("refusal", None), message.pop("reasoning_content", None)
    message.pop("annotations", None)
    message.pop("audio", None)
    if refusal or thought:
        parts = [{"type": "text", "text": content}] if isinstance(content, str) and content else list(content)
        if refusal:
            parts.append({"type": "text", "text": refusal})
        if thought:
            parts.insert(0, {"type": "thinking", "thinking": [{"type": "text", "text": thought}]})
        content = parts
    message["content"] = content
    for call in message.get("tool_calls") or ():
        call["id"] = nine(call["id"])


def _user(message: dict[str, Any]) -> None:
    """Files that Mistral itself keeps have their id beside the type."""
    content = message["content"]
    for part in content if isinstance(content, list) else ():
        if part.get("type") == "file" and isinstance(part.get("file"), dict) and "file_id" in part["file"]:
            part["file_id"] = part.pop("file")["file_id"]
