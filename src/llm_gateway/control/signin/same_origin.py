"""No other page can make a browser do something here (CSRF).

A browser sends cookies with whatever any page has it send. So a request with a cookie that changes something must show that it
comes from a page of ours: by the token that only our pages can read, or by what browsers themselves say of where it comes from
(Fetch Metadata; the Origin header of the Fetch standard). What says that it comes from elsewhere is refused in any case.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from llm_gateway.core.errors import Forbidden

TOKEN_HEADER = b"x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def demand(method: str, headers: Mapping[bytes, bytes], origin: str, token: str) -> None:
    """`origin`: ours, as browsers write it; `token`: of the session; "": there is none yet. Raises Forbidden."""
    if method in SAFE:
        return
    site, came_from = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if foreign(headers, origin):
        raise Forbidden("This request comes from a page of another site.", code="cross_site_request")
    if site == b"same-origin" or came_from is not None:
        return
    given = headers.get(TOKEN_HEADER, b"")
    if token and hmac.compare_digest(given, token.encode()):
        return
    if not token and site is None:
        return  # nothing to be stolen yet, and no browser: each of today sends one of the two with a POST
    raise Forbidden(
        "This request needs the session's token in X-CSRF-Token; GET /admin/v1/me says it.", code="csrf_token_missing"
    )


def foreign(headers: Mapping[bytes, bytes], origin: str) -> bool:
    """Whether a browser says that a page of somewhere else had this request sent."""
    site, came_from = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None and site not in (b"same-origin", b"none"):
        return True
    return came_from is not None and came_from.lower() != origin.lower().encode()
