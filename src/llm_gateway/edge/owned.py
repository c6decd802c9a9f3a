"""/v1/files and /v1/batches: which request is for what, and at which provider. What happens to it is said in edge/keeping.py."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from llm_gateway.core.errors import Forbidden, GatewayError, InvalidRequest, MethodNotAllowed, NotFound
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.base import Front, Operation
from llm_gateway.dialects.openai_media import OWNED, MediaFront, MediaOperation, MediaView
from llm_gateway.edge.query import parameters, without
from llm_gateway.http.server import Request
from llm_gateway.identity.roles import demand, scope_of

_PATH = re.compile(rb"/v1/(files|batches)(?:/([^/]+)(?:/([a-z]+))?)?")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_KINDS: Mapping[str, MediaOperation] = MappingProxyType({kind.path[1:]: kind for kind in OWNED})
_METHODS: Mapping[tuple[str, str], tuple[bytes, ...]] = MappingProxyType(
    {
        ("files", "all"): (b"GET", b"POST"),
        ("files", "one"): (b"GET", b"DELETE"),
        ("files", "content"): (b"GET",),
        ("batches", "all"): (b"GET", b"POST"),
        ("batches", "one"): (b"GET",),
        ("batches", "cancel"): (b"POST",),
    }
)


class OwnedFront(MediaFront):
    """One request's. Implements Front."""

    __slots__ = ("_named", "_providers", "action", "item", "method", "provider", "query")

    def __init__(
        self, kind: MediaOperation, request: Request, action: str, item: str, default: str | None, known: Collection[str]
    ) -> None:
        """`action`: all, one, content or cancel. `default`: the provider that is asked unless the request names one."""
        super().__init__(kind, request.headers.get(b"content-type", b""))
        given = request.headers.get(b"x-gateway-provider")
        named = parameters(request.query).get("provider") if given is None else given.decode("latin-1")
        self._named = named or default
        self._providers = known
        self.action = action
        self.item = item
        self.method = request.method
        self.provider = ""
        self.query = without(request.query, lambda name, _value: name == "provider")

    def view(self, body: bytes) -> MediaView:  # noqa: ARG002 - the Protocol's
        """No model is asked: its name is empty. Raises InvalidRequest."""
        if not self._named:
            raise InvalidRequest(
                "Which provider keeps this? Name it in the header X-Gateway-Provider or as ?provider=; the configuration's"
                " files.provider would be the default.",
                code="missing_field",
                param="provider",
            )
        if self._named not in self._providers:
            raise InvalidRequest("There is no such provider here, or it keeps none of this.", param="provider")
        self.provider = self._named
        if self.method == b"POST" and self.action == "all" and self.operation is Operation.FILES:
            media = self._content_type.partition(b";")[0].strip().lower()
            if media != b"multipart/form-data":
                raise InvalidRequest("The Content-Type must be multipart/form-data.", code="invalid_content_type")
        return MediaView("")

    @property
    def content_type(self) -> bytes:
        return self._content_type if self.operation is Operation.FILES else b"application/json"


class OwnedFronts:
    """Which front a request to one of these paths meets."""

    def __init__(self, default: str | None, speaking: Mapping[str, Collection[str]]) -> None:
        """`speaking`: a dialect's name to the providers that have it."""
        self._default = default
        self._speaking = speaking

    def __call__(self, request: Request) -> Front | None:
        """None: it is not for one of them. Raises NotFound, MethodNotAllowed and InvalidRequest."""
        if not request.path.startswith((b"/v1/files", b"/v1/batches")) or request.method == b"OPTIONS":
            return None
        found = _PATH.fullmatch(request.path)
        if found is None:
            return None
        what, item = found[1].decode(), (found[2] or b"").decode("latin-1")
        action = found[3].decode() if found[3] else "one" if item else "all"
        methods = _METHODS.get((what, action))
        if methods is None:
            return None
        if request.method not in methods:
            allow = b", ".join((*methods, b"OPTIONS")).decode()
            raise MethodNotAllowed(f"This path takes {allow}.", details={"allow": allow})
        if item and not _ID.fullmatch(item):
            raise unknown(what)
        kind = _KINDS[what]
        return OwnedFront(kind, request, action, item, self._default, self._speaking.get(kind.name, ()))


def authorize_owned(ex: Exchange) -> None:
    """Files are nobody's but their maker's, whichever models he may use. A batch names models that nobody here reads, so its
    maker must be allowed all of the provider's. Raises Forbidden.
    """
    front: OwnedFront = ex.front
    if ex.caller is not None:
        demand(ex.caller, scope_of(front.operation, front.method))
    if front.operation is not Operation.BATCHES or front.method != b"POST" or front.action != "all":
        return
    if ex.caller is None or not ex.caller.allows(f"{front.provider}/*"):
        raise Forbidden(
            "A batch may ask any model of the provider, and this API key may not use all of them"
            f' ("{front.provider}/*" among its models).',
            code="model_not_accessible",
        )


def unknown(what: str) -> GatewayError:
    """In the same words for what is not there and for what is somebody else's."""
    return NotFound(f"There is no such {'file' if what == 'files' else 'batch'} of this API key.", param="id")
