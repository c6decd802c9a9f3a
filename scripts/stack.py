#!/usr/bin/env python3
"""The whole stack on this machine, without containers: `make stack`.

    python scripts/stack.py [--folder build/stack] [--rate 10] [--scrape 5s] [--workers 2] [--for SECONDS]

PostgreSQL, Redis, a simulated provider that fails in several ways, the gateway, Prometheus with the rules of
deployment/monitoring, and a mixed load. All of it listens on the loopback interface only, on ports that are free. What is kept
stands in the folder, which is emptied first: logs, the gateway's state, Prometheus' data. Ctrl-C ends everything.

Grafana and an OpenTelemetry collector cannot be had as Debian packages. In place of the collector stands one that keeps what it
gets as files in FOLDER/traces; what dashboards show can be asked of Prometheus.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from stacked import settings  # noqa: E402 - it stands beside this file
from stacked.programs import (  # noqa: E402
    PROGRAMS,
    Failed,
    Missing,
    Postgres,
    Process,
    alive,
    find,
    found,
    free_port,
    prometheus,
    redis,
    redis_exporter,
)
from stacked.standins import StandIns  # noqa: E402

GATEWAY = [sys.executable, "-m", "llm_gateway"]
TOKENS_PER_SECOND = "150"


class Stack:
    """Everything, in the order in which it is started; it is ended the other way round."""

    def __init__(self, folder: Path, *, rate: float, scrape: str, workers: int) -> None:
        self.folder = folder
        self.secrets = settings.Secrets.new()
        self.running: list[Process | Postgres] = []
        self.told: dict[str, Any] = {"rate": rate, "scrape": scrape}
        self._rate = rate
        self._scrape = scrape
        self._workers = workers
        self._standins: StandIns | None = None

    def start(self) -> None:
        """Raises Missing, Failed."""
        programs = found()
        keys = self.secrets
        self.write()
        postgres = Postgres(programs, self.folder / "postgres", keys.POSTGRES_PASSWORD)
        self._add(postgres)
        redis_process, redis_port = redis(programs, self.folder, keys.REDIS_PASSWORD)
        self._add(redis_process)
        self._standins = StandIns(self.folder / "traces")
        simulator = self._announced("simulator", ["simulate", "-p", "0", "--tokens-per-second", TOKENS_PER_SECOND])["url"]
        said = self._gateway(simulator, redis_port, postgres.port)
        targets = {"llm-gateway": said["admin"].removeprefix("http://"), "prometheus": f"127.0.0.1:{free_port()}"}
        exporter = redis_exporter(programs, self.folder, redis_port, keys.REDIS_PASSWORD)
        if exporter is not None:
            self._add(exporter[0])
            targets["redis"] = f"127.0.0.1:{exporter[1]}"
        config = settings.write_prometheus(self.folder, self._scrape, targets)
        self._add(prometheus(programs, self.folder, config, int(targets["prometheus"].rpartition(":")[2])))
        self._load(said["url"])
        self.told |= {
            "ready": True,
            "gateway": said["url"],
            "admin": said["admin"],
            "prometheus": f"http://{targets['prometheus']}",
            "collector": self._standins.url,
            "simulator": simulator,
            "postgres": postgres.port,
            "redis": redis_port,
            "exporter": exporter is not None,
            "secrets": keys._asdict(),
        }
        self.write()

    def _add(self, one: Process | Postgres) -> None:
        self.running.append(one)
        self.told["pids"] = {one.name: one.pid for one in self.running}
        self.write()

    def _gateway(self, simulator: str, redis_port: int, postgres_port: int) -> dict[str, Any]:
        assert self._standins is not None
        document = settings.gateway(simulator, self._standins.url, redis_port, postgres_port, self._workers)
        document["logging"]["access"] = str(self.folder / "access.log")
        document["state"]["dir"] = str(self.folder / "state")
        file = self.folder / "gateway.yaml"
        file.write_text(json.dumps(document, indent=1))  # JSON is YAML
        return self._announced("gateway", ["serve", "--config", str(file)], self.secrets._asdict())

    def _announced(self, name: str, words: list[str], environ: dict[str, str] | None = None) -> dict[str, Any]:
        """A program of ours, and the document with which it says where it listens."""
        log = self.folder / f"{name}.log"
        process = Process(name, [*GATEWAY, "--json", *words], log, environ)
        self._add(process)
        said: dict[str, Any] = {}

        def ready() -> bool:
            text = log.read_text()
            begin = text.find("{")
            with contextlib.suppress(ValueError):
                while begin >= 0:
                    document, length = json.JSONDecoder().raw_decode(text[begin:])
                    if "url" in document:
                        said.update(document)
                        return True
                    begin = text.find("{", begin + length)
            return False

        process.wait_for(ready)
        return said

    def _load(self, url: str) -> None:
        """One process for each key, which begins at once."""
        scenario = settings.ROOT / "scripts" / "stacked" / "load.yaml"
        for load in settings.loads(self._rate):
            models = [word for name, share in load.models.items() for word in ("-m", f"{name}={share}")]
            stage = ["--rate", f"{load.rate:.3f}", "--duration", "7d", "--prompt", f"[cached=9] {self.secrets.PROMPT}"]
            command = [*GATEWAY, "--json", "bench", "--scenario", str(scenario), "-u", url, *stage, *models]
            environ = {"GATEWAY_API_KEY": getattr(self.secrets, load.key)}
            log = self.folder / f"load-{load.name}.log"
            self._add(Process(f"load {load.name}", command, log, environ, end_with=signal.SIGINT))

    def write(self) -> None:
        """For whoever wants to look: URLs, process ids, keys."""
        file = self.folder / "stack.json"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
            json.dump(self.told, opened, indent=1)

    def look(self) -> None:
        """Raises Failed where a process has ended by itself."""
        for one in self.running:
            if one.status is not None:
                raise Failed(f"{one.name} ended by itself; see its log in {self.folder}")

    def end(self) -> None:
        """All of it, the load first, by process id."""
        while self.running:
            one = self.running.pop()
            with contextlib.suppress(Failed):
                one.end()
        if self._standins is not None:
            self._standins.end()


def emptied(folder: Path) -> Path:
    """A folder with nothing in it. Raises Failed where a stack still runs in it."""
    there = folder / "stack.json"
    if there.exists():
        pids: dict[str, int] = json.loads(there.read_text()).get("pids", {})
        running = {name: pid for name, pid in pids.items() if alive(pid)}
        if running:
            names = ", ".join(f"{name} {pid}" for name, pid in running.items())
            raise Failed(f"A stack still runs in {folder}: {names}. End it with Ctrl-C, or these processes with kill.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Failed(f"{folder} is not empty, and no stack made it.")
    return folder.resolve()


@contextlib.contextmanager
def until_asked() -> Iterator[threading.Event]:
    """An event for Ctrl-C and SIGTERM."""
    over = threading.Event()
    before = {number: signal.signal(number, lambda *_: over.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield over
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def show(stack: Stack) -> None:
    told, keys = stack.told, stack.secrets
    for line in (
        f"gateway      {told['gateway']}      key {keys.APP_KEY}",
        f"admin        {told['admin']}      key {keys.ADMIN_KEY}      /metrics needs none",
        f"prometheus   {told['prometheus']}",
        f"traces       {stack.folder / 'traces'}      OTLP, one file for each export",
        f"logs         {stack.folder}",
        *(f"missing      {one.name} ({one.package}): {one.optional}" for one in PROGRAMS if one.optional and not find(one.name)),
        "Ctrl-C ends everything.",
    ):
        print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=settings.ROOT / "build" / "stack")
    parser.add_argument("--rate", type=float, default=10, help="requests per second of the mixed load")
    parser.add_argument("--scrape", default="5s", help="how often Prometheus looks")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--for", type=float, default=None, dest="seconds", help="end by itself after so many seconds")
    options = parser.parse_args()
    try:
        found()
        stack = Stack(emptied(options.folder), rate=options.rate, scrape=options.scrape, workers=options.workers)
    except (Missing, Failed) as error:
        print(error, file=sys.stderr)
        return 2
    end = time.monotonic() + (options.seconds if options.seconds is not None else float("inf"))
    with until_asked() as over:
        try:
            stack.start()
            show(stack)
            while not over.wait(0.5) and time.monotonic() < end:
                stack.look()
        except (Failed, OSError, subprocess.SubprocessError) as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            stack.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
