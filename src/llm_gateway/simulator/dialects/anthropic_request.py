"""Reading an Anthropic Messages request: what it asks for, and what Anthropic would refuse in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import Ask, Tool, cached_tokens
from llm_gateway.simulator.tokens import IMAGE_TOKENS, MESSAGE_TOKENS, estimate


def read(request: Mapping[str, Any]) -> tuple[Ask, tuple[int, int]]:
    """The Ask, and how many prompt tokens are (written to, read from) the prompt cache.

    Everything up to the last cache_control mark is written to the cache; with "[cached]" in the last user message it
    is read from it instead, as on a second call. Nothing is remembered between requests.
    """
    model = _string(request, "model")
    limit = _integer(request, "max_tokens")
    messages = _messages(request)
    tools = _tools(request)
    sizes = [MESSAGE_TOKENS + _size(message["content"]) for message in messages]
    base = _size(request.get("system") or "")
    base += estimate(msgspec.json.encode(request["tools"]).decode()) if tools else 0
    last = max((i for i, m in enumerate(messages) if _spoken(m)), default=len(messages) - 1)
    choice, parallel = _choice(request)
    content = messages[last]["content"]
    ask = Ask(
        model=model,
        text=_text(content),
        prompt_tokens=base + sum(sizes),
        earlier_tokens=base + sum(sizes) - sizes[last],
        images=_kinds(content).count("image"),
        files=_kinds(content).count("document"),
        tools=tools,
        choice=choice,
        parallel=parallel,
        results=tuple(text for message in messages[last:] for text in _results(message["content"])),
        limit=limit,
        stop=_stop(request),
        schema=_schema(request),
        thinking=_thinking(request),
    )
    return ask, _caching(request, ask, base, sizes, messages)


def _caching(
    request: Mapping[str, Any], ask: Ask, base: int, sizes: list[int], messages: list[dict[str, Any]]
) -> tuple[int, int]:
    marked = [index for index, message in enumerate(messages) if _marked(message["content"])]
    covered = 0
    if marked:
        covered = base + sum(sizes[: marked[-1] + 1])
    elif _marked(request.get("system")) or _marked(request.get("tools")):
        covered = base
    found = cached_tokens(ask)
    if found and covered:
        return 0, covered
    return (0, found) if found else (covered, 0)


def _string(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if value is None:
        raise missing(name, Front.ANTHROPIC)
    if not isinstance(value, str) or not value:
        raise wrong_type(name, "string", Front.ANTHROPIC)
    return value


def _integer(request: Mapping[str, Any], name: str) -> int:
    value = request.get(name)
    if value is None:
        raise missing(name, Front.ANTHROPIC)
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, "integer", Front.ANTHROPIC)
    if value < 1:
        raise out_of_range(name, "must be greater than or equal to 1", Front.ANTHROPIC)
    return value


def _messages(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages = request.get("messages")
    if messages is None:
        raise missing("messages", Front.ANTHROPIC)
    if not isinstance(messages, list):
        raise wrong_type("messages", "list", Front.ANTHROPIC)
    if not messages:
        raise out_of_range("messages", "at least one message is required", Front.ANTHROPIC)
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            raise wrong_type(f"messages.{index}", "dictionary", Front.ANTHROPIC)
        if message.get("role") not in ("user", "assistant"):
            raise out_of_range(f"messages.{index}.role", "Input should be 'user' or 'assistant'", Front.ANTHROPIC)
        if message.get("content") is None:
            raise missing(f"messages.{index}.content", Front.ANTHROPIC)
        if not isinstance(message["content"], str | list):
            raise wrong_type(f"messages.{index}.content", "list", Front.ANTHROPIC)
    return messages


def _parts(content: Any) -> list[dict[str, Any]]:
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in _parts(content) if part.get("type") == "text")


def _kinds(content: Any) -> list[Any]:
    return [part.get("type") for part in _parts(content)]


def _results(content: Any) -> list[str]:
    return [_text(part.get("content", "")) for part in _parts(content) if part.get("type") == "tool_result"]


def _spoken(message: dict[str, Any]) -> bool:
    """A user message with words of its own, not only tool results."""
    return message["role"] == "user" and bool(_text(message["content"]))


def _size(content: Any) -> int:
    """Tokens of a content: text and tool traffic by length, images and files at a flat rate."""
    if isinstance(content, str):
        return estimate(content)
    total = 0
    for part in _parts(content):
        match part.get("type"):
            case "text":
                total += estimate(str(part.get("text", "")))
            case "image" | "document":
                total += IMAGE_TOKENS
            case "tool_result":
                total += MESSAGE_TOKENS + _size(part.get("content", ""))
            case _:
                total += estimate(msgspec.json.encode(part).decode())
    return total


def _marked(content: Any) -> bool:
    return any(part.get("cache_control") for part in _parts(content))


def _tools(request: Mapping[str, Any]) -> tuple[Tool, ...]:
    tools = request.get("tools")
    if tools is None:
        return ()
    if not isinstance(tools, list):
        raise wrong_type("tools", "list", Front.ANTHROPIC)
    found = []
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            raise missing(f"tools.{index}.name", Front.ANTHROPIC)
        found.append(Tool(name=tool["name"], schema=tool.get("input_schema")))
    return tuple(found)


def _choice(request: Mapping[str, Any]) -> tuple[str, bool]:
    choice = request.get("tool_choice")
    if choice is None:
        return "auto", True
    if not isinstance(choice, dict) or choice.get("type") not in ("auto", "any", "tool", "none"):
        raise out_of_range("tool_choice", "Input should be an object with a known type", Front.ANTHROPIC)
    parallel = choice.get("disable_parallel_tool_use") is not True
    return (str(choice.get("name")) if choice["type"] == "tool" else str(choice["type"])), parallel


def _stop(request: Mapping[str, Any]) -> tuple[str, ...]:
    stop = request.get("stop_sequences")
    if stop is None:
        return ()
    if not isinstance(stop, list) or not all(isinstance(item, str) for item in stop):
        raise wrong_type("stop_sequences", "list of strings", Front.ANTHROPIC)
    return tuple(stop)


def _schema(request: Mapping[str, Any]) -> Any:
    config = request.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else request.get("output_format")
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema":
        return wanted.get("schema", True)
    return None


def _thinking(request: Mapping[str, Any]) -> bool:
    thinking = request.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")
