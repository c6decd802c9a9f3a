"""Values that are likely to be near the edge of what a schema accepts."""

from __future__ import annotations

from random import Random
from typing import Any

_ANYTHING: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    2,
    3,
    4,
    1.5,
    3.0,
    -1,
    "",
    "a",
    "bb",
    "ccc",
    [],
    [1],
    ["a", "a"],
    {},
    {"a": 1},
)
_NAMES = ("a", "b", "c")


def like(schema: Any, root: dict[str, Any], random: Random, depth: int = 0) -> Any:
    """A value made by walking through `schema` at random, often valid and sometimes just not."""
    if not isinstance(schema, dict) or depth > 5 or random.random() < 0.1:
        return random.choice(_ANYTHING)
    branches = [branch for word in ("anyOf", "oneOf", "allOf") if isinstance(schema.get(word), list) for branch in schema[word]]
    if "$ref" in schema:
        branches.append(root["$defs"].get(schema["$ref"].rpartition("/")[2], True))
    made = [like(random.choice(branches), root, random, depth + 1)] if branches else []
    if "const" in schema:
        made.append(schema["const"])
    if schema.get("enum"):
        made.append(random.choice(schema["enum"]))
    if schema.keys() & {"properties", "required", "additionalProperties"} or schema.get("type") == "object":
        made.append(_object(schema, root, random, depth))
    if schema.keys() & {"items", "prefixItems"}:
        made.append([like(schema.get("items"), root, random, depth + 1) for _ in range(random.randrange(3))])
        first = schema.get("prefixItems", [])
        made.append([like(inner, root, random, depth + 1) for inner in first])
    objects = [value for value in made if isinstance(value, dict)]
    if len(objects) > 1 and random.random() < 0.7:
        return {name: value for one in objects for name, value in one.items()}
    return random.choice(made) if made else _of_type(schema.get("type"), random)


def _object(schema: dict[str, Any], root: dict[str, Any], random: Random, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    names = [
        name for name in _NAMES if random.random() < (0.8 if name in schema.get("required", ()) or name in properties else 0.2)
    ]
    return {name: like(properties.get(name, schema.get("additionalProperties")), root, random, depth + 1) for name in names}


def _of_type(kind: Any, random: Random) -> Any:
    wanted = random.choice(kind) if isinstance(kind, list) and kind else kind
    choices = {
        "string": ["", "a", "bb", "ccc"],
        "integer": [0, 1, 2, 3, 3.0, 4],
        "number": [0, 1.5, 2, 3],
        "boolean": [True, False],
        "null": [None],
        "array": [[], [1], ["a", "a"], [1, 2, 3]],
        "object": [{}, {"a": 1}],
    }
    return random.choice(choices.get(wanted, list(_ANYTHING)))
