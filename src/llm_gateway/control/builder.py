"""Builds snapshots: reads the configuration, checks all of it, numbers it, gives it to the workers, keeps the last good one.

What cannot be served never reaches a worker. What only a worker can find out (a file of certificates that is gone) it says, and
then the one before is put back. A snapshot is good, and goes to disk, when every worker that is there has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from llm_gateway.channel.hub import Worker
from llm_gateway.channel.messages import plain
from llm_gateway.channel.peer import Unanswered
from llm_gateway.channel.sealed import save
from llm_gateway.channel.snapshot import CONFIG, DIRECTORY, MANAGED, STORE, Managed, Signer, Snapshot
from llm_gateway.config.document import pack, unpack
from llm_gateway.config.errors import ConfigErrors, Problem, Problems
from llm_gateway.config.load import Loaded, config_of
from llm_gateway.config.remarks import remarks
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import Clock
from llm_gateway.core.within import within
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import option_names
from llm_gateway.snapshot import NotServable, compile_snapshot
from llm_gateway.snapshot import Snapshot as Compiled
from llm_gateway.telemetry.journal import Log, where

TAKEN_SECONDS = 10.0
"""How long workers may take to swap before a snapshot is kept without them."""


class Builder:
    """One per control process. `built` is the compiled form of the current one."""

    def __init__(  # noqa: PLR0913 - what it is wired to, each by name
        self,
        begin: Snapshot,
        secrets: Sequence[bytes],
        state: Path,
        environ: Mapping[str, str],
        *,
        load: Callable[[], Awaitable[Loaded]],
        managed: Callable[[bytes], Awaitable[Managed]],
        hub: Callable[[], list[Worker]],
        log: Log,
        clock: Clock,
        accepted: Callable[[Loaded], None],
    ) -> None:
        """`begin`: what the workers booted from; `hub`: the workers that are connected; `load` raises ConfigErrors; `managed`
        has the supervisor run what a packed configuration needs; `accepted` is told of each one that is in use now.
        """
        self._secrets = tuple(secrets)
        self._state = state
        self.environ = environ
        self._load = load
        self._managed = managed
        self.workers = hub
        """Those that are connected."""
        self._log = log
        self._clock = clock
        self._accepted = accepted
        self._signer = Signer(secrets[0])
        self._good = begin
        self._current = begin
        self._number = begin.number
        self._changed = asyncio.Event()
        self._again = asyncio.Event()
        self._wished = self._made = 0
        self._anyway = False
        self._finished = asyncio.Condition()
        self._whole = False
        self._task: asyncio.Task[None] | None = None
        self.built: Compiled | None = None
        self.config: Config | None = None
        self.directory: bytes | None = begin.directory
        """Tenants and keys, where the store has any; used by the next build."""
        self.extra = {name: part for name, part in begin.parts.items() if name not in (CONFIG, MANAGED, DIRECTORY)}
        """Other parts by name, for whoever in the workers knows them; used by the next build."""
        self.refusals = 0
        """How often a worker refused a snapshot."""
        self.problem = ""
        """Why the last configuration was refused; empty: it was not."""
        self._remarks: tuple[Problem, ...] = ()

    @property
    def current(self) -> Snapshot:
        """What the workers are to act on."""
        return self._current

    def restore(self) -> Config:
        """Begin with what the workers act on, whatever the files say meanwhile. Raises NotServable, Unusable, ConfigErrors."""
        begin = self._current
        self.config = config_of(unpack(begin.config), Problems(), option_names(), DIALECTS)
        self.built = self._compile(self.config, begin.managed, begin.directory)
        return self.config

    def start(self) -> None:
        """Build now, and whenever `rebuild` is called."""
        self.rebuild()
        self._task = asyncio.get_running_loop().create_task(self._always())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def rebuild(self, *, anyway: bool = True) -> None:
        """Soon; wishes that come together are one. `anyway`: even if nothing is another, for what only workers read (files of
        certificates).
        """
        self._whole = True
        self._wished += 1
        self._anyway = self._anyway or anyway
        self._again.set()

    async def renewed(self, seconds: float, *, anyway: bool = False) -> bool:
        """Build now, and wait for it; whether it was done in time. `problem` says what came of it."""
        self.rebuild(anyway=anyway)
        mine = self._wished
        async with self._finished:
            try:
                await within(self._finished.wait_for(lambda: self._made >= mine), seconds)
            except TimeoutError:
                return False
        return True

    async def check(self, config: Config) -> Compiled:
        """What it would be; models of our own are not started for that. Raises NotServable."""
        stand_ins = Managed(dict.fromkeys(config.providers, "http://127.0.0.1:1/v1"))
        return await asyncio.to_thread(self._compile, config, stand_ins, self.directory)

    def redirect(self, directory: bytes | None) -> None:
        """Soon: tenants and keys of the store are others. Workers get them with the configuration that holds now, whatever the
        files say meanwhile.
        """
        self.directory = directory
        self.extra[STORE] = b"read"
        self._again.set()

    def joined(self, worker: Worker) -> None:
        """A worker is there: it gets what it lacks."""
        if worker.number > self._number:  # it has what an earlier control process, whose disk is gone, has numbered
            self._number = worker.number + 1
            self._current = Snapshot(self._number, self._current.created, self._current.parts)
            self._push_all()
        elif worker.number < self._current.number:
            self._push(worker)

    def has(self, worker: Worker, body: Any) -> None:
        """A worker acts on a snapshot now."""
        worker.number = msgspec.convert(body["number"], int)
        worker.digests = msgspec.convert(body["digests"], dict[str, bytes])
        self._changed.set()

    def refused(self, worker: Worker, body: Any) -> None:
        """A worker cannot act on a snapshot."""
        number, why = msgspec.convert(body, tuple[int, str])
        self.refusals += 1
        self._log("error", "snapshot_refused_by_worker", worker=worker.slot, number=number, why=why)
        if number == self._current.number and self._current is not self._good:
            self.problem = why
            self._changed.set()

    def whole(self, worker: Worker, _body: Any) -> None:
        """A worker lacks parts that it was thought to have."""
        worker.digests = {}
        self._push(worker)

    async def _always(self) -> None:
        first = True
        while True:
            await self._again.wait()
            self._again.clear()
            if self._whole:
                self._whole = False
                wished, anyway, self._anyway = self._wished, self._anyway and not first, False
                await self._tried(self._build(anyway=anyway), "reload_refused")
                first = False
                async with self._finished:
                    self._made = wished
                    self._finished.notify_all()
            if self.config is not None and self._redirected(self.config):
                await self._tried(self._redirect(self.config), "directory_refused")

    @property
    def waiting(self) -> bool:
        """Whether the workers do not know yet what keys a shared database has."""
        return self.config is not None and self._current.waiting(self.config.database)

    def _redirected(self, config: Config) -> bool:
        """Whether the workers do not have what the store was last seen to have."""
        return self.directory != self._current.directory or (STORE in self.extra and self._current.waiting(config.database))

    async def _tried(self, work: Coroutine[Any, Any, None], refused: str) -> None:
        try:
            await work
        except (ConfigErrors, NotServable, OSError, Unanswered) as error:
            self.problem = str(error)
            self._log("error", refused, why=str(error))
        except Exception as bug:  # noqa: BLE001 - what is there goes on, and the next change is tried
            self.problem = type(bug).__name__
            self._log("error", "bug", error=type(bug).__name__, at=where(bug))

    async def _build(self, *, anyway: bool) -> None:
        """Raises ConfigErrors, NotServable, OSError, Unanswered; then nothing has changed."""
        loaded = await self._load()
        document = pack(loaded.tree)
        managed = await self._managed(document)
        directory = self.directory
        compiled = await asyncio.to_thread(self._compile, loaded.config, managed, directory)
        before = self.built, self.config
        self.built, self.config, self.problem = compiled, loaded.config, ""
        parts = {**self.extra, CONFIG: document, MANAGED: msgspec.msgpack.encode(managed)}
        if directory is not None:
            parts[DIRECTORY] = directory
        made = Snapshot(self._number + 1, int(self._clock.now() * 1000), parts)
        if made.digests == self._current.digests and not anyway:
            await self._keep(self._current)
        elif not await self._give(made):
            self.built, self.config = before
            return
        self._remark(remarks(loaded))
        self._accepted(loaded)

    def _remark(self, found: tuple[Problem, ...]) -> None:
        """What was not said of the configuration before."""
        for one in found:
            if one not in self._remarks:
                self._log("warning", "config_warning", at=str(one.where), key=one.path, why=one.message, do=one.suggestion)
        self._remarks = found

    async def _redirect(self, config: Config) -> None:
        """The same configuration, another directory. Raises NotServable."""
        directory = self.directory
        compiled = await asyncio.to_thread(self._compile, config, self._current.managed, directory)
        self.built, self.problem = compiled, ""
        parts = {name: part for name, part in self._current.parts.items() if name != DIRECTORY}
        if directory is not None:
            parts[DIRECTORY] = directory
        if STORE in self.extra:
            parts[STORE] = self.extra[STORE]
        await self._give(Snapshot(self._number + 1, int(self._clock.now() * 1000), parts))

    async def _give(self, made: Snapshot) -> bool:
        """To the workers, and to disk; whether they took it."""
        self._number = made.number
        self._current = made
        self._push_all()
        if not await self._taken(made):
            return False
        digest = "" if self.config is None else self.config.digest
        self._log("info", "snapshot", number=made.number, digest=digest, bytes=sum(map(len, made.parts.values())))
        await self._keep(made)
        return True

    def _compile(self, config: Config, managed: Managed, directory: bytes | None) -> Compiled:
        return compile_snapshot(
            config,
            pepper=self._secrets,
            environ=self.environ,
            managed=managed.urls,
            missing=managed.missing,
            directory=directory,
            waiting=config.database.url is not None and STORE not in self.extra,
        )

    async def _keep(self, snapshot: Snapshot) -> None:
        self._good = snapshot
        try:
            await asyncio.to_thread(save, self._state, self._secrets[0], snapshot)
        except OSError as error:  # workers have it all the same
            self._log("error", "snapshot_not_kept", why=str(error))

    async def _taken(self, made: Snapshot) -> bool:
        """Whether every worker that is there took it; if one refused it, the one before is put back."""
        deadline = asyncio.get_running_loop().time() + TAKEN_SECONDS
        while any(worker.number < made.number for worker in self.workers()) and not self.problem:
            left = deadline - asyncio.get_running_loop().time()
            self._changed.clear()
            try:
                await within(self._changed.wait(), max(left, 0.0))
            except TimeoutError:
                self._log("warning", "worker_slow", number=made.number)
                return True
        if not self.problem:
            return True
        self._number += 1
        self._current = self._good = Snapshot(self._number, self._good.created, self._good.parts)
        for worker in self.workers():
            if worker.number == made.number:
                self._push(worker)
        return False

    def _push_all(self) -> None:
        for worker in self.workers():
            self._push(worker)

    def _push(self, worker: Worker) -> None:
        try:
            worker.peer.tell_bulk("snapshot", plain(self._signer.parcel(self._current, worker.digests)))
        except Unanswered as error:  # it comes back, and says what it has
            self._log("warning", "snapshot_not_sent", worker=worker.slot, why=str(error))
