"""The pipeline's stage for a provider's own paths: out with its credentials and nothing of the caller's, back as it comes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import UpstreamRejected
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.metering import Meter
from llm_gateway.dialects.openai_chat.errors import parse_error
from llm_gateway.http.client import Response
from llm_gateway.http.errors import HttpError
from llm_gateway.http.headers import header
from llm_gateway.providers.ask import ERROR_BODY_BYTES
from llm_gateway.providers.deployment import Deployment, Patience, Upstream, served_by
from llm_gateway.providers.faults import from_status, showable
from llm_gateway.providers.raw import AskRaw, RawAnswer, RawCall, closed_on_failure

PASSED = (b"accept", b"accept-language", b"content-type", b"idempotency-key", b"if-match", b"if-none-match", b"range")
"""Of the caller's headers, beside those that the provider's type passes on."""
PASSED_BEGINNING = b"x-amzn-bedrock-"
RETURNED = (b"etag", b"content-range", b"accept-ranges", b"request-id", b"x-amzn-requestid", b"x-amzn-errortype")
"""Of the provider's, beside those that every raw answer keeps."""

_VERSION = re.compile(r"/v\d[^/]*$")


class Front(Protocol):
    """What the edge knows of the request."""

    method: bytes
    path: bytes
    query: bytes
    told: tuple[int, bytes] | None


class AskPassthrough:
    """`ask` sends."""

    def __init__(self, ask: AskRaw, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock

    async def __call__(self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float) -> RawAnswer:
        """Raises UpstreamError; a provider's own error, if it may be shown, is then in the front's `told`."""
        front: Front = ex.front
        upstream = deployment.upstream
        target = _root(upstream) + front.path + (b"?" + front.query if front.query else b"")
        call = RawCall(front.method, target, _lines(upstream, ex.headers), ex.body)
        response = await self._ask.send(ex, upstream, call, patience, deadline)
        with closed_on_failure(response):
            if not (200 <= response.status < 300 or response.status == 304):  # 304: the caller has it already (If-None-Match)
                await self._fail(ex, upstream, response)
            meter = Meter()
            answer = RawAnswer(response, served_by(upstream.name), meter, None, None)
            answer.lines += _returned(response.headers)
            await answer.begun(response)
        return answer

    async def _fail(self, ex: Exchange, upstream: Upstream, response: Response) -> None:
        """Always raises. Refused credentials are the gateway's own matter, and a redirect is not followed: neither is shown."""
        status = response.status
        upstream.refused(status)
        try:
            body = await response.read(ERROR_BODY_BYTES)
        except HttpError:
            body = b""
        error = from_status(status, response.headers, body, parse_error(status, body), self._clock.now())
        said = showable(body)
        if said and status >= 400 and status not in (401, 403, 407):
            ex.front.told = (status, said)
            ex.extra_lines += _returned(response.headers)
        elif isinstance(error, UpstreamRejected):
            error.body = b""
        raise error


def _root(upstream: Upstream) -> bytes:
    """Where the provider's paths begin: its base URL less the version of its API."""
    return _VERSION.sub("", upstream.base_path).encode("ascii")


def _lines(upstream: Upstream, caller: Mapping[bytes, bytes]) -> bytes:
    passed = {
        name: value
        for name, value in caller.items()
        if name in PASSED or name in upstream.forwarded or name.startswith(PASSED_BEGINNING)
    }
    kept = [line for line in upstream.headers.split(b"\r\n") if line]
    kept = [line for line in kept if (name := line.partition(b":")[0].lower()) not in passed and name != b"content-type"]
    return b"\r\n".join([*kept, b""]) + b"".join(header(name, value) for name, value in passed.items())


def _returned(headers: Mapping[bytes, bytes]) -> bytes:
    return b"".join(header(name, headers[name]) for name in RETURNED if name in headers)
