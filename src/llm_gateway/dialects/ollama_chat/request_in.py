"""A chat request, wire to neutral, and what /api/generate has in common with it."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Message, ReasoningRequest, ResponseFormat, Tool
from llm_gateway.core.json import decode
from llm_gateway.dialects.invalid import check_model, read, refuse, refuse_duplicates
from llm_gateway.dialects.ollama_chat.messages_in import Messages
from llm_gateway.dialects.ollama_chat.opened import Opened
from llm_gateway.dialects.ollama_chat.view import MAX_MESSAGES, WATCHED, check_format
from llm_gateway.dialects.ollama_chat.wire import NAME, NULL, Asked, FunctionWire, OptionsWire, RequestWire, ToolWire
from llm_gateway.dialects.openai_chat.request_in import others, present

_KNOWN = frozenset(RequestWire.__struct_fields__)
_BRACE = b"{"[0]


def parse_request(body: bytes) -> ChatRequest:
    """Raises InvalidRequest or MalformedBody."""
    request = read(body, RequestWire)
    refuse_duplicates(body, WATCHED)
    check_model(request.model)
    if not request.messages:
        raise refuse("messages", "there must be at least one: the chosen provider has no models to load", "empty_messages")
    if len(request.messages) > MAX_MESSAGES:
        raise refuse("messages", f"there may be at most {MAX_MESSAGES}")
    opened = Opened(others(body, _KNOWN))
    options = parse_options(request.options, opened)
    messages = Messages(opened)
    said = messages.parse(request.messages)
    tools = tuple(_tool(tool, f"tools[{index}]", opened) for index, tool in enumerate(request.tools or ()))
    return neutral(request, options, opened, said, tuple(messages.places), tools=tools, dialect=NAME)


def neutral(
    request: Asked,
    options: OptionsWire,
    opened: Opened,
    messages: tuple[Message, ...],
    places: tuple[tuple[str, ...], ...],
    *,
    tools: tuple[Tool, ...] = (),
    dialect: str,
) -> ChatRequest:
    """What a request asks for: `messages`, which stand at `places` of it, and all that both operations have."""
    return ChatRequest(
        model=request.model,
        messages=messages,
        tools=tools,
        max_tokens=maximum(options, opened),
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        stop=tuple(options.stop or ()),
        seed=options.seed,
        presence_penalty=options.presence_penalty,
        frequency_penalty=options.frequency_penalty,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs,
        response_format=parse_format(request.format),
        reasoning=parse_think(request.think),
        stream=request.stream is not False,
        include_usage=True,
        extra=opened.extra,
        dialect=dialect,
        places=places,
    )


def parse_options(raw: Raw, opened: Opened) -> OptionsWire:
    return OptionsWire() if raw == NULL else opened.take(raw, OptionsWire, "options")


def maximum(options: OptionsWire, opened: Opened) -> int | None:
    """num_predict; below 0 it means no limit, or the context's."""
    if options.num_predict is None or options.num_predict >= 0:
        return options.num_predict
    opened.extra["options.num_predict"] = Raw(str(options.num_predict).encode())
    return None


def parse_format(raw: Raw) -> ResponseFormat | None:
    check_format(raw)
    if memoryview(raw)[0] == _BRACE:
        return ResponseFormat("schema", schema=raw)
    wanted: Any = decode(bytes(raw), Any)
    if wanted not in {None, "", "json"}:
        raise refuse("format", 'it must be "json" or a JSON Schema')
    return ResponseFormat("json") if wanted else None


def parse_think(think: bool | str | None) -> ReasoningRequest | None:
    if think is None or think == "":
        return None
    return ReasoningRequest(effort=think) if isinstance(think, str) else ReasoningRequest(enabled=think)


def _tool(raw: Raw, path: str, opened: Opened) -> Tool:
    tool = opened.take(raw, ToolWire, path)
    if tool.type not in {None, "function"}:
        for name in [name for name in opened.extra if name.startswith(f"{path}.")]:
            del opened.extra[name]  # it goes on whole
        return Tool(tool.type or "", dialect=NAME, raw=raw)
    if tool.function == NULL:
        raise refuse(f"{path}.function", "it is required", "missing_field")
    function = opened.take(tool.function, FunctionWire, f"{path}.function")
    return Tool(function.name, function.description, present(function.parameters))
