"""Control's half of what is kept, over a real channel."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

from channel.test_link import hello
from kept_support import MASTER, Database
from llm_gateway.channel.hub import Hub
from llm_gateway.channel.link import Link
from llm_gateway.channel.peer import Handlers
from llm_gateway.config.schema import Config
from llm_gateway.control.keeping import Keeping
from llm_gateway.core.clock import SystemClock
from llm_gateway.credentials.ring import Ring
from llm_gateway.edge.stored import Stored
from llm_gateway.edge.stored_messages import SETTLE
from llm_gateway.worker.control_store import ControlStore
from serving import run, until
from store_support import new_store


def test_over_a_channel(tmp_path: Path) -> None:
    """Two workers at one control process: responses of many sizes, several at once; a worker that is asked for what waits there."""

    async def test() -> None:
        clock = SystemClock()
        store = new_store("sqlite", tmp_path)
        database = Database(store)
        bugs: list[BaseException] = []
        made = SimpleNamespace()
        keeping = Keeping(database, Ring([MASTER]), clock, lambda *_, **__: None, config=Config, hub=lambda: made.hub)
        made.hub = Hub(keeping.asked, {}, bugs.append)
        made.hub.start(tmp_path / "s")
        keeping.start()
        links, workers = [], []
        for slot in range(2):
            settled: list[object] = []

            async def settle(_peer: object, body: object, slot: int = slot, settled: list[object] = settled) -> bool:
                settled.append(body)
                return await workers[slot].settle(body, 0.5)

            link = Link(tmp_path / "s", Handlers({SETTLE: settle}), lambda slot=slot: hello(slot))
            link.start()
            links.append(link)
            workers.append(ControlStore(link.ask, clock, lambda *_, **__: None))
        try:
            await until(lambda: all(link.connected for link in links))
            sizes = (10, 1000, 300_000, 5_000_000)
            bodies = [Stored(b"x" * size, b"[]") for size in sizes]
            assert all(
                await asyncio.gather(
                    *(workers[0].responses.put("me", f"r{size}", one) for size, one in zip(sizes, bodies, strict=True))
                )
            )
            assert await asyncio.gather(*(workers[1].responses.get("me", f"r{size}") for size in sizes)) == bodies
            assert workers[0].responses.begin("me", "begun", bodies[0])
            assert await workers[1].responses.get("me", "begun") == bodies[0]
            assert await workers[1].responses.delete("me", "begun")
            assert await workers[0].responses.get("me", "begun") is None
        finally:
            for one in (*workers, *links):
                await one.close()
            await made.hub.close()
            await keeping.close()
            await asyncio.to_thread(database.threads.close)
        assert not bugs, bugs

    run(test)
