"""A whole answer, wire to neutral, and the look at one that passes through."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import Audio, ChatReply, Choice, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.openai_chat import wire
from llm_gateway.dialects.openai_chat.errors import fault_of
from llm_gateway.dialects.openai_chat.finish import parse_finish
from llm_gateway.dialects.openai_chat.messages_in import arguments_of
from llm_gateway.dialects.openai_chat.reasoning import parse_reasoning
from llm_gateway.dialects.openai_chat.usage import UsageWire, parse_usage, read_usage
from llm_gateway.dialects.received import receive

_Shape = TypeVar("_Shape", bound="Envelope")


class Anything(msgspec.Struct, gc=False):
    """An object, whatever is in it."""


class CheckedChoice(msgspec.Struct, gc=False):
    """message: chat; text: text completions."""

    message: Anything | None = None
    text: str | None = None


class Envelope(msgspec.Struct, gc=False):
    """What every answer has around its choices."""

    model: str | None = None
    usage: Raw = wire.NULL
    error: Any = None


class Checked(Envelope, gc=False):
    choices: list[CheckedChoice] | None = None


class Called(msgspec.Struct, gc=False):
    """A function's or a custom tool's call. Unlike in a request (wire.py), what it has beyond that is no harm."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    input: str | None = None


class CallWire(msgspec.Struct, gc=False):
    id: str | None = None
    function: Called | None = None
    custom: Called | None = None


class Spoken(msgspec.Struct, gc=False):
    id: str | None = None
    data: str | None = None
    transcript: str | None = None
    expires_at: Any = None


class BlockWire(wire.OpaqueBlockWire, forbid_unknown_fields=False, gc=False):
    """As wire.py has it, with whatever is beside."""


class ReplyMessage(msgspec.Struct, gc=False):
    content: str | list[Any] | None = None
    refusal: str | None = None
    tool_calls: list[CallWire] | None = None
    function_call: Called | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    annotations: list[Any] | None = None
    citations: list[Any] | None = None
    opaque_blocks: list[BlockWire] | None = None
    audio: Spoken | None = None


class ReplyChoice(msgspec.Struct, gc=False):
    index: int | None = None
    message: ReplyMessage | None = None
    finish_reason: str | None = None
    native_finish_reason: Any = None
    stop_reason: Any = None
    logprobs: Raw = wire.NULL


class Reply(Envelope, gc=False):
    id: str | None = None
    created: Any = None
    service_tier: Any = None
    system_fingerprint: Any = None
    choices: list[ReplyChoice] | None = None
    citations: Any = None


class Plain(msgspec.Struct, gc=False):
    """What nearly every answer is: one decoding gives choices and usage."""

    choices: list[CheckedChoice]
    model: str = ""
    usage: UsageWire | None = None
    error: Any = None


_decode_plain = msgspec.json.Decoder(Plain).decode


def check_reply(body: bytes) -> ReplyFacts:
    """Raises UpstreamMalformed for what is no answer. Serves text completions too."""
    try:
        if not body.isascii():
            body.decode()
        plain = _decode_plain(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return _check_closely(body)
    if plain.error or not plain.choices:
        return _check_closely(body)
    for choice in plain.choices:
        if choice.message is None and choice.text is None:
            return _check_closely(body)
    return ReplyFacts(parse_usage(plain.usage), plain.model)


def _check_closely(body: bytes) -> ReplyFacts:
    """What is unusual: repaired where it can be, refused with the reason where not."""
    reply = read_reply(body, Checked)
    if not reply.choices or any(choice.message is None and choice.text is None for choice in reply.choices):
        raise UpstreamMalformed("The provider's answer has no choices")
    return ReplyFacts(read_usage(reply.usage), reply.model or "")


def read_reply(body: bytes, shape: type[_Shape]) -> _Shape:
    """`body` as `shape`. Raises UpstreamMalformed: not JSON, not that shape, or an error inside of a success."""
    reply = receive(body, shape)
    if reply.error:
        fault = fault_of({"error": reply.error})
        raise UpstreamMalformed(
            f"The provider reported an error: {fault.message}" if fault.message else "The provider reported an error"
        )
    return reply


def parse_reply(body: bytes) -> ChatReply:
    """Raises UpstreamMalformed."""
    reply = read_reply(body, Reply)
    if not reply.choices or any(choice.message is None for choice in reply.choices):
        raise UpstreamMalformed("The provider's answer has no choices")
    ident = reply.id or ""
    return ChatReply(
        id=ident,
        model=reply.model or "",
        choices=tuple(_choice(choice, place, ident, reply.citations) for place, choice in enumerate(reply.choices)),
        usage=read_usage(reply.usage),
        created=int(reply.created) if isinstance(reply.created, int | float) else None,
        service_tier=text_or_none(reply.service_tier),
        fingerprint=text_or_none(reply.system_fingerprint),
    )


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def content_parts(content: Any) -> list[Part]:
    """A string, or Mistral's list of text and thinking. Parts of another kind become opaque."""
    if isinstance(content, str):
        return [Text(content)] if content else []
    parts: list[Part] = []
    for piece in content if isinstance(content, list) else ():
        if not isinstance(piece, dict):
            parts += [Text(piece)] if isinstance(piece, str) else []
            continue
        kind = piece.get("type")
        said = piece.get(kind) if isinstance(kind, str) else None
        if kind == "thinking" and isinstance(said, list):
            said = "".join(inner["text"] for inner in said if isinstance(inner, dict) and isinstance(inner.get("text"), str))
        if kind == "text" and isinstance(said, str):
            parts.append(Text(said))
        elif kind == "thinking" and isinstance(said, str):
            parts.append(Reasoning(said))
        elif kind == "refusal" and isinstance(said, str):
            parts.append(Refusal(said))
        else:
            parts.append(Opaque("openai_chat", str(kind), Raw(encode(piece))))
    return parts


def call_id(given: str | None, reply: str, place: int) -> str:
    """Some servers give no ids; results could not be told apart without."""
    return given or f"call_{reply}_{place}"


def _choice(choice: ReplyChoice, place: int, reply: str, sources: Any) -> Choice:
    message = choice.message or ReplyMessage()
    parts = parse_reasoning(message.reasoning_content or message.reasoning, message.reasoning_details)
    parts += [Opaque(block.dialect, block.kind, block.block) for block in message.opaque_blocks or ()]
    parts += _cited(content_parts(message.content), message, sources)
    if message.refusal:
        parts.append(Refusal(message.refusal))
    spoken = message.audio
    if spoken is not None and (spoken.id or spoken.data):  # Snowflake fills in empty ones
        expires = spoken.expires_at if isinstance(spoken.expires_at, int) else None
        parts.append(Audio(spoken.data or "", "", spoken.id, spoken.transcript, expires))
    for number, call in enumerate(message.tool_calls or ()):
        ident = call_id(call.id, reply, number)
        if call.custom is not None:
            parts.append(ToolCall(ident, call.custom.name or "", call.custom.input or "", custom=True))
        else:
            function = call.function or Called()
            if function.name or call.id:
                parts.append(ToolCall(ident, function.name or "", arguments_of(function.arguments)))
    function = message.function_call or Called()
    if function.name:
        parts.append(ToolCall(call_id(None, reply, 0), function.name, arguments_of(function.arguments)))
    return Choice(
        index=place if choice.index is None else choice.index,
        parts=tuple(parts),
        finish=parse_finish(
            choice.finish_reason, choice.native_finish_reason, calls=any(isinstance(part, ToolCall) for part in parts)
        ),
        stop_sequence=text_or_none(choice.stop_reason),
        logprobs=None if choice.logprobs == wire.NULL else choice.logprobs,
    )


def _cited(parts: list[Part], message: ReplyMessage, sources: Any) -> list[Part]:
    """Gives the last text the sources: the message's own, or the list of URLs that Perplexity puts beside the choices."""
    cited = message.citations or message.annotations
    if not cited and isinstance(sources, list):
        cited = [{"url": source} for source in sources if isinstance(source, str)]
    if cited:
        for place in range(len(parts) - 1, -1, -1):
            part = parts[place]
            if isinstance(part, Text):
                parts[place] = msgspec.structs.replace(part, citations=tuple(cited))
                break
    return parts
