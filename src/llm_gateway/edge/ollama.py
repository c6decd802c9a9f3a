"""What Ollama's clients look up besides asking models: /api/tags, /api/show, /api/ps, /api/version (https://docs.ollama.com/api).

Only what is known is told: a file's size, digest and quantization are a model server's business, and left out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import InvalidRequest, Unsupported, UpstreamError
from llm_gateway.core.splice import replace_top_level
from llm_gateway.dialects.invalid import Watched, read, refuse_duplicates
from llm_gateway.edge.listing import Row
from llm_gateway.edge.models import CACHING, Models
from llm_gateway.edge.plain import JSON, Plain, cached, json
from llm_gateway.http.request import Request
from llm_gateway.providers.beside import Beside
from llm_gateway.routing.router import Router
from llm_gateway.telemetry.journal import timestamp

API_VERSION = "0.13.5"
"""The release of Ollama whose API this is: clients compare it with what they need."""
MANAGED = (b"/api/pull", b"/api/push", b"/api/create", b"/api/copy", b"/api/delete")
BLOBS = b"/api/blobs/"
_CAPABILITIES: Mapping[str, str] = MappingProxyType(
    {
        "chat": "completion",
        "completion": "completion",
        "completions": "completion",
        "completion_chat": "completion",
        "insert": "insert",
        "completion_fim": "insert",
        "tools": "tools",
        "tool_use": "tools",
        "function_calling": "tools",
        "vision": "vision",
        "image": "vision",
        "embedding": "embedding",
        "embeddings": "embedding",
        "reasoning": "thinking",
        "thinking": "thinking",
    }
)
"""What others call it -> what Ollama does."""


_WATCHED = Watched(b"model", b"name")


class _Asked(msgspec.Struct, gc=False):
    """`name`: what `model` was called once."""

    model: str | None = None
    name: str | None = None


class Ollama:
    """The endpoints, for one snapshot."""

    def __init__(self, models: Models, router: Router, beside: Beside) -> None:
        self._models = models
        self._router = router
        self._beside = beside

    async def tags(self, caller: Caller, request: Request) -> Plain:
        rows = await self._models.rows(caller)
        return cached({"models": [_tag(row) for row in rows]}, CACHING, request.headers)

    async def show(self, caller: Caller, request: Request) -> Plain:
        """A model of an Ollama server as that shows it, any other as the gateway knows it. Raises NotFound, InvalidRequest."""
        asked = read(request.body, _Asked)
        refuse_duplicates(request.body, _WATCHED)
        name = asked.model or asked.name
        if not name:
            raise InvalidRequest("model is required", code="missing_field", param="model")
        row = await self._models.row(caller, name)
        route = self._router.route(name)
        first = route.candidates[0][0] if route is not None and route.candidates else None
        if first is not None and first.upstream.kind.name == "ollama":
            body = replace_top_level(request.body, "model" if asked.model else "name", first.model_json)
            said = await self._beside(first.upstream.name, b"POST", "/api/show", body)
            if said.status not in (200, 400, 404) or not said.body.lstrip().startswith(b"{"):
                raise UpstreamError(f"The provider of this model answered {said.status}.")
            return Plain(said.status, JSON, said.body)
        return json(200, _shown(row))

    async def refuse(self) -> Plain:
        raise Unsupported("Models are configured at this gateway, they are not pulled, made, copied or deleted through it.")


def version() -> Plain:
    return json(200, {"version": API_VERSION})


def loaded() -> Plain:
    """/api/ps: the gateway has no model in memory, its providers have."""
    return json(200, {"models": []})


def _tag(row: Row) -> dict[str, Any]:
    return {"name": row["id"], "model": row["id"], **_modified(row), "details": {}}


def _shown(row: Row) -> dict[str, Any]:
    info = row["x_gateway_info"]
    window = info["context_window"]
    named = list(dict.fromkeys(_CAPABILITIES[one] for one in info["capabilities"] if one in _CAPABILITIES))
    return {
        "details": {},
        "model_info": {} if window is None else {"general.context_length": window},
        **({"capabilities": named} if named else {}),
        **_modified(row),
    }


def _modified(row: Row) -> dict[str, str]:
    created = row["created"]
    return {"modified_at": timestamp(created)[:19] + "Z"} if created else {}


RUNNING = Plain(200, b"Content-Type: text/plain; charset=utf-8\r\n", b"Ollama is running")
"""What Ollama's clients look for at /."""
