"""How much thinking is asked for, in the words of each family.

- Anthropic's models: as its own API has it (anthropic_messages/thinking.py); the effort stands in outputConfig.
- Nova 2: an effort of low, medium or high. High refuses maxTokens, temperature and topP: a caller who set a maximum gets medium,
  the others give way.
- gpt-oss: an effort of low, medium or high.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.core.chat import ChatRequest, ReasoningRequest
from llm_gateway.dialects.anthropic_messages.thinking import render_thinking as render_anthropic
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.bedrock_converse.families import Family
from llm_gateway.dialects.bedrock_converse.members import member

_EFFORTS: Mapping[str, str] = MappingProxyType(
    {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
)


class Thinking(msgspec.Struct):
    """`fields`: of additionalModelRequestFields. `effort`: of outputConfig. `sampling` False: none goes together with it."""

    fields: dict[str, Any]
    effort: str | None = None
    sampling: bool = True


def render_thinking(request: ChatRequest, target: Target, family: Family, dropped: list[str]) -> Thinking:
    wanted = request.reasoning
    if wanted is None:
        return Thinking({})
    if family.thinking == "anthropic":
        asked = render_anthropic(request, target, dropped)
        fields = {} if asked.thinking is None else {"thinking": asked.thinking}
        return Thinking(fields, asked.effort, not asked.added)
    off = wanted.enabled is False or wanted.effort == "none"
    if family.thinking == "nova":
        return Thinking({"reasoningConfig": {"type": "disabled"}}) if off else _nova(request, wanted, dropped)
    if family.thinking == "effort" and not off:
        effort = _effort(request, wanted, dropped)
        return Thinking({} if effort is None else {"reasoning_effort": effort})
    if not off or family.thinking == "effort":
        dropped.append(member(request, "reasoning"))
    return Thinking({})


def _nova(request: ChatRequest, wanted: ReasoningRequest, dropped: list[str]) -> Thinking:
    effort = _effort(request, wanted, dropped) or "medium"
    if effort == "high" and request.max_tokens is not None:
        effort = "medium"
        dropped.append(member(request, "reasoning"))
    config = {"type": "enabled", "maxReasoningEffort": effort}
    return Thinking({"reasoningConfig": config}, sampling=effort != "high")


def _effort(request: ChatRequest, wanted: ReasoningRequest, dropped: list[str]) -> str | None:
    """One of three; what is lost with that is named."""
    path = member(request, "reasoning")
    if wanted.display is not None:
        dropped.append(f"{path}.display")
    if wanted.budget is not None:
        dropped.append(f"{path}.{'max_tokens' if path == 'reasoning' else 'budget_tokens'}")
        if wanted.effort is None:
            return "low" if wanted.budget < 4096 else "medium" if wanted.budget < 16_384 else "high"
    if wanted.effort is None:
        return None
    effort = _EFFORTS.get(wanted.effort)
    if effort != wanted.effort:
        dropped.append(path)
    return effort
