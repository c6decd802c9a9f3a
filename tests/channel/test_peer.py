"""Asking and telling between two processes, bounded in time and number."""

from __future__ import annotations

import asyncio
import struct

import pytest

from channel.pairs import pair
from llm_gateway.channel import peer as peers
from llm_gateway.channel.peer import Failed, Handlers, Refused, Unanswered
from serving import run, until


def test_both_ends_ask_and_tell():
    """Answers find their questions, whichever comes first."""

    async def slow(_peer, body):
        await asyncio.sleep(body / 1000)
        return body

    async def test() -> None:
        heard = []
        told = {"news": lambda _peer, body: heard.append(body)}
        async with pair(Handlers({"slow": slow}), Handlers({"slow": slow}, told)) as (one, other):
            answers = await asyncio.gather(one.ask("slow", 30, 1), one.ask("slow", 1, 1), other.ask("slow", 10, 1))
            assert answers == [30, 1, 10]
            assert one.tell("news", {"a": b"\x00"})
            one.tell_bulk("news", b"x" * 3_000_000)
            one.tell("nobody listens", 1)
            await until(lambda: len(heard) == 2)
            assert (heard[0], len(heard[1])) == ({"a": b"\x00"}, 3_000_000)

    run(test)


def test_a_deadline_ends_the_wait():
    """Whoever does not answer in time is given up, and a late answer harms nobody."""

    async def never(_peer, _body):
        await asyncio.sleep(0.1)
        return 1

    async def test() -> None:
        async with pair(Handlers({"never": never})) as (_, other):
            with pytest.raises(Unanswered, match=r"within 0\.01 s"):
                await other.ask("never", None, 0.01)
            await asyncio.sleep(0.12)
            assert not other.gone.is_set()

    run(test)


def test_refusals_bugs_and_unknown_methods_are_told_apart():
    """A refusal in its own words, a bug without them: they could quote a caller."""

    async def no(_peer, _body):
        raise Refused("why", "because")

    async def bug(_peer, _body):
        raise ValueError("a secret")

    async def large(_peer, _body):
        return b"x" * 2_000_000

    async def test() -> None:
        reported = []
        handlers = Handlers({"no": no, "bug": bug, "large": large}, report=reported.append)
        async with pair(handlers) as (_, other):
            found = {}
            for method in ("no", "bug", "large", "what"):
                with pytest.raises(Failed) as caught:
                    await other.ask(method, None, 1)
                found[method] = (caught.value.kind, str(caught.value))
        assert found["no"] == ("why", "because")
        assert found["bug"] == ("bug", "bug failed: ValueError")
        assert found["large"][0] == "unsent"
        assert found["what"][0] == "unknown"
        assert [str(one) for one in reported] == ["a secret"]

    run(test)


def test_who_is_gone_answers_nothing():
    """Questions under way end at once, and so do new ones; the loss is told once."""

    async def never(_peer, _body):
        await asyncio.sleep(10)

    async def test() -> None:
        lost = []
        async with pair(Handlers({"never": never}), Handlers(lost=lost.append)) as (one, other):
            asking = asyncio.ensure_future(other.ask("never", None, 5))
            await asyncio.sleep(0.01)
            one.abort()
            with pytest.raises(Unanswered):
                await asking
            with pytest.raises(Unanswered, match="away"):
                await other.ask("never", None, 5)
            assert not other.tell("x", 1)
            assert lost == [other]

    run(test)


def test_what_is_no_frame_ends_the_connection():
    """Whoever sends that is not one of us."""

    async def test() -> None:
        reported = []
        async with pair(Handlers(report=reported.append)) as (one, other):
            other._transport.write(struct.pack(">IB", 1 << 31, 4))
            await one.gone.wait()
            assert reported

    run(test)


def test_a_message_that_is_not_understood_does_not_end_it():
    """It is reported, and the next one is heard."""

    async def test() -> None:
        heard, reported = [], []

        def listening(_peer, body):
            heard.append(body["x"])

        async with pair(Handlers(told={"t": listening}, report=reported.append)) as (one, other):
            other.tell("t", 1)
            other.tell("t", {"x": 2})
            await until(lambda: heard == [2])
            assert len(reported) == 1
            assert not one.gone.is_set()

    run(test)


def test_who_does_not_read_is_not_written_to_without_end(monkeypatch):
    """Telling stops and is counted, asking fails at once: what waits is bounded."""
    monkeypatch.setattr(peers, "MOST_WAITING", 100_000)

    async def test() -> None:
        async with pair() as (one, other):
            one._transport.pause_reading()
            told = [other.tell("t", b"x" * 50_000) for _ in range(100)]
            assert told[0]
            assert not told[-1]
            assert other.waiting < 400_000
            assert other.dropped
            with pytest.raises(Unanswered, match="keep up"):
                await other.ask("x", None, 1)
            one._transport.resume_reading()

    run(test)


def test_too_many_questions_wait_in_the_socket(monkeypatch):
    """Only so many are answered at one time; all of them are, in the end."""
    monkeypatch.setattr(peers, "MOST_AT_ONCE", 3)
    running = [0, 0]

    async def work(_peer, body):
        running[0] += 1
        running[1] = max(running)
        await asyncio.sleep(0.001)
        running[0] -= 1
        return body

    async def test() -> None:
        async with pair(Handlers({"work": work})) as (one, other):
            for batch in range(10):
                found = await asyncio.gather(*(other.ask("work", number, 2) for number in range(batch)))
                assert found == list(range(batch))
            assert not one._paused

    run(test)
