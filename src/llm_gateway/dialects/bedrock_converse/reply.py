"""A whole answer, and the look at one that passes through."""

from __future__ import annotations

from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatReply, Choice, Opaque, Part, Reasoning, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.dialects.arguments import arguments_of
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.bedrock_converse import wire
from llm_gateway.dialects.bedrock_converse.citations import parse_citation
from llm_gateway.dialects.bedrock_converse.errors import parse_fault
from llm_gateway.dialects.bedrock_converse.opaque import parse_blob
from llm_gateway.dialects.bedrock_converse.stops import parse_stop, sequence_of
from llm_gateway.dialects.bedrock_converse.usage import parse_usage
from llm_gateway.dialects.received import answered_with_error, expect, receive

SERVER_TOOL = "server_tool_use"

_NO_BLOCK = "The provider's answer holds a block that cannot be read"
_NO_CONTENT = "The provider's answer has no content"


def check_reply(body: bytes) -> ReplyFacts:
    """Raises UpstreamMalformed for what is no answer."""
    reply, _ = _read(body)
    return ReplyFacts(None if reply.usage is None else parse_usage(reply.usage), _model(reply))


def parse_reply(body: bytes) -> ChatReply:
    """Raises UpstreamMalformed."""
    reply, content = _read(body)
    return ChatReply(
        "",
        _model(reply),
        (
            Choice(
                0,
                tuple(part for raw in content if (part := _part(raw)) is not None),
                parse_stop(reply.stop_reason),
                sequence_of(reply.additional_model_response_fields),
            ),
        ),
        None if reply.usage is None else parse_usage(reply.usage),
        service_tier=None if reply.service_tier is None else reply.service_tier.type,
    )


def _model(reply: wire.Reply) -> str:
    """Only a prompt router says which model it chose."""
    router = reply.trace.prompt_router if reply.trace is not None else None
    return "" if router is None else router.invoked_model_id


def _part(raw: Raw) -> Part | None:
    """None for a block that holds nothing."""
    block = expect(bytes(raw), wire.Block, _NO_BLOCK)
    if block.text is not None:
        return Text(block.text)
    if block.tool_use is not None and block.tool_use.type != SERVER_TOOL:
        call = block.tool_use
        return ToolCall(call.tool_use_id, call.name, arguments_of(call.input))
    if block.reasoning_content is not None:
        return _reasoning(block.reasoning_content, raw)
    if block.citations_content is not None:
        cited = block.citations_content
        sources = tuple(parse_citation(citation) for citation in cited.citations or ())
        return Text("".join(piece.text for piece in cited.content or ()), None, sources)
    kind = next(iter(expect(bytes(raw), dict[str, Raw], _NO_BLOCK)), None)
    return None if kind is None else Opaque(wire.NAME, kind, raw)


def _reasoning(content: wire.ReasoningContent, raw: Raw) -> Part:
    if content.reasoning_text is not None:
        return Reasoning(content.reasoning_text.text, content.reasoning_text.signature)
    if content.redacted_content is not None:
        return Reasoning(redacted=parse_blob(content.redacted_content))
    return Opaque(wire.NAME, "reasoningContent", raw)


def _read(body: bytes) -> tuple[wire.Reply, list[Raw]]:
    """An answer and its content, or UpstreamMalformed: nothing, no JSON object, or an error under a status of success."""
    reply = receive(body, wire.Reply)
    message = reply.output.message if reply.output is not None else None
    if message is None or message.content is None:
        said = parse_fault(expect(body, Any, _NO_CONTENT)).message
        raise answered_with_error(said) if said else UpstreamMalformed(_NO_CONTENT)
    return reply, message.content
