"""The text of metrics on its way: whole, bounded, and not for ever."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from llm_gateway.control.metrics_answer import MOST, PATIENCE, PIECE, Answer, Place, Places
from llm_gateway.control.web import Listener
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Overloaded
from serving import Raw, connected, until

TEXT = b"a line of metrics 1\n" * 50_000
HEADERS = {"content-type": "text/plain"}


def places(most: int = MOST) -> tuple[FakeClock, Places]:
    clock = FakeClock()
    return clock, Places(clock.monotonic, most)


def sent(made: Places, source: str, given_up: list[str], name: str = "") -> Place:
    """A place whose answer is being sent."""
    place = made.take(source)
    place.give_up = lambda: given_up.append(name or source)
    return place


def test_places_are_few_and_come_back():
    """One more than there are is told to come again in a second, as long as nobody was slow."""
    clock, made = places()
    given_up = []
    taken = [sent(made, "a", given_up) for _ in range(MOST)]
    clock.advance(PATIENCE - 0.1)
    with pytest.raises(Overloaded) as refused:
        made.take("a")
    assert (refused.value.status, refused.value.retry_after) == (503, 1.0)
    made.give_back(taken[3])
    made.take("a")
    assert (given_up, made.free) == ([], 0)


def test_who_has_most_places_gives_one_up():
    """One address with all of them keeps out no other, not for a moment; among those that have the same it takes slowness."""
    _, made = places(4)
    given_up = []
    for name in ("first", "second", "third", "fourth"):
        sent(made, "greedy", given_up, name)
    prometheus = sent(made, "prometheus", given_up)
    assert given_up == ["first"]
    sent(made, "other", given_up)
    assert given_up == ["first", "second"]
    sent(made, "another", given_up)
    assert given_up == ["first", "second", "third"]
    for source in ("greedy", "prometheus", "other", "one more"):
        with pytest.raises(Overloaded):
            made.take(source)
    made.give_back(prometheus)
    made.give_back(prometheus)
    assert made.free == 1, "a place comes back once"


def test_the_slowest_goes_first():
    """At one address the oldest that was slow makes room; an answer that is not being sent yet is never given up."""
    clock, made = places(3)
    given_up = []
    made.take("a")
    sent(made, "a", given_up, "slow")
    clock.advance(1)
    sent(made, "a", given_up, "younger")
    clock.advance(PATIENCE - 1)
    made.take("a")
    assert given_up == ["slow"]
    with pytest.raises(Overloaded):
        made.take("a")


def test_the_text_goes_in_pieces_that_a_reader_waits_for():
    """With its length in front; the place is given back at the end."""
    said, done = [], []

    async def send(message):
        assert not done
        said.append(message)

    place = places()[1].take("a")
    asyncio.run(Answer(TEXT, HEADERS, place, done.append)({}, None, send))
    assert dict(said[0]["headers"])[b"content-length"] == str(len(TEXT)).encode()
    assert b"".join(message.get("body", b"") for message in said[1:]) == TEXT
    assert max(len(message.get("body", b"")) for message in said) == PIECE
    assert not said[-1].get("more_body")
    assert done == [place]


def test_a_failure_of_the_server_is_not_hidden():
    """What sending raises is raised, and the place is given back."""
    done = []

    async def send(_message):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        asyncio.run(Answer(TEXT, HEADERS, places()[1].take("a"), done.append)({}, None, send))
    assert len(done) == 1


@asynccontextmanager
async def served(made: Places, seconds: float, stall: float) -> AsyncIterator[tuple[int, Listener]]:
    """A long text at every path, as the address that the path says."""

    async def metrics(request):
        return Answer(TEXT * 32, HEADERS, made.take(request.url.path), made.give_back, seconds)

    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    listener = Listener(Starlette(routes=[Route("/{source}", metrics)]), [sock], stall_seconds=stall)
    listener.start()
    yield sock.getsockname()[1], listener
    await listener.close()
    sock.close()


async def read(raw: Raw) -> None:
    """All of it, on a connection that may be used again."""
    raw.send(b"GET /reader HTTP/1.1\r\nHost: t\r\n\r\n")
    status, headers, body = await raw.reply()
    assert (status, int(headers[b"content-length"]), body == TEXT * 32) == (200, len(TEXT) * 32, True)


def test_who_does_not_read_is_given_up():
    """His place is free again, and his connection ends; whoever reads has the whole text meanwhile."""

    async def main() -> None:
        _, made = places(2)
        async with served(made, 0.3, 0.2) as (port, listener), connected(port) as slow:
            slow.send(b"GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
            await until(lambda: made.free == 1)
            async with connected(port) as raw:
                await read(raw)
                await read(raw)
            await until(lambda: made.free == 2, 20)
            await until(lambda: not listener._server.server_state.connections, 20)

    asyncio.run(main())


def test_who_reads_gets_the_place_of_one_who_does_not():
    """All places are taken by an address that does not read: another is served at once, for as many as it takes."""

    async def main() -> None:
        _, made = places(2)
        async with served(made, 1000, 1000) as (port, _), connected(port) as one, connected(port) as two:
            for raw in (one, two):
                raw.send(b"GET /stuck HTTP/1.1\r\nHost: t\r\n\r\n")
            await until(lambda: made.free == 0 and all(place.give_up for place in made._taken))
            async with connected(port) as raw:
                await read(raw)
                await read(raw)
            assert made.free == 1, "the other one is not in the way"

    asyncio.run(main())
