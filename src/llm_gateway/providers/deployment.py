"""A provider as configured, and one model of it: everything a request needs to be sent, worked out ahead of time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import quote

from llm_gateway.core.json import encode
from llm_gateway.core.trace import Propagate
from llm_gateway.credentials.base import Authorizer
from llm_gateway.dialects.base import Back, Front, Operation, Target, TypedBack, UsageAsked, Wants
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.http.client import Timeouts
from llm_gateway.http.headers import header
from llm_gateway.http.origin import Origin
from llm_gateway.providers.base import Endpoint, ProviderType

_VERSION_SEGMENT = re.compile(r"/v\d[^/]*(/|$)")
FORMS: Mapping[Operation, Operation] = MappingProxyType(
    {
        Operation.CHAT: Operation.CHAT,
        Operation.COMPLETION: Operation.CHAT,
        Operation.COUNT_TOKENS: Operation.CHAT,
        Operation.EMBEDDING: Operation.EMBEDDING,
        Operation.RERANK: Operation.RERANK,
    }
)
"""What is asked -> the operation of a back dialect that shares its neutral form. What is missing passes through or not at all."""
_UNSAFE_MODEL = re.compile(r"[\x00-\x20\x7f]|(?:^|/)\.\.?(?:/|$)")  # dots would lead out of the path that it stands in
_SHOWN = "".join(map(chr, range(0x21, 0x7F)))  # of a model's name in a header; the rest of Unicode is percent-encoded


STREAM_HEAD_SECONDS = 30.0
STREAM_LINES = b"X-Accel-Buffering: no\r\n"
"""Of every stream, behind its Content-Type."""
OWNED = 256
"""So many accounts of tenants, and models of each, are kept ready for one provider."""
_CREDENTIALS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "proxy-authorization"})
_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds. `head` None: the total for whole answers (they arrive when they are done), 30 for streams."""

    connect: float = 5.0
    head: float | None = None
    first_token: float = 30.0
    idle: float = 30.0
    total: float = 600.0

    def timeouts(self, left: float, *, stream: bool) -> Timeouts:
        """For one attempt. `left`: seconds until the request's deadline; a stream has none once it began."""
        # Nearly always there is (almost) all the time left that is wanted: those timeouts are made once.
        if stream:
            return self._stream if left >= self._longest_start else self._for_stream(left)
        return self._whole if left >= self.total - 0.05 else self._for_whole(left)

    @cached_property
    def _whole(self) -> Timeouts:
        return self._for_whole(self.total)

    @cached_property
    def _stream(self) -> Timeouts:
        return self._for_stream(inf)

    @cached_property
    def _longest_start(self) -> float:
        return max(self.connect, self._stream.head)

    def _for_whole(self, left: float) -> Timeouts:
        total = min(self.total, left)
        return Timeouts(self.connect, total if self.head is None else self.head, self.idle, total)

    def _for_stream(self, left: float) -> Timeouts:
        head = STREAM_HEAD_SECONDS if self.head is None else self.head
        wait = min(self.connect, left)
        return Timeouts(wait, min(head, self.first_token, left), self.idle, None, wait)


class Upstream:
    """An account at a provider: where it is and how it is asked. Immutable; one per entry of `providers`."""

    __slots__ = (
        "_asked_with",
        "_deployments",
        "authorizer",
        "base_path",
        "client_name",
        "forwarded",
        "headers",
        "kind",
        "lines",
        "models",
        "name",
        "origin",
        "own",
        "propagate",
        "region",
    )

    def __init__(  # noqa: PLR0913 - what an account is, each by name
        self,
        name: str,
        kind: ProviderType,
        base_url: str,
        *,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        models: tuple[str, ...] | None = None,
        region: str | None = None,
        client_name: str = "",
        authorizer: Authorizer | None = None,
        propagate: Propagate = "ids",
    ) -> None:
        """`models` None: not known ahead, any name may be asked for. `client_name`: which HTTP client (TLS trust, proxy).
        `authorizer`: who signs each request, where a key that stays the same is not enough. `propagate`: what it is told of
        traces.

        Raises ValueError for a base URL or header that cannot be used.
        """
        self.name = name
        self.kind = kind
        self.models = models
        self.region = region
        self.client_name = client_name
        self.authorizer = authorizer
        self.propagate = propagate
        self.origin, path = Origin.parse(base_url)
        # Base URLs are written with and without /v1; one that already names some version (/api/paas/v4) is left alone.
        if not kind.version:
            self.base_path = path.removesuffix("/v1")
        else:
            self.base_path = path if _VERSION_SEGMENT.search(path) else path + kind.version
        signed = kind.sign(api_key) if api_key else {}
        lines = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "llm-gateway"}
        self.lines = _merged(lines, kind.headers, signed, headers or {})
        self.headers = _rendered(self.lines)
        """The lines of every request, rendered."""
        self.forwarded = kind.forwarded
        self.own = False
        """Whether this is an account of a tenant (`owned`)."""
        self._asked_with: dict[str, Upstream] = {}
        self._deployments: dict[str, Deployment] = {}

    def owned(self, key: str) -> Upstream:
        """The same provider asked with another account's key. What else names the account of this one (its organization, keys in
        headers) is left out. Raises ValueError for a key that no header can carry.
        """
        made = self._asked_with.get(key)
        if made is None:
            made = object.__new__(Upstream)
            for slot in Upstream.__slots__:
                setattr(made, slot, getattr(self, slot))
            kind = self.kind
            without = {*_CREDENTIALS, *map(str.lower, (*kind.sign(key), *kind.account_headers.values()))}
            shared = {name: value for name, value in self.lines.items() if name.lower() not in without}
            made.lines = _merged(shared, kind.sign(key))
            made.headers = _rendered(made.lines)
            made.authorizer, made.own, made._deployments, made._asked_with = None, True, {}, {}
            _keep(self._asked_with, key, made)
        return made

    def beside(self, deployment: Deployment) -> Deployment:
        """The same model here: `deployment` belongs to the account that this one was made from."""
        made = self._deployments.get(deployment.model)
        if made is None or made.patience is not deployment.patience:
            made = self.deployment(deployment.model, deployment.patience)
            _keep(self._deployments, deployment.model, made)
        return made

    def refused(self, status: int) -> None:
        """The provider answered with this status. Credentials that it does not accept are fetched anew, in the background."""
        if status in (401, 403) and self.authorizer is not None:
            self.authorizer.stale()

    def deployment(self, model: str, patience: Patience | None = None) -> Deployment:
        """One model here. Raises ValueError for a name that could not stand in a header or a URL."""
        return Deployment(self, model, patience)


def with_own_key(deployment: Deployment, keys: Mapping[str, str]) -> Deployment:
    """`deployment` as it is asked with a tenant's own key; `keys`: by provider. Where there is none it stays as it is."""
    upstream = deployment.upstream
    key = keys.get(upstream.name)
    return deployment if key is None else upstream.owned(key).beside(deployment)


def _keep(kept: dict[str, _Kept], name: str, made: _Kept) -> None:
    if len(kept) >= OWNED:
        del kept[next(iter(kept))]
    kept[name] = made


def _rendered(lines: Mapping[str, str]) -> bytes:
    return b"".join(header(_ascii(name), _latin(value)) for name, value in lines.items())


def _merged(*sets: Mapping[str, str]) -> dict[str, str]:
    """Header lines, later ones in the place of earlier ones of the same name, however it is spelled (RFC 9110 section 5.1)."""
    found: dict[str, tuple[str, str]] = {}
    for lines in sets:
        found.update((name.lower(), (name, value)) for name, value in lines.items())
    return dict(found.values())


def _ascii(name: str) -> bytes:
    if not name.isascii():
        raise ValueError("a header name must be a token")
    return name.encode("ascii")


def _latin(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:  # its text quotes the value, which may be a secret
        raise ValueError("a header value or API key holds a character that no header can carry") from None


def served_by(provider: str, model: str = "") -> bytes:
    """The header lines that tell a caller who answered."""
    name = provider.encode()
    shown = header(b"X-Provider", name) + header(b"X-Gateway-Provider", name)
    return shown + header(b"X-Gateway-Model", quote(model, _SHOWN, errors="replace").encode("ascii")) if model else shown


class Lane:
    """How one front reaches one deployment: the back dialect, the request line's target, the header lines of both directions."""

    __slots__ = (
        "adapt",
        "back",
        "headers",
        "own_errors",
        "parse_error",
        "same",
        "stream_lines",
        "stream_target",
        "target",
        "typed",
        "unframe",
        "usage_asked",
        "wants_bytes",
        "whole_lines",
    )

    def __init__(self, back: Back, front: Front, deployment: Deployment, endpoint: str | Endpoint) -> None:
        upstream = deployment.upstream
        self.back = back
        self.same = back.name == front.name
        self.typed: TypedBack | None = back if hasattr(back, "render_request") else None  # type: ignore[assignment]
        self.usage_asked: UsageAsked | None = back if hasattr(back, "asking_usage") else None  # type: ignore[assignment]
        if isinstance(endpoint, str):
            endpoint = Endpoint(endpoint)
        self.wants_bytes: Wants | None = endpoint.wants_bytes or (None if self.same else getattr(back, "wants_bytes", None))
        """The files that go inside of the request, if the gateway fetches any."""
        self.adapt = endpoint.adapt
        self.unframe = endpoint.unframe
        self.parse_error = endpoint.parse_error or back.parse_error
        self.own_errors = self.same and endpoint.parse_error is None
        """Whether what the provider says of a bad request has the caller's own shape."""
        self.target = deployment.target_at(endpoint, endpoint.path)
        self.stream_target = deployment.target_at(endpoint, endpoint.stream_path or endpoint.path)
        self.headers = upstream.headers
        shown = served_by(upstream.name, deployment.model)
        self.whole_lines = b"Content-Type: application/json\r\n" + shown
        # S1 of requirements 1.4; X-Accel-Buffering keeps nginx in front of us from collecting events.
        self.stream_lines = STREAM_LINES + shown  # behind the front's Content-Type


class Deployment:
    """One model at one provider."""

    __slots__ = ("_lanes", "model", "model_json", "name", "patience", "target", "upstream")

    def __init__(self, upstream: Upstream, model: str, patience: Patience | None) -> None:
        if not model or len(model) > 256 or _UNSAFE_MODEL.search(model):
            raise ValueError("a model name must be 1 to 256 characters without spaces, control characters or parts of dots")
        self.upstream = upstream
        self.model = model
        self.name = f"{upstream.name}/{model}"
        self.patience = patience
        self.target: Target = upstream.kind.target(model)
        """Changes once at most: when a model turns out not to know `stream_usage`."""
        self.model_json = encode(self.target.model)
        self._lanes: dict[str, Lane | None] = {}

    def target_at(self, endpoint: Endpoint, path: str) -> bytes:
        """The request line's target for one of an endpoint's paths."""
        model = self.target.model
        resource = quote(model, ":@") if endpoint.resource is None else quote(endpoint.resource(model), ":@/")
        return (self.upstream.base_path + path.replace("{model}", resource)).encode("ascii")

    def lane(self, front: Front) -> Lane | None:
        """How `front` reaches this deployment; None if it cannot. Same dialect first, else through the neutral form."""
        try:
            return self._lanes[front.name]
        except KeyError:
            lane = self._lanes[front.name] = self._find_lane(front)
            return lane

    def _find_lane(self, front: Front) -> Lane | None:
        kind = self.upstream.kind
        speaks = kind.speaks
        endpoints = {name: place for name, place in kind.endpoints.items() if speaks is None or speaks(name, self.model)}
        if front.name in endpoints:
            return Lane(DIALECTS[front.name], front, self, endpoints[front.name])
        form = FORMS.get(front.operation)
        for name, place in endpoints.items():
            if DIALECTS[name].operation is form:
                return Lane(DIALECTS[name], front, self, place)
        return None
