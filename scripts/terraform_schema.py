"""Write tests/deployment/aws_schema.json: what the AWS provider for Terraform knows of the resources that deployment/terraform uses.

Needs the npm package @cdktf/provider-aws, unpacked (`npm pack @cdktf/provider-aws && tar xzf ...`): its classes are generated from the
provider's own schema, and can be read where the provider itself cannot be had. Names and types are facts; no code is copied.

    python scripts/terraform_schema.py PACKAGE
"""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TERRAFORM = ROOT / "deployment" / "terraform"
TARGET = ROOT / "tests" / "deployment" / "aws_schema.json"

_CLASS = re.compile(r"^export class (\w+) extends cdktf\.\w+ \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_GETTER = re.compile(
    r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
    r"(?:\s+private [^\n]*\n(?:[^\n]*; *\}; *\n)?)?\s+public get \w+\(\) \{\n\s+return (.*?);"
)
_NESTED = re.compile(r'private (_\w+) = new (\w+)\(this, "(\w+)"(?:, (true|false))?\)')
_BLOCK = re.compile(r'^\s+(\w+): \{\n\s+value: .*?\n\s+isBlock: (true|false),\n\s+type: "(\w+)",', re.MULTILINE)
_FUNCTION = re.compile(r"^export function (\w+)ToHclTerraform\(struct[^\n]*$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_TYPES = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
    "getNumberMapAttribute": ["map", "number"],
    "getBooleanMapAttribute": ["map", "bool"],
}


def _body(attributes: dict[str, str], **blocks: Any) -> dict[str, Any]:
    """`attributes`: name -> "string o" and so on. `blocks`: those that may be there once."""
    return {
        "attributes": {name: text.split() for name, text in attributes.items()},
        "blocks": {name: {"nesting": "list", "min": 0, "max": 1, **body} for name, body in blocks.items()},
    }


_STATEMENT = _body(
    {},
    rate_based_statement=_body({"limit": "number r", "evaluation_window_sec": "number o", "aggregate_key_type": "string o"}),
    managed_rule_group_statement=_body(
        {"name": "string r", "vendor_name": "string r", "version": "string o"},
        rule_action_override={
            **_body({"name": "string r"}, action_to_use=_body({}, allow=_body({}), block=_body({}), count=_body({}))),
            "max": 0,
        },
    ),
)
"""Statements of aws_wafv2_web_acl can hold statements, so the package leaves them without types: from the provider's documentation."""


class Source:
    """One generated module: the classes of a resource or data source and of what is nested in it."""

    def __init__(self, text: str, used: set[str]) -> None:
        """`used`: names of blocks that are written somewhere; others are left out."""
        self._classes = dict(_CLASS.findall(text))
        self._forms = {name.lower(): dict(_forms(body)) for name, body in _FUNCTION.findall(text)}
        self._used = used

    def whole(self) -> dict[str, Any]:
        """The schema of the resource itself: its class is the one that names its Terraform type."""
        for name, body in self._classes.items():
            if "synthesizeHclAttributes" in body:
                return self._body(name, body, dict(_forms(body)))
        raise SystemExit("no resource in this module")

    def _body(self, name: str, body: str, forms: dict[str, tuple[bool, str]]) -> dict[str, Any]:
        nested = {field: (other, key, of_set == "true") for field, other, key, of_set in _NESTED.findall(body)}
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        if name == "Wafv2WebAclRuleOutputReference":
            blocks["statement"] = {"nesting": "list", "min": 1, "max": 1, **_STATEMENT}
        for key, computed, optional, required, value in _GETTER.findall(body):
            if key in blocks:
                continue
            field = value.removeprefix("this.")
            is_block, kind = forms.get(key, (False, ""))
            if field in nested and is_block:
                if key in self._used or required == "true":
                    blocks[key] = self._block(nested[field], kind, required == "true")
                continue
            found = self._object(nested[field]) if field in nested else _simple(value)
            flags = "".join(letter for letter, given in (("r", required), ("o", optional), ("c", computed)) if given == "true")
            attributes[key] = [found, flags]
        return {"attributes": attributes, "blocks": blocks}

    def _block(self, nested: tuple[str, str, bool], kind: str, required: bool) -> dict[str, Any]:
        other = nested[0]
        inner = _element(other)
        stem = inner.removesuffix("OutputReference").lower()
        found = self._body(inner, self._classes[inner], self._forms.get(stem, {}))
        nesting = "single" if kind == "struct" else kind
        return {"nesting": nesting, "min": int(required), "max": 1 if other == inner else 0, **found}

    def _object(self, nested: tuple[str, str, bool]) -> Any:
        other, _, of_set = nested
        inner = _element(other)
        found = self._body(inner, self._classes[inner], {})["attributes"]
        kind = ["object", {key: value for key, (value, _) in found.items()}]
        return kind if other == inner else ["set" if of_set else "list", kind]


def _forms(body: str) -> list[tuple[str, tuple[bool, str]]]:
    return [(name, (block == "true", kind)) for name, block, kind in _BLOCK.findall(body)]


def _element(name: str) -> str:
    return name if name.endswith("OutputReference") else name.removesuffix("List").removesuffix("Map") + "OutputReference"


def _simple(value: str) -> Any:
    for getter, kind in _TYPES.items():
        if f"this.{getter}(" in value:
            return ["set", kind[1]] if "Fn.tolist" in value else kind
    return "dynamic"


def _original(file: Path) -> str:
    """The source that the module was compiled from. Its comments say what is required and what is computed."""
    code = file.read_text()
    _, mark, encoded = code.rpartition("sourceMappingURL=data:application/json;base64,")
    if not mark:
        raise SystemExit(f"{file} has no source in it")
    source: str = json.loads(base64.b64decode(encoded))["sourcesContent"][0]
    return source


def main() -> None:
    """Read PACKAGE, and write what deployment/terraform uses of it."""
    package = Path(sys.argv[1])
    texts = "\n".join(file.read_text() for file in sorted(TERRAFORM.rglob("*.tf")))
    used = set(re.findall(r'^\s+(?:dynamic ")?(\w+)"? \{', texts, re.MULTILINE))
    about = json.loads((package / "package.json").read_text())
    schema: dict[str, Any] = {"provider": about["cdktf"]["provider"]["version"], "resource": {}, "data": {}}
    for kind, name in sorted(set(re.findall(r'^(resource|data) "(aws_\w+)"', texts, re.MULTILINE))):
        folder = ("data-" if kind == "data" else "") + name.replace("_", "-")
        folder = folder if kind == "data" else folder.removeprefix("aws-")
        schema[kind][name] = Source(_original(package / "lib" / folder / "index.js"), used).whole()
    lines = [f'"provider": {json.dumps(schema["provider"])}']
    for kind in ("resource", "data"):
        rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(body, sort_keys=True)}" for name, body in schema[kind].items())
        lines.append(f'"{kind}": {{\n{rows}\n}}')
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
