"""/passthrough/{provider}/{path}: a provider's own API, with a caller's key of ours and the provider's credentials.

Off unless a provider's configuration lists paths, and then for keys that have the right to it only. A path is judged as it will
be sent: what a server behind us could read as another path (dots, encoded slashes, empty parts) is refused, not tidied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

import msgspec

from llm_gateway.core.errors import Forbidden, GatewayError, InvalidRequest, MethodNotAllowed, NotFound
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.json import encode
from llm_gateway.core.multipart import MalformedForm, boundary_of, parts_of, value_of
from llm_gateway.core.splice import set_top_level
from llm_gateway.dialects.base import Front, Operation, SseFront, View
from llm_gateway.dialects.invalid import Watched, check_size, read, refuse, refuse_duplicates
from llm_gateway.dialects.openai_chat import errors
from llm_gateway.edge.query import values, without
from llm_gateway.http.server import Request
from llm_gateway.identity.keys import presented
from llm_gateway.identity.roles import demand, scope_of

PREFIX = b"/passthrough/"
NAME = "passthrough"

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_TELLING = frozenset("/\\.%;?#")
"""What may not be written as an escape: it would mean something else to whoever decodes first."""
_MODEL = re.compile(r"/(?:model|models|deployments)/([^/]+?)(?::[A-Za-z]+)?(?:/|$)")
_WATCHED = Watched(b"model")
_STREAMS = re.compile(r"stream", re.IGNORECASE)


class _Body(msgspec.Struct, gc=False):
    model: str | None = None
    stream: bool | None = None


class Policy:
    """What of a provider may be asked for."""

    def __init__(self, paths: Iterable[str], methods: Iterable[str]) -> None:
        self._paths = re.compile("|".join(_expression(path) for path in paths) or "(?!)")
        self.methods = tuple(method.encode("ascii") for method in methods)

    def allows(self, path: str) -> bool:
        """`path` as `clean` gives it."""
        return self._paths.fullmatch(path) is not None


class PassthroughFront(SseFront):
    """One request's. Implements Front; the dialect is not known and not looked at, but for the model's name."""

    __slots__ = ("_content_type", "_most_json", "framed", "method", "path", "plain", "policy", "provider", "query", "told")

    name = NAME
    operation = Operation.PASSTHROUGH

    def __init__(self, request: Request, provider: str, path: bytes, policy: Policy | None, most_json: int) -> None:
        """`path`: as it was sent, from behind the provider's name on. `policy` None: nothing of this provider is passed on.
        `most_json`: bytes of a body that is looked into.
        """
        self._content_type = request.headers.get(b"content-type", b"")
        self._most_json = most_json
        self.provider = provider
        self.path = path
        self.plain = ""
        """The path without escapes, once `view` has accepted it."""
        self.policy = policy
        self.method = request.method
        self.query = _without_keys(request)
        self.framed = True
        self.told: tuple[int, bytes] | None = None
        """A provider's own error, as it is passed on."""

    def view(self, body: bytes) -> View:
        """Raises InvalidRequest and MalformedBody, for a path that could be read in two ways, too."""
        self.plain = clean(self.path)
        told, stream = self._asked(body)
        placed = _MODEL.search(self.plain)
        named = {*values(self.query, "model"), *([] if told is None else [told]), *([placed[1]] if placed else [])}
        if len(named) > 1:
            raise refuse("model", "the path, the query and the body must name the same one")
        model = next(iter(named), "")
        return View(f"{self.provider}/{model}" if model else "", stream)

    def status_of(self, error: GatewayError) -> int:
        return error.status if self.told is None else self.told[0]

    def render_error(self, error: GatewayError, request_id: str) -> bytes:
        if self.told is not None:
            return self.told[1]
        rendered = errors.render_error(error, request_id)
        return set_top_level(rendered, "message", encode(error.message))  # where clients of AWS and Cohere look for it

    def frame_error(self, error: GatewayError, request_id: str) -> bytes:
        return errors.frame_error(error, request_id)

    def _asked(self, body: bytes) -> tuple[str | None, bool]:
        """The model that the body names, and whether it asks for a stream."""
        if not body:
            return None, bool(_STREAMS.search(self.plain))
        media = self._content_type.partition(b";")[0].strip().lower()
        if media == b"multipart/form-data":
            return self._form_model(body), False
        if media.endswith(b"json") or body.lstrip()[:1] == b"{":
            check_size(body, self._most_json)
            seen = read(body, _Body) if body.lstrip()[:1] != b"[" else _Body()
            refuse_duplicates(body, _WATCHED)
            return seen.model, seen.stream is True or bool(_STREAMS.search(self.plain))
        return None, False

    def _form_model(self, body: bytes) -> str | None:
        try:
            boundary = boundary_of(self._content_type)
            found = [value_of(body, part) for part in parts_of(body, boundary, (b"model",)) if part.name == b"model"]
        except MalformedForm as error:
            raise InvalidRequest(f"The form could not be read: {error}.", code="malformed_form") from None
        if len(found) > 1:
            raise refuse("model", "it stands in the form more than once", "invalid_parameter_value")
        return found[0] if found else None


class PassthroughFronts:
    """Which front a request below /passthrough/ meets."""

    def __init__(self, policies: Mapping[str, Policy], most_json: int) -> None:
        """By provider; empty: there is no such route. `most_json`: as for PassthroughFront."""
        self._policies = policies
        self._most_json = most_json

    def __call__(self, request: Request) -> Front | None:
        """None: there is nothing. Raises InvalidRequest for a query that cannot be read."""
        if not request.path.startswith(PREFIX) or not self._policies or request.method == b"OPTIONS":
            return None
        _take_key(request)
        provider, slash, rest = request.path[len(PREFIX) :].partition(b"/")
        name = provider.decode("latin-1")
        return PassthroughFront(request, name, slash + rest, self._policies.get(name), self._most_json)


def authorize_passthrough(ex: Exchange) -> None:
    """May this caller ask this provider for this? What names no model, but sends something, may run any: a batch does.

    Raises Forbidden, NotFound and MethodNotAllowed.
    """
    front: PassthroughFront = ex.front
    caller = ex.caller
    if caller is not None:
        demand(caller, scope_of(front.operation))
    if caller is None or not caller.passthrough & {"*", front.provider}:
        raise Forbidden("This API key may not use paths of this provider (passthrough).", code="passthrough_not_allowed")
    policy = front.policy
    if policy is None or not policy.allows(front.plain):
        raise NotFound("There is no such provider here, or this path of it is not passed on.", code="not_found")
    if front.method not in policy.methods:
        allow = b", ".join((*policy.methods, b"OPTIONS")).decode()
        raise MethodNotAllowed(f"This path takes {allow}.", details={"allow": allow})
    if (ex.model or ex.body) and not caller.allows(ex.model or f"{front.provider}/*"):
        raise Forbidden("This API key may not use the model that was asked for.", code="model_not_accessible", param="model")


def clean(path: bytes) -> str:
    """`path` without escapes. Raises InvalidRequest where a server could take it for another one."""
    text = path.decode("latin-1")
    for escape in _ESCAPE.finditer(text):
        byte = chr(int(escape[1], 16)) if escape[1] else "%"
        if byte in _TELLING or byte < " " or byte == "\x7f":
            raise InvalidRequest("The path holds an escape that could be read in two ways.", code="invalid_path")
    parts = text.split("/")
    if parts[0] or len(parts) < 2 or "\\" in text or ";" in text or any(part in {"", ".", ".."} for part in parts[1:]):
        raise InvalidRequest("The path holds an empty part, a dot, a backslash or a semicolon.", code="invalid_path")
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("The path is not UTF-8.", code="invalid_path") from None


def _expression(path: str) -> str:
    """A pattern as a regular expression: a * is within one part, a last /* is all that is below.

    What stands between two * is taken where it comes first and nowhere else (the atomic groups): to try all other places would
    find nothing more, and take a long path for ever.
    """
    below = path.endswith("/*")
    first, *others = map(re.escape, (path[:-2] if below else path).split("*"))
    inner = "".join(f"(?>[^/]*?{piece})" for piece in others[:-1]) + (f"[^/]*{others[-1]}" if others else "")
    return first + inner + ("/.+" if below else "")


def _take_key(request: Request) -> None:
    """A key in the query, as Gemini's clients send it, goes where keys are looked for; an AWS signature is none of ours."""
    headers = request.headers
    if headers.get(b"authorization", b"").startswith(b"AWS4-") and b"x-api-key" in headers:
        del headers[b"authorization"]
    if not headers.keys() & {b"x-goog-api-key", b"authorization", b"x-api-key"}:
        keys = values(request.query, "key")
        if keys:
            headers[b"x-goog-api-key"] = keys[0].encode("latin-1", "replace")


def _without_keys(request: Request) -> bytes:
    """The query less what holds a key of ours."""
    if not request.query:
        return b""
    try:
        key = presented(request.headers)
    except GatewayError:
        key = None
    known = None if key is None else key.decode("latin-1")
    return without(request.query, lambda name, value: name == "key" or (known is not None and value == known))
