"""What tokens are reserved at: the prices of who is asked first, the dearest of equals."""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.limits.plan import Rates
from llm_gateway.routing.route import Route


class FirstLeg:
    """By the name that is asked for: the highest prices of the deployments in its own leg, fallbacks left out, which are the very
    tariffs that answers are charged by; and the largest context window (0: not known).

    Fallbacks count when they answer: reserving at the price of one that is ten times as dear would refuse what never costs it.
    """

    def __init__(self, route: Callable[[str], Route | None]) -> None:
        self._route = route

    def __call__(self, model: str) -> tuple[Rates | None, int]:
        route = self._route(model)
        if route is None or not route.legs:
            return None, 0
        candidates = route.legs[0].candidates
        known = [candidate.rates for candidate in candidates if candidate.rates is not None]
        windows = [candidate.context for candidate in candidates]
        context = 0 if 0 in windows else max(windows, default=0)
        if not known:
            return None, context
        return (max(one[0] for one in known), max(one[1] for one in known), max(one[2] for one in known)), context
