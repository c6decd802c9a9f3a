#!/usr/bin/env python3
"""Writes the parts of the documentation that follow from the code.

    python scripts/docs.py            write docs/CONFIGURATION.md, docs/PROVIDERS.md, docs/CLI.md, docs/ADMIN-API.md,
                                      docs/METRICS.md, docs/gateway.schema.json
    python scripts/docs.py --check    change nothing; end with 1 and the names of files that are out of date

In the Markdown files only what stands between the lines `<!-- begin: NAME -->` and `<!-- end: NAME -->` is written here; the
rest is prose, kept by hand.
"""

from __future__ import annotations

import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import Mock

import click
import msgspec
from documented.configuration import reference

from llm_gateway import providers as package
from llm_gateway.cli.main import main as command_line
from llm_gateway.config.jsonschema import schema
from llm_gateway.config.load import load
from llm_gateway.control.administration import Administration
from llm_gateway.control.api.route import Route
from llm_gateway.core.clock import SystemClock
from llm_gateway.core.ids import Ids
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.base import Endpoint, ProviderType
from llm_gateway.providers.registry import COMPILED_TYPES, PROVIDER_TYPES, option_names
from llm_gateway.telemetry.families import GROUPS

DOCS = Path(__file__).resolve().parent.parent / "docs"
_MARKS = r"(<!-- begin: {0} -->\n).*?(<!-- end: {0} -->)"
PIECES = 4  # what stands before the marks, the two marks, what stands behind them


def main(*, check: bool) -> int:
    stale = []
    for name, text in rendered(DOCS).items():
        file = DOCS / name
        if file.exists() and file.read_text() == text:
            continue
        stale.append(name)
        if not check:
            file.write_text(text)
    if not stale:
        return 0
    names = ", ".join(f"docs/{name}" for name in stale)
    sys.stdout.write(f"out of date: {names}; `make docs` writes them\n" if check else f"written: {names}\n")
    return 1 if check else 0


def rendered(docs: Path) -> dict[str, str]:
    """Each file's name and what it must hold."""
    configuration = {"reference": reference, "provider types": provider_types}
    return {
        "CONFIGURATION.md": filled(docs / "CONFIGURATION.md", configuration),
        "PROVIDERS.md": filled(docs / "PROVIDERS.md", {"providers": providers, "dialects": dialects}),
        "ADMIN-API.md": filled(docs / "ADMIN-API.md", {"admin api": admin_api}),
        "METRICS.md": filled(docs / "METRICS.md", {"metrics": metrics}),
        "CLI.md": filled(docs / "CLI.md", {"commands": commands}),
        "gateway.schema.json": msgspec.json.format(msgspec.json.encode(schema(option_names())), indent=2).decode() + "\n",
    }


def admin_api() -> str:
    """Every route, by what it is about, as a gateway's own /docs has it."""
    by_tag: dict[str, list[str]] = {}
    for route in admin_routes():
        path = route.path.replace(":path}", "}")
        about = f" {route.about}" if route.about else ""
        row = f"| `{route.method}` | `{path}` | {route.summary}.{about} | `{route.permission}` |"
        by_tag.setdefault(route.tag or "other", []).append(row)
    head = "| | Path | What | Permission |\n|---|---|---|---|\n"
    return "\n\n".join(f"### {tag[:1].upper()}{tag[1:]}\n\n{head}" + "\n".join(rows) for tag, rows in by_tag.items())


def admin_routes() -> Sequence[Route]:
    """Of a control process that is put together and never begun."""
    with TemporaryDirectory() as folder:
        config = load(
            None, overrides=(f"state.dir={folder}",), environ={"GATEWAY_CONFIG": os.devnull}, provider_types=option_names()
        )
        builder: Any = Mock(config=config, built=None, extra={})
        clock = SystemClock()
        made = Administration(config, [bytes(32)], clock, Ids(clock.now), Mock(), builder, Mock(), load=Mock(), seen=Mock())
        return made.table()


def filled(file: Path, parts: Mapping[str, Callable[[], str]]) -> str:
    """The file's text with its generated parts as they must be now. Raises ValueError if one has no place in it."""
    text = file.read_text()
    for name, write in parts.items():
        pieces = re.split(_MARKS.format(name), text, flags=re.DOTALL)
        if len(pieces) != PIECES:
            raise ValueError(f"{file.name} needs the lines <!-- begin: {name} --> and <!-- end: {name} --> once")
        before, begin, end, after = pieces
        text = f"{before}{begin}\n{write()}\n{end}{after}"
    return text


# ---- the providers


def provider_types() -> str:
    lines = [
        "| type | what | address unless `base_url` says otherwise | key unless `api_key` says otherwise | keys only it knows | speaks |"
    ]
    lines.append("|---|---|---|---|---|---|")
    for kind in PROVIDER_TYPES.values():
        address = address_of(kind) or "**needed**"
        key = f"`${kind.key_variable}`" if kind.key_variable else "none"
        if kind.key_variable and not kind.key_required:
            key += ", may be absent"
        versions = ("api_version",) if kind.versioned else ()
        keys = (*kind.options, *kind.credentials, *kind.account_headers, *kind.account_keys, *versions)
        own = ", ".join(f"`{name}`" for name in sorted(keys)) or "none"
        lines.append(f"| `{kind.name}` | {kind.title} | {address} | {key} | {own} | {', '.join(kind.endpoints)} |")
    return "\n".join(lines) + "\n"


def providers() -> str:
    """Each type with its address, how it is asked for, and what it has."""
    lines = ["| type | provider | address | key | key is sent as | list of models | made of |", "|---|---|---|---|---|---|---|"]
    for name, kind in sorted(PROVIDER_TYPES.items()):
        docs = kind.docs or source_of(kind)
        title = f"[{kind.title}]({docs})" if docs else kind.title
        address = address_of(kind) or "yours"
        key = f"`{kind.key_variable}`" if kind.key_variable else "yours" if kind.key_required else ""
        optional = "" if kind.key_required or not kind.key_variable else ", may be absent"
        sent = ", ".join(f"`{header}: {value}`" for header, value in kind.sign("KEY").items())
        made = "Python" if name in COMPILED_TYPES else "YAML"
        listed = "yes" if kind.models_path else ""
        lines.append(f"| `{name}` | {title} | {address} | {key}{optional} | {sent} | {listed} | {made} |")
    return "\n".join(lines) + "\n"


def dialects() -> str:
    """Each type with the dialects that it speaks itself, and where."""
    spoken = [name for name in DIALECTS if any(name in kind.endpoints for kind in PROVIDER_TYPES.values())]
    lines = [f"| type | {' | '.join(spoken)} |", "|---|" + "---|" * len(spoken)]
    for name, kind in sorted(PROVIDER_TYPES.items()):
        cells = (place_of(kind.endpoints.get(dialect)) for dialect in spoken)
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def address_of(kind: ProviderType) -> str:
    """Where a type is without base_url; "" if nobody knows."""
    if kind.located_by:
        return f"by {kind.located_by}"
    return f"`{kind.base_url}`" if kind.base_url else "started by the gateway" if kind.managed else ""


def place_of(endpoint: str | Endpoint | None) -> str:
    return "" if endpoint is None else f"`{endpoint if isinstance(endpoint, str) else endpoint.path}`"


def source_of(kind: ProviderType) -> str:
    """The first address in the docstring of the module that makes a type."""
    for module in (import_module(f"llm_gateway.providers.{info.name}") for info in pkgutil.iter_modules(package.__path__)):
        if f'name="{kind.name}"' in inspect.getsource(module):
            found = re.search(r"https://[^\s)]+", module.__doc__ or "")
            return found[0] if found else ""
    return ""


# ---- the metrics


def metrics() -> str:
    """Every family, those with the same beginning of their names together."""
    parts = []
    for title, families in GROUPS.items():
        lines = [f"### {title}\n", "| metric | type | labels | meaning | what to look at |", "|---|---|---|---|---|"]
        for family in families:
            named = [f"`{name}`" for name in family.labels] + [f"(`{name}`)" for name in family.optional]
            needed = f" Only with `{family.when}`." if family.when else ""
            meaning = f"{family.help}{needed}"
            if family.alias_of:
                meaning = f"The same as `{family.alias_of}`, for queries that know it by this name.{needed}"
            row = (f"`{family.name}`", family.kind, " ".join(named), meaning, family.look)
            lines.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


# ---- the command line


def commands() -> str:
    """Every command with its arguments and options."""
    top = click.Context(command_line, info_name="llm-gateway", **command_line.context_settings)
    return "\n".join(describe(context) for context in (top, *below(top)))


def below(context: click.Context) -> Iterator[click.Context]:
    """The commands of a group, each followed by its own."""
    group = context.command
    for name in group.list_commands(context) if isinstance(group, click.Group) else ():
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield inner
        yield from below(inner)


def describe(context: click.Context) -> str:
    command, name = context.command, context.command_path
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    text = re.sub(r"(?<=\S)\n(?=\S)", " ", inspect.cleandoc(command.help or ""))
    lines = [f"## `{name}`\n", f"```text\n{usage}\n```\n", text + "\n"]
    options = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
    lines.append("| option | meaning |\n|---|---|")
    for option in options:
        record = option.get_help_record(context)
        if record is not None:
            names, meaning = (part.replace("|", "\\|") for part in record)
            lines.append(f"| `{names}` | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
