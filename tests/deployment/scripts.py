"""Runs the operators' scripts, with programs of the test in their PATH."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parents[2] / "deployment" / "scripts"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")


def run(
    script: str, *arguments: str, path: Path | None = None, seconds: float = 60, **environ: str
) -> subprocess.CompletedProcess[str]:
    """One script, with nothing of this process's environment but where programs are. `path` goes before it."""
    clean = {name: os.environ[name] for name in _KEPT if name in os.environ}
    clean["PATH"] = f"{Path(sys.executable).parent}:{clean['PATH']}"
    if path is not None:
        clean["PATH"] = f"{path}:{clean['PATH']}"
    return subprocess.run(
        [str(SCRIPTS / script), *arguments],
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


class Answering:
    """Something that is no gateway, or a broken one: one answer for each path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.delay = threading.Event()
        self.delay_seconds = 0.0
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}

    def of(self, path: str) -> tuple[int, bytes]:
        return self.answers.get(path, (404, b"nothing here"))


@contextmanager
def answering(answers: dict[str, tuple[int, bytes]]) -> Iterator[tuple[Answering, str]]:
    """Its URL, too."""
    made = Answering()
    made.answers = answers

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.asked.append(f"{self.command} {self.path}")
            if made.delay_seconds:
                made.delay.wait(made.delay_seconds)
            status, body = made.of(self.path)
            self.send_response(status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def do_OPTIONS(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made, f"http://127.0.0.1:{server.server_port}"
    finally:
        made.delay.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
