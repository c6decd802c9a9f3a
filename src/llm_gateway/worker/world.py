"""A worker's composition root: the one place where stages, dialects and clients meet."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from llm_gateway.edge.app import World
from llm_gateway.edge.cors import Cors
from llm_gateway.edge.health import Health, HealthRoutes
from llm_gateway.edge.heartbeat import Heartbeat
from llm_gateway.edge.models import Models
from llm_gateway.edge.respond import Respond
from llm_gateway.edge.versions import Versions
from llm_gateway.http.client import Client
from llm_gateway.identity.keys import Identify, authorize
from llm_gateway.pipeline import Pipeline
from llm_gateway.providers.ask import Ask
from llm_gateway.routing.route import Backoff
from llm_gateway.snapshot import Snapshot
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats

FRONTS: MappingProxyType[bytes, Front] = MappingProxyType(
    {
        b"/v1/chat/completions": OPENAI_CHAT,
        b"/v1/completions": OPENAI_COMPLETIONS,
        b"/v1/embeddings": EMBEDDINGS,
        b"/v1/messages": ANTHROPIC_MESSAGES,
        b"/v1/messages/count_tokens": ANTHROPIC_COUNT_TOKENS,
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
    report: Callable[[Exchange, Exception], None]
    draw: Callable[[], float] = random.random  # noqa: S311 - jitter, not a secret


def build_world(snapshot: Snapshot, clients: dict[str, Client], shared: Shared) -> World:
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
    raise NotImplementedError
