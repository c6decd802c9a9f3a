"""Under what an answer is kept: everything that it could depend on, and who may see it.

Two requests are the same if their bodies are, byte for byte. That finds a little less than comparing documents would, and it
cannot be wrong: parsers differ in which of two equal members they take, and a member that nobody thought of is part of it too.
What is hashed is never kept, and the hash is keyed: who reads keys, in Redis say, cannot try out prompts on them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec.structs import replace

from llm_gateway.core.caller import Caller
from llm_gateway.core.exchange import Exchange
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.features import Wishes
from llm_gateway.routing.route import Route

Scope = Literal["key", "project", "tenant"]
_VERSION = b"1"
"""Raised when an answer kept before could be wrong now."""
_NOT_ASKED = frozenset({b"idempotency-key"})
"""Headers that are passed on and change nothing about an answer."""
_ROUTES = 10_000
"""So many routes' shapes are remembered: callers may make up names (`provider/anything`), and others are looked at each time."""
_NO_HURRY: Mapping[str, None] = MappingProxyType({"deadline": None, "priority": None, "retries": None})
"""Wishes that say when, and not by whom."""
_NO_WISHES = Wishes()
_plain = msgspec.json.Encoder(order="deterministic").encode


class Keys:
    """One per snapshot: what its routes lead to is part of every key, so that answers of a configuration before do not count."""

    def __init__(self, secret: bytes, scope: Scope, *, strict: bool = False) -> None:
        """`secret`: of up to 64 bytes. `strict`: loss in translation is refused unless a request says otherwise."""
        self._blank = hashlib.blake2b(b"strict" if strict else b"", key=secret, digest_size=24)
        self._whose = _WHOSE[scope]
        self._routes: dict[str, tuple[bytes, tuple[bytes, ...]]] = {}

    def of(self, ex: Exchange, decision: Decision) -> bytes:
        """24 bytes."""
        route: Route = decision.route
        known = self._routes.get(route.name)
        if known is None:
            known = _print(route)
            if len(self._routes) < _ROUTES:
                self._routes[route.name] = known
        shape, headers = known
        front, caller = ex.front, ex.caller
        told: list[object] = [
            None if caller is None else self._whose(caller),
            front.name,
            ex.path,
            ex.model,
            ex.stream,
            front.stream_type if ex.stream else b"",
            ex.strict,
            _NO_WISHES if decision.wishes is None else replace(decision.wishes, **_NO_HURRY),
            decision.split,
            None if caller is None else caller.strict,
            None if caller is None else caller.regions,
            None if caller is None else caller.providers,
            [ex.headers.get(name) for name in headers],
        ]
        hashed = self._blank.copy()
        facts = _plain(told)
        hashed.update(b"%b%d,%d,%b%b" % (_VERSION, len(facts), len(shape), facts, shape))
        hashed.update(ex.body)
        return hashed.digest()


def _tenant(caller: Caller) -> tuple[str, ...]:
    return (_whose_kind(caller), caller.tenant)


def _project(caller: Caller) -> tuple[str, ...]:
    return (_whose_kind(caller), caller.tenant, caller.project)


def _key(caller: Caller) -> tuple[str, ...]:
    return (_whose_kind(caller), caller.tenant, caller.project, caller.owner)


def _whose_kind(caller: Caller) -> str:
    """Who needs no key learns nothing of what those with one have asked, tenant or none."""
    return "anonymous" if caller.kind == "anonymous" else "known"


_WHOSE: Mapping[Scope, Callable[[Caller], tuple[str, ...]]] = MappingProxyType(
    {"tenant": _tenant, "project": _project, "key": _key}
)


def _print(route: Route) -> tuple[bytes, tuple[bytes, ...]]:
    """Who may answer, and which of the caller's headers they are given."""
    upstreams = {id(one.deployment.upstream): one.deployment.upstream for one in route.everyone}.values()
    headers = sorted({name for upstream in upstreams for name in upstream.forwarded} - _NOT_ASKED)
    who = sorted(
        (one.name, str(one.deployment.upstream.origin), one.deployment.upstream.base_path, one.deployment.upstream.kind.name)
        for one in route.everyone
    )
    return _plain([route.name, route.around_filter, who]), tuple(headers)
