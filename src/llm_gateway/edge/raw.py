"""Answers that pass through as they are, to the caller; and which requests are for operations that do."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from types import MappingProxyType

from llm_gateway.core.errors import GatewayError, MethodNotAllowed, UpstreamError
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import Front, Operation
from llm_gateway.dialects.openai_media import MEDIA, MediaFront, MediaOperation
from llm_gateway.edge.respond import Respond, Shown
from llm_gateway.http.server import Request
from llm_gateway.providers.raw import RawAnswer

MEDIA_PATHS: Mapping[bytes, MediaOperation] = MappingProxyType({f"/v1{kind.path}".encode(): kind for kind in MEDIA})


class RespondRaw(Respond):
    """The pipeline's Responder for them: what cannot hold an error in its middle is cut instead. That is what is no stream of
    events, an event that is half written, and a dialect that is not known: its clients pass over events they never heard of.
    """

    def respond(self, ex: Exchange, answer: Shown) -> Awaitable[None] | None:
        if not isinstance(answer, RawAnswer):
            return super().respond(ex, answer)
        attempt = ex.attempts[-1]
        ex.served_provider, ex.served_model = attempt.provider, attempt.model
        ex.committed = self._clock.monotonic()
        ex.status = answer.status
        lines = answer.lines + self._facts(ex)
        whole = answer.whole
        if whole is None:
            return self._relay(ex, answer, lines)
        ex.usage = answer.usage
        ex.bytes_out = len(whole)
        answer.close()
        ex.reply.whole(answer.status, lines, whole)
        return None

    async def _relay(self, ex: Exchange, answer: RawAnswer, lines: bytes) -> None:
        reply = ex.reply
        try:
            reply.start(answer.status, lines)
            answer.attach(reply)
            await answer.over
        finally:
            ex.front.framed = answer.between_events and ex.front.operation is not Operation.PASSTHROUGH
            ex.usage = answer.usage
            ex.bytes_out = answer.written
            answer.close()
        if answer.error is not None:
            raise answer.error
        reply.end()

    def refuse(self, ex: Exchange, error: GatewayError) -> None:
        reply = ex.reply
        if not reply.started or reply.finished or getattr(ex.front, "framed", True):
            super().refuse(ex, error)
            return
        ex.error, ex.outcome = error, "cut"
        if ex.attempts and isinstance(error, UpstreamError):
            ex.attempts[-1].error = error.reason
        reply.abort()  # anything else would look like the end of the answer


class MediaFronts:
    """Which front a request to one of these paths meets."""

    def __init__(self, models: Mapping[str, str | None], most_json: int) -> None:
        """`models`: a default's name (MediaOperation.default) to the model asked for where a request names none."""
        self._models = models
        self._most_json = most_json

    def __call__(self, request: Request) -> Front | None:
        """None: it is not for one of them. Raises MethodNotAllowed."""
        kind = MEDIA_PATHS.get(request.path)
        if kind is None or request.method == b"OPTIONS":
            return None
        if request.method != b"POST":
            raise MethodNotAllowed("This path takes POST only.", details={"allow": "POST, OPTIONS"})
        return MediaFront(kind, request.headers.get(b"content-type", b""), self._models.get(kind.default), self._most_json)
