"""The metric families of kept answers (cache.stage.Answers). Each worker has a memory of its own, and counts for itself."""

from __future__ import annotations

from llm_gateway.telemetry.family import counter, gauge

_CACHE = "cache.enabled or models.NAME.cache.enabled"
_REDIS = "cache.backend: redis"

CACHE = (
    counter(
        "gateway_cache_hits_total",
        "Requests that were answered by what was kept, within its time.",
        "worker",
        when=_CACHE,
        look="Together with gateway_cache_misses_total: the share that nobody has to be paid for.",
    ),
    counter(
        "gateway_cache_misses_total",
        "Requests whose answers may be kept and for which none was: a provider was asked.",
        "worker",
        when=_CACHE,
        look="Runbook CacheHitRatioLow.",
    ),
    counter(
        "gateway_cache_bypasses_total",
        "Requests that wanted no kept answer (Cache-Control): a provider was asked.",
        "worker",
        when=_CACHE,
        look="Whoever always says no-cache has nothing of the cache.",
    ),
    counter(
        "gateway_cache_stored_total",
        "Answers that were kept.",
        "worker",
        when=_CACHE,
        look="Far below gateway_cache_misses_total: answers are too large (cache.entry), or do not end well.",
    ),
    counter(
        "gateway_cache_evictions_total",
        "Answers that had to go for others before their time.",
        "worker",
        when=_CACHE,
        look="Many, beside many misses: cache.size is too small.",
    ),
    counter(
        "gateway_cache_saved_bytes_total",
        "Bytes of answers that no provider had to be asked for.",
        "worker",
        when=_CACHE,
    ),
    counter(
        "gateway_cache_saved_dollars_total",
        "What these answers cost when they were made, by the price list or as the provider said; stale ones are not counted.",
        "worker",
        when=_CACHE,
        look="Beside gateway_cost_dollars_total: what would have been paid on top.",
    ),
    counter(
        "gateway_cache_operations_total",
        "All of these: operation get by its result (hit, stale, coalesced, miss, bypass), set (stored), evict (evicted). stale:"
        " given though its time was over; coalesced: waited for an equal request.",
        "worker",
        "operation",
        "result",
        when=_CACHE,
        look="stale: nobody could answer, see gateway_provider_errors_total; or callers say max-stale.",
    ),
    gauge("gateway_cache_size_bytes", "Of memory that kept answers take.", "worker", when=_CACHE),
    gauge("gateway_cache_limit_bytes", "How many they may take (cache.size).", "worker", when=_CACHE),
    gauge("gateway_cache_entries", "Answers that are kept in memory.", "worker", when=_CACHE),
    counter(
        "gateway_cache_redis_lookups_total",
        "Lookups in Redis for what memory did not have, or had too long: hit, miss, failed (no answer in time, or a wrong one),"
        " damaged (a value that could not be opened), skipped (Redis is away, or left alone for a while after failures).",
        "worker",
        "result",
        when=_REDIS,
        look="failed, skipped: Redis is slow or away; damaged: nodes that share it have different peppers.",
    ),
    counter(
        "gateway_cache_redis_dropped_total",
        "Answers that were not written to Redis.",
        "worker",
        when=_REDIS,
        look="Redis is away, slow or full; the worker that asked has them in its memory all the same.",
    ),
)
