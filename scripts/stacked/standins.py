"""What cannot be had on a machine without containers, in a few lines: a collector for traces that keeps what it gets in files, and
the metrics of a vLLM server.
"""

from __future__ import annotations

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEPT = 1000
"""Exports that are kept; the oldest goes."""
LARGEST = 32 << 20
VLLM = b"""# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{model_name="tiny"} 3
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{model_name="tiny"} 1
"""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A caller that hangs up is no news."""


class StandIns:
    """POST /v1/traces is taken as OTLP over HTTP: each export becomes a file NUMBER.otlp, unpacked, in `folder`. GET /metrics and
    GET /health are vLLM's.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lock = threading.Lock()
        numbers = iter(range(1, 1 << 62))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                if self.path != "/v1/traces" or length > LARGEST:
                    self._answer(404, b"")
                    return
                body = self.rfile.read(length)
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                with lock:
                    number = next(numbers)
                    (folder / f"{number:08d}.otlp").write_bytes(body)
                    (folder / f"{number - KEPT:08d}.otlp").unlink(missing_ok=True)
                self._answer(200, b"")

            def do_GET(self) -> None:
                self._answer(200 if self.path in {"/metrics", "/health"} else 404, VLLM)

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/plain" if body else "application/x-protobuf")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
