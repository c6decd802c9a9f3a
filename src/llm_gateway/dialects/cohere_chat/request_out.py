"""A request for a provider, neutral to wire (https://docs.cohere.com/reference/chat).

The API can force a call, but not the call of one tool: where one is chosen it alone is sent, and the others are named. Its
schemas of answers do not go together with tools or documents, and give way to them. Numbers out of its ranges are brought into
them, and named. Not named, since nothing is lost: `auto`, the label of a response format, penalties of 0, n of 1.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.core.chat import ChatRequest, Tool, ToolChoice
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Rendered, Target
from llm_gateway.dialects.cohere_chat.messages_out import MessagesOut
from llm_gateway.dialects.cohere_chat.models import thinks
from llm_gateway.dialects.cohere_chat.wire import NAME
from llm_gateway.dialects.ollama_chat.lost import name_lost, name_lost_of_format, of_format, of_option, of_reasoning, of_tool
from llm_gateway.dialects.ollama_chat.request_out import render_tool
from llm_gateway.dialects.schemas.carry import Schemas, carry_format
from llm_gateway.dialects.schemas.rules import COHERE

_RANGES: tuple[tuple[str, str, float, float], ...] = (
    ("temperature", "temperature", 0, 1),
    ("p", "top_p", 0.01, 0.99),
    ("k", "top_k", 0, 500),
    ("frequency_penalty", "frequency_penalty", 0, 1),
    ("presence_penalty", "presence_penalty", 0, 1),
)
"""The API's name, ours, least and most."""
_MOST_STOPS = 5


def render_request(request: ChatRequest, target: Target) -> Rendered:
    """Raises Unsupported for a conversation of which nothing can be carried."""
    dropped: list[str] = []
    messages = MessagesOut(request, target.model, dropped)
    out: dict[str, Any] = {"model": target.model, "messages": messages.render(), "stream": request.stream}
    if messages.documents:
        out["documents"] = messages.documents
    if request.tools or request.tool_choice is not None:
        _add_tools(out, request, dropped)
    _add_format(out, request, dropped)
    _add_thinking(out, request, target, dropped)
    _add_sampling(out, request, dropped)
    if request.logprobs is not None:
        out["logprobs"] = request.logprobs
    if request.top_logprobs:
        dropped.append("top_logprobs")
    name_lost(request, dropped)
    for path, value in request.extra.items():
        if request.dialect == NAME and path not in out:
            out[path] = value
        else:
            dropped.append(path)
    return Rendered(encode(out), dropped)


def _add_tools(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    choice = request.tool_choice or ToolChoice("auto")
    named = choice.mode == "named" and any(tool.name == choice.name and tool.raw is None for tool in request.tools)
    tools: list[Tool] = []
    for index, tool in enumerate(request.tools):
        if choice.allowed and tool.name not in choice.allowed:
            continue  # as was asked
        if tool.raw is not None or (named and tool.name != choice.name):
            dropped.append(f"tools[{index}]")
            continue
        tools.append(tool)
        if tool.cache is not None:
            dropped.append(f"tools[{index}].cache_control")
    if not tools:
        if choice.mode not in {"auto", "none"}:
            dropped.append("tool_choice")
        return
    schemas = Schemas(request, dropped)
    out["tools"] = [
        render_tool(schemas.tool(index, COHERE)) for index, tool in enumerate(request.tools) if any(tool is one for one in tools)
    ]
    if all(tool.strict for tool in tools):
        out["strict_tools"] = True
    else:
        dropped += [
            of_tool(request, index, "strict") for index, tool in enumerate(request.tools) if tool.strict and tool in tools
        ]
    if choice.mode == "required" or named:
        out["tool_choice"] = "REQUIRED"
    elif choice.mode == "none":
        out["tool_choice"] = "NONE"
    elif choice.mode == "named":
        dropped.append("tool_choice")


def _add_format(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    wanted = request.response_format
    if wanted is None or wanted.kind == "text":
        return
    if "tools" in out or "documents" in out:
        dropped.append(of_format(request))
        return
    out["response_format"] = {"type": "json_object"}
    if wanted.kind == "schema" and wanted.schema is not None:
        out["response_format"]["json_schema"] = carry_format(request, wanted, COHERE, dropped)
        name_lost_of_format(wanted, dropped)


def _add_thinking(out: dict[str, Any], request: ChatRequest, target: Target, dropped: list[str]) -> None:
    """The amount is a budget of tokens or nothing; models that do not think refuse to be asked."""
    wanted = request.reasoning
    if wanted is None:
        return
    path = of_reasoning(request, wanted)
    refused = wanted.enabled is False or wanted.effort == "none"
    if not thinks(target.model):
        if not refused:
            dropped.append(path)
    elif refused:
        out["thinking"] = {"type": "disabled"}
    else:
        out["thinking"] = {"type": "enabled"}
        if wanted.budget is not None:
            out["thinking"]["token_budget"] = wanted.budget
        if wanted.effort is not None:
            dropped.append(path)
        if wanted.display is not None:
            dropped.append(f"{path}.{'exclude' if path == 'reasoning' else 'display'}")


def _add_sampling(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    if request.max_tokens is not None:
        out["max_tokens"] = request.max_tokens
    if request.seed is not None:
        out["seed"] = request.seed
    if request.stop:
        out["stop_sequences"] = list(request.stop[:_MOST_STOPS])
        if len(request.stop) > _MOST_STOPS:
            dropped.append(of_option(request, "stop"))
    for name, ours, least, most in _RANGES:
        value = getattr(request, ours)
        if value is None:
            continue
        if not least <= value <= most:
            value = least if value < least else most
            dropped.append(of_option(request, ours))
        out[name] = value
