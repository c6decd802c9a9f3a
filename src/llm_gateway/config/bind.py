"""A tree to the structs of the schema, field by field, so that one mistake does not hide the next.

A value that is wrong is noted and its default stands in (None where there is none), so that what is checked afterwards can
still run; such a configuration is never handed out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, cast

from msgspec import inspect as mi

from llm_gateway.config.errors import Path, Problems, Where, Wrong, did_you_mean, one_of, shown
from llm_gateway.config.leaves import found, leaf
from llm_gateway.config.schema import Options, Provider, Section
from llm_gateway.config.schema.base import NAME
from llm_gateway.config.tree import BROKEN, Node, locate, opened

ProviderTypes = Mapping[str, Collection[str]]
"""Each provider type with the keys of Options that it knows."""

_NO_EXTRA: Mapping[str, Any] = {}


@lru_cache(maxsize=64)  # the whole schema takes some 50 ms, and a configuration is read again and again
@lru_cache(maxsize=8)  # 40 ms for the whole schema
def struct_info(cls: type[Section]) -> mi.StructType:
    """What msgspec knows about a struct of the schema."""
    return cast("mi.StructType", mi.type_info(cls))


class Binder:
    """Binds one tree. What is wrong goes to `problems`."""

    def __init__(self, problems: Problems, provider_types: ProviderTypes) -> None:
        self._problems = problems
        self._types = provider_types

    def bind(self, kind: mi.Type, node: Node, path: Path = (), default: Any = None) -> Any:
        """The value that `node` stands for; `default`, with the problem noted, if it stands for none."""
        extra: Mapping[str, Any] = _NO_EXTRA
        while isinstance(kind, mi.Metadata):
            extra = {**(kind.extra or {}), **extra}
            kind = kind.type
        if node.value is BROKEN:
            return default
        try:
            return self._value(kind, node, path, extra, default)
        except Wrong as wrong:
            hint = extra.get("hint", "")
            self._problems.add(wrong.at or node.where, path, wrong.message, wrong.suggestion or hint)
            return default

    def _value(self, kind: mi.Type, node: Node, path: Path, extra: Mapping[str, Any], default: Any) -> Any:
        match kind:
            case mi.UnionType():
                if node.value is None or (node.loose and node.value == "null"):
                    return None
                inner = next(one for one in kind.types if not isinstance(one, mi.NoneType))
                while isinstance(inner, mi.Metadata):
                    inner = inner.type
                if isinstance(inner, mi.StructType) and (node.value is False or (node.loose and node.value == "false")):
                    return None  # a section that is on by default is turned off
                return self._value(inner, node, path, extra, default)
            case mi.StructType():
                return self._struct(kind, node, path)
            case mi.DictType():
                node = self._mapping(node)
                return {key: self.bind(kind.value_type, child, (*path, key)) for key, child in node.value.items()}
            case mi.VarTupleType():
                return self._list(kind, node, path, default)
            case mi.CustomType() if hasattr(kind.cls, "read"):  # it may have an inside
                return kind.cls.read(node)
            case _:
                if node.value is None:
                    raise Wrong("has no value", "leave the key out for its default")
                return leaf(kind, node, positive=extra.get("positive", False))

    def _list(self, kind: mi.VarTupleType, node: Node, path: Path, default: Any) -> tuple[Any, ...]:
        node = _numbered(opened(node))
        if node.value is None:  # a key whose entries are all commented out
            return default if default is not None else ()
        if not isinstance(node.value, list):
            raise Wrong(
                f"expected a list, found {found(node)}", 'outside the file, write it as JSON: ["a", "b"]' if node.origin else ""
            )
        if len(node.value) < (kind.min_length or 0):
            raise Wrong("needs at least one entry")
        return tuple(self.bind(kind.item_type, child, (*path, index)) for index, child in enumerate(node.value))

    def _mapping(self, node: Node) -> Node:
        node = opened(node)
        if node.value is None:  # a section whose keys are all commented out
            return Node({}, node.where)
        if not isinstance(node.value, dict):
            raise Wrong(f"expected a mapping, found {found(node)}")
        return node

    def _struct(self, kind: mi.StructType, node: Node, path: Path) -> Any:
        cls = cast("type[Section]", kind.cls)
        node = opened(node)
        if cls.short and isinstance(node.value, str):
            whole = next(field for field in kind.fields if field.name == cls.short)
            inner = Node([node], node.where) if isinstance(_bare(whole.type), mi.VarTupleType) else node
            node = Node({cls.short: inner}, node.where, keys={cls.short: node.where})
        node = self._mapping(node)
        fields = {field.encode_name: field for field in kind.fields}
        before = len(self._problems)
        values = (self._provider if cls is Provider else self._fields)(fields, node, path)
        made = cls(**values)
        if len(self._problems) == before:
            for field, message in made.check():
                at, _ = locate(node, (field,) if field else ())
                self._problems.add(at.where, (*path, field) if field else path, message)
        return made

    def _fields(self, fields: Mapping[str, mi.Field], node: Node, path: Path, *, known: Collection[str] = ()) -> dict[str, Any]:
        """Values for `fields`. Keys that are none of them are noted, unless the caller knows them."""
        for key in node.value:
            if key not in fields and key not in known:
                names = {*fields, *known}
                self._unknown(node.keys.get(key, node.where), (*path, key), key, names)
        values: dict[str, Any] = {}
        for key, field in fields.items():
            default = None if field.required else _default(field)
            if key in node.value:
                values[field.name] = self.bind(field.type, node.value[key], (*path, key), default)
            else:
                values[field.name] = default
                if field.required:
                    self._problems.add(node.where, path, f"needs {key}")
        return values

    def _provider(self, fields: Mapping[str, mi.Field], node: Node, path: Path) -> dict[str, Any]:
        """A provider's own fields and those of its type, which stand side by side in the file."""
        name = str(path[-1])
        if not NAME.fullmatch(name):
            hint = "use letters, digits, '.', '_' and '-', 64 at most"
            self._problems.add(node.where, path, "is not a usable provider name", hint)
        if "type" not in node.value:
            node = Node({"type": Node(name, node.where), **node.value}, node.where, keys=node.keys)
        common = {key: field for key, field in fields.items() if key != "options"}
        options = {field.name: field for field in cast("mi.StructType", fields["options"].type).fields}
        kind = self.bind(fields["type"].type, node.value["type"], (*path, "type"))
        if kind not in self._types:
            if kind is not None:
                self._strange_type(kind, node, path)
            return {**self._fields(common, node, path, known=options), "options": Options()}
        mine = {key: field for key, field in options.items() if key in self._types[kind]}
        given = Node({key: child for key, child in node.value.items() if key in mine}, node.where, keys=node.keys)
        return {
            **self._fields(common, node, path, known=mine),
            "options": Options(**self._fields(mine, given, path)),
        }

    def _strange_type(self, kind: str, node: Node, path: Path) -> None:
        where = node.value["type"].where
        hint = did_you_mean(kind, self._types) or one_of(self._types)
        given = "" if node.value["type"].origin else f' "{shown(kind)}"'
        if "type" in node.keys:
            self._problems.add(where, (*path, "type"), f"there is no provider type{given}", hint)
        else:
            hint = f"say which it is with type; {hint}"
            self._problems.add(where, path, f"the name is not a provider type{given}", hint)

    def _unknown(self, where: Where, path: Path, key: str, known: Collection[str]) -> None:
        owners = sorted(name for name, keys in self._types.items() if key in keys)
        if owners and path[0] == "providers":
            hint = f"only providers of type {' or '.join(owners)} know it"
        else:
            hint = did_you_mean(key, known) or one_of(known)
        self._problems.add(where, path, "unknown key", hint)


def _default(field: mi.Field) -> Any:
    if callable(field.default_factory):
        return field.default_factory()
    return field.default


def _bare(kind: mi.Type) -> mi.Type:
    while isinstance(kind, mi.Metadata):
        kind = kind.type
    return kind


def _numbered(node: Node) -> Node:
    """A mapping that variables or flags made of the indices 0, 1, 2 ... as the list that it means."""
    if not isinstance(node.value, dict) or not node.value or node.where.line:
        return node
    items = [node.value.get(str(index)) for index in range(len(node.value))]
    return node if None in items else Node(items, node.where)
