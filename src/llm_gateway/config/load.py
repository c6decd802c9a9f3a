"""Reads the configuration: finds the file, fills in `${...}`, lays variables and flags over it, checks everything.

Precedence: `--set` > `GATEWAY_*` > file > default. Every mistake is reported at once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

import msgspec
from msgspec import inspect as mi

from llm_gateway.config.bind import Binder, ProviderTypes, struct_info
from llm_gateway.config.declared import check_types, declared_names
from llm_gateway.config.environment import overlay_flags, overlay_variables
from llm_gateway.config.errors import Problems, Where
from llm_gateway.config.interpolate import Interpolation
from llm_gateway.config.json_tree import read_json
from llm_gateway.config.references import References
from llm_gateway.config.schema import Config, Sections
from llm_gateway.config.toml_tree import read_toml
from llm_gateway.config.tree import Node
from llm_gateway.config.values import Secret
from llm_gateway.config.yaml_tree import Unreadable, read_yaml

MOST_BYTES = 4 * 1024 * 1024
"""Of a configuration file."""


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str],
    provider_types: ProviderTypes,
    dialects: Collection[str] | None = None,
) -> Config:
    """The configuration to run on. `path` None: the first file of `search_path`; none there: defaults and environment.

    `overrides` are `path=value` texts; `provider_types` maps each provider type that is built in to the keys of Options that
    it knows; `dialects` are those that a type of the configuration's own may name (None: not checked).
    Raises ConfigErrors with everything that is wrong.
    """
    problems = Problems()
    name = os.fspath(path) if path is not None else _find(environ)
    root = _read(name, problems) if name is not None else Node({}, Where("defaults"))
    filling = Interpolation(environ, problems)
    filling.fill(root)
    info = struct_info(Sections)
    root = overlay_variables(root, environ, _known(info), problems)
    root = overlay_flags(root, overrides, filling.fill, problems)
    sections = Binder(problems, {**dict.fromkeys(declared_names(root), ()), **provider_types}).bind(info, root, (), Sections())
    References(sections, root, problems).check()
    check_types(sections.provider_types, root, problems, provider_types, dialects)
    problems.raise_if_any()
    sources = (*(() if name is None else (name,)), *filling.sources)
    values = {field: getattr(sections, field) for field in sections.__struct_fields__}
    return Config(**values, digest=_digest(sections), sources=tuple(dict.fromkeys(sources)))


def search_path(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where a file is looked for when none is named."""
    home = environ.get("HOME")
    in_home = (f"{home}/.config/llm-gateway/gateway.yaml",) if home else ()
    return ("gateway.yaml", "/etc/llm-gateway/gateway.yaml", *in_home)


def redacted(config: Sections) -> dict[str, Any]:
    """The effective configuration as plain data, secrets as `***`, in the notation of a file."""
    return _plain(config, _hidden)


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


def _hidden(value: object) -> str:
    return str(value)


def _hashed(value: object) -> str:
    if isinstance(value, Secret):
        return "sha256:" + hashlib.sha256(value.reveal().encode()).hexdigest()
    reveal = getattr(value, "reveal", None)
    return str(reveal()) if reveal else str(value)
