"""What a caller asks of routing: `x_gateway_routing` in a JSON body (requirements 1.2) and X-Gateway-* headers, as Wishes.

The gateway's own members never reach a provider: they are cut from the body's bytes here, before anything renders or sends it.
A request that says nothing pays for one search and one look at its header names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Raw

from llm_gateway.core.errors import Forbidden, InvalidRequest
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.json import MalformedJson, decode, path_of
from llm_gateway.core.splice import remove_top_level
from llm_gateway.core.strategy import StrategyName
from llm_gateway.dialects.invalid import Watched, read_member, refuse, refuse_duplicates
from llm_gateway.dialects.outline import OURS
from llm_gateway.routing.features import PRIORITIES, Wishes

ROUTING = "x_gateway_routing"
METADATA = "x_gateway_metadata"
LONGEST_DEADLINE = 600.0
"""Seconds."""
MOST_NAMES = 32
MOST_RETRIES = 20
MOST_DOLLARS = 1_000_000
NANO = 1_000_000_000
"""Nano-dollars of a dollar."""

_WATCHED = Watched(ROUTING.encode(), METADATA.encode())
_NAME = Annotated[str, Meta(min_length=1, max_length=512)]
_LABEL = Annotated[str, Meta(max_length=256)]
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,128}")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_WHOLE = re.compile(r"[0-9]{1,4}")
_SWITCH: Mapping[str, bool] = MappingProxyType(
    {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
)
_STRATEGIES: Mapping[str, StrategyName] = MappingProxyType(
    {name: name for name in get_args(StrategyName)} | {"lowest_latency": "least_latency"}
)
"""Their names in requests, with _ for -."""


class _Routing(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The member's value. Costs are dollars, times are seconds."""

    strategy: str | None = None
    provider_preference: Annotated[tuple[_NAME, ...], Meta(max_length=MOST_NAMES)] | None = None
    region_preference: Annotated[tuple[_NAME, ...], Meta(max_length=MOST_NAMES)] | None = None
    excluded_providers: Annotated[tuple[_NAME, ...], Meta(max_length=MOST_NAMES)] | None = None
    fallback_enabled: bool | None = None
    max_retries: Annotated[int, Meta(ge=0, le=MOST_RETRIES)] | None = None
    max_cost: Annotated[float, Meta(ge=0, le=MOST_DOLLARS)] | None = None
    deadline: Annotated[float, Meta(gt=0, le=LONGEST_DEADLINE)] | None = None
    timeout: Annotated[float, Meta(gt=0, le=LONGEST_DEADLINE)] | None = None
    priority: Literal["low", "normal", "high", "critical"] | None = None


_METADATA = Annotated[dict[Annotated[str, Meta(min_length=1, max_length=64)], _LABEL], Meta(max_length=16)] | None


def wishes_of(ex: Exchange) -> Wishes | None:
    """What the request asks of routing; None: nothing. The gateway's own members are cut from `ex.body`, and
    `x_gateway_metadata` goes to `ex.metadata`. May be asked again for the same request.

    Raises InvalidRequest with the member's path or the header's name as param, and Forbidden for a key that may not ask.
    """
    wishes: Wishes | None = ex.wishes
    if wishes is None and (_may_say(ex) or not _NAMES.isdisjoint(ex.headers)):
        wishes = ex.wishes = _read(ex)
    return wishes


def _may_say(ex: Exchange) -> bool:
    """Whether the body may have members for us. A large one is searched only if whoever looked at it did not tell."""
    # rfind: from the right, CPython's search for a few bytes takes half the time.
    return (ex.view is None or ex.view.ours) and ex.body.rfind(OURS) >= 0


def _read(ex: Exchange) -> Wishes | None:
    said = _from_body(ex) if _may_say(ex) else {}
    named = dict.fromkeys(said, ROUTING)
    for name, (field, spelled, parse) in _HEADERS.items():
        value = ex.headers.get(name)
        if value is not None:
            said[field] = parse(spelled, value.decode("latin-1").strip())
            named[field] = spelled
    if not said:
        return None
    if ex.caller is not None and not ex.caller.hints:
        raise Forbidden(
            "This API key may not steer routing. Leave it out, or ask for a key with routing_hints.",
            code="routing_hints_not_allowed",
            param=next(iter(named.values())),
        )
    return Wishes(**said)


# ---- the body


def _from_body(ex: Exchange) -> dict[str, Any]:
    """Wishes by their field, of `ex.body`, which has none of our members afterwards."""
    try:
        members = decode(ex.body, dict[str, Raw])
    except (MalformedJson, msgspec.ValidationError):
        return {}  # no JSON object: a form
    ours = [name for name in members if name.startswith("x_gateway_")]
    if not ours:
        return {}  # somebody only talks about it
    for name in ours:
        if name not in (ROUTING, METADATA):
            raise refuse(name[:64], f"the gateway knows {ROUTING} and {METADATA} only")
    refuse_duplicates(ex.body, _WATCHED)
    said = _routing(members[ROUTING]) if ROUTING in members else {}
    if METADATA in members:
        ex.metadata = _labels(members[METADATA])
    for name in ours:
        ex.body = remove_top_level(ex.body, name)
    if ex.view is not None and ex.view.model_at > 0:
        ex.view.model_at = -1  # it was where the model stood before
    return said


def _routing(raw: Raw) -> dict[str, Any]:
    try:
        asked = msgspec.json.decode(raw, type=_Routing | None)
    except msgspec.ValidationError as error:
        unknown = _UNKNOWN.search(str(error))
        if unknown is not None:
            known = ", ".join(_Routing.__struct_fields__)
            raise refuse(f"{ROUTING}.{unknown[1][:64]}", f"there is no such member; there are {known}") from None
        path = path_of(error)
        raise refuse(f"{ROUTING}.{path}" if path else ROUTING, _why(str(error))) from None
    except (msgspec.DecodeError, RecursionError):
        raise refuse(ROUTING, "it cannot be read") from None
    if asked is None:
        return {}
    if asked.deadline is not None and asked.timeout is not None:
        raise refuse(f"{ROUTING}.timeout", "deadline and timeout are the same; say one of them")
    cost, exclude = asked.max_cost, asked.excluded_providers
    told = {
        "strategy": None if asked.strategy is None else _strategy(f"{ROUTING}.strategy", asked.strategy),
        "prefer": asked.provider_preference,
        "regions": asked.region_preference,
        "exclude": None if exclude is None else frozenset(exclude),
        "fallback": asked.fallback_enabled,
        "retries": asked.max_retries,
        "max_cost": None if cost is None else round(cost * NANO),
        "deadline": asked.timeout if asked.deadline is None else asked.deadline,
        "priority": None if asked.priority is None else PRIORITIES[asked.priority],
    }
    return {field: value for field, value in told.items() if value is not None}


def _why(error: str) -> str:
    """What was expected, ranges included, without the value that was given."""
    if error.startswith("Invalid enum value"):
        return f"it must be one of {', '.join(PRIORITIES)}"
    return error.partition(" - at ")[0].replace("`", "")


def _labels(raw: Raw) -> dict[str, str]:
    labels = read_member(raw, _METADATA, METADATA)
    if labels is None:
        return {}
    tenant = labels.get("tenant_id")
    if tenant is not None and not _TENANT.fullmatch(tenant):
        why = "letters, digits, - and _ only, 1 to 128 of them"
        raise InvalidRequest(
            f"Invalid value for {METADATA}.tenant_id: {why}", code="invalid_tenant_id", param=f"{METADATA}.tenant_id"
        )
    return labels  # type: ignore[no-any-return]


# ---- values, by the path or header that they stand in


def _strategy(where: str, value: str) -> StrategyName:
    found = _STRATEGIES.get(value.lower().replace("-", "_"))
    if found is None:
        raise refuse(where, f"it must be one of {', '.join(name.replace('_', '-') for name in _STRATEGIES)}")
    return found


def _names(where: str, value: str) -> tuple[str, ...]:
    names = tuple(filter(None, map(str.strip, value.split(",", MOST_NAMES))))
    if not names or len(names) > MOST_NAMES or any("," in name for name in names):
        raise refuse(where, f"it must name 1 to {MOST_NAMES} providers, with commas between them")
    return names


def _excluded(where: str, value: str) -> frozenset[str]:
    return frozenset(_names(where, value))


def _switch(where: str, value: str) -> bool:
    found = _SWITCH.get(value.lower())
    if found is None:
        raise refuse(where, "it must be true or false")
    return found


def _retries(where: str, value: str) -> int:
    if not _WHOLE.fullmatch(value) or int(value) > MOST_RETRIES:
        raise refuse(where, f"it must be a whole number from 0 to {MOST_RETRIES}")
    return int(value)


def _cost(where: str, value: str) -> int:
    if not _DECIMAL.fullmatch(value) or float(value) > MOST_DOLLARS:
        raise refuse(where, f"it must be dollars, such as 0.05, up to {MOST_DOLLARS}")
    return round(float(value) * NANO)


def _deadline(where: str, value: str) -> float:
    """`30`, `30s` or `500ms`."""
    number, per = (value[:-2], 1000) if value.endswith("ms") else (value.removesuffix("s"), 1)
    if not _DECIMAL.fullmatch(number) or not 0 < float(number) / per <= LONGEST_DEADLINE:
        raise refuse(where, f"it must be seconds, above 0 and up to {LONGEST_DEADLINE:.0f}")
    return float(number) / per


def _priority(where: str, value: str) -> int:
    found = PRIORITIES.get(value.lower())
    if found is None:
        raise refuse(where, f"it must be one of {', '.join(PRIORITIES)}")
    return found


_Parse = Callable[[str, str], Any]
_HEADERS: Mapping[bytes, tuple[str, str, _Parse]] = MappingProxyType(
    {
        spelled.lower().encode(): (field, spelled, parse)
        for field, spelled, parse in (
            ("strategy", "X-Gateway-Strategy", _strategy),
            ("prefer", "X-Gateway-Providers", _names),
            ("exclude", "X-Gateway-Exclude", _excluded),
            ("fallback", "X-Gateway-Fallback", _switch),
            ("retries", "X-Gateway-Max-Retries", _retries),
            ("max_cost", "X-Gateway-Max-Cost", _cost),
            ("deadline", "X-Gateway-Deadline", _deadline),
            ("priority", "X-Gateway-Priority", _priority),
        )
    }
)
_NAMES = frozenset(_HEADERS)
