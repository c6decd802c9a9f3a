"""`llm-gateway cache-status`: the answers that a running gateway keeps, and to be rid of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from llm_gateway.cli.gateway import Admin, admin_options
from llm_gateway.cli.shown import count, percent, told, whole
from llm_gateway.config.values import Duration

PATH = "/admin/v1/cache"
_STATS = ("", "entries", "size", "of", "hits", "misses", "stale", "coalesced", "bypassed", "hit ratio", "stored", "evicted")
_ENTRIES = ("key", "model", "provider", "served model", "stream", "size", "age", "ttl left")
_TERMS = ("model", "kept", "ttl", "stale")
_KB = 1024


def _ago(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A duration in the notation of the configuration, as it was written."""
    try:
        if value is not None:
            Duration.parse(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    return value


@click.group(name="cache-status")
def cache_status() -> None:
    """Answers that are kept and given again: how often, which, for how long; and to forget them."""


@cache_status.command()
@click.option("--detailed", is_flag=True, help="Each worker by itself, too.")
@admin_options
def stats(admin: Admin, *, detailed: bool) -> None:
    """How much is kept, and how often it was of use since the workers began."""
    found = admin.get(PATH, detailed=detailed or None)
    rows = [_figures(f"worker {one['worker']}", one) for one in found.get("workers", ())]
    title = f"kept in {found['backend']}" if found["enabled"] else "nothing is kept: cache.enabled is false"
    admin.output.table(found, _STATS, [*rows, _figures("all", found)], title)
    if "redis" in found and not admin.output.as_json:
        admin.output.show(found, f"in Redis: {whole(found['redis'])}")
    if not admin.output.as_json and found["saved_bytes"]:
        admin.output.note(f"{_size(found['saved_bytes'])} of answers were given without asking a provider.")
    _say_missing(admin, found)


@cache_status.command(name="list")
@click.option("-m", "--model", help="Only what was asked for by this name.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Most that are shown.")
@admin_options
def list_entries(admin: Admin, model: str | None, limit: int) -> None:
    """Answers that workers have in memory, answered last first. What they say is not shown."""
    found = admin.rows(f"{PATH}/entries", limit, model=model)
    rows = [
        (
            one["key"],
            one["model"],
            one["provider"],
            one["served_model"],
            whole(one["stream"]),
            _size(one["bytes"]),
            _span(one["age_seconds"]),
            _span(one["ttl_left_seconds"]) if one["ttl_left_seconds"] else f"stale for {_span(one['kept_seconds'])} more",
        )
        for one in found
    ]
    admin.output.table({"data": found}, _ENTRIES, rows)


@cache_status.command()
@click.option("-m", "--model", help="Only what was asked for by this name.")
@click.option(
    "--older-than", callback=_ago, metavar="DURATION", help="Only what was answered longer ago than this, such as 30m or 1h."
)
@click.option("--force", is_flag=True, help="Do not ask.")
@admin_options
def clear(admin: Admin, model: str | None, older_than: str | None, *, force: bool) -> None:
    """Forget answers: all of them, unless it is said which. A provider is asked again for each."""
    which = f"answers{f' of {model}' if model else ''}{f' older than {older_than}' if older_than else ''}"
    if not force:
        click.confirm(f"Forget {which if model or older_than else 'all answers'}?", abort=True, err=True)
    done = admin.ask("DELETE", PATH, query={"model": model, "older_than": older_than}).body
    admin.output.show(done, f"{count(done['cleared'])} {'answer is' if done['cleared'] == 1 else 'answers are'} forgotten.")
    _say_missing(admin, done)


@cache_status.command()
@admin_options
def config(admin: Admin) -> None:
    """What is kept, and for how long, as the configuration says it."""
    found = admin.get(f"{PATH}/config")
    if admin.output.as_json:
        admin.output.show(found, "")
        return
    told(admin.output, {name: value for name, value in found.items() if name != "models"})
    rows = [(name, whole(one["enabled"]), one["ttl"], one["stale"]) for name, one in found["models"].items()]
    admin.output.table(found, _TERMS, rows)


def _figures(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        name,
        count(one["entries"]),
        _size(one["bytes"]),
        _size(one["limit_bytes"]),
        *(count(one[result]) for result in ("hits", "misses", "stale", "coalesced", "bypassed")),
        percent(one["hit_ratio"]),
        count(one["stored"]),
        count(one["evictions"]),
    )


def _say_missing(admin: Admin, found: Mapping[str, Any]) -> None:
    for one in found.get("missing", ()) if not admin.output.as_json else ():
        admin.output.note(f"Worker {one['worker']} is not in this: {one['reason']}.")


def _size(number: float) -> str:
    """12 B, 3.4 KB, 256 MB."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < _KB or unit == "GB":
            break
        number /= _KB
    return f"{number:,.0f} {unit}" if number >= 100 or unit == "B" else f"{number:.3g} {unit}"


def _span(seconds: float) -> str:
    """Whole seconds, in the notation of the configuration."""
    return str(Duration(int(seconds)))
