"""`cache`: answers that are kept and given again to whoever asks the same (docs/CACHING.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from llm_gateway.config.schema.base import Fault, Section, about
from llm_gateway.config.values import Duration, Size

LONGEST = 30 * 86_400
LARGEST = 32 << 20


class Cache(Section, frozen=True):
    """Answers that are kept, and given again without asking a provider. Off by default."""

    enabled: Annotated[bool, about("Whether answers are kept. An alias may say otherwise for itself (models.NAME.cache).")] = (
        False
    )
    ttl: Annotated[Duration, about("How long an answer is given again, 30 days at most.", positive=True)] = Duration(3600)
    stale: Annotated[
        Duration,
        about("How much longer it is given, marked as stale, when no provider can answer. 0s: never."),
    ] = Duration(0)
    scope: Annotated[
        Literal["key", "project", "tenant"],
        about(
            "Who is given each other's answers: requests with the same key, of the same project, or of the same tenant (keys"
            " without a tenant count as one). Never wider."
        ),
    ] = "tenant"
    streams: Annotated[bool, about("Whether answers that are streamed are kept too.")] = True
    only_deterministic: Annotated[
        bool,
        about(
            "Whether only answers are kept that asking again would not change: temperature 0 in so many words, embeddings, ranks."
        ),
    ] = False
    coalesce: Annotated[
        bool,
        about("Whether equal requests that run at once wait for the first one's answer. Not those that stream."),
    ] = False
    size: Annotated[Size, about("Most bytes that each worker keeps; then what was not used for longest goes.", positive=True)] = (
        Size(256 << 20)
    )
    entry: Annotated[Size, about("Most bytes of one answer; a larger one is not kept.", positive=True)] = Size(1 << 20)
    backend: Annotated[
        Literal["memory", "redis"],
        about("redis: what one worker keeps the others find too, sealed, in the Redis of `redis.url`. memory: each its own."),
    ] = "memory"

    def check(self) -> Iterator[Fault]:
        if self.ttl > LONGEST:
            yield "ttl", "expected 30 days at most"
        if self.stale > LONGEST:
            yield "stale", "expected 30 days at most"
        if self.entry > LARGEST:
            yield "entry", "expected 32 MB at most"
        if self.entry > self.size:
            yield "entry", "is more than `size`: no answer of that size could be kept"


class AliasCache(Section, frozen=True):
    """What an alias does otherwise. Absent: as `cache` says."""

    enabled: Annotated[bool | None, about("Whether its answers are kept.")] = None
    ttl: Annotated[Duration | None, about("How long an answer is given again, 30 days at most.", positive=True)] = None
    stale: Annotated[
        Duration | None, about("How much longer it is given, marked as stale, when no provider can answer. 0s: never.")
    ] = None

    def check(self) -> Iterator[Fault]:
        for name, given in (("ttl", self.ttl), ("stale", self.stale)):
            if given is not None and given > LONGEST:
                yield name, "expected 30 days at most"
