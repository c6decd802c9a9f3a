"""resolver: cached, shared, bounded, ordered lookups."""

from __future__ import annotations

import asyncio
import socket

import pytest

from llm_gateway.http.errors import DnsFailed
from llm_gateway.http.resolver import Address, Resolver, interleave

pytestmark = pytest.mark.anyio


class Names:
    """A name server that counts its questions."""

    def __init__(self, answer: str | None = "192.0.2.1", delay: float = 0.0) -> None:
        self.answer = answer
        self.delay = delay
        self.asked = 0

    async def __call__(self, host: str, port: int):
        self.asked += 1
        await asyncio.sleep(self.delay)
        if self.answer is None:
            raise socket.gaierror(socket.EAI_NONAME, host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.answer, port))]


async def test_answers_are_remembered_for_the_ttl():
    """One question per name and ttl."""
    names = Names()
    resolver = Resolver(ttl=0.05, lookup=names)
    for _ in range(3):
        assert await resolver.resolve("a.test", 80) == [Address(socket.AF_INET, ("192.0.2.1", 80))]
    assert names.asked == 1
    await asyncio.sleep(0.07)
    await resolver.resolve("a.test", 80)
    assert names.asked == 2


async def test_simultaneous_questions_are_one():
    """Many callers share one lookup, and one of them giving up does not end it for the others."""
    names = Names(delay=0.05)
    resolver = Resolver(lookup=names)
    tasks = [asyncio.ensure_future(resolver.resolve("a.test", 80)) for _ in range(5)]
    await asyncio.sleep(0.01)
    tasks[0].cancel()
    answers = await asyncio.gather(*tasks[1:])
    assert (names.asked, len(answers)) == (1, 4)


async def test_a_failed_lookup_is_an_error_without_the_name_and_is_not_remembered():
    """No address: DnsFailed; the next caller asks again."""
    names = Names(None)
    resolver = Resolver(lookup=names)
    for _ in range(2):
        with pytest.raises(DnsFailed) as caught:
            await resolver.resolve("a.test", 80)
        assert "a.test" not in str(caught.value)
    assert names.asked == 2


async def test_an_old_answer_is_better_than_none():
    """When the name server fails, what was known is used, but not for ever."""
    names = Names()
    resolver = Resolver(ttl=0.0, stale=0.1, lookup=names)
    await resolver.resolve("a.test", 80)
    names.answer = None
    assert await resolver.resolve("a.test", 80) == [Address(socket.AF_INET, ("192.0.2.1", 80))]
    await asyncio.sleep(0.12)
    with pytest.raises(DnsFailed):
        await resolver.resolve("a.test", 80)


async def test_addresses_that_led_nowhere_are_asked_for_again():
    """forget() makes the next resolve ask, whatever is left of the ttl."""
    names = Names()
    resolver = Resolver(lookup=names)
    await resolver.resolve("a.test", 80)
    names.answer = "192.0.2.2"
    resolver.forget("a.test", 80)
    assert (await resolver.resolve("a.test", 80))[0].sockaddr == ("192.0.2.2", 80)


async def test_the_cache_is_bounded():
    """The oldest names go first."""
    names = Names()
    resolver = Resolver(entries=2, lookup=names)
    for host in ("a", "b", "c", "c", "b"):
        await resolver.resolve(host, 80)
    assert names.asked == 3
    await resolver.resolve("a", 80)
    assert names.asked == 4


async def test_literal_addresses_are_not_looked_up():
    """IP addresses need no question."""
    names = Names()
    resolver = Resolver(lookup=names)
    assert await resolver.resolve("192.0.2.7", 1) == [Address(socket.AF_INET, ("192.0.2.7", 1))]
    assert await resolver.resolve("::1", 1) == [Address(socket.AF_INET6, ("::1", 1, 0, 0))]
    assert names.asked == 0


async def test_close_ends_running_lookups():
    """close() leaves no task behind, and whoever waited is told."""
    resolver = Resolver(lookup=Names(delay=60))
    task = asyncio.ensure_future(resolver.resolve("a.test", 80))
    await asyncio.sleep(0.01)
    await resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_system_is_asked_by_default():
    """localhost resolves through the operating system."""
    addresses = await Resolver().resolve("localhost", 80)
    assert {address.sockaddr[0] for address in addresses} <= {"127.0.0.1", "::1"}
    assert addresses


def test_families_alternate():
    """RFC 8305 section 4: the system's first choice first, then in turns; no address twice."""
    six = [Address(socket.AF_INET6, (f"::{n}", 1, 0, 0)) for n in range(3)]
    four = [Address(socket.AF_INET, ("192.0.2.1", 1))]
    assert interleave([*six, *four, *six]) == [six[0], four[0], six[1], six[2]]
    assert interleave([]) == []
