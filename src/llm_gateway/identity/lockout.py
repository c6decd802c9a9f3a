"""Who keeps coming with wrong credentials is told 429 in place of 401.

It is no punishment of an address: credentials are looked at all the same, and the right ones are served, so that nobody can
lock out others who share the address. What it takes away is the answer: from then on nothing can be learned from trying.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import inf

from llm_gateway.config.schema.tokens import Lockout as Settings
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import RateLimited, Unauthenticated
from llm_gateway.identity.networks import address_of

_ADDRESS_BITS = 64  # of IPv6: one customer's network

Locked = Callable[[str, int], None]
"""Told once each time that an address is locked out: the address and its failures, for the audit log."""


class Lockout:
    """One per worker; outlives reloads. Loopback is never locked out: behind it may be a proxy, and so everybody."""

    def __init__(self, clock: Clock, locked: Locked) -> None:
        self._clock = clock
        self._locked = locked
        self._failures = 0
        self._window = 0.0
        self._most = 0
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()  # failures, and since when (monotonic)

    def configure(self, settings: Settings) -> None:
        """From now on."""
        self._failures, self._window, self._most = settings.failures, float(settings.window), settings.addresses

    def failed(self, peer: str, refusal: Unauthenticated) -> Unauthenticated | RateLimited:
        """Someone at `peer` had wrong credentials: what they are told."""
        if not self._failures:
            return refusal
        source = _source(peer)
        if source is None:
            return refusal
        now = self._clock.monotonic()
        count, since = self._known.pop(source, (0, -inf))
        if now >= since + self._window:
            count, since = 0, now
        count += 1
        while len(self._known) >= self._most:
            self._known.popitem(last=False)
        self._known[source] = (count, since)
        if count <= self._failures:
            return refusal
        if count == self._failures + 1:
            self._locked(peer, count)
        return RateLimited(
            "Too many requests with wrong credentials came from this address. Requests with the right ones are served.",
            code="too_many_failed_authentications",
            retry_after=max(since + self._window - now, 1.0),
        )


def _source(peer: str) -> str | None:
    address = address_of(peer)
    if address is None or address.is_loopback:
        return None
    return str(address) if address.version == 4 else f"{int(address) >> _ADDRESS_BITS:x}::"
