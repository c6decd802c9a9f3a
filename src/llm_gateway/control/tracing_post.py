"""One batch of spans to the collector: OTLP over HTTP, once.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response says which failures may be tried again. No redirect is followed.
"""

from __future__ import annotations

from collections.abc import Mapping

from llm_gateway.config.schema import Network, Tracing
from llm_gateway.control.tracing_otlp import PATH, NotOtlp, rejected
from llm_gateway.core.clock import Clock
from llm_gateway.core.retry_after import retry_after
from llm_gateway.core.within import within
from llm_gateway.credentials.outward import client_of, proxies_of
from llm_gateway.http.client import Client, Timeouts, TlsTrust
from llm_gateway.http.errors import ConnectFailed, HttpError, TimedOut, TlsFailed
from llm_gateway.http.headers import header
from llm_gateway.http.origin import Origin

AGAIN = frozenset({429, 502, 503, 504})
"""Statuses after which it may be tried again."""
LONGEST_WAIT = 60.0
"""Seconds that a collector's Retry-After may ask for; more count as this many."""
LARGEST = 64 << 10
"""Bytes of an answer that are read."""


class Refused(Exception):
    """It will never be taken; the message says why."""


class Unavailable(Exception):
    """It may be taken later, after `retry_after` seconds if the collector said so."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = after


class Collector:
    """Where spans go."""

    def __init__(self, settings: Tracing, network: Network, environ: Mapping[str, str], clock: Clock) -> None:
        """Raises OSError and ValueError where its address, its headers, certificates or proxies cannot be used."""
        self._origin, path = Origin.parse(settings.endpoint or "")
        self._target = (path if path.endswith(PATH) else path + PATH).encode("ascii")
        lines = {"Content-Type": "application/x-protobuf", "User-Agent": "llm-gateway"}
        if settings.compression == "gzip":
            lines["Content-Encoding"] = "gzip"
        said = {name: value.reveal() for name, value in settings.headers.items()}
        lines = {name: value for name, value in lines.items() if name.lower() not in {own.lower() for own in said}} | said
        self._lines = b"".join(header(name.encode("ascii"), value.encode("latin-1")) for name, value in lines.items())
        seconds = float(settings.timeout)
        self._seconds = seconds
        self._timeouts = Timeouts(connect=seconds, head=seconds, idle=seconds, total=seconds, pool=seconds)
        self._clock = clock
        if self._origin.scheme == "https":
            self._client = client_of(network, environ, ca_file=settings.ca_file)
        else:  # nobody's authority is asked for; to read all of them takes a quarter of a second
            proxies = proxies_of(network.proxy, network, environ)
            self._client = Client(tls=TlsTrust(system_roots=False), proxies=proxies)

    async def send(self, body: bytes) -> int:
        """How many of its spans were rejected. Raises Refused and Unavailable, whose texts hold nothing of the answer."""
        try:
            status, headers, answer = await within(self._exchange(body), self._seconds)
        except TlsFailed:
            raise Unavailable("its certificate is not trusted: see telemetry.tracing.ca_file") from None
        except ConnectFailed:
            raise Unavailable("it cannot be reached") from None
        except (TimedOut, TimeoutError):
            raise Unavailable("it did not answer in time") from None
        except HttpError:
            raise Unavailable("it gave no complete answer") from None
        if status in AGAIN:
            after = retry_after(headers, self._clock.now())
            raise Unavailable(f"it answered {status}", None if after is None else min(after, LONGEST_WAIT))
        if not 200 <= status < 300:
            raise Refused(f"it answered {status}: see telemetry.tracing.endpoint and headers")
        try:
            return rejected(headers.get(b"content-type", b""), answer)
        except NotOtlp:
            raise Refused("its answer is none of OTLP: see telemetry.tracing.endpoint") from None

    async def _exchange(self, body: bytes) -> tuple[int, Mapping[bytes, bytes], bytes]:
        response = await self._client.send(self._origin, b"POST", self._target, self._lines, body, self._timeouts)
        try:
            return response.status, response.headers, await response.read(LARGEST)
        finally:
            response.close()

    async def close(self) -> None:
        await self._client.close()
