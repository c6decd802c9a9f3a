"""A request for a provider, neutral to wire. The model and whether to stream stand in its URL, not here.

Not named in `dropped`, since nothing is lost: the label of a response format, penalties of 0 and n of 1 (which are not sent),
stream_options (usage always comes), service tiers that mean the usual one.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.json import encode
from llm_gateway.dialects.anthropic_messages.nested import put
from llm_gateway.dialects.base import Rendered, Target
from llm_gateway.dialects.gemini.contents_out import ContentsOut
from llm_gateway.dialects.gemini.thinking import render_thinking
from llm_gateway.dialects.gemini.tools_out import render_tools
from llm_gateway.dialects.gemini.wire import NAME
from llm_gateway.dialects.schemas.carry import carry_format
from llm_gateway.dialects.schemas.rules import GEMINI

MAX_STOPS = 5
_USUAL_TIERS = frozenset({"auto", "default", "standard", "standard_only"})
_PLAIN = (
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("max_tokens", "maxOutputTokens"),
    ("n", "candidateCount"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("logprobs", "responseLogprobs"),
    ("top_logprobs", "logprobs"),
)
_SAYS_NOTHING = MappingProxyType({"n": 1, "presence_penalty": 0, "frequency_penalty": 0, "logprobs": False, "top_logprobs": 0})
"""For callers of other dialects: some models refuse these members whatever they say."""


def render_request(request: ChatRequest, target: Target) -> Rendered:
    """Raises Unsupported for a conversation of which nothing can be carried."""
    dropped: list[str] = []
    rendered = ContentsOut(request, target.model, dropped)
    out: dict[str, Any] = {"contents": rendered.contents}
    if rendered.system:
        out["systemInstruction"] = {"parts": rendered.system}
    out |= render_tools(request, dropped)
    config = _config(request, target, dropped)
    if config:
        out["generationConfig"] = config
    _name_lost(request, dropped)
    for path, value in request.extra.items():
        if request.dialect != NAME or path == "model" or not put(out, path, value):
            dropped.append(path)
    return Rendered(encode(out), dropped)


def _config(request: ChatRequest, target: Target, dropped: list[str]) -> dict[str, Any]:
    own = request.dialect == NAME
    config: dict[str, Any] = {}
    for name, member in _PLAIN:
        value = getattr(request, name)
        if value is not None and (own or value != _SAYS_NOTHING.get(name)):
            config[member] = value
    if request.stop:
        config["stopSequences"] = list(request.stop) if own else list(request.stop[:MAX_STOPS])
        if not own and len(request.stop) > MAX_STOPS:
            dropped.append("stop")
    _add_format(config, request, own, dropped)
    thinking = render_thinking(request, target.model, dropped)
    if thinking is not None:
        config["thinkingConfig"] = thinking
    return config


def _add_format(config: dict[str, Any], request: ChatRequest, own: bool, dropped: list[str]) -> None:
    wanted = request.response_format
    if wanted is None:
        return
    if wanted.kind == "text":
        if own:
            config["responseMimeType"] = "text/plain"
        return
    config["responseMimeType"] = "application/json"
    if wanted.kind == "schema" and wanted.schema is not None:
        config["responseJsonSchema"] = wanted.schema if own else carry_format(request, wanted, GEMINI, dropped)
        if wanted.description is not None:
            dropped.append("response_format.json_schema.description")
        if wanted.strict is False:
            dropped.append("response_format.json_schema.strict")


def _name_lost(request: ChatRequest, dropped: list[str]) -> None:
    """What does not exist here."""
    if request.user is not None:
        dropped.append("metadata.user_id" if request.dialect == "anthropic_messages" else "user")
    if request.metadata is not None:
        dropped.append("metadata")
    if request.service_tier is not None and request.service_tier not in _USUAL_TIERS:
        dropped.append("service_tier")
