"""A login that is kept as long as it is good, and the text of a secret."""

from __future__ import annotations

import asyncio

import pytest

from credentials.stores.support import run
from llm_gateway.core.clock import FakeClock
from llm_gateway.credentials.refreshing import Fetched, Unavailable
from llm_gateway.credentials.stores.base import Document, Leased


def test_a_login_is_kept_and_replaced_in_time() -> None:
    """However many need it, one fetches; it is fetched again at four fifths of its life, or when it was refused."""

    async def main() -> None:
        clock, calls = FakeClock(), 0

        async def source() -> Fetched[int]:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0)
            return Fetched(calls, 100)

        leased = Leased(source, clock)
        assert await asyncio.gather(*(leased.get() for _ in range(5))) == [1] * 5
        clock.advance(79)
        assert await leased.get() == 1
        clock.advance(2)
        assert await leased.get() == 2
        leased.drop()
        assert await leased.get() == 3

    run(main())


def test_a_login_that_is_over_already_is_refused() -> None:
    """As where this machine's clock is wrong."""

    async def main() -> None:
        async def source() -> Fetched[int]:
            return Fetched(1, 0)

        with pytest.raises(Unavailable, match="clock"):
            await Leased(source, FakeClock()).get()

    run(main())


def test_the_whole_text_and_one_field() -> None:
    """One line end is no part of a secret; fields that are no text are written as JSON."""
    document = Document('{"a": "x", "n": 1.5, "b": true, "o": [1]}\n')
    assert document.value("") == document.text[:-1]
    assert [document.value(key) for key in "anbo"] == ["x", "1.5", "true", "[1]"]
    assert "x" not in repr(document)
    for text, key in (("[1]", "0"), ("{", "a"), ('{"a": null}', "a"), ("{}", "a")):
        with pytest.raises(Unavailable):
            Document(text).value(key)
