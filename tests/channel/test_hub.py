"""Control's end, where it is more than the other side of test_link.py."""

from __future__ import annotations

import asyncio

import msgspec

from channel.test_link import hello, hub_at, link_to
from llm_gateway.channel.address import connect
from llm_gateway.channel.peer import Handlers, Peer
from serving import run, until


def test_who_says_nothing_is_shut_out(tmp_path, monkeypatch):
    """A connection without a hello does not stay."""
    monkeypatch.setattr("llm_gateway.channel.hub.HELLO_SECONDS", 0.05)

    async def test() -> None:
        async with hub_at(tmp_path / "s"):
            peer = await Peer.over(connect(tmp_path / "s"), Handlers())
            await asyncio.wait_for(peer.gone.wait(), 2)

    run(test)


def test_who_left_is_told_and_forgotten(tmp_path):
    """Each worker once."""

    async def test() -> None:
        left = []
        async with hub_at(tmp_path / "s", left=left.append) as hub:
            async with link_to(tmp_path / "s", 4) as link:
                await until(lambda: link.connected)
                assert await hub.someone(0)
            await until(lambda: hub.workers == [])
            assert [worker.slot for worker in left] == [4]
        assert not (tmp_path / "s").exists()

    run(test)


def test_who_leaves_in_order_is_told_apart_from_who_dies(tmp_path):
    """A worker that ends says so; one whose connection only ends did not; those that control itself leaves are no deaths."""

    async def test() -> None:
        left = []
        async with hub_at(tmp_path / "s", left=left.append) as hub:
            async with link_to(tmp_path / "s", 4) as link:
                await until(lambda: link.connected)
            await until(lambda: left)
            peer = await Peer.over(connect(tmp_path / "s"), Handlers())
            await peer.ask("hello", msgspec.to_builtins(hello(5), builtin_types=(bytes,)), 1)
            peer.abort()
            await until(lambda: len(left) == 2)
            async with link_to(tmp_path / "s", 6):
                await hub.someone(2)
                await hub.close()
                await until(lambda: len(left) == 3)
        assert [(worker.slot, worker.leaves) for worker in left] == [(4, True), (5, False), (6, True)]

    run(test)
