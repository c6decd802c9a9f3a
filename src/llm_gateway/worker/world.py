"""A worker's composition root: the one place where stages, dialects and clients meet."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from llm_gateway.config.schema import Config
from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.edge import gemini, health
from llm_gateway.edge.app import PlainHandler, World
from llm_gateway.edge.cors import Cors
from llm_gateway.edge.health import Health
from llm_gateway.edge.heartbeat import Heartbeat
from llm_gateway.edge.models import Models
from llm_gateway.edge.plain import Plain
from llm_gateway.edge.respond import Respond
from llm_gateway.edge.versions import Deprecation, Versions
from llm_gateway.http.client import Client
from llm_gateway.http.server import Request
from llm_gateway.identity.keys import Identify, authorize
from llm_gateway.pipeline import Pipeline
from llm_gateway.providers.ask import Ask
from llm_gateway.providers.discovery import Discovery
from llm_gateway.routing.route import Backoff
from llm_gateway.snapshot import Snapshot
from llm_gateway.telemetry.journal import Log
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats

FRONTS: MappingProxyType[bytes, Front] = MappingProxyType(
    {
        b"/v1/chat/completions": OPENAI_CHAT,
        b"/v1/responses": OPENAI_RESPONSES,
        b"/v1/completions": OPENAI_COMPLETIONS,
        b"/v1/embeddings": EMBEDDINGS,
        b"/v1/messages": ANTHROPIC_MESSAGES,
        b"/v1/messages/count_tokens": ANTHROPIC_COUNT_TOKENS,
        b"/api/chat": OLLAMA_CHAT,
        b"/api/generate": OLLAMA_GENERATE,
    }
)
GET = (b"GET", b"HEAD")


@dataclass(frozen=True)
class Shared:
    """What outlives a reload."""

    clock: Clock
    stats: Stats
    health: Health
    observe: Observe
    log: Log
    report: Callable[[Exchange, Exception], None]
    draw: Callable[[], float] = random.random


def build_world(snapshot: Snapshot, clients: Mapping[str, Client], shared: Shared) -> World:
    """Everything that a request meets, wired."""
    config = snapshot.config
    clock = shared.clock
    identify = Identify(snapshot.keys, clock)
    pipeline = Pipeline(
        observe=shared.observe,
        identify=identify,
        authorize=authorize,
        route=snapshot.router.candidates,
        ask=Ask(clients, clock, strict=config.translation.on_loss == "refuse"),
        backoff=Backoff(shared.draw),
        clock=clock,
        edge=Respond(clock, Heartbeat(float(config.server.keepalive))),
        report=shared.report,
    )
    discovery = Discovery(snapshot.upstreams.values(), clients, clock, shared.log)
    models = Models(snapshot.router, discovery, shared.stats, clock.monotonic)

    async def list_models(request: Request, _rest: str) -> Plain:
        return await models.listing(identify.caller(request.headers), request.query, request.headers)

    async def one_model(request: Request, rest: str) -> Plain:
        return await models.one(identify.caller(request.headers), rest, request.headers)

    async def open_health(request: Request, _rest: str) -> Plain:
        return shared.health.answer(request.path, request.query)

    async def provider_health(request: Request, _rest: str) -> Plain:
        identify.caller(request.headers)  # it tells how much traffic there is
        return shared.health.report()

    exact: dict[bytes, tuple[tuple[bytes, ...], PlainHandler]] = dict.fromkeys(health.PATHS, (GET, open_health))
    exact[b"/health/providers"] = (GET, provider_health)
    exact[b"/v1/models"] = (GET, list_models)
    return World(
        pipeline=pipeline,
        fronts=FRONTS,
        bound=tuple((prefix, gemini.bind) for prefix in gemini.PREFIXES),
        exact=MappingProxyType(exact),
        prefixes=((b"/v1/models/", GET, one_model),),
        versions=_versions(config),
        cors=_cors(config),
        default_front=OPENAI_CHAT,
        errors=((b"/v1/messages", ANTHROPIC_MESSAGES), (b"/v1beta/", gemini.DEFAULT), (b"/api/", OLLAMA_CHAT)),
    )


def admin_world(world: World) -> World:
    """The second listener: the same without the model operations."""
    return replace(world, fronts=MappingProxyType({}), bound=())


def _versions(config: Config) -> Versions:
    told = config.api.versions.v1
    deprecation = Deprecation(told.deprecated, told.sunset, told.guide)
    return Versions((1,), {1: deprecation} if deprecation != Deprecation() else {})


def _cors(config: Config) -> Cors:
    """Absent origins: everyone's pages may call where a key is needed, which no page has by itself; nobody's where none is."""
    cors = config.server.cors
    origins = (("*",) if config.auth.needed else ()) if cors.origins is None else cors.origins
    return Cors(
        origins,
        methods=cors.methods,
        headers=cors.headers,
        expose=cors.expose,
        credentials=cors.credentials,
        max_age=int(cors.max_age),
    )
