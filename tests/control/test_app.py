"""The operators' port: errors and headers, whatever the route."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from starlette.responses import JSONResponse
from starlette.routing import Route

from llm_gateway.channel.messages import Web
from llm_gateway.control.app import MOST_BODY, application, body_of, headers_of, response_of
from llm_gateway.control.web import ask
from llm_gateway.core.errors import Forbidden
from llm_gateway.core.ids import Ids
from llm_gateway.edge.plain import json


def asked(method: str = "GET", path: bytes = b"/", body: bytes = b"", headers: list | None = None, **more):
    reported = []

    async def bug(_request):
        raise ValueError("a secret")

    async def forbidden(_request):
        raise Forbidden("No.", code="insufficient_permissions")

    async def echo(request):
        return JSONResponse({"body": (await body_of(request)).decode(), "a": headers_of(request).get(b"a", b"").decode()})

    async def ours(_request):
        return response_of(json(201, {"x": 1}, b"ETag: t\r\n"))

    routes = [Route("/bug", bug), Route("/no", forbidden), Route("/echo", echo, methods=["POST"]), Route("/plain", ours)]
    app = application(routes, Ids(lambda: 1.0), reported.append, **more)
    answer = asyncio.run(ask(app, Web(method, path, headers=headers or [], body=body)))
    return answer.status, dict(answer.headers), msgspec.json.decode(answer.body) if answer.body else None, reported


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", b"/none", 404, "not_found"),
        ("GET", b"/echo", 405, "method_not_allowed"),
        ("GET", b"/no", 403, "insufficient_permissions"),
        ("GET", b"/bug", 500, "internal_error"),
    ],
)
def test_errors_are_told_as_in_the_data_plane(method, path, status, code):
    """One envelope, with a request id; a bug is reported, and its text is not shown."""
    got, headers, body, reported = asked(method, path)
    assert got == status
    assert body["error"]["code"] == code
    assert body["error"]["request_id"].encode() == headers[b"x-request-id"]
    assert "secret" not in str(body)
    assert len(reported) == (status == 500)


def test_a_request_id_is_taken_over_if_it_is_one():
    """Not if it could break a header."""
    assert asked(path=b"/none", headers=[(b"x-request-id", b"mine")])[1][b"x-request-id"] == b"mine"
    assert asked(path=b"/none", headers=[(b"x-request-id", b"a\xffb")])[1][b"x-request-id"].startswith(b"req_")


def test_bodies_are_bounded():
    """The whole body, or 413."""
    status, _, body, _ = asked("POST", b"/echo", b"hello", [(b"a", b"1"), (b"a", b"2")])
    assert (status, body) == (200, {"body": "hello", "a": "1, 2"})
    status, _, body, _ = asked("POST", b"/echo", b"x" * (MOST_BODY + 1))
    assert (status, body["error"]["code"]) == (413, "body_too_large")


def test_every_answer_has_security_headers():
    """Errors, too."""
    for path in (b"/plain", b"/none"):
        headers = asked(path=path)[1]
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert b"content-length" in headers
    assert asked(path=b"/plain")[:3] == (201, asked(path=b"/plain")[1], {"x": 1})
    assert asked(path=b"/plain")[1][b"etag"] == b"t"


def test_what_is_no_route_may_have_another_answer():
    """The fallback; its refusals are told like all others."""

    async def other(request):
        if request.url.path == "/refused":
            raise Forbidden("No.")
        return JSONResponse({"from": "elsewhere"})

    assert asked(path=b"/v1/models", fallback=other)[2] == {"from": "elsewhere"}
    assert asked(path=b"/refused", fallback=other)[0] == 403
