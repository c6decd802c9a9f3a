"""Reads the configuration: finds the file, fills in `${...}`, lays variables and flags over it, checks everything.

Precedence: `--set` > `GATEWAY_*` > file > default. Every mistake is reported at once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect as mi

from llm_gateway.config.bind import Binder, ProviderTypes, struct_info
from llm_gateway.config.declared import check_types, declared_names
from llm_gateway.config.environment import overlay_flags, overlay_variables
from llm_gateway.config.errors import Path, Problems, Where, Wrong, render
from llm_gateway.config.interpolate import Interpolation, Resolve, no_stores
from llm_gateway.config.json_tree import read_json
from llm_gateway.config.references import References
from llm_gateway.config.schema import Config, Sections
from llm_gateway.config.toml_tree import read_toml
from llm_gateway.config.tree import Node, locate, opened, plant, put
from llm_gateway.config.values import Secret
from llm_gateway.config.yaml_tree import Unreadable, read_yaml

MOST_BYTES = 4 * 1024 * 1024
"""Of a configuration file."""

Overlay = Mapping[Path, Any]
"""Place -> plain data, such as `("models", "fast")` -> a document: what was made by the API and not by the file."""
LISTS = frozenset({("routing", "rules")})
"""Lists whose entries have a name, by which an Overlay places them: `("routing", "rules", "eu")`."""
TWO_OWNERS = "is defined by the file and by the API"
API_OBJECT = "API object"
"""What begins the place of everything that the API owns."""


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str],
    provider_types: ProviderTypes,
    dialects: Collection[str] | None = None,
    resolve: Resolve = no_stores,
) -> Config:
    """`load_tree` without the tree. Raises ConfigErrors."""
    return load_tree(
        path, overrides=overrides, environ=environ, provider_types=provider_types, dialects=dialects, resolve=resolve
    ).config


class Loaded(NamedTuple):
    """A configuration, and the tree that it was bound from: secrets filled in, everything laid over it (see document.py)."""

    config: Config
    tree: Node


def load_tree(
    path: str | os.PathLike[str] | None = None,
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str],
    provider_types: ProviderTypes,
    dialects: Collection[str] | None = None,
    resolve: Resolve = no_stores,
    overlay: Overlay = MappingProxyType({}),
) -> Loaded:
    """The configuration to run on. `path` None: the first file of `search_path`; none there: defaults and environment.

    `overrides` are `path=value` texts; `provider_types` maps each provider type that is built in to the keys of Options that
    it knows; `dialects` are those that a type of the configuration's own may name (None: not checked); `resolve` has what the
    secret stores gave (gather.py); `overlay` are objects that the API owns, beside those of the file.
    Raises ConfigErrors with everything that is wrong.
    """
    problems = Problems()
    root, name = read_root(path, environ, problems)
    filling = Interpolation(environ, problems, resolve)
    filling.fill(root)
    info = struct_info(Sections)
    root = overlay_variables(root, environ, _known(info), problems)
    root = overlay_flags(root, overrides, filling.fill, problems)
    root = overlay_objects(root, overlay, problems)
    sources = (*(() if name is None else (name,)), *filling.sources)
    return Loaded(config_of(root, problems, provider_types, dialects, sources=sources, but=filling.stand_ins), root)


def config_of(
    root: Node,
    problems: Problems,
    provider_types: ProviderTypes,
    dialects: Collection[str] | None,
    *,
    sources: Sequence[str] = (),
    but: Collection[Where] = (),
) -> Config:
    """What a whole tree means. The same tree is bound in control and in every worker: same digest, same behaviour.

    Raises ConfigErrors with all problems, those found before among them; not with those at the places `but`.
    """
    types = {**dict.fromkeys(declared_names(root), ()), **provider_types}
    sections = Binder(problems, types).bind(struct_info(Sections), root, (), Sections())
    References(sections, root, problems).check()
    check_types(sections.provider_types, root, problems, provider_types, dialects)
    problems.raise_if_any(but=but)
    values = {field: getattr(sections, field) for field in sections.__struct_fields__}
    return Config(**values, digest=_digest(sections), sources=tuple(dict.fromkeys(sources)))


def overlay_objects(root: Node, overlay: Overlay, problems: Problems) -> Node:
    """`root` with the objects that the API owns. One that the file has too is a problem: an object has one owner."""
    for path, document in overlay.items():
        where = Where(f"{API_OBJECT} {render(path)}")
        there = owned(root, path)
        if there is not None:
            hint = "remove it from the file, or delete it by the API"
            problems.add(there, path, TWO_OWNERS, hint)
            continue
        try:
            made = plant(document, where)
            if path[:-1] in LISTS:
                path, made = path[:-1], Node([*_entries(root, path[:-1]), made], where)  # noqa: PLW2901 - the list's
            root = put(root, path, made)
        except Wrong as wrong:
            problems.add(where, path, wrong.message, wrong.suggestion)
    return root


def owned(root: Node, path: Path) -> Where | None:
    """Where an object stands that may also be made by the API; None: nowhere."""
    node, reached = locate(root, placed(root, path))
    return node.where if len(reached) == len(path) else None


def placed(root: Node, path: Path) -> Path:
    """The place of such an object in the tree: in a list, its index; the list's length if it has none of that name."""
    if path[:-1] not in LISTS:
        return path
    entries = _entries(root, path[:-1])
    names = [locate(entry, ("name",))[0].value for entry in entries]
    return (*path[:-1], names.index(path[-1]) if path[-1] in names else len(entries))


def _entries(root: Node, path: Path) -> list[Node]:
    node, reached = locate(root, path)
    value = opened(node).value if reached == path else None
    return value if isinstance(value, list) else []


def read_root(path: str | os.PathLike[str] | None, environ: Mapping[str, str], problems: Problems) -> tuple[Node, str | None]:
    """The tree of the file, nothing filled in yet, and the file's name; an empty one and None where there is no file."""
    name = os.fspath(path) if path is not None else _find(environ)
    return (_read(name, problems) if name is not None else Node({}, Where("defaults"))), name


def search_path(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where a file is looked for when none is named."""
    home = environ.get("HOME")
    in_home = (f"{home}/.config/llm-gateway/gateway.yaml",) if home else ()
    return ("gateway.yaml", "/etc/llm-gateway/gateway.yaml", *in_home)


def redacted(config: Sections, encode: Callable[[object], str] = str) -> dict[str, Any]:
    """The effective configuration as plain data, secrets as `***`, in the notation of a file. `encode` writes what JSON has no
    type for, secrets among it.
    """
    return _plain(config, encode)


def _find(environ: Mapping[str, str]) -> str | None:
    named = environ.get("GATEWAY_CONFIG")
    return named or next((name for name in search_path(environ) if FilePath(name).exists()), None)


def _read(name: str, problems: Problems) -> Node:
    try:
        text = _text(name)
        if name.endswith(".json"):
            root = read_json(text, name, problems)
        elif name.endswith(".toml"):
            root = read_toml(text, name)
        else:
            root = read_yaml(text, name, problems)
    except Unreadable as error:  # nothing further can be said about this file
        problems.add(error.where, (), error.message, error.suggestion)
        problems.raise_if_any()
        raise
    if root.value is not None and not isinstance(root.value, dict):
        problems.add(root.where, (), "expected a mapping of sections", "begin with a section such as server: or providers:")
        problems.raise_if_any()
    return root


def _text(name: str) -> str:
    try:
        with FilePath(name).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise Unreadable(
            Where(name), f"cannot be read: {reason}", "check the path given with --config or GATEWAY_CONFIG"
        ) from None
    if len(data) > MOST_BYTES:
        raise Unreadable(Where(name), f"is larger than {MOST_BYTES} bytes")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable(Where(name, 1, 1), "is UTF-16", "save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8", "ignore")
        where = Where(name, good.count("\n") + 1, len(good) - good.rfind("\n"))
        raise Unreadable(where, "is not UTF-8 text", "save it as UTF-8") from None


def _known(info: mi.StructType) -> dict[str, list[str]]:
    """Each section with its fields, those of named entries excepted."""
    known: dict[str, list[str]] = {}
    for field in info.fields:
        kind = field.type.type if isinstance(field.type, mi.Metadata) else field.type
        known[field.name] = [inner.name for inner in kind.fields] if isinstance(kind, mi.StructType) else []
    return known


def _digest(sections: Sections) -> str:
    canonical = msgspec.json.encode(_plain(sections, _hashed), order="sorted")
    return hashlib.sha256(canonical).hexdigest()


def _plain(config: Sections, encode: Any) -> dict[str, Any]:
    sections = {name: getattr(config, name) for name in Sections.__struct_fields__}
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(sections, enc_hook=encode))
    for name, provider in data["providers"].items():
        options = provider.pop("options")
        defaults = msgspec.to_builtins(type(config.providers[name].options)(), enc_hook=encode)
        provider.update({key: value for key, value in options.items() if value != defaults[key]})
    return data


def _hashed(value: object) -> str:
    if isinstance(value, Secret):
        return "sha256:" + hashlib.sha256(value.reveal().encode()).hexdigest()
    reveal = getattr(value, "reveal", None)
    return str(reveal()) if reveal else str(value)
