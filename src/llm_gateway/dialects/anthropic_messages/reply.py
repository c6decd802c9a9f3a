"""A whole answer, both ways, and the look at one that passes through."""

from __future__ import annotations

from itertools import count
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import ChatReply, Choice, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages import wire
from llm_gateway.dialects.anthropic_messages.citations import shown
from llm_gateway.dialects.anthropic_messages.errors import parse_fault
from llm_gateway.dialects.anthropic_messages.stops import parse_stop, render_stop
from llm_gateway.dialects.anthropic_messages.usage import UsageWire, parse_usage, render_usage
from llm_gateway.dialects.anthropic_messages.view import Thing
from llm_gateway.dialects.arguments import arguments_of, input_of, unread
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.openai_chat.reply_in import call_id
from llm_gateway.dialects.received import answered_with_error, expect, receive

_Shape = TypeVar("_Shape", bound="Envelope")

TIERS = {"default": "standard", "standard": "standard", "priority": "priority", "batch": "batch"}


class ReplyBlock(msgspec.Struct, gc=False):
    """The members of the blocks that we know; of others only the type is looked at."""

    type: str
    text: str = ""
    citations: list[Any] | None = None
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")


class StopDetails(msgspec.Struct, gc=False):
    explanation: str | None = None


class Envelope(msgspec.Struct, gc=False):
    type: str = ""
    model: str | None = None
    usage: UsageWire | None = None
    error: Any = None


class Checked(Envelope, gc=False):
    content: list[Thing] | None = None


class Ended(Envelope, gc=False):
    id: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class Reply(Ended, gc=False):
    content: list[Raw] | None = None


class UsualReply(Ended, gc=False, kw_only=True):
    content: list[ReplyBlock]


_decode_checked = msgspec.json.Decoder(Checked).decode
_decode_usual = msgspec.json.Decoder(UsualReply).decode


def check_reply(body: bytes) -> ReplyFacts:
    """Raises UpstreamMalformed for what is no answer."""
    try:
        if not body.isascii():
            body.decode()
        reply = _decode_checked(body)
        if reply.error or reply.type == "error":
            reply = _read(body, Checked)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        reply = _read(body, Checked)  # repaired where it can be, refused with the reason where not
    if reply.content is None:
        raise UpstreamMalformed("The provider's answer has no content")
    return ReplyFacts(None if reply.usage is None else parse_usage(reply.usage), reply.model or "")


def parse_reply(body: bytes) -> ChatReply:
    """Raises UpstreamMalformed."""
    reply, parts = _read_usual(body) or _read_any(body)
    if reply.stop_details is not None:
        parts += explained(reply.stop_details)
    parts = _told_apart(parts, reply.id or "")
    usage = reply.usage
    return ChatReply(
        reply.id or "",
        reply.model or "",
        (Choice(0, parts, parse_stop(reply.stop_reason), reply.stop_sequence),),
        None if usage is None else parse_usage(usage),
        service_tier=None if usage is None else usage.service_tier,
    )


def _told_apart(parts: tuple[Part, ...], reply: str) -> tuple[Part, ...]:
    """Calls that a server gave no ids with some."""
    if all(part.id for part in parts if isinstance(part, ToolCall)):
        return parts
    calls = count()
    return tuple(
        [
            msgspec.structs.replace(part, id=call_id(part.id, reply, next(calls))) if isinstance(part, ToolCall) else part
            for part in parts
        ]
    )


def explained(details: StopDetails | None) -> tuple[Part, ...]:
    """Why the model refused, where the API says it."""
    return (Refusal(details.explanation),) if details is not None and details.explanation else ()


def _parse_block(block: ReplyBlock) -> Part | None:
    """None for a block that is only Anthropic's."""
    match block.type:
        case "text":
            return Text(block.text, None, tuple(block.citations)) if block.citations else Text(block.text)
        case "thinking":
            return Reasoning(block.thinking, block.signature or None)
        case "redacted_thinking":
            return Reasoning(redacted=block.data)
        case "tool_use":
            return ToolCall(block.id, block.name, arguments_of(block.input))
    return None


def render_reply(reply: ChatReply) -> bytes:
    """The first choice: the API knows one only. Members that the SDKs' types demand are there even when nothing is known."""
    choice = reply.choices[0] if reply.choices else Choice(0, ())
    calls = any(isinstance(part, ToolCall) for part in choice.parts)
    refused = any(isinstance(part, Refusal) for part in choice.parts)
    usage = render_usage(reply.usage)
    tier = TIERS.get(reply.service_tier or "")
    if tier is not None:
        usage["service_tier"] = tier
    return encode(
        {
            "id": reply.id,
            "type": "message",
            "role": "assistant",
            "model": reply.model,
            "content": [block for part in choice.parts if (block := render_block(part)) is not None],
            "stop_reason": render_stop(choice.finish, choice.stop_sequence, calls=calls, refused=refused),
            "stop_sequence": choice.stop_sequence,
            "usage": usage,
        }
    )


def render_block(part: Part) -> Any:
    """A block of an answer; None for what an Anthropic client could not read."""
    match part:
        case Text():
            block: dict[str, Any] = {"type": "text", "text": part.text}
            cited = shown(part.citations, part.text)
            return block | {"citations": cited} if cited else block
        case Refusal():
            return {"type": "text", "text": part.text}
        case Reasoning(redacted=str(data)):
            return wire.RedactedBlock(data)
        case Reasoning():
            return wire.ThinkingBlock(part.text, part.signature or "")
        case ToolCall():
            return wire.ToolUseBlock(part.id, part.name, input_of(part) or unread(part.arguments))
        case Opaque(dialect=wire.NAME):
            return part.raw
        case _:
            transcript = getattr(part, "transcript", None)
            return {"type": "text", "text": transcript} if transcript else None


def _read_usual(body: bytes) -> tuple[Ended, tuple[Part, ...]] | None:
    """An answer of nothing but blocks that we know, read at one go; None for any other, and for what is wrong."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look at the UTF-8 of a call's input, and we pass those bytes on
        reply = _decode_usual(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
    if reply.type == "error" or reply.error:
        return None
    parts: list[Part] = []
    for block in reply.content:
        part = _parse_block(block)
        if part is None:
            return None
        parts.append(part)
    return reply, tuple(parts)


def _read_any(body: bytes) -> tuple[Ended, tuple[Part, ...]]:
    """Block by block, for those that go on whole."""
    reply = _read(body, Reply)
    if reply.content is None:
        raise UpstreamMalformed("The provider's answer has no content")
    return reply, tuple([_part(raw) for raw in reply.content])


def _part(raw: Raw) -> Part:
    block = expect(bytes(raw), ReplyBlock, "The provider's answer holds a block that cannot be read")
    return _parse_block(block) or Opaque(wire.NAME, block.type, raw)


def _read(body: bytes, type: type[_Shape]) -> _Shape:  # noqa: A002 - as core.json.decode has it
    """An answer, or UpstreamMalformed: nothing, no JSON object, or an error under a status of success."""
    reply = receive(body, type)
    if reply.type == "error" or reply.error:
        raise answered_with_error(parse_fault({"error": reply.error}).message)
    return reply
