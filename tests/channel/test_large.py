"""Questions and answers that no frame holds."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from channel.test_link import hello, link_to
from llm_gateway.channel import large
from llm_gateway.channel.frames import MOST
from llm_gateway.channel.hub import Hub
from llm_gateway.channel.large import PIECE, Answers, Asking
from llm_gateway.channel.peer import Failed, Refused, Unanswered
from serving import run, until


@asynccontextmanager
async def both(tmp_path, methods):
    answers = Answers(methods)
    bugs = []
    hub = Hub(answers.asked, {}, bugs.append)
    hub.start(tmp_path / "s")
    try:
        async with link_to(tmp_path / "s") as link:
            await until(lambda: link.connected)
            yield Asking(link.ask), answers, link
    finally:
        answers.close()
        await hub.close()
    assert not bugs, bugs
    assert answers.bytes == 0


async def turned(body: bytes) -> bytes:
    return body[::-1]


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE + 7, 3 * MOST])
def test_any_size_arrives_whole(tmp_path, size):
    """Both ways, at every boundary, several at once."""

    async def test() -> None:
        async with both(tmp_path, {"turn": turned}) as (ask, _, _link):
            bodies = [bytes([number]) + bytes(range(256)) * (size // 256 + 1) for number in range(3)]
            bodies = [body[:size] for body in bodies]
            assert await asyncio.gather(*(ask("turn", body, 5) for body in bodies)) == [body[::-1] for body in bodies]

    run(test)


def test_others_pass_in_between(tmp_path):
    """A small question that is asked behind a large one is not kept waiting until all of that has gone."""

    async def test() -> None:
        async with both(tmp_path, {"turn": turned}) as (ask, _, _link):
            order = []

            async def one(name: str, size: int) -> None:
                await ask("turn", b"x" * size, 5)
                order.append(name)

            await asyncio.gather(one("large", 20 * PIECE), one("small", 10))
            assert order == ["small", "large"]

    run(test)


def test_what_goes_wrong_is_told(tmp_path):
    """An unknown method, a refusal, a question that is too large, an answer that is late."""

    async def no(_body: bytes) -> bytes:
        raise Refused("away", "not now")

    async def never(_body: bytes) -> bytes:
        await asyncio.sleep(30)
        return b""

    async def test() -> None:
        async with both(tmp_path, {"no": no, "never": never}) as (ask, _, link):
            with pytest.raises(Failed, match="no such method"):
                await ask("other", b"", 1)
            with pytest.raises(Failed, match="not now"):
                await ask("no", b"x" * 3 * PIECE, 1)
            with pytest.raises(Unanswered, match="too many"):
                await ask("no", b"x" * (large.MOST + 1), 1)
            with pytest.raises(Unanswered, match="within"):
                await ask("never", b"", 0.05)
            with pytest.raises(Failed, match="let go"):
                await link.ask("large_rest", [77], 1)
            with pytest.raises(Failed, match="let go"):
                await link.ask("large", ["no", 77, b""], 1)

    run(test)


def test_what_is_held_is_bounded(tmp_path, monkeypatch):
    """In bytes, of questions and answers together, and in time: nobody's beginnings stay for ever."""
    monkeypatch.setattr(large, "MOST_HELD", 3 * PIECE)
    monkeypatch.setattr(large, "HELD_SECONDS", 0.05)

    async def grow(body: bytes) -> bytes:
        return body * 4

    async def test() -> None:
        async with both(tmp_path, {"turn": turned, "grow": grow}) as (ask, answers, link):
            for method, size in (("turn", 6 * PIECE), ("grow", PIECE)):
                with pytest.raises(Failed, match="too much") as failed:
                    await ask(method, b"x" * size, 1)
                assert failed.value.kind == "busy"
            assert answers.bytes == 0
            await link.ask("large_piece", [5, b"x" * PIECE], 1)
            assert answers.bytes == PIECE
            await until(lambda: answers.bytes == 0)
            await ask("turn", b"x" * PIECE, 1)

    run(test)


def test_pieces_are_their_senders(tmp_path):
    """Two workers choose the same numbers; neither gets into the other's question."""

    async def test() -> None:
        async with both(tmp_path, {"turn": turned}) as (_, answers, link), link_to(tmp_path / "s", 1) as other:
            await until(lambda: other.connected)
            for sender, letter in ((link, b"a"), (other, b"b")):
                await sender.ask("large_piece", [1, letter * PIECE], 1)
            for sender, letter in ((link, b"a"), (other, b"b")):
                length, piece, number = await sender.ask("large", ["turn", 1, letter], 1)
                assert (length, set(piece)) == (PIECE + 1, set(letter))
                assert await sender.ask("large_rest", [number], 1) == letter
            assert answers.bytes == 0

    assert hello(0).run != hello(1).run
    run(test)
