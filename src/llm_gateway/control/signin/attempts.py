"""Wrong passwords again and again: who guesses at a login has to wait, and nobody else has.

What is counted is one login from one source. Whoever has the login himself signs in from anywhere else meanwhile; guesses from
many sources are slowed by what a password check costs, and by how few run at once (see passwords.py).
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from math import inf

from llm_gateway.config.schema.tokens import Lockout
from llm_gateway.core.clock import Clock
from llm_gateway.identity.networks import address_of

_NETWORK_BITS = 64  # of IPv6: one customer's network


class Attempts:
    """Of one control process. Bounded: the oldest is forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[int, float]] = OrderedDict()  # how many, and since when (monotonic)

    def begin(self, login: str, peer: str, settings: Lockout) -> float:
        """Somebody at `peer` tries a password now. Seconds until he may; 0: now, and then it is counted as a wrong one until
        `right` says otherwise: guesses that come at once are no more than guesses that follow each other.
        """
        if not settings.failures:
            return 0.0
        now, who = self._clock.monotonic(), _who(login, peer)
        count, since = self._known.get(who, (0, -inf))
        if now >= since + settings.window:
            count, since = 0, now
        if count >= settings.failures:
            return since + settings.window - now
        self._known[who] = count + 1, since
        self._known.move_to_end(who)
        while len(self._known) > settings.addresses:
            self._known.popitem(last=False)
        return 0.0

    def last(self, login: str, peer: str, settings: Lockout) -> bool:
        """Whether the attempt that just began was the last one for now."""
        return 0 < settings.failures == self._known.get(_who(login, peer), (0, 0.0))[0]

    def right(self, login: str, peer: str) -> None:
        """It was the right one."""
        self._known.pop(_who(login, peer), None)


def _who(login: str, peer: str) -> bytes:
    address = address_of(peer)
    if address is None:
        source = peer
    elif address.version == 4:
        source = str(address)
    else:
        source = f"{int(address) >> _NETWORK_BITS:x}::"
    return blake2b(f"{source}\0{login}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
