"""What every module keeps to, read from the source: its size, its state, and a test file of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
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
BESIDE = ("tests", "scripts", "deployment")
"""Where there are modules that nobody imports."""


@cache
def trees() -> dict[Path, ast.Module]:
    """Every module of the source."""
    return {path: ast.parse(path.read_text(), str(path)) for path in sorted(SOURCE.rglob("*.py"))}


def name_of(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def test_modules_can_be_read_at_once():
    """At most 350 lines: of the source, of tests and of scripts; and 60 for each function of the source."""
    every = [*trees(), *(path for folder in BESIDE for path in (ROOT / folder).rglob("*.py"))]
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in every}
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}
    assert [long for path, tree in trees().items() for long in long_functions(path, tree)] == []


def long_functions(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES:
            yield f"{name_of(path)}: {node.name}"


def test_long_functions_are_seen():
    """Sixty lines are no long function, sixty-one are."""
    body = "    pass\n" * 59
    tree = ast.parse(f"def short():\n{body}async def long():\n{body}    pass\n")
    assert list(long_functions(SOURCE / "a.py", tree)) == ["a.py: long"]


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


def test_modules_have_no_state():
    """No `global`, and nothing at module level that could be changed: tuple, frozenset and MappingProxyType instead."""
    changing = {name_of(path) for path, tree in trees().items() if any(isinstance(node, ast.Global) for node in ast.walk(tree))}
    assert changing == set()
    mutable = {name_of(path): names for path, tree in trees().items() if (names := list(mutable_names(tree)))}
    assert {name: names for name, names in mutable.items() if name not in NOT_YET} == {}
    assert mutable.keys() >= NOT_YET


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


def test_tests_mirror_the_source():
    """tests/a/test_b.py and test_b_aspect.py are about src/llm_gateway/a/b.py, the package a/b, or the two halves a/b_*.py."""
    places = [path.relative_to(TESTS) for path in sorted(TESTS.rglob("test_*.py"))]
    assert [str(place) for place in places if not mirrors(place)] == []
    assert not mirrors(Path("core/test_nothing_of_that_name.py"))


def mirrors(place: Path) -> bool:
    if place.parts[0] in WITHOUT_MIRROR or str(place) in ALONE:
        return True
    module = SOURCE / place.parent / place.name.removeprefix("test_")
    halves = list(module.parent.glob(f"{module.stem}_*.py"))
    words = module.stem.split("_")
    aspect_of = any((module.parent / f"{'_'.join(words[:count])}.py").is_file() for count in range(1, len(words)))
    return module.is_file() or module.with_suffix("").is_dir() or len(halves) > 1 or aspect_of
