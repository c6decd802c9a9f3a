"""A worker's process: boots from what the supervisor hands it, follows control, ends when the supervisor says so or is gone.

It needs neither control nor a database to serve. What control pushes is built beside what runs and swapped in; what cannot be
used is logged and left.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from llm_gateway.cache.shown import figures
from llm_gateway.channel.link import VERSION, Hello, Link
from llm_gateway.channel.messages import Boot, Unfit, Web, plain, read
from llm_gateway.channel.messages import Serving as ServingNow
from llm_gateway.channel.peer import Handlers, Peer, Refused, Unanswered
from llm_gateway.channel.snapshot import Signer, Snapshot, Unusable
from llm_gateway.config.document import Unpackable, unpack
from llm_gateway.config.errors import ConfigErrors, Problems
from llm_gateway.config.load import config_of
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.ids import Ids
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.edge.app import App
from llm_gateway.edge.routing import EXPLAIN
from llm_gateway.edge.stored_messages import SETTLE
from llm_gateway.providers.registry import option_names
from llm_gateway.snapshot import NotServable
from llm_gateway.telemetry.journal import where
from llm_gateway.telemetry.report import Reporter
from llm_gateway.worker.cache_shown import cache_asked
from llm_gateway.worker.forward import asked_by_control
from llm_gateway.worker.node import LOCKED
from llm_gateway.worker.pepper import StateUnusable
from llm_gateway.worker.serving import Effective, Serving
from llm_gateway.worker.world import looked_up_world

SOCKET = "control.sock"
"""Control's, in the state directory."""
REPORT_SECONDS = 1.0
ORPHANED_SECONDS = 5.0
"""What running requests have left when the supervisor was killed."""
SETTLE_SECONDS = 0.8
"""To hand in what control asks for: less than control waits for it."""
_LOOKS = ("GET", "HEAD")


class Bound(NamedTuple):
    """A configuration and the document that it was bound from, so that a forked child need not bind it again."""

    document: bytes
    config: Config


def main(
    leash: socket.socket, slot: int, sockets: Sequence[socket.socket], environ: Mapping[str, str], bound: Bound | None
) -> int:
    """Serve until told to end; the exit status."""
    return run(_main(leash, slot, sockets, environ, bound))


def run(work: Coroutine[Any, Any, int]) -> int:
    """In the fastest event loop that there is."""
    try:
        import uvloop  # noqa: PLC0415 - not there on every platform
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def _main(
    leash: socket.socket, slot: int, sockets: Sequence[socket.socket], environ: Mapping[str, str], bound: Bound | None
) -> int:
    process = Process(slot, sockets, environ, bound)
    return await process.live(leash)


class Process:
    """One worker under a supervisor."""

    def __init__(self, slot: int, sockets: Sequence[socket.socket], environ: Mapping[str, str], bound: Bound | None) -> None:
        self._slot = slot
        self._sockets = sockets
        self._environ = environ
        self._bound = bound
        self._run = secrets.token_hex(8)
        self._snapshot: Snapshot | None = None
        self._signer: Signer | None = None
        self._serving: Serving | None = None
        self._link: Link | None = None
        self._supervisor: Peer | None = None
        self._next: Snapshot | None = None
        self._swapping: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._grace: float | None = None
        self._boot: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def live(self, leash: socket.socket) -> int:
        """From the first word of the supervisor to the end; the exit status."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # for the supervisor alone
        self._supervisor = await Peer.over(leash, Handlers(told={"boot": self._booted}, lost=self._orphaned))
        boot = await self._first()
        if boot is None:
            return 0
        unfit = await self._begin(read(boot, Boot))
        if unfit is not None:
            self._supervisor.tell("unfit", plain(unfit))
            self._supervisor.close()
            return 1
        reporting = loop.create_task(self._report_always())
        await self._over.wait()
        reporting.cancel()
        await self._end()
        return 0

    def _booted(self, _peer: Peer, body: Any) -> None:
        if not self._boot.done():
            self._boot.set_result(body)

    async def _first(self) -> Any:
        """What the supervisor says first; None: it wants us to end already."""
        over = asyncio.ensure_future(self._over.wait())
        await asyncio.wait((over, self._boot), return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        return self._boot.result() if self._boot.done() else None

    def _orphaned(self, _peer: Peer) -> None:
        """The supervisor is gone: what runs may finish, but nobody would restart or end us."""
        if self._serving is not None and not self._over.is_set():
            self._serving.log("warning", "supervisor_gone")
        self._grace = ORPHANED_SECONDS
        self._over.set()

    async def _begin(self, boot: Boot) -> Unfit | None:
        """Serve; why not."""
        try:
            self._signer = Signer(boot.secrets[0])
            snapshot = self._signer.open(boot.parcel)
            effective = self._effective(snapshot)
            self._serving = serving = Serving(effective.config, self._environ, self._ask, self._slot)
            await serving.begin(effective, self._sockets)
        except (NotServable, Unusable, Unpackable, ConfigErrors) as error:
            return Unfit("not_servable", str(error))
        except StateUnusable as error:
            return Unfit("state", str(error))
        except ssl.SSLError as error:
            return Unfit("tls", str(error.reason))
        except OSError as error:
            return Unfit("os", str(error), error.errno or 0)
        except Exception as bug:  # noqa: BLE001 - the supervisor is told why, then this process ends
            return Unfit("bug", f"{type(bug).__name__}: {bug} at {' '.join(where(bug)[-3:])}")
        self._bound = None
        self._snapshot = snapshot
        self._tell_supervisor()
        asked = {"web": self._web, "circuits": self._circuits, "reset": self._reset, SETTLE: self._settle}
        told = {"snapshot": self._pushed, "revoked": self._revoked, LOCKED: serving.security.node.told}
        handlers = Handlers({**asked, **cache_asked(serving.answers)}, told, self._channel_bug, self._control_lost)
        self._link = Link(Path(boot.state) / SOCKET, handlers, self._hello, self._linked)
        self._link.start()
        serving.security.node.join(self._link)
        return None

    def _effective(self, snapshot: Snapshot) -> Effective:
        """Raises Unusable, Unpackable, ConfigErrors."""
        managed = snapshot.managed
        if self._bound is not None and self._bound.document == snapshot.config:
            config = self._bound.config
        else:
            config = config_of(unpack(snapshot.config), Problems(), option_names(), DIALECTS)
        return Effective(config, managed.urls, managed.missing, snapshot.directory, snapshot.waiting(config.database))

    def _tell_supervisor(self) -> None:
        assert self._supervisor is not None  # noqa: S101 - connected
        assert self._serving is not None  # noqa: S101 - begun
        assert self._snapshot is not None  # noqa: S101 - begun
        server = self._serving.config.server
        longest = float(server.drain_delay) + float(server.drain)
        self._supervisor.tell("serving", plain(ServingNow(self._snapshot.number, longest)))

    async def _end(self) -> None:
        assert self._serving is not None  # noqa: S101 - begun
        if self._swapping is not None:
            self._swapping.cancel()
            await asyncio.gather(self._swapping, return_exceptions=True)
        grace = self._grace
        if grace is not None:
            grace = min(grace, float(self._serving.config.server.drain))
        await self._serving.stop(grace)
        if self._link is not None:
            self._tell_report()
            await self._link.close()
        assert self._supervisor is not None  # noqa: S101 - connected
        self._supervisor.close()
        await self._supervisor.gone.wait()

    # What control says and asks

    async def _ask(self, method: str, body: Any, seconds: float) -> Any:
        if self._link is None:
            raise Unanswered("there is no connection to the control process yet")
        return await self._link.ask(method, body, seconds)

    def _control_lost(self, _peer: Peer) -> None:
        if self._serving is not None and not self._over.is_set():
            self._serving.log("warning", "control_away")

    def _hello(self) -> Hello:
        assert self._snapshot is not None  # noqa: S101 - begun
        return Hello(VERSION, self._slot, os.getpid(), self._run, self._snapshot.number, dict(self._snapshot.digests))

    def _linked(self) -> None:
        assert self._serving is not None  # noqa: S101 - begun
        self._serving.log("info", "control_linked", worker=self._slot)
        self._reporter = self._new_reporter(self._serving)

    def _channel_bug(self, bug: BaseException) -> None:
        assert self._serving is not None  # noqa: S101 - begun
        self._serving.log("error", "bug", error=type(bug).__name__, at=where(bug))

    def _pushed(self, _peer: Peer, body: Any) -> None:
        assert self._signer is not None  # noqa: S101 - begun
        assert self._serving is not None  # noqa: S101 - begun
        try:
            self._next = self._signer.open(body, self._next or self._snapshot)
        except Unusable as error:
            self._serving.log("error", "snapshot_refused", why=str(error))
            assert self._link is not None  # noqa: S101 - it told us
            self._link.tell("whole", None)
            return
        if self._swapping is None:
            self._swapping = asyncio.get_running_loop().create_task(self._swap())

    def _revoked(self, _peer: Peer, body: Any) -> None:
        """These keys are refused at once; the next snapshot does not have them."""
        if self._serving is not None and self._serving.keys is not None:
            self._serving.keys.revoke(msgspec.convert(body, list[str]))

    async def _swap(self) -> None:
        """To the newest one, until there is none newer."""
        assert self._serving is not None  # noqa: S101 - begun
        while self._next is not None:
            snapshot, self._next = self._next, None
            try:
                self._serving.swap(self._effective(snapshot))
            except (NotServable, Unusable, Unpackable, ConfigErrors, OSError) as error:
                self._serving.log("error", "reload_refused", number=snapshot.number, why=str(error))
                self._refuse(snapshot, str(error))
                continue
            except Exception as bug:  # noqa: BLE001 - the old world serves on, and a later snapshot may do
                self._channel_bug(bug)
                self._refuse(snapshot, f"it failed with {type(bug).__name__}")
                continue
            self._snapshot = snapshot
            self._tell_supervisor()
            if self._link is not None:
                self._link.tell("has", {"number": snapshot.number, "digests": dict(snapshot.digests)})
            await asyncio.sleep(0)
        self._swapping = None

    def _refuse(self, snapshot: Snapshot, why: str) -> None:
        if self._link is not None:
            self._link.tell("refused", [snapshot.number, why])

    async def _web(self, _peer: Peer, body: Any) -> Any:
        """A request that came in at control and that a worker can answer: it looks, and asks no model."""
        asked = read(body, Web)
        if asked.method not in _LOOKS and not (asked.method == "POST" and asked.path == EXPLAIN):
            raise Refused("method", "only looking is possible from here")
        assert self._serving is not None  # noqa: S101 - begun
        assert self._serving.app is not None  # noqa: S101 - begun
        clock = SystemClock()
        app = App(looked_up_world(self._serving.app.world), Ids(clock.now), clock)
        return plain(await asked_by_control(app, asked, asyncio.get_running_loop().time()))

    async def _circuits(self, _peer: Peer, _body: Any) -> Any:
        assert self._serving is not None  # noqa: S101 - begun
        return [list(row) for row in self._serving.defences.standings.rows()]

    async def _reset(self, _peer: Peer, body: Any) -> Any:
        assert self._serving is not None  # noqa: S101 - begun
        return self._serving.defences.standings.reset(msgspec.convert(body, str))

    async def _settle(self, _peer: Peer, body: Any) -> bool:
        """Control is asked for what may still wait here."""
        assert self._serving is not None  # noqa: S101 - begun
        return self._serving.kept is not None and await self._serving.kept.settle(body, SETTLE_SECONDS)

    # Reports

    _reporter: Reporter | None = None

    def _new_reporter(self, serving: Serving) -> Reporter:
        health, standings = serving.health, serving.defences.standings

        def circuits() -> list[list[Any]]:
            return [list(row) for row in standings.rows() if row.gauge or row.seconds][:1000]

        def wellness() -> dict[str, list[Any]]:
            return {name: list(serving.wellness(name)) for name in health.providers}

        def loads() -> dict[str, list[Any]]:
            found = {name: health.load(name) for name in health.providers}
            return {name: list(load) for name, load in found.items() if load is not None}

        def cached() -> dict[str, int]:
            return figures(serving.answers).results

        return Reporter(serving.stats, circuits, wellness, loads, lambda: serving.active, cached)

    async def _report_always(self) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            self._tell_report()

    def _tell_report(self) -> None:
        if self._link is None or not self._link.connected or self._reporter is None:
            return
        try:
            for report in self._reporter.reports():
                if not self._link.tell("report", plain(report)):
                    self._reporter.anew()
            assert self._serving is not None  # noqa: S101 - begun
            self._serving.security.tell(self._link.tell, self._serving.keys, last=self._over.is_set())
            self._serving.measured.tell(self._link.tell)
            if self._serving.traces is not None:
                self._serving.traces.tell(self._link.tell)
            if self._serving.contents is not None:
                self._serving.contents.tell(self._link.tell)
        except Exception as bug:  # noqa: BLE001 - reports are not worth a worker
            self._channel_bug(bug)
