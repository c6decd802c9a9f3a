"""One row of the usage ledger: what a request asked for, who served it, what it used and cost. The same in the write-ahead log's
fold, in the store and in exports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from llm_gateway.core.usage import Usage

Status = Literal["completed", "failed", "cut", "client_gone", "drained", "refused", "interrupted", "correction"]
"""interrupted: the worker died before the request ended. correction: a later row that changes the cost of another one."""

SCHEMA = 1
"""Of what the token classes mean; raised whenever one of them changes."""


class AttemptRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One try at one deployment, in the order in which they began."""

    provider: str
    model: str
    status: int = 0
    error: str = ""
    ms: float = 0.0
    hedged: bool = False
    """Whether it lost a race to another one: given up, and perhaps billed all the same."""


class LedgerRow(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Times are Unix milliseconds, money is nano-dollars, tokens stand in exactly one class each (core/usage.py)."""

    id: str
    """A ULID made by the gateway when the request was admitted; never the provider's, never the caller's."""
    at: int
    """When the request came."""
    request_id: str = ""
    """X-Request-ID; the caller may have chosen it, so it need not be unique."""
    status: Status = "completed"
    http_status: int = 0
    error: str = ""
    """The code of what went wrong."""
    operation: str = ""
    """Path of the operation, such as /v1/chat/completions."""
    key: str = ""
    """Id of the key, never the key."""
    tenant: str = ""
    project: str = ""
    user: str = ""
    """End user, as the caller named it."""
    tags: tuple[str, ...] = ()
    model: str = ""
    """What was asked for."""
    provider: str = ""
    served_model: str = ""
    """Who served it, or is paid for having tried; empty if nobody is."""
    stream: bool = False
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    accepted_prediction: int = 0
    rejected_prediction: int = 0
    units: dict[str, float] = {}
    """What was counted beside tokens: seconds, characters, images, pages, searches."""
    cost: int = 0
    cost_source: Literal["prices", "provider", "none"] = "none"
    """provider: what the provider said it costs, which goes before the prices. none: nothing was used, or nothing is known."""
    estimated: bool = False
    """Whether tokens or prices were estimated because nobody told them."""
    unpriced: tuple[str, ...] = ()
    """Classes that were used and have no price: the cost is too low by them."""
    price_version: str = ""
    tier: str = ""
    latency_ms: float = 0.0
    ttft_ms: float = 0.0
    attempts: tuple[AttemptRow, ...] = ()
    decision: str = ""
    """Id of the routing decision."""
    corrects: str = ""
    """Of a correction: the id of the row whose cost it changes, by `cost`, which may be negative."""
    schema: int = SCHEMA


class Priced(msgspec.Struct, frozen=True, gc=False):
    """What usage costs by a model's prices. `unpriced`: classes that were used and have no price. `estimated`: whether a price is
    the highest that it may be. `version`: of the prices.
    """

    nano: int
    tier: str = ""
    unpriced: tuple[str, ...] = ()
    estimated: bool = False
    version: str = ""


Prices = Callable[[str, str, Usage, float, str], Priced | None]
"""Provider, model, usage, the moment (Unix seconds) and the way of processing ("": the usual one) -> what that costs. None: there
are no prices for this model. Raises nothing.
"""


class Bill(msgspec.Struct, frozen=True, gc=False):
    """What a request used and costs, all its attempts together: what stands in its row, and what its limits are settled with."""

    usage: Usage
    cost: int
    source: Literal["prices", "provider", "none"]
    estimated: bool
    unpriced: tuple[str, ...]
    version: str
    tier: str
