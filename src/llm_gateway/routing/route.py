"""Which deployments serve a name, in which order. The seam for the routing engine: `candidates` is what it will decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llm_gateway.core.errors import NotFound
from llm_gateway.core.exchange import Exchange
from llm_gateway.providers.deployment import Deployment, Patience, Upstream

DIRECT_NAMES = 10_000
"""How many provider/model names asked for directly are remembered; more are looked up each time."""


class Route:
    """What a name stands for: candidates in order, and how patient to be with each."""

    __slots__ = ("candidates", "name", "retries", "total")

    def __init__(self, name: str, candidates: tuple[tuple[Deployment, Patience], ...], retries: int, total: float) -> None:
        """`retries`: tries beyond one per candidate. `total`: seconds for the whole request."""
        self.name = name
        self.candidates = candidates
        self.retries = retries
        self.total = total


class Router:
    """Names to routes. Immutable but for the memory of direct names."""

    def __init__(self, routes: Mapping[str, Route], upstreams: Mapping[str, Upstream], patience: Patience, retries: int) -> None:
        self.routes = routes
        self.upstreams = upstreams
        self._patience = patience
        self._retries = retries
        self._direct: dict[str, Route] = {}

    def route(self, name: str) -> Route | None:
        """The route of an alias, or of `provider/model`; None if there is none."""
        return self.routes.get(name) or self._direct.get(name) or self._find_direct(name)

    def candidates(self, ex: Exchange) -> Route:
        """Raises NotFound (model_not_found)."""
        route = self.route(ex.model)
        if route is None:
            raise NotFound("The model that was asked for does not exist here.", code="model_not_found", param="model")
        return route

    def _find_direct(self, name: str) -> Route | None:
        provider, slash, model = name.partition("/")
        upstream = self.upstreams.get(provider)
        if not slash or upstream is None or (upstream.models is not None and model not in upstream.models):
            return None
        try:
            deployment = upstream.deployment(model)
        except ValueError:
            return None
        route = Route(name, ((deployment, self._patience),), self._retries, self._patience.total)
        if len(self._direct) < DIRECT_NAMES:
            self._direct[name] = route
        return route


class Backoff:
    """Exponential with jitter (requirements A8): `initial * 2**n` seconds, up to `cap`, give or take 25 %."""

    def __init__(self, draw: Callable[[], float], initial: float = 0.1, cap: float = 10.0) -> None:
        """`draw` gives numbers in [0, 1)."""
        self._draw = draw
        self._initial = initial
        self._cap = cap

    def wait(self, attempt: int) -> float:
        """Seconds to wait before repeat number `attempt` (0 is the first)."""
        return min(self._initial * 2.0 ** min(attempt, 20), self._cap) * (0.75 + 0.5 * self._draw())
