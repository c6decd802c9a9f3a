"""The smallest value that a JSON Schema accepts: arguments for simulated tool calls, structured output.

Covers what tool and response schemas use (JSON Schema 2020-12, the subset providers document): type, enum, const, $ref,
anyOf, oneOf, allOf, required, items, prefixItems, minItems, length and number bounds, multipleOf, common formats.
`pattern` is met when one of a few common shapes fits; otherwise it is ignored.
"""

from __future__ import annotations

import math
import re
from typing import Any
from warnings import catch_warnings, simplefilter

Schema = dict[str, Any]
MAX_DEPTH = 24
MAX_VALUES = 20_000

FORMATS = {
    "date": "2025-01-31",
    "date-time": "2025-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
SHAPES = (
    *("simulated", "Simulated", "SIM", "A", "a", "0", "1", "42", "123", "12345", "AB12", "a1", "A-1", "a_b", "1.0.0"),
    *("2025-01-31", "12:00", "+15550100", "#00ff00"),
    *FORMATS.values(),
)


class Unsatisfiable(Exception):
    """No value was found: the schema is `false`, endless, or refers to nothing."""


def instance(schema: Any) -> Any:
    """A small value that `schema` accepts; raises Unsatisfiable, also for what is no schema."""
    try:
        return _Maker(schema).make(schema, 0)
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise Unsatisfiable from error


class _Maker:
    def __init__(self, root: Any) -> None:
        self.root = root
        self.left = MAX_VALUES

    def make(self, schema: Any, depth: int) -> Any:
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH or schema is False:
            raise Unsatisfiable
        if schema is True or not schema:
            return {}
        if not isinstance(schema, dict):
            raise Unsatisfiable
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        if "$ref" in schema:
            return self.make(self.resolve(schema), depth + 1)
        if "allOf" in schema:
            return self.make(self.merged(schema), depth + 1)
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self.first_of(schema, key, depth)
        return self.typed(schema, depth)

    def typed(self, schema: Schema, depth: int) -> Any:
        kind = schema.get("type") or _guess(schema)
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        match kind:
            case "object":
                return self.object(schema, depth)
            case "array":
                return self.array(schema, depth)
            case "string":
                return _string(schema)
            case "integer":
                return int(_number(schema, whole=True))
            case "number":
                return _number(schema, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                raise Unsatisfiable

    def object(self, schema: Schema, depth: int) -> Schema:
        known = schema.get("properties") or {}
        if not all(isinstance(name, str) for name in schema.get("required") or ()):
            raise Unsatisfiable
        return {name: self.make(known.get(name, True), depth + 1) for name in schema.get("required") or ()}

    def array(self, schema: Schema, depth: int) -> list[Any]:
        first = [self.make(item, depth + 1) for item in schema.get("prefixItems") or ()]
        wanted = max(int(schema.get("minItems", 0)), len(first))
        rest = [self.make(schema.get("items", True), depth + 1) for _ in range(min(wanted, 1000) - len(first))]
        if schema.get("uniqueItems"):
            rest = [_varied(value, number) for number, value in enumerate(rest)]
        return first + rest

    def first_of(self, schema: Schema, key: str, depth: int) -> Any:
        """The first branch that can be met; what stands beside the branches holds for each of them."""
        beside = {k: v for k, v in schema.items() if k != key}
        for branch in schema[key]:
            try:
                return self.make(_merge(beside, branch) if isinstance(branch, dict) else branch, depth + 1)
            except Unsatisfiable:
                continue
        raise Unsatisfiable

    def merged(self, schema: Schema) -> Schema:
        result = {k: v for k, v in schema.items() if k != "allOf"}
        for part in schema["allOf"]:
            if not isinstance(part, dict):
                continue
            result = _merge(result, self.resolve(part) if "$ref" in part else part)
        return result

    def resolve(self, schema: Schema) -> Schema:
        found: Any = self.root
        for step in str(schema["$ref"]).removeprefix("#").split("/")[1:]:
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise Unsatisfiable
        return _merge({k: v for k, v in schema.items() if k != "$ref"}, found)


def _guess(schema: Schema) -> str:
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if "minimum" in schema or "maximum" in schema or "multipleOf" in schema:
        return "number"
    return "string"


def _merge(left: Schema, right: Schema) -> Schema:
    both = {**left, **right}
    if "properties" in left and "properties" in right:
        both["properties"] = {**left["properties"], **right["properties"]}
    if "required" in left and "required" in right:
        both["required"] = list(dict.fromkeys([*left["required"], *right["required"]]))
    return both


def _string(schema: Schema) -> str:
    if "pattern" in schema:
        for shape in SHAPES:
            if _fits(schema["pattern"], shape) and _long_enough(schema, shape):
                return shape
    text = FORMATS.get(schema.get("format", ""), "simulated")
    if len(text) < (least := min(int(schema.get("minLength", 0)), 100_000)):
        text = (text * (least // len(text) + 1))[:least]
    return text[: int(schema.get("maxLength", len(text)))]


def _fits(pattern: Any, text: str) -> bool:
    with catch_warnings():
        simplefilter("ignore")  # a caller's pattern that Python finds doubtful is the caller's affair
        try:
            return re.search(str(pattern), text) is not None
        except re.error:
            return False


def _long_enough(schema: Schema, text: str) -> bool:
    return int(schema.get("minLength", 0)) <= len(text) <= int(schema.get("maxLength", len(text)))


def _number(schema: Schema, *, whole: bool) -> float | int:
    step = schema.get("multipleOf") or (1 if whole else 0.5)
    low = schema.get("minimum")
    if (above := schema.get("exclusiveMinimum")) is not None:
        low = max(low, above + step) if low is not None else math.floor(above / step) * step + step
    if low is None:
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        low = 0 if high is None or high > 0 else high - step
    value = math.ceil(low / step) * step
    return int(value) if whole or float(value).is_integer() else value


def _varied(value: Any, number: int) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return f"{value}{number}" if number else value
    return value + number if isinstance(value, int | float) else value
