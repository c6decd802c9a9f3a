"""`audit`: sizes and times that make sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told


def test_seven_years_are_kept(tmp_path: Path) -> None:
    """In files of a day, or of 64 MB."""
    audit = loaded(tmp_path, "").audit
    assert (audit.keep_days, audit.file_age, audit.file_size) == (2557, 86_400, 64 << 20)


@pytest.mark.parametrize("text", ["file_size: 0", "file_age: 0", "keep_days: -1", "queue: 1"])
def test_mistakes(tmp_path: Path, text: str) -> None:
    """A log that could hold nothing."""
    (line,) = told(tmp_path, f"audit: {{{text}}}\n")
    assert f"audit.{text.split(':', maxsplit=1)[0]}: " in line
