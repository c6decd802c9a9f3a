"""From a request to an Answer: which operation, whose key, which model, which faults, at what pace."""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.simulator import admin
from llm_gateway.simulator.answer import Answer, Framing, Part
from llm_gateway.simulator.dialects import models
from llm_gateway.simulator.dialects.base import Dialect, Raw
from llm_gateway.simulator.dialects.table import SPOKEN, dialect_for
from llm_gateway.simulator.faults import table
from llm_gateway.simulator.faults.spec import Fault, FaultError, Given, Triggers, parse
from llm_gateway.simulator.forms import document_of
from llm_gateway.simulator.heads import headers_of
from llm_gateway.simulator.kept import KEPT, Kept
from llm_gateway.simulator.log import Log, Seen, shown_headers, shown_target
from llm_gateway.simulator.options import SimulatorOptions
from llm_gateway.simulator.problems import Front, Problem, unknown_model, wrong_key
from llm_gateway.simulator.refusals import body, headers
from llm_gateway.simulator.routes import Place, Received, front_of, key_of, place, split_model
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.shapes import Shape

if TYPE_CHECKING:
    from llm_gateway.simulator.realtime import Line, Session

REMEMBERED = 256
REMEMBERED_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a dialect said, before faults: kept for requests that come again, as they do under load."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    parts: tuple[tuple[int, bytes], ...]  # (tokens, bytes)
    tokens: int
    front: Front
    request_id: str
    shape: Shape
    dialect: str | None
    model: str | None
    fault: str


class App:
    """What one simulator answers. It knows requests and Answers and nothing of connections."""

    def __init__(self, options: SimulatorOptions, clock: Clock, log: Log) -> None:
        self.options = options
        self.log = log
        self.triggers = Triggers(options.seed)
        self._clock = clock
        self._began = clock.monotonic()
        self._script = Script(
            seed=options.seed,
            tokens=options.tokens,
            replies=options.replies,
            reasoning_content=options.reasoning_content,
        )
        self._kept = Kept()
        self._remembered: OrderedDict[tuple[Any, ...], Rendered] = OrderedDict()
        for mount in options.mounts:
            table.check(parse(mount.fault))
            if mount.speaks and mount.speaks not in SPOKEN:
                raise ValueError(f"no provider is named {mount.speaks[:40]!r}; there are {', '.join(SPOKEN)}")
        table.check(parse(options.fault))

    def now(self) -> float:
        """Seconds since this simulator began."""
        return self._clock.monotonic() - self._began

    def early(self, received: Received) -> tuple[Seen, Answer] | None:
        """An answer that a fault gives before the request's body is read."""
        at = place(received, self.options.mounts, self.options.fault)
        if not at.faults:
            return None
        try:
            received.struck = self._strike(at.faults, at)
            if not any(table.is_early(fault) for fault in received.struck):
                return None
            large = Problem(413, "the simulated provider takes no body of this size")
            rendered = self._refused(large, front_of(received, at), "req_early")
            return self._answer(received, at, rendered, received.struck)
        except FaultError:
            received.struck = None  # the complete request is told what is wrong
            return None

    def respond(self, received: Received) -> tuple[Seen | None, Answer]:
        """The answer to a complete request, and its entry in the log (admin requests have none)."""
        if received.path.startswith(admin.PREFIX):
            return None, admin.respond(received, self)
        at = place(received, self.options.mounts, self.options.fault)
        return self._faulty(received, at, self._rendered(received, at))

    def open(self, received: Received) -> tuple[Seen, Answer] | None:
        """The answer to a request for a realtime session, which goes on with `session` if it is 101; None: it is none."""
        at = place(received, self.options.mounts, self.options.fault)
        if not at.path.endswith("/realtime") or received.header(b"upgrade").lower() != b"websocket":
            return None
        query = parse_qs(received.query)
        request_id = f"req_{self._script.digest([at.path, received.query])[:24]}"
        request, spec = split_model({"model": query.get("model", query.get("deployment", [""]))[0]})
        model, known = str(request["model"]), self._models(at)
        try:
            self._admit(key_of(received), Front.OPENAI)
            _check_session(model, known, transcription=query.get("intent") == ["transcription"])
            rendered = Rendered(101, (), (), 0, Front.OPENAI, request_id, Shape.WHOLE, "openai_realtime", model, spec)
        except Problem as problem:
            rendered = replace(self._refused(problem, Front.OPENAI, request_id), model=model or None, fault=spec)
        seen, answer = self._faulty(received, at, rendered)
        return seen, answer

    def session(self, line: Line, received: Received, seen: Seen, answer: Answer) -> Session:
        """The session that `open` said may begin, on its connection."""
        from llm_gateway.simulator.realtime import Session  # noqa: PLC0415 - with the library for WebSockets, 30 ms

        rate = self.options.tokens_per_second
        return Session(line, received, self._script, seen, answer.trouble, 1 / rate if rate else 0.0)

    def _faulty(self, received: Received, at: Place, rendered: Rendered) -> tuple[Seen, Answer]:
        try:
            struck = self._strike(at.faults, at) if received.struck is None else received.struck
            if rendered.fault:
                struck += self._strike((rendered.fault,), at)
                at = replace(at, faults=(*at.faults, rendered.fault))
            return self._answer(received, at, rendered, struck)
        except FaultError as error:
            unusable = self._refused(Problem(400, f"simulator: {error}"), rendered.front, "req_fault")
            return self._answer(received, at, unusable, ())

    # ---- what is said

    def _rendered(self, received: Received, at: Place) -> Rendered:
        front, key = front_of(received, at), key_of(received)
        if self._kept.knows(at.path) and (at.mount is None or at.mount.speaks in ("", "openai")):
            return self._look_after(received, at, key)
        known = (received.method, at, received.query, front, key, received.body)
        if found := self._remembered.get(known):
            return found
        rendered = self._render(received, at, front, key)
        if len(received.body) <= REMEMBERED_BODY:
            self._remembered[known] = rendered
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return rendered

    def _render(self, received: Received, at: Place, front: Front, key: str) -> Rendered:
        request_id = f"req_{self._script.digest([received.method, at.path, received.body])[:24]}"
        dialect, placed = dialect_for(at.path, received.query, at.mount.speaks if at.mount else "")
        front = dialect.front if dialect else front
        spec, model = "", None
        try:
            self._admit(key, front)
            if dialect is None or received.method != "POST":
                return self._look_up(received, at, front, request_id, dialect)
            request, spec = split_model({**_document(received), **placed})
            model = request.get("model") if isinstance(request.get("model"), str) else None
            known = self._models(at)
            if model and known and model not in known:
                raise unknown_model(model, front)
            return self._said(dialect, request, request_id, spec)
        except Problem as problem:
            refused = self._refused(problem, front, request_id)
            return replace(refused, dialect=dialect.name if dialect else None, model=model, fault=spec)

    def _said(self, dialect: Dialect, request: Mapping[str, Any], request_id: str, spec: str) -> Rendered:
        shape, tokens = Shape.WHOLE, 0
        if dialect.stream is not None and dialect.streams(request):
            shape = dialect.shape
            parts = tuple((event.tokens, event.data) for event in dialect.stream(self._script, request))
        else:
            reply = dialect.reply(self._script, request)
            if isinstance(reply.document, Raw):
                return _bytes(dialect, reply.document, request_id, str(request.get("model")), spec)
            parts, tokens = ((0, msgspec.json.encode(reply.document)),), reply.tokens
        model, head = str(request.get("model")), headers_of(dialect.front, request_id, shape)
        return Rendered(200, head, parts, tokens, dialect.front, request_id, shape, dialect.name, model, spec)

    def _look_after(self, received: Received, at: Place, key: str) -> Rendered:
        """Files and batches: the same request does not get the same answer."""
        request_id = f"req_{self._script.digest([received.method, at.path, received.query])[:24]}"
        try:
            self._admit(key, Front.OPENAI)
            content_type = received.header(b"content-type")
            document = self._kept.answer(received.method, at.path, received.query, content_type, received.body)
        except Problem as problem:
            return replace(self._refused(problem, Front.OPENAI, request_id), dialect="kept")
        if isinstance(document, Raw):
            return _bytes(KEPT, document, request_id, "", "")
        head = headers_of(Front.OPENAI, request_id, Shape.WHOLE)
        data = msgspec.json.encode(document)
        return Rendered(200, head, ((0, data),), 0, Front.OPENAI, request_id, Shape.WHOLE, "kept", None, "")

    def _look_up(self, received: Received, at: Place, front: Front, request_id: str, dialect: Dialect | None) -> Rendered:
        if dialect is not None:
            raise Problem(405, f"Not allowed to {received.method} on {at.path}.")
        if received.method not in ("GET", "HEAD"):
            code = "unknown_url" if front is Front.OPENAI else None
            raise Problem(404, f"Invalid URL ({received.method} {at.path})", code=code)
        data = msgspec.json.encode(models.look_up(at.path, self._models(at), front))
        head = headers_of(front, request_id, Shape.WHOLE)
        return Rendered(200, head, ((0, data),), 0, front, request_id, Shape.WHOLE, "models", None, "")

    def _refused(self, problem: Problem, front: Front, request_id: str) -> Rendered:
        head = (*headers_of(front, request_id, Shape.WHOLE), *headers(problem, front))
        data = body(problem, front, request_id)
        return Rendered(problem.status, head, ((0, data),), 0, front, request_id, Shape.WHOLE, None, None, "")

    def _models(self, at: Place) -> tuple[str, ...]:
        own = at.mount.models if at.mount else None
        return self.options.models if own is None else own

    def _admit(self, key: str, front: Front) -> None:
        keys = self.options.keys
        if keys and not any(hmac.compare_digest(key.encode(), known.encode()) for known in keys):
            raise wrong_key(front, given=bool(key))

    # ---- how it is said

    def _strike(self, specs: tuple[str, ...], at: Place) -> tuple[Fault, ...]:
        """Those faults of `specs` that strike this request; each call counts as one request. Raises FaultError."""
        faults = tuple(fault for spec in specs for fault in parse(spec))
        table.check(faults)
        scope = at.mount.prefix if at.mount else ""
        return tuple(fault for fault in faults if self.triggers.strikes(fault, scope))

    def _answer(self, received: Received, at: Place, rendered: Rendered, faults: tuple[Fault, ...]) -> tuple[Seen, Answer]:
        answer = self._paced(rendered, at)
        table.apply(faults, answer, Given(seed=self.options.seed, now=self._clock.now))
        seen = Seen(
            number=self.log.next_number(),
            at=self.now(),
            connection=received.connection,
            method=received.method,
            target=shown_target(received.path, received.query),
            path=at.path,
            headers=shown_headers(received.headers),
            body_size=len(received.body),
            dialect=rendered.dialect,
            model=rendered.model,
            stream=rendered.shape is not Shape.WHOLE,
            fault="+".join(at.faults),
            applied=tuple(fault.name for fault in faults),
            status=answer.status,
            body=received.body[: self.options.log_body_bytes],
        )
        self.log.add(seen)
        return seen, answer

    def _paced(self, rendered: Rendered, at: Place) -> Answer:
        """The answer with its pauses: the first token's delay, then each event's share of the pace."""
        options, mount = self.options, at.mount
        rate = mount.tokens_per_second if mount and mount.tokens_per_second is not None else options.tokens_per_second
        delay = options.first_token_delay
        if mount and mount.first_token_delay is not None:
            delay = mount.first_token_delay
        each = 1 / rate if rate else 0.0
        parts: list[Part] = []
        for tokens, data in rendered.parts:
            pause = 0.0
            if tokens:
                pause, delay = tokens * each + delay, 0.0
            parts.append((pause, data))
        answer = Answer(rendered.status, list(rendered.headers), parts, rendered.front, rendered.request_id)
        if rendered.shape is not Shape.WHOLE:
            answer.shape, answer.framing = rendered.shape, Framing.CHUNKED
        elif rendered.tokens:
            answer.wait = delay + rendered.tokens * each
        return answer


def _check_session(model: str, known: tuple[str, ...], *, transcription: bool) -> None:
    if not model and not transcription:
        raise Problem(400, "You must provide a model parameter.", code="missing_model")
    if model and known and model not in known:
        raise unknown_model(model, Front.OPENAI)


def _bytes(dialect: Dialect, raw: Raw, request_id: str, model: str, spec: str) -> Rendered:
    """An answer that is no document."""
    head = tuple(
        (name, raw.content_type if name == b"content-type" else value)
        for name, value in headers_of(dialect.front, request_id, Shape.BYTES)
    )
    parts = tuple((1, piece) for piece in raw.pieces)
    return Rendered(200, head, parts, 0, dialect.front, request_id, Shape.BYTES, dialect.name, model, spec)


def _document(received: Received) -> dict[str, Any]:
    content_type = received.header(b"content-type")
    if content_type.lower().startswith(b"multipart/form-data"):
        return document_of(content_type, received.body)
    try:
        document = msgspec.json.decode(received.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Problem(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(document, dict):
        raise Problem(400, "The JSON body of your request is not an object.")
    return document
