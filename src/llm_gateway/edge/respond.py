"""HTTP out: answers and errors to the caller, in his dialect, with the gateway's headers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from llm_gateway._version import __version__
from llm_gateway.cache.entry import KeptAnswer
from llm_gateway.cache.told import giver, told_of
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import BudgetExceeded, Draining, GatewayError, UpstreamError, UpstreamRejected
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.json import encode
from llm_gateway.core.splice import set_top_level
from llm_gateway.edge.heartbeat import Heartbeat
from llm_gateway.edge.replay import AT_ONCE, replay
from llm_gateway.http.headers import header
from llm_gateway.providers.answer import StreamAnswer, WholeAnswer
from llm_gateway.providers.deployment import STREAM_LINES
from llm_gateway.resilience.attempts import Answer
from llm_gateway.routing.told import decision_line

Shown = Answer | KeptAnswer
ALWAYS = header(b"X-Gateway-Version", __version__.encode()) + b"Cache-Control: no-store\r\n"
_UNSHOWN = re.compile(r"[^\x20-\x7e]")
_FACTS = (
    ALWAYS.replace(b"%", b"%%")
    + b"X-Request-ID: %b\r\nX-Latency-Ms: %d\r\nX-Gateway-Latency-Ms: %d\r\nX-Gateway-Retries: %d\r\n%b"
)


class Respond:
    """The pipeline's Responder."""

    def __init__(self, clock: Clock, heartbeat: Heartbeat, wanted: Callable[[Exchange], int] | None = None) -> None:
        """`wanted`: how many bytes of an answer are to be remembered, if more than usual."""
        self._clock = clock
        self._heartbeat = heartbeat
        self._wanted = wanted

    def respond(self, ex: Exchange, answer: Shown) -> Awaitable[None] | None:
        """Send an answer: a whole one at once; of a stream its rest, to be awaited. Its failure after the first byte is raised
        there, for `refuse` to write in-band.
        """
        if type(answer) is KeptAnswer:
            return self._kept(ex, answer)
        attempt = ex.attempts[-1]
        ex.served_provider = attempt.provider
        ex.served_model = attempt.model
        ex.committed = self._clock.monotonic()
        ex.status = 200
        if type(answer) is WholeAnswer:
            ex.usage = answer.usage
            body = answer.body
            if ex.metadata_wanted:
                body = set_top_level(body, "x_gateway_metadata", encode(self._metadata(ex)))
            ex.bytes_out = len(body)
            ex.sample = body
            ex.reply.whole(200, answer.lane.whole_lines + self._facts(ex), body)
            return None
        return self._stream(ex, answer)  # type: ignore[arg-type]

    def _kept(self, ex: Exchange, answer: KeptAnswer) -> Awaitable[None] | None:
        """Nobody is to be paid for it: `served_provider` stays empty, and only the answer says who gave it once. A long stream
        is to be awaited.
        """
        entry, reply, body = answer.entry, ex.reply, answer.entry.body
        ex.committed = self._clock.monotonic()
        ex.status = 200
        lines = told_of(answer) + giver(entry.provider, entry.model, entry.asked)
        if entry.stream:
            ex.sample = body
            reply.start(200, header(b"Content-Type", ex.front.stream_type) + STREAM_LINES + lines + self._facts(ex))
            if len(body) > AT_ONCE:
                return replay(reply, body, ex)
            ex.bytes_out = len(body)
            reply.write(body)
            reply.end()
            return None
        if ex.metadata_wanted:
            served = {"provider": entry.provider, "model": entry.model}
            body = set_top_level(body, "x_gateway_metadata", encode(self._metadata(ex) | served))
        ex.bytes_out = len(body)
        ex.sample = body
        reply.whole(200, b"Content-Type: application/json\r\n" + lines + self._facts(ex), body)
        return None

    async def _stream(self, ex: Exchange, answer: StreamAnswer) -> None:
        reply = ex.reply
        if self._wanted is not None and type(answer) is StreamAnswer:
            answer.remember(self._wanted(ex))
        if ex.hold is not None:
            answer.meter(ex.hold)
        try:
            reply.start(200, header(b"Content-Type", ex.front.stream_type) + answer.lane.stream_lines + self._facts(ex))
            answer.attach(reply)
            if not answer.over.done():
                with self._heartbeat.beating(answer, reply, ex.front.keepalive):
                    await answer.over
        finally:
            ex.usage = answer.usage
            ex.bytes_out = answer.written
            ex.sample = bytes(getattr(answer, "sample", b""))  # what passes through raw has none
            answer.close()
        if answer.error is not None:
            await self._go_on(ex, answer)
        reply.end()

    async def _go_on(self, ex: Exchange, cut: StreamAnswer) -> None:
        """The rest of a stream that broke, told by further legs. Raises what the stream is to end with."""
        reply, beat = ex.reply, ex.front.keepalive
        while cut.error is not None:
            if cut.onward is None or isinstance(cut.error, BudgetExceeded):  # there is no money to go on with
                raise cut.error
            with self._heartbeat.beating(cut, reply, beat):
                answer = await cut.onward(ex, cut)
            answer.onward = cut.onward
            if ex.hold is not None:
                answer.meter(ex.hold, ex.bytes_out)
            try:
                answer.attach(reply)
                if not answer.over.done():
                    with self._heartbeat.beating(answer, reply, beat):
                        await answer.over
            finally:
                ex.usage = answer.usage
                ex.bytes_out += answer.written
                answer.close()
            cut = answer

    def refuse(self, ex: Exchange, error: GatewayError) -> None:
        """Say what went wrong: as a status if nothing was sent, as an event inside the stream otherwise."""
        ex.error = error
        reply = ex.reply
        if reply.finished:
            return  # everything was said before it went wrong
        if reply.started:
            ex.outcome = "cut"
            if ex.attempts and isinstance(error, UpstreamError):
                ex.attempts[-1].error = error.reason
            reply.end(ex.front.frame_error(error, ex.id))
            return
        ex.status = status = ex.front.status_of(error)
        lines = b"Content-Type: application/json\r\n" + self._facts(ex) + error_lines(error)
        if ex.attempts:
            lines += header(b"X-Gateway-Provider", ex.attempts[-1].provider.encode())
        body = _rejection(error) or ex.front.render_error(error, ex.id)
        ex.bytes_out = len(body)
        reply.whole(status, lines, body)

    def abandon(self, ex: Exchange) -> None:
        """The request's task is being cancelled. If the caller is still there, it is our drain: he is told, never just cut."""
        if not ex.reply.gone and not ex.reply.finished:
            self.refuse(ex, Draining("The gateway is shutting down; please send the request again."))

    def _facts(self, ex: Exchange) -> bytes:
        ms = int(((ex.committed or self._clock.monotonic()) - ex.received) * 1000)
        attempts, hold, decision = ex.attempts, ex.hold, ex.decision
        retries = len(attempts) - 1 if attempts else 0
        lines = _FACTS % (ex.id.encode(), ms, ms, retries, ex.extra_lines)
        if retries:
            first, last = attempts[0], attempts[-1]
            if (first.provider, first.model) != (last.provider, last.model):
                lines += b"X-Failover: true\r\nX-Gateway-Failover: true\r\n"
        if ex.dropped:
            lines += header(b"X-Gateway-Dropped", _shown(ex.dropped))
        if hold is not None:
            lines += hold.lines()
        if decision is not None:
            lines += decision_line(decision, ex)
        return lines

    def _metadata(self, ex: Exchange) -> dict[str, object]:
        return {
            "provider": ex.served_provider,
            "model": ex.served_model,
            "latency_ms": int((self._clock.monotonic() - ex.received) * 1000),
            "retries": max(len(ex.attempts) - 1, 0),
            "cached": bool(ex.cached),
            "request_id": ex.id,
        }


def _rejection(error: GatewayError) -> bytes:
    """The provider's own words about a bad request, for a caller who speaks its dialect: they name the parameter best."""
    return error.body if isinstance(error, UpstreamRejected) and error.same_dialect else b""


def _shown(names: list[str]) -> bytes:
    """JSON paths as a header's value: bounded, and "?" for what a header cannot hold. They are the caller's own words."""
    return _UNSHOWN.sub("?", ", ".join(names)[:4096]).encode("ascii")


def error_lines(error: GatewayError) -> bytes:
    """Retry-After (whole seconds, at least 1), WWW-Authenticate and Allow where they belong."""
    lines = b""
    if error.retry_after is not None:
        lines += b"Retry-After: %d\r\n" % max(1, round(error.retry_after + 0.499))
    elif error.status == 503:
        lines += b"Retry-After: 1\r\n"
    if error.status == 401:
        lines += b'WWW-Authenticate: Bearer realm="llm-gateway"\r\n'
    if error.details and "allow" in error.details:
        lines += header(b"Allow", str(error.details["allow"]).encode())
    return lines
