"""How much thinking is asked for: ReasoningRequest to `thinking` and output_config.effort.

An effort from another dialect means thinking there, so it turns thinking on here: adaptive for models that have it, a budget
for older ones: minimal and low 1,024 tokens, medium 8,192, everything above 24,576, at most half of the caller's max_tokens but
never less than the API's least. If the caller named no maximum, the budget is added to ours, which is meant for the visible
answer. Such thinking gives way, and is named as dropped, to what the caller asked for and the API does not have together with
it: a forced tool, a maximum too small, tool calls that were made without thinking.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.chat import ChatRequest, Reasoning, ReasoningRequest, ToolCall
from llm_gateway.dialects.anthropic_messages.generation import thinks_adaptively
from llm_gateway.dialects.anthropic_messages.wire import NAME
from llm_gateway.dialects.base import Target

LEAST_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192}
_HIGH = 24_576
_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})


class Thinking(msgspec.Struct):
    """The members that say so, and the maximum that goes with them."""

    max_tokens: int
    thinking: dict[str, Any] | None = None
    effort: str | None = None
    added: bool = False
    """Thinking was turned on for the caller of another dialect, whose sampling parameters were not made for it."""


def render_thinking(request: ChatRequest, target: Target, dropped: list[str]) -> Thinking:
    out = Thinking(target.default_max_tokens if request.max_tokens is None else request.max_tokens)
    wanted = request.reasoning
    if wanted is None:
        return out
    if request.dialect == NAME or wanted.enabled is False or wanted.effort == "none":
        out.thinking = _as_asked(wanted)
        out.effort = wanted.effort if wanted.effort != "none" else None
        return out
    told = wanted.budget is not None or wanted.enabled is not None
    path = "reasoning" if told or request.dialect != "openai_chat" else "reasoning_effort"
    if thinks_adaptively(target.model):
        _adapt(out, wanted, path, dropped)
    else:
        _budget(out, request, wanted, path, dropped)
    if out.thinking is not None and _is_forced(request):
        out.thinking = None
        dropped.append(path)
    if out.thinking is not None:
        out.added = True
        if wanted.display is not None:
            out.thinking["display"] = wanted.display
    return out


def _as_asked(wanted: ReasoningRequest) -> dict[str, Any] | None:
    """A caller's own `thinking`, or that there shall be none."""
    shown: dict[str, Any]
    if wanted.enabled is False or wanted.effort == "none":
        return {"type": "disabled"}
    if wanted.adaptive:
        shown = {"type": "adaptive"}
    elif wanted.budget is not None:
        shown = {"type": "enabled", "budget_tokens": wanted.budget}
    else:
        return None
    if wanted.display is not None:
        shown["display"] = wanted.display
    return shown


def _adapt(out: Thinking, wanted: ReasoningRequest, path: str, dropped: list[str]) -> None:
    out.thinking = {"type": "adaptive"}
    effort = wanted.effort
    if effort is None and wanted.budget is not None:
        effort = "low" if wanted.budget < 4096 else "medium" if wanted.budget < 16_384 else "high"
        dropped.append(f"{path}.max_tokens")
    if effort in _EFFORTS:
        out.effort = effort
    elif effort is not None:
        out.effort = "low" if effort == "minimal" else None
        dropped.append(path)


def _budget(out: Thinking, request: ChatRequest, wanted: ReasoningRequest, path: str, dropped: list[str]) -> None:
    budget = wanted.budget
    if budget is None:
        budget = _BUDGETS.get(wanted.effort or "medium", _HIGH)
    budget = max(budget, LEAST_BUDGET)
    if request.max_tokens is None:
        out.max_tokens += budget
    else:
        budget = min(budget, max(LEAST_BUDGET, request.max_tokens // 2))
    if budget >= out.max_tokens or _acted_without_thinking(request):
        dropped.append(path)
    else:
        out.thinking = {"type": "enabled", "budget_tokens": budget}


def _is_forced(request: ChatRequest) -> bool:
    return request.tool_choice is not None and request.tool_choice.mode in {"required", "named"}


def _acted_without_thinking(request: ChatRequest) -> bool:
    """The turn is still going on, with tool calls before which no thinking stands: the API refuses a budget then."""
    for message in reversed(request.messages):
        if message.role == "user":
            return False
        if message.role == "assistant" and any(isinstance(part, ToolCall) for part in message.parts):
            return not any(isinstance(part, Reasoning) and (part.signature or part.redacted) for part in message.parts)
    return False
