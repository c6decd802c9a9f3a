"""Reading fields of a request that providers refuse when they have another type. `at` is the field's path in the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import Tool
from llm_gateway.simulator.tokens import estimate


def text(holder: Mapping[str, Any], name: str, front: Front) -> str:
    """A required, non-empty string."""
    value = holder.get(name)
    if value is None or value == "":
        raise missing(name, front)
    if not isinstance(value, str):
        raise wrong_type(name, "string", front)
    return value


def integer(holder: Mapping[str, Any], name: str, least: int, front: Front, most: int = 10_000_000) -> int | None:
    """An optional integer within bounds."""
    value = holder.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, "integer", front)
    if not least <= value <= most:
        raise out_of_range(name, f"must be between {least} and {most}", front)
    return value


def number(holder: Mapping[str, Any], name: str, least: float, most: float, front: Front) -> None:
    """Refuse an optional number that is none or is out of bounds."""
    value = holder.get(name)
    if value is None:
        return
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise wrong_type(name, "number", front)
    if not least <= value <= most:
        raise out_of_range(name, f"must be between {least} and {most}", front)


def strings(holder: Mapping[str, Any], name: str, most: int, front: Front) -> tuple[str, ...]:
    """An optional list of at most `most` strings."""
    value = holder.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise wrong_type(name, "list of strings", front)
    if len(value) > most:
        raise out_of_range(name, f"at most {most} are allowed", front)
    return tuple(value)


def section(holder: Mapping[str, Any], name: str, front: Front) -> dict[str, Any]:
    """An optional object; empty when it is not there."""
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_type(name, "object", front)
    return value


def objects(holder: Mapping[str, Any], name: str, front: Front) -> list[dict[str, Any]]:
    """An optional list of objects."""
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong_type(name, "array", front)
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise wrong_type(f"{name}[{index}]", "object", front)
    return value


def some_objects(holder: Mapping[str, Any], name: str, front: Front) -> list[dict[str, Any]]:
    """A required list of one object at least."""
    found = objects(holder, name, front)
    if not found:
        raise missing(name, front)
    return found


def functions(request: Mapping[str, Any], front: Front) -> tuple[Tool, ...]:
    """Optional `tools` in the shape that OpenAI gave them."""
    found = []
    for index, tool in enumerate(objects(request, "tools", front)):
        function = tool.get("function")
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise missing(f"tools[{index}].function.name", front)
        found.append(Tool(name=function["name"], schema=function.get("parameters")))
    return tuple(found)


def parts(content: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing for what is no list."""
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def encoded_size(value: Any) -> int:
    """Tokens of a value as JSON; none for nothing."""
    return estimate(msgspec.json.encode(value).decode()) if value else 0
