"""Requests that cross between a worker and control: operators' paths on the main port, and what control asks a worker for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from llm_gateway.channel.messages import Web, WebAnswer, plain, read
from llm_gateway.channel.peer import Unanswered
from llm_gateway.core.errors import Overloaded, PayloadTooLarge
from llm_gateway.edge.app import App, World
from llm_gateway.edge.plain import Plain
from llm_gateway.http.request import Request

Ask = Callable[[str, Any, float], Awaitable[Any]]
"""`Link.ask`: method, body and seconds to the answer's body. Raises Unanswered."""

PATHS = (b"/admin", b"/metrics")
METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE")
SECONDS = 30.0
_LARGEST = 900_000
"""Bytes of a body: a frame of the channel holds it, its head and what msgpack adds."""
_OWN = frozenset({b"connection", b"content-length", b"date", b"keep-alive", b"server", b"transfer-encoding", b"x-request-id"})
"""Header fields that each server writes itself."""


def exposed(world: World, control: Ask | None) -> World:
    """The same, and what is for operators, answered by control. `control` None: there is none."""

    async def forwarded(request: Request, _rest: str) -> Plain:
        if control is None:
            raise Overloaded("There is no control process here.", code="control_unavailable")
        if len(request.body) > _LARGEST:
            raise PayloadTooLarge(f"At most {_LARGEST} bytes are forwarded; use the admin port.")
        asked = Web(
            request.method.decode("latin-1"),
            request.path,
            request.query,
            list(request.headers.items()),
            request.body,
            request.peer,
        )
        try:
            answer = read(await control("web", plain(asked), SECONDS), WebAnswer)
        except Unanswered as error:
            raise Overloaded(f"The control process does not answer: {error}.", code="control_unavailable") from None
        lines = b"".join(b"%b: %b\r\n" % field for field in answer.headers if field[0].lower() not in _OWN)
        return Plain(answer.status, lines, answer.body)

    exact = {**world.exact, **dict.fromkeys(PATHS, (METHODS, forwarded))}
    return replace(world, exact=exact, prefixes=((b"/admin/", METHODS, forwarded), *world.prefixes))


class _Caught:
    """Stands where the connection would be, and keeps the answer."""

    def __init__(self) -> None:
        self.answer = WebAnswer(500)

    def whole(self, status: int, headers: bytes, body: bytes = b"") -> None:
        pairs = [line.partition(b":") for line in headers.split(b"\r\n") if line]
        self.answer = WebAnswer(status, [(name, value.strip()) for name, _, value in pairs], body)


async def asked_by_control(app: App, asked: Web, received: float) -> WebAnswer:
    """What `app` says to a request that came in at control. `app` must know no path that streams or leaves HTTP."""
    headers = {name.lower(): value for name, value in asked.headers}
    request = Request(asked.method.encode("latin-1"), asked.path, asked.query, headers, asked.peer, received, None, asked.body)
    caught = _Caught()
    request.reply = caught  # type: ignore[assignment]  # all that plain handlers use of it
    await app(request)
    return caught.answer
