"""The text of metrics on its way: whole, bounded, and not for ever."""

from __future__ import annotations

import asyncio
import socket

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from llm_gateway.control.metrics_answer import MOST, PIECE, Answer, Places
from llm_gateway.control.web import Listener
from llm_gateway.core.errors import Overloaded
from serving import connected, until

TEXT = b"a line of metrics 1\n" * 50_000
HEADERS = {"content-type": "text/plain"}


def test_places_are_few_and_come_back():
    """One more than there are is told to come again in a second."""
    places = Places()
    for _ in range(MOST):
        places.take()
    with pytest.raises(Overloaded) as refused:
        places.take()
    assert (refused.value.status, refused.value.retry_after) == (503, 1.0)
    places.give_back()
    places.take()


def test_the_text_goes_in_pieces_that_a_reader_waits_for():
    """With its length in front; the place is given back at the end."""
    sent, done = [], []

    async def send(message):
        assert not done
        sent.append(message)

    asyncio.run(Answer(TEXT, HEADERS, lambda: done.append(1))({}, None, send))
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(TEXT)).encode()
    assert b"".join(message.get("body", b"") for message in sent[1:]) == TEXT
    assert max(len(message.get("body", b"")) for message in sent) == PIECE
    assert not sent[-1].get("more_body")
    assert done == [1]


def test_who_does_not_read_is_given_up():
    """His place is free again; whoever reads has the whole text meanwhile, also on a connection that is used again."""
    places, large = Places(2), TEXT * 32

    async def metrics(request):
        places.take()
        return Answer(large, HEADERS, places.give_back, seconds=0.3 if "slow" in request.url.path else 30)

    async def main() -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        listener = Listener(Starlette(routes=[Route("/{how}", metrics)]), [sock])
        listener.start()
        async with connected(sock.getsockname()[1]) as slow, connected(sock.getsockname()[1]) as raw:
            slow.send(b"GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
            await until(lambda: places.free == 1)
            for _ in range(2):
                raw.send(b"GET /fast HTTP/1.1\r\nHost: t\r\n\r\n")
                status, headers, body = await raw.reply()
                assert (status, int(headers[b"content-length"]), body == large) == (200, len(large), True)
            await until(lambda: places.free == 2, 20)
        await listener.close()
        sock.close()

    asyncio.run(main())
