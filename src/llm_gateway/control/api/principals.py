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
from llm_gateway.core.errors import Forbidden
from llm_gateway.identity.roles import SYSTEM_ADMIN, Principal, principal_of

Recogniser = Callable[[Request], Awaitable[Principal | None]]
"""Who it is by a session, say; None: this way of signing in was not used. Raises Unauthenticated, Forbidden."""
HERE = Principal("anonymous", "anonymous", frozenset({SYSTEM_ADMIN}), scopes=frozenset({"admin:read"}))
"""Whoever is on this machine while there is no key."""
_FROM_ELSEWHERE = ("origin", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Header fields of requests that a web page sent, or that a proxy on this machine passed on for somebody."""


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
                self._admission.refuse_disabled(found.tenant)
                return found
        caller = await self._admission.caller(request)
        if caller.kind != "anonymous":
            return principal_of(caller)
        if not self._admission.open or not from_here(request):
            raise Forbidden("The admin API needs a key of kind admin.", code="insufficient_permissions")
        return HERE


def from_here(request: Request) -> bool:
    """Whether it comes from this machine, and neither from a web page that has a name for it nor through a proxy."""
    client = request.client.host if request.client else ""
    host = request.headers.get("host", "")
    return _loopback(client) and _named_here(host) and not any(name in request.headers for name in _FROM_ELSEWHERE)


def _loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _named_here(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return name in ("localhost", "") or _loopback(name.strip("[]"))
