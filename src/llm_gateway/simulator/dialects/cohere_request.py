"""Reading a Cohere v2 chat request: what it asks for, and what Cohere would refuse in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.checks import (
    encoded_size,
    functions,
    integer,
    number,
    parts,
    section,
    some_objects,
    strings,
    text,
)
from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import Ask, Tool
from llm_gateway.simulator.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, estimate

FRONT = Front.COHERE
ROLES = ("system", "user", "assistant", "tool")


def read(request: Mapping[str, Any]) -> Ask:
    """What the request asks for; raises Problem where Cohere would refuse it."""
    model, messages = text(request, "model", FRONT), some_objects(request, "messages", FRONT)
    for index, message in enumerate(messages):
        _check(message, f"messages[{index}]")
    number(request, "temperature", 0, 1, FRONT)
    number(request, "p", 0, 1, FRONT)
    last = max((i for i, message in enumerate(messages) if message["role"] == "user"), default=len(messages) - 1)
    sizes = [_size(message) for message in messages]
    prompt = sum(sizes) + encoded_size(request.get("tools")) + encoded_size(request.get("documents"))
    tools, documents = functions(request, FRONT), request.get("documents")
    schema, json_mode = _format(request)
    return Ask(
        model=model,
        text=_text(messages[last]),
        prompt_tokens=prompt,
        earlier_tokens=prompt - sizes[last],
        images=sum(part.get("type") == "image_url" for part in parts(messages[last].get("content"))),
        files=len(documents) if isinstance(documents, list) else 0,
        tools=tools,
        choice=_choice(request, tools),
        results=tuple(_text(message) for message in messages[last + 1 :] if message["role"] == "tool"),
        limit=integer(request, "max_tokens", 1, FRONT),
        stop=strings(request, "stop_sequences", 5, FRONT),
        schema=schema,
        json_mode=json_mode,
        thinking=section(request, "thinking", FRONT).get("type") == "enabled",
    )


def _check(message: Mapping[str, Any], at: str) -> None:
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise out_of_range(f"{at}.role", f"must be one of {', '.join(ROLES)}", FRONT)
    if not isinstance(content, str | list | None):
        raise wrong_type(f"{at}.content", "string or array", FRONT)
    if content is None and role != "assistant":
        raise missing(f"{at}.content", FRONT)
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise missing(f"{at}.tool_call_id", FRONT)


def _text(message: Mapping[str, Any]) -> str:
    """The text of a message; of a tool's result the data of its documents too."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    said = []
    for part in parts(content):
        document = part.get("document")
        if part.get("type") == "text":
            said.append(str(part.get("text", "")))
        elif isinstance(document, dict):
            said.append(str(document.get("data", "")))
    return "".join(said)


def _size(message: Mapping[str, Any]) -> int:
    images = sum(1 for part in parts(message.get("content")) if part.get("type") == "image_url")
    said = estimate(_text(message)) + encoded_size(message.get("tool_calls"))
    return MESSAGE_TOKENS + said + images * IMAGE_TOKENS


def _choice(request: Mapping[str, Any], tools: tuple[Tool, ...]) -> str:
    choice = request.get("tool_choice")
    if choice is None:
        return "auto"
    if choice not in ("REQUIRED", "NONE"):
        raise out_of_range("tool_choice", "must be one of REQUIRED, NONE", FRONT)
    if not tools:
        raise out_of_range("tool_choice", "can only be specified with tools", FRONT)
    return "any" if choice == "REQUIRED" else "none"


def _format(request: Mapping[str, Any]) -> tuple[Any, bool]:
    wanted = section(request, "response_format", FRONT)
    if wanted.get("type") != "json_object":
        return None, False
    schema = wanted.get("json_schema", wanted.get("schema"))
    return schema, schema is None
