"""Real servers for tests: the machine's own binaries, on free ports in a temporary folder, one of each per test process."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def free_port() -> int:
    """A port of the loopback interface that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binary(name: str, *patterns: str) -> str:
    """Path of a program: in PATH, or the last of those that match. Skips the test where there is none, or
    fails it where SERVERS=required, as in CI."""
    found = shutil.which(name) or next(
        (str(path) for pattern in patterns for path in sorted(Path("/").glob(pattern), reverse=True)), None
    )
    if found is None and os.environ.get("SERVERS") == "required":
        pytest.fail(f"{name} is not installed, and SERVERS=required")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


class Postgres:
    """A PostgreSQL server of this test process. It can be stopped and started again."""

    def __init__(self) -> None:
        self._pg_ctl = binary("pg_ctl", "usr/lib/postgresql/*/bin/pg_ctl")
        initdb = binary("initdb", "usr/lib/postgresql/*/bin/initdb")
        self.folder = Path(tempfile.mkdtemp(prefix="gw-pg-", dir="/tmp"))
        self.port = free_port()
        self._as: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            try:
                user = pwd.getpwnam("postgres")
            except KeyError:
                pytest.skip("running as root, and there is no user postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as = [binary("runuser"), "-u", "postgres", "--"]
        self._run(initdb, "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.start()

    def _run(self, *command: str) -> None:
        done = subprocess.run([*self._as, *command], capture_output=True, text=True, timeout=50, check=False, cwd=self.folder)
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")

    def start(self) -> None:
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=60"
        self._run(self._pg_ctl, "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-w", "-o", settings, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._run(self._pg_ctl, "-D", f"{self.folder}/data", "-m", mode, "-w", "stop")

    def url(self, database: str = "postgres") -> str:
        """Over the Unix socket."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def tcp_url(self, database: str = "postgres") -> str:
        """Over the loopback interface."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def end(self) -> None:
        with contextlib.suppress(RuntimeError):  # a test may have stopped it
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def postgres_server() -> Postgres:
    """The one server, started when it is first asked for and ended with the process."""
    server = Postgres()
    atexit.register(server.end)
    return server


@pytest.fixture(scope="session")
def postgres() -> Postgres:
    """A running PostgreSQL server; skipped where there is none. A test that stops it starts it again."""
    return postgres_server()


class RedisServer:
    """A Redis server of this test process, which keeps nothing on disk. Tests may stop, pause and start it: on the same port."""

    def __init__(self) -> None:
        self._program = binary("redis-server")
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="gw-redis-", dir="/tmp"))
        self.socket = self._folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Over the loopback interface."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *options: str, kept: bool = False) -> None:
        """Start it, if it does not run: empty, but for what was saved if that shall be `kept`."""
        if self._process is not None:
            return
        if not kept:
            (self._folder / "dump.rdb").unlink(missing_ok=True)
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket)]
        command += [
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(self._folder),
            "--daemonize",
            "no",
            "--loglevel",
            "warning",
            *options,
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                self.command("PING")
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        """End it at once, as a crash does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def pause(self) -> None:
        """It hangs: connections are accepted by the system, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """After `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: object) -> object:
        """One command's reply, on a connection of its own."""
        import hiredis

        reader = hiredis.Reader()
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as wire:
            wire.sendall(
                hiredis.pack_command(tuple(word if isinstance(word, str | bytes | int | float) else str(word) for word in words))
            )
            while (reply := reader.gets()) is False:
                data = wire.recv(65536)
                if not data:
                    raise ConnectionError("redis-server closed the connection")
                reader.feed(data)
        return reply

    def end(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@functools.cache
def _redis_server() -> RedisServer:
    server = RedisServer()
    atexit.register(server.end)
    return server


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running, empty Redis server, the same one for a test process; skipped where there is none."""
    server = _redis_server()
    server.start()
    server.go_on()
    server.command("FLUSHALL")
    server.command("SCRIPT", "FLUSH")
    yield server
    server.start()
    server.go_on()
