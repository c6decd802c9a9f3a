"""Whether a body is what a provider takes, by the types of its SDK."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pydantic


def wrong(dialect: str, body: bytes) -> list[str]:
    """What is wrong with a request in `dialect`."""
    document = json.loads(body)
    check = _CHECKS.get(dialect)
    return [] if check is None else list(check(document))


def _typed(make: Callable[[], Any]) -> Callable[[Any], Iterator[str]]:
    @lru_cache
    def adapter() -> pydantic.TypeAdapter[Any]:
        return pydantic.TypeAdapter(make())

    def check(document: Any) -> Iterator[str]:
        try:
            _consume(adapter().validate_python(document))
        except pydantic.ValidationError as error:
            yield from (f"{'.'.join(map(str, each['loc']))[:100]}: {each['msg']}"[:200] for each in error.errors()[:3])

    return check


def _consume(value: Any) -> None:
    """An Iterable is looked at by pydantic only while it is read."""
    if isinstance(value, dict):
        for one in value.values():
            _consume(one)
    elif isinstance(value, list | tuple) or type(value).__name__ == "ValidatorIterator":
        for one in value:
            _consume(one)


def _chat() -> Any:
    from openai.types.chat import completion_create_params as params  # noqa: PLC0415

    return params.CompletionCreateParamsNonStreaming


def _responses() -> Any:
    from openai.types.responses import response_create_params as params  # noqa: PLC0415

    return params.ResponseCreateParamsNonStreaming


def _messages() -> Any:
    from anthropic.types.beta import message_create_params as params  # noqa: PLC0415

    return params.MessageCreateParamsNonStreaming


def _ollama() -> Any:
    from ollama._types import ChatRequest  # noqa: PLC0415

    return ChatRequest


def _any_stream(check: Callable[[Any], Iterator[str]]) -> Callable[[Any], Iterator[str]]:
    return lambda document: check({name: value for name, value in document.items() if name != "stream"})


def _converse(document: Any) -> Iterator[str]:
    from botocore import validate  # noqa: PLC0415

    report = validate.ParamValidator().validate(document | {"modelId": "m"}, _converse_shape())
    if report.has_errors():
        yield report.generate_report()[:300]


@lru_cache
def _converse_shape() -> Any:
    import botocore.session  # noqa: PLC0415

    return botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape


def _gemini(document: Any) -> Iterator[str]:
    from google.genai import types  # noqa: PLC0415

    known: dict[str, Any] = {
        "contents": list[types.Content],
        "systemInstruction": types.Content,
        "tools": list[types.Tool],
        "toolConfig": types.ToolConfig,
        "generationConfig": types.GenerationConfig,
        "safetySettings": list[types.SafetySetting],
    }
    for name, kind in known.items():
        if name in document:
            yield from (f"{name}.{problem}" for problem in _typed(lambda kind=kind: kind)(document[name]))


def _cohere(document: Any) -> Iterator[str]:
    from cohere import types  # noqa: PLC0415

    yield from _typed(lambda: list[types.ChatMessageV2])(document["messages"])
    if "tools" in document:
        yield from _typed(lambda: list[types.ToolV2])(document["tools"])


def _mistral(document: Any) -> Iterator[str]:
    from mistralai.client.models import ChatCompletionRequest  # noqa: PLC0415

    yield from _typed(lambda: ChatCompletionRequest)(document)


_CHECKS: dict[str, Callable[[Any], Iterator[str]]] = {
    "openai_chat": _any_stream(_typed(_chat)),
    "openai_responses": _any_stream(_typed(_responses)),
    "anthropic_messages": _any_stream(_typed(_messages)),
    "ollama_chat": _typed(_ollama),
    "bedrock_converse": _converse,
    "gemini": _gemini,
    "cohere_chat": _cohere,
    "mistral_chat": _mistral,
}
