"""What pictures, sound and pages may cost before they are made: what was asked for, at the prices of who is asked first."""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.catalogue.lookup import Catalogue
from llm_gateway.catalogue.prices import Tariff, price
from llm_gateway.dialects.openai_media import Wanted
from llm_gateway.routing.route import Route

UNITS = frozenset({"image", "pixel", "character", "audio_ms", "audio_output_ms", "page"})
"""What has a price of its own beside that of tokens."""


class Foreseen:
    """By the name that is asked for: the highest cost among the deployments of its own leg, as limits.prices has it."""

    def __init__(self, route: Callable[[str], Route | None], catalogue: Catalogue, now: Callable[[], float]) -> None:
        """`now`: Unix seconds."""
        self._route = route
        self._catalogue = catalogue
        self._now = now

    def __call__(self, model: str, wanted: Wanted) -> int | None:
        """Nano-dollars; None: nobody knows a price for any of it."""
        route = self._route(model)
        if route is None or not route.legs:
            return None
        found = 0
        for candidate in route.legs[0].candidates:
            known = self._catalogue.find(candidate.provider, candidate.deployment.model)
            if known is not None and known.tariff is not None:
                found = max(found, _most(known.tariff, wanted, self._now()))
        return found or None


def _most(tariff: Tariff, wanted: Wanted, at: float) -> int:
    """By its units where these have a price, else by the tokens that it may come to."""
    try:
        told = price(tariff, wanted.told, at, extras=wanted.beside)
        if any(part.name in UNITS for part in told.parts):
            return told.nano
        return price(tariff, wanted.tokens, at, extras=wanted.beside_tokens).nano
    except ValueError:  # a size that is none
        return 0
