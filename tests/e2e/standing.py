"""The stack of scripts/stack.py, started as a user would, and everything that can be read of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg

from fakes.collector import Seen, read
from servers import binary

ROOT = Path(__file__).resolve().parents[2]


class Standing:
    """What `told` it wrote into stack.json."""

    def __init__(self, folder: Path, told: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.told = told
        self.process = process
        self.secrets: dict[str, str] = told["secrets"]

    def query(self, query: str) -> list[Any]:
        """What Prometheus answers. Raises httpx.HTTPStatusError for what it does not understand."""
        answer = httpx.get(f"{self.told['prometheus']}/api/v1/query", params={"query": query}, timeout=30)
        answer.raise_for_status()
        return list(answer.json()["data"]["result"])

    def ask(self, model: str, **headers: str) -> httpx.Response:
        """A chat completion."""
        document = {"model": model, "messages": [{"role": "user", "content": f"[tokens=5] {self.secrets['PROMPT']}"}]}
        headers = {"Authorization": f"Bearer {self.secrets['APP_KEY']}", **headers}
        return httpx.post(f"{self.told['gateway']}/v1/chat/completions", json=document, headers=headers, timeout=30)

    def spans(self) -> list[Seen]:
        """What the collector has."""
        return [span for file in sorted((self.folder / "traces").glob("*.otlp")) for span in read(file.read_bytes())]

    def outputs(self) -> Iterator[tuple[str, bytes]]:
        """Every byte that came out of it, by where it stands: files, answers of the admin API, metrics, PostgreSQL, Redis."""
        for file in sorted(self.folder.rglob("*")):
            with contextlib.suppress(FileNotFoundError):  # PostgreSQL and Prometheus remove some
                if file.is_file() and file.name != "stack.json":
                    yield str(file.relative_to(self.folder)), file.read_bytes()
        yield from self._answers()
        labels = httpx.get(f"{self.told['prometheus']}/api/v1/series", params={"match[]": '{__name__=~".+"}'}, timeout=30)
        yield "series in Prometheus", labels.content
        yield "PostgreSQL", self._rows()
        yield "Redis", b"\n".join(self._redis())

    def _answers(self) -> Iterator[tuple[str, bytes]]:
        for path in ("/health", "/health/providers", "/health/live", "/health/ready", "/nothing"):
            yield path, httpx.get(self.told["gateway"] + path, timeout=30).content
        for path in ("/metrics", "/openapi.json"):
            yield path, httpx.get(self.told["admin"] + path, timeout=30).content
        headers = {"Authorization": f"Bearer {self.secrets['ADMIN_KEY']}"}
        for path in sorted(self.operations()):
            yield path, httpx.get(self.told["admin"] + path, headers=headers, timeout=30).content
        wrong = {"Authorization": f"Bearer {self.secrets['APP_KEY'][:-1]}"}
        yield "401", httpx.get(f"{self.told['gateway']}/v1/models", headers=wrong, timeout=30).content
        yield "403", httpx.get(f"{self.told['admin']}/admin/v1/keys", headers=wrong, timeout=30).content

    def operations(self) -> set[str]:
        """What can be looked at in the admin API without naming something."""
        headers = {"Authorization": f"Bearer {self.secrets['ADMIN_KEY']}"}
        document = httpx.get(f"{self.told['admin']}/openapi.json", headers=headers, timeout=30)
        document.raise_for_status()
        return {path for path, kinds in document.json()["paths"].items() if "get" in kinds and "{" not in path}

    def _rows(self) -> bytes:
        """Every row of every table."""
        password, port = self.secrets["POSTGRES_PASSWORD"], self.told["postgres"]
        found = []
        with psycopg.connect(f"postgresql://gateway:{password}@127.0.0.1:{port}/postgres") as database:
            tables = database.execute(
                "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            for (table,) in tables:
                query = f"COPY (SELECT * FROM {table}) TO STDOUT"  # noqa: S608 - PostgreSQL has quoted the name itself
                with database.cursor().copy(query) as rows:
                    found += [table.encode(), *map(bytes, rows)]
        return b"\n".join(found)

    def _redis(self) -> Iterator[bytes]:
        """Names and values."""
        address = self.told["redis"]
        command = [binary("redis-cli"), "-p", str(address), "--no-auth-warning"]
        environ = {**os.environ, "REDISCLI_AUTH": self.secrets["REDIS_PASSWORD"]}
        names = subprocess.run([*command, "--scan"], capture_output=True, check=True, env=environ, timeout=30).stdout
        yield names
        for name in names.splitlines():
            dumped = subprocess.run([*command, "DUMP", name.decode()], capture_output=True, check=True, env=environ, timeout=30)
            yield dumped.stdout


@contextlib.contextmanager
def standing(folder: Path, *options: str) -> Iterator[Standing]:
    """Start it, and end it as Ctrl-C does: it must leave with 0, and nothing of it may stay."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "stack.py"), "--folder", str(folder), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    told: dict[str, Any] = {}
    try:
        file = folder / "stack.json"
        end = time.monotonic() + 180
        while not told.get("ready"):
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < end, "the stack did not start"
            time.sleep(0.2)
            with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
                told = msgspec.json.decode(file.read_bytes())
        yield Standing(folder, told, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(120)
        said = process.stderr.read().decode()
        process.stderr.close()
    assert said == "", said
    eventually(lambda: not any(map(_alive, told["pids"].values())), 30, f"something still runs of {told['pids']}")


def _alive(pid: int) -> bool:
    """Whether it runs; one that has ended and was not yet asked for its status does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def eventually(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """What it gives as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(1)
    return found
