"""Control's end: all workers, each known by its slot."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from llm_gateway.channel.address import check_peer, listen
from llm_gateway.channel.link import HELLO_SECONDS, LEAVING, VERSION, Hello
from llm_gateway.channel.peer import Answering, Handlers, Peer, Refused, Unanswered
from llm_gateway.core.within import within

MOST_WORKERS = 1024
"""Connections at once."""


@dataclass
class Worker:
    """One that said hello. `number` and `digests`: what of snapshots it has, as far as was told or sent."""

    slot: int
    pid: int
    run: str
    number: int
    peer: Peer
    digests: dict[str, bytes] = field(default_factory=dict)
    leaves: bool = False
    """It said so, or we do: that the connection ends is in order."""


class Hub:
    """Listens; `joined` is told of every worker that connected, `left` of every one that is gone."""

    def __init__(
        self,
        asked: Mapping[str, Callable[[Worker, Any], Any]],
        told: Mapping[str, Callable[[Worker, Any], None]],
        report: Callable[[BaseException], None],
        *,
        joined: Callable[[Worker], None] = lambda _worker: None,
        left: Callable[[Worker], None] = lambda _worker: None,
    ) -> None:
        """`asked`: coroutine functions of the worker and a body; they may raise Refused."""
        self._by_peer: dict[Peer, Worker] = {}
        self._strangers: set[Peer] = set()
        self._report = report
        self._joined = joined
        self._left = left
        self._handlers = Handlers(
            {"hello": self._hello, **{name: self._known(handler) for name, handler in asked.items()}},
            {name: self._heard(handler) for name, handler in {**told, LEAVING: _leaving}.items()},
            report,
            self._lost,
        )
        self._someone = asyncio.Event()
        self._accepting: asyncio.Task[None] | None = None
        self._path: Path | None = None

    @property
    def workers(self) -> list[Worker]:
        """Those that are connected, by slot; of a slot the newest last."""
        return sorted(self._by_peer.values(), key=lambda worker: worker.slot)

    def start(self, path: Path) -> None:
        """Raises OSError."""
        sock = listen(path)
        self._path = path
        self._accepting = asyncio.get_running_loop().create_task(self._accept(sock))

    async def close(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
        for worker in self._by_peer.values():
            worker.leaves = True
        peers = [*self._by_peer, *self._strangers]
        for peer in peers:
            peer.close()
        for peer in peers:
            await peer.gone.wait()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()

    async def someone(self, seconds: float) -> bool:
        """Whether a worker is there, or comes within this time."""
        if not self._by_peer:
            with contextlib.suppress(TimeoutError):
                await within(self._someone.wait(), seconds)
        return bool(self._by_peer)

    def push(self, topic: str, body: Any) -> None:
        """Tell everyone. Who does not keep up misses it."""
        for worker in self.workers:
            worker.peer.tell(topic, body)

    async def ask_all(self, method: str, body: Any, seconds: float) -> list[tuple[Worker, Any]]:
        """Every worker's answer, or the Unanswered that stands for it: nobody is waited for longer than that."""
        workers = self.workers
        asked = (worker.peer.ask(method, body, seconds) for worker in workers)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Unanswered):
                raise answer
        return list(zip(workers, answers, strict=True))

    async def _accept(self, sock: Any) -> None:
        loop = asyncio.get_running_loop()
        with sock:
            while True:
                try:
                    connection, _ = await loop.sock_accept(sock)
                except OSError as error:  # too many open files, say
                    self._report(error)
                    await asyncio.sleep(0.1)
                    continue
                try:
                    check_peer(connection)
                except OSError as error:
                    connection.close()
                    self._report(error)
                    continue
                if len(self._by_peer) + len(self._strangers) >= MOST_WORKERS:
                    connection.close()
                    continue
                peer = await Peer.over(connection, replace(self._handlers))
                self._strangers.add(peer)
                loop.call_later(HELLO_SECONDS, self._no_hello, peer)

    def _no_hello(self, peer: Peer) -> None:
        if peer in self._strangers:
            peer.abort()

    async def _hello(self, peer: Peer, body: Any) -> Any:
        try:
            hello = msgspec.convert(body, Hello)
        except msgspec.ValidationError as error:
            raise Refused("hello", f"this is no hello: {error}") from None
        if hello.version != VERSION:
            raise Refused("version", f"control speaks version {VERSION} of the channel, the worker {hello.version}")
        worker = Worker(hello.slot, hello.pid, hello.run, hello.number, peer, dict(hello.digests))
        self._strangers.discard(peer)
        self._by_peer[peer] = worker
        self._someone.set()
        asyncio.get_running_loop().call_soon(self._joined, worker)  # behind the answer to its hello
        return {"version": VERSION}

    def _known(self, handler: Callable[[Worker, Any], Any]) -> Answering:
        async def answer(peer: Peer, body: Any) -> Any:
            worker = self._by_peer.get(peer)
            if worker is None:
                raise Refused("hello", "say hello first")
            return await handler(worker, body)

        return answer

    def _heard(self, handler: Callable[[Worker, Any], None]) -> Callable[[Peer, Any], None]:
        def heard(peer: Peer, body: Any) -> None:
            worker = self._by_peer.get(peer)
            if worker is not None:
                handler(worker, body)

        return heard

    def _lost(self, peer: Peer) -> None:
        self._strangers.discard(peer)
        worker = self._by_peer.pop(peer, None)
        if not self._by_peer:
            self._someone.clear()
        if worker is not None:
            self._left(worker)


def _leaving(worker: Worker, _body: Any) -> None:
    worker.leaves = True
