"""GET /v1beta/models and /v1beta/models/{model}, as Gemini's API has them (https://ai.google.dev/api/models)."""

from __future__ import annotations

from typing import Any

from llm_gateway.core.caller import Caller
from llm_gateway.edge.listing import Row, page_by_token, parse_query
from llm_gateway.edge.models import CACHING, Models, unquoted
from llm_gateway.edge.plain import Plain, cached
from llm_gateway.http.request import Request

PREFIXES = (b"/v1beta/models", b"/v1alpha/models")
_GENERATE = ("generateContent", "streamGenerateContent", "countTokens")
_EMBED = ("embedContent", "batchEmbedContents")
_EMBEDDING = frozenset({"embedding", "embeddings"})
_TALKING = frozenset({"chat", "completion"})
_NEITHER = frozenset({"rerank", "moderation", "speech", "transcription", "ocr", "realtime", "image_generation"})
"""What a model may be for that this API has no method for."""


class GeminiModels:
    """The two endpoints, for one snapshot."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def listing(self, caller: Caller, request: Request) -> Plain:
        """Raises InvalidRequest for a page that makes no sense."""
        rows, token = page_by_token(await self._models.rows(caller), parse_query(request.query))
        more = {} if token is None else {"nextPageToken": token}
        return cached({"models": [_shown(row) for row in rows], **more}, CACHING, request.headers)

    async def one(self, caller: Caller, rest: str, request: Request) -> Plain:
        """`rest`: the path behind /models/. Raises NotFound."""
        return cached(_shown(await self._models.row(caller, unquoted(rest))), CACHING, request.headers)


def _shown(row: Row) -> dict[str, Any]:
    """What is not known is not said."""
    info = row["x_gateway_info"]
    told = {"inputTokenLimit": info["context_window"], "outputTokenLimit": info["max_output_tokens"]}
    return {
        "name": f"models/{row['id']}",
        "displayName": row["display_name"],
        **{name: value for name, value in told.items() if value is not None},
        "supportedGenerationMethods": _methods(set(info["capabilities"])),
    }


def _methods(capabilities: set[str]) -> tuple[str, ...]:
    """A model of which nothing is known is taken for one that talks: nearly all are."""
    if capabilities & _EMBEDDING:
        return _EMBED
    return () if capabilities & _NEITHER and not capabilities & _TALKING else _GENERATE
