"""Names to routes. Immutable but for the memory of names that are no aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llm_gateway.core.errors import NotFound
from llm_gateway.providers.deployment import Upstream
from llm_gateway.routing.route import Route

DIRECT_NAMES = 10_000
"""How many names asked for directly are remembered; more are looked up each time."""


class Router:
    """All names of one snapshot."""

    def __init__(
        self, routes: Mapping[str, Route], upstreams: Mapping[str, Upstream], direct: Callable[[str], Route | None]
    ) -> None:
        """`direct` makes the route of a name that is no alias: `provider/model`, or one that the catalogue knows."""
        self.routes = routes
        self.upstreams = upstreams
        self._make = direct
        self._direct: dict[str, Route] = {}

    def route(self, name: str) -> Route | None:
        """The route of a name; None if it stands for nothing."""
        return self.routes.get(name) or self._direct.get(name) or self._find(name)

    def found(self, name: str) -> Route:
        """The same. Raises NotFound (model_not_found)."""
        route = self.route(name)
        if route is None:
            raise NotFound("The model that was asked for does not exist here.", code="model_not_found", param="model")
        return route

    def _find(self, name: str) -> Route | None:
        route = self._make(name)
        if route is not None and len(self._direct) < DIRECT_NAMES:
            self._direct[name] = route
        return route
