"""Requests that cross between a worker and control."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.channel.messages import Web, WebAnswer, plain, read
from llm_gateway.channel.peer import Unanswered
from llm_gateway.worker.forward import asked_by_control, exposed
from llm_gateway.worker.world import looked_up_world
from serving import connected, run
from whole_gateway import BEARER, KEY, one_provider, whole_gateway


def forwarded(control, wanted: bytes):
    """What a caller is answered at `wanted` while `control` answers what is forwarded."""
    found = []

    async def test() -> None:
        async with whole_gateway(one_provider("http://127.0.0.1:1")) as gateway:
            gateway.app.world = exposed(gateway.app.world, control)
            async with connected(gateway.port) as raw:
                raw.send(wanted)
                found.append(await raw.reply())

    run(test)
    return found[0]


def test_operators_paths_are_answered_by_control():
    """Method, path, query, headers and body arrive; status, headers and body come back."""
    seen = []

    async def control(method, body, _seconds):
        seen.append((method, read(body, Web)))
        return plain(WebAnswer(207, [(b"content-type", b"text/x"), (b"content-length", b"99"), (b"etag", b"t")], b"yes"))

    wanted = f"PUT /admin/v1/x?y=1 HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n{BEARER}\r\nhi".encode()
    status, headers, body = forwarded(control, wanted)
    assert (status, headers[b"content-type"], headers[b"etag"], body) == (207, b"text/x", b"t", b"yes")
    ((method, asked),) = seen
    assert (method, asked.method, asked.path, asked.query, asked.body) == ("web", "PUT", b"/admin/v1/x", b"y=1", b"hi")
    assert dict(asked.headers)[b"authorization"] == f"Bearer {KEY}".encode()
    assert asked.peer.startswith("127.0.0.1")


def test_control_that_is_away_is_a_503():
    """Said as what it is."""

    async def control(*_):
        raise Unanswered("the control process is away")

    status, _, body = forwarded(control, b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n")
    assert (status, msgspec.json.decode(body)["error"]["code"]) == (503, "control_unavailable")


def test_a_body_that_no_frame_holds_is_a_413():
    """Told where it can be sent instead."""

    async def control(*_):
        pytest.fail("it was forwarded")

    wanted = b"POST /admin/x HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
    assert forwarded(control, wanted)[0] == 413


@pytest.mark.parametrize(
    ("path", "status"), [(b"/v1/models", 200), (b"/v1/responses/x", 404), (b"/v1/realtime", 404), (b"/v1/files", 404)]
)
def test_control_may_look(path, status):
    """Models and routing; nothing that streams, leaves HTTP or is a caller's own."""

    async def test() -> None:
        async with whole_gateway(one_provider("http://127.0.0.1:1")) as gateway:
            gateway.app.world = looked_up_world(gateway.app.world)
            asked = Web("GET", path, headers=[(b"Authorization", f"Bearer {KEY}".encode())])
            answer = await asked_by_control(gateway.app, asked, 0.0)
            assert answer.status == status
            assert msgspec.json.decode(answer.body)
            assert dict(answer.headers)[b"Content-Type"] == b"application/json"

    run(test)
