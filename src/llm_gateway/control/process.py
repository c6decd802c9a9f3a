"""The control process: from the supervisor's first word to the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from llm_gateway._version import __version__
from llm_gateway.channel.hub import Hub, Worker
from llm_gateway.channel.large import QUESTIONS
from llm_gateway.channel.messages import Accepted, Boot, Serving, Unfit, Web, plain, read
from llm_gateway.channel.peer import Handlers, Peer, Refused
from llm_gateway.channel.snapshot import Managed, Signer, Unusable
from llm_gateway.config.document import Unpackable, pack, unpack
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.interpolate import Resolve
from llm_gateway.config.load import Loaded, Overlay, load_tree
from llm_gateway.config.schema import Config
from llm_gateway.config.tree import Node
from llm_gateway.config.watch import Watch
from llm_gateway.control.builder import Builder
from llm_gateway.control.configuring.overlay import kept
from llm_gateway.control.metrics_tally import Tally
from llm_gateway.control.statistics import Statistics
from llm_gateway.control.tracing import Exporter
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.heap import settle
from llm_gateway.core.ids import Ids
from llm_gateway.credentials.stores.keeper import Keeper
from llm_gateway.credentials.stores.loading import load_with_secrets
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.edge.health import Health
from llm_gateway.providers.registry import option_names
from llm_gateway.snapshot import NotServable
from llm_gateway.telemetry.journal import Journal, Log, where

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from llm_gateway.control.administration import Administration
    from llm_gateway.control.configuring.circuits import Breakers
    from llm_gateway.control.web import Listener

SOCKET = "control.sock"
"""In the state directory; workers know it by this name."""
ASKED = (*QUESTIONS, "spent", "spent_by_others", "budget_alerts", "once")
"""What workers ask the administration."""
START_SECONDS = 120.0
"""How long the supervisor may take to start what a configuration needs: a local model loads for a while."""


def main(leash: socket.socket, sockets: Sequence[socket.socket], environ: Mapping[str, str]) -> int:
    """Run until told to end; the exit status."""
    work: Coroutine[Any, Any, int] = Process(sockets, environ).live(leash)
    return asyncio.run(work)


class Process:
    """Control, wired."""

    def __init__(self, sockets: Sequence[socket.socket], environ: Mapping[str, str]) -> None:
        self._sockets = sockets
        self._environ = environ
        self._clock = SystemClock()
        self._ids = Ids(self._clock.now)
        self._statistics = Statistics()
        self._tally = Tally(self._clock)
        self._background: set[asyncio.Task[None]] = set()
        self._files = Watch((), self.rebuild)
        self._fresh = False
        self._log: Log | None = None
        self._app: ASGIApp | None = None
        self._administration: Administration | None = None

    async def live(self, leash: socket.socket) -> int:
        """From the first word of the supervisor to the end; the exit status."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        boot: asyncio.Future[Any] = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, over.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # for the supervisor alone
        told: dict[str, Callable[[Peer, Any], None]] = {
            "boot": lambda _peer, body: boot.set_result(body),
            "reload": lambda _peer, fresh: self._reload(fresh=fresh is True),
            "draining": lambda _peer, _body: self._draining(),
        }
        supervisor = await Peer.over(leash, Handlers(told=told, lost=lambda _peer: over.set()))
        ending = asyncio.ensure_future(over.wait())
        await asyncio.wait((ending, boot), return_when=asyncio.FIRST_COMPLETED)
        if not boot.done():
            return 0
        try:
            await self._begin(read(boot.result(), Boot), supervisor)
        except (OSError, Unusable) as error:
            supervisor.tell("unfit", plain(Unfit("os", str(error))))
            supervisor.close()
            return 1
        supervisor.tell("serving", plain(Serving(self._builder.current.number, 0.0)))
        await ending
        await self._end()
        supervisor.close()
        await supervisor.gone.wait()
        return 0

    async def _begin(self, boot: Boot, supervisor: Peer) -> None:
        """Raises OSError, Unusable."""
        from llm_gateway.control.app import application  # noqa: PLC0415 - Starlette and uvicorn: not before workers serve
        from llm_gateway.control.web import Listener  # noqa: PLC0415

        self._boot = boot
        self._supervisor = supervisor
        log = self._open()
        begin = Signer(boot.secrets[0]).open(boot.parcel)
        self._builder = Builder(
            begin,
            boot.secrets,
            Path(boot.state),
            self._environ,
            load=self._load,
            managed=self._managed,
            hub=lambda: self._hub.workers,
            log=log,
            clock=self._clock,
            accepted=self._accepted,
        )
        self._hub = Hub(
            {"web": self._forwarded, **{method: self._asked_administration(method) for method in ASKED}},
            {
                "report": self._statistics.report,
                "metrics": self._tally.told,
                "traces": self._traces.told,
                "has": self._builder.has,
                "refused": self._builder.refused,
                "whole": self._builder.whole,
                **{topic: self._told_administration(topic) for topic in ("security", "uses", "content", "failed")},
            },
            self._bug,
            joined=self._joined,
            left=self._left,
        )
        self._health = Health(
            version=__version__, clock=self._clock, stats=self._statistics, providers={}, state_dir=Path(boot.state)
        )
        self._health.wellness, self._health.load = self._statistics.wellness, self._statistics.load
        self._health.redis = lambda: self._tally.redis_state(self._hub.workers)
        self._health.waiting = lambda: self._builder.waiting
        with contextlib.suppress(NotServable, ConfigErrors, Unpackable):  # an older supervisor's; the files decide
            begun = self._builder.restore()
            self._known(begun)
            self._tally.configure(begun.telemetry.metrics.buckets)
        ops = self._operators(log)
        routes = [*ops.routes(), *self._administrated(unpack(begin.config), ops), *self._measured(ops.admission)]
        config, away, fallback = (lambda: self._builder.config), self._turned_away, ops.of_a_worker
        self._app = application(routes, self._ids, self._bug, fallback=fallback, config=config, turned_away=away)
        self._hub.start(Path(boot.state) / SOCKET)
        self._listener: Listener = Listener(self._app, self._sockets)
        self._listener.start()
        self._files.also(boot.sources)
        self._background.add(asyncio.get_running_loop().create_task(self._files.run()))
        self._keeper.start(self.rebuild)
        self._builder.start()
        if self._administration is not None:
            self._administration.start()
        settle()

    def _measured(self, admission: Any) -> Sequence[BaseRoute]:
        from llm_gateway.control.metrics import Metrics  # noqa: PLC0415 - see above
        from llm_gateway.control.metrics_seen import seen  # noqa: PLC0415 - see above

        metrics = Metrics(self._clock, self._tally, lambda: self._hub.workers, self._builder, admission)
        seen(metrics, self._builder, self._health, self._statistics, self._clock, self._administration)
        metrics.sources.append(self._traces.samples)
        return metrics.routes()

    def _open(self) -> Log:
        """What everything else uses, and the log first of all."""
        self._journal = Journal(2)
        self._log = log = Log(self._journal, self._clock)
        self._keeper = Keeper(self._clock, log)
        instance = f"{socket.gethostname()}-{os.getpid()}"
        self._traces = Exporter(self._clock, log, self._environ, instance, Random())  # noqa: S311 - names of spans
        return log

    def _operators(self, log: Log) -> Any:
        from llm_gateway.control.admission import Admission  # noqa: PLC0415
        from llm_gateway.control.guarding import Guard  # noqa: PLC0415
        from llm_gateway.control.operators import Operators  # noqa: PLC0415

        self._guard = Guard(self._clock, log, lambda: self._hub)
        return Operators(self._hub, self._health, Admission(lambda: self._builder.built, self._clock, guard=self._guard))

    def _administrated(self, tree: Node, operators: Breakers) -> Sequence[BaseRoute]:
        """Raises OSError."""
        from llm_gateway.control.administration import Administration  # noqa: PLC0415 - SQLAlchemy, too
        from llm_gateway.control.configuring.wired import Seen  # noqa: PLC0415 - see above

        assert self._log is not None  # noqa: S101 - begun
        config = self._builder.config
        if config is None:
            self._log("error", "admin_api_off", why="what this process was started with cannot be read: restart the gateway")
            return ()
        secrets = self._boot.secrets
        seen = Seen(self._statistics, self._health, operators)
        made = Administration(
            config,
            secrets,
            self._clock,
            self._ids,
            self._log,
            self._builder,
            lambda: self._hub,
            self._environ,
            load=self._load_with,
            seen=seen,
            guard=self._guard,
        )
        made.accepted(config, tree)
        made.configured.begin(tree)
        self._administration = made
        return made.routes()

    def _told_administration(self, topic: str) -> Callable[[Worker, Any], None]:
        def told(worker: Worker, body: Any) -> None:
            if self._administration is not None:
                self._administration.told[topic](worker, body)

        return told

    def _asked_administration(self, method: str) -> Callable[[Worker, Any], Awaitable[Any]]:
        async def asked(worker: Worker, body: Any) -> Any:
            if self._administration is None:
                raise Refused("starting", "the control process is starting")
            return await self._administration.asked[method](worker, body)

        return asked

    def _draining(self) -> None:
        """The gateway is about to end: whoever asks here for readiness shall know it, too."""
        if self._log is not None:
            self._health.draining = True

    def _reload(self, *, fresh: bool) -> None:
        """`fresh`: an operator asked, who may have changed a secret in its store a moment ago."""
        self._fresh = self._fresh or fresh
        self.rebuild()

    def rebuild(self) -> None:
        """Read everything again, soon."""
        if self._log is not None:  # begun; until then the first build is to come
            self._builder.rebuild()

    async def _load(self) -> Loaded:
        """Raises ConfigErrors."""
        fresh, self._fresh = self._fresh, False
        owner = self._administration
        overlay = kept(self._builder.extra) if owner is None else await owner.configured.overlay()
        loaded = await self._load_with(overlay, fresh=fresh)
        self._files.also(loaded.config.sources)
        return loaded

    async def _load_with(self, overlay: Overlay, *, fresh: bool = False) -> Loaded:
        """With objects of the API beside the file's. `fresh`: ask stores for every secret. Raises ConfigErrors."""
        boot, environ = self._boot, self._environ

        def read(resolve: Resolve) -> Loaded:
            return load_tree(
                boot.path,
                overrides=boot.overrides,
                environ=environ,
                provider_types=option_names(),
                dialects=DIALECTS,
                resolve=resolve,
                overlay=overlay,
            )

        return await load_with_secrets(boot.path, boot.overrides, environ, keeper=self._keeper, read=read, fresh=fresh)

    async def _managed(self, document: bytes) -> Managed:
        """Raises Unanswered."""
        answer = await self._supervisor.ask("managed", plain(Accepted(document)), START_SECONDS)
        return msgspec.convert(answer, Managed)

    def _accepted(self, loaded: Loaded) -> None:
        """A configuration holds from now on."""
        self._known(loaded.config)
        if self._administration is not None:
            self._administration.accepted(loaded.config, loaded.tree)
            self._administration.configured.accepted(loaded)
        self._files.paths = loaded.config.sources  # it may name other files now
        self._supervisor.tell("accepted", plain(Accepted(pack(loaded.tree))))

    def _known(self, config: Config) -> None:
        self._health.providers = {name: provider.type for name, provider in config.providers.items() if provider.enabled}
        self._traces.use(config)
        assert self._log is not None  # noqa: S101 - begun
        self._log.configure(config.logging.level, config.logging.format)

    def _turned_away(self, peer: str, code: str) -> None:
        """Somebody was not let in at the operators' port."""
        if self._administration is not None:
            self._administration.turned_away(peer, code)

    def _joined(self, worker: Worker) -> None:
        assert self._log is not None  # noqa: S101 - begun
        self._log("info", "worker_joined", worker=worker.slot, pid=worker.pid, snapshot=worker.number)
        self._builder.joined(worker)

    def _left(self, worker: Worker) -> None:
        assert self._log is not None  # noqa: S101 - begun
        self._log("info" if worker.leaves else "warning", "worker_left", worker=worker.slot, pid=worker.pid)
        self._statistics.left(worker)
        self._tally.left(worker)

    async def _forwarded(self, _worker: Worker, body: Any) -> Any:
        from llm_gateway.control.web import ask  # noqa: PLC0415

        if self._app is None:
            raise Refused("starting", "the control process is starting")
        return plain(await ask(self._app, read(body, Web)))

    def _bug(self, bug: BaseException) -> None:
        assert self._log is not None  # noqa: S101 - begun
        self._log("error", "bug", error=type(bug).__name__, at=where(bug))

    async def _end(self) -> None:
        await self._builder.close()
        await self._keeper.close()
        await self._listener.close()
        if self._administration is not None:
            await self._administration.close()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._traces.close()
        await self._hub.close()
        assert self._log is not None  # noqa: S101 - begun
        self._log("info", "control_ended")
        self._journal.close()
