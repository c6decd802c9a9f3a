"""A request, neutral to wire.

What the API does not have: a choice of tools. `none` is honoured by sending none; where one tool is chosen the others are left
out, and named with the choice, since the model may still answer without any; `required` is named. Not named, since nothing is
lost: `auto`, the label of a response format.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from msgspec import Raw

from llm_gateway.core.chat import ChatRequest, Tool
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages.nested import put
from llm_gateway.dialects.base import Rendered, Target
from llm_gateway.dialects.ollama_chat.lost import name_lost, name_lost_of_format, of_reasoning, of_tool
from llm_gateway.dialects.ollama_chat.messages_out import MessagesOut
from llm_gateway.dialects.ollama_chat.wire import GENERATE, NAME
from llm_gateway.dialects.schemas.carry import Schemas, carry_format
from llm_gateway.dialects.schemas.rules import OLLAMA_OUTPUT, OLLAMA_TOOL

_OPTIONS = (
    ("num_predict", "max_tokens"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("seed", "seed"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
)
_LEVELS = MappingProxyType({"low": "low", "medium": "medium", "high": "high", "minimal": "low", "xhigh": "high", "max": "high"})
_NO_PARAMETERS = Raw(b'{"type":"object","properties":{}}')
_KIN = frozenset({NAME, GENERATE})
_GENERATE_ONLY = frozenset({"template", "raw", "context", "width", "height", "steps"})


def render_request(request: ChatRequest, target: Target) -> Rendered:
    """Raises Unsupported for a conversation of which nothing can be carried."""
    dropped: list[str] = []
    out: dict[str, Any] = {"model": target.model, "messages": MessagesOut(request, dropped).render(), "stream": request.stream}
    _add_options(out, request)
    if request.tools or request.tool_choice is not None:
        _add_tools(out, request, dropped)
    _add_format(out, request, dropped)
    _add_think(out, request, dropped)
    if request.logprobs is not None:
        out["logprobs"] = request.logprobs
    if request.top_logprobs is not None:
        out["top_logprobs"] = request.top_logprobs
    name_lost(request, dropped)
    if request.extra:
        _add_extra(out, request, dropped)
    return Rendered(encode(out), dropped)


def _add_options(out: dict[str, Any], request: ChatRequest) -> None:
    options = {name: value for name, ours in _OPTIONS if (value := getattr(request, ours)) is not None}
    if request.stop:
        options["stop"] = list(request.stop)
    if options:
        out["options"] = options


def _add_tools(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    choice = request.tool_choice
    if choice is not None and choice.mode == "none":
        return
    named = choice is not None and choice.mode == "named" and any(tool.name == choice.name for tool in request.tools)
    tools: list[Any] = []
    schemas = Schemas(request, dropped)
    for index, tool in enumerate(request.tools):
        if choice is not None and choice.allowed and tool.name not in choice.allowed:
            continue  # as was asked
        if (tool.raw is not None and tool.dialect != NAME) or (named and choice is not None and tool.name != choice.name):
            dropped.append(f"tools[{index}]")
            continue
        if tool.raw is not None:
            tools.append(tool.raw)
        else:
            tools.append(render_tool(tool if request.dialect in _KIN else schemas.tool(index, OLLAMA_TOOL)))
        if tool.strict:
            dropped.append(of_tool(request, index, "strict"))
        if tool.cache is not None:
            dropped.append(f"tools[{index}].cache_control")
    if tools:
        out["tools"] = tools
    if choice is not None and choice.mode != "auto":
        dropped.append("tool_choice")


def render_tool(tool: Tool) -> dict[str, Any]:
    """A function; its parameters must be there."""
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = _NO_PARAMETERS if tool.schema is None else tool.schema
    return {"type": "function", "function": function}


def _add_format(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    wanted = request.response_format
    if wanted is None or wanted.kind == "text":
        return
    if wanted.kind == "schema" and wanted.schema is not None:
        out["format"] = wanted.schema if request.dialect in _KIN else carry_format(request, wanted, OLLAMA_OUTPUT, dropped)
        name_lost_of_format(wanted, dropped)
    else:
        out["format"] = "json"


def _add_think(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    wanted = request.reasoning
    if wanted is None:
        return
    path = of_reasoning(request, wanted)
    if wanted.enabled is False or wanted.effort == "none":
        out["think"] = False
    elif wanted.effort is not None:
        level = wanted.effort if request.dialect in _KIN else _LEVELS.get(wanted.effort)
        if level != wanted.effort:
            dropped.append(path)
        out["think"] = level or True
    elif wanted.enabled or wanted.budget is not None:
        out["think"] = True
    if wanted.budget is not None:
        dropped.append(f"{path}.{'max_tokens' if path == 'reasoning' else 'budget_tokens'}")
    if wanted.display is not None:
        dropped.append(f"{path}.{'exclude' if path == 'reasoning' else 'display'}")


def _add_extra(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    """The caller's own members, back to their places; inside of messages only as long as these stand where they stood."""
    aligned = len(out["messages"]) == len(request.messages)
    for path, value in request.extra.items():
        kept = request.dialect in _KIN and not (request.dialect == GENERATE and path in _GENERATE_ONLY)
        if not kept or (path.startswith("messages[") and not aligned) or not put(out, path, value):
            dropped.append(path)
