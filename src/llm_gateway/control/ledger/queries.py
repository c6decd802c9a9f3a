"""What can be asked of the ledger, and how the answers are written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from llm_gateway.config.schema.base import about
from llm_gateway.config.values import Duration
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store.filters import Filter
from llm_gateway.store.rows import UsageRow
from llm_gateway.store.tables.usage import TOKENS
from llm_gateway.store.usage import By

LONGEST: Final = 64
_GROUPS: Final = frozenset(get_args(By))
_MILLISECONDS: Final = re.compile(r"[0-9]{11,15}")
_SECONDS: Final = re.compile(r"[0-9]{1,10}")
_PLAIN: Final = ("tenant", "project", "key", "user", "model", "provider", "served_model", "status", "operation", "tag")

_SINCE = "From this moment on: RFC 3339 (2026-11-01 or 2026-11-01T00:00:00Z) or Unix seconds."
_WINDOW = "The time until now, such as 24h or 30d, in the place of `since`."


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which requests. All of what is said must hold."""

    since: Annotated[str, about(_SINCE, max_length=LONGEST)] | None = None
    until: Annotated[str, about("Until before this moment; absent: now.", max_length=LONGEST)] | None = None
    window: Annotated[str, about(_WINDOW, max_length=LONGEST)] | None = None
    tenant: Annotated[str, about("Of this tenant.", max_length=256)] | None = None
    project: Annotated[str, about("Of this project of the tenant.", max_length=256)] | None = None
    key: Annotated[str, about("With the key of this id.", max_length=256)] | None = None
    user: Annotated[str, about("For this end user.", max_length=256)] | None = None
    model: Annotated[str, about("The name that was asked for.", max_length=256)] | None = None
    provider: Annotated[str, about("Who served it.", max_length=256)] | None = None
    served_model: Annotated[str, about("The provider's name of the model.", max_length=256)] | None = None
    status: Annotated[str, about("How it ended: completed, failed, cut, client_gone ...", max_length=64)] | None = None
    operation: Annotated[str, about("Path of the operation.", max_length=256)] | None = None
    tag: Annotated[str, about("With this tag.", max_length=256)] | None = None


class UsageQuery(Range, frozen=True, kw_only=True):
    """Sums of them."""

    group_by: Annotated[str, about("Names with commas between them: hour, day, tenant, ...", max_length=256)] | None = None
    limit: Annotated[int, about("How many groups to show.", ge=1, le=1000)] = 1000
    offset: Annotated[int, about("How many to pass over.", ge=0, le=100_000)] = 0
    format: Annotated[Literal["json", "csv"], about("How it is written.")] = "json"


class RowsQuery(Range, frozen=True, kw_only=True):
    """Rows, the newest first."""

    request_id: Annotated[str, about("Of this X-Request-ID.", max_length=256)] | None = None
    limit: Annotated[int, about("How many to show.", ge=1, le=100)] = 20
    cursor: Annotated[str, about("next_cursor of the page before.", max_length=1024)] | None = None


class UsageGroup(msgspec.Struct, frozen=True):
    """What the requests of a group used. `group`: of what they are, as it was asked for; `cost`: dollars."""

    group: dict[str, str]
    requests: int
    tokens: int
    input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output: int
    reasoning: int
    audio_input: int
    audio_output: int
    accepted_prediction: int
    rejected_prediction: int
    cost: str
    cost_nanodollars: int
    estimated: int
    unpriced: int
    mean_latency_ms: float | None


class UsageAnswer(msgspec.Struct, frozen=True):
    """`incomplete`: it reaches back to where single rows were deleted already, and only they could have told."""

    data: list[UsageGroup]
    total: UsageGroup
    total_groups: int
    has_more: bool
    incomplete: bool
    since: str | None
    until: str


def filter_of(query: Range, now: int, only: str | None) -> Filter:
    """`only`: the one tenant whose rows may be seen. Raises InvalidRequest."""
    if query.window is not None and query.since is not None:
        raise InvalidRequest("Give since or window, not both.", param="window")
    until = None if query.until is None else moment_of(query.until, "until")
    since = None if query.since is None else moment_of(query.since, "since")
    if query.window is not None:
        try:
            since = (until or now) - int(Duration.parse(query.window) * 1000)
        except ValueError as error:
            raise InvalidRequest(str(error), param="window") from None
    if since is not None and until is not None and since >= until:
        raise InvalidRequest("since must be before until.", param="since")
    said = {name: getattr(query, name) for name in _PLAIN}
    if only is not None:
        said["tenant"] = only
    return Filter(since, until, request_id=getattr(query, "request_id", None), **said)


def groups_of(given: str | None) -> tuple[By, ...]:
    """Raises InvalidRequest."""
    names = tuple(dict.fromkeys(name.strip() for name in (given or "").split(",") if name.strip()))
    for name in names:
        if name not in _GROUPS:
            raise InvalidRequest(f"There is nothing like that to group by: {', '.join(sorted(_GROUPS))}.", param="group_by")
    if len(names) > 4:
        raise InvalidRequest("At most four things can be grouped by at once.", param="group_by")
    return names  # type: ignore[return-value]  # they were compared


def moment_of(given: str, param: str) -> int:
    """Unix milliseconds. Raises InvalidRequest."""
    if _SECONDS.fullmatch(given):
        return int(given) * 1000
    if _MILLISECONDS.fullmatch(given):
        return int(given)
    try:
        read = datetime.fromisoformat(given)
        at = int((read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        at = -1
    if at < 0:
        raise InvalidRequest("Expected a time such as 2026-11-01T00:00:00Z, or Unix seconds.", param=param)
    return at


def moment(milliseconds: int) -> str:
    """RFC 3339, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dollars(nano: int) -> str:
    """Exactly."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), 10**9)
    return f"{sign}{whole}.{rest:09d}".rstrip("0").removesuffix(".")


def group_of(row: UsageRow) -> UsageGroup:
    """As it is shown."""
    counts = {name: getattr(row, name) for name in TOKENS}
    named = {name: moment(value) if isinstance(value, int) else value for name, value in row.group.items()}
    return UsageGroup(
        group=named,
        requests=row.requests,
        tokens=sum(counts.values()),
        **counts,
        cost=dollars(row.cost),
        cost_nanodollars=row.cost,
        estimated=row.estimated,
        unpriced=row.unpriced,
        mean_latency_ms=round(row.latency_ms / row.requests, 2) if row.requests > 0 else None,
    )


def row_view(row: LedgerRow) -> dict[str, Any]:
    """A row as the API and exports show it: all of its fields, the cost in dollars beside nano-dollars."""
    view: dict[str, Any] = {name: msgspec.to_builtins(getattr(row, name)) for name in LedgerRow.__struct_fields__}
    return {**view, "at": moment(row.at), "at_ms": row.at, "cost": dollars(row.cost), "cost_nanodollars": row.cost}


def as_csv(rows: Iterable[Mapping[str, Any]], headings: Sequence[str]) -> str:
    """RFC 4180. What spreadsheets would take for a formula is quoted with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([cell(row.get(name, "")) for name in headings])
    return out.getvalue()


def cell(value: Any) -> Any:
    """One value of a CSV."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict | tuple):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str) and value[:1] in ("=", "+", "@", "-", "\t", "\r") and not _number(value):
        return f"'{value}"
    return value


def _number(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) is not None
