"""YAML text to a tree, from PyYAML's events: every node knows its line and column, and nothing can grow out of bounds.

Events, not PyYAML's own composer, because the composer recurses (a few thousand `[` end the process in its C form) and
keeps the last of two equal keys without a word. Scalars follow YAML 1.2: `no`, `on`, `off` and `y` are text.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from llm_gateway.config.errors import Path, Problems, Where, Wrong
from llm_gateway.config.tree import MAX_DEPTH, MAX_NODES, Node, scalar

_CORE = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({_CORE + "str", "!"})
_SCALAR_TAGS = frozenset({_CORE + "null", _CORE + "bool", _CORE + "int", _CORE + "float"})


class Unreadable(Wrong):
    """The text is not a document of its format; nothing more can be said about it."""

    def __init__(self, where: Where, message: str, suggestion: str = "") -> None:
        super().__init__(message, suggestion)
        self.where = where


@dataclass(slots=True)
class _Anchored:
    """A finished node that aliases may stand for, and what each use of it adds."""

    node: Node
    size: int
    height: int


@dataclass(slots=True)
class _Frame:
    """A collection that is still being read."""

    node: Node
    anchor: str | None
    size: int = 1
    height: int = 1
    key: str | None = None
    """Of a mapping: the key whose value comes next."""
    merging: bool = False
    merges: list[Node] = field(default_factory=list)


def read_yaml(text: str, source: str, problems: Problems) -> Node:
    """The tree of a document; an empty one is an empty mapping. Keys given twice are noted in `problems`.

    Raises Unreadable for what is not YAML, or is more of it than anybody writes by hand.
    """
    reader = _Reader(text, source, problems)
    # Without libyaml the same events come from Python, slower.
    events = cast("Generator[yaml.Event]", yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    try:
        for event in events:
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Where(source, mark.line + 1, mark.column + 1) if mark else Where(source)
        raise Unreadable(where, *_explain(error, _line(text, where.line), where.column)) from None
    except yaml.reader.ReaderError as error:
        raise Unreadable(_at(text, error.position, source), "has a control character that YAML does not allow") from None
    finally:
        events.close()
    return reader.root or Node({}, Where(source, 1, 1))


class _Reader:
    def __init__(self, text: str, source: str, problems: Problems) -> None:
        self._text = text
        self.root: Node | None = None
        self._source = source
        self._problems = problems
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._documents = 0
        self._nodes = 0

    def take(self, event: Any) -> None:
        where = Where(self._source, event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.ScalarEvent):
            if not self._is_key(event, where):
                self._grow(1, where)
                self._place(_scalar_node(event, where, self._raw(event)), event.anchor)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event, where)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event, where)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable(where, "a second document begins here", "keep everything in one document, without ---")

    def _raw(self, event: Any) -> str:
        return self._text[event.start_mark.index : event.end_mark.index]

    def _is_key(self, event: yaml.ScalarEvent, where: Where) -> bool:
        frame = self._frames[-1] if self._frames else None
        if frame is None or not isinstance(frame.node.value, dict) or frame.key is not None:
            return False
        frame.key = event.value
        frame.merging = event.value == "<<" and event.implicit[0]
        if frame.merging:
            return True
        first = frame.node.keys.setdefault(event.value, where)
        if first is not where:
            self._problems.add(where, self._path(), f"stands here twice, first in line {first.line}")
        return True

    def _path(self) -> Path:
        """Where reading is now."""
        return tuple(len(f.node.value) if isinstance(f.node.value, list) else f.key or "<<" for f in self._frames)

    def _open(self, event: Any, where: Where) -> None:
        if event.tag not in {None, "!", _CORE + "map", _CORE + "seq"}:
            raise _strange_tag(where)
        if self._frames and isinstance(self._frames[-1].node.value, dict) and self._frames[-1].key is None:
            raise Unreadable(where, "a key must be plain text", _QUOTE_HINT)
        if len(self._frames) >= MAX_DEPTH:
            raise Unreadable(where, f"is nested more than {MAX_DEPTH} levels deep")
        self._grow(1, where)
        empty: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._frames.append(_Frame(Node(empty, where), event.anchor))

    def _close(self) -> None:
        frame = self._frames.pop()
        for merged in frame.merges:
            for key, child in merged.value.items():
                if key not in frame.node.value:
                    frame.node.value[key] = child
                    frame.node.keys[key] = merged.keys[key]
        self._place(frame.node, frame.anchor, frame.size, frame.height)

    def _alias(self, event: yaml.AliasEvent, where: Where) -> None:
        target = self._anchors.get(event.anchor or "")
        if target is None:  # the name is not repeated: it may be a secret that begins with an asterisk
            raise Unreadable(where, "no finished anchor of this name comes before", "quote the value if it begins with *")
        self._grow(target.size, where)
        self._place(target.node, None, target.size, target.height, where)

    def _grow(self, count: int, where: Where) -> None:
        self._nodes += count
        if self._nodes > MAX_NODES:
            raise Unreadable(where, f"holds more than {MAX_NODES} values")

    def _place(self, node: Node, anchor: str | None, size: int = 1, height: int = 0, where: Where | None = None) -> None:
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, size, height)
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if len(self._frames) + height > MAX_DEPTH:
            raise Unreadable(where or node.where, f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(frame.node.value, list):
            frame.node.value.append(node)
        elif frame.key is None:
            raise Unreadable(where or node.where, "a key must be plain text", _QUOTE_HINT)
        else:
            self._set(frame, node)

    def _set(self, frame: _Frame, node: Node) -> None:
        key, frame.key = frame.key, None
        if not frame.merging:
            frame.node.value[key] = node
            return
        merged = node.value if isinstance(node.value, list) else [node]
        if not all(isinstance(one.value, dict) for one in merged):
            raise Unreadable(node.where, "a merge (<<) takes a mapping or a list of mappings")
        frame.merges.extend(merged)


_QUOTE_HINT = "quote a value that begins with { or ["


def _scalar_node(event: yaml.ScalarEvent, where: Where, raw: str) -> Node:
    text = event.value
    if event.tag is None or event.tag in _TEXT_TAGS:
        value = scalar(text) if event.tag is None and event.implicit[0] else text
    elif event.tag in _SCALAR_TAGS:
        value = scalar(text)
    else:
        raise _strange_tag(where)
    return Node(value, where, text=text, raw=raw if isinstance(value, str) else "")


def _strange_tag(where: Where) -> Unreadable:
    return Unreadable(where, "a tag (a word beginning with !) is not supported", "quote the value if it begins with !")


def _explain(error: yaml.MarkedYAMLError, line: str, column: int) -> tuple[str, str]:
    """Our words for the parser's, where its own would not help; never the text of the line."""
    problem = (error.problem or "cannot be read").removeprefix("found ").replace("could not find", "no")
    before = line[: max(column - 1, 0)]
    if "\t" in before or line[column - 1 : column] == "\t":
        return "a tab is used for indentation, YAML allows only spaces", "replace the tab with spaces"
    if "${" in line and any(bracket in before for bracket in "{["):
        return "${...} between { } or [ ] must be quoted", 'write "${NAME}" in double quotes'
    if "cannot start any token" in problem:
        return "a value cannot begin with this character", "put the value in quotes"
    if "mapping values are not allowed" in problem:
        return "a colon makes a key where none can stand", "check the indentation, or quote a value that has a colon and a space"
    if "'" in problem and "expected" not in problem:
        problem = problem.split("'", 1)[0].strip()
    return f"is not valid YAML: {problem}", ""


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _at(text: str, position: int, source: str) -> Where:
    before = text[:position]
    return Where(source, before.count("\n") + 1, position - before.rfind("\n"))
