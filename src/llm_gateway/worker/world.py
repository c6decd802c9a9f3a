"""A worker's composition root: the one place where stages, dialects and clients meet."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_network
from types import MappingProxyType

from llm_gateway.cache.stage import Answers
from llm_gateway.config.schema import Config, Fetch
from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.cohere_embed import COHERE_EMBED
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE
from llm_gateway.dialects.ollama_embed import OLLAMA_EMBED, OLLAMA_EMBEDDINGS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.dialects.rerank import COHERE_RERANK, RERANK
from llm_gateway.edge import gemini, health
from llm_gateway.edge.app import PlainHandler, World, front_at, nothing
from llm_gateway.edge.continued import Continue, Keep
from llm_gateway.edge.cors import Cors
from llm_gateway.edge.health import Health
from llm_gateway.edge.heartbeat import Heartbeat
from llm_gateway.edge.models import Models
from llm_gateway.edge.ownership import MemoryOwners, Owners
from llm_gateway.edge.plain import Plain
from llm_gateway.edge.realtime import Sessions
from llm_gateway.edge.respond import Respond
from llm_gateway.edge.responses import Responses
from llm_gateway.edge.routing import Explain
from llm_gateway.edge.stored import IN_MEMORY, MemoryStore, ResponseStore
from llm_gateway.edge.versions import Deprecation, Versions
from llm_gateway.http.client import Client
from llm_gateway.http.server import Request
from llm_gateway.identity.keys import authorize
from llm_gateway.identity.roles import demand
from llm_gateway.identity.who import Who
from llm_gateway.pipeline import Pipeline
from llm_gateway.providers.ask import Ask
from llm_gateway.providers.beside import Beside
from llm_gateway.providers.discovery import Discovery
from llm_gateway.providers.fetch import CLIENT, Fetcher, FetchRules
from llm_gateway.routing.cost import cheapest
from llm_gateway.routing.decide import Policy
from llm_gateway.routing.deciding import Deciding
from llm_gateway.routing.features import Features
from llm_gateway.routing.rules import rules_of
from llm_gateway.snapshot import Snapshot
from llm_gateway.telemetry.content import Contents
from llm_gateway.telemetry.journal import Log
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats
from llm_gateway.telemetry.traces import Traces
from llm_gateway.worker.accounts import Accounts
from llm_gateway.worker.cached import caching
from llm_gateway.worker.control_store import ControlStore
from llm_gateway.worker.defences import Defences
from llm_gateway.worker.lookups import GET, RESPONSES, lookups, routing_lookups
from llm_gateway.worker.measured import Measured
from llm_gateway.worker.recognition import Recognition
from llm_gateway.worker.relays import build_relays
from llm_gateway.worker.sessions import Standing, session_routes

FRONTS: MappingProxyType[bytes, Front] = MappingProxyType(
    {
        b"/v1/chat/completions": OPENAI_CHAT,
        b"/v1/responses": OPENAI_RESPONSES,
        b"/v1/completions": OPENAI_COMPLETIONS,
        b"/v1/embeddings": EMBEDDINGS,
        b"/v2/embed": COHERE_EMBED,
        b"/v1/rerank": RERANK,
        b"/v2/rerank": COHERE_RERANK,
        b"/v1/messages": ANTHROPIC_MESSAGES,
        b"/v1/messages/count_tokens": ANTHROPIC_COUNT_TOKENS,
        b"/api/chat": OLLAMA_CHAT,
        b"/api/generate": OLLAMA_GENERATE,
        b"/api/embed": OLLAMA_EMBED,
        b"/api/embeddings": OLLAMA_EMBEDDINGS,
    }
)


_ERRORS: tuple[tuple[bytes, Front], ...] = (
    (b"/v1/messages", ANTHROPIC_MESSAGES),
    (b"/v1beta/", gemini.DEFAULT),
    (b"/v1alpha/", gemini.DEFAULT),
    (b"/api/", OLLAMA_CHAT),
    (b"/v2/embed", COHERE_EMBED),
    (b"/v2/rerank", COHERE_RERANK),
)


@dataclass(frozen=True)
class Shared:
    """What outlives a reload."""

    clock: Clock
    stats: Stats
    health: Health
    observe: Observe
    log: Log
    report: Callable[[Exchange, Exception], None]
    responses: MemoryStore
    owners: MemoryOwners
    defences: Defences
    accounts: Accounts
    recognition: Recognition
    answers: Answers
    pepper: bytes
    bits: Callable[[int], int] = random.getrandbits
    sessions: Sessions = field(default_factory=Sessions)
    standing: Standing = field(default_factory=Standing)
    measured: Measured | None = None
    traces: Traces | None = None
    """None: there is nobody to tell."""
    contents: Contents | None = None
    """The same."""
    kept: ControlStore | None = None
    """Where control keeps things; None: there is no control process, and everything is in memory."""


def build_world(snapshot: Snapshot, clients: Mapping[str, Client], shared: Shared) -> World:
    """Everything that a request meets, wired."""
    config = snapshot.config
    clock = shared.clock
    shared.defences.configure(config)
    _observe(snapshot, clients, shared)
    snapshot.authorizers.use(clients.get(""))
    who = shared.recognition.who(snapshot, clients.get(""))
    heartbeat = Heartbeat(float(config.server.keepalive))
    deciding = _deciding(snapshot, shared)
    dispatch = shared.defences.dispatch(snapshot.router)
    pipeline = Pipeline(
        observe=shared.observe,
        identify=who,
        admit=shared.accounts.ledger.admit,
        authorize=authorize,
        hold=shared.accounts.limiter(snapshot).hold,
        decide=deciding,
        dispatch=caching(dispatch, snapshot, shared.answers, shared.pepper, clock, shared.accounts.ledger),
        ask=_ask(config, clients, shared),
        clock=clock,
        edge=Respond(clock, heartbeat, shared.observe.wanted),
        report=shared.report,
    )
    uncached = copy(pipeline)  # for what has a memory of its own, and for what has effects
    uncached.dispatch = dispatch
    store = _store(config, shared)
    beside = Beside(snapshot.upstreams, clients)
    discovery = Discovery(snapshot.upstreams.values(), clients, clock, shared.log)
    models = Models(snapshot.router, discovery, shared.stats, clock, snapshot.catalogue)
    looked_up = lookups(who.caller, snapshot.router, models, Responses(store, beside, int(config.server.limits.buffered)), beside)
    bound = tuple((prefix, gemini.bind) for prefix in gemini.PREFIXES)
    seen = routing_lookups(who.caller, Explain(deciding, partial(front_at, FRONTS, bound), clock), shared.defences.decisions)
    if snapshot.catalogue.problem:
        shared.log("warning", "catalogue_ignored", why=snapshot.catalogue.problem)
    exact = _health(shared, who)
    exact |= looked_up.exact | seen.exact
    cors = _cors(config)
    standing = shared.standing.now(who, authorize, shared.accounts)
    return World(
        pipeline=pipeline,
        responses=_with_memory(uncached, snapshot, store, heartbeat, shared.observe.wanted),
        fronts=FRONTS,
        bound=bound,
        exact=MappingProxyType(exact),
        prefixes=looked_up.prefixes + seen.prefixes,
        versions=_versions(config),
        cors=cors,
        door=shared.recognition.door(snapshot),
        relayed=build_relays(snapshot, uncached, clients, heartbeat, _owners(config, shared), shared.defences.standings),
        sessions=session_routes(config.server.realtime, pipeline, clients, cors, shared.sessions, standing),
        default_front=OPENAI_CHAT,
        errors=_ERRORS,
    )


def _health(shared: Shared, who: Who) -> dict[bytes, tuple[tuple[bytes, ...], PlainHandler]]:
    """What is answered without looking at anything else."""

    async def open_health(request: Request, _rest: str) -> Plain:
        return shared.health.answer(request.path, request.query)

    async def provider_health(request: Request, _rest: str) -> Plain:
        demand(await who.caller(request), "health:read")  # it tells how much traffic there is
        return shared.health.report()

    exact: dict[bytes, tuple[tuple[bytes, ...], PlainHandler]] = dict.fromkeys(health.PATHS, (GET, open_health))
    exact[b"/health/providers"] = (GET, provider_health)
    return exact


def _observe(snapshot: Snapshot, clients: Mapping[str, Client], shared: Shared) -> None:
    """What is logged, counted and traced from now on, and how."""
    logging = snapshot.config.logging
    shared.log.configure(logging.level, logging.format)
    shared.observe.configure(logging.format)
    if shared.measured is not None:
        shared.measured.configure(snapshot, clients, shared.answers)
    traces = shared.traces
    shared.observe.tracer = None if traces is None else traces.configure(snapshot.config.telemetry.tracing)
    contents = shared.contents
    shared.observe.content = None if contents is None else contents.configure(snapshot.config.telemetry.content)


def _deciding(snapshot: Snapshot, shared: Shared) -> Deciding:
    router, routing = snapshot.router, snapshot.config.routing

    def cheapest_of(features: Features) -> int | None:
        route = router.route(features.model)
        return None if route is None else cheapest(route, features)

    policy = Policy(rules_of(routing, cheapest_of), router.route)
    defences = shared.defences
    return Deciding(
        router,
        policy,
        shared.clock,
        shared.bits,
        defences.decisions,
        region=routing.region,
        prefixes=defences.prefixes,
    )


def _ask(config: Config, clients: Mapping[str, Client], shared: Shared) -> Ask:
    return Ask(
        clients,
        shared.clock,
        strict=config.translation.on_loss == "refuse",
        fetcher=_fetcher(config.translation.fetch, clients),
        heard=shared.defences.feedback.heard,
    )


def _fetcher(rules: Fetch, clients: Mapping[str, Client]) -> Fetcher | None:
    if not rules.enabled:
        return None
    allowed = FetchRules(
        most_bytes=int(rules.bytes),
        seconds=float(rules.time),
        types=frozenset(rules.types),
        hosts=tuple(host.lower().rstrip(".") for host in rules.allow_hosts),
        ports=frozenset({80, 443, *rules.allow_ports}),
        http=rules.allow_http,
        also=tuple(ip_network(network) for network in rules.allow_private),
        trust_proxy=rules.trust_proxy,
    )
    return Fetcher(allowed, clients[CLIENT], clients[""])


def looked_up_world(world: World) -> World:
    """The same without the model operations, what streams, and what callers left: what control may ask for."""
    return replace(
        world,
        fronts=MappingProxyType({}),
        bound=(),
        sessions=MappingProxyType({}),
        relayed=nothing,
        prefixes=tuple(route for route in world.prefixes if route[0] != RESPONSES),
    )


def _store(config: Config, shared: Shared) -> ResponseStore | None:
    """Where responses are kept by this configuration; in memory, where control should and there is none."""
    said = config.responses
    through = shared.kept is not None and said.store == "database"
    wanted = said.store != "none" and not through
    size = IN_MEMORY if said.size is None else int(said.size)
    each = None if said.key_size is None else int(said.key_size)
    shared.responses.configure(size if wanted else 0, float(said.ttl), each)
    if through and shared.kept is not None:
        return shared.kept.responses
    return shared.responses if wanted else None


def _owners(config: Config, shared: Shared) -> Owners:
    shared.owners.configure(config.files.entries, float(config.files.remember))
    return shared.owners if shared.kept is None else shared.kept.owners


def _with_memory(
    pipeline: Pipeline,
    snapshot: Snapshot,
    store: ResponseStore | None,
    heartbeat: Heartbeat,
    wanted: Callable[[Exchange], int],
) -> Pipeline:
    """The same pipeline, but what is asked may go on from a kept response, and what is answered is kept."""
    config = snapshot.config
    unknown = config.responses.unknown_ids
    auth = config.auth  # who needs no key is one more caller, and who has a token or a certificate is one of many
    callers = len(snapshot.directory) + (snapshot.keys.anonymous is not None) + 2 * auth.others
    made = copy(pipeline)
    made.ask = memory = Continue(
        pipeline.ask,
        store,
        pipeline.clock,
        observe=pipeline.observe,
        longest=int(config.server.limits.body),
        most=int(config.server.limits.buffered),
        pass_unknown=callers <= 1 if unknown is None else unknown == "pass",
        strict=config.translation.on_loss == "refuse",
    )
    made.observe = memory.observed
    made.edge = Keep(pipeline.clock, heartbeat, store, wanted)
    return made


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
