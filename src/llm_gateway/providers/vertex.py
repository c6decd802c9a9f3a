"""Vertex AI (https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest): models of several makers in one account.

A model is called what Google calls it (gemini-2.5-flash, claude-sonnet-4-5@20250929), or publisher/model (meta/llama-4-...-maas),
or endpoints/NUMBER, a tuned Gemini.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from llm_gateway.dialects.gemini.count_tokens import counted
from llm_gateway.dialects.gemini.errors import parse_error
from llm_gateway.providers import google_cloud
from llm_gateway.providers.anthropic_elsewhere import WANTS, for_vertex, for_vertex_count
from llm_gateway.providers.base import Endpoint, ProviderType
from llm_gateway.providers.gemini import sign

CLAUDE = "/publishers/anthropic/models"
MISTRAL = "/publishers/mistralai/models/{model}"


def count(body: bytes, _headers: Mapping[bytes, bytes]) -> bytes:
    """AI Studio's generateContentRequest is unknown here: what is counted stands in the body itself."""
    return counted(body)


_gemini = partial(Endpoint, resource=google_cloud.gemini_resource)
_claude = partial(Endpoint, parse_error=parse_error)

VERTEX = ProviderType(
    name="vertex",
    title="Google Vertex AI",
    endpoints={
        "gemini": _gemini("/{model}:generateContent", "/{model}:streamGenerateContent?alt=sse"),
        "gemini_count_tokens": _gemini("/{model}:countTokens", adapt=count),
        "vertex_embed": _gemini("/{model}:predict"),
        "anthropic_messages": _claude(
            CLAUDE + "/{model}:rawPredict", CLAUDE + "/{model}:streamRawPredict", adapt=for_vertex, wants_bytes=WANTS
        ),
        "anthropic_count_tokens": _claude(CLAUDE + "/count-tokens:rawPredict", adapt=for_vertex_count),
        "mistral_chat": Endpoint(MISTRAL + ":rawPredict", MISTRAL + ":streamRawPredict"),
        "openai_chat": "/endpoints/openapi/chat/completions",
    },
    sign=sign,
    forwarded=(b"anthropic-beta",),
    models_path="",
    target=google_cloud.target,
    speaks=google_cloud.speaks,
    account_url=google_cloud.account_url,
    located_by="region and project",
    account_keys=frozenset({"project"}),
    credentials=frozenset({"google"}),
)
