"""Circuit breakers for operators, on the admin listener alone (requirements E20): who is left alone, why and how long."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from llm_gateway.core.caller import Caller
from llm_gateway.core.errors import NotFound
from llm_gateway.edge.plain import Plain, json
from llm_gateway.http.request import Request
from llm_gateway.resilience.standings import Row, Standings

PATH = b"/admin/circuit-breakers"
_RESET = "/reset"


class Circuits:
    """The endpoints."""

    def __init__(self, identify: Callable[[Mapping[bytes, bytes]], Caller], standings: Standings) -> None:
        """`identify`: raises Unauthenticated for who has no key, where one is needed."""
        self._identify = identify
        self._standings = standings

    async def listing(self, request: Request, _rest: str) -> Plain:
        """GET: all of them, those that are not closed first."""
        self._identify(request.headers)
        rows = sorted(self._standings.rows(), key=lambda row: (not (row.gauge or row.seconds), row.name))
        return json(200, {"data": [_shown(row) for row in rows]})

    async def reset(self, request: Request, rest: str) -> Plain:
        """POST .../{provider/model or provider}/reset: closed, without a pause, its failures forgotten. 204. Raises NotFound."""
        self._identify(request.headers)
        name = unquote(rest.removesuffix(_RESET))
        if not rest.endswith(_RESET) or not self._standings.reset(name):
            raise NotFound("There is no circuit breaker of this name. GET /admin/circuit-breakers lists them.")
        return Plain(204, b"", b"")


def _shown(row: Row) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": row.name,
        "state": row.state,
        "consecutive_failures": row.failures,
        "success_rate": round(row.success, 4),
        "running": row.running,
    }
    if row.seconds:
        shown |= {"reason": row.reason, "seconds_left": round(row.seconds, 3)}
    return shown
