"""How commands speak: to a person in words and tables, with --json to a script."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Any, NoReturn

import msgspec
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

_WIDE = (240, 50)
"""Columns and lines of what is no terminal, unless COLUMNS says it: a table in a file need not be folded."""
_UNSEEN = dict.fromkeys(
    {*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029} - {0x09, 0x0A}, "\ufffd"
)
"""Characters that would move a terminal's cursor, colour it, or turn the order of letters round."""


def plain(text: str) -> str:
    """`text` as it can be shown: names are chosen by whoever asks, and must not tell the terminal of whoever looks what to do."""
    return text.translate(_UNSEEN)


class Output:
    """Results go to standard output, everything else to standard error."""

    def __init__(self, *, as_json: bool, verbose: int = 0) -> None:
        """`verbose`: 1 shows which requests are made, 2 the answers' headers too, 3 what was sent and answered."""
        self.as_json = as_json
        self.verbose = verbose
        self.console = Console(
            highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else get_terminal_size(_WIDE).columns
        )
        self.errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def show(self, data: Any, text: str) -> None:
        """`data` for scripts, `text` for people."""
        if self.as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n")
        else:
            self.console.print(plain(text), markup=False)

    def table(self, data: Any, headings: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
        if self.as_json:
            self.show(data, "")
            return
        columns = (Column(text, overflow="fold") for text in headings)  # a name that is cut short names nothing
        made = Table(*columns, title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
        for row in rows:
            made.add_row(*(Text(plain(cell)) for cell in row))  # as text: to rich, brackets in a string are its markup
        self.console.print(made)

    def note(self, text: str) -> None:
        """Beside the result: for people who look on."""
        self.errors.print(plain(text), markup=False, style="dim")

    def fail(self, message: str, *, code: int = 1, details: Any = None) -> NoReturn:
        """Say what is wrong and what to do, and end with `code` (2: the command line or configuration is at fault)."""
        if self.as_json:
            sys.stderr.write(msgspec.json.encode({"error": {"message": message, "details": details}}).decode() + "\n")
        else:
            self.errors.print(plain(message), markup=False, style="red")
        sys.exit(code)
