"""A realtime session between a caller and a provider: messages go both ways as they are until one of many things ends it.

What ends it, and what each side is told:

    caller          the caller's goodbye goes to the provider as it is
    provider        the provider's goodbye goes to the caller as it is; a code that tells of trouble is a failure
    caller_fault    the caller broke a rule of the protocol: it was told which one; the provider hears 1001
    provider_lost   broken off, silent, stuck, or no WebSocket: the caller gets an `error` event, then 1011 or 1014
    idle, total     its time was over: the caller gets an `error` event, then 1001; the provider hears 1001
    limit           a budget or a limit has no room for more: the caller gets an `error` event, then 1008; the provider hears 1001
    access          whoever has it may not any more (his key was revoked, ...): the same
    caller_lost     broken off or silent: the provider hears 1001 at once
    drain           the gateway ends: both hear 1001
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from llm_gateway.core.errors import (
    BudgetExceeded,
    GatewayError,
    InvalidRequest,
    RateLimited,
    TimedOut,
    UpstreamError,
    UpstreamMalformed,
)
from llm_gateway.dialects.openai_realtime import Meter, RealtimeFront, Told
from llm_gateway.http.websocket import BEHIND, LOST, NO_CODE, Channel, Farewell
from llm_gateway.http.websocket_client import Socket
from llm_gateway.providers.faults import public

PARTING = 2.0
"""Seconds that a provider has to answer the caller's goodbye: what it says until then still counts."""
LOOK = 0.5
"""Seconds between two looks at whether it may go on: a key that was revoked is known within one (docs/IDENTITY.md)."""
_GOING_AWAY = 1001
_POLICY = 1008
_INTERNAL = 1011
_BAD_GATEWAY = 1014
_PEACEFUL = frozenset({1000, _GOING_AWAY, NO_CODE})


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds: without a message either way, of a whole session, and of silence before a side is pinged."""

    idle: float
    total: float
    ping: float


class Ending(NamedTuple):
    """How it ended: a word of the table above, the close code that the caller gave or was given, and whose failure it was."""

    how: str
    code: int
    error: GatewayError | None = None


class Account(Protocol):
    """Who charges a session, and knows whether it may go on. It says that it may not by Relay.refuse. Nothing here may raise."""

    def begun(self, running: int) -> None:
        """So many answers are being made now: two or more."""
        ...

    def told(self, told: Told, running: int) -> None:
        """The provider said what a part used, or never will. `running`: answers that are still being made."""
        ...

    def look(self) -> None:
        """To be called twice a second."""
        ...

    def end(self) -> None: ...


class Relay:
    """One session; the ear of both channels. `run` is over when the session is, `end` must follow whatever happened."""

    account: Account
    """Set before it runs."""

    def __init__(self, caller: Channel, socket: Socket, front: RealtimeFront, request_id: str, bounds: Bounds) -> None:
        self._loop = loop = asyncio.get_running_loop()
        self._caller = caller
        self._socket = socket
        self._provider = socket.channel
        self._front = front
        self._request_id = request_id
        self._bounds = bounds
        self._began = self._moved = loop.time()
        self._interval = min(LOOK, max(0.02, min(bounds.ping / 2, bounds.idle / 8, bounds.total / 8)))
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[Ending] = loop.create_future()
        self._parted: asyncio.Future[None] = loop.create_future()
        self.meter = Meter()
        self.ending = Ending("caller_lost", LOST)

    async def run(self) -> None:
        """Relay until the end, which is in `ending` then."""
        self._caller.listen(self)
        self._provider.listen(self)
        self._socket.go_on()
        self._tick()
        self.ending = await self._over
        if self.ending.how == "caller" and not self._parted.done():
            await asyncio.wait((self._parted,), timeout=PARTING)

    def interrupt(self, *, gone: bool) -> None:
        """`run` was cancelled: the caller has left, or (not `gone`) the gateway's drain is over."""
        if self._over.done() and not self._over.cancelled():
            self.ending = self._over.result()
        else:
            self.ending = Ending("caller_lost", LOST) if gone else Ending("drain", _GOING_AWAY)
        self._caller.close(_GOING_AWAY, "the gateway is shutting down")
        self._provider.close(_GOING_AWAY, "the caller has left" if gone else "the gateway is shutting down")

    def refuse(self, error: GatewayError) -> None:
        """It may not go on."""
        if self._over.done():
            return
        how = "limit" if isinstance(error, RateLimited | BudgetExceeded) else "access"
        self._say(error)
        self._caller.close(_POLICY, error.code)
        self._finish(Ending(how, _POLICY, error), _GOING_AWAY, "the session was ended")

    def end(self) -> None:
        """Let go of both connections."""
        if self._timer is not None:
            self._timer.cancel()
        for channel in (self._caller, self._provider):
            channel.deaf()
            channel.line.hang_up()
        rest = self.meter.rest()
        if rest is not None:
            self.account.told(rest, 0)
        self.account.end()
        del self.account  # it knows us: a ring

    def facts(self) -> dict[str, str | int | float]:
        """For the access log. in: from the caller, out: to it."""
        caller, provider = self._caller, self._provider
        facts: dict[str, str | int | float] = {
            "ended": self.ending.how,
            "code": self.ending.code,
            "messages_in": caller.messages,
            "bytes_in": caller.payload,
            "messages_out": provider.messages,
            "bytes_out": provider.payload,
            "responses": self.meter.responses,
        }
        if self.meter.seconds:
            facts["transcribed_seconds"] = round(self.meter.seconds, 3)
        return facts

    # ---- what the channels tell

    def message(self, channel: Channel, data: bytes | bytearray, *, text: bool) -> None:
        self._moved = channel.heard
        if channel is self._caller:
            self._provider.send(data, text=text)
        else:
            self._caller.send(data, text=text)
            if text:
                self._look(data)

    def slow(self, channel: Channel, *, on: bool) -> None:
        other = self._provider if channel is self._caller else self._caller
        if on:
            other.hold(BEHIND)
        else:
            other.go_on(BEHIND)

    def closed(self, channel: Channel, farewell: Farewell) -> None:
        code, reason, fault = farewell
        if self._over.done():
            self._part(channel)
        elif channel is self._caller:
            if fault:
                broken = InvalidRequest(f"The caller broke the WebSocket protocol: {reason}.", code="websocket_protocol_error")
                self._finish(Ending("caller_fault", code, broken), _GOING_AWAY, "the other side failed")
            else:
                self._finish(Ending("caller", code), code, reason)
        elif fault:
            self._fail(UpstreamMalformed("The provider broke the WebSocket protocol."), _BAD_GATEWAY)
        elif code in _PEACEFUL:
            self._caller.close(code, public(reason))
            self._finish(Ending("provider", code), code, "")
        else:
            error = UpstreamError(f"The provider ended the session with code {code}.")
            error.reason = "closed"
            self._caller.close(code, public(reason))
            self._finish(Ending("provider", code, error), code, "")

    def lost(self, channel: Channel) -> None:
        if self._over.done():
            self._part(channel)
        elif channel is self._provider:
            error = UpstreamError("The provider broke the session off.")
            error.reason = "reset"
            self._fail(error, _INTERNAL)

    # ---- inside

    def _look(self, data: bytes | bytearray) -> None:
        """What the provider says of what is used."""
        meter = self.meter
        before = meter.running
        told = meter.look(data)
        if told is not None:
            self.account.told(told, meter.running)
        elif meter.running > max(before, 1):
            self.account.begun(meter.running)

    def _tick(self) -> None:
        """One look at everything that takes too long."""
        now, bounds = self._loop.time(), self._bounds
        if self._over.done():
            return
        self._timer = self._loop.call_later(self._interval, self._tick)
        if now - self._began > bounds.total:
            self._expire("total", TimedOut("The session has reached its longest duration.", code="session_expired"))
        elif now - self._moved > bounds.idle:
            self._expire("idle", TimedOut("The session was idle for too long.", code="session_idle"))
        elif not self._caller.check(now, bounds.ping):
            self._finish(Ending("caller_lost", LOST), _GOING_AWAY, "the caller does not answer")
        elif not self._provider.check(now, bounds.ping) or self._socket.stalled(now, 2 * bounds.ping):
            error = UpstreamError("The provider does not answer any more.")
            error.reason = "silent"
            self._fail(error, _INTERNAL)
        else:
            self.account.look()

    def _expire(self, how: str, error: TimedOut) -> None:
        self._say(error)
        self._caller.close(_GOING_AWAY, error.message)
        self._finish(Ending(how, _GOING_AWAY), _GOING_AWAY, error.message)

    def _fail(self, error: UpstreamError, code: int) -> None:
        self._say(error)
        self._caller.close(code, error.message)
        self._finish(Ending("provider_lost", code, error), _GOING_AWAY, "the connection failed")

    def _say(self, error: GatewayError) -> None:
        self._caller.send(self._front.frame_error(error, self._request_id), text=True)

    def _finish(self, ending: Ending, code: int, reason: str) -> None:
        """The caller has been told; the provider is told `code` and `reason`."""
        self._provider.close(code, reason)
        self._over.set_result(ending)
        if ending.how == "caller_lost":
            self._caller.line.abort()
        else:
            self._caller.line.hang_up()

    def _part(self, channel: Channel) -> None:
        if channel is self._provider and not self._parted.done():
            self._parted.set_result(None)
