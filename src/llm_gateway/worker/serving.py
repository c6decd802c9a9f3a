"""One worker's world: listens, serves, swaps one configuration for another, drains."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm_gateway._version import __version__
from llm_gateway.cache.stage import Answers
from llm_gateway.config.schema import Config
from llm_gateway.config.watch import Watch
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.heap import settle
from llm_gateway.core.ids import Ids
from llm_gateway.credentials.registry import Authorizers
from llm_gateway.edge.app import App, World
from llm_gateway.edge.health import Health
from llm_gateway.edge.ownership import MemoryOwners
from llm_gateway.edge.stored import MemoryStore
from llm_gateway.http.server import Server
from llm_gateway.identity.keys import KeyTable
from llm_gateway.providers.load import Loads
from llm_gateway.resilience.probes import Wellness
from llm_gateway.resilience.shedding import Shedding
from llm_gateway.snapshot import Snapshot, compile_snapshot
from llm_gateway.telemetry.content import Contents
from llm_gateway.telemetry.ended import hashing
from llm_gateway.telemetry.journal import Journal, Log, open_journal, where
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats
from llm_gateway.telemetry.traces import Traces
from llm_gateway.worker.accounts import Accounts, open_ledger
from llm_gateway.worker.cached import reach
from llm_gateway.worker.clients import Clients
from llm_gateway.worker.control_store import ControlStore
from llm_gateway.worker.defences import Defences
from llm_gateway.worker.engine import server_of
from llm_gateway.worker.facts import known_models, provider_types, restart_needed, watched
from llm_gateway.worker.forward import Ask, exposed
from llm_gateway.worker.measured import Measured
from llm_gateway.worker.pepper import load_peppers
from llm_gateway.worker.recognition import Recognition
from llm_gateway.worker.security import Security
from llm_gateway.worker.world import Shared, build_world

SETTLE_SECONDS = 0.5
"""From serving to looking through the memory once: 40 ms that the first answers need not wait for."""


@dataclass(frozen=True)
class Effective:
    """What a worker acts on, bound."""

    config: Config
    managed: Mapping[str, str]
    """URLs of the providers that the gateway runs itself, by name."""
    missing: Mapping[str, str]
    """Those that could not be started, and why."""
    directory: bytes | None = None
    """Tenants, projects and keys; None: those of the configuration only."""
    waiting: bool = False
    """Whether control never read the store yet, so that nobody knows what keys there are in it."""


async def nothing_more() -> None:
    """Nothing ends with the world before."""


class Serving:
    """A worker, whoever tells it what to serve. `environ` is for providers' keys; `control` asks the control process."""

    def __init__(self, config: Config, environ: Mapping[str, str], control: Ask | None = None, slot: int = 0) -> None:
        """`slot`: which of the workers it is, from 0. Raises StateUnusable."""
        self._config = config
        self._environ = environ
        self._control = control
        self._clock = clock = SystemClock()
        self._access = access = open_journal(config.logging.access)
        self._events = Journal(2)
        self.log = Log(self._events, clock, config.logging.level, config.logging.format)
        self.stats = Stats(known_models(config))
        self._pepper = load_peppers(Path(config.state.dir))
        providers, state = provider_types(config), Path(config.state.dir)
        self._health = Health(version=__version__, clock=clock, stats=self.stats, providers=providers, state_dir=state)
        recognition = Recognition(clock, self.log)
        wal = open_ledger(config, slot, clock)
        self._accounts = accounts = Accounts(clock, self.log, wal, config.ledger.when_full, control)
        account, user = recognition.security.after(accounts.ended), hashing(self._pepper[0])
        observe = Observe(clock, self.stats, access, config.logging.format, account=account, user=user)
        self._defences = Defences(clock, self.log, random.random, observe, self._report, accounts.ledger.sent)
        self.traces = None if control is None else Traces(clock, random.Random(), user, self._report)  # noqa: S311 - names
        self._shedding = Shedding(clock.monotonic, log=self.log)
        self.contents = None if control is None else Contents(clock, user)
        self.answers = Answers(clock)
        told = control is not None
        self.measured = Measured(config, slot, observe, accounts, self._defences, self._shedding, access, told=told)
        self._shared = Shared(
            clock,
            self.stats,
            self._health,
            observe,
            self.log,
            self._report,
            MemoryStore(clock.monotonic),
            MemoryOwners(clock.monotonic),
            self._defences,
            accounts,
            recognition,
            self.answers,
            self._pepper[0],
            measured=self.measured,
            traces=self.traces,
            contents=self.contents,
            kept=None if control is None else ControlStore(control, clock, self.log),
        )
        self._loads = Loads(clock, self.log)
        self._health.load, self._health.redis = self._loads.of, accounts.redis_state
        self._health.wellness = self._defences.checks.wellness
        self._clients = Clients({})
        self._authorizers = Authorizers(clock, self.log)
        self._keys: KeyTable | None = None
        self._health.waiting = lambda: self._keys is not None and self._keys.waiting
        self._settling: asyncio.TimerHandle | None = None
        self._server: Server | None = None
        self._app: App | None = None
        self._background: set[asyncio.Task[None]] = set()

    @property
    def config(self) -> Config:
        """The one that is served."""
        return self._config

    @property
    def app(self) -> App | None:
        """None: not started."""
        return self._app

    @property
    def defences(self) -> Defences:
        return self._defences

    @property
    def kept(self) -> ControlStore | None:
        return self._shared.kept

    @property
    def keys(self) -> KeyTable | None:
        return self._keys

    @property
    def security(self) -> Security:
        return self._shared.recognition.security

    @property
    def health(self) -> Health:
        return self._health

    @property
    def active(self) -> int:
        """Requests that are being served."""
        return 0 if self._server is None else self._server.active

    def wellness(self, provider: str) -> Wellness:
        """A provider's circuit and health score now."""
        summary = self.stats.provider(provider, self._clock.monotonic())
        return self._defences.checks.wellness(provider, summary.success_rate, summary.p95_latency)

    async def begin(self, effective: Effective, sockets: Sequence[socket.socket] = ()) -> int:
        """Listen, on `sockets` if there are any; the port. Raises NotServable, OSError (address in use, certificates)."""
        config = effective.config
        await self._accounts.begin(config)
        await reach(self.answers, config, self._pepper[0], self._clock, self.log)
        snapshot = self._compile(effective)
        self._authorizers, self._keys = snapshot.authorizers, snapshot.keys
        self._clients = self._clients.beside(config, self._environ)
        self._shedding.configure(config.resilience.shedding)
        self._shedding.start()
        self._app = App(self._world(snapshot, self._clients), Ids(self._clock.now), self._clock, self._shedding)
        self._server = self.measured.server = server_of(self._app, config, self._engine_error)
        if sockets:
            await self._server.start_on(sockets)
        else:
            await self._server.start(config.server.host, config.server.port, reuse_port=config.server.reuse_port)
        self._authorizers.start()  # in the background: who has no credentials yet is ready all the same
        self._loads.watch(watched(snapshot), self._clients.by_name)
        self._defences.watch(snapshot, self._clients.by_name)
        self._health.started = True
        if config.server.tls:
            self._background.add(asyncio.get_running_loop().create_task(self._watch_certificates(config)))
        self._settling = asyncio.get_running_loop().call_later(SETTLE_SECONDS, settle)
        return self._server.port

    def swap(self, effective: Effective, retired: Callable[[], Awaitable[None]] = nothing_more) -> list[str]:
        """Build the new world beside the old one; swap it in one assignment. Whatever fails leaves the old one serving.

        Gives the sections that take effect with the next start only. `retired` is called when the requests of the world before
        had their time. Raises NotServable, OSError.
        """
        config = effective.config
        snapshot = self._compile(effective)
        clients = self._clients.beside(config, self._environ)
        kept = restart_needed(self._config, config)
        assert self._app is not None  # noqa: S101 - started
        self._app.world = self._world(snapshot, clients)
        self._health.providers = provider_types(config)
        self._shedding.configure(config.resilience.shedding)
        old, self._clients, self._config = self._clients, clients, config
        signing, self._authorizers = self._authorizers, snapshot.authorizers
        self._authorizers.start()
        self._keys = snapshot.keys
        self._loads.watch(watched(snapshot), clients.by_name)
        self._defences.watch(snapshot, clients.by_name)
        self.log("info", "reloaded", digest=config.digest, restart_needed=kept)
        task = asyncio.get_running_loop().create_task(self._retire(old, signing, retired))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return kept

    def _world(self, snapshot: Snapshot, clients: Clients) -> World:
        world = build_world(snapshot, clients.by_name, self._shared)
        return exposed(world, self._control) if snapshot.config.server.expose_admin else world

    def _compile(self, effective: Effective) -> Snapshot:
        return compile_snapshot(
            effective.config,
            pepper=self._pepper,
            environ=self._environ,
            managed=effective.managed,
            missing=effective.missing,
            authorizers=self._authorizers,
            standings=self._defences.standings,
            directory=effective.directory,
            keys=self._keys,
            waiting=effective.waiting,
        )

    async def _watch_certificates(self, config: Config) -> None:
        tls = config.server.tls
        assert tls is not None  # noqa: S101 - the caller looked
        files = tuple(filter(None, (tls.cert, tls.key, tls.client_ca)))

        def changed() -> None:
            if self._server is None:
                return
            try:
                self._server.reload_tls()
            except (OSError, ValueError) as error:
                self.log("error", "tls_reload_failed", why=str(error))
            else:
                self.log("info", "tls_reloaded")

        await Watch(files, changed).run()

    async def _retire(self, old: Clients, signing: Authorizers, retired: Callable[[], Awaitable[None]]) -> None:
        """End what only the world before needed, when its requests had the time that a drain would give them."""
        try:
            await old.retire(keeping=self._clients)
            await asyncio.sleep(float(self._config.server.drain))
            await retired()
        finally:  # the gateway may end sooner
            await signing.retire(keeping=self._authorizers)

    async def abandon(self) -> None:
        """Undo a start that failed."""
        if self._server is not None:
            await self._server.drain(0)
        await self._close()
        for journal in (self._access, self._events):
            if journal is not None:
                journal.close()

    async def stop(self, grace: float | None = None) -> None:
        """Readiness fails first, then no connection is taken, requests finish, the ledger is written, everything ends.

        `grace`: seconds that requests have; None: server.drain, after server.drain_delay.
        """
        if self._health.draining:
            return
        self._health.draining = True
        server = self._config.server
        delay = float(server.drain_delay) if grace is None else 0.0
        self.log("info", "draining", delay=delay)
        if self._server is not None:
            self._server.leave()
            await asyncio.sleep(delay)
            self.log("info", "closing", connections=self._server.connections, requests=self._server.active)
            await self._server.drain(float(server.drain) if grace is None else grace)
            self.log("info", "drained")
        ending = [*self._background]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self._close()
        self._shared.observe.flush()
        if self._access is not None:
            self._access.close()
            if self._access.dropped:
                self.log("error", "access_lines_lost", lines=self._access.dropped)
        self.log("info", "ended")
        self._events.close()

    async def _close(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        self._shedding.close()
        if self._shared.kept is not None:
            await self._shared.kept.close()
        await self._shared.recognition.close()
        await self._loads.close()
        await self._defences.close()
        await self._authorizers.close()
        await self._clients.close()
        await self._accounts.close()
        await self.answers.close()

    def _report(self, ex: Exchange, bug: Exception) -> None:
        self.log("error", "bug", request_id=ex.id, error=type(bug).__name__, at=where(bug))

    def _engine_error(self, error: BaseException) -> None:
        self.log("error", "bug", error=type(error).__name__, at=where(error))
