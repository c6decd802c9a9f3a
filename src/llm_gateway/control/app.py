"""The operators' port as an ASGI application: routes, and errors in the words of the data plane."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from llm_gateway.config.schema import Config
from llm_gateway.control.entrance import Entrance, TurnedAway, unseen
from llm_gateway.control.headers import SecurityHeaders
from llm_gateway.core.errors import Forbidden, GatewayError, InvalidRequest, MethodNotAllowed, NotFound
from llm_gateway.core.ids import Ids
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.edge.plain import Plain
from llm_gateway.edge.respond import error_lines

MOST_BODY = 8 << 20
"""Bytes of a request's body."""


def application(
    routes: Sequence[BaseRoute],
    ids: Ids,
    report: Callable[[BaseException], None],
    *,
    fallback: Callable[[Request], Awaitable[Response]] | None = None,
    config: Callable[[], Config | None] | None = None,
    turned_away: TurnedAway = unseen,
) -> ASGIApp:
    """`routes` in the order in which they are looked at; `fallback` answers what is none of them (None: 404); `report` is told of
    bugs; `config`: what holds now, which says who is let in, and at the beginning whether browsers come over HTTPS (None:
    everyone is, and they do not); `turned_away` is told who was not.
    """

    async def told(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            error = _as_ours(error)
        if not isinstance(error, GatewayError):
            report(error)
            error = GatewayError("Something went wrong in the control process. The log says where.")
        return told_as(request, error, ids)

    async def otherwise(request: Request, error: Exception) -> Response:
        if fallback is None:
            return await told(request, error)
        try:
            return await fallback(request)
        except GatewayError as refusal:
            return await told(request, refusal)

    handlers = {GatewayError: told, HTTPException: told, 404: otherwise, Exception: told}
    starlette = Starlette(routes=[*routes], exception_handlers=handlers)

    async def quiet(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(Exception):  # Starlette raises it again behind the answer, for a server that would print it
            await starlette(scope, receive, send)

    async def refuse(scope: Scope, receive: Receive, send: Send, error: GatewayError) -> None:
        await told_as(Request(scope), error, ids)(scope, receive, send)

    if config is None:
        return SecurityHeaders(quiet, tls=False)
    known = config()
    tls = known is not None and (known.auth.admin.url or "").startswith("https:")
    return SecurityHeaders(Entrance(quiet, config, refuse, turned_away), tls=tls)


def told_as(request: Request, error: GatewayError, ids: Ids) -> Response:
    """An error as this port tells it: in OpenAI's envelope, like the data plane."""
    given = request.headers.get("x-request-id", "")
    request_id = given if given.isascii() and given.isprintable() and 0 < len(given) <= 128 else ids.request_id()
    lines = error_lines(error) + b"X-Request-ID: " + request_id.encode() + b"\r\n"
    body = OPENAI_CHAT.render_error(error, request_id)
    return response_of(Plain(OPENAI_CHAT.status_of(error), b"Content-Type: application/json\r\n" + lines, body))


def response_of(plain: Plain) -> Response:
    """What the edge's handlers give, for this port."""
    pairs = [line.partition(b":") for line in plain.headers.split(b"\r\n") if line]
    return response(plain.status, [(name, value.strip()) for name, _, value in pairs], plain.body)


def response(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> Response:
    """With exactly these headers, and a length."""
    made = Response(body, status)
    made.raw_headers = [(name.lower(), value) for name, value in headers if name.lower() != b"content-length"]
    if status not in (204, 304):
        made.raw_headers.append((b"content-length", str(len(body)).encode()))
    return made


def headers_of(request: Request) -> Mapping[bytes, bytes]:
    """As the data plane has them: lower-case names, repeated fields joined."""
    joined: dict[bytes, bytes] = {}
    for name, value in request.headers.raw:
        joined[name] = joined[name] + b", " + value if name in joined else value
    return joined


async def body_of(request: Request, most: int = MOST_BODY) -> bytes:
    """The whole body. Raises InvalidRequest (413) for one that is too large."""
    data = await bounded(request, most)
    if data is None:
        error = InvalidRequest(f"The body is larger than {most} bytes.", code="body_too_large")
        error.status = 413
        raise error
    return data


async def bounded(request: Request, most: int) -> bytes | None:
    """The whole body, of so many bytes at most; None: it is larger, and was not read to its end."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        return None  # whoever asks first (Expect: 100-continue) need not send it
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > most:
            return None
    return bytes(data)


def _as_ours(error: HTTPException) -> GatewayError:
    match error.status_code:
        case 404:
            return NotFound("There is nothing at this path.", code="not_found")
        case 405:
            return MethodNotAllowed(
                "This path does not take this method.", details={"allow": (error.headers or {}).get("Allow", "")}
            )
        case 403:
            return Forbidden(error.detail)
        case _:
            made = InvalidRequest(error.detail)
            made.status = error.status_code
            return made
