"""Other people's programs, as processes of this one: found, started on the loopback interface, waited for, ended by their id."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

START_SECONDS = 60.0
END_SECONDS = 45.0
"""The gateway drains first."""


class Missing(Exception):
    """A program is not there."""


class Failed(Exception):
    """A program did not start, or ended by itself."""


class Needed(NamedTuple):
    """A program, where Debian has it, and whether the stack works without it."""

    name: str
    package: str
    optional: str = ""
    """What is missing without it."""


PROGRAMS = (
    Needed("redis-server", "redis-server"),
    Needed("initdb", "postgresql"),
    Needed("pg_ctl", "postgresql"),
    Needed("prometheus", "prometheus"),
    Needed("prometheus-redis-exporter", "prometheus-redis-exporter", "panels of Redis as it sees itself stay empty"),
)


def find(name: str) -> str | None:
    """In PATH, or where Debian puts PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or (str(found[0]) if found else None)


def found() -> dict[str, str]:
    """All of them, by name. Raises Missing, with everything that is to be installed."""
    there = {one.name: path for one in PROGRAMS if (path := find(one.name)) is not None}
    away = [one for one in PROGRAMS if one.name not in there and not one.optional]
    if away:
        lines = [f"{one.name} is not installed; Debian has it in {one.package}" for one in away]
        packages = " ".join(dict.fromkeys(one.package for one in away))
        raise Missing("\n".join([*lines, f"apt-get install --no-install-recommends {packages}"]))
    return there


def free_port() -> int:
    """A port of the loopback interface that nobody had a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """One process, in a session of its own: a Ctrl-C at the terminal is not for it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environ: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        end_with: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._end_with = end_with
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environ or {})},
                start_new_session=True,
            )
        if stdin:
            assert self._process.stdin is not None
            with self._process.stdin as inside:
                inside.write(stdin)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended; None: it runs."""
        return self._process.poll()

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Raises Failed if it ends before, or takes too long."""
        end = time.monotonic() + START_SECONDS
        while not ready():
            if self.status is not None or time.monotonic() > end:
                what = "did not start" if self.status is None else f"ended with {self.status}"
                raise Failed(f"{self.name} {what}. {self.log} ends with:\n{tail(self.log)}")
            time.sleep(0.1)

    def end(self) -> None:
        """Ask it to leave; kill it if it does not."""
        if self.status is None:
            self._process.send_signal(self._end_with)
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Postgres:
    """A PostgreSQL server that asks for a password. It does not run as root: then its files belong to the user `postgres`, and
    are below /tmp if that user cannot reach `folder`.
    """

    name = "postgres"
    status = None

    def __init__(self, programs: Mapping[str, str], folder: Path, password: str) -> None:
        self.port = free_port()
        self.password = password
        self._pg_ctl = programs["pg_ctl"]
        self._as: list[str] = []
        self.folder = folder
        if os.geteuid() == 0:
            self._as = ["runuser", "-u", "postgres", "--"]
            if subprocess.run([*self._as, "test", "-x", str(folder.parent)], check=False).returncode:
                self.folder = Path(tempfile.mkdtemp(prefix="gw-stack-pg-", dir=tempfile.gettempdir()))
        self.folder.mkdir(exist_ok=True)
        passwords = self.folder / "password"
        passwords.write_text(password)
        if self._as:
            user = pwd.getpwnam("postgres")
            for path in (self.folder, passwords):
                os.chown(path, user.pw_uid, user.pw_gid)
        data = ["-D", f"{self.folder}/data"]
        self._run(programs["initdb"], *data, "-U", "gateway", "-A", "scram-sha-256", f"--pwfile={passwords}", "-E", "UTF8", "-N")
        passwords.unlink()
        settings = f"-p {self.port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40"
        self._run(self._pg_ctl, *data, "-l", f"{self.folder}/log", "-w", "-o", settings, "start")
        self.pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])

    def _run(self, *command: str) -> None:
        done = subprocess.run([*self._as, *command], capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode:
            raise Failed(f"{Path(command[0]).name}: {done.stdout}{done.stderr}")

    @property
    def url(self) -> str:
        return f"postgresql://gateway:{self.password}@127.0.0.1:{self.port}/postgres"

    def end(self) -> None:
        """Fast: whoever is connected is cut."""
        self._run(self._pg_ctl, "-D", f"{self.folder}/data", "-m", "fast", "-w", "stop")
        if self.folder.parent == Path(tempfile.gettempdir()):
            shutil.rmtree(self.folder, ignore_errors=True)


def alive(pid: int) -> bool:
    """Whether there is such a process. One that has ended and was not yet asked for its status is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def listens(port: int) -> Callable[[], bool]:
    """Whether somebody takes connections there."""

    def ready() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    return ready


def redis(programs: Mapping[str, str], folder: Path, password: str) -> tuple[Process, int]:
    """A Redis server that asks for a password, which comes over a pipe: nobody sees it in the list of processes."""
    port = free_port()
    settings = f'port {port}\nbind 127.0.0.1\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\nmaxmemory 256mb\nrdbcompression no\n'
    process = Process("redis", [programs["redis-server"], "-"], folder / "redis.log", stdin=settings.encode())
    process.wait_for(listens(port))
    return process, port


def redis_exporter(programs: Mapping[str, str], folder: Path, redis_port: int, password: str) -> tuple[Process, int] | None:
    """Redis does not speak Prometheus' language; None: the program is not there."""
    if "prometheus-redis-exporter" not in programs:
        return None
    port = free_port()
    process = Process(
        "redis exporter",
        [programs["prometheus-redis-exporter"], "-web.listen-address", f"127.0.0.1:{port}"],
        folder / "redis-exporter.log",
        {"REDIS_ADDR": f"redis://127.0.0.1:{redis_port}", "REDIS_PASSWORD": password},
    )
    process.wait_for(listens(port))
    return process, port


def prometheus(programs: Mapping[str, str], folder: Path, settings: Path, port: int) -> Process:
    """It keeps what it scrapes below `folder`."""
    process = Process(
        "prometheus",
        [
            programs["prometheus"],
            f"--config.file={settings}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--storage.tsdb.retention.time=1d",
            "--log.level=warn",
        ],
        folder / "prometheus.log",
    )
    process.wait_for(listens(port))
    return process


def tail(file: Path, characters: int = 2000) -> str:
    """What a log ends with."""
    return file.read_bytes()[-characters:].decode(errors="replace").strip()
