"""A request for Mistral, neutral to wire: OpenAI's, with what Mistral calls otherwise and without what it refuses."""

from __future__ import annotations

from typing import Any

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import encode
from llm_gateway.dialects.base import Rendered, Target
from llm_gateway.dialects.mistral_chat.conversation import prepared, settle
from llm_gateway.dialects.mistral_chat.models import reasons_by
from llm_gateway.dialects.openai_chat.request_out import document_of

_SAYS_NOTHING = frozenset({b"null", b"0", b"false", b"{}", b'"auto"', b'"default"'})
_REFUSED = (
    "user",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "top_k",
    "service_tier",
    "store",
    "modalities",
    "audio",
    "verbosity",
    "web_search_options",
    "safety_identifier",
    "prompt_cache_retention",
    "reasoning",
    "thinking",
)
"""Members of OpenAI's and its followers' that are answered with 422. What else a caller adds is between him and Mistral."""


def render_request(request: ChatRequest, target: Target) -> Rendered:
    """Raises Unsupported when no message is left of the conversation."""
    dropped: list[str] = []
    out = document_of(prepared(request, dropped), target, dropped)
    if not out["messages"]:
        raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")
    out["messages"] = settle(out["messages"], dropped)
    out.pop("stream_options", None)  # usage always comes, with the last chunk
    if "seed" in out:
        out["random_seed"] = out.pop("seed")
    if out.get("tool_choice") == "required":
        out["tool_choice"] = "any"
    dropped += [name for name in _REFUSED if name in out and encode(out.pop(name)) not in _SAYS_NOTHING]
    _tidy_tools(out, dropped)
    _add_reasoning(out, request, target.model, dropped)
    return Rendered(encode(out), dropped)


def _tidy_tools(out: dict[str, Any], dropped: list[str]) -> None:
    """Free-text tools do not exist, and a function without parameters is refused."""
    tools = out.get("tools")
    if tools is None:
        return
    kept = []
    for index, tool in enumerate(tools):
        if tool.get("type") == "custom":
            dropped.append(f"tools[{index}]")
            continue
        function = tool.get("function")
        if isinstance(function, dict):
            function.setdefault("parameters", {"type": "object", "properties": {}})
        kept.append(tool)
    if kept:
        out["tools"] = kept
    else:
        del out["tools"]
        out.pop("tool_choice", None)


def _add_reasoning(out: dict[str, Any], request: ChatRequest, model: str, dropped: list[str]) -> None:
    """Some models reason always, some when an effort says so; what else was wanted is named as dropped."""
    wanted = request.reasoning
    effort = out.pop("reasoning_effort", None)
    if wanted is None:
        return
    off = wanted.enabled is False or effort == "none"
    way = reasons_by(model)
    if way == "effort":
        out["reasoning_effort"] = "none" if off or effort == "minimal" else "high"
        lost = wanted.effort not in {None, "none", "high"}
    elif way == "mode":
        out["prompt_mode"] = None if off else "reasoning"
        lost = wanted.effort not in {None, "none"}
    else:
        lost = not off
    if way is not None and off and "thinking" in dropped:
        dropped.remove("thinking")  # it could be said after all
    if lost and request.dialect == "openai_chat":
        dropped.append("reasoning_effort")
    elif lost and "thinking" not in dropped:
        dropped.append("thinking")
