"""How much thinking is asked for: ReasoningRequest to thinkingConfig, by what the model takes.

An effort becomes a level for Gemini 3 and a budget before: minimal and low 1,024 tokens, medium 8,192, everything above 24,576
(as Google's own OpenAI endpoint has it), at most half of the caller's maximum, which holds the thoughts too. Thoughts are shown
to callers who asked for thinking as such, not to those who named an effort only, unless they say so.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from llm_gateway.core.chat import ChatRequest, ReasoningRequest
from llm_gateway.dialects.gemini.generation import generation_of, is_pro, thinks, thinks_by_level
from llm_gateway.dialects.gemini.wire import NAME

_BUDGETS = MappingProxyType({"minimal": 1024, "low": 1024, "medium": 8192})
_HIGH = 24_576
_MOST, _MOST_PRO = 24_576, 32_768
_LEAST_PRO, _LEAST_LITE = 128, 512


def render_thinking(request: ChatRequest, model: str, dropped: list[str]) -> dict[str, Any] | None:
    """thinkingConfig; None where nothing is to be said."""
    wanted = request.reasoning
    if wanted is None:
        return None
    if request.dialect == NAME:
        return _as_asked(wanted)
    path = _path(request, wanted)
    off = wanted.enabled is False or wanted.effort == "none"
    if not thinks(model):
        if not off:
            dropped.append(path)
        return None
    if off:
        return _least(model, path, dropped)
    if thinks_by_level(model) and wanted.budget is None:
        shown = _level(wanted, model, path, dropped)
    else:
        shown = {"thinkingBudget": _budget(request, wanted, model, path, dropped)}
    if wanted.display == "summarized" or (wanted.display is None and (wanted.enabled or wanted.budget is not None)):
        shown["includeThoughts"] = True
    return shown or None


def _as_asked(wanted: ReasoningRequest) -> dict[str, Any] | None:
    shown: dict[str, Any] = {}
    if wanted.enabled is False:
        shown["thinkingBudget"] = 0
    elif wanted.adaptive:
        shown["thinkingBudget"] = -1
    elif wanted.budget is not None:
        shown["thinkingBudget"] = wanted.budget
    if wanted.effort is not None:
        shown["thinkingLevel"] = wanted.effort.upper()
    if wanted.display is not None:
        shown["includeThoughts"] = wanted.display != "omitted"
    return shown or None


def _path(request: ChatRequest, wanted: ReasoningRequest) -> str:
    if request.dialect == "anthropic_messages":
        return "thinking"
    told = wanted.budget is not None or wanted.enabled is not None
    return "reasoning" if told or request.dialect != "openai_chat" else "reasoning_effort"


def _least(model: str, path: str, dropped: list[str]) -> dict[str, Any]:
    """As little thinking as the model can do with."""
    if thinks_by_level(model):
        dropped.append(path)
        return {"thinkingLevel": "LOW" if is_pro(model) else "MINIMAL"}
    if is_pro(model):
        dropped.append(path)
        return {"thinkingBudget": _LEAST_PRO}
    return {"thinkingBudget": 0}


def _level(wanted: ReasoningRequest, model: str, path: str, dropped: list[str]) -> dict[str, Any]:
    """The nearest level that the model has; named if it is another one."""
    effort = wanted.effort
    if effort is None:
        return {}
    level = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM"}.get(effort, "HIGH")
    if is_pro(model):
        fallback = {"MINIMAL": "LOW"}
        if generation_of(model) == (3, 0):
            fallback["MEDIUM"] = "HIGH"
        level = fallback.get(level, level)
    if level.lower() != effort:
        dropped.append(path)
    return {"thinkingLevel": level}


def _budget(request: ChatRequest, wanted: ReasoningRequest, model: str, path: str, dropped: list[str]) -> int:
    least = _LEAST_PRO if is_pro(model) else _LEAST_LITE if "lite" in model else 1
    if wanted.budget is None:
        budget = -1 if wanted.effort is None else _BUDGETS.get(wanted.effort, _HIGH)
        return budget if request.max_tokens is None else min(budget, max(least, request.max_tokens // 2))
    budget = min(max(wanted.budget, least), _MOST_PRO if is_pro(model) else _MOST)
    if budget != wanted.budget:
        dropped.append(f"{path}.budget_tokens" if path == "thinking" else f"{path}.max_tokens")
    return budget
