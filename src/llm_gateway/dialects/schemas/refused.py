"""A schema that cannot be adapted."""

from __future__ import annotations


class Refused(Exception):
    """`path`: the part that cannot cross, from the schema's own top; `why` ends the sentence that begins with it."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why
