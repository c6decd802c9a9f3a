"""Candidates, routes and decisions for tests, without a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llm_gateway.core.errors import UpstreamError, UpstreamUnavailable
from llm_gateway.providers.deployment import Patience, Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.routing.candidate import Candidate, Leg
from llm_gateway.routing.decision import Chosen, Decision
from llm_gateway.routing.route import Route
from llm_gateway.routing.router import Router
from llm_gateway.routing.standing import Standing


def candidate(provider: str, model: str = "model", **facts: Any) -> Candidate:
    """A candidate at an account of its own, where nothing listens."""
    upstream = Upstream(provider, PROVIDER_TYPES["openai_compatible"], "http://127.0.0.1:1")
    deployment = upstream.deployment(model)
    return Candidate(deployment, Patience(), Standing(deployment.name), Standing(provider), **facts)


def at(upstream: Upstream, model: str, **facts: Any) -> Candidate:
    """A candidate at an account that is there already."""
    deployment = upstream.deployment(model)
    return Candidate(deployment, Patience(), Standing(deployment.name), Standing(upstream.name), **facts)


def router(upstreams: Mapping[str, Upstream], **aliases: tuple[str, ...]) -> Router:
    """Aliases of provider/model names, in one leg each; those names directly, too."""

    def candidate_of(name: str) -> Candidate:
        provider, _, model = name.partition("/")
        return at(upstreams[provider], model)

    def direct(name: str) -> Route | None:
        provider, _, model = name.partition("/")
        upstream = upstreams.get(provider)
        if upstream is None or not model or (upstream.models is not None and model not in upstream.models):
            return None
        return Route(name, (Leg(name, (candidate_of(name),)),), 1, 60.0)

    routes = {alias: Route(alias, (Leg(alias, tuple(map(candidate_of, names))),), 1, 60.0) for alias, names in aliases.items()}
    return Router(routes, upstreams, direct)


def leg(*candidates: Candidate | str, name: str = "m") -> Leg:
    return Leg(name, tuple(candidate(one) if isinstance(one, str) else one for one in candidates))


def route(*legs: Leg | Iterable[Candidate | str], retries: int = 0, total: float = 60.0, **policy: Any) -> Route:
    """`legs`: each a Leg, or what it is made of."""
    made = tuple(one if isinstance(one, Leg) else leg(*one, name=f"m{index or ''}") for index, one in enumerate(legs))
    return Route("m", made, retries, total, **policy)


def decision(of: Route, **facts: Any) -> Decision:
    """Everyone, in the order of the route."""
    return Decision(of, tuple(Chosen(one, one.candidates) for one in of.legs), "priority", **facts)


def named(of: Route) -> Mapping[str, Candidate]:
    """The route's candidates by their providers' names."""
    return {one.provider: one for one in of.everyone}


def failed(kind: type[UpstreamError] = UpstreamUnavailable, *, after: float | None = None, **marks: Any) -> UpstreamError:
    """A failure that asks for a pause of `after` seconds."""
    error = kind("it failed")
    error.retry_after = after
    for name, value in marks.items():
        setattr(error, name, value)
    return error
