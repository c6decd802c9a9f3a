"""Routes of several dialects by which no model is asked: kept responses, and which models there are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from llm_gateway.core.caller import Caller
from llm_gateway.edge import gemini, gemini_models, ollama, routing
from llm_gateway.edge.app import PlainHandler
from llm_gateway.edge.gemini_models import GeminiModels
from llm_gateway.edge.models import Models, unquoted
from llm_gateway.edge.ollama import Ollama
from llm_gateway.edge.plain import Plain
from llm_gateway.edge.providers import PATH as PROVIDERS
from llm_gateway.edge.providers import Providers
from llm_gateway.edge.responses import METHODS, Responses
from llm_gateway.edge.routing import Explain
from llm_gateway.http.request import Request
from llm_gateway.identity.roles import demand
from llm_gateway.providers.beside import Beside
from llm_gateway.routing.decisions import Decisions
from llm_gateway.routing.router import Router

GET = (b"GET", b"HEAD")
POST = (b"POST",)
RESPONSES = b"/v1/responses/"
Identified = Callable[[Request], Awaitable[Caller]]
"""A request to who sent it. Raises GatewayError."""
Exact = tuple[tuple[bytes, ...], PlainHandler]
Prefix = tuple[bytes, tuple[bytes, ...], PlainHandler]


class Lookups(NamedTuple):
    """As World has them."""

    exact: dict[bytes, Exact]
    prefixes: tuple[Prefix, ...]


def lookups(identified: Identified, router: Router, models: Models, responses: Responses, beside: Beside) -> Lookups:
    """All of them, for one snapshot."""
    ours, googles = _openai(identified, models, responses, Providers(router, models)), _gemini(identified, models)
    ollamas = _ollama(identified, Ollama(models, router, beside))
    return Lookups(ours.exact | googles.exact | ollamas.exact, ours.prefixes + googles.prefixes + ollamas.prefixes)


def routing_lookups(identified: Identified, explain: Explain, decisions: Decisions) -> Lookups:
    """What callers can see of routing."""

    async def explained(request: Request, _rest: str) -> Plain:
        return explain(demand(await identified(request), "routing:read"), request)

    async def listing(request: Request, _rest: str) -> Plain:
        return routing.listing(decisions, demand(await identified(request), "routing:read"), request.query)

    async def one(request: Request, rest: str) -> Plain:
        return routing.one(decisions, demand(await identified(request), "routing:read"), unquoted(rest))

    exact: dict[bytes, Exact] = {routing.EXPLAIN: (POST, explained), routing.DECISIONS: (GET, listing)}
    return Lookups(exact, ((routing.DECISIONS + b"/", GET, one),))


def _openai(identified: Identified, models: Models, responses: Responses, providers: Providers) -> Lookups:
    """/v1/models is Google's path too."""
    google = GeminiModels(models)

    async def listing(request: Request, _rest: str) -> Plain:
        gemini.take_key(request)
        caller = demand(await identified(request), "models:read")
        if gemini.is_googles(request.headers):
            return await google.listing(caller, request)
        return await models.listing(caller, request.query, request.headers)

    async def one(request: Request, rest: str) -> Plain:
        gemini.take_key(request)
        caller = demand(await identified(request), "models:read")
        if gemini.is_googles(request.headers):
            return await google.one(caller, rest, request)
        return await models.one(caller, rest, request.headers)

    async def accounts(request: Request, _rest: str) -> Plain:
        return await providers.listing(demand(await identified(request), "models:read"), request.query, request.headers)

    async def response(request: Request, rest: str) -> Plain:
        scope = "responses:read" if request.method in GET else "responses:write"
        return await responses(demand(await identified(request), scope), request, rest)

    exact: dict[bytes, Exact] = {b"/v1/models": (GET, listing), PROVIDERS: (GET, accounts)}
    return Lookups(exact, ((b"/v1/models/", GET, one), (RESPONSES, METHODS, response)))


def _gemini(identified: Identified, models: Models) -> Lookups:
    google = GeminiModels(models)

    async def listing(request: Request, _rest: str) -> Plain:
        gemini.take_key(request)
        return await google.listing(demand(await identified(request), "models:read"), request)

    async def one(request: Request, rest: str) -> Plain:
        gemini.take_key(request)
        return await google.one(demand(await identified(request), "models:read"), rest, request)

    paths = gemini_models.PREFIXES
    return Lookups(dict.fromkeys(paths, (GET, listing)), tuple((path + b"/", GET, one) for path in paths))


def _ollama(identified: Identified, made: Ollama) -> Lookups:
    def known(handler: Callable[[Caller, Request], Awaitable[Plain]]) -> PlainHandler:
        async def handle(request: Request, _rest: str) -> Plain:
            return await handler(demand(await identified(request), "models:read"), request)

        return handle

    async def loaded(_caller: Caller, _request: Request) -> Plain:
        return ollama.loaded()

    async def version(_request: Request, _rest: str) -> Plain:
        return ollama.version()

    async def running(_request: Request, _rest: str) -> Plain:
        return ollama.RUNNING

    async def refuse(_request: Request, _rest: str) -> Plain:
        return await made.refuse()

    exact: dict[bytes, Exact] = {
        b"/": (GET, running),
        b"/api/version": (GET, version),
        b"/api/tags": (GET, known(made.tags)),
        b"/api/ps": (GET, known(loaded)),
        b"/api/show": (POST, known(made.show)),
    }
    exact |= {path: ((b"DELETE",) if path == b"/api/delete" else POST, refuse) for path in ollama.MANAGED}
    return Lookups(exact, ((ollama.BLOBS, (b"HEAD", b"POST"), refuse),))
