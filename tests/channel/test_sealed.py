"""The last good snapshot on disk."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.channel.sealed import NAME, last_good, save
from llm_gateway.channel.snapshot import Snapshot, Unusable

SECRET = b"s" * 32
ONE = Snapshot(5, 1, {"config": b"sk-provider-secret", "directory": b"d" * 100})


def test_it_comes_back(tmp_path):
    """The newest one, for us alone, and nothing of it can be read in the file."""
    assert last_good(tmp_path, SECRET) is None
    save(tmp_path, SECRET, Snapshot(4, 1, {}))
    save(tmp_path, SECRET, ONE)
    assert last_good(tmp_path, SECRET) == ONE
    file = tmp_path / NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"sk-provider" not in file.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_is_refused(tmp_path_factory, data):
    """Cut anywhere, or any bit flipped: told as damaged, never acted on."""
    folder = tmp_path_factory.mktemp("sealed")
    save(folder, SECRET, ONE)
    file = folder / NAME
    content = bytearray(file.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)
    with pytest.raises(Unusable):
        last_good(folder, SECRET)


def test_another_secret_cannot_open_it(tmp_path):
    """Nor does it crash."""
    save(tmp_path, SECRET, ONE)
    with pytest.raises(Unusable, match="another secret"):
        last_good(tmp_path, b"t" * 32)


def test_a_failed_write_leaves_the_one_before(tmp_path, monkeypatch):
    """A full disk: whole or not at all, and nothing left beside it."""
    save(tmp_path, SECRET, ONE)

    def full(_fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        save(tmp_path, SECRET, Snapshot(6, 1, {}))
    monkeypatch.undo()
    assert last_good(tmp_path, SECRET) == ONE
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
