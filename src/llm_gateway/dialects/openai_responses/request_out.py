"""A request for a provider, neutral to wire.

For callers of other dialects the provider keeps nothing (`store`: false), and reasoning comes back encrypted, so that it can go
on through their clients. Not named in `dropped`, since nothing is lost: penalties of 0, n of 1, logprobs false, stream_options
(usage always comes).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

from llm_gateway.core.chat import ChatRequest, ReasoningRequest, ResponseFormat
from llm_gateway.core.errors import Unsupported
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages.nested import put
from llm_gateway.dialects.base import Rendered, Target
from llm_gateway.dialects.openai_responses.items_out import ItemsOut
from llm_gateway.dialects.openai_responses.request_in import LOGPROBS
from llm_gateway.dialects.openai_responses.tools_out import render_tools
from llm_gateway.dialects.openai_responses.wire import FORMATS, NAME
from llm_gateway.dialects.schemas.carry import strict_format

LEAST_TOKENS = 16
"""The API takes no smaller max_output_tokens."""

_CHAT = "openai_chat"
_TIERS = frozenset({"auto", "default", "flex", "priority", "scale"})
_SHARED = frozenset(
    {"store", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier", "moderation"}
)
"""Members that Chat Completions has by the same name with the same meaning."""
_STOP = MappingProxyType({"anthropic_messages": "stop_sequences"})
_REASONING_MODEL = re.compile(
    r"(?:^|[/.])(?:o[134]\b|gpt-(?:[5-9]|\d\d)(?!.*-chat)|codex|grok-(?:[4-9]|3-mini|code)|computer-use)"
)
"""Models that reason, as far as their names tell: asking others for encrypted reasoning is an error."""
_ITEM_PATH = re.compile(r"^input\[(\d+)\]")


def render_request(request: ChatRequest, target: Target) -> Rendered:
    """Raises Unsupported when nothing is left of the conversation."""
    dropped: list[str] = []
    own = request.dialect == NAME
    items = ItemsOut(request, dropped)
    given = items.render()
    if not given and request.messages and not (own and items.instructions is not None):
        raise Unsupported("Nothing of this conversation can be carried to the chosen provider", param="messages")
    out: dict[str, Any] = {"model": target.model}
    if items.instructions is not None:
        out["instructions"] = items.instructions
    if given or not own:
        out["input"] = given
    out |= render_tools(request, dropped)
    if request.response_format is not None:
        out["text"] = {
            "format": render_format(
                request.response_format if own else strict_format(request, request.response_format, dropped), own=own
            )
        }
    _add_reasoning(out, request, dropped)
    _add_sampling(out, request, dropped)
    _add_particular(out, request, dropped)
    _name_lost(request, dropped)
    if not own:
        _add_stateless(out, request, target)
    if request.stream:
        out["stream"] = True
    _add_extra(out, request, items.moved, dropped)
    return Rendered(encode(out), dropped)


def render_format(wanted: ResponseFormat, *, own: bool) -> dict[str, Any]:
    """A schema is strict in this API unless it says otherwise; in others it is the other way."""
    out: dict[str, Any] = {"type": next(word for word, kind in FORMATS.items() if kind == wanted.kind)}
    if wanted.kind == "schema":
        out["name"] = wanted.name or "response"
        for name in ("description", "schema"):
            value = getattr(wanted, name)
            if value is not None:
                out[name] = value
        if wanted.strict is not None or not own:
            out["strict"] = wanted.strict is True
    return out


def _add_reasoning(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    wanted = request.reasoning
    if wanted is None:
        return
    shown: dict[str, Any] = {}
    effort = _effort(wanted, dropped)
    if effort is not None:
        shown["effort"] = effort
    if _wants_text(wanted):
        shown["summary"] = "auto"
    if shown:
        out["reasoning"] = shown


def _effort(wanted: ReasoningRequest, dropped: list[str]) -> str | None:
    """Of a budget the effort that is nearest."""
    if wanted.effort is not None:
        if wanted.budget is not None:
            dropped.append("reasoning.max_tokens")
        return wanted.effort
    if wanted.enabled is False:
        dropped.append("thinking")
        return None
    if wanted.budget is None:
        return None
    dropped.append("thinking.budget_tokens")
    return "low" if wanted.budget < 4096 else "medium" if wanted.budget < 16_384 else "high"


def _wants_text(wanted: ReasoningRequest) -> bool:
    """Whether the caller is to see the thinking: says so, or turned thinking on in an API that shows it by itself."""
    if wanted.display is not None:
        return wanted.display != "omitted"
    return wanted.enabled is True


def _add_sampling(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    limit = request.max_tokens
    if limit is not None:
        if limit < LEAST_TOKENS and request.dialect != NAME:
            dropped.append("max_tokens")
            limit = LEAST_TOKENS
        out["max_output_tokens"] = limit
    for name in ("temperature", "top_p", "top_logprobs"):
        value = getattr(request, name)
        if value is not None:
            out[name] = value


def _add_particular(out: dict[str, Any], request: ChatRequest, dropped: list[str]) -> None:
    """What shares its name with other dialects but not its meaning."""
    kin = request.dialect in {NAME, _CHAT}
    if request.user is not None:
        out["user"] = request.user
    if request.metadata is not None:
        if kin:
            out["metadata"] = request.metadata
        else:
            dropped.append("metadata")
    tier = "default" if request.service_tier == "standard_only" else request.service_tier
    if tier is not None:
        if kin or tier in _TIERS:
            out["service_tier"] = tier
        else:
            dropped.append("service_tier")


def _name_lost(request: ChatRequest, dropped: list[str]) -> None:
    """What does not exist here."""
    if request.stop:
        dropped.append(_STOP.get(request.dialect, "stop"))
    if request.n is not None and request.n != 1:
        dropped.append("n")
    dropped += [name for name in ("top_k", "seed") if getattr(request, name) is not None]
    dropped += [name for name in ("presence_penalty", "frequency_penalty") if getattr(request, name)]


def _add_stateless(out: dict[str, Any], request: ChatRequest, target: Target) -> None:
    out["store"] = False
    wanted: list[str] = []
    if _REASONING_MODEL.search(target.model):
        wanted.append("reasoning.encrypted_content")
    if request.logprobs:
        wanted.append(LOGPROBS)
    if wanted:
        out["include"] = wanted


def _add_extra(out: dict[str, Any], request: ChatRequest, moved: dict[int, int], dropped: list[str]) -> None:
    """Members of this dialect's own, back to their places, and those that Chat Completions shares."""
    for path, value in request.extra.items():
        if request.dialect == _CHAT and path in _SHARED:
            out[path] = value
        elif request.dialect == _CHAT and path == "verbosity":
            put(out, "text.verbosity", value)
        elif request.dialect != NAME or not put(out, _moved(path, moved), value):
            dropped.append(path)


def _moved(path: str, moved: dict[int, int]) -> str:
    """`path` by where its item stands now; one that stands nowhere leads nowhere."""
    found = _ITEM_PATH.match(path)
    return path if found is None else f"input[{moved.get(int(found[1]), 1 << 30)}]{path[found.end() :]}"
