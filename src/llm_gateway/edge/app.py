"""HTTP in: which path is what. Model operations go to the pipeline, everything else to a plain handler."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import GatewayError, InvalidRequest, MethodNotAllowed, NotFound
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.ids import Ids
from llm_gateway.dialects.base import Front
from llm_gateway.dialects.mistral_chat.front import INSTEAD, USER_AGENT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.edge import gemini
from llm_gateway.edge.cors import Cors
from llm_gateway.edge.health import PATHS
from llm_gateway.edge.plain import Plain
from llm_gateway.edge.respond import ALWAYS, error_lines
from llm_gateway.edge.versions import Versions
from llm_gateway.http.headers import header
from llm_gateway.http.server import Request
from llm_gateway.pipeline import Pipeline
from llm_gateway.resilience.shedding import Shedding

BindFront = Callable[[Request], Front | None]
"""The dialect of a request whose URL says more than a path: made for this one request; None: there is nothing."""
Relayed = tuple[Front, Pipeline]
Relay = Callable[[Request], Relayed | None]
Door = Callable[[Request], None]


def nothing(_request: Request) -> None:
    """Nothing passes through as it is."""


PlainHandler = Callable[[Request, str], Awaitable[Plain]]
"""A request and the part of its path behind the route's prefix."""
SessionHandler = Callable[[Request, str, bytes], Awaitable[None]]
"""A request that may leave HTTP, its id, and header lines for the answer: the handler answers by itself."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")
_TRUE = (b"true", b"1", b"yes", b"on")
_UNUSUAL = frozenset({b"origin", b"x-gateway-metadata", b"x-gateway-strict", b"x-request-id"})
"""Headers that are looked at before the pipeline."""
_NEVER_SHED = frozenset({*PATHS, b"/health/providers"})


@dataclass(frozen=True)
class World:
    """What requests meet, built from one snapshot. A reload builds another; a request keeps the one it met first."""

    pipeline: Pipeline
    fronts: Mapping[bytes, Front]
    """POST path -> the caller's dialect there."""
    bound: tuple[tuple[bytes, BindFront], ...]
    """The same for what is below a path: dialects whose URL names the model."""
    exact: Mapping[bytes, tuple[tuple[bytes, ...], PlainHandler]]
    """Path -> methods and handler."""
    prefixes: tuple[tuple[bytes, tuple[bytes, ...], PlainHandler], ...]
    """The same for everything below a path that ends with a slash."""
    versions: Versions
    cors: Cors
    default_front: Front
    responses: Pipeline
    """The same for POST /v1/responses, whose conversations are kept."""
    sessions: Mapping[bytes, SessionHandler] = field(default_factory=dict)
    """GET path -> what takes the connection over."""
    errors: tuple[tuple[bytes, Front], ...] = field(default=())
    """Path prefix -> the dialect in which errors are told there."""
    door: Door | None = None
    """Who is let in at all, by address and host name; None: everyone. Raises GatewayError."""
    relayed: Relay = nothing
    """What passes through as it is: a request to its front and pipeline; None: it is none of it. Raises GatewayError."""


Usual = tuple[World, Front, Callable[[Exchange], Awaitable[None]]]
"""All that becomes of a head without unusual headers in a world: the dialect, and who serves it."""


class App:
    """The server's handler. `world` is replaced in one assignment on reload."""

    def __init__(self, world: World, ids: Ids, clock: Clock, shedding: Shedding | None = None) -> None:
        """`shedding` None: nobody is turned away."""
        self.world = world
        self._ids = ids
        self._clock = clock
        self._shedding = shedding or Shedding(clock.monotonic)

    def __call__(self, request: Request) -> Awaitable[None]:
        """What is left to await. Not a coroutine itself: one less that each resumption goes through."""
        world = self.world
        if (world.door is not None or self._shedding.pressure) and (away := self._turned_away(world, request)) is not None:
            origin = request.headers.get(b"origin")
            return self._refused(world, request, away, b"" if origin is None else world.cors.lines(origin))
        notes = request.notes
        usual: Usual | None = None if notes is None else notes.get(self)
        if usual is None or usual[0] is not world:
            return self._judged(world, request)
        _, front, serve = usual
        return serve(Exchange(self._ids.request_id(), request, front, self._clock.monotonic()))

    def _judged(self, world: World, request: Request) -> Awaitable[None]:
        """For a head that was not seen a moment ago."""
        headers = request.headers
        front = world.fronts.get(request.path) if request.method == b"POST" else None
        extra = b""
        if front is None or world.versions.active or b"x-api-version" in headers:
            try:
                resolved = world.versions.resolve(request.path, headers, self._clock.now())
                request.sent, request.path = request.path, resolved.path
                front = front_at(world.fronts, world.bound, request) if request.method == b"POST" else None
                relayed = world.relayed(request) if front is None else None
            except GatewayError as error:
                return self._refused(world, request, error)
            extra = resolved.headers
            if relayed is not None:
                return self._relay(world, request, relayed, extra)
        origin = headers.get(b"origin")
        if origin is not None:
            extra += world.cors.lines(origin)
        if front is None:
            session = world.sessions.get(request.path) if request.method == b"GET" else None
            if session is not None:
                return session(request, self._request_id(headers), extra)
            return self._plain(world, request, extra)
        if headers.get(b"user-agent", b"").startswith(USER_AGENT):
            front = INSTEAD.get(front, front)
        ex = Exchange(self._request_id(headers), request, front, self._clock.monotonic())
        ex.extra_lines = extra
        if origin is not None and not _is_json(headers.get(b"content-type", b"")):
            # A browser sends such a request across origins without asking first; only JSON makes it ask (CORS preflight).
            return self._not_json(world, ex)
        wanted = headers.get(b"x-gateway-metadata")
        if wanted is not None:
            ex.metadata_wanted = wanted.lower() in (*_TRUE, b"body")
        strict = headers.get(b"x-gateway-strict")
        if strict is not None:
            ex.strict = strict.lower() in _TRUE
        serve = (world.responses if front is OPENAI_RESPONSES else world.pipeline).serve
        if request.notes is not None and not request.sent and headers.keys().isdisjoint(_UNUSUAL):
            usual: Usual = world, front, serve
            request.notes[self] = usual
        return serve(ex)

    def _relay(self, world: World, request: Request, relayed: Relayed, extra: bytes) -> Awaitable[None]:
        """What passes through as it is: the hot path knows nothing of it."""
        front, pipeline = relayed
        headers = request.headers
        origin = headers.get(b"origin")
        allowed = b"" if origin is None else world.cors.lines(origin)
        ex = Exchange(self._request_id(headers), request, front, self._clock.monotonic())
        ex.extra_lines = extra + allowed
        if origin is not None and b"Access-Control-Allow-Origin" not in allowed and _unasked(request):
            return self._not_json(world, ex)
        return pipeline.serve(ex)

    def new_id(self) -> str:
        """A request id, for answers that no request was read for."""
        return self._ids.request_id()

    def _turned_away(self, world: World, request: Request) -> GatewayError | None:
        """Who may not come in at all; and while there is more to do than can be done, others, but not those who ask whether it is
        so, nor a browser's preflight.
        """
        if world.door is not None:
            try:
                world.door(request)
            except GatewayError as error:
                return error
        if not self._shedding.pressure or request.path in _NEVER_SHED or request.method == b"OPTIONS":
            return None
        return self._shedding.refusal(request.headers)

    async def _refused(self, world: World, request: Request, error: GatewayError, extra: bytes = b"") -> None:
        self._refuse(world, request, error, extra)

    async def _not_json(self, world: World, ex: Exchange) -> None:
        with world.pipeline.observe(ex):
            refusal = InvalidRequest("Content-Type must be application/json.", code="invalid_content_type")
            world.pipeline.edge.refuse(ex, refusal)

    async def _plain(self, world: World, request: Request, extra: bytes) -> None:
        try:
            if request.method == b"OPTIONS":
                answer = world.cors.preflight(request.headers)
            else:
                handler, rest = _find(world, request)
                answer = await handler(request, rest)
        except GatewayError as error:
            self._refuse(world, request, error, extra)
            return
        lines = ALWAYS if b"cache-control:" not in answer.headers.lower() else ALWAYS.partition(b"\r\n")[0] + b"\r\n"
        request_id = header(b"X-Request-ID", self._request_id(request.headers).encode())
        request.reply.whole(answer.status, answer.headers + lines + request_id + extra, answer.body)

    def _refuse(self, world: World, request: Request, error: GatewayError, extra: bytes) -> None:
        request_id = self._request_id(request.headers)
        front = error_front(world, request.path, request.headers)
        lines = b"Content-Type: application/json\r\n" + ALWAYS + header(b"X-Request-ID", request_id.encode()) + error_lines(error)
        request.reply.whole(front.status_of(error), lines + extra, front.render_error(error, request_id))

    def _request_id(self, headers: Mapping[bytes, bytes]) -> str:
        given = headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            return given.decode("ascii")
        return self._ids.request_id()


def front_at(fronts: Mapping[bytes, Front], bound: Iterable[tuple[bytes, BindFront]], request: Request) -> Front | None:
    """The dialect of a POST to a model operation; None: its path is none. Raises InvalidRequest."""
    front = fronts.get(request.path)
    if front is None:
        for prefix, bind in bound:
            if request.path.startswith(prefix):
                return bind(request)
    return front


def _unasked(request: Request) -> bool:
    """Whether a browser sends such a request across origins without asking first: a form, say, without a key of its own."""
    headers = request.headers
    return (
        request.method == b"POST"
        and not _is_json(headers.get(b"content-type", b""))
        and not headers.keys() & {b"authorization", b"x-api-key", b"x-goog-api-key"}
    )


def _is_json(content_type: bytes) -> bool:
    """By the media type alone: its parameters do not make a browser ask first (Fetch, CORS-safelisted headers)."""
    media = content_type.partition(b";")[0].strip().lower()
    return media == b"application/json" or media.endswith(b"+json")


def error_front(world: World, path: bytes, headers: Mapping[bytes, bytes]) -> Front:
    """In which dialect an error at `path` is told: the route's own, or Anthropic's for who sends its version header."""
    if path.startswith(b"/v1/models") and (gemini.is_googles(headers) or gemini.names_operation(path)):
        return gemini.DEFAULT
    for prefix, front in world.errors:
        if path.startswith(prefix) or (front.name == "anthropic_messages" and b"anthropic-version" in headers):
            return front
    return world.default_front


def _find(world: World, request: Request) -> tuple[PlainHandler, str]:
    path = request.path
    found = world.exact.get(path)
    rest = ""
    if found is None:
        for prefix, methods, handler in world.prefixes:
            if path.startswith(prefix) and len(path) > len(prefix):
                found, rest = (methods, handler), path[len(prefix) :].decode("latin-1")
                break
    if found is None and path in world.fronts:
        raise MethodNotAllowed("This path takes POST only.", details={"allow": "POST, OPTIONS"})
    if found is None and path in world.sessions:
        raise MethodNotAllowed("This path takes GET only.", details={"allow": "GET, OPTIONS"})
    if found is None:
        raise NotFound("There is nothing at this path. The README lists the endpoints.", code="not_found")
    methods, handler = found
    if request.method not in methods:
        allow = b", ".join((*methods, b"OPTIONS")).decode()
        raise MethodNotAllowed(f"This path takes {allow}.", details={"allow": allow})
    return handler, rest
