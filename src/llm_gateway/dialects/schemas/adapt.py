"""A JSON Schema as a provider takes it: with the same meaning, or not at all.

`adapt` rewrites what has other words for it (rewrite.py, unions.py, merge.py). A constraint for which there are none moves into
the description, where the model still reads it, and is named in `dropped`; structure for which there are none raises Refused with
its path. Work and output are bounded (budget.py), and so is the depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.dialects.schemas.budget import Budget
from llm_gateway.dialects.schemas.cycles import Edge, find_cycle
from llm_gateway.dialects.schemas.flatten import At, Flattener
from llm_gateway.dialects.schemas.merge import Schema, same, types_of
from llm_gateway.dialects.schemas.places import References, below
from llm_gateway.dialects.schemas.refused import Refused
from llm_gateway.dialects.schemas.rewrite import is_closed, is_free_form, opens, origin, rewritten, types_to_split
from llm_gateway.dialects.schemas.rules import Rules
from llm_gateway.dialects.schemas.suits import suits
from llm_gateway.dialects.schemas.tell import Told
from llm_gateway.dialects.schemas.top import object_at_top
from llm_gateway.dialects.schemas.unions import are_disjoint, by_type, is_idle, type_of
from llm_gateway.dialects.schemas.words import (
    ANNOTATIONS,
    CONSTRAINTS,
    LISTS,
    MAPS,
    QUIET,
    SINGLES,
    STRUCTURE,
    forbids_nothing,
)

MAX_DEPTH = 64
_BELOW = "#/$defs/"
_OBJECT = ("object", Raw(b'"object"'))
_NO_OBJECT = frozenset({"anyOf", "oneOf", "allOf", "$ref"})


class Adapted(msgspec.Struct):
    """`dropped`: paths, from the schema's own top, of what nobody enforces any more. `note`: what the top has no place for."""

    schema: Schema
    changed: bool
    dropped: list[str]
    note: str = ""


def adapt(schema: Schema, rules: Rules, budget: Budget | None = None) -> Adapted:
    """`budget`: what several schemas may cost together. Raises Refused."""
    if rules.keywords is None and rules.top is None and is_plain(schema, rules):
        return Adapted(schema, changed=False, dropped=[])
    if rules.keywords is not None and suits(schema, rules):
        return Adapted(schema, changed=False, dropped=[])
    work = _Work(schema, rules, budget or Budget())
    out = work.run()
    return Adapted(out, not same(out, schema), list(dict.fromkeys(work.dropped)), work.note)


def is_plain(schema: Mapping[str, Any] | None, rules: Rules) -> bool:
    """Whether the top is the plain object that `rules` may ask for. Values may be JSON text."""
    if not rules.top_object:
        return True
    return schema is not None and schema.get("type") in _OBJECT and schema.keys().isdisjoint(_NO_OBJECT)


class _Work:
    """One schema being adapted."""

    def __init__(self, root: Schema, rules: Rules, budget: Budget) -> None:
        self.dropped: list[str] = []
        self.note = ""
        self._root = root
        self._rules = rules
        self._budget = budget
        self._flattener = Flattener(References(root), rules, budget)
        self._names: dict[str, str] = {}  # of definitions, by their pointer
        self._waiting: list[str] = []
        self._edges: dict[str, list[Edge]] = {"": []}

    def run(self) -> Schema:
        top = self._root
        if self._rules.top_object:
            top = object_at_top(top, self._flattener, self.dropped)
            if self._rules.keywords is None and self._rules.top is None:
                return top
        out = self._schema(top, At(""))
        assert isinstance(out, dict)  # noqa: S101 - the top is no boolean
        self._add_definitions(out)
        return out

    # ---- definitions

    def _add_definitions(self, out: Schema) -> None:
        made: Schema = {}
        while self._waiting:
            pointer = self._waiting.pop()
            at = At(below("", *(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])), owner=pointer)
            made[self._names[pointer]] = self._schema(self._flattener.target(pointer, at), at)
        if self._rules.recursive != "always":
            cycle = find_cycle(self._edges, ignore_optional=self._rules.recursive == "optional")
            if cycle is not None:
                raise Refused(cycle, "it holds itself")
        if not made:
            out.pop("$defs", None)
            return
        first = [name for word in ("$defs", "definitions") for name in self._root.get(word, ()) if name in made]
        out["$defs"] = {name: made[name] for name in dict.fromkeys([*first, *sorted(made)])}

    def _kept(self, schema: Schema, at: At) -> Schema:
        """A reference that stays."""
        pointer = self._flattener.pointer(schema, at)
        self._edges[at.owner].append(Edge(pointer, at.optional, below(at.path, "$ref")))
        if pointer == "":
            return {"$ref": "#"}
        if pointer not in self._names:
            self._flattener.target(pointer, at)
            self._names[pointer] = self._name_for(pointer)
            self._waiting.append(pointer)
            self._edges[pointer] = []
        return {"$ref": _BELOW + self._names[pointer].replace("~", "~0").replace("/", "~1")}

    def _name_for(self, pointer: str) -> str:
        wanted = pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        taken = set(self._names.values())
        if pointer not in {f"/$defs/{wanted}", f"/definitions/{wanted}"}:
            taken |= {*self._root.get("$defs", ()), *self._root.get("definitions", ())}
        name, count = wanted, 1
        while name in taken:
            count += 1
            name = f"{wanted}_{count}"
        return name

    # ---- one schema

    def _schema(self, schema: Any, at: At) -> Any:
        self._budget.node(at.path)
        if at.depth > MAX_DEPTH:
            raise Refused(at.path, f"it is nested more than {MAX_DEPTH} levels deep")
        if isinstance(schema, bool):
            return self._boolean(schema, at)
        if not isinstance(schema, dict):
            raise Refused(at.path, "it is no schema")
        given, inside = schema, at.inside
        schema, at = self._flattener.flat(schema, at)
        if "$ref" in schema:
            return self._kept(schema, at)
        if at.inside != inside or "$ref" not in given:
            given = schema  # otherwise the reference was wrapped
        told = Told()
        if self._rules.keywords is not None:
            is_const = "const" in schema
            schema = rewritten(schema, self._rules, at.path)
            schema = self._without_one_of(schema, told, at)
            schema = self._split(schema, told, at, is_const=is_const)
            schema = self._closed(schema, at)
        return self._words(schema, given, told, at)

    def _boolean(self, schema: bool, at: At) -> Any:
        if self._rules.keywords is None:
            return schema
        if not schema:
            raise Refused(at.path, "it accepts nothing")
        return {}

    def _words(self, schema: Schema, given: Schema, told: Told, at: At) -> Schema:
        """Each keyword as it may stand, or what becomes of it. `given`: the schema before it was rewritten."""
        is_top = at.depth == 0 and not at.owner
        keywords = self._rules.top if is_top and self._rules.top is not None else self._rules.keywords
        out: Schema = {}
        for word, value in schema.items():
            if word in {"$defs", "definitions"}:
                if is_top and not self._rules.inline:
                    out["$defs"] = None  # its place
            elif (keywords is None or word in keywords) and self._takes(word, value):
                out[word] = self._value(word, value, schema, at, origin(word, given))
            elif not (word in QUIET or forbids_nothing(word, value) or is_idle(word, types_of(schema))):
                self._lost(word, value, told, at, origin(word, given))
        if keywords is not None and "description" not in keywords:
            self.note = told.over(schema.get("description"), title=False)
        elif told:
            out["description"] = told.over(out.get("description"))
        return out

    def _takes(self, word: str, value: Any) -> bool:
        rules = self._rules
        if word == "format":
            return rules.formats is None or value in rules.formats
        if word == "minItems":
            return not rules.few_items or value in (0, 1)
        if word == "pattern":
            return rules.patterns is None or (isinstance(value, str) and not rules.patterns.search(value))
        return True

    def _value(self, word: str, value: Any, schema: Schema, at: At, was: str) -> Any:
        if word in MAPS and isinstance(value, dict):
            required = schema.get("required")
            needed = frozenset(name for name in required if isinstance(name, str)) if isinstance(required, list) else frozenset()
            return {name: self._schema(inner, at.below(word, name, optional=name not in needed)) for name, inner in value.items()}
        if word in LISTS and isinstance(value, list):
            return [
                self._schema(inner, at.below(was, index) if was else at._replace(depth=at.depth + 1))
                for index, inner in enumerate(value)
            ]
        if word in SINGLES and not (word == "additionalProperties" and isinstance(value, bool)):
            return self._schema(value, at.below(was))
        return value

    def _lost(self, word: str, value: Any, told: Told, at: At, was: str) -> None:
        if word in ANNOTATIONS:
            told.add(word, value)
        elif word in CONSTRAINTS or (self._rules.told and word in STRUCTURE):
            told.add(was or word, value)
            self._name(below(at.path, was or word))
        elif word in STRUCTURE:
            raise Refused(below(at.path, was or word), "the provider has nothing that means the same")

    def _name(self, path: str) -> None:
        if not self._rules.told:
            self.dropped.append(path)

    # ---- unions

    def _without_one_of(self, schema: Schema, told: Told, at: At) -> Schema:
        given = schema.get("oneOf")
        if not isinstance(given, list) or not given or "oneOf" in (self._rules.keywords or ()):
            return schema
        if "anyOf" in schema:
            raise Refused(below(at.path, "oneOf"), "it stands beside anyOf")
        if len(given) > 1 and not are_disjoint(given, lambda one: self._flattener.expanded(one, at)[0]):
            told.say("exactly one of the alternatives")
            self._name(below(at.path, "oneOf"))
        return {("anyOf" if word == "oneOf" else word): value for word, value in schema.items()}

    def _split(self, schema: Schema, told: Told, at: At, *, is_const: bool) -> Schema:
        """Types and values that may not stand together, each in an alternative of its own."""
        types = types_to_split(schema, self._rules)
        if types is None:
            return schema
        outside = {word: value for word, value in schema.items() if word in ANNOTATIONS or word in QUIET}
        inside = {word: value for word, value in schema.items() if word not in outside}
        branches = list(by_type(inside, types))
        if not branches:
            raise Refused(below(at.path, "const" if is_const else "enum"), "it accepts nothing")
        for branch in branches:
            values = branch.get("enum")
            kinds = self._rules.enums
            if values is not None and kinds is not None and not {_scalar(value) for value in values} <= kinds:
                told.add("enum", values)
                self._name(below(at.path, "const" if is_const else "enum"))
                del branch["enum"]
        return outside | (branches[0] if len(branches) == 1 else {"anyOf": branches})

    # ---- objects

    def _closed(self, schema: Schema, at: At) -> Schema:
        """Objects as strict providers want them. Closing one that was silent about it forbids something, and is named."""
        rules = self._rules
        if not rules.closed or "object" not in types_of(schema) or ("type" not in schema and "properties" not in schema):
            return schema
        if opens(schema) or (is_free_form(schema) and not is_closed(schema) and "anyOf" not in schema):
            raise Refused(below(at.path, "additionalProperties"), "the provider takes no objects with any properties here")
        if rules.all_required and set(schema.get("properties", ())) - set(schema.get("required", ())):
            raise Refused(below(at.path, "required"), "the provider takes no optional properties here")
        if is_closed(schema) or is_free_form(schema):
            return schema
        self._name(below(at.path, "additionalProperties"))
        return schema | {"additionalProperties": False}


def _scalar(value: Any) -> str:
    kind = type_of(value)
    return "number" if kind == "integer" else kind
