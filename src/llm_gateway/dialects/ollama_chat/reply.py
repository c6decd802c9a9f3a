"""A whole answer, both ways, and the look at one that passes through."""

from __future__ import annotations

from typing import Any

from llm_gateway.core.chat import ChatReply, Choice, Part, Reasoning, Refusal, Text, ToolCall
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.arguments import input_of, unread
from llm_gateway.dialects.base import ReplyFacts
from llm_gateway.dialects.ollama_chat.line import Line, Said, fault_in, parse_finish, read_line, render_finish, reply_id
from llm_gateway.dialects.ollama_chat.logprobs import parse_logprobs, render_logprobs
from llm_gateway.dialects.ollama_chat.messages_in import arguments_of
from llm_gateway.dialects.ollama_chat.sealed import seal
from llm_gateway.dialects.ollama_chat.times import parse_time, render_time
from llm_gateway.dialects.ollama_chat.usage import parse_usage, render_usage


def check_reply(body: bytes) -> ReplyFacts:
    """Serves /api/generate too. Raises UpstreamMalformed for what is no answer."""
    reply = _read(body)
    if reply.message is None and reply.response is None:
        raise UpstreamMalformed("The provider's answer has no message")
    return ReplyFacts(parse_usage(reply.prompt_eval_count, reply.eval_count), reply.model or "")


def parse_reply(body: bytes) -> ChatReply:
    """Raises UpstreamMalformed."""
    reply = _read(body)
    if reply.message is None:
        raise UpstreamMalformed("The provider's answer has no message")
    parts = _parts(reply.message, reply_id(reply))
    finish = parse_finish(reply.done_reason, calls=bool(reply.message.tool_calls))
    return ChatReply(
        reply_id(reply),
        reply.model or "",
        (Choice(0, parts, finish, logprobs=parse_logprobs(reply.logprobs)),),
        parse_usage(reply.prompt_eval_count, reply.eval_count),
        parse_time(reply.created_at),
    )


def call_id(given: str | None, reply: str, number: int) -> str:
    """Old servers give no ids; results could not be told apart without."""
    return given or f"call_{reply}_{number}"


def render_reply(reply: ChatReply, created: float) -> bytes:
    """The first choice: the API knows one only. `created` (seconds since the epoch) stands in where the provider did not say."""
    choice = reply.choices[0] if reply.choices else Choice(0, ())
    calls = [render_call(call) for call in seal(choice.parts)]
    message: dict[str, Any] = {"role": "assistant", "content": visible(choice.parts)}
    thoughts = thinking(choice.parts)
    if thoughts:
        message["thinking"] = thoughts
    if calls:
        message["tool_calls"] = calls
    return encode(head(reply.model, reply.created, created) | {"message": message} | ending(reply, choice))


def render_generated(reply: ChatReply, created: float) -> bytes:
    """An answer of /api/generate: its text only."""
    choice = reply.choices[0] if reply.choices else Choice(0, ())
    said: dict[str, Any] = {"response": visible(choice.parts)}
    thoughts = thinking(choice.parts)
    if thoughts:
        said["thinking"] = thoughts
    return encode(head(reply.model, reply.created, created) | said | ending(reply, choice))


def head(model: str, said: int | None, created: float) -> dict[str, Any]:
    return {"model": model, "created_at": render_time(created if said is None else said)}


def ending(reply: ChatReply, choice: Choice) -> dict[str, Any]:
    """Durations are left out: nobody measured them."""
    out: dict[str, Any] = {"done": True, "done_reason": render_finish(choice.finish), **render_usage(reply.usage)}
    logprobs = render_logprobs(choice.logprobs)
    return out if logprobs is None else out | {"logprobs": logprobs}


def visible(parts: tuple[Part, ...]) -> str:
    return "".join(_text(part) for part in parts)


def thinking(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Reasoning))


def render_call(call: ToolCall) -> dict[str, Any]:
    """With its id, which clients that know of it send back."""
    function = {"name": call.name, "arguments": input_of(call) or unread(call.arguments)}
    return {"id": call.id, "function": function} if call.id else {"function": function}


def _text(part: Part) -> str:
    if isinstance(part, Text | Refusal):
        return part.text
    return getattr(part, "transcript", None) or ""


def _parts(said: Said, reply: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    if said.thinking:
        parts.append(Reasoning(said.thinking))
    if said.content:
        parts.append(Text(said.content))
    for number, call in enumerate(said.tool_calls or ()):
        function = call.function
        parts.append(ToolCall(call_id(call.id, reply, number), function.name, arguments_of(function.arguments)))
    return tuple(parts)


def _read(body: bytes) -> Line:
    """An answer, or UpstreamMalformed: no JSON object, an error under a status of success, or a piece of an answer only."""
    reply = read_line(body, "answer")
    fault = fault_in(reply)
    if fault is not None:
        said = f": {fault.message}" if fault.message else ""
        raise UpstreamMalformed(f"The provider answered with an error{said}")
    if reply.done is False:
        raise UpstreamMalformed("The provider's answer is not whole")
    return reply
