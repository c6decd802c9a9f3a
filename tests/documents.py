"""What tests of the documentation share: its pages, and what the source has that they must say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from llm_gateway.control.configuring import kinds
from llm_gateway.core import errors

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "llm_gateway"
DOCS = ROOT / "docs"
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "benchmarks").glob("*.md"), *(ROOT / "deployment").rglob("*.md")]
)
NOT_SERVED = frozenset({"simulator", "loadtest"})
"""Folders of the source that no caller of a gateway meets."""
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_REFUSING = frozenset({"refused", "_refuse", "_refused", "_refusal", "Refused"})
_TELLING = re.compile(r"\b(?:refused|_refuse|_refused|_refusal|Refused)\(|\b_CODES\b")


def page(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language (an expression), outermost ones only."""
    return re.findall(rf"^```(?:{language})\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def prose(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def code(*, without: str = "simulator") -> Iterator[str]:
    """The source of everything a caller can meet; the simulator is no part of the interface."""
    for file in SOURCE.rglob("*.py"):
        if not {*NOT_SERVED, without} & set(file.relative_to(SOURCE).parts):
            yield file.read_text()


def anchors(text: str) -> set[str]:
    """The anchors that forges make of a page's headings."""
    headings = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: str) -> list[str]:
    """Where a page's links lead within the repository."""
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(text)) if "://" not in link]


@lru_cache(maxsize=1)
def error_codes() -> set[str]:
    """The codes of the error tree, and every other code that is written where an error is raised."""
    codes = {made.code for made in vars(errors).values() if isinstance(made, type) and issubclass(made, errors.GatewayError)}
    codes |= {f"{kind.name}_in_use" for kind in vars(kinds).values() if isinstance(kind, kinds.Kind)}
    for text in code():
        codes.update(re.findall(r'\bcode="([a-z_]+)"', text))
        codes.update(re.findall(r'\brefuse\(.*, "([a-z_]+)"(?:\)| if )', text))
        codes.update(re.findall(r'"code":"([a-z_]+)"', text))
        tree = ast.parse(text) if _TELLING.search(text) else ast.Module([], [])  # parsing all of the source takes seconds
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) in _REFUSING and len(node.args) > 1:
                codes.update(found for found in map(_text, node.args[:2]) if _CODE.fullmatch(found))
            elif isinstance(node, ast.Assign) and _name(node.targets[0]) == "_CODES" and isinstance(node.value, ast.Dict):
                codes.update(found for found in map(_text, node.value.values) if _CODE.fullmatch(found))
    return codes


def reasons() -> set[str]:
    """The words for why an attempt at a provider failed."""
    words = set()
    for text in code():
        words.update(re.findall(r'\breason(?:: str)?(?:, [a-z_.]+)? = "([a-z_]+)"', text))
        words.update(re.findall(r'_named\(.*, "([a-z_]+)"\)', text))
    return words


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else _name(node.func)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
