"""What clouds change about a Messages request: the model stands in the URL, the API's version in the body.

Sources: https://docs.claude.com/en/docs/build-with-claude/claude-on-vertex-ai and .../claude-on-amazon-bedrock.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.core.json import encode
from llm_gateway.core.splice import remove_top_level, set_top_level
from llm_gateway.dialects.base import Wants
from llm_gateway.providers.sniff import IMAGES

WANTS: Wants = MappingProxyType({"image": IMAGES, "document": frozenset({"application/pdf", "text/plain"})})
"""Clouds refuse sources of type url, which Anthropic itself takes."""
_BETA = b"anthropic-beta"
_VERSION = "anthropic_version"


def for_vertex(body: bytes, _headers: Mapping[bytes, bytes]) -> bytes:
    """`stream` stays, and beta features are named in the header as at Anthropic."""
    return _versioned(remove_top_level(body, "model"), "vertex-2023-10-16")


def for_vertex_count(body: bytes, _headers: Mapping[bytes, bytes]) -> bytes:
    """All models are counted for at one place, so the model stays."""
    return _versioned(body, "vertex-2023-10-16")


def for_bedrock(body: bytes, headers: Mapping[bytes, bytes]) -> bytes:
    """`stream` goes, since the URL says it; beta features of the caller's header go into the body."""
    body = _versioned(remove_top_level(remove_top_level(body, "model"), "stream"), "bedrock-2023-05-31")
    asked = headers.get(_BETA, b"").decode("latin-1").split(",")
    betas = [name for text in asked if (name := text.strip())]
    return set_top_level(remove_top_level(body, "anthropic_beta"), "anthropic_beta", encode(betas)) if betas else body


def _versioned(body: bytes, version: str) -> bytes:
    # Removed first: a caller's own may stand there twice, and only one is replaced.
    return set_top_level(remove_top_level(body, _VERSION), _VERSION, encode(version))
