"""The JSON Schema says what the loader accepts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from config.helpers_config import TYPES
from llm_gateway.config.jsonschema import schema
from llm_gateway.config.load import redacted
from llm_gateway.config.schema import Alias, Config, Deployment, Options, Provider

WHOLE = schema(TYPES)


def objects(part: Any = WHOLE) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for child in part.values():
            yield from objects(child)
    elif isinstance(part, list):
        for child in part:
            yield from objects(child)


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    return WHOLE["$defs"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part


def accepts(part: dict[str, Any] | bool, value: Any) -> bool:
    """As much of draft 2020-12 as the schema uses."""
    if isinstance(part, bool):
        return part
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "boolean": bool,
        "number": (int, float),
        "null": type(None),
    }
    known = {
        "$schema",
        "title",
        "$defs",
        "$ref",
        "type",
        "description",
        "default",
        "properties",
        "required",
        "additionalProperties",
        "anyOf",
        "allOf",
    }
    known |= {
        "if",
        "then",
        "items",
        "minItems",
        "enum",
        "const",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "format",
    }
    assert part.keys() <= known, part.keys() - known
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fields = part.get("properties", {})
    rest = part.get("additionalProperties", True)
    checks = [
        "$ref" not in part or accepts(resolved(part), value),
        "type" not in part
        or (isinstance(value, kinds[part["type"]]) and (part["type"] == "boolean" or not isinstance(value, bool))),
        "enum" not in part or value in part["enum"],
        "const" not in part or (value == part["const"] and type(value) is type(part["const"])),
        "anyOf" not in part or any(accepts(one, value) for one in part["anyOf"]),
        all(accepts(one, value) for one in part.get("allOf", [])),
        "if" not in part or not accepts(part["if"], value) or accepts(part["then"], value),
        not isinstance(value, str) or bool(re.search(part.get("pattern", ""), value)),
        not isinstance(value, str) or part.get("minLength", 0) <= len(value) <= part.get("maxLength", 1e9),
        not number
        or (
            part.get("minimum", value) <= value <= part.get("maximum", value) and value > part.get("exclusiveMinimum", value - 1)
        ),
        not isinstance(value, list)
        or (len(value) >= part.get("minItems", 0) and all(accepts(part.get("items", True), one) for one in value)),
        not isinstance(value, dict)
        or (set(part.get("required", [])) <= value.keys() and all(accepts(fields.get(k, rest), v) for k, v in value.items())),
    ]
    return all(checks)


def test_every_mapping_is_closed_and_every_key_described() -> None:
    """Editors underline an unknown key and show a line for each known one."""
    for part in objects():
        if "properties" in part and part.get("type") == "object":
            assert part["additionalProperties"] is False
            undescribed = [key for key, value in part["properties"].items() if "description" not in value]
            assert not undescribed
    assert {"server", "providers", "models", "auth"} <= WHOLE["properties"].keys()


def test_references_resolve_and_patterns_compile() -> None:
    """Nothing points nowhere."""
    for part in objects():
        if "$ref" in part:
            assert resolved(part)
        if isinstance(part.get("pattern"), str):
            re.compile(part["pattern"])


def test_every_default_is_accepted_by_its_own_schema() -> None:
    """Defaults are shown in the notation of a file, and the whole effective configuration fits."""
    shown = [part for part in objects() if "default" in part]
    assert len(shown) > 40
    assert [part for part in shown if not accepts({k: v for k, v in part.items() if k != "default"}, part["default"])] == []
    providers = {"openai": Provider(type="openai"), "s": Provider(type="simulator", options=Options(fault="503"))}
    config = Config(providers=providers, models={"a": Alias(deployments=(Deployment(model="openai/x"),))})
    assert accepts(WHOLE, redacted(config))


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ({"server": {"port": "${PORT}", "drain": "1m30s", "limits": {"body": 5}}}, True),
        ({"server": {"port": "8080"}}, False),
        ({"server": {"port": 70000}}, False),
        ({"server": {"drain": 30}}, False),
        ({"server": {"drain": 0, "keepalive": "0"}}, True),
        ({"server": {"prot": 1}}, False),
        ({"server": {"tls": {"cert": "a"}}}, False),
        ({"models": {"a": "openai/x", "b": {"deployments": ["openai/x", {"model": "openai/y"}]}}}, True),
        ({"models": {"a": {"deployments": []}}}, False),
        ({"models": {"a": {"strategy": "priority"}}}, False),
        ({"providers": {"openai": {"api_key": "${K}"}}}, True),
        ({"providers": {"a": {"type": "simulator", "fault": "503"}}}, True),
        ({"providers": {"a": {"type": "vllm", "fault": "503"}}}, False),
        ({"providers": {"a": {"type": "mine"}}}, True),  # provider_types may have it; the loader knows
        ({"providers": {"a": {"type": "my own"}}}, False),
        ({"provider_types": {"mine": {"endpoints": {"openai_chat": "/chat"}, "auth": {"header": "X-Key"}}}}, True),
        ({"provider_types": {"mine": {"endpoints": {"openai_chat": {"path": "/chat", "stream_path": "/s"}}}}}, True),
        ({"provider_types": {"mine": {"endpoints": {"openai_chat": {"paht": "/chat"}}}}}, False),
        ({"provider_types": {"mine": {"title": "No endpoints"}}}, False),
        ({"auth": {"keys": [{"name": "a", "key": "k", "on_loss": None}]}}, True),
        ({"auth": {"keys": [{"key": "k"}]}}, False),
    ],
)
def test_right_and_wrong_configurations_are_told_apart(value: object, good: bool) -> None:
    """The same ones as by the loader, as far as a schema can tell."""
    assert accepts(WHOLE, value) is good


def test_it_is_json() -> None:
    """It goes to a file as it is."""
    assert msgspec.json.decode(msgspec.json.encode(WHOLE)) == WHOLE
