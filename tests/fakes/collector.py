"""An OpenTelemetry collector for tests: takes OTLP over HTTP in a thread of its own, and does whatever it is told to."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

PROTOBUF = "application/x-protobuf"


class Seen(NamedTuple):
    """A span as it arrived. Ids in hexadecimal, times in Unix nanoseconds."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    start: int
    end: int
    attributes: dict[str, Any]
    status: int
    message: str
    events: tuple[tuple[str, int], ...]
    resource: dict[str, Any]


class Answer(NamedTuple):
    """What it answers. `seconds`: how long it takes for that."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", PROTOBUF),)
    seconds: float = 0.0


class Collector:
    """`answers` are given one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer()]
        self.spans: list[Seen] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path and headers of each, refused ones too."""
        self.bodies: list[bytes] = []
        """Unpacked."""
        self.url = ""
        self.over = threading.Event()
        self._lock = threading.Lock()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """One request."""
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        with self._lock:
            self.requests.append((path, headers))
            self.bodies.append(body)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer.status == 200:
                self.spans += read(body)
        self.over.wait(answer.seconds)
        return answer


def read(body: bytes) -> Iterator[Seen]:
    """The spans of a request."""
    for told in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _plain(told.resource.attributes)
        for scope in told.scope_spans:
            for span in scope.spans:
                yield Seen(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.kind,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    _plain(span.attributes),
                    span.status.code,
                    span.status.message,
                    tuple((event.name, event.time_unix_nano) for event in span.events),
                    resource,
                )


def _plain(pairs: Any) -> dict[str, Any]:
    def value(pair: KeyValue) -> Any:
        return getattr(pair.value, pair.value.WhichOneof("value"))

    return {pair.key: value(pair) for pair in pairs}


def partial(rejected: int) -> Answer:
    """Some spans were not taken."""
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    return Answer(200, response.SerializeToString())


def check_nesting(spans: list[Seen]) -> None:
    """One root whose parent is not among them; every other span lies within its parent; all ids differ."""
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans)
    roots = [span for span in spans if span.parent not in by_id]
    assert [root.name for root in roots] == ["gateway.request"]
    for span in spans:
        assert span.start <= span.end, span
        assert len(span.id) == 16
        assert len(span.trace) == 32
        parent = by_id.get(span.parent)
        if parent is not None:
            assert parent.start <= span.start, (span, parent)
            assert span.end <= parent.end, (span, parent)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A caller that hangs up is no news."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port of this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = collector.take(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            try:
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = _Server(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
