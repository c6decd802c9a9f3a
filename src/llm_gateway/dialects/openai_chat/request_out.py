"""A request, neutral to wire, for one target."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, ReasoningRequest, ResponseFormat, Tool
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import decode, encode
from llm_gateway.dialects.base import Rendered, Target
from llm_gateway.dialects.openai_chat.messages_out import MessagesOut
from llm_gateway.dialects.openai_chat.parts_out import PartsOut
from llm_gateway.dialects.openai_chat.reasoning import NAME
from llm_gateway.dialects.schemas.carry import Schemas, strict_format

_PATH = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_FORMATS = {"text": "text", "json": "json_object", "schema": "json_schema"}
_COMPLETIONS = "openai_completions"
_SAMPLING = MappingProxyType({"options.min_p": ("min_p",), "options.repeat_penalty": ("repetition_penalty", "repeat_penalty")})
"""Ollama's names for sampling parameters, and what servers of open models call them in OpenAI's dialect."""
_COMPLETIONS_ONLY = frozenset({"best_of", "logprobs", "echo", "suffix"})

# Members whose neutral name is the wire's.
_PLAIN = (
    "temperature",
    "top_p",
    "n",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "parallel_tool_calls",
    "user",
)


def render_request(request: ChatRequest, target: Target) -> Rendered:
    """Raises Unsupported when no message is left of the conversation."""
    dropped: list[str] = []
    return Rendered(encode(document_of(request, target, dropped)), dropped)


def document_of(request: ChatRequest, target: Target, dropped: list[str]) -> dict[str, Any]:
    """The request as a JSON object. Raises as render_request."""
    messages = MessagesOut(request, target, dropped).render(request.messages)
    if not any(message["role"] in {"user", "assistant", "tool"} for message in messages) and any(
        message.role not in {"system", "developer"} for message in request.messages
    ):
        raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")
    out: dict[str, Any] = {"model": target.model, "messages": messages}
    for name in _PLAIN:
        value = getattr(request, name)
        if value is not None:
            out[name] = value
    if request.max_tokens is not None:
        out[target.max_tokens_field] = request.max_tokens
    if request.stop:
        out["stop"] = list(request.stop)
    if request.stream:
        out["stream"] = True
        if target.stream_usage:
            out["stream_options"] = {"include_usage": True}  # wanted for the ledger, whether or not the caller asked
    if request.response_format is not None:
        wanted = request.response_format
        out["response_format"] = _response_format(wanted if target.guided else strict_format(request, wanted, dropped))
    _add_tools(out, request, dropped)
    if request.reasoning is not None:
        _add_reasoning(out, request.reasoning, request.dialect == NAME, target, dropped)
    _add_particular(out, request, target, dropped)
    _add_extra(out, request, target, dropped)
    return out


def _add_tools(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    tools = []
    schemas = Schemas(request, dropped)
    parts = PartsOut(dropped, own=request.dialect == NAME)
    allowed = request.tool_choice.allowed if request.tool_choice is not None else ()
    for index, tool in enumerate(request.tools):
        if allowed and tool.name not in allowed:
            continue
        if tool.raw is not None and tool.dialect != NAME:
            dropped.append(f"tools[{index}]")
            continue
        tools.append(_tool(tool if tool.raw is not None else schemas.openai_tool(index)))
        if tool.cache is not None and parts.keeps_mark(f"tools[{index}]".format):
            tools[-1]["cache_control"] = parts.mark(tool.cache)
    if tools:
        out["tools"] = tools
    choice = request.tool_choice
    if choice is None:
        return
    if not tools and request.tools:
        dropped.append("tool_choice")
    elif choice.mode != "named":
        out["tool_choice"] = choice.mode
    else:
        custom = any(tool.name == choice.name and tool.raw is not None for tool in request.tools)
        kind = "custom" if custom else "function"
        out["tool_choice"] = {"type": kind, kind: {"name": choice.name}}


def _tool(tool: Tool) -> dict[str, Any]:
    if tool.raw is not None:
        return decode(bytes(tool.raw), dict[str, Any])
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = tool.schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _response_format(wanted: ResponseFormat) -> dict[str, Any]:
    out: dict[str, Any] = {"type": _FORMATS[wanted.kind]}
    if wanted.kind == "schema":
        schema: dict[str, Any] = {"name": wanted.name or "response"}
        for name in ("description", "schema", "strict"):
            value = getattr(wanted, name)
            if value is not None:
                schema[name] = value
        out["json_schema"] = schema
    return out


def _add_reasoning(out: dict[str, Any], wanted: ReasoningRequest, own: bool, target: Target, dropped: list[str]) -> None:
    """OpenAI has an effort only. OpenRouter's `reasoning` is sent to those who used it; of Anthropic's thinking the budget
    becomes the effort that is nearest, and what is lost with it is named. Templates of open models have a switch instead, by
    either of two names, and pass over the other.
    """
    if own:
        rest = {"max_tokens": wanted.budget, "enabled": wanted.enabled if wanted.effort != "none" else None}
        asked = {name: value for name, value in rest.items() if value is not None}
        if wanted.display == "omitted":
            asked["exclude"] = True
        if asked:
            out["reasoning"] = asked if wanted.effort is None else asked | {"effort": wanted.effort}
            return
    effort = wanted.effort
    thinks = wanted.effort != "none" if wanted.enabled is None and (wanted.effort or wanted.budget) else wanted.enabled
    if not own and thinks is not None and target.thinking_switch:
        out["chat_template_kwargs"] = {"enable_thinking": thinks, "thinking": thinks}
        effort = effort if thinks else None
    elif not own and wanted.enabled is False and effort != "none":
        dropped.append("thinking")
    if not own and wanted.budget is not None:
        dropped.append("thinking.budget_tokens")
        effort = effort or ("low" if wanted.budget < 4096 else "medium" if wanted.budget < 16384 else "high")
    if not own and wanted.display is not None:
        dropped.append("thinking.display")
    if effort is not None:
        out["reasoning_effort"] = effort


def _add_particular(out: dict[str, Any], request: ChatRequest, target: Target, dropped: list[str]) -> None:
    """What shares its name with other dialects but not its meaning, or is not OpenAI's."""
    kin = request.dialect in {NAME, _COMPLETIONS}
    if request.top_k is not None:
        if kin or "top_k" in target.sampling:
            out["top_k"] = request.top_k
        else:
            dropped.append("top_k")
    if request.service_tier is not None:
        if kin or request.service_tier == "auto":
            out["service_tier"] = request.service_tier
        else:
            dropped.append("service_tier")
    if request.metadata is not None:
        if kin:
            out["metadata"] = request.metadata
        elif not (request.user is not None and _holds_user_only(request.metadata)):
            dropped.append("metadata")


def _holds_user_only(metadata: Raw) -> bool:
    try:
        return decode(bytes(metadata), dict[str, Any]).keys() <= {"user_id"}
    except msgspec.ValidationError:
        return False


def _add_extra(out: dict[str, Any], request: ChatRequest, target: Target, dropped: list[str]) -> None:
    kin = request.dialect in {NAME, _COMPLETIONS}
    aligned = len(out["messages"]) == len(request.messages)
    for path, value in request.extra.items():
        here = next((name for name in _SAMPLING.get(path, ()) if name in target.sampling), None) if not kin else None
        if here is not None:
            out[here] = value
        elif not kin or (request.dialect == _COMPLETIONS and path in _COMPLETIONS_ONLY):
            dropped.append(path)
        elif "." not in path and "[" not in path:
            out[path] = value
        elif (path.startswith("messages[") and not aligned) or not _put(out, path, value):
            dropped.append(path)


def _put(document: Any, path: str, value: Raw) -> bool:
    """Sets the nested member at `path` of a document of dicts and lists; False if there is no such place any more."""
    steps = [name or int(place) for name, place in _PATH.findall(path)]
    try:
        for step in steps[:-1]:
            document = document[step]
        if not isinstance(document, dict):
            return False
        document[steps[-1]] = value
    except (KeyError, IndexError, TypeError):
        return False
    return True
