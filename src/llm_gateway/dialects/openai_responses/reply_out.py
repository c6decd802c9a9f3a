"""A whole answer, neutral to wire: a response, with what was asked repeated in it, as the SDKs' types demand."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatReply, ChatRequest, Choice, Refusal, Text, Tool
from llm_gateway.core.json import encode
from llm_gateway.dialects.openai_chat.reply_out import service_tier
from llm_gateway.dialects.openai_responses.finish import render_finish
from llm_gateway.dialects.openai_responses.reply_items import Names, render_output, response_id
from llm_gateway.dialects.openai_responses.request_out import render_format
from llm_gateway.dialects.openai_responses.tools_out import render_choice, render_tool
from llm_gateway.dialects.openai_responses.usage import render_usage

_NULL = Raw(b"null")
_ECHOED = MappingProxyType(
    {
        "max_tool_calls": _NULL,
        "prompt_cache_key": _NULL,
        "safety_identifier": _NULL,
        "store": Raw(b"true"),
        "truncation": Raw(b'"disabled"'),
    }
)
"""Members that are repeated as they were, and what the API makes of their absence."""


class ReplyRenderer:
    """Renders the answer to one request.

    `created`: seconds since the epoch, where the provider does not say; `ident`: the id, where it gives none; `previous`: of the
    earlier response that the caller went on from.
    """

    __slots__ = ("_created", "_ident", "_previous", "_request")

    def __init__(self, request: ChatRequest | None, created: int, ident: str, previous: str | None = None) -> None:
        self._request = request
        self._created = created
        self._ident = ident
        self._previous = previous

    def render(self, reply: ChatReply) -> bytes:
        """The first choice: the API knows one only."""
        choice = reply.choices[0] if reply.choices else Choice(0, ())
        refused = any(isinstance(part, Refusal) for part in choice.parts)
        ended = render_finish(choice.finish, refused=refused)
        head = self.head(reply.id, reply.model, reply.created, reply.service_tier)
        output = render_output(choice, Names(head["id"]), ended["status"])
        return encode(head | ended | {"output": output, "usage": render_usage(reply.usage)})

    def head(self, ident: str, model: str, created: int | None, tier: str | None) -> dict[str, Any]:
        """A response that is in progress: everything but its output."""
        return {
            "id": response_id(ident or self._ident),
            "object": "response",
            "created_at": self._created if created is None else created,
            "status": "in_progress",
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": model,
            "output": [],
            "previous_response_id": self._previous,
            "service_tier": service_tier(tier),
            "usage": None,
            **echo(self._request),
        }


def echo(request: ChatRequest | None) -> dict[str, Any]:
    """What a response repeats of its request. null where the caller said nothing and only the provider knows its default."""
    if request is None:
        request = ChatRequest("", ())
    reasoning = request.reasoning
    extra = request.extra
    summary = extra.get("reasoning.summary", "auto") if reasoning is not None and reasoning.display == "summarized" else None
    text: dict[str, Any] = {"format": {"type": "text"}}
    if request.response_format is not None:
        text["format"] = render_format(request.response_format, own=True)
    if "text.verbosity" in extra:
        text["verbosity"] = extra["text.verbosity"]
    return {
        "instructions": _instructions(request),
        "max_output_tokens": request.max_tokens,
        "metadata": request.metadata or {},
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "reasoning": {"effort": None if reasoning is None else reasoning.effort, "summary": summary},
        "temperature": request.temperature,
        "text": text,
        "tool_choice": extra.get("tool_choice") or render_choice(request),
        "tools": [_tool(tool) for tool in request.tools],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": request.top_p,
        "user": request.user,
        **{name: extra.get(name, otherwise) for name, otherwise in _ECHOED.items()},
    }


def _tool(tool: Tool) -> Any:
    shown = render_tool(tool, own=True)
    if shown is None:
        shown = {"type": "custom", "name": tool.name}
    return {"parameters": None, "strict": None, **shown} if shown["type"] == "function" else shown


def _instructions(request: ChatRequest) -> str | None:
    if request.places and request.places[0] == ("instructions",):
        part = request.messages[0].parts[0]
        return part.text if isinstance(part, Text) else None
    return None
