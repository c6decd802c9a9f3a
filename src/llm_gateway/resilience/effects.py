"""What each failure says, about whom: the one table from the reason words of UpstreamError to circuits and pauses.

A deployment is judged by what its model does (answers 5xx, stays silent, breaks off, talks nonsense), an account by what all of
its models share (address, certificate, credentials): one bad model never closes its siblings. Whoever answered at all, if only to
refuse the request, shows that the account can be reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from llm_gateway.core.errors import UpstreamError
from llm_gateway.providers.deployment import STREAM_HEAD_SECONDS, Patience
from llm_gateway.resilience.pauses import Cause

HASTE = 0.9
"""A timeout before this share of the configured time was the request's own: its deadline was nearer."""


class Effect(NamedTuple):
    """`deployment`, `account`: whether it failed (True), did well (False), or nothing is said of it (None)."""

    deployment: bool | None = None
    account: bool | None = None
    pause: Cause | None = None
    """Of the deployment; `tls` and `credentials` of the account."""


MODEL_FAILED = Effect(deployment=True)
MODEL_ANSWERED_BADLY = Effect(deployment=True, account=False)
UNREACHABLE = Effect(account=True)
REFUSED_AS_ASKED = Effect(account=False)
NOTHING = Effect()

EFFECTS: Mapping[str, Effect] = MappingProxyType(
    {
        # The model's failures
        "server_error": MODEL_ANSWERED_BADLY,
        "overloaded": MODEL_ANSWERED_BADLY,
        "unavailable": MODEL_FAILED,
        "upstream_timeout": MODEL_ANSWERED_BADLY,
        "timeout": MODEL_FAILED,
        "head_timeout": MODEL_FAILED,
        "first_token_timeout": MODEL_ANSWERED_BADLY,
        "idle_timeout": MODEL_ANSWERED_BADLY,
        "deadline": MODEL_FAILED,
        "reset": MODEL_FAILED,
        "cut": MODEL_ANSWERED_BADLY,
        "in_band": MODEL_ANSWERED_BADLY,
        "malformed": MODEL_ANSWERED_BADLY,
        "redirect": MODEL_ANSWERED_BADLY,
        "error": MODEL_FAILED,
        # The account's
        "connect": UNREACHABLE,
        "dns": UNREACHABLE,
        "connect_timeout": UNREACHABLE,
        # Pauses
        "rate_limited": Effect(account=False, pause="rate_limited"),
        "quota": Effect(account=False, pause="quota"),
        "credentials": Effect(pause="credentials"),
        "tls": Effect(pause="tls"),
        # The request's own
        "rejected": REFUSED_AS_ASKED,
        "context_overflow": REFUSED_AS_ASKED,
        "content_filter": REFUSED_AS_ASKED,
        "conflict": REFUSED_AS_ASKED,
        "too_large": REFUSED_AS_ASKED,  # callers can ask for answers of any size
        # It could not go on with another one's answer
        "differs": REFUSED_AS_ASKED,
        "prefill_refused": REFUSED_AS_ASKED,
        # The gateway's own
        "pool": NOTHING,
        "queue_full": NOTHING,
    }
)


def effect(error: UpstreamError) -> Effect:
    """A reason that is not in the table is the model's failure."""
    return EFFECTS.get(error.reason, MODEL_FAILED)


def in_haste(reason: str, patience: Patience, elapsed: float, *, stream: bool) -> bool:
    """Whether a timeout after `elapsed` seconds came only because the request had less time than the deployment is given:
    callers name their deadlines, and must not be able to take a deployment away from others with short ones.
    """
    head = patience.head
    match reason:
        case "connect_timeout":
            limit = patience.connect
        case "head_timeout" if stream:
            limit = min(STREAM_HEAD_SECONDS if head is None else head, patience.first_token)
        case "head_timeout":
            limit = patience.total if head is None else min(head, patience.total)
        case "first_token_timeout":
            limit = patience.first_token
        case "deadline":
            limit = patience.first_token if stream else patience.total
        case _:
            return False
    return elapsed < HASTE * limit
