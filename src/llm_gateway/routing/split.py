"""Shares of the requests: sides of a split that hold on to who asks, and copies for a mirror."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Literal, NamedTuple

from llm_gateway.config.schema import Mirroring, Share
from llm_gateway.routing.features import Features

By = Literal["key", "session", "user", "request"]


class Side(NamedTuple):
    """A side of a split reaches from the end of the one before it to `until`, on a line from 0 to 1."""

    until: float
    route: str


class Split:
    """Shares laid out along a line in their order. Each identity has its place on it, for each rule another one."""

    def __init__(self, rule: str, shares: Sequence[Share], by: By | None) -> None:
        """`rule`: its name. `by` None: session."""
        self.by: By = by or "session"
        self._rule = rule
        given = [share for share in shares if share.percent > 0]
        reached = accumulate(share.percent / 100 for share in given)
        sides = [Side(until, share.route) for until, share in zip(reached, given, strict=True)]
        self._sides = (*sides[:-1], sides[-1]._replace(until=1.0))  # whatever rounding left

    def route(self, features: Features) -> str:
        """Where it sends a request: the same for the same identity, or drawn from the seed."""
        place = _place(self._rule, self._identity(features))
        return next(side.route for side in self._sides if place < side.until)

    def _identity(self, features: Features) -> str:
        if self.by == "request":
            return str(features.seed)
        if self.by == "key":
            return features.key
        return (self.by == "user" and features.user) or features.session or features.user or features.key


class Copies:
    """The share of the requests of which another deployment gets a copy."""

    def __init__(self, rule: str, mirror: Mirroring) -> None:
        self.to = mirror.to
        self._share = mirror.percent / 100
        self._name = f"mirror {rule}"  # a split of the same rule draws from the same seed

    def drawn(self, features: Features) -> bool:
        """Whether a request is one of them; from the seed."""
        return _place(self._name, str(features.seed)) < self._share


def _place(name: str, identity: str) -> float:
    """A number from 0 up to but without 1 that nothing but the two decides."""
    digest = blake2b(f"{name}\0{identity}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53
