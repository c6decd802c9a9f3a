"""What the members of a neutral request are called in the caller's own document: what `dropped` names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.core.chat import ChatRequest

_ANTHROPIC: Mapping[str, str] = MappingProxyType(
    {
        "stop": "stop_sequences",
        "response_format": "output_config.format",
        "reasoning": "thinking",
        "user": "metadata.user_id",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    }
)


def member(request: ChatRequest, name: str) -> str:
    """The path of the neutral member `name`. A dialect that is not known here has OpenAI's names."""
    wanted = request.reasoning
    if request.dialect == "anthropic_messages":
        if name == "reasoning" and wanted is not None and wanted.enabled is None:
            return "output_config.effort"
        return _ANTHROPIC.get(name, name)
    if name == "reasoning" and request.dialect == "openai_chat" and wanted is not None:
        return "reasoning" if wanted.budget is not None or wanted.enabled is not None else "reasoning_effort"
    return name


def of_tool(request: ChatRequest, index: int, name: str) -> str:
    """The path of a member of a tool's definition."""
    inner = "function." if request.dialect == "openai_chat" and name != "cache_control" else ""
    return f"tools[{index}].{inner}{name}"
