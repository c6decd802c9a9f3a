"""What passes through as it is, wired: media operations, files and batches, and providers' own paths. Each is the pipeline of all
other requests with its own stages in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from types import MappingProxyType

from llm_gateway.config.schema import Config
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.openai_media import MEDIA, OWNED
from llm_gateway.dialects.openai_media.operations import FORM
from llm_gateway.edge.app import Relay, Relayed
from llm_gateway.edge.heartbeat import Heartbeat
from llm_gateway.edge.keeping import AskOwned
from llm_gateway.edge.owned import OwnedFronts, authorize_owned
from llm_gateway.edge.ownership import Owners
from llm_gateway.edge.passthrough import NAME, PREFIX, PassthroughFronts, Policy, authorize_passthrough
from llm_gateway.edge.raw import MediaFronts, RespondRaw
from llm_gateway.http.client import Client
from llm_gateway.http.server import Request
from llm_gateway.pipeline import Pipeline
from llm_gateway.providers.deployment import Patience, Upstream
from llm_gateway.providers.passthrough import AskPassthrough
from llm_gateway.providers.raw import AskRaw
from llm_gateway.resilience.standings import Standings
from llm_gateway.routing.candidate import Candidate, Leg
from llm_gateway.routing.decision import Chosen, Decision
from llm_gateway.routing.route import Route
from llm_gateway.snapshot import Snapshot

_FORMS = tuple(path for kind in (*MEDIA, *OWNED) if FORM in kind.bodies for path in (f"/v1{kind.path}", kind.path))
UPLOADS: tuple[bytes, ...] = (*(path.encode() for path in _FORMS), PREFIX)
"""Paths, or what they begin with, whose bodies may be as large as server.limits.upload."""


def build_relays(
    snapshot: Snapshot,
    pipeline: Pipeline,
    clients: Mapping[str, Client],
    heartbeat: Heartbeat,
    owners: Owners,
    standings: Standings,
) -> Relay:
    """For World.relayed."""
    config, clock = snapshot.config, pipeline.clock
    ask = AskRaw(clients, clock)
    media = copy(pipeline)
    media.ask = ask
    media.edge = RespondRaw(clock, heartbeat)
    owned = copy(media)
    owned.authorize = authorize_owned
    owned.decide = _OneProvider(snapshot, "files", standings, again=1)
    files = config.files
    owned.ask = AskOwned(
        ask, owners, clock, show_unknown=files.unknown_ids == "show", uncounted=files.uncounted_batches == "allow"
    )
    through = copy(media)
    through.authorize = authorize_passthrough
    through.decide = _OneProvider(snapshot, NAME, standings, again=0)
    through.ask = AskPassthrough(ask, clock)
    most_json = int(config.server.limits.body)
    models = {"moderation_model": config.media.moderation_model, "image_model": config.media.image_model}
    kinds = (
        (MediaFronts(models, most_json), media),
        (OwnedFronts(config.files.provider, _speaking(snapshot.upstreams)), owned),
        (PassthroughFronts(_policies(config), most_json), through),
    )

    def relayed(request: Request) -> Relayed | None:
        for fronts, stages in kinds:
            front: Front | None = fronts(request)
            if front is not None:
                return front, stages
        return None

    return relayed


class _OneProvider:
    """Decides for the provider that a front names: nobody else has what is asked for, so nobody else is asked."""

    def __init__(self, snapshot: Snapshot, unnamed: str, standings: Standings, *, again: int) -> None:
        """`unnamed`: what statistics call requests that name no model. `again`: how often what only looks is repeated."""
        self._upstreams = snapshot.upstreams
        self._standings = standings
        self._patience = Patience()
        self._unnamed = unnamed
        self._again = again

    def __call__(self, ex: Exchange) -> Decision:
        upstream = self._upstreams.get(ex.front.provider)
        if upstream is None:
            return Decision(Route("", (), 0, self._patience.total), (), "priority")
        model = ex.model.partition("/")[2] or self._unnamed
        try:
            deployment = upstream.deployment(model)
        except ValueError:
            deployment = upstream.deployment(self._unnamed)
        again = self._again if ex.front.method in (b"GET", b"HEAD") else 0
        account = self._standings.account(upstream.name)
        candidate = Candidate(deployment, self._patience, self._standings.of(deployment.name), account)
        leg = Leg(deployment.name, (candidate,))
        route = Route(deployment.name, (leg,), again, self._patience.total)
        return Decision(route, (Chosen(leg, leg.candidates),), leg.strategy)


def _speaking(upstreams: Mapping[str, Upstream]) -> Mapping[str, frozenset[str]]:
    return MappingProxyType(
        {kind.name: frozenset(name for name, made in upstreams.items() if kind.name in made.kind.endpoints) for kind in OWNED}
    )


def _policies(config: Config) -> Mapping[str, Policy]:
    allowed = {name: made.passthrough for name, made in config.providers.items() if made.enabled and made.passthrough is not None}
    return MappingProxyType({name: Policy(made.paths, made.methods) for name, made in allowed.items()})
