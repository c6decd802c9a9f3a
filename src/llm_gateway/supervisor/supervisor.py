"""The supervisor of one gateway: workers first, so that they serve at once; control behind them; both for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from llm_gateway.channel.messages import Accepted, Boot, plain, read
from llm_gateway.channel.peer import Peer
from llm_gateway.channel.sealed import last_good
from llm_gateway.channel.snapshot import CONFIG, MANAGED, Managed, Signer, Snapshot, Unusable
from llm_gateway.config.document import pack, unpack
from llm_gateway.config.errors import Problems
from llm_gateway.config.load import Loaded, config_of
from llm_gateway.config.schema import Config
from llm_gateway.control import process as control_process
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.within import within
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import option_names
from llm_gateway.supervisor.child import LOUD, Child, as_error, told_why
from llm_gateway.supervisor.listeners import listening
from llm_gateway.supervisor.lock import take
from llm_gateway.telemetry.journal import Journal, Log
from llm_gateway.worker import process as worker_process
from llm_gateway.worker.managed import Managed as Children
from llm_gateway.worker.pepper import load_peppers

END_SECONDS = 8.0
"""Beyond its drain: what a child may take to end before it is killed."""
CONTROL_SECONDS = 15.0
"""What control may take to end: it ships the last of the ledger."""


@dataclass(frozen=True)
class Running:
    """What is announced."""

    port: int
    admin_port: int | None
    missing: Mapping[str, str]
    """Managed providers that could not be started, and why."""
    control: int | None
    """Process ids."""
    workers: tuple[int, ...]


class Supervisor:
    """`prepare` in a process without event loop and threads, then `start` and `run` inside one loop."""

    def __init__(
        self,
        loaded: Loaded,
        path: str | None,
        overrides: tuple[str, ...],
        environ: Mapping[str, str],
        sleep: Callable[[float], None],
        *,
        away: str = "",
    ) -> None:
        """`path`, `overrides`: where the configuration is read again from; `sleep` waits for a gateway that is about to end.

        `away`: why `loaded` is not what the files say now but what was good last.
        """
        self._loaded = loaded
        self._path = path
        self._overrides = overrides
        self._environ = environ
        self._sleep = sleep
        self._away = away
        self._state = Path(loaded.config.state.dir)
        self._document = pack(loaded.tree)
        self._config: Config = loaded.config
        self._lock = -1
        self._ending = False
        self._signals = 0
        self._over = asyncio.Event()
        self._died = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def prepare(self) -> None:
        """Take the state directory and the addresses, and start the processes, which wait for their first word.

        Raises StateUnusable, lock.InUse, OSError.
        """
        config = self._config
        self._secrets = load_peppers(self._state)
        self._lock = take(self._state, self._sleep)
        slots, operators = listening(config)
        self._slots = slots
        self._workers = [
            Child(f"worker {slot}", "llm_gateway.worker", ("--slot", str(slot)), sockets) for slot, sockets in enumerate(slots)
        ]
        asked = {"managed": self._wanted}
        told = {"accepted": self._accepted}
        self._control = Child("control", "llm_gateway.control", (), operators, asked=asked, told=told)
        self._before = self._last_good()
        bound = worker_process.Bound(self._document, config)
        for slot, child in enumerate(self._workers):
            self._fork(child, self._worker(slot, child.sockets, bound))
        self._fork(self._control, lambda leash: control_process.main(leash, operators, self._environ))

    def _worker(self, slot: int, sockets: Any, bound: worker_process.Bound) -> Callable[[socket.socket], int]:
        return lambda leash: worker_process.main(leash, slot, sockets, self._environ, bound)

    def _fork(self, child: Child, run: Callable[[socket.socket], int]) -> None:
        def forget() -> None:
            for other in self._children:
                if other is not child:
                    other.close_leash()
                    for sock in other.sockets:
                        sock.close()

        child.fork(run, forget)

    @property
    def _children(self) -> list[Child]:
        return [*self._workers, self._control]

    def _last_good(self) -> Snapshot | None:
        self._unusable = ""
        for secret in self._secrets:
            try:
                return last_good(self._state, secret)
            except Unusable as error:
                self._unusable = self._unusable or str(error)
        return None

    _unusable = ""

    async def start(self) -> Running:
        """Until all workers serve. Raises NotServable, StateUnusable, OSError: then `abandon` undoes what was begun."""
        loop = asyncio.get_running_loop()
        self._journal = Journal(2)
        logging = self._config.logging
        self._log = Log(self._journal, SystemClock(), logging.level, logging.format)
        if self._unusable:
            self._log("error", "snapshot_ignored", why=self._unusable)
        if self._away:
            self._log("warning", "last_good_used", why=self._away)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._control.tell("reload", True))  # secrets too
        loop.add_signal_handler(signal.SIGCHLD, self._died.set)
        self._managed = Children(self._moved, lambda child, what: self._log("warning", "child", child=child, what=what))
        for child in self._children:
            await child.connect()
        urls = await self._managed.urls(self._config)
        self._begin = self._first(Managed(urls, dict(self._managed.missing)))
        boot = self._boot(self._begin)
        for child in self._workers:
            child.boot(boot)
        for child in self._workers:
            await self._until_ready(child)
        self._control.boot(boot)
        task = loop.create_task(self._watch())
        self._tasks.add(task)
        admin = self._control.sockets
        return Running(
            self._slots[0][0].getsockname()[1],
            admin[0].getsockname()[1] if admin else None,
            dict(self._managed.missing),
            self._control.pid,
            tuple(child.pid or 0 for child in self._workers),
        )

    def _first(self, managed: Managed) -> Snapshot:
        """What the file says now, and what the last good snapshot has besides: keys and tenants of the API."""
        before = self._before
        parts = dict(before.parts) if before is not None else {}
        parts |= {CONFIG: self._document, MANAGED: msgspec.msgpack.encode(managed)}
        now = int(SystemClock().now() * 1000)
        made = Snapshot(before.number + 1 if before is not None else 1, now, parts)
        return before if before is not None and before.digests == made.digests else made

    def _boot(self, snapshot: Snapshot) -> Boot:
        return Boot(
            plain(Signer(self._secrets[0]).parcel(snapshot)),
            str(self._state),
            self._secrets,
            tuple(self._config.sources),
            self._path,
            self._overrides,
        )

    async def _until_ready(self, child: Child) -> None:
        """Raises what the child says is wrong."""
        assert child.ready is not None  # noqa: S101 - connected
        over = asyncio.ensure_future(self._over.wait())
        await asyncio.wait((child.ready, over), return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if child.unfit is not None:
            raise as_error(child.unfit)
        if child.peer is not None and child.peer.gone.is_set():
            raise OSError(errno.ECHILD, f"{child.name} ended before it was ready")

    async def run(self) -> int:
        """Until a signal, then drain; the exit status."""
        await self._over.wait()
        await self._end()
        return 0

    async def abandon(self) -> None:
        """Undo a start that failed."""
        self._ending = True
        for child in self._children:
            child.kill()
        if hasattr(self, "_managed"):
            await self._managed.stop()
        await self._gone(self._children, 5.0)
        self._close()

    # Keeping them

    async def _watch(self) -> None:
        """Start again whoever has ended."""
        while True:
            await self._died.wait()
            self._died.clear()
            for child in self._children:
                if child.process is not None and child.process.poll() is not None and not self._ending:
                    self._again(child)

    def _again(self, child: Child) -> None:
        status = child.process.poll() if child.process is not None else None
        wait = child.pause(asyncio.get_running_loop().time())
        level: Any = "error" if child.failures >= LOUD else "warning"
        why = told_why(child.unfit, status)
        self._log(level, "process_ended", process=child.name, failures=child.failures, again_in=wait, **why)
        child.forget()
        task = asyncio.get_running_loop().create_task(self._restart(child, wait))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _restart(self, child: Child, wait: float) -> None:
        await asyncio.sleep(wait)
        snapshot = await asyncio.to_thread(self._newest)
        if self._ending:
            return
        try:
            child.spawn(self._environ, self._lock)
        except OSError as error:
            self._log("error", "process_not_started", process=child.name, why=str(error))
            child.failures += 1
            task = asyncio.get_running_loop().create_task(self._restart(child, min(2.0**child.failures, 30.0)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        await child.connect()
        child.boot(self._boot(snapshot))
        self._log("info", "process_started", process=child.name, pid=child.pid)
        self._died.set()  # it may have ended already

    def _newest(self) -> Snapshot:
        """The last good one, or what this supervisor began with."""
        kept = self._last_good()
        return kept if kept is not None and kept.number >= self._begin.number else self._begin

    def _moved(self) -> None:
        """A managed provider has another address."""
        self._control.tell("reload")

    async def _wanted(self, _peer: Peer, body: Any) -> Any:
        """Control: what a configuration needs is to run. Nothing is ended yet."""
        config = _bound(body)
        urls = await self._managed.urls(config)
        return plain(Managed(urls, dict(self._managed.missing)))

    def _accepted(self, body: Any) -> None:
        """Control: this one is in use now; what only others needed may end when their requests had their time."""
        self._config = _bound(body)
        self._log.configure(self._config.logging.level, self._config.logging.format)
        task = asyncio.get_running_loop().create_task(self._trim(self._config))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _trim(self, config: Config) -> None:
        await asyncio.sleep(float(config.server.drain) + 1.0)
        if config is self._config:
            await self._managed.trim(config)

    # Ending

    def _signalled(self, number: int) -> None:
        self._signals += 1
        if self._signals > 1:
            for child in self._children:
                child.kill()
            os._exit(128 + number)
        self._over.set()

    async def _end(self) -> None:
        """Workers drain while control still takes what they report; then control, then what they needed."""
        self._ending = True
        self._control.tell("draining")  # its /health/ready says so, too
        for sockets in self._slots:
            for sock in sockets:
                sock.close()  # the workers' copies are the last: when they close theirs, callers are refused at once
        for child in self._workers:
            child.kill(signal.SIGTERM)
        longest = max(child.drain for child in self._workers)
        await self._gone(self._workers, longest + END_SECONDS)
        self._control.kill(signal.SIGTERM)
        await self._gone([self._control], CONTROL_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._managed.stop()
        self._close()

    async def _gone(self, children: list[Child], seconds: float) -> None:
        """Wait for them; who takes longer is killed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while any(child.process is not None and child.process.poll() is None for child in children):
            self._died.clear()
            if loop.time() >= deadline:
                for child in children:
                    if child.process is not None and child.process.poll() is None:
                        self._log("error", "process_killed", process=child.name, pid=child.pid)
                        child.kill()
                deadline = loop.time() + END_SECONDS
            with contextlib.suppress(TimeoutError):
                await within(self._died.wait(), min(0.5, max(deadline - loop.time(), 0.01)))
        for child in children:
            if child.peer is not None:
                child.peer.close()
                await child.peer.gone.wait()

    def _close(self) -> None:
        for sock in (sock for sockets in (*self._slots, self._control.sockets) for sock in sockets):
            sock.close()
        self._journal.close()
        os.close(self._lock)


def _bound(body: Any) -> Config:
    return config_of(unpack(read(body, Accepted).config), Problems(), option_names(), DIALECTS)
