"""`server`: where the gateway listens, and what it takes from a client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from llm_gateway.config.schema.access import Access
from llm_gateway.config.schema.base import Fault, Port, Section, Text, about
from llm_gateway.config.values import Duration, Size, Workers

ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@,*A-Z]+")
"""What a browser sends as Origin: a scheme and a host, and nothing behind them."""


class Admin(Section, frozen=True):
    """The control process's listener: health, circuit breakers and the admin API; no model operations."""

    host: Annotated[Text, about("Its address; anything but loopback needs a key of kind admin.")] = "127.0.0.1"
    port: Annotated[Port, about("Its port; 0 takes a free one.")] = 9090
    access: Annotated[
        Access | None,
        about("From where requests are taken here, health and metrics among them; absent: as server.access says."),
    ] = None
    allowed_hosts: Annotated[
        tuple[Text, ...] | None,
        about(
            "Names that requests may be sent to here (Host), beside that of auth.admin.url; an address, or localhost, always is."
            " Absent: as server.allowed_hosts says."
        ),
    ] = None


class Limits(Section, frozen=True):
    """How much one client, and all of them together, may send."""

    body: Annotated[Size, about("Largest request body; a larger one is answered 413.", positive=True)] = Size(10 << 20)
    upload: Annotated[
        Size, about("Largest body, JSON not, where files are sent: images, audio, /v1/files, /passthrough/ (413).", positive=True)
    ] = Size(100 << 20)
    head: Annotated[Size, about("Largest request line and headers together (431).", positive=True)] = Size(32 << 10)
    headers: Annotated[int, about("Most header lines of a request (431).", ge=1, le=10_000)] = 100
    url: Annotated[Size, about("Longest request target (414).", positive=True)] = Size(8 << 10)
    connections: Annotated[int, about("Most client connections open at once (503).", ge=1, le=1_000_000)] = 10_000
    buffered: Annotated[
        Size,
        about(
            "Most bytes of request bodies held at once by a worker (503); never more than half of resilience.shedding.memory,"
            " or of the cgroup's limit.",
            positive=True,
        ),
    ] = Size(256 << 20)

    def check(self) -> Iterator[Fault]:
        if self.buffered < self.body:
            yield "buffered", f"must be at least limits.body ({self.body})"
        if self.buffered < self.upload:
            yield "buffered", f"must be at least limits.upload ({self.upload})"
        if self.head < self.url:
            yield "head", f"must be at least limits.url ({self.url})"


class ServerTimeouts(Section, frozen=True):
    """How long a client may take."""

    head: Annotated[Duration, about("From the first byte of a request to the end of its headers.", positive=True)] = Duration(10)
    body: Annotated[Duration, about("For the whole request body.", positive=True)] = Duration(30)
    idle: Annotated[Duration, about("A connection without a request is closed after this long.", positive=True)] = Duration(75)
    write: Annotated[Duration, about("A client that reads nothing for this long is cut.", positive=True)] = Duration(30)


class ServerTls(Section, frozen=True):
    """HTTPS. The files are read again when they change; running connections go on."""

    cert: Annotated[Text, about("PEM file with the certificate and its chain.")]
    key: Annotated[Text, about("PEM file with the private key.")]
    client_ca: Annotated[Text | None, about("PEM file with the authorities that client certificates are checked against.")] = None
    client_auth: Annotated[Literal["none", "optional", "required"], about("Whether clients are asked for a certificate.")] = (
        "none"
    )
    minimum: Annotated[Literal["1.2", "1.3"], about("Oldest TLS version spoken.")] = "1.2"

    def check(self) -> Iterator[Fault]:
        if self.client_auth != "none" and self.client_ca is None:
            yield "client_auth", f"{self.client_auth} needs client_ca"
        if self.client_auth == "none" and self.client_ca is not None:
            yield "client_ca", "has no effect while client_auth is none"


class Cors(Section, frozen=True):
    """Which web pages may call the gateway from a browser (Fetch standard, CORS protocol)."""

    origins: Annotated[
        tuple[Text, ...] | None,
        about('Origins that may call, such as https://app.example.com, or "*". Absent: all where a key is required, else none.'),
    ] = None
    methods: Annotated[tuple[Text, ...], about("Methods they may use.")] = ("GET", "HEAD", "POST", "OPTIONS")
    headers: Annotated[tuple[Text, ...], about('Request headers they may send; "*": all that they ask for.')] = ("*",)
    expose: Annotated[
        tuple[Text, ...], about('Response headers that their scripts may read; "*": all that the gateway gives.')
    ] = ("*",)
    max_age: Annotated[Duration, about("How long a browser may remember a preflight answer.")] = Duration(600)
    credentials: Annotated[bool, about("Whether browsers may send cookies and client certificates.")] = False

    def check(self) -> Iterator[Fault]:
        if self.credentials and "*" in (self.origins or ("*",)):
            yield "origins", '"*" is not allowed together with credentials: true; name the origins'
        for index, origin in enumerate(self.origins or ()):
            if origin != "*" and not ORIGIN.fullmatch(origin):
                yield "origins", f'entry {index} must be a lower-case scheme://host[:port] without a path, or "*"'


class Realtime(Section, frozen=True):
    """WebSocket sessions at /v1/realtime, relayed to providers that have a realtime API."""

    enabled: Annotated[bool, about("Whether there is such a path.")] = True
    sessions: Annotated[int, about("Most sessions at once; one more is answered 503.", ge=1, le=100_000)] = 1000
    message: Annotated[
        Size, about("Largest message, either way; a larger one ends the session (close code 1009).", positive=True)
    ] = Size(16 << 20)
    buffered: Annotated[
        Size, about("Most bytes of unfinished messages held at once by a worker, all sessions together.", positive=True)
    ] = Size(128 << 20)
    idle: Annotated[Duration, about("A session without any message is ended after this long.", positive=True)] = Duration(900)
    total: Annotated[Duration, about("Longest session.", positive=True)] = Duration(7200)
    ping: Annotated[
        Duration, about("A side that was silent for this long is pinged, and given up after as long again.", positive=True)
    ] = Duration(20)

    def check(self) -> Iterator[Fault]:
        if self.buffered < self.message:
            yield "buffered", f"must be at least realtime.message ({self.message})"


class Server(Section, frozen=True):
    """Where the gateway listens."""

    host: Annotated[Text, about("Address to listen on; anything but loopback needs auth.keys.")] = "127.0.0.1"
    port: Annotated[Port, about("Port to listen on; 0 takes a free one.")] = 8080
    workers: Annotated[
        Workers, about("Worker processes; auto: one for each processor that the gateway may use, of a container by its share.")
    ] = Workers(1)
    admin: Annotated[Admin | None, about("The listener for operators; false: none.")] = Admin()
    expose_admin: Annotated[bool, about("Whether /admin and /metrics are served on the main port too.")] = False
    limits: Annotated[Limits, about("Caps on what clients send.")] = Limits()
    timeouts: Annotated[ServerTimeouts, about("Deadlines for what clients send and read.")] = ServerTimeouts()
    drain: Annotated[Duration, about("On SIGTERM: how long running requests may take to finish.")] = Duration(30)
    drain_delay: Annotated[
        Duration,
        about(
            "On SIGTERM, before that: how long /health/ready answers 503 while requests are still taken, so that load balancers"
            " stop sending any. A little more than their health checks need to notice."
        ),
    ] = Duration(0)
    keepalive: Annotated[
        Duration, about("A comment line is sent to a waiting stream this often, so that proxies keep it open; 0: never.")
    ] = Duration(15)
    tls: Annotated[ServerTls | None, about("HTTPS; absent: plain HTTP.")] = None
    access: Annotated[Access, about("From where requests are taken, and which proxies are believed.")] = Access()
    allowed_hosts: Annotated[
        tuple[Text, ...] | None,
        about("Names that requests may be sent to (Host), such as api.example.com or *.example.com; absent: any."),
    ] = None
    cors: Annotated[Cors, about("Calls from web pages.")] = Cors()
    realtime: Annotated[Realtime, about("WebSocket sessions.")] = Realtime()
    reuse_port: Annotated[bool, about("SO_REUSEPORT: several processes may listen on the same port.")] = False

    def check(self) -> Iterator[Fault]:
        if self.admin and self.admin.port and (self.admin.host, self.admin.port) == (self.host, self.port):
            yield "admin", "must not have the address of the main listener"
