"""Keywords as words: what a provider does not take stands in a description, where its model reads it."""

from __future__ import annotations

from typing import Any

from llm_gateway.core.json import encode

LONGEST = 400
"""Characters of one value."""


class Told:
    """What is said about one schema beside its own description."""

    __slots__ = ("_said", "_title")

    def __init__(self) -> None:
        self._said: list[str] = []
        self._title = ""

    def add(self, word: str, value: Any) -> None:
        if word == "description":
            return  # it is the text that the others stand behind
        if word == "title":
            self._title = value if isinstance(value, str) else ""
            return
        shown = value if word == "pattern" and isinstance(value, str) else encode(value).decode()
        if len(shown) > LONGEST:
            shown = f"{shown[:LONGEST]}..."
        self._said.append(f"{word}: {shown}")

    def say(self, text: str) -> None:
        self._said.append(text)

    def over(self, description: Any, *, title: bool = True) -> str:
        """`description` with the rest behind it; a title stands in for it."""
        base = description if isinstance(description, str) and description else self._title if title else ""
        said = ", ".join(self._said)
        if not said:
            return base
        return f"{base} ({said})" if base else f"({said})"

    def __bool__(self) -> bool:
        return bool(self._said or self._title)
