"""Runs a gateway in this process: listens, reloads, drains, ends."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from llm_gateway._version import __version__
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.schema import Config
from llm_gateway.config.watch import Watch
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ids import Ids
from llm_gateway.credentials.registry import Authorizers
from llm_gateway.edge.app import App
from llm_gateway.edge.health import Health
from llm_gateway.edge.ownership import MemoryOwners
from llm_gateway.edge.stored import MemoryStore
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.server import Server
from llm_gateway.http.tls import TlsFiles
from llm_gateway.providers.load import Loads, Watched
from llm_gateway.resilience.memory import most_held
from llm_gateway.resilience.shedding import Shedding
from llm_gateway.snapshot import NotServable, Snapshot, compile_snapshot
from llm_gateway.telemetry.journal import Journal, Log, open_journal
from llm_gateway.telemetry.observe import Observe
from llm_gateway.telemetry.stats import Stats
from llm_gateway.worker.clients import Clients
from llm_gateway.worker.defences import Defences
from llm_gateway.worker.managed import Managed
from llm_gateway.worker.pepper import load_pepper
from llm_gateway.worker.refusals import refusal_renderer
from llm_gateway.worker.relays import UPLOADS
from llm_gateway.worker.world import Shared, admin_world, build_world


@dataclass
class Running:
    """What a caller of `Gateway.start` is told."""

    port: int
    admin_port: int | None
    missing: Mapping[str, str]
    """Managed providers that could not be started, and why."""


class Gateway:
    """One worker. `load` reads the configuration again, for reloads."""

    def __init__(self, config: Config, load: Callable[[], Config], environ: Mapping[str, str]) -> None:
        self._config = config
        self._load = load
        self._environ = environ
        clock = SystemClock()
        self._clock = clock
        access = open_journal(config.logging.access)
        self._access = access
        self._events = Journal(2)
        self.log = Log(self._events, clock, config.logging.level, config.logging.format)
        stats = Stats(known_models(config))
        self._pepper = load_pepper(Path(config.state.dir))
        self._health = Health(
            version=__version__, clock=clock, stats=stats, providers=provider_types(config), state_dir=Path(config.state.dir)
        )
        observe = Observe(clock, stats, access, config.logging.format)
        responses, owners = MemoryStore(clock.monotonic), MemoryOwners(clock.monotonic)
        self._defences = Defences(clock, self.log, random.random, observe, self._report)
        self._shared = Shared(clock, stats, self._health, observe, self.log, self._report, responses, owners, self._defences)
        self._shedding = Shedding(clock.monotonic, log=self.log)
        self._loads = Loads(clock, self.log)
        self._health.load = self._loads.of
        self._health.wellness = self._defences.checks.wellness
        self._managed = Managed(self._reload_soon, lambda child, what: self.log("warning", "child", child=child, what=what))
        self._clients = Clients({})
        self._authorizers = Authorizers(clock, self.log)
        self._server: Server | None = None
        self._admin: Server | None = None
        self._app: App | None = None
        self._admin_app: App | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._again = False
        self._files: Watch | None = None
        self._over = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()

    async def start(self) -> Running:
        """Listen. Raises NotServable, OSError (address in use, certificates)."""
        config = self._config
        urls = await self._managed.urls(config)
        snapshot = self._compile(config, urls)
        self._authorizers = snapshot.authorizers
        self._clients = self._clients.beside(config, self._environ)
        world = build_world(snapshot, self._clients.by_name, self._shared)
        self._shedding.configure(config.resilience.shedding)
        self._shedding.start()
        self._app = App(world, Ids(self._clock.now), self._clock, self._shedding)
        self._server = self._make_server(self._app, config)
        await self._server.start(config.server.host, config.server.port, reuse_port=config.server.reuse_port)
        if config.server.admin:
            self._admin_app = App(admin_world(world, snapshot, self._shared), Ids(self._clock.now), self._clock)
            self._admin = self._make_server(self._admin_app, config)
            await self._admin.start(config.server.admin.host, config.server.admin.port)
        self._authorizers.start()  # in the background: who has no credentials yet is ready all the same
        self._loads.watch(watched(snapshot), self._clients.by_name)
        self._defences.watch(snapshot, self._clients.by_name)
        self._health.started = True
        self._watch(config)
        # What is alive now stays alive: keep the collector from walking it for every request (performance.md: nil to 13 %).
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        return Running(self._server.port, self._admin.port if self._admin else None, dict(self._managed.missing))

    def _compile(self, config: Config, urls: Mapping[str, str]) -> Snapshot:
        return compile_snapshot(
            config,
            pepper=self._pepper,
            environ=self._environ,
            managed=urls,
            missing=self._managed.missing,
            authorizers=self._authorizers,
            standings=self._defences.standings,
        )

    def _make_server(self, app: App, config: Config) -> Server:
        server = config.server
        limits = ServerLimits(
            head_bytes=server.limits.head,
            header_count=server.limits.headers,
            url_bytes=server.limits.url,
            body_bytes=server.limits.body,
            upload_bytes=server.limits.upload,
            uploads=UPLOADS,
            head_timeout=float(server.timeouts.head),
            body_timeout=float(server.timeouts.body),
            idle_timeout=float(server.timeouts.idle),
            write_timeout=float(server.timeouts.write),
            connections=server.limits.connections,
            buffered_bytes=most_held(server.limits.buffered, config.resilience.shedding.memory),
        )
        tls = server.tls
        files = TlsFiles(tls.cert, tls.key, tls.client_ca, tls.client_auth, tls.minimum) if tls else None
        return Server(app, limits, on_error=self._engine_error, tls=files, render_refusal=refusal_renderer(app))

    def _watch(self, config: Config) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._over.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_soon)
        if config.sources:
            self._files = Watch(config.sources, self._reload_soon)
            self._background.add(loop.create_task(self._files.run()))
        if config.server.tls:
            self._background.add(loop.create_task(self._watch_certificates(config)))

    async def _watch_certificates(self, config: Config) -> None:
        tls = config.server.tls
        assert tls is not None  # noqa: S101 - the caller looked
        files = tuple(filter(None, (tls.cert, tls.key, tls.client_ca)))

        def changed() -> None:
            for server in (self._server, self._admin):
                if server is not None:
                    try:
                        server.reload_tls()
                    except (OSError, ValueError) as error:
                        self.log("error", "tls_reload_failed", why=str(error))
                    else:
                        self.log("info", "tls_reloaded")

        await Watch(files, changed).run()

    def _reload_soon(self) -> None:
        """One reload at a time; another wish while one runs is kept."""
        if self._reloading is not None:
            self._again = True
            return
        self._reloading = asyncio.get_running_loop().create_task(self._reload())
        self._reloading.add_done_callback(self._reloaded)

    def _reloaded(self, task: asyncio.Task[None]) -> None:
        self._reloading = None
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._engine_error(bug)
        if self._again:
            self._again = False
            self._reload_soon()

    async def _reload(self) -> None:
        """Build the new world beside the old one; swap it in one assignment. Whatever fails leaves the old one serving."""
        try:
            config = self._load()
            urls = await self._managed.urls(config)
            snapshot = self._compile(config, urls)
            clients = self._clients.beside(config, self._environ)
        except (ConfigErrors, NotServable, OSError) as error:
            self.log("error", "reload_refused", why=str(error))
            return
        kept = restart_needed(self._config, config)
        world = build_world(snapshot, clients.by_name, self._shared)
        assert self._app is not None  # noqa: S101 - started
        self._app.world = world
        self._health.providers = provider_types(config)
        self._shedding.configure(config.resilience.shedding)
        if self._admin_app is not None:
            self._admin_app.world = admin_world(world, snapshot, self._shared)
        old, self._clients, self._config = self._clients, clients, config
        signing, self._authorizers = self._authorizers, snapshot.authorizers
        self._authorizers.start()
        self._loads.watch(watched(snapshot), clients.by_name)
        self._defences.watch(snapshot, clients.by_name)
        if self._files is not None:
            self._files.paths = config.sources  # it may name other files now
        self.log("info", "reloaded", digest=config.digest, restart_needed=kept)
        task = asyncio.get_running_loop().create_task(self._retire(old, signing))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _retire(self, old: Clients, signing: Authorizers) -> None:
        """End what only the world before needed, when its requests had the time that a drain would give them."""
        try:
            await old.retire(keeping=self._clients)
            await asyncio.sleep(float(self._config.server.drain))
            await self._managed.trim(self._config)
        finally:  # the gateway may end sooner
            await signing.retire(keeping=self._authorizers)

    async def abandon(self) -> None:
        """Undo a start that failed."""
        for server in (self._server, self._admin):
            if server is not None:
                await server.drain(0)
        self._shedding.close()
        await self._managed.stop()
        await self._loads.close()
        await self._defences.close()
        await self._authorizers.close()
        await self._clients.close()
        for journal in (self._access, self._events):
            if journal is not None:
                journal.close()

    async def run(self) -> None:
        """Serve until a signal, then drain and end."""
        await self._over.wait()
        await self.stop()

    async def stop(self) -> None:
        """Readiness fails first, then requests finish within the grace time, then everything ends."""
        self._health.draining = True
        self.log("info", "draining")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, lambda: None)
        servers = [server for server in (self._server, self._admin) if server is not None]
        await asyncio.gather(*(server.drain(float(self._config.server.drain)) for server in servers))
        self._again = False
        ending = [*self._background, *filter(None, (self._reloading,))]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._shedding.close()
        await self._loads.close()
        await self._defences.close()
        await self._authorizers.close()
        await self._clients.close()
        await self._managed.stop()
        self._shared.observe.flush()
        if self._access is not None:
            self._access.close()
            if self._access.dropped:
                self.log("error", "access_lines_lost", lines=self._access.dropped)
        self.log("info", "ended")
        self._events.close()

    def _report(self, ex: Exchange, bug: Exception) -> None:
        self.log("error", "bug", request_id=ex.id, error=type(bug).__name__, at=where(bug))

    def _engine_error(self, error: BaseException) -> None:
        self.log("error", "bug", error=type(error).__name__, at=where(error))


def known_models(config: Config) -> list[tuple[str, str]]:
    """The (provider, model) pairs that the configuration names."""
    return [(made.provider, made.name) for alias in config.models.values() for made in alias.deployments]


def provider_types(config: Config) -> dict[str, str]:
    """Name -> type of the providers that are served."""
    return {name: provider.type for name, provider in config.providers.items() if provider.enabled}


def watched(snapshot: Snapshot) -> dict[str, Watched]:
    """The providers whose load the configuration wants to be read."""
    every = {name: provider.options.load_every for name, provider in snapshot.config.providers.items()}
    return {name: Watched(made, float(wait)) for name, made in snapshot.upstreams.items() if (wait := every[name]) is not None}


def where(error: BaseException) -> list[str]:
    """file:line of each frame. Not the message: it could hold what a caller sent."""
    frames: list[str] = []
    trace = error.__traceback__
    while trace is not None and len(frames) < 32:
        frames.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return frames


def restart_needed(old: Config, new: Config) -> list[str]:
    """The keys whose change takes effect with the next start only (requirements H2)."""
    live = {
        "cors": old.server.cors,
        "keepalive": old.server.keepalive,
        "drain": old.server.drain,
        "realtime": old.server.realtime,
    }
    pairs = {
        "server": (old.server, replace(new.server, **live)),
        "logging": (old.logging, new.logging),
        "state": (old.state, new.state),
    }
    return [name for name, (before, after) in pairs.items() if before != after]
