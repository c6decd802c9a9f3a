"""A worker that looks for control for ever, and control that knows its workers."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest

from llm_gateway.channel.address import connect
from llm_gateway.channel.hub import Hub
from llm_gateway.channel.link import VERSION, Hello, Link
from llm_gateway.channel.peer import Failed, Handlers, Peer, Unanswered
from serving import run, until


def hello(slot: int = 0, version: int = VERSION) -> Hello:
    return Hello(version, slot, 1000 + slot, f"run{slot}", 7, {"config": b"d"})


@asynccontextmanager
async def hub_at(path, **more):
    async def echo(worker, body):
        return [worker.slot, body]

    heard = []
    hub = Hub({"echo": echo}, {"news": lambda worker, body: heard.append((worker.slot, body))}, print, **more)
    hub.heard = heard
    hub.start(path)
    try:
        yield hub
    finally:
        await hub.close()


@asynccontextmanager
async def link_to(path, slot: int = 0, handlers: Handlers | None = None, **more):
    link = Link(path, handlers or Handlers(), lambda: hello(slot), **more)
    link.start()
    try:
        yield link
    finally:
        await link.close()


def test_it_connects_says_who_it_is_and_is_known(tmp_path):
    """Asked, told and pushed to, in both directions."""

    async def whoami(_peer, _body):
        return "me"

    async def test() -> None:
        pushed, joined = [], []
        handlers = Handlers({"whoami": whoami}, {"all": lambda _peer, body: pushed.append(body)})
        path = tmp_path / "s"
        async with hub_at(path, joined=joined.append) as hub, link_to(path, 3, handlers) as link:
            await until(lambda: link.connected and joined)
            assert await link.ask("echo", "x", 1) == [3, "x"]
            assert link.tell("news", 5)
            hub.push("all", 9)
            await until(lambda: hub.heard == [(3, 5)] and pushed == [9])
            (worker,) = hub.workers
            assert (worker.slot, worker.pid, worker.run, worker.number, worker.digests) == (3, 1003, "run3", 7, {"config": b"d"})
            assert await hub.ask_all("whoami", None, 1) == [(worker, "me")]

    run(test)


def test_it_comes_back_whenever_control_does(tmp_path):
    """While control is away it says so at once; when it is back the worker is, too."""

    async def test() -> None:
        path = tmp_path / "s"
        ups, lost = [], []
        handlers = Handlers(lost=lost.append)
        async with link_to(path, handlers=handlers, up=lambda: ups.append(1)) as link:
            with pytest.raises(Unanswered, match="away"):
                await link.ask("echo", 1, 1)
            for round_ in range(1, 4):
                async with hub_at(path):
                    await until(lambda: link.connected)
                    assert len(ups) == round_
                await until(lambda: not link.connected)
                assert len(lost) == round_
                assert not link.tell("news", 1)

    run(test)


def test_a_worker_that_does_not_answer_holds_up_nobody(tmp_path):
    """The others' answers are there after the deadline, and who is missing is told."""

    async def now(_peer, _body):
        return "now"

    async def never(_peer, _body):
        await asyncio.sleep(5)

    async def test() -> None:
        path = tmp_path / "s"
        async with (
            hub_at(path) as hub,
            link_to(path, 0, Handlers({"it": now})) as one,
            link_to(path, 1, Handlers({"it": never})) as other,
        ):
            await until(lambda: one.connected and other.connected)
            (_, first), (slow, second) = await hub.ask_all("it", None, 0.05)
            assert first == "now"
            assert slow.slot == 1
            assert isinstance(second, Unanswered)

    run(test)


@pytest.mark.parametrize("body", [{}, "x", msgspec.to_builtins(hello(version=99), builtin_types=(bytes,))])
def test_who_says_another_hello_is_refused(tmp_path, body):
    """Another version, or none of us: a text, and nothing else is answered."""

    async def test() -> None:
        async with hub_at(tmp_path / "s") as hub:
            peer = await Peer.over(connect(tmp_path / "s"), Handlers())
            with pytest.raises(Failed):
                await peer.ask("echo", 1, 1)
            with pytest.raises(Failed) as caught:
                await peer.ask("hello", body, 1)
            assert caught.value.kind in ("hello", "version")
            assert hub.workers == []
            assert not await hub.someone(0.01)
            peer.close()
            await peer.gone.wait()

    run(test)
