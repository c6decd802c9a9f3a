"""A whole answer, wire to neutral, and the look at one that passes through."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import ChatReply, Choice, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.openai_chat.errors import fault_of
from llm_gateway.dialects.openai_chat.reply_in import call_id, text_or_none
from llm_gateway.dialects.openai_responses.citations import parse_annotations
from llm_gateway.dialects.openai_responses.finish import parse_finish
from llm_gateway.dialects.openai_responses.logprobs import parse_logprobs
from llm_gateway.dialects.openai_responses.sealed import ReasoningItem, seal, without_reference
from llm_gateway.dialects.openai_responses.usage import read_usage
from llm_gateway.dialects.openai_responses.wire import MESSAGE, NAME, NULL
from llm_gateway.dialects.received import Typed, expect, receive

UNFINISHED = frozenset({"queued", "in_progress"})


class Thing(msgspec.Struct, gc=False):
    """An object, whatever is in it."""


class OutputPart(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None
    citations: list[Any] | None = None
    logprobs: list[Any] | None = None


class OutputItem(msgspec.Struct, gc=False):
    """The members of the items that we know; of others only the type is looked at."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    input: str | None = None
    content: list[OutputPart] | None = None
    summary: list[OutputPart] | None = None
    encrypted_content: str | None = None


class Incomplete(msgspec.Struct, gc=False):
    reason: str | None = None


class Envelope(msgspec.Struct, gc=False):
    """What every response has around its output."""

    status: str | None = None
    model: str | None = None
    usage: Raw = NULL
    error: Any = None


class Checked(Envelope, gc=False):
    output: list[Thing] | None = None


class Reply(Envelope, gc=False):
    id: str | None = None
    created_at: Any = None
    service_tier: Any = None
    incomplete_details: Incomplete | None = None
    output: list[Raw] | None = None


_decode_checked = msgspec.json.Decoder(Checked).decode
_KNOWN = frozenset({MESSAGE, "reasoning", "function_call", "custom_tool_call"})


def check_reply(body: bytes) -> ReplyFacts:
    """Raises UpstreamMalformed for what is no answer. One that runs in the background is one."""
    try:
        if not body.isascii():
            body.decode()
        reply = _decode_checked(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        reply = receive(body, Checked)  # repaired where it can be, refused with the reason where not
    _refuse_failed(reply)
    if reply.output is None:
        raise UpstreamMalformed("The provider's answer has no output")
    return ReplyFacts(read_usage(reply.usage), reply.model or "")


def parse_reply(body: bytes) -> ChatReply:
    """Raises UpstreamMalformed."""
    reply = receive(body, Reply)
    _refuse_failed(reply)
    if reply.output is None:
        raise UpstreamMalformed("The provider's answer has no output")
    if reply.status in UNFINISHED:
        raise UpstreamMalformed("The provider's answer is not finished")
    parts: list[Part] = []
    tokens: list[Any] = []
    for raw in reply.output:
        parts += parse_item(raw, tokens)
    ident = reply.id or ""
    parts = [_named(part, ident, place) for place, part in enumerate(parts)]
    reason = None if reply.incomplete_details is None else reply.incomplete_details.reason
    calls = any(isinstance(part, ToolCall) for part in parts)
    finish = parse_finish(reply.status, reason, calls=calls)
    return ChatReply(
        id=ident,
        model=reply.model or "",
        choices=(Choice(0, tuple(parts), finish, logprobs=parse_logprobs(tokens)),),
        usage=read_usage(reply.usage),
        created=created_of(reply.created_at),
        service_tier=text_or_none(reply.service_tier),
    )


def created_of(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def parse_item(raw: Raw, tokens: list[Any] | None = None) -> list[Part]:
    """The parts of an item of the output; `tokens` is given the log probabilities of its texts. Raises UpstreamMalformed."""
    kind = _decode_item(raw, Typed).type
    if kind not in _KNOWN:
        return [Opaque(NAME, kind, raw)]
    item = _decode_item(raw, OutputItem)
    match kind:
        case "function_call":
            return [ToolCall(item.call_id or item.id or "", item.name or "", arguments_of(item.arguments))]
        case "custom_tool_call":
            return [ToolCall(item.call_id or item.id or "", item.name or "", item.input or "", custom=True)]
        case "reasoning":
            return [parse_reasoning(item)]
    parts = [_content(part) for part in item.content or ()]
    if tokens is not None:
        for part in item.content or ():
            tokens += part.logprobs or ()
    return parts


def parse_reasoning(item: OutputItem) -> Reasoning:
    """Only with its encrypted content is it worth sending back: for us the provider stores nothing."""
    summary = tuple([part.text or "" for part in item.summary or ()])
    content = tuple([part.text or "" for part in item.content or ()])
    return without_reference(seal(ReasoningItem(item.id or "", summary, content, item.encrypted_content)))


def arguments_of(arguments: str | dict[str, Any] | None) -> str:
    return encode(arguments).decode() if isinstance(arguments, dict) else arguments or ""


def fault_message(error: Any) -> str:
    """What is told of an error inside a success."""
    said = fault_of({"error": error}).message
    return f"The provider reported an error: {said}" if said else "The provider reported an error"


def _content(part: OutputPart) -> Part:
    if part.type == "refusal":
        return Refusal(part.refusal or "")
    sources = parse_annotations(part.annotations or ()) + tuple(part.citations or ())
    return Text(part.text or "", None, sources) if sources else Text(part.text or "")


def _named(part: Part, reply: str, place: int) -> Part:
    if isinstance(part, ToolCall) and not part.id:
        return msgspec.structs.replace(part, id=call_id(None, reply, place))
    return part


def _refuse_failed(reply: Envelope) -> None:
    if reply.error or reply.status == "failed":
        raise UpstreamMalformed(fault_message(reply.error))


def _decode_item(raw: Raw, type: type[Any]) -> Any:  # noqa: A002 - as core.json.decode has it
    return expect(bytes(raw), type, "The provider's answer holds an item that cannot be read")
