"""Reading a Responses request: what it asks for, and what OpenAI would refuse in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.checks import encoded_size, integer, number, objects, parts, section, strings, text
from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import Ask, Tool
from llm_gateway.simulator.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, estimate

FRONT = Front.RESPONSES
ROLES = ("assistant", "developer", "system", "user")
RESULTS = ("function_call_output", "custom_tool_call_output")
TEXTS = ("input_text", "output_text", "text", "refusal")


def read(request: Mapping[str, Any]) -> Ask:
    """What the request asks for; raises Problem where OpenAI would refuse it."""
    model, items = text(request, "model", FRONT), _items(request)
    number(request, "temperature", 0, 2, FRONT)
    number(request, "top_p", 0, 1, FRONT)
    strings(request, "include", 20, FRONT)
    last = max((i for i, item in enumerate(items) if item.get("role") == "user"), default=len(items) - 1)
    sizes = [_size(item) for item in items]
    tools = _tools(request)
    base = estimate(str(request.get("instructions") or "")) + encoded_size(request.get("tools"))
    schema, json_mode = _format(section(request, "text", FRONT))
    kinds = [part.get("type") for part in parts(items[last].get("content"))]
    return Ask(
        model=model,
        text=_text(items[last].get("content")),
        prompt_tokens=base + sum(sizes),
        earlier_tokens=base + sum(sizes) - sizes[last],
        images=kinds.count("input_image"),
        files=kinds.count("input_file") + kinds.count("input_audio"),
        tools=tools,
        choice=_choice(request, tools),
        parallel=request.get("parallel_tool_calls") is not False,
        results=tuple(_text(item.get("output")) for item in items[last + 1 :] if item.get("type") in RESULTS),
        limit=integer(request, "max_output_tokens", 1, FRONT),
        schema=schema,
        json_mode=json_mode,
        thinking=section(request, "reasoning", FRONT).get("effort") not in (None, "none"),
    )


def _items(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The input as items; a plain string is one message of the user."""
    given = request.get("input")
    if given is None:
        raise missing("input", FRONT)
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    items = objects(request, "input", FRONT)
    if not items:
        raise out_of_range("input", "empty array. Expected an array with minimum length 1", FRONT)
    for index, item in enumerate(items):
        if item.get("type", "message") == "message":
            if item.get("role") not in ROLES:
                raise out_of_range(f"input[{index}].role", f"supported values are {', '.join(ROLES)}", FRONT)
            if not isinstance(item.get("content"), str | list):
                raise wrong_type(f"input[{index}].content", "string or array of objects", FRONT)
        elif item["type"] in RESULTS and not isinstance(item.get("call_id"), str):
            raise missing(f"input[{index}].call_id", FRONT)
    return items


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    found = (part for part in parts(content) if part.get("type") in TEXTS)
    return "".join(str(part.get("text") or part.get("refusal") or "") for part in found)


def _size(item: Mapping[str, Any]) -> int:
    if item.get("type", "message") != "message":
        return MESSAGE_TOKENS + encoded_size(item)
    content = item.get("content")
    others = [part for part in parts(content) if part.get("type") not in TEXTS]
    return MESSAGE_TOKENS + estimate(_text(content)) + len(others) * IMAGE_TOKENS


def _tools(request: Mapping[str, Any]) -> tuple[Tool, ...]:
    """The functions; tools that run at the provider are taken and never called."""
    found = []
    for index, tool in enumerate(objects(request, "tools", FRONT)):
        if not isinstance(tool.get("type"), str):
            raise missing(f"tools[{index}].type", FRONT)
        if tool["type"] != "function":
            continue
        if not isinstance(tool.get("name"), str):
            raise missing(f"tools[{index}].name", FRONT)
        found.append(Tool(name=tool["name"], schema=tool.get("parameters")))
    return tuple(found)


def _choice(request: Mapping[str, Any], tools: tuple[Tool, ...]) -> str:
    choice = request.get("tool_choice")
    if isinstance(choice, dict):
        if choice.get("type") == "function":
            return str(choice.get("name"))
        return "any" if choice.get("mode") == "required" else "auto"
    if choice not in (None, "auto", "none", "required"):
        raise out_of_range("tool_choice", "supported values are none, auto, required", FRONT)
    if choice == "required" and not request.get("tools"):
        raise out_of_range("tool_choice", "'required' is only allowed when 'tools' are specified", FRONT)
    return "any" if choice == "required" and tools else str(choice or "auto")


def _format(wanted: Mapping[str, Any]) -> tuple[Any, bool]:
    form = wanted.get("format")
    if not isinstance(form, dict):
        return None, False
    if form.get("type") == "json_schema":
        if not isinstance(form.get("name"), str):
            raise missing("text.format.name", FRONT)
        return form.get("schema", True), False
    return None, form.get("type") == "json_object"
