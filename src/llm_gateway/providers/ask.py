"""One attempt: asks one deployment, and comes back with an answer that has begun, or with an UpstreamError."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, cast

from msgspec import structs

from llm_gateway.core import embeddings, rerank
from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import InvalidRequest, Unsupported, UpstreamError, UpstreamRejected, release
from llm_gateway.core.estimate import estimate
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.splice import replace_top_level
from llm_gateway.dialects.base import ChatBack, Operation, ProviderFault, TypedBack, UsageAsked, View, Wants, in_own_names
from llm_gateway.http.client import Client, Response
from llm_gateway.http.errors import HttpError
from llm_gateway.http.headers import header
from llm_gateway.providers.answer import StreamAnswer, WholeAnswer
from llm_gateway.providers.continuing.legs import HOLD_SHARE, Attempted, attempted
from llm_gateway.providers.deployment import Deployment, Lane, Patience, Upstream
from llm_gateway.providers.faults import from_http, from_status, masked
from llm_gateway.providers.fetch import Fetcher, off
from llm_gateway.providers.linked import with_files
from llm_gateway.providers.traced import trace_lines
from llm_gateway.providers.transform import Transform, Translated, Unframed, Whole, named

ERROR_BODY_BYTES = 64 << 10
_LONG = 16 << 10
"""From here on a piece of a body is not copied without need."""
_USAGE_NAMES = ("stream_options", "include_usage")
_NO_HEADERS: Mapping[bytes, bytes] = MappingProxyType({})

Answer = WholeAnswer | StreamAnswer
Heard = Callable[[str, Response], None]
"""A deployment's name, and the answer whose head has come."""


class Ask:
    """Sends an exchange to a deployment. Holds the HTTP clients, one per TLS trust and proxy."""

    def __init__(
        self,
        clients: Mapping[str, Client],
        clock: Clock,
        *,
        strict: bool,
        fetcher: Fetcher | None = None,
        heard: Heard = lambda _name, _response: None,
    ) -> None:
        """`strict`: refuse rather than leave out what a dialect cannot carry, unless the caller says otherwise.

        `fetcher`: for providers that take files as bytes only; None: such files are lost there. `heard` is told the head of
        every answer.
        """
        self._heard = heard
        self._clients = clients
        self._fetcher = fetcher
        self._clock = clock
        self._strict = strict

    async def __call__(  # noqa: PLR0915 - one attempt, from its beginning to each of its ends
        self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float
    ) -> Answer:
        """The answer at its first valid content. `deadline`: the clock's monotonic time at which the whole request is over.

        Raises UpstreamError for every failure of the provider, Unsupported when strict mode forbids the translation.
        """
        upstream, stream = deployment.upstream, ex.stream
        lane = deployment.lane(ex.front) or _nowhere(ex, deployment)
        if not lane.same and ex.front.operation is Operation.COUNT_TOKENS:
            return _estimated(ex, deployment, lane)
        if lane.wants_bytes is not None and self._fetcher is not None and b"http" in ex.body:
            await self._fetch(self._fetcher, ex, lane.wants_bytes, deadline)
        asking = _asking(ex, deployment, lane) if stream else None
        going = None if ex.on_cut == "error" else attempted(ex, deployment, lane)
        body = self._body(ex, deployment, lane, going, asking)
        attempt = ex.attempts[-1]
        left = max(deadline - attempt.started, 0.001)
        target = going.target if going else lane.stream_target if stream else lane.target
        headers = lane.headers
        if ex.trace is not None or upstream.forwarded:
            headers = _headers(ex, deployment, lane, self._clock)
        if upstream.authorizer is not None:
            headers += await signature(upstream, b"POST", target, body, min(patience.connect, left))
        try:
            response = await self._clients[upstream.client_name].send(
                upstream.origin, b"POST", target, headers, body, patience.timeouts(left, stream=stream)
            )
        except HttpError as error:
            raise from_http(error) from error
        settled = False
        try:
            attempt.status = status = response.status
            if not upstream.own:  # what is left of a tenant's own limits is nobody else's
                self._heard(deployment.name, response)
            if stream:
                # The first token is waited for from the start of the attempt, not from the head: heads are cheap to send early.
                loop, longest = asyncio.get_running_loop(), min(patience.first_token, left)
                response.limit(loop.time() + longest - self._clock.monotonic() + attempt.started)
                if 200 <= status < 300:
                    choose = self._told(ex, lane, going, longest) if going else _transform(ex, deployment, lane, asking)
                    answer = StreamAnswer(choose, deployment, lane, loop, going.onward if going else None)
                    await answer.committed(response)
                    settled = True  # it was handed over
                    return answer
            if not 200 <= status < 300:
                upstream.refused(status)
                refused = await refusal(response, lane.parse_error, self._clock, shown=lane.own_errors)
                _unless_of_usage(asking, going, refused)
                return await self._unasking(ex, deployment, patience, deadline)
            settled = response.complete  # nothing of it is left to be closed
            return _whole(ex, deployment, lane, response.body() if settled else await response.read())
        except HttpError as error:
            raise from_http(error) from error
        finally:
            if not settled:
                response.close()

    async def _unasking(self, ex: Exchange, deployment: Deployment, patience: Patience, deadline: float) -> Answer:
        """Once more, without asking for the usage of the stream; if that is not refused, this model is never asked again."""
        told = deployment.target
        deployment.target = structs.replace(told, stream_usage=False)
        try:
            return await self(ex, deployment, patience, deadline)
        except UpstreamRejected:
            deployment.target = told  # it was about something else
            raise

    def _told(self, ex: Exchange, lane: Lane, going: Attempted, longest: float) -> Callable[[bytes], Transform]:
        """`longest`: how many seconds the first token may take."""
        latest = ex.attempts[-1].started + HOLD_SHARE * longest
        return going.chooser(_chat(lane), ex.id, self._clock.monotonic, latest)

    async def _fetch(self, fetcher: Fetcher, ex: Exchange, wants: Wants, deadline: float) -> None:
        """Files that the request names by URL, once for all candidates."""
        if ex.request is None:
            ex.request = ex.front.parse_request(ex.body)
        if ex.files is None:
            ex.files = {}
        await fetcher.files(ex.request, wants, ex.files, deadline - self._clock.monotonic())

    def _body(
        self, ex: Exchange, deployment: Deployment, lane: Lane, going: Attempted | None, asking: UsageAsked | None
    ) -> bytes:
        """What is sent. `going`: what this attempt is to an answer that several legs may tell."""
        front, view = ex.front, ex.view
        if going is not None and not going.prefills:
            going = None  # it begins anew
        if (
            lane.same
            and going is None
            and (lane.wants_bytes is None or not ex.files)
            and (lane.typed is None or view.plain or not front.holds_foreign(ex.body))
        ):
            ex.dropped = None  # an earlier candidate may have lost something
            body: bytes = ex.body
            if view.model != deployment.target.model and front.model_in_body:
                body = _renamed(body, view, deployment.model_json)
            if asking is not None:
                body = asking.asking_usage(body, view)
        else:
            body = self._rendered(ex, deployment, lane, going)
        return body if lane.adapt is None else lane.adapt(body, ex.headers if lane.same else _NO_HEADERS)

    def _rendered(self, ex: Exchange, deployment: Deployment, lane: Lane, going: Attempted | None) -> bytes:
        """The request as the lane's back renders it. `going`: it goes on from what was shown."""
        if ex.request is None:
            ex.request = ex.front.parse_request(ex.body)
        asked = ex.request if lane.same else ex.front.portable(ex.request)
        if ex.files and lane.wants_bytes is not None:
            asked = with_files(asked, lane.wants_bytes, ex.files)
        if going is None:
            rendered = _typed(lane).render_request(asked, deployment.target)
        else:
            rendered = going.rendered(_typed(lane).render_request(going.request(asked), deployment.target))
        dropped = rendered.dropped
        if dropped:
            dropped = in_own_names(ex.front, dropped)
            strict = self._strict if ex.strict is None else ex.strict
            if strict:
                raise Unsupported(
                    f"{deployment.name} cannot be given: {', '.join(dropped)}. Leave it out, or allow loss."
                    + self._hint(asked, lane),
                    param=dropped[0],
                    details={"dropped": dropped},
                )
        ex.dropped = dropped
        return rendered.body

    def _hint(self, asked: Any, lane: Lane) -> str:
        return "" if self._fetcher is not None or lane.wants_bytes is None else off(asked, lane.wants_bytes)


async def refusal(
    response: Response, parse_error: Callable[[int, bytes], ProviderFault], clock: Clock, *, shown: bool
) -> UpstreamError:
    """What an answer that is not 2xx means. `shown`: a body that reads as an error has the caller's own shape."""
    try:
        body = await response.read(ERROR_BODY_BYTES)
    except HttpError as unread:
        body = b""  # the status says enough
        release(unread)
    fault = parse_error(response.status, body)
    error = from_status(response.status, response.headers, body, fault, clock.now())
    if isinstance(error, UpstreamRejected):
        # Only a body that reads as the dialect's own error is shown: an HTML page from a proxy is not the provider's word.
        error.same_dialect = shown and bool(fault.message)
    return error


def _nowhere(ex: Exchange, deployment: Deployment) -> NoReturn:
    raise Unsupported(f"{deployment.name} does not offer {ex.front.operation.value}.", param="model")


def _asking(ex: Exchange, deployment: Deployment, lane: Lane) -> UsageAsked | None:
    """How this stream's usage is asked for on the gateway's own account; None: it is told anyway, or never."""
    asked = lane.usage_asked
    if asked is None or (lane.same and ex.view.include_usage) or not deployment.target.stream_usage:
        return None
    return asked


def of_usage(error: UpstreamError) -> bool:
    """Whether a request was refused because it asks for the usage of its stream, as far as the provider's words tell."""
    if not isinstance(error, UpstreamRejected) or error.upstream_status not in (400, 422):
        return False
    return any(name in f"{error.param} {error.message}" for name in _USAGE_NAMES)


def _unless_of_usage(asking: UsageAsked | None, going: Attempted | None, error: UpstreamError) -> None:
    """Raises the refusal, unless it is for the usage that the gateway asked for on its own account."""
    if asking is None or not of_usage(error):
        raise error if going is None else going.refused(error)


def _whole(ex: Exchange, deployment: Deployment, lane: Lane, body: bytes) -> WholeAnswer:
    try:
        if lane.same:
            facts = lane.back.check_reply(body)
            return WholeAnswer(body if body.isascii() else _valid(body), facts.usage, deployment, lane)
        reply = _typed(lane).parse_reply(body)
        reply = _completed(ex, lane.back.operation, reply, deployment.model)
        return WholeAnswer(ex.front.render_reply(reply, ex.request), reply.usage, deployment, lane)
    except UpstreamError as error:
        masked(error)
        raise


def _completed(ex: Exchange, form: Operation, reply: Any, model: str) -> Any:
    """`reply` with what providers leave out and every client expects. Raises UpstreamMalformed for no answer to the request."""
    if form is Operation.CHAT:
        return named(reply, model, ex.id)
    if form is Operation.RERANK:
        return rerank.completed(reply, cast("rerank.RerankRequest", ex.request), model, ex.id)
    if form is Operation.EMBEDDING:
        reply = embeddings.completed(reply, cast("embeddings.EmbeddingsRequest", ex.request), model, ex.id)
        if reply.usage is None and ex.front.shows_usage:
            ex.extra_lines += header(b"X-Gateway-Estimated", b"true")
    return reply


def _headers(ex: Exchange, deployment: Deployment, lane: Lane, clock: Clock) -> bytes:
    upstream = deployment.upstream
    lines = forward(lane.headers, ex.headers, upstream.forwarded) if upstream.forwarded and lane.same else lane.headers
    if ex.trace is None:
        return lines
    return lines + trace_lines(ex.trace, ex.attempts[-1], upstream.propagate, ex.headers, clock.monotonic())


def _renamed(body: bytes, view: View, model: bytes) -> bytes:
    """The caller's own bytes but for the value of `model`. `model`: as JSON."""
    at = view.model_at
    if at > 0:
        at += 2 if body.startswith(b": ", at) else 1  # the colon
        value = b'"' + view.model.encode() + b'"'
        if body.startswith(value, at):  # otherwise it is spelled with escapes, or with more space
            end = at + len(value)
            if len(body) < _LONG:
                return body[:at] + model + body[end:]
            return b"".join((body[:at], model, memoryview(body)[end:]))
    return replace_top_level(body, "model", model)


def _valid(body: bytes) -> bytes:
    """A whole answer as UTF-8 without a BOM: what `check_reply` overlooks is repaired, not passed on (faults U26)."""
    return body.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").encode()


def _estimated(ex: Exchange, deployment: Deployment, lane: Lane) -> WholeAnswer:
    """A count of tokens for a provider that has no endpoint for it: nobody is asked, and a header says that it is an estimate."""
    ex.extra_lines += header(b"X-Gateway-Estimated", b"true")
    return WholeAnswer(ex.front.render_count(estimate(ex.front.parse_request(ex.body))), None, deployment, lane)


def _typed(lane: Lane) -> TypedBack:
    if lane.typed is None:
        raise InvalidRequest("This provider does not offer what was asked.", param="model")
    return lane.typed


def _chat(lane: Lane) -> ChatBack:
    return _typed(lane)  # type: ignore[return-value]  # streams are asked for in chats only


async def signature(upstream: Upstream, method: bytes, target: bytes, body: bytes, patience: float) -> bytes:
    """Header lines for one request. Raises UpstreamError when there are no credentials within `patience` seconds."""
    authorizer = upstream.authorizer
    if authorizer is None:
        return b""
    lines = authorizer.lines(method, upstream.origin, target, body)
    if lines is None:
        await authorizer.ready(patience)
        lines = authorizer.lines(method, upstream.origin, target, body)
    if lines is None:
        raise UpstreamError("The credentials for this provider ended as soon as they were fetched.")
    return lines


def _transform(ex: Exchange, deployment: Deployment, lane: Lane, asking: UsageAsked | None) -> Callable[[bytes], Transform]:
    """Chooses by the first bytes, not by Content-Type, which compatible servers get wrong (faults U21)."""

    def choose(first: bytes) -> Transform:
        json = first.lstrip()[:1] in lane.back.whole_starts  # never empty: it is chosen at the first byte that is not blank
        if lane.same and not (json and lane.typed is not None):
            passed: Transform = ex.front.passing(lane.back.relay() if asking is None else asking.relay_without_usage())
            return passed if lane.unframe is None else Unframed(lane.unframe(), passed)
        if ex.request is None:
            ex.request = ex.front.parse_request(ex.body)
        writer = ex.front.stream_writer(ex.request)
        model, back = deployment.model, _chat(lane)
        if json:
            return Whole(back, writer, model, ex.id)
        translated = Translated(back.stream_reader(), writer, model, ex.id)
        return translated if lane.unframe is None else Unframed(lane.unframe(), translated)

    return choose


def forward(headers: bytes, caller: Mapping[bytes, bytes], names: tuple[bytes, ...]) -> bytes:
    """The provider's lines, with the allow-listed ones of the caller in their place."""
    for name in names:
        value = caller.get(name)
        if value is not None:
            lines = [line for line in headers.split(b"\r\n") if line and not line.lower().startswith(name + b":")]
            headers = b"\r\n".join([*lines, b""]) + header(name, value)
    return headers
