"""What dialects without a place for it lose of a request, by the caller's own names."""

from __future__ import annotations

from types import MappingProxyType

from llm_gateway.core.chat import ChatRequest, ReasoningRequest, ResponseFormat

_OPENAI = "openai_chat"
_ANTHROPIC = "anthropic_messages"
_OLLAMA = frozenset({"ollama_chat", "ollama_generate"})
_OPTIONS = MappingProxyType({"max_tokens": "num_predict"})
_ANY_TIER = frozenset({None, "auto", "default"})


def name_lost(request: ChatRequest, dropped: list[str]) -> None:
    """Members that neither Ollama nor Cohere has. One that asks for what happens anyway is not lost."""
    if request.n is not None and request.n != 1:
        dropped.append("n")
    if request.parallel_tool_calls is False:
        dropped.append("tool_choice.disable_parallel_tool_use" if request.dialect == _ANTHROPIC else "parallel_tool_calls")
    if request.user is not None:
        dropped.append("metadata.user_id" if request.dialect == _ANTHROPIC else "user")
    if request.metadata is not None:
        dropped.append("metadata")
    if request.service_tier not in _ANY_TIER:
        dropped.append("service_tier")


def name_lost_of_format(wanted: ResponseFormat, dropped: list[str]) -> None:
    """The schema is always followed to the letter, and has no description beside its own."""
    if wanted.description is not None:
        dropped.append("response_format.json_schema.description")
    if wanted.strict is False:
        dropped.append("response_format.json_schema.strict")


def of_format(request: ChatRequest) -> str:
    """The member that says which format the answer shall have."""
    if request.dialect == _ANTHROPIC:
        return "output_config.format"
    return "format" if request.dialect in _OLLAMA else "response_format"


def of_tool(request: ChatRequest, index: int, name: str) -> str:
    """The path of a tool's member: its function's, in dialects that wrap it."""
    return f"tools[{index}].{name}" if request.dialect == _ANTHROPIC else f"tools[{index}].function.{name}"


def of_option(request: ChatRequest, name: str) -> str:
    """The path of a sampling parameter by its neutral name."""
    return f"options.{_OPTIONS.get(name, name)}" if request.dialect in _OLLAMA else name


def of_reasoning(request: ChatRequest, wanted: ReasoningRequest) -> str:
    """The member that says how much thinking is wanted."""
    if request.dialect == _OPENAI:
        return "reasoning_effort" if wanted.budget is None and wanted.enabled is None else "reasoning"
    if request.dialect == _ANTHROPIC:
        return "output_config.effort" if wanted.budget is None and wanted.enabled is None else "thinking"
    return "think" if request.dialect in _OLLAMA else "reasoning"
