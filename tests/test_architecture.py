"""What every module keeps to, read from the source: its size, its state, and a test file of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "llm_gateway"
TESTS = ROOT / "tests"
MODULE_LINES = 350
FUNCTION_LINES = 60
WITHOUT_MIRROR = (
    "e2e",
    "peers",
    "faults",
    "contract",
    "fuzz",
    "nightly",
    "scripts",
    "benchmarks",
    "deployment",
    "monitoring",
    "docs",
)
"""Folders of tests/ that look at the whole gateway, or at something outside of src/."""
ALONE = frozenset(
    {
        "test_architecture.py",
        "test_docs.py",
        "config/test_every_key_is_read.py",
        "dialects/openai_completions/test_completions.py",
        "dialects/pairs/test_opaque.py",
        "dialects/pairs/test_replies.py",
        "dialects/pairs/test_requests.py",
        "dialects/test_strange_values.py",
        "http/test_smuggling.py",
    }
)
"""About several modules at once."""
NOT_YET = frozenset(
    {
        "cli/completions.py",
        "cli/serve.py",
        "config/bind.py",
        "config/jsonschema.py",
        "config/tree.py",
        "config/values.py",
        "dialects/anthropic_messages/errors.py",
        "dialects/anthropic_messages/reply.py",
        "dialects/anthropic_messages/request_in.py",
        "dialects/anthropic_messages/request_out.py",
        "dialects/anthropic_messages/stops.py",
        "dialects/anthropic_messages/thinking.py",
        "dialects/anthropic_messages/tidy.py",
        "dialects/anthropic_messages/tools_out.py",
        "dialects/invalid.py",
        "dialects/openai_chat/finish.py",
        "dialects/openai_chat/request_in.py",
        "dialects/openai_chat/request_out.py",
        "dialects/openai_chat/tidy.py",
        "edge/listing.py",
        "http/framing/eventstream.py",
        "http/origin.py",
        "http/request_head.py",
        "http/tls.py",
        "http/trust.py",
        "simulator/dialects/anthropic_messages.py",
        "simulator/dialects/models.py",
        "simulator/dialects/openai_chat.py",
        "simulator/schema.py",
    }
)
"""Modules whose tables are still plain dicts and sets, though nothing changes them. This list only ever gets shorter."""

MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = frozenset({"list", "dict", "set", "bytearray", "defaultdict", "OrderedDict", "Counter", "deque", "ChainMap"})
MODULES = sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_can_be_read_at_once(path):
    """At most 350 lines, and 60 for each function."""
    assert len(path.read_text().splitlines()) <= MODULE_LINES
    functions = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    long = {
        function.name: length
        for function in functions
        if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES
    }
    assert not long


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What runs when the module is imported, classes and functions left out."""
    for statement in body:
        if isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try):
            for part in ("body", "orelse", "finalbody"):
                yield from statements(getattr(statement, part, []))
        else:
            yield statement


def mutable_names(tree: ast.Module) -> Iterator[str]:
    for statement in statements(tree.body):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            value = statement.value
            call = value.func if isinstance(value, ast.Call) else None
            called = call.id if isinstance(call, ast.Name) else call.attr if isinstance(call, ast.Attribute) else ""
            if isinstance(value, MUTABLE) or called in MUTABLE_CALLS:
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                yield from (ast.unparse(target) for target in targets if ast.unparse(target) != "__all__")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_no_state(path):
    """No `global`, and nothing at module level that could be changed: tuple, frozenset and MappingProxyType instead."""
    tree = tree_of(path)
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)] == []
    assert (list(mutable_names(tree)) == []) is (name_of(path) not in NOT_YET), list(mutable_names(tree))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A = []", ["A"]),
        ("A: dict[str, int] = {}", ["A"]),
        ("A = collections.deque()", ["A"]),
        ("if x:\n    A = {n for n in y}", ["A"]),
        ("A = MappingProxyType({})\nB = (1, [])\nC = frozenset({1})\n__all__ = ['x']", []),
        ("class A:\n    b = []\ndef f():\n    c = {}", []),
    ],
)
def test_the_check_sees_what_it_should(text, found):
    """The rule above, on examples."""
    assert list(mutable_names(ast.parse(text))) == found


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_mirror_the_source(path):
    """tests/a/test_b.py and test_b_aspect.py are about src/llm_gateway/a/b.py, the package a/b, or the two halves a/b_*.py."""
    place = path.relative_to(TESTS)
    if place.parts[0] in WITHOUT_MIRROR or str(place) in ALONE:
        return
    module = SOURCE / place.parent / place.name.removeprefix("test_")
    halves = list(module.parent.glob(f"{module.stem}_*.py"))
    words = module.stem.split("_")
    aspect_of = any((module.parent / f"{'_'.join(words[:count])}.py").is_file() for count in range(1, len(words)))
    assert module.is_file() or module.with_suffix("").is_dir() or len(halves) > 1 or aspect_of
