"""Answers that go on as they come: whatever they are, piece by piece, and no faster than the caller reads.

Nothing of such an answer is read but what it says of its use (dialects/metering.py). Another provider may still be asked until
the first piece of a body is here and does not look like an error.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import NamedTuple

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Unsupported, UpstreamError, UpstreamMalformed
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.metering import Meter
from llm_gateway.dialects.openai_media import MediaFront, MediaView
from llm_gateway.http.body import Body, body_of, joined
from llm_gateway.http.client import Client, Response, Timeouts
from llm_gateway.http.errors import HttpError
from llm_gateway.http.headers import header
from llm_gateway.providers.answer import Reply, Sink
from llm_gateway.providers.ask import forward, refusal, signature
from llm_gateway.providers.deployment import STREAM_HEAD_SECONDS, Deployment, Patience, Upstream, served_by
from llm_gateway.providers.faults import from_http
from llm_gateway.providers.traced import trace_lines

ENOUGH = 32
"""Bytes of a body by which an error, or a web page, can be told from an answer."""
UPLOAD_RATE = 64 * 1024
"""Bytes a second that buy a long request more time until its answer begins."""
KEPT_HEADERS = (b"content-disposition", b"content-language", b"last-modified")
"""Of the provider's, beside Content-Type. Everything else stays here."""

_HARMLESS = b"X-Content-Type-Options: nosniff\r\nContent-Security-Policy: sandbox\r\n"
"""A browser that is led to such an answer must not run what stands in it as if it were a page of ours."""
_ERROR = re.compile(rb'\s*(?:\{\s*"error"\s*:\s*[^\sn]|event:\s*error|data:\s*\{\s*"(?:error"\s*:\s*[^\sn]|type"\s*:\s*"error"))')
_ENDINGS = re.compile(rb'\[DONE\]|\b(?:done|completed)"|"finish_reason"\s*:\s*"|"usage"\s*:\s*\{')
_NOTHING = MediaUsage()
_MEDIA_TYPE = re.compile(rb"[!-~ ]{1,200}")


class RawCall(NamedTuple):
    """A request as it is sent. `headers`: whole lines."""

    method: bytes
    target: bytes
    headers: bytes
    body: Body


class RawAnswer(Sink):
    """As it comes. What is held is one read or two."""

    __slots__ = ("_check", "_last", "_meter", "_told", "json", "lines", "sse", "status")

    def __init__(
        self, response: Response, shown: bytes, meter: Meter | None, check: MediaFront | None, told: MediaUsage | None
    ) -> None:
        """`shown`: the gateway's own lines about who answered. `check`: what it must be an answer to; None: anything will do.
        `told`: use that is known from the request alone.
        """
        super().__init__(asyncio.get_running_loop())
        kept = response.headers
        media = kept.get(b"content-type", b"")
        self.status = response.status
        self.json = media.lower().startswith(b"application/json")
        """A whole answer is bound by the deadline; sound, files and streams by the pauses between their pieces only."""
        self.sse = media.lower().startswith(b"text/event-stream")
        others = b"".join(header(_shown(name), kept[name]) for name in KEPT_HEADERS if name in kept)
        self.lines = _type_line(media) + _HARMLESS + shown + others
        if self.sse:
            self.lines += b"X-Accel-Buffering: no\r\n"
        self._meter = meter
        self._told = told
        self._check = check
        self._last = b""
        self._source = response

    @property
    def whole(self) -> bytes | None:
        """The body, if all of it is here and none of it was given to anyone."""
        return b"".join(self._held) if self.over.done() and self.error is None and self._reply is None else None

    @property
    def between_events(self) -> bool:
        """Whether this is a stream of events, and what was passed on of it ends with a whole one."""
        return self.sse and (not self.written or self._last.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")))

    @property
    def usage(self) -> Usage | None:
        if self.error is not None and self._reply is None:
            return None
        told = None if self._meter is None else self._meter.usage()
        return _both(told, self._told)

    async def begun(self, response: Response) -> None:
        """Takes the body and sleeps until enough of it is here to go on. Raises UpstreamError if it is none."""
        response.stream(self)
        if not self._begun.done():
            await self._begun
        if self.error is not None:
            raise self.error
        if not self.json:
            response.limit(None)

    def feed(self, data: bytes) -> None:
        if self.over.done():
            return
        if self._meter is not None:
            self._meter.feed(data)
        if self._reply is not None:
            self._write(self._reply, data)
            return
        self._held.append(data)
        if not self._begun.done():
            first = b"".join(self._held)
            if len(first) >= ENOUGH or b"\n\n" in first:
                self._begin(first)

    def end(self) -> None:
        if self.over.done():
            return
        if not self._begun.done():
            self._begin(b"".join(self._held))
        if self.over.done():
            return
        if self._unfinished():
            cut = UpstreamError("The provider ended its answer before it was complete.")
            cut.reason = "cut"
            self._finish(cut)
        else:
            self._finish(None)

    def broken(self, error: HttpError) -> None:
        if not self.over.done():
            self._finish(from_http(error))

    def _unfinished(self) -> bool:
        """Whether an answer whose framing is in order ends where none of its kind can."""
        if self._check is None or self._meter is None:
            return False
        tail = self._meter.tail
        if self.sse:
            return _ENDINGS.search(tail) is None
        return self._check.kind.only_json and not tail.rstrip().endswith((b"}", b"]"))

    def _write(self, reply: Reply, data: bytes) -> None:
        self._last = (self._last + data[-4:])[-4:]
        super()._write(reply, data)

    def _begin(self, first: bytes) -> None:
        fault = None if self._check is None else _fault_in(first, self._check, sse=self.sse, lines=self.lines)
        if fault is not None:
            self._finish(fault)
        elif not self._begun.done():
            self._begun.set_result(None)


class AskRaw:
    """The pipeline's stage for operations that pass through. Holds the HTTP clients, as Ask does."""

    def __init__(self, clients: Mapping[str, Client], clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    async def __call__(self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float) -> RawAnswer:
        """The answer at its first bytes. Raises UpstreamError, and Unsupported where the provider has no such operation."""
        front: MediaFront = ex.front
        lane = deployment.lane(front)
        if lane is None or not lane.same:
            raise Unsupported(f"{deployment.name} does not offer {front.operation.value}.", param="model")
        upstream = deployment.upstream
        caller = {**ex.headers, b"content-type": front.content_type}
        headers = forward(lane.headers, caller, (*upstream.forwarded, b"content-type"))
        body = body_of(front.with_model(ex.body, ex.view, deployment.target.model))
        target = lane.stream_target if ex.stream else lane.target
        response = await self.send(ex, upstream, RawCall(b"POST", target, headers, body), patience, deadline)
        with closed_on_failure(response):
            if not 200 <= response.status < 300:
                upstream.refused(response.status)
                raise await refusal(response, lane.parse_error, self._clock, shown=lane.own_errors)
            told = _asked(ex.view)
            meter = None if _is_sound(response) else Meter(counts_images=front.kind.counts_images)
            answer = RawAnswer(response, served_by(upstream.name, deployment.model), meter, front, told)
            await answer.begun(response)
        return answer

    async def send(self, ex: Exchange, upstream: Upstream, call: RawCall, patience: Patience, deadline: float) -> Response:
        """The response's head, with a deadline on what follows (RawAnswer lifts it for what streams). Raises UpstreamError."""
        attempt = ex.attempts[-1]
        left = max(deadline - attempt.started, 0.001)
        headers = call.headers
        connect = min(patience.connect, left)
        if upstream.authorizer is not None:
            headers += await signature(upstream, call.method, call.target, joined(call.body), connect)
        if ex.trace is not None:
            headers += trace_lines(ex.trace, attempt, upstream.propagate, ex.headers, self._clock.monotonic())
        head = patience.head if patience.head is not None else STREAM_HEAD_SECONDS if ex.stream else inf
        head = min(head + len(call.body) / UPLOAD_RATE, left)
        timeouts = Timeouts(connect, head, patience.idle, None, connect)
        client = self._clients[upstream.client_name]
        try:
            response = await client.send(upstream.origin, call.method, call.target, headers, call.body, timeouts)
        except HttpError as error:
            raise from_http(error) from error
        attempt.status = response.status
        response.limit(asyncio.get_running_loop().time() + max(deadline - self._clock.monotonic(), 0.001))
        return response


@contextmanager
def closed_on_failure(response: Response) -> Iterator[None]:
    """For as long as `response` belongs to nobody else. An HttpError becomes an UpstreamError."""
    try:
        yield
    except BaseException as error:
        response.close()
        if isinstance(error, HttpError):
            raise from_http(error) from error
        raise


def _asked(view: MediaView) -> MediaUsage | None:
    """What the request alone tells; None: nothing."""
    told = MediaUsage(characters=view.characters, size=view.size, quality=view.quality)
    return None if told == _NOTHING else told


def _both(told: Usage | None, asked: MediaUsage | None) -> Usage | None:
    """What the answer told, with the size that its images were asked for; else what the request told, if that is a count."""
    if asked is None or told is None:
        return told or (asked if asked is not None and asked.units else None)
    if isinstance(told, MediaUsage) and told.images:
        return msgspec.structs.replace(told, size=asked.size, quality=asked.quality)
    return told


def _is_sound(response: Response) -> bool:
    return response.headers.get(b"content-type", b"").lower().startswith((b"audio/", b"application/octet-stream"))


def _fault_in(first: bytes, front: MediaFront, *, sse: bool, lines: bytes) -> UpstreamError | None:
    """What is wrong with a body that begins so, whatever its status said."""
    if _ERROR.match(first):
        fault = UpstreamError("The provider reported an error in an answer whose status said success.")
        fault.reason = "in_band"
        return fault
    start = first.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not first or b"text/html" in lines.partition(b"\r\n")[0].lower():
        return UpstreamMalformed("The provider's answer is empty." if not first else "The provider's answer is a web page.")
    if front.kind.only_json and not sse and start not in (b"{", b"["):
        return UpstreamMalformed("The provider's answer is not JSON.")
    return None


def _type_line(media: bytes) -> bytes:
    return header(b"Content-Type", media if _MEDIA_TYPE.fullmatch(media) else b"application/octet-stream")


def _shown(name: bytes) -> bytes:
    return b"-".join(word.capitalize() for word in name.split(b"-"))
