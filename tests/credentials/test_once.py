"""Files that are made once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from llm_gateway.credentials.once import StateFileUnusable, made_once


def test_of_several_makers_one_wins(tmp_path: Path) -> None:
    """Everybody gets the same, and nothing else is left in the folder."""
    numbers = count()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: made_once(tmp_path / "a" / "x", lambda: b"%d" % next(numbers), most=10), range(32)))
    assert len(set(made)) == 1
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x"]


def test_a_file_for_everybody_is_refused(tmp_path: Path) -> None:
    """A key that others can read is no key."""
    file = tmp_path / "x"
    made_once(file, lambda: b"1", most=10)
    file.chmod(0o604)
    with pytest.raises(StateFileUnusable, match="chmod"):
        made_once(file, lambda: b"1", most=10)


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    """A folder that is a file, a file that is too long."""
    (tmp_path / "x").write_bytes(b"1" * 11)
    (tmp_path / "x").chmod(0o600)
    for file, words in ((tmp_path / "x" / "y", r"state\.dir"), (tmp_path / "x", "damaged")):
        with pytest.raises(StateFileUnusable, match=words):
            made_once(file, lambda: b"", most=10)
