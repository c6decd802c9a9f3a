"""A whole answer, and the look at one that passes through."""

from __future__ import annotations

import msgspec

from llm_gateway.core.chat import ChatReply, Choice, Part, Reasoning, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.cohere_chat.logprobs import parse_logprobs
from llm_gateway.dialects.cohere_chat.stops import parse_stop
from llm_gateway.dialects.cohere_chat.usage import read_usage
from llm_gateway.dialects.cohere_chat.wire import Function, Message, Reply
from llm_gateway.dialects.openai_chat.errors import fault_of
from llm_gateway.dialects.openai_chat.reply_in import call_id
from llm_gateway.dialects.received import answered_with_error, receive


def check_reply(body: bytes) -> ReplyFacts:
    """Raises UpstreamMalformed for what is no answer. The API does not say which model answered."""
    reply, _ = _read(body)
    return ReplyFacts(read_usage(reply.usage))


def parse_reply(body: bytes) -> ChatReply:
    """Raises UpstreamMalformed."""
    reply, message = _read(body)
    ident = reply.id or ""
    parts = _parts(message, ident)
    finish = parse_stop(reply.finish_reason, calls=bool(message.tool_calls))
    if finish == "error":
        raise UpstreamMalformed("The provider ended its answer with an error")
    choice = Choice(0, parts, finish, logprobs=parse_logprobs(reply.logprobs))
    return ChatReply(ident, "", (choice,), read_usage(reply.usage))


def _parts(message: Message, reply: str) -> tuple[Part, ...]:
    """The plan comes first: it was made before the calls."""
    parts: list[Part] = [Reasoning(message.tool_plan)] if message.tool_plan else []
    texts: dict[int, int] = {}
    for index, content in enumerate(message.content or ()):
        if content.thinking:
            parts.append(Reasoning(content.thinking))
        elif content.text:
            texts[index] = len(parts)
            parts.append(Text(content.text))
    _cite(parts, texts, message)
    for number, call in enumerate(message.tool_calls or ()):
        function = call.function or Function()
        parts.append(ToolCall(call_id(call.id, reply, number), function.name or "", function.arguments or ""))
    return tuple(parts)


def _cite(parts: list[Part], texts: dict[int, int], message: Message) -> None:
    """Sources belong to the text of their content_index; to the last one where that is not said, or is a plan or a thought."""
    if not texts:
        return
    last = max(texts)
    for citation in message.citations or ():
        index = citation.get("content_index") if isinstance(citation, dict) else None
        place = texts[index if isinstance(index, int) and index in texts else last]
        part = parts[place]
        if isinstance(part, Text):
            parts[place] = msgspec.structs.replace(part, citations=(*part.citations, citation))


def _read(body: bytes) -> tuple[Reply, Message]:
    """An answer, or UpstreamMalformed: no JSON, not that shape, or an error under a status of success."""
    reply = receive(body, Reply)
    if reply.error or isinstance(reply.message, str):
        raise answered_with_error(fault_of({"error": reply.error} if reply.error else {"message": reply.message}).message)
    if reply.message is None:
        raise UpstreamMalformed("The provider's answer has no message")
    return reply, reply.message
