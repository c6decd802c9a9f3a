"""Schemas on their way from callers to providers: paths, what is named, what strict means on both sides."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Message, ResponseFormat, Text, Tool
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.registry import DIALECTS

MODELS = {
    "openai_chat": "gpt-5",
    "openai_responses": "gpt-5",
    "anthropic_messages": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-pro",
    "bedrock_converse": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere_chat": "command-a-03-2025",
    "ollama_chat": "llama3.2",
}
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
OPTIONAL = {**CLOSED, "required": []}
LIMITED = {**CLOSED, "properties": {"a": {"type": "string", "pattern": "^b", "minLength": 2}}}
RECURSIVE = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
    "required": ["next"],
    "additionalProperties": False,
}


def render(back: str, dialect: str, model: str = "", **members: Any) -> tuple[Any, list[str]]:
    request = ChatRequest("m", (Message("user", (Text("hi"),)),), dialect=dialect, **members)
    rendered = DIALECTS[back].render_request(request, Target(model or MODELS[back]))  # type: ignore[attr-defined]
    return msgspec.json.decode(rendered.body), [name for name in rendered.dropped if "description" not in name]


def tool(
    back: str, dialect: str, schema: Any, strict: bool | None = None, model: str = "", description: str = "d"
) -> tuple[Any, Any, list[str]]:
    """The schema as it is sent, whether it is strict, and what is named."""
    body, dropped = render(back, dialect, model, tools=(Tool("f", description, Raw(encode(schema)), strict),))
    if back == "bedrock_converse":
        spec = body["toolConfig"]["tools"][0]["toolSpec"]
        return spec["inputSchema"]["json"], spec.get("strict"), dropped
    shown = body["tools"][0]
    if back == "gemini":
        return shown["functionDeclarations"][0]["parametersJsonSchema"], None, dropped
    inner = shown.get("function", shown)
    return inner.get("parameters", inner.get("input_schema")), inner.get("strict", body.get("strict_tools")), dropped


def answer_format(back: str, dialect: str, schema: Any, strict: bool | None = None) -> tuple[Any, list[str]]:
    return render(back, dialect, response_format=ResponseFormat("schema", "n", schema=Raw(encode(schema)), strict=strict))


@pytest.mark.parametrize("back", sorted(MODELS))
@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages", "gemini", "openai_responses", "ollama_chat"])
def test_a_plain_tool_stays_as_it_is(back: str, dialect: str) -> None:
    """To the byte, everywhere, and nothing is named."""
    data = b'{ "properties":{"b":{"type":"string"}, "a":{"type":"integer"}},"type" :"object","required":["a"]}'
    request = ChatRequest("m", (Message("user", (Text("hi"),)),), tools=(Tool("f", "d", Raw(data)),), dialect=dialect)
    rendered = DIALECTS[back].render_request(request, Target(MODELS[back]))  # type: ignore[attr-defined]
    assert data in rendered.body
    assert [name for name in rendered.dropped if "strict" not in name] == []


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("openai_chat", "tools[0].function.parameters"),
        ("ollama_chat", "tools[0].function.parameters"),
        ("openai_responses", "tools[0].parameters"),
        ("anthropic_messages", "tools[0].input_schema"),
        ("gemini", "tools[0].functionDeclarations[0].parameters"),
    ],
)
def test_what_cannot_cross_has_a_path_in_the_callers_document(dialect: str, path: str) -> None:
    """A constraint is named and told in the description, structure is refused."""
    shown, _, dropped = tool("cohere_chat", dialect, LIMITED)
    assert shown["properties"]["a"] == {"type": "string", "description": "(pattern: ^b, minLength: 2)"}
    assert dropped == [f"{path}.properties.a.pattern", f"{path}.properties.a.minLength"]
    with pytest.raises(Unsupported) as caught:
        tool("cohere_chat", dialect, {"type": "object", "properties": {"x": {"not": {"type": "string"}}}})
    assert caught.value.param == f"{path}.properties.x.not"
    assert caught.value.param in caught.value.message


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("openai_chat", "response_format.json_schema.schema"),
        ("openai_responses", "text.format.schema"),
        ("gemini", "generationConfig.responseSchema"),
        ("ollama_chat", "format"),
    ],
)
def test_so_has_the_schema_of_an_answer(dialect: str, path: str) -> None:
    """Free-form objects inside of it, say, which Anthropic does not enforce."""
    with pytest.raises(Unsupported) as caught:
        answer_format("anthropic_messages", dialect, {"type": "object", "properties": {"a": {"type": "object"}}})
    assert caught.value.param == f"{path}.properties.a.additionalProperties"
    body, dropped = answer_format("anthropic_messages", dialect, LIMITED)
    assert body["output_config"]["format"]["schema"]["properties"]["a"] == {
        "type": "string",
        "pattern": "^b",
        "description": "(minLength: 2)",
    }
    assert dropped == [f"{path}.properties.a.minLength"]


@pytest.mark.parametrize("back", ["openai_chat", "openai_responses", "anthropic_messages", "bedrock_converse"])
def test_strict_tools_of_other_dialects(back: str) -> None:
    """Strict where the provider's strict rules hold; else sent whole without, which is named."""
    dialect = "openai_chat" if back == "anthropic_messages" else "anthropic_messages"
    path = "tools[0].function.strict" if dialect == "openai_chat" else "tools[0].strict"
    assert tool(back, dialect, CLOSED, strict=True) == (CLOSED, True, [])
    mapped = {"type": "object", "properties": {"a": {"type": "object"}}, "additionalProperties": False, "required": ["a"]}
    shown, strict, dropped = tool(back, dialect, mapped, strict=True)
    assert (shown, bool(strict), dropped) == (mapped, False, [path])


def test_optional_properties_make_a_tool_less_than_strict_at_openai() -> None:
    """Saying `null` for what is absent would mean something else to the caller's tool."""
    assert tool("openai_chat", "anthropic_messages", OPTIONAL, strict=True) == (OPTIONAL, None, ["tools[0].strict"])
    assert tool("anthropic_messages", "openai_chat", OPTIONAL, strict=True) == (OPTIONAL, True, [])


def test_recursion() -> None:
    """Kept where it is allowed; no grammar of Anthropic's holds itself, but a tool that is not strict may."""
    assert tool("openai_chat", "anthropic_messages", RECURSIVE, strict=True) == (RECURSIVE, True, [])
    assert tool("anthropic_messages", "openai_chat", RECURSIVE, strict=True) == (RECURSIVE, None, ["tools[0].function.strict"])
    with pytest.raises(Unsupported, match="it holds itself") as caught:
        answer_format("anthropic_messages", "openai_chat", RECURSIVE)
    assert caught.value.param == "response_format.json_schema.schema.properties.next.anyOf[0].$ref"


@pytest.mark.parametrize("schema", [CLOSED, OPTIONAL, LIMITED, {"not": {}}])
@pytest.mark.parametrize("strict", [True, False])
def test_between_openais_two_dialects_strict_is_the_providers_business(schema: Any, strict: bool) -> None:
    """Whatever was said goes on, also what the provider will refuse."""
    assert tool("openai_responses", "openai_chat", schema, strict) == (schema, strict, [])
    assert tool("openai_chat", "openai_responses", schema, strict) == (schema, strict, [])


def test_unsaid_strict_between_openais_two_dialects() -> None:
    """A Responses caller's tool is strict if it can be, and asks Chat Completions for it; the other way it says that it is not."""
    assert tool("openai_chat", "openai_responses", CLOSED) == (CLOSED, True, [])
    assert tool("openai_chat", "openai_responses", OPTIONAL) == (OPTIONAL, None, [])
    assert tool("openai_responses", "openai_chat", CLOSED) == (CLOSED, False, [])
    assert answer_format("openai_chat", "openai_responses", CLOSED)[0]["response_format"]["json_schema"]["strict"] is True
    assert "strict" not in answer_format("openai_chat", "openai_responses", OPTIONAL)[0]["response_format"]["json_schema"]


def test_answers_that_were_bound_stay_bound() -> None:
    """Other dialects always follow a schema. OpenAI does so when it is strict: else what prevents it is named."""
    for dialect, path in (("anthropic_messages", "output_config.format.schema"), ("gemini", "generationConfig.responseSchema")):
        body, dropped = answer_format("openai_chat", dialect, CLOSED)
        assert (body["response_format"]["json_schema"]["strict"], dropped) == (True, [])
        body, dropped = answer_format("openai_chat", dialect, OPTIONAL)
        assert "strict" not in body["response_format"]["json_schema"]
        assert dropped == [f"{path}.required"]


def test_what_the_top_has_no_place_for_stands_in_the_tools_description() -> None:
    """At Ollama and at Amazon's Nova."""
    schema = {**CLOSED, "description": "about a", "minProperties": 1}
    for back, model, lost in (
        ("ollama_chat", "", []),
        ("bedrock_converse", "amazon.nova-lite-v1:0", ["tools[0].function.parameters.minProperties"]),
    ):
        body, dropped = render(back, "openai_chat", model, tools=(Tool("f", "d", Raw(encode(schema))),))
        shown = body["tools"][0]["function"] if back == "ollama_chat" else body["toolConfig"]["tools"][0]["toolSpec"]
        assert (shown["description"], dropped) == ("d\nabout a (minProperties: 1)", lost)


@pytest.mark.parametrize("dialect", ["anthropic_messages", "openai_chat", "openai_responses", "ollama_chat"])
def test_the_callers_own_dialect_takes_what_he_wrote(dialect: str) -> None:
    """His schema is his provider's business."""
    schema = {"type": "object", "properties": {"a": {"not": {}, "minLength": 2}}, "$comment": "c"}
    assert tool(dialect, dialect, schema)[0] == schema


@pytest.mark.parametrize("schema", [b"true", b"[]", b'"x"', b"7"])
@pytest.mark.parametrize("back", sorted(MODELS))
def test_what_is_no_object_never_fails(back: str, schema: bytes) -> None:
    """It goes on or becomes no parameters, as before."""
    render(back, "openai_chat", tools=(Tool("f", "d", Raw(schema), True),))
    render(back, "openai_chat", response_format=ResponseFormat("schema", "n", schema=Raw(schema)))
