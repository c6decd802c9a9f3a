"""Which models a provider has, by its own account: asked when a list is wanted and the configuration names none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol
from urllib.parse import quote

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.http.client import Client, Response, Timeouts
from llm_gateway.http.errors import HttpError
from llm_gateway.http.headers import header
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.faults import from_http

FRESH = 300.0
"""Seconds that an answer is good for."""
FRESH_FAILURE = 30.0
LIMIT = 3.0
"""Seconds that whoever wants the list waits."""
LARGEST = 1 << 20
"""Bytes of one answer."""
PAGES = 10
"""Answers of one provider, where it gives its list in pages."""
_TIMEOUTS = Timeouts(connect=LIMIT, head=LIMIT, idle=LIMIT, total=LIMIT, pool=LIMIT)

# The same fact by the names that servers use: vLLM; Together, OpenRouter; Mistral; Groq; Anthropic.
_CONTEXT = ("max_model_len", "context_length", "max_context_length", "context_window", "max_input_tokens", "inputTokenLimit")
_OUTPUT = ("max_output_tokens", "max_completion_tokens", "max_tokens", "outputTokenLimit")
_LARGEST_COUNT = 1 << 40


class ListedModel(msgspec.Struct, frozen=True):
    """A model as its provider lists it. `created` in Unix seconds, 0 and "" where it did not say; tokens None."""

    id: str
    created: int = 0
    owned_by: str = ""
    display_name: str = ""
    context_window: int | None = None
    max_output_tokens: int | None = None
    capabilities: tuple[str, ...] = ()


Listed = Mapping[str, Mapping[str, ListedModel]]
"""Provider -> model -> what is known of it. A provider that is missing could not be asked: its models are not known."""


class Log(Protocol):
    def __call__(self, level: Literal["warning"], event: str, **fields: Any) -> None: ...


class Discovery:
    """Asks the upstreams whose models are not configured, all at once, each at most once at a time; remembers what they said.

    A provider that needs a key and has none is not asked. One that fails is left out and logged (`discovery_failed`).
    """

    def __init__(self, upstreams: Iterable[Upstream], clients: Mapping[str, Client], clock: Clock, log: Log) -> None:
        """`clients`: as Upstream.client_name names them."""
        self._upstreams = [upstream for upstream in upstreams if upstream.models is None and can_ask(upstream)]
        self._clients = clients
        self._clock = clock
        self._log = log
        self._known: dict[str, Mapping[str, ListedModel]] = {}
        self._until: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def __call__(self) -> Listed:
        """What is known, after asking for what is out of date. Takes LIMIT seconds at most; raises nothing."""
        now = self._clock.monotonic()
        stale = [upstream for upstream in self._upstreams if self._until.get(upstream.name, now) <= now]
        if stale:
            # wait, not gather: a caller who leaves must not take the others' answer with him.
            await asyncio.wait([self._task(upstream) for upstream in stale], timeout=LIMIT)
        return dict(self._known)

    def _task(self, upstream: Upstream) -> asyncio.Task[None]:
        task = self._asking.get(upstream.name)
        if task is None:
            task = self._asking[upstream.name] = asyncio.get_running_loop().create_task(self._refresh(upstream))
        return task

    async def _refresh(self, upstream: Upstream) -> None:
        try:
            self._known[upstream.name] = await self._ask(upstream)
            self._until[upstream.name] = self._clock.monotonic() + FRESH
        except HttpError as error:
            self._failed(upstream, from_http(error).reason)
        except _Unusable as error:
            self._failed(upstream, str(error))
        except ValueError:  # a header or path that cannot be sent
            self._failed(upstream, "configuration")
        finally:
            del self._asking[upstream.name]

    def _failed(self, upstream: Upstream, reason: str) -> None:
        self._known.pop(upstream.name, None)
        self._until[upstream.name] = self._clock.monotonic() + FRESH_FAILURE
        self._log("warning", "discovery_failed", provider=upstream.name, reason=reason)

    async def _ask(self, upstream: Upstream) -> Mapping[str, ListedModel]:
        found: dict[str, ListedModel] = {}
        more = ""
        for _ in range(PAGES):
            document = await self._get(upstream, upstream.kind.models_path + more)
            found.update((model.id, model) for model in read(document) if _usable(upstream, model.id))
            last = document.get("last_id") if isinstance(document, dict) and document.get("has_more") is True else None
            if not isinstance(last, str):  # only Anthropic's lists come in pages
                break
            more = f"?limit=1000&after_id={quote(last, safe='')}"
        return MappingProxyType(found)

    async def _get(self, upstream: Upstream, path: str) -> Any:
        response = await get(upstream, self._clients[upstream.client_name], upstream.base_path + path, _TIMEOUTS)
        try:
            if response.status != 200:
                raise _Unusable(f"status {response.status}")
            body = await response.read(LARGEST)
        finally:
            response.close()
        try:
            return decode_lenient(body, Any)
        except (MalformedJson, msgspec.ValidationError):  # a number of any size is JSON, and not one that we can hold
            raise _Unusable("not JSON") from None


async def get(upstream: Upstream, client: Client, path: str, timeouts: Timeouts) -> Response:
    """The answer to a GET with the account's own header lines, to be closed. Raises HttpError, and ValueError for a header or
    path that cannot be sent.
    """
    lines = b"".join(
        header(name.encode("ascii"), value.encode("latin-1"))
        for name, value in upstream.lines.items()
        if name.lower() != "content-type"
    )
    return await client.send(upstream.origin, b"GET", path.encode("ascii"), lines, b"", timeouts)


class _Unusable(Exception):
    """An answer that is no list of models. The message is the reason for the log."""


def read(document: Any) -> Iterator[ListedModel]:
    """The models of a list, `{"data": [...]}`, `{"models": [...]}` (Gemini, Cohere) or bare. Entries that make no sense are
    skipped; _Unusable if it is no list.
    """
    rows = document.get("data", document.get("models")) if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise _Unusable("not a list of models")
    for row in rows:
        ident = row.get("id", row.get("name")) if isinstance(row, dict) else None
        if isinstance(ident, str):
            yield _model(ident.removeprefix("models/"), row)


def _model(ident: str, row: dict[str, Any]) -> ListedModel:
    meta = row.get("meta")  # llama.cpp's own facts
    trained = meta.get("n_ctx_train") if isinstance(meta, dict) else None
    return ListedModel(
        id=ident,
        created=_count(row.get("created")) or _moment(row.get("created_at")),
        owned_by=_text(row.get("owned_by")) or _text(row.get("organization")),
        display_name=_text(row.get("display_name")) or _text(row.get("displayName")),
        context_window=_first(row, _CONTEXT) or _count(trained),
        max_output_tokens=_first(row, _OUTPUT),
        capabilities=_capabilities(row),
    )


def _capabilities(row: dict[str, Any]) -> tuple[str, ...]:
    """Together says `type`, Mistral an object of booleans, llama.cpp a list."""
    said = row.get("capabilities")
    if isinstance(said, dict):
        return tuple(_text(name) for name, has in said.items() if has is True)
    if isinstance(said, list):
        return tuple(_text(name) for name in said if isinstance(name, str))
    kind = _text(row.get("type"))
    return (kind,) if kind and kind != "model" else ()  # "model" is what Anthropic calls all of them


def _first(row: dict[str, Any], names: tuple[str, ...]) -> int | None:
    return next((count for name in names if (count := _count(row.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    """A positive whole number; True is none."""
    return value if type(value) is int and 0 < value < _LARGEST_COUNT else None


def _text(value: Any) -> str:
    return value[:256] if isinstance(value, str) else ""


def _moment(value: Any) -> int:
    try:
        return max(int(datetime.fromisoformat(value).timestamp()), 0) if isinstance(value, str) else 0
    except (ValueError, OverflowError):
        return 0


def can_ask(upstream: Upstream) -> bool:
    """Whether it has a list, and the credentials that this type needs are among the header lines."""
    if not upstream.kind.models_path:
        return False
    if not upstream.kind.key_required:
        return True
    given = {name.lower() for name in upstream.lines}
    return all(name.lower() in given for name in upstream.kind.sign("key"))


def _usable(upstream: Upstream, model: str) -> bool:
    try:
        upstream.deployment(model)
    except ValueError:
        return False
    return True
