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
Share = Callable[[str], bool]
"""Has an address' failure counted with those that others saw, which then tell of the lockout; False: nobody is there."""


class Lockout:
    """One per process; outlives reloads. Loopback is never locked out: behind it may be a proxy, and so everybody.

    A worker's has its failures counted by that of control as well, which sees those of all of them, and is told by it (`shut`).
    """

    def __init__(self, clock: Clock, locked: Locked, share: Share | None = None) -> None:
        self._clock = clock
        self._locked = locked
        self._share = share
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
        left = self.count(peer)
        if left is None:
            return refusal
        return RateLimited(
            "Too many requests with wrong credentials came from this address. Requests with the right ones are served.",
            code="too_many_failed_authentications",
            retry_after=max(left, 1.0),
        )

    def count(self, peer: str, times: int = 1) -> float | None:
        """That many more failures of one address: for how long it is locked out, in seconds; None: it is not."""
        source = _source(peer)
        if not self._failures or source is None:
            return None
        now = self._clock.monotonic()
        count, since = self._known.pop(source, (0, -inf))
        if now >= since + self._window:
            count, since = 0, now
        before, count = count, count + times
        self._remember(source, count, since)
        shared = before <= self._failures and self._share is not None and self._share(peer)
        if count <= self._failures:
            return None
        if before <= self._failures and not shared:
            self._locked(peer, count)
        return since + self._window - now

    def left(self, peer: str) -> float:
        """For how long an address is locked out, in seconds; 0: it is not."""
        count, since = self._known.get(_source(peer) or "", (0, -inf))
        return max(since + self._window - self._clock.monotonic(), 0.0) if self._failures and count > self._failures else 0.0

    def shut(self, peer: str, seconds: float) -> None:
        """Others counted: it is locked out for this long."""
        source = _source(peer)
        if self._failures and source is not None:
            self._known.pop(source, None)
            self._remember(source, self._failures + 1, self._clock.monotonic() + min(seconds, self._window) - self._window)

    def _remember(self, source: str, count: int, since: float) -> None:
        while len(self._known) >= self._most:
            self._known.popitem(last=False)
        self._known[source] = (count, since)


def _source(peer: str) -> str | None:
    address = address_of(peer)
    if address is None or address.is_loopback:
        return None
    return str(address) if address.version == 4 else f"{int(address) >> _ADDRESS_BITS:x}::"
