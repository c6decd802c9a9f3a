"""`llm-gateway models`: what a running gateway has; what the catalogue knows; newer data for the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click
import msgspec

from llm_gateway.catalogue.book import Data, Model
from llm_gateway.catalogue.changes import Changes, changes
from llm_gateway.catalogue.format import Unusable
from llm_gateway.catalogue.lookup import Catalogue, catalogue_of
from llm_gateway.catalogue.store import install
from llm_gateway.cli.check import config_option, load_config, set_option
from llm_gateway.cli.gateway import gateway_options, guarded, send
from llm_gateway.cli.output import Output
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import SystemClock
from llm_gateway.edge.model_info import shared_by
from llm_gateway.http.client import Client

_HEADINGS = ("model", "context", "output", "$ in", "$ out", "$ each", "capabilities")
_NAMED = 20
"""Models of one kind of change that are named to people; scripts get all."""


@click.group(invoke_without_command=True)
@gateway_options
@click.option("-p", "--provider", help="Only models of this provider.")
@click.option("--capability", "--capabilities", help="Only models that can do this, such as tools or vision.")
@click.pass_context
def models(context: click.Context, url: str, api_key: str | None, provider: str | None, capability: str | None) -> None:
    """List the models that a key may use, as a running gateway has them.

    `models search` looks into the catalogue without a gateway, `models update` brings newer data into it.
    """
    if context.invoked_subcommand is None:
        output: Output = context.obj
        wanted = {"provider": provider, "capability": capability}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        guarded(output, url, _ask(output, url, api_key, f"/models?{query}" if query else "/models"))


async def _ask(output: Output, url: str, api_key: str | None, path: str) -> None:
    client = Client()
    try:
        response = await send(client, b"GET", url, path, api_key, b"", output)
        listing = msgspec.json.decode(await response.read())
    finally:
        await client.close()
    headings = ("model", "providers", *_HEADINGS[1:])
    rows = []
    for model in listing["data"]:
        first, *others = _row(model["id"], model["x_gateway_info"])
        rows.append((first, ", ".join(model["x_gateway_info"]["providers"]), *others))
    output.table(listing, headings, rows)


@models.command()
@click.argument("text", default="")
@click.option("-p", "--provider", help="Only this provider, by its name in the configuration or its type.")
@click.option("--capability", help="Only models that can do this, such as tools or vision.")
@click.option("-n", "--limit", type=click.IntRange(0), default=50, show_default=True, help="Most models shown; 0: all.")
@config_option
@set_option
@click.pass_obj
def search(
    output: Output,
    text: str,
    provider: str | None,
    capability: str | None,
    limit: int,
    path: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Look into the catalogue: models whose name holds TEXT, of the configured providers or, where none are, of all types."""
    config = _config(output, path, overrides)
    try:
        catalogue = catalogue_of(config)
    except Unusable as error:
        output.fail(f"catalogue.file: {error}", code=2)
    if catalogue.problem:
        output.errors.print(f"Updated data is not used: {catalogue.problem}", markup=False, style="yellow")
    now = SystemClock().now()
    found = sorted(_search(config, catalogue, text.lower(), provider, capability), key=lambda pair: pair[0])
    shown = found[:limit] if limit else found
    data = [{"id": name, "name": model.name, **shared_by([model], now)} for name, model in shown]
    table = {"date": catalogue.data.book.date, "sources": catalogue.data.book.sources, "total": len(found), "data": data}
    title = f"{len(shown)} of {len(found)} models, data of {catalogue.data.book.date}"
    output.table(table, _HEADINGS, [_row(info["id"], info) for info in data], title)


def _search(
    config: Config, catalogue: Catalogue, text: str, provider: str | None, capability: str | None
) -> Iterator[tuple[str, Model]]:
    for name, model in _known(config, catalogue, provider):
        if text in name.lower() and (capability is None or capability in model.capabilities):
            yield name, model


def _known(config: Config, catalogue: Catalogue, wanted: str | None) -> Iterator[tuple[str, Model]]:
    """provider/model and what is known of it; type/model where no provider is configured, or where that is what is wanted."""
    data: Data = catalogue.data
    if not config.providers or (wanted is not None and wanted not in config.providers):
        for kind in data.book.providers:
            if wanted in {None, kind}:
                yield from ((f"{kind}/{ident}", model) for ident, model in data.all(kind))
        return
    for name, provider in config.providers.items():
        if wanted in {None, name}:
            ids: Iterable[str] = dict.fromkeys((*(ident for ident, _ in data.all(provider.type)), *_written(config, name)))
            for ident in ids:
                model = catalogue.find(name, ident)
                if model is not None:
                    yield f"{name}/{ident}", model


def _written(config: Config, provider: str) -> Iterator[str]:
    """The models of a provider that the configuration knows something about."""
    for name in config.catalogue.models:
        owner, _, model = name.partition("/")
        if owner == provider and not model.endswith("*"):
            yield model


@models.command()
@click.option(
    "--from", "file", required=True, type=click.Path(path_type=Path), help="A models.json, as scripts/catalogue.py makes it."
)
@config_option
@set_option
@click.pass_obj
def update(output: Output, file: Path, path: Path | None, overrides: tuple[str, ...]) -> None:
    """Check newer data for the catalogue and put it into the state directory. A running gateway takes it at its next reload."""
    state = Path(_config(output, path, overrides).state.dir)
    try:
        before, after = install(file, state)
    except Unusable as error:
        output.fail(f"{file} {error}")
    except OSError as error:
        output.fail(f"state.dir {state}: {error.strerror or error}")
    different = changes(before, after)
    data = {"before": before.date, "date": after.date, "sources": after.sources, **different._asdict()}
    output.show(data, f"The catalogue is of {after.date} now; it was of {before.date}.\n{_told(different)}")


def _config(output: Output, path: Path | None, overrides: tuple[str, ...]) -> Config:
    try:
        return load_config(path, overrides)
    except ConfigErrors as errors:
        output.fail(str(errors), code=2, details=errors.as_data())


def _told(different: Changes) -> str:
    lines = []
    for what, names in (("new", different.new), ("gone", different.gone), ("other prices", different.repriced)):
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        lines.append(f"{what}: {len(names)}" + (f": {', '.join(names[:_NAMED])}{more}" if names else ""))
    return "\n".join(lines)


def _row(name: str, info: dict[str, Any]) -> tuple[str, ...]:
    pricing = info["pricing"] or {}
    prices = (_dollars(pricing.get("input_per_million")), _dollars(pricing.get("output_per_million")), _each(pricing))
    limits = (_count(info["context_window"]), _count(info["max_output_tokens"]))
    words = (*info["capabilities"], *(("deprecated",) if info["deprecated"] else ()))
    return (name, *limits, *prices, ", ".join(words))


def _each(pricing: dict[str, Any]) -> str:
    """What is not tokens: `image 0.04`, or `image 0.01-0.25` where it depends on the request."""
    told = []
    for name, price in pricing.items():
        if name.startswith("per_") and not name.endswith("_by"):
            least = min(pricing.get(f"{name}_by", {}).values(), default=price)
            spread = _dollars(price) if least == price else f"{_dollars(least)}-{_dollars(price)}"
            told.append(f"{name.removeprefix('per_').replace('_', ' ')} {spread}")
    return ", ".join(told)


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"


def _dollars(price: float | None) -> str:
    """Nine decimals are all there are."""
    return "" if price is None else f"{price:.9f}".rstrip("0").removesuffix(".")
