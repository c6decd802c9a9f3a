"""GET /v1/realtime: a WebSocket, relayed to a provider's realtime API (https://platform.openai.com/docs/guides/realtime-websocket).

The life of a session is that of any request (pipeline.py) with two stages of its own: `ask` opens the provider's side, and only
then is the caller's request to switch protocols accepted. So whatever goes wrong before is an answer of HTTP, after failover.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from llm_gateway.config.schema import Realtime as Settings
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Forbidden, GatewayError, InvalidRequest, UpstreamError, release
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.openai_realtime import SUBPROTOCOL, RealtimeFront
from llm_gateway.edge.cors import Cors
from llm_gateway.edge.heartbeat import Heartbeat
from llm_gateway.edge.respond import Respond
from llm_gateway.http.budget import Budget
from llm_gateway.http.server import Request
from llm_gateway.pipeline import Pipeline

if TYPE_CHECKING:
    from llm_gateway.edge.relay import Account
    from llm_gateway.providers.realtime import Opened

PATH = b"/v1/realtime"
_OFFERED = b"sec-websocket-protocol"
_KEY = b"openai-insecure-api-key."
_BETA = b"openai-beta.realtime-v1"
_KEY_HEADERS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key"})
_PARAMETERS = 20
_ENDED = frozenset({"limit", "access"})
"""Endings that are the gateway's will, as a stream's that is cut."""

Charge = Callable[[Exchange, Callable[[GatewayError], None]], "Account"]
"""Who charges a session; and what it is ended with."""


class Sessions:
    """What all sessions of a worker share, whatever configuration they began under: how many run, and the bytes they hold."""

    def __init__(self) -> None:
        self.running = 0
        self.budget = Budget(0)


class Asked(RealtimeFront):
    """What one request asks for. `opening`: our half of the handshake, once it was found to be in order."""

    def __init__(self, model: str, wrong: InvalidRequest | None, *, transcription: bool, subprotocol: bool) -> None:
        super().__init__(model, transcription=transcription, subprotocol=subprotocol)
        self._wrong = wrong
        self.opening: Any = None

    def view(self, body: bytes) -> Any:
        if self._wrong is not None:
            raise self._wrong
        return super().view(body)


def read(request: Request) -> Asked:
    """The request's URL and subprotocols. A browser's key, which it can put nowhere else, goes where keys are looked for, and
    nowhere from there. What is wrong is told once it is known who asks.
    """
    headers = request.headers
    offered = [name.strip() for name in headers.pop(_OFFERED, b"").split(b",")]
    for name in offered:
        if name.startswith(_KEY) and not headers.keys() & _KEY_HEADERS:
            headers[b"authorization"] = b"Bearer " + name.removeprefix(_KEY)
        elif name == _BETA:
            headers.setdefault(b"openai-beta", b"realtime=v1")
    subprotocol = SUBPROTOCOL.encode() in offered
    if subprotocol:
        headers[_OFFERED] = SUBPROTOCOL.encode()
    query, wrong = _query(request.query)
    return Asked(query.get("model", ""), wrong, transcription=query.get("intent") == "transcription", subprotocol=subprotocol)


def _query(raw: bytes) -> tuple[dict[str, str], InvalidRequest | None]:
    """Its parameters, and what is wrong with them. `call_id` is not taken: calls belong to the account that all callers share."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_PARAMETERS, errors="strict")
    except ValueError:  # UnicodeDecodeError is one
        return {}, InvalidRequest("The URL's parameters cannot be read.")
    query = dict(pairs)
    if len(query) < len(pairs):
        return query, InvalidRequest("A parameter of the URL is given twice.")
    for name in query:
        if name not in {"model", "intent"}:
            return query, InvalidRequest("The URL has a parameter that is not passed on: model and intent are.", param=name[:64])
    if query.get("intent", "realtime") not in {"realtime", "transcription"}:
        return query, InvalidRequest("intent must be realtime or transcription.", param="intent")
    return query, None


class RespondSession(Respond):
    """The pipeline's Responder for sessions: refuses as for any request until the switch, and relays from then on."""

    def __init__(self, clock: Clock, settings: Settings, sessions: Sessions, charge: Charge) -> None:
        super().__init__(clock, Heartbeat(0))
        self._charge = charge
        self._seconds = (float(settings.idle), float(settings.total), float(settings.ping))
        self._sessions = sessions

    def respond(self, ex: Exchange, answer: Any) -> Awaitable[None]:
        """`answer`: what OpenSession gave, an Opened."""
        return self._session(ex, answer)

    async def _session(self, ex: Exchange, opened: Opened) -> None:
        from llm_gateway.edge.relay import Bounds, Relay  # noqa: PLC0415 - with the library, 30 ms that few gateways need
        from llm_gateway.http.websocket import Channel  # noqa: PLC0415

        attempt, reply = ex.attempts[-1], ex.reply
        ex.served_provider, ex.served_model = attempt.provider, attempt.model
        ex.committed, ex.status = self._clock.monotonic(), 101
        frames, lines = ex.front.opening
        caller = Channel(frames, reply, self._sessions.budget, asyncio.get_running_loop().time)
        bounds = Bounds(*self._seconds)
        relay = Relay(caller, opened.socket, ex.front, ex.id, bounds)
        relay.account = self._charge(ex, relay.refuse)
        try:
            reply.upgrade(lines + opened.lane.stream_lines + self._facts(ex), caller)
            await relay.run()
        except asyncio.CancelledError:
            relay.interrupt(gone=reply.gone)
            raise
        finally:
            relay.end()
            reply.source = None
            ex.usage, ex.session = relay.meter.usage, relay.facts()
            ex.bytes_out = opened.socket.channel.payload
        self._settle(ex, relay.ending.how, relay.ending.error)

    def _settle(self, ex: Exchange, how: str, error: GatewayError | None) -> None:
        if how == "caller_lost":
            ex.outcome = "client_gone"
        if error is not None:
            release(error)
            ex.error, ex.outcome = error, "cut" if how in _ENDED else "failed"
            if isinstance(error, UpstreamError):
                ex.attempts[-1].error = error.reason

    def refuse(self, ex: Exchange, error: GatewayError) -> None:
        if not ex.reply.started:
            super().refuse(ex, error)
            return
        ex.error, ex.outcome = error, "failed"  # a bug of ours in the middle of a session
        ex.reply.abort()

    def abandon(self, ex: Exchange) -> None:
        if not ex.reply.started:
            super().abandon(ex)


class Admit:
    """The pipeline's `authorize` for sessions: may they use this model, from this page, and is there room?"""

    def __init__(self, authorize: Callable[[Exchange], None], cors: Cors, settings: Settings, sessions: Sessions) -> None:
        self._authorize = authorize
        self._cors = cors
        self._most = settings.sessions
        self._message = settings.message
        self._sessions = sessions
        sessions.budget.most = settings.buffered

    def __call__(self, ex: Exchange) -> None:
        """Raises GatewayError."""
        self._authorize(ex)
        origin = ex.headers.get(b"origin")
        if origin is not None and not self._cors.allows(origin):
            # A browser asks nobody before it opens a WebSocket to another origin (RFC 6455 section 10.2).
            raise Forbidden("Pages of this origin may not open sessions here.", code="origin_not_allowed")
        self._shake(ex)
        if self._sessions.running > self._most:
            full = GatewayError("There are as many realtime sessions as this gateway may have.", code="too_many_sessions")
            full.status = 503
            raise full

    def _shake(self, ex: Exchange) -> None:
        from llm_gateway.http.websocket import BadHandshake, accept  # noqa: PLC0415 - with the library, 30 ms

        try:
            ex.front.opening = accept(ex.headers, SUBPROTOCOL, self._message)
        except BadHandshake as bad:
            ex.extra_lines += b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            refusal = InvalidRequest(f"This path is for WebSockets: {bad}.", code="upgrade_required")
            refusal.status = 426
            raise refusal from None


class Realtime:
    """The route. Its pipeline has Admit, OpenSession and RespondSession for stages."""

    def __init__(self, pipeline: Pipeline, sessions: Sessions, clock: Clock) -> None:
        self._pipeline = pipeline
        self._sessions = sessions
        self._clock = clock

    async def __call__(self, request: Request, request_id: str, extra: bytes) -> None:
        ex = Exchange(request_id, request, read(request), self._clock.monotonic())
        ex.extra_lines = extra
        self._sessions.running += 1
        try:
            await self._pipeline.serve(ex)
        finally:
            self._sessions.running -= 1
