"""Who uses the admin API: somebody who signed in, or who has a key. Nobody else.

While the gateway knows no key at all, whoever is on this machine may look (the gateway serves him without a key, too), and nobody
can change anything: the first admin key comes from the file, or from `llm-gateway admin-key create`, which needs the state
directory.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request

from llm_gateway.control.admission import Admission
from llm_gateway.control.app import headers_of
from llm_gateway.core.errors import Forbidden
from llm_gateway.identity.roles import SYSTEM_ADMIN, Principal, principal_of

Recogniser = Callable[[Request], Awaitable[Principal | None]]
"""Who it is by a session, say; None: this way of signing in was not used. Raises Unauthenticated, Forbidden."""
HERE = Principal("anonymous", "anonymous", frozenset({SYSTEM_ADMIN}), scopes=frozenset({"admin:read"}))
"""Whoever is on this machine while there is no key."""


class Principals:
    """`others` are asked first, in their order."""

    def __init__(self, admission: Admission, others: Sequence[Recogniser] = ()) -> None:
        self._admission = admission
        self._others = list(others)

    def add(self, recogniser: Recogniser) -> None:
        """Another way to sign in."""
        self._others.append(recogniser)

    async def __call__(self, request: Request) -> Principal:
        """Raises Unauthenticated, Forbidden, Overloaded."""
        for other in self._others:
            found = await other(request)
            if found is not None:
                return found
        caller = self._admission.caller(headers_of(request))
        if caller.kind != "anonymous":
            return principal_of(caller)
        if not self._admission.open or not from_here(request):
            raise Forbidden("The admin API needs a key of kind admin.", code="insufficient_permissions")
        return HERE


def from_here(request: Request) -> bool:
    """Whether it comes from this machine, and was not sent by a web page that has a name for it."""
    client = request.client.host if request.client else ""
    host = request.headers.get("host", "")
    return _loopback(client) and _named_here(host) and "origin" not in request.headers


def _loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _named_here(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name in ("localhost", "") or _loopback(name.strip("[]"))
