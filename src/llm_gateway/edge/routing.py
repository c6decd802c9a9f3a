"""What callers can see of routing: POST /v1/routing/explain, and /v1/routing/decisions for what was decided lately.

Explaining asks with the key's own rights and calls nobody: it collects what a decision may depend on, as a request would, and
decides. Neither shows a key anything of others, and no text of a prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.caller import Caller
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Forbidden, NotFound
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.invalid import read, refuse
from llm_gateway.edge import reasons
from llm_gateway.edge.listing import parse_query, whole
from llm_gateway.edge.plain import Plain, json
from llm_gateway.http.headers import TOKEN
from llm_gateway.http.request import Request
from llm_gateway.identity.keys import authorize
from llm_gateway.routing.decide import decide
from llm_gateway.routing.deciding import Deciding
from llm_gateway.routing.decisions import Decisions
from llm_gateway.routing.wishes import wishes_of

EXPLAIN = b"/v1/routing/explain"
DECISIONS = b"/v1/routing/decisions"
CHAT = "/v1/chat/completions"
MOST_HEADERS = 50

FrontOf = Callable[[Request], Front | None]
"""The dialect of a request to a model operation; None: its path is none. Raises InvalidRequest."""
_KEYS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"content-length", b"content-type"})
"""Headers of the request itself, which an explained one cannot have in their place."""


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    """A request of any dialect, as it would be sent."""

    request: Raw
    path: str = CHAT
    headers: dict[str, str] = {}


class _Looked(msgspec.Struct):
    """Enough to tell a request in an envelope from a chat request."""

    messages: Raw = Raw()
    request: Raw = Raw()


class Explain:
    """For one snapshot."""

    def __init__(self, deciding: Deciding, front_of: FrontOf, clock: Clock) -> None:
        self._deciding = deciding
        self._front_of = front_of
        self._clock = clock

    def __call__(self, caller: Caller, request: Request) -> Plain:
        """What would happen to a request: a chat request, or `{"path", "headers", "request"}` around one of any dialect.

        Raises what the request itself would meet before it is routed: InvalidRequest, Forbidden, NotFound.
        """
        ex = self._exchange(caller, request)
        ex.view = ex.front.view(ex.body)
        ex.model, ex.stream = ex.view.model, ex.view.stream
        authorize(ex)
        wishes = wishes_of(ex)
        deciding = self._deciding
        route = deciding.router.found(ex.model)
        features = deciding.collected(ex, route, wishes, route.turns.taken + 1, everything=True)
        told = {"model": ex.model, "path": ex.path.decode("latin-1"), "request": reasons.seen(features)}
        try:
            decision = decide(features, route, deciding.policy, explain=True)
        except Forbidden as refusal:
            if refusal.code != "rejected_by_rule":
                raise
            return json(200, told | reasons.rejected(refusal))
        return json(200, told | reasons.explained(decision, features))

    def _exchange(self, caller: Caller, request: Request) -> Exchange:
        asked = _asked(request.body)
        path, _, query = asked.path.encode("utf-8", "replace").partition(b"?")
        inner = Request(
            b"POST", path, query, _headers(request.headers, asked.headers), request.peer, 0.0, None, bytes(asked.request)
        )
        front = self._front_of(inner)
        if front is None:
            raise refuse("path", "no model is asked there; it must be like /v1/chat/completions or /v1/messages")
        ex = Exchange("", inner, front, self._clock.monotonic())
        ex.caller = caller
        return ex


def _asked(body: bytes) -> _Asked:
    looked = read(body, _Looked)
    if bytes(looked.messages) or not bytes(looked.request):
        return _Asked(Raw(body))  # a chat request, or something whose view says best what is wrong with it
    asked = read(body, _Asked)
    if len(asked.headers) > MOST_HEADERS:
        raise refuse("headers", f"there may be at most {MOST_HEADERS}")
    return asked


def _headers(own: Mapping[bytes, bytes], given: Mapping[str, str]) -> dict[bytes, bytes]:
    """Those of the request that asks, and over them those of the request that is asked about."""
    headers = dict(own)
    for name, value in given.items():
        lower = name.lower().encode("utf-8")
        if not lower or not TOKEN.issuperset(lower):
            raise refuse("headers", "a header's name must be a token")
        if lower not in _KEYS:
            headers[lower] = value.encode("latin-1", "replace")
    return headers


def listing(decisions: Decisions, caller: Caller, query: bytes) -> Plain:
    """The caller's last decisions, the last one first. Raises InvalidRequest for a limit that is none."""
    limit = whole(parse_query(query), "limit", 20, 1, 100)
    shown: list[dict[str, Any]] = []
    for kept in decisions.latest(caller.owner):
        if len(shown) == limit:
            return json(200, {"object": "list", "data": shown, "has_more": True})
        shown.append(reasons.kept(kept))
    return json(200, {"object": "list", "data": shown, "has_more": False})


def one(decisions: Decisions, caller: Caller, request_id: str) -> Plain:
    """Raises NotFound, in the same words for a decision that is not there and for one of another key."""
    found = decisions.find(caller.owner, request_id)
    if found is None:
        raise NotFound("No decision is kept for this request id. The last ones are, for the key that made them.")
    return json(200, reasons.recorded(found))
