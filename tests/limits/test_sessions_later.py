"""Sessions on a book that answers later, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from limits.session_support import Session
from limits_support import Limited, budget, caller
from llm_gateway.limits.meter import State, StoreDown, Taken


class Later:
    """A book that is asked over a network."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, asyncio.Future[Taken]]] = []
        self.settled: list[tuple[str, list[int]]] = []
        self.at_once = True

    def take(self, hold: str, _charges: Any, _now: float, _lease: float) -> Any:
        if self.at_once:
            self.at_once = False
            return Taken(-1, ())
        made: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self.asked.append((hold, made))
        return made

    def settle(self, hold: str, charges: Any, _now: float) -> None:
        self.settled.append((hold, [amount for _, amount in charges]))


def test_a_book_that_answers_later() -> None:
    """The session goes on meanwhile; what is told until then is charged by itself, once; the answer may end it all the same."""

    async def main() -> None:
        book = Later()
        session = Session(Limited(book=book), caller(None, budget(1)))
        session.told(1)
        session.told(2)
        assert book.settled == [("id-1", [1]), ("id-1.2", [2])]
        (asked,) = book.asked
        assert asked[0] == "id-1.1"
        asked[1].set_result(Taken(-1, ()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        session.told(3)
        assert book.settled[2:] == [("id-1.1", [3])]
        book.asked[1][1].set_result(Taken(0, (State(0, 10**9, 0, 5.0, 5.0),)))
        await asyncio.sleep(0.01)
        assert [error.code for error in session.ended] == ["budget_exceeded"]
        session.end()
        assert len(book.settled) == 3

    asyncio.run(main())


def test_answers_begin_while_the_book_is_asked() -> None:
    """What is to be held for them is asked for afterwards, and what is told meanwhile is charged by itself."""

    async def main() -> None:
        book = Later()
        session = Session(Limited(book=book), caller(None, budget(1)))
        session.told(5)
        session.hold.begun(session.limited.limiter, 3)
        assert len(book.asked) == 1
        book.asked[0][1].set_result(Taken(-1, ()))
        await asyncio.sleep(0.01)
        assert [hold for hold, _ in book.asked] == ["id-1.1", "id-1.1"]
        session.told(4, running=2)
        assert book.settled == [("id-1", [5]), ("id-1.2", [4])]
        session.end()
        await asyncio.sleep(0.01)
        assert book.settled[2] == ("id-1.1", [0])
        assert session.ended == []

    asyncio.run(main())


def test_who_leaves_while_the_book_is_asked() -> None:
    """Nobody knows whether it was taken: it is settled at nothing."""

    async def main() -> None:
        book = Later()
        session = Session(Limited(book=book), caller(None, budget(1)))
        session.told(1)
        session.end()
        await asyncio.sleep(0.01)
        assert book.settled == [("id-1", [1]), ("id-1.1", [0])]

    asyncio.run(main())


def test_a_book_with_a_bug() -> None:
    """It is not taken for one that is away."""

    async def main() -> list[str]:
        found: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, what: found.append(repr(what["exception"])))
        book = Later()
        session = Session(Limited(book=book), caller(None, budget(1)))
        session.told(1)
        book.asked[0][1].set_exception(ZeroDivisionError())
        await asyncio.sleep(0.01)
        return found

    assert asyncio.run(main()) == ["ZeroDivisionError()"]


@pytest.mark.parametrize("later", [False, True])
def test_a_book_that_cannot_be_reached(later: bool) -> None:
    """It was let by once and goes on; what it uses is charged, and is learned when the book is back."""

    class Down(Later):
        def take(self, hold: str, charges: Any, now: float, lease: float) -> Any:
            taken = super().take(hold, charges, now, lease)
            if isinstance(taken, Taken):
                return taken
            if not later:
                raise StoreDown
            taken.set_exception(StoreDown("gone"))
            return taken

    async def main() -> None:
        book = Down()
        session = Session(Limited(book=book), caller(None, budget(1)))
        for cost in (1, 2, 3):
            session.told(cost)
            await asyncio.sleep(0.01)
        at = session.limited.clock.monotonic()
        for seconds in (0, 400, 800):
            session.hold.renew(session.limited.limiter, at + seconds)
        await asyncio.sleep(0.01)
        session.end()
        assert [amounts for _, amounts in book.settled] == [[1], [2], [3]]
        assert len({hold for hold, _ in book.settled}) == 3
        assert session.ended == []

    asyncio.run(main())


def test_to_renew_does_not_wait() -> None:
    """Nor does it matter what becomes of it: the next time is soon."""

    async def main() -> None:
        book = Later()
        session = Session(Limited(book=book), caller(None, budget(1)))
        at = session.limited.clock.monotonic()
        for seconds in (0, 1, 301, 302, 700):
            session.hold.renew(session.limited.limiter, at + seconds)
        assert [hold for hold, _ in book.asked] == ["id-1", "id-1"]
        book.asked[0][1].set_exception(StoreDown("gone"))
        book.asked[1][1].cancel()
        await asyncio.sleep(0.01)

    asyncio.run(main())
