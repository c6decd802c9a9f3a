"""Which refusals of a request are worth another provider: a prompt too long for one model, and a content filter's.

Texts and codes are those of OpenAI, Azure, Anthropic, Gemini, Bedrock, Mistral, Cohere, Together, Groq, vLLM and llama.cpp.
"""

from __future__ import annotations

import re

from llm_gateway.core.errors import UpstreamContextOverflow, UpstreamFiltered, UpstreamRejected
from llm_gateway.dialects.base import ProviderFault

_OVERFLOW_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "model_context_window_exceeded"})
_OVERFLOW = re.compile(
    r"maximum context length|context[ _]length[ _]exceeded|exceeds? (?:the )?(?:context|available context)|context window of this"
    r"|exceed context limit|prompt is too long|input is too long|longer than the maximum model length|too many (?:input )?tokens"
    r"|input token count .{0,40}exceeds|tokens \+ `?max_new_tokens`? must be",
    re.IGNORECASE,
)
_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked", "ResponsibleAIPolicyViolation"})
_FILTERED = re.compile(r"blocked by content filtering policy", re.IGNORECASE)
"""Anthropic has no code of its own for it."""
_READ = 2_000
"""Characters of a message that are looked at."""


def kind_of(status: int, fault: ProviderFault) -> type[UpstreamRejected]:
    """The class of error for a request that a provider refused as the caller's fault."""
    said = {fault.code, fault.type}
    if said & _FILTER_CODES or (status == 400 and _FILTERED.search(fault.message[:_READ])):
        return UpstreamFiltered
    if said & _OVERFLOW_CODES or (status in (400, 413, 422) and _OVERFLOW.search(fault.message[:_READ])):
        return UpstreamContextOverflow
    return UpstreamRejected
