"""One attempt at a session: dials one deployment, and comes back with an open WebSocket, or with an UpstreamError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import Unsupported, UpstreamError, UpstreamMalformed, UpstreamRejected
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.openai_realtime import SUBPROTOCOL
from llm_gateway.http.budget import Budget
from llm_gateway.http.client import Client
from llm_gateway.http.errors import HttpError
from llm_gateway.providers.ask import forward, signature
from llm_gateway.providers.deployment import Deployment, Lane, Patience
from llm_gateway.providers.faults import from_http, from_status
from llm_gateway.providers.traced import trace_lines

if TYPE_CHECKING:
    from llm_gateway.http.websocket_client import HandshakeRefused, Socket

_UNFIT = (b"content-type:", b"accept-encoding:")  # of the lines that every request to a provider has


class Opened(NamedTuple):
    """A session that a provider has accepted."""

    socket: Socket
    lane: Lane


class OpenSession:
    """The pipeline's `ask` for sessions. `budget` and `message_bytes`: of each channel to a provider."""

    def __init__(self, clients: Mapping[str, Client], clock: Clock, budget: Budget, message_bytes: int) -> None:
        self._clients = clients
        self._clock = clock
        self._budget = budget
        self._message_bytes = message_bytes

    async def __call__(self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float) -> Opened:
        """Raises UpstreamError for every failure of the provider up to its 101, Unsupported where it has no sessions."""
        from llm_gateway.http.websocket_client import HandshakeRefused, connect  # noqa: PLC0415 - 30 ms that few gateways need

        lane = deployment.lane(ex.front)
        if lane is None:
            raise Unsupported(f"{deployment.name} has no realtime sessions.", param="model")
        upstream = deployment.upstream
        attempt = ex.attempts[-1]
        left = max(deadline - attempt.started, 0.001)
        headers = forward(lane.headers, ex.headers, upstream.forwarded)
        lines = headers.splitlines(keepends=True)
        headers = b"".join(line for line in lines if not line.lower().startswith(_UNFIT))
        headers += await signature(upstream, b"GET", lane.target, b"", min(patience.connect, left))
        if ex.trace is not None:
            headers += trace_lines(ex.trace, attempt, upstream.propagate, ex.headers, self._clock.monotonic())
        try:
            socket = await connect(
                self._clients[upstream.client_name],
                upstream.origin,
                lane.target,
                headers,
                subprotocol=SUBPROTOCOL if ex.front.subprotocol else "",
                timeouts=patience.timeouts(left, stream=True),
                message_bytes=self._message_bytes,
                budget=self._budget,
            )
        except HttpError as error:
            raise from_http(error) from error
        except HandshakeRefused as refused:
            attempt.status = refused.status
            upstream.refused(refused.status)
            raise self._fault(refused, lane) from None
        attempt.status = 101
        return Opened(socket, lane)

    def _fault(self, refused: HandshakeRefused, lane: Lane) -> UpstreamError:
        """As of any request (ask.py): the provider's own words only where they are in the dialect's shape."""
        if 200 <= refused.status < 300:
            return UpstreamMalformed("The provider answered the request for a session as if it were another one.")
        fault = lane.parse_error(refused.status, refused.body)
        error = from_status(refused.status, refused.headers, refused.body, fault, self._clock.now())
        if isinstance(error, UpstreamRejected):
            error.same_dialect = lane.own_errors and bool(fault.message)
        return error
