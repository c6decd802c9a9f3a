"""A caller's request, wire to neutral."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, ReasoningRequest, ResponseFormat
from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.invalid import check_parts, refuse_duplicates
from llm_gateway.dialects.openai_responses import wire
from llm_gateway.dialects.openai_responses.items_in import ItemsIn
from llm_gateway.dialects.openai_responses.parts_in import present
from llm_gateway.dialects.openai_responses.tidy import Tidied
from llm_gateway.dialects.openai_responses.tools_in import parse_choice, parse_tool
from llm_gateway.dialects.openai_responses.view import WATCHED, check_limits, wants_input
from llm_gateway.dialects.tidying import read_tidied

_decode = msgspec.json.Decoder(wire.RequestWire).decode
_KINDS: Mapping[str, Literal["text", "json", "schema"]] = MappingProxyType(
    {"text": "text", "json_object": "json", "json_schema": "schema"}
)

LOGPROBS = "message.output_text.logprobs"
"""What `include` says for log probabilities."""


def parse_request(body: bytes) -> ChatRequest:
    """The whole request. Raises InvalidRequest or MalformedBody."""
    request, extra = _read(body)
    refuse_duplicates(body, WATCHED)
    check_limits(request)
    check_parts([item.content for item in request.input] if isinstance(request.input, list) else (), "input")
    check_parts([request.tools], "tools")
    if request.input is None:
        wants_input(extra)
    items = ItemsIn(extra)
    items.parse(request.instructions, request.input)
    messages, places = items.result()
    logprobs = LOGPROBS in included(extra) or bool(request.top_logprobs)
    return ChatRequest(
        model=request.model,
        messages=messages,
        tools=tuple([parse_tool(tool, f"tools[{index}]") for index, tool in enumerate(request.tools or ())]),
        tool_choice=parse_choice(request.tool_choice, extra),
        parallel_tool_calls=request.parallel_tool_calls,
        max_tokens=request.max_output_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        logprobs=True if logprobs else None,
        top_logprobs=request.top_logprobs,
        response_format=_format(request.text),
        reasoning=_reasoning(request.reasoning, extra),
        stream=request.stream is True,
        user=request.user,
        metadata=present(request.metadata),
        service_tier=request.service_tier,
        extra=extra,
        dialect=wire.NAME,
        places=places,
    )


def included(extra: dict[str, Raw]) -> list[str]:
    """The caller's `include`, as far as it is a list of words."""
    try:
        return decode(bytes(extra.get("include", wire.NULL)), list[str] | None) or []
    except msgspec.ValidationError:
        return []


def _read(body: bytes) -> tuple[wire.RequestWire, dict[str, Raw]]:
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look at the UTF-8 of what it skips, and we pass those bytes on
        request = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        pass  # something more, or something wrong: what follows takes it apart, and has the words
    else:
        if wire.fits(request):
            return request, {}
    return read_tidied(body, wire.RequestWire, Tidied)


def _format(text: wire.TextWire | None) -> ResponseFormat | None:
    if text is None or text.format is None:
        return None
    wanted = text.format
    return ResponseFormat(_KINDS[wanted.type], wanted.name, wanted.description, present(wanted.schema), wanted.strict)


def _reasoning(wanted: wire.ReasoningWire | None, extra: dict[str, Raw]) -> ReasoningRequest | None:
    """A summary that is wanted is text that comes back; how long it shall be, only this API asks."""
    if wanted is None or (wanted.effort is None and wanted.summary is None):
        return None
    if wanted.summary not in {None, "auto"}:
        extra["reasoning.summary"] = Raw(encode(wanted.summary))
    return ReasoningRequest(
        enabled=False if wanted.effort == "none" else None,
        effort=wanted.effort,
        display=None if wanted.summary is None else "summarized",
    )
