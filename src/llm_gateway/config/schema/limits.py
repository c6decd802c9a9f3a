"""`limits`, `budgets` and `redis`: how much may be asked for, how much may be spent, and where that is counted.

The same sections stand for the whole gateway, in tenants, projects and keys, and in what the admin API is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from llm_gateway.config.schema.base import Fault, Section, Text, about
from llm_gateway.config.values import Duration, Money, Secret

Amount = Annotated[int, msgspec.Meta(ge=1, le=10**15)]
Percent = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Rate(Section, frozen=True):
    """How much in a time. Each time is a limit of its own, and all of them hold."""

    minute: Annotated[Amount | None, about("So many a minute; what is used comes back bit by bit.")] = None
    hour: Annotated[Amount | None, about("So many an hour.")] = None
    day: Annotated[Amount | None, about("So many in 24 hours.")] = None
    burst: Annotated[
        Amount | None,
        about("How much may come at once, of the shortest of these times; absent: as much as that time allows in all."),
    ] = None

    def check(self) -> Iterator[Fault]:
        if self.minute is None and self.hour is None and self.day is None:
            yield "", "needs at least one of minute, hour and day"


class RateLimit(Section, frozen=True):
    """What a provider allows. Who has no room left is not asked while others can be."""

    requests: Annotated[Rate | None, about("Requests.")] = None
    tokens: Annotated[Rate | None, about("Tokens, in and out together.")] = None

    def check(self) -> Iterator[Fault]:
        if self.requests is None and self.tokens is None:
            yield "", "needs requests, tokens or both"


class Allowance(Section, frozen=True):
    """What may be asked for. What is absent is not limited."""

    requests: Annotated[Rate | None, about("Requests.")] = None
    tokens: Annotated[Rate | None, about("Tokens, in and out together.")] = None
    fresh_tokens: Annotated[Rate | None, about("Prompt tokens that no prompt cache of the provider had.")] = None
    cached_tokens: Annotated[Rate | None, about("Prompt tokens read from a prompt cache of the provider.")] = None
    output_tokens: Annotated[Rate | None, about("Tokens of answers, reasoning included.")] = None
    concurrent: Annotated[Amount | None, about("Requests that run at once.")] = None
    streams: Annotated[Amount | None, about("Streamed answers that run at once.")] = None


class Budget(Section, frozen=True):
    """Money for a time. Times are those of a calendar: a day begins at midnight, a week on Monday, a month on its first."""

    amount: Annotated[Money, about("Dollars.")]
    period: Annotated[Literal["day", "week", "month", "total"], about("When it begins anew; total: never.")] = "month"
    timezone: Annotated[Text, about("Whose midnight, such as Europe/Berlin.")] = "UTC"
    hard: Annotated[bool, about("Whether requests are refused (402) when it is used up; if not, only alerts are sent.")] = True
    cut: Annotated[
        bool, about("Whether a stream that is running is ended, with a budget_exceeded error, when a hard budget is used up.")
    ] = False
    alerts: Annotated[tuple[Percent, ...], about("Percentages of it at which an alert is sent.")] = (50, 80, 100)

    def check(self) -> Iterator[Fault]:
        if self.amount == 0:
            yield "amount", "must be more than 0"
        if self.cut and not self.hard:
            yield "cut", "only holds for a hard budget"
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield "timezone", "there is no such time zone; write it as Europe/Berlin or UTC"


class Spending(Section, frozen=True):
    """What a tier, a tag or the gateway may use."""

    limits: Annotated[Allowance, about("What may be asked for.")] = Allowance()
    budgets: Annotated[tuple[Budget, ...], about("What may be spent; all of them hold.")] = ()


TIERS: Mapping[str, Allowance] = MappingProxyType(
    {
        "free": Allowance(requests=Rate(minute=60, hour=1_000, day=10_000, burst=70)),
        "pro": Allowance(requests=Rate(minute=500, hour=20_000, day=200_000, burst=550)),
        "enterprise": Allowance(requests=Rate(minute=5_000, hour=500_000, burst=5_500)),
    }
)
"""Tiers that need not be defined (requirements L1: what may come at once is a minute's worth and the burst)."""


class Webhook(Section, frozen=True):
    """Where alerts are sent: POST of a JSON document, until it is answered 2xx, for up to a day."""

    url: Annotated[Text, about("https://; http:// only to this machine.")]
    secret: Annotated[
        Secret | None,
        about("Signs each: X-Gateway-Signature is t=<Unix seconds>,v1=<hex of HMAC-SHA256 over seconds, a dot and the body>."),
    ] = None

    def check(self) -> Iterator[Fault]:
        if not self.url.startswith(("https://", "http://")):
            yield "url", "expected https://"


class Limiting(Section, frozen=True):
    """Limits that hold besides those of a key, its project and its tenant."""

    tiers: Annotated[
        dict[str, Allowance],
        about("Limits that keys, projects and tenants name with `tier`; free, pro and enterprise exist unless defined here."),
    ] = msgspec.field(default_factory=dict)
    everyone: Annotated[Spending, about("All requests together.")] = Spending()
    sources: Annotated[Allowance, about("Each source address.")] = Allowance()
    users: Annotated[
        Allowance, about("Each end user that callers name (X-Gateway-User, `user`, `safety_identifier`, `metadata.user_id`).")
    ] = Allowance()
    models: Annotated[dict[str, Allowance], about("Everybody's requests for a model, by the name that they ask for.")] = (
        msgspec.field(default_factory=dict)
    )
    tags: Annotated[dict[str, Spending], about("All keys that have a tag.")] = msgspec.field(default_factory=dict)
    alerts: Annotated[
        Webhook | None, about("Who is told when a budget comes to one of its percentages; it is in the log in any case.")
    ] = None
    when_store_fails: Annotated[
        Literal["local_share", "open", "closed"],
        about(
            "Redis cannot be reached. local_share: each worker allows its part of every limit; open: nothing is limited;"
            " closed: what is limited is refused (503)."
        ),
    ] = "local_share"
    lease: Annotated[
        Duration, about("A place or an amount held by a request that never ended is free again after this long.", positive=True)
    ] = Duration(900)

    def tier(self, name: str) -> Allowance | None:
        """The limits that a name stands for; None: there is no such tier."""
        return self.tiers.get(name) or TIERS.get(name)

    @property
    def tier_names(self) -> tuple[str, ...]:
        """All that can be named."""
        return tuple(dict.fromkeys((*TIERS, *self.tiers)))


class Redis(Section, frozen=True):
    """Where workers and nodes count together."""

    url: Annotated[Secret, about("redis://[user:password@]host:port/database, rediss:// for TLS, unix:///path.")]
    prefix: Annotated[str, about("What the names of all keys begin with.", min_length=1, max_length=64)] = "llm-gateway:"
    timeout: Annotated[Duration, about("How long a request may wait for it.", positive=True)] = Duration(0.25)
    ca_file: Annotated[Text | None, about("PEM file of certificate authorities, for rediss.")] = None

    def check(self) -> Iterator[Fault]:
        if not self.url.reveal().startswith(("redis://", "rediss://", "unix://")):
            yield "url", "expected redis://, rediss:// or unix://"
