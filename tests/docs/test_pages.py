"""Every page is found, and what stands on it is what there is."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from msgspec import inspect as mi

from documents import DOCS, PAGES, ROOT, anchors, blocks, links, page, prose
from llm_gateway.config.schema import Sections
from llm_gateway.telemetry.families import FAMILIES

INDEX = DOCS / "README.md"
OTHERS = {"limits.cpu", "state.persistent", "audit.lost"}
"""Not keys of ours, though they look like it: Kubernetes', the Helm chart's, an action of the audit log."""


def test_every_page_is_reached_from_the_index() -> None:
    """Whoever begins at docs/README.md and follows links comes to every page of docs/; README.md leads to the index."""
    assert "docs/README.md" in links(page("README.md"))
    reached, waiting = set(), [INDEX]
    while waiting:
        file = waiting.pop()
        if file in reached or file.suffix != ".md":
            continue
        reached.add(file)
        waiting += [(file.parent / link.partition("#")[0]).resolve() for link in links(file.read_text()) if link[0] != "#"]
    assert sorted(str(file.relative_to(DOCS)) for file in set(DOCS.rglob("*.md")) - reached) == []


def test_the_index_names_every_page_itself() -> None:
    """No page of docs/ is only to be found through another one; decisions have a list of their own."""
    named = {link.partition("#")[0] for link in links(INDEX.read_text())}
    assert sorted(file.name for file in DOCS.glob("*.md") if file.name not in named and file != INDEX) == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_python_and_json_can_be_read(file: Path) -> None:
    """Each Python block compiles, each JSON block is JSON, or a member of an object."""
    text = file.read_text()
    for block in blocks(text, "python"):
        compile(block, str(file), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for block in blocks(text, "json"):
        json.loads(f"{{{block}}}" if block.startswith('"') else block)


def test_every_metric_is_documented() -> None:
    """METRICS.md has a row for each family, whatever name it is known by."""
    text = page("docs/METRICS.md")
    assert len(FAMILIES) > 80
    assert [family.name for family in FAMILIES if f"| `{family.name}` |" not in text] == []


def test_no_page_names_a_metric_that_there_is_not() -> None:
    """Names that begin as our metrics do are families, or parts of histograms."""
    known = {family.name + suffix for family in FAMILIES for suffix in ("", "_bucket", "_sum", "_count")}
    wrong = [
        f"{file.name}: {name}"
        for file in PAGES
        for name in re.findall(
            r"(?<![\w:./-])gateway_[a-z_]+_(?:total|seconds|bytes|bucket|count|sum|dollars)\b", file.read_text()
        )
        if name not in known
    ]
    assert wrong == []


def keys(kind: mi.Type, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The paths of all keys; `*` where names are free."""
    match kind:
        case mi.Metadata():
            return keys(kind.type, path)
        case mi.UnionType():
            return {found for one in kind.types for found in keys(one, path)}
        case mi.DictType():
            return {path} | keys(kind.value_type, (*path, "*"))
        case mi.VarTupleType():
            return {path} | keys(kind.item_type, path)
        case mi.StructType():
            found = {path}
            for field in kind.fields:
                inner = path if field.name == "options" and path[-1:] == ("*",) else (*path, field.encode_name)
                found |= keys(field.type, inner)
            return found
    return {path}


def is_key(words: list[str], known: set[tuple[str, ...]]) -> bool:
    """Whether they are a key or the beginning of one."""
    return any(
        len(path) >= len(words) and all(one in ("*", word) for one, word in zip(path, words, strict=False)) for path in known
    )


def test_no_page_names_a_configuration_key_that_there_is_not() -> None:
    """`server.drain` and the like, in inline code, are keys of the schema."""
    known = keys(mi.type_info(Sections))
    sections = {path[0] for path in known if path}
    assert is_key(["server", "drain"], known)
    assert not is_key(["server", "drian"], known)
    wrong = []
    for file in PAGES:
        for name in re.findall(r"`([a-z_]+(?:\.[A-Za-z_*]+(?:\[\])?)+)(?:: [^`]*)?`", prose(file.read_text())):
            words = name.replace("[]", "").removesuffix(".*").split(".")
            if words[0] in sections and name not in OTHERS and not is_key(words, known):
                wrong.append(f"{file.name}: {name}")
    assert wrong == []


def test_links_in_a_page_are_checked() -> None:
    """A heading's anchor is made as forges make it, and links in code blocks are none."""
    assert anchors("## What's `new` (in 2.0)?\n") == {"whats-new-in-20"}
    assert links("[a](B.md#c) [d](https://example.com)\n```text\n[e](F.md)\n```\n") == ["B.md#c"]
