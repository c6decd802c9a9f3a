"""/admin/v1/cache, and the paths of requirements E22: what is kept of answers on this node, and that it goes.

Only roles over the whole system may look: answers of all tenants lie beside each other. No answer, no prompt and nothing of who
asked is ever shown: the key of an answer is a keyed hash.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from llm_gateway.cache.shown import Clear, Figures, Page, Row, counted, ratio
from llm_gateway.config.load import redacted
from llm_gateway.config.schema import AliasCache, Cache, Config
from llm_gateway.config.schema.base import about
from llm_gateway.config.values import Duration
from llm_gateway.control.api.route import Answer, Asked, Method, Route
from llm_gateway.control.caching.workers import Keepers, together
from llm_gateway.control.objects.documents import moment
from llm_gateway.core.errors import InvalidRequest, Overloaded
from llm_gateway.snapshot.routes import cache_terms, keeps
from llm_gateway.store.paging import BadCursor

PATH, API = "/admin/v1/cache", "/api/v1/cache"
_CLEAR: tuple[tuple[Method, str], ...] = (("DELETE", PATH), ("POST", f"{API}/clear"))
_WHERE = "In the memory of this node's workers; what only Redis has is not counted."


class StatsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of it."""

    detailed: Annotated[bool, about("Each worker by itself, too.")] = False


class EntriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which ones: answered last first."""

    limit: Annotated[int, about("How many to show.", ge=1, le=100)] = 20
    cursor: Annotated[str, about("next_cursor of the page before.", max_length=256)] | None = None
    model: Annotated[str, about("Asked for by this name.", max_length=256)] | None = None


class ClearQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes; both: what is both. Neither: everything."""

    model: Annotated[str, about("What was asked for by this name.", min_length=1, max_length=256)] | None = None
    older_than: Annotated[str, about("What was answered longer ago than this, such as 30m or 1h.", max_length=64)] | None = None


class Missing(msgspec.Struct, frozen=True):
    """A worker that did not answer."""

    worker: int
    reason: str


class CacheInRedis(msgspec.Struct, frozen=True):
    """Lookups there, for what memory did not have; answers that were not written."""

    hits: int
    misses: int
    failed: Annotated[int, about("No answer in time, or a wrong one.")]
    damaged: Annotated[int, about("Values that could not be opened.")]
    skipped: Annotated[int, about("Not asked, since Redis is away or was left alone for a while.")]
    not_written: int


class CacheFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sizes are bytes. Results count requests whose answers may be kept, since the workers began."""

    entries: int
    bytes: int
    limit_bytes: int
    hits: int
    misses: int
    stale: int
    coalesced: int
    bypassed: int
    hit_ratio: Annotated[float, about("hits, stale and coalesced among these and misses.")] | None
    stored: int
    evictions: int
    saved_bytes: int
    redis: Annotated[CacheInRedis, about("Where `cache.backend` is redis.")] | None = None


class CacheOfWorker(CacheFigures, frozen=True, kw_only=True):
    """One worker's."""

    worker: int


class CacheStats(CacheFigures, frozen=True, kw_only=True):
    """All workers of this node together."""

    enabled: bool
    backend: str
    workers: list[CacheOfWorker] = []
    missing: list[Missing] = []


class CacheEntry(msgspec.Struct, frozen=True):
    """An answer that is kept. `ttl_left_seconds`: until it is given no more; `kept_seconds`: until not even as stale."""

    key: str
    model: str
    provider: str
    served_model: str
    stream: bool
    bytes: int
    answered_at: str
    age_seconds: float
    ttl_left_seconds: float
    kept_seconds: float
    workers: list[int]


class CacheEntries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page."""

    data: list[CacheEntry]
    has_more: bool
    next_cursor: str | None
    missing: list[Missing] = []


class Cleared(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many answers went from the memories of this node's workers."""

    cleared: int
    missing: list[Missing] = []


class KeptTerms(msgspec.Struct, frozen=True):
    """What holds for an alias, in the notation of the configuration."""

    enabled: bool
    ttl: str
    stale: str


class CacheConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The section `cache` as it holds, and what holds for each alias."""

    enabled: bool
    ttl: str
    stale: str
    scope: str
    streams: bool
    only_deterministic: bool
    coalesce: bool
    size: str
    entry: str
    backend: str
    models: dict[str, KeptTerms]


class KeptAnswers:
    """The resource."""

    def __init__(self, keepers: Keepers, config: Callable[[], Config | None]) -> None:
        """`config`: the one that holds; None: not known yet."""
        self._keepers = keepers
        self._config = config

    def routes(self) -> tuple[Route, ...]:
        """All of them, each under both of its paths."""
        read, write, tag = "cache:read", "cache:write", "cache"
        gone = (
            "On this node; where answers are shared (`cache.backend: redis`), on all of them within seconds. A request that runs"
            " may keep its answer all the same."
        )
        both = ((PATH, f"{PATH}/entries", f"{PATH}/config"), (f"{API}/stats", f"{API}/entries", f"{API}/config"))
        looks = (
            route
            for stats, entries, config in both
            for route in (
                Route("GET", stats, read, "Show how the cache is used", self.stats, query=StatsQuery, answer=CacheStats, tag=tag,
                      about=_WHERE),
                Route("GET", entries, read, "List kept answers", self.entries, query=EntriesQuery, answer=CacheEntries, tag=tag,
                      about=f"{_WHERE} Never their contents."),
                Route("GET", config, read, "Show what is kept, and how long", self.config, answer=CacheConfig, tag=tag),
            )
        )  # fmt: skip
        does = (
            Route(method, path, write, "Forget kept answers", self.clear, query=ClearQuery, answer=Cleared, tag=tag, about=gone)
            for method, path in _CLEAR
        )
        return (*looks, *does)

    async def stats(self, asked: Asked) -> Answer:
        """Raises Overloaded."""
        config = self._known()
        told = await self._keepers.figures()
        on = keeps(config)
        size = int(config.cache.size) if on else 0
        each = [CacheOfWorker(worker=slot, **_figures(found, size)) for slot, found in told.by_slot]
        whole = _figures(together(found for _, found in told.by_slot), size * len(each))
        shown = each if asked.query.detailed else []
        return Answer(
            CacheStats(enabled=on, backend=config.cache.backend, workers=shown, missing=_missing(told.missing), **whole)
        )

    async def entries(self, asked: Asked) -> Answer:
        """Raises Overloaded, BadCursor."""
        query: EntriesQuery = asked.query
        config, now = self._known(), asked.now / 1000
        after = None if query.cursor is None else _place(query.cursor)
        found = await self._keepers.rows(Page(query.limit, query.model, after))
        data = [_entry(row, slots, config, now) for row, slots in found.rows]
        behind = _cursor(found.rows[-1][0]) if found.more else None
        page = CacheEntries(data=data, has_more=found.more, next_cursor=behind, missing=_missing(found.missing))
        return Answer(page)

    async def clear(self, asked: Asked) -> Answer:
        """Raises InvalidRequest, AuditUnavailable, Overloaded."""
        query: ClearQuery = asked.query
        before = None
        if query.older_than is not None:
            try:
                before = asked.now / 1000 - Duration.parse(query.older_than)
            except ValueError as error:
                raise InvalidRequest(f"older_than: {error}.", param="older_than") from None
        said = {"model": query.model, "older_than": query.older_than}
        await asked.record("cache.cleared", "cache", after={name: value for name, value in said.items() if value is not None})
        told = await self._keepers.clear(Clear(query.model, before))
        return Answer(Cleared(sum(count for _, count in told.by_slot), _missing(told.missing)))

    async def config(self, _asked: Asked) -> Answer:
        """What holds now."""
        config = self._known()
        models = {name: _terms(config.cache, alias.cache) for name, alias in config.models.items()}
        return Answer(CacheConfig(**redacted(config)["cache"], models=models))

    def _known(self) -> Config:
        config = self._config()
        if config is None:
            raise Overloaded("The control process is starting.", code="starting", retry_after=1.0)
        return config


def _figures(found: Figures, size: int) -> dict[str, Any]:
    shown = msgspec.structs.asdict(found)
    results, shared = shown.pop("results"), shown.pop("shared")
    redis = None if shared is None else CacheInRedis(**shared)
    return {**shown, **counted(results), "hit_ratio": ratio(results), "limit_bytes": size, "redis": redis}


def _missing(told: list[dict[str, Any]]) -> list[Missing]:
    return [Missing(**one) for one in told]


def _terms(general: Cache, alias: AliasCache) -> KeptTerms:
    terms = cache_terms(general, alias)
    if terms is None:
        return KeptTerms(False, "0s", "0s")
    return KeptTerms(True, str(Duration(terms.ttl)), str(Duration(terms.stale)))


def _entry(row: Row, slots: list[int], config: Config, now: float) -> CacheEntry:
    alias = config.models.get(row.asked)
    terms = cache_terms(config.cache, AliasCache() if alias is None else alias.cache)
    age = max(now - row.at, 0.0)
    return CacheEntry(
        key=row.key.hex(),
        model=row.asked,
        provider=row.provider,
        served_model=row.model,
        stream=row.stream,
        bytes=row.size,
        answered_at=moment(int(row.at * 1000)) or "",
        age_seconds=round(age, 3),
        ttl_left_seconds=0.0 if terms is None else round(max(terms.ttl - age, 0.0), 3),
        kept_seconds=round(max(row.until - now, 0.0), 3),
        workers=slots,
    )


def _cursor(row: Row) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode((row.at, row.key.hex()))).rstrip(b"=").decode()


def _place(cursor: str) -> tuple[float, bytes]:
    """Raises BadCursor."""
    try:
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, key = msgspec.json.decode(data, type=tuple[float, str])
        return at, bytes.fromhex(key)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise BadCursor("not a cursor; take the one that the page before gave") from None
