"""The secret under which keys are hashed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llm_gateway.worker.pepper import PREVIOUS, StateUnusable, load_pepper, load_peppers, rotate_pepper


def test_it_is_made_once_and_kept(tmp_path):
    """32 random bytes that only their owner may read, the same ever after; nothing else is left in the folder."""
    state = tmp_path / "a" / "state"
    pepper = load_pepper(state)
    assert len(pepper) == 32
    assert load_pepper(state) == pepper
    assert [file.name for file in state.iterdir()] == ["pepper"]
    assert (state / "pepper").stat().st_mode & 0o777 == 0o600
    assert load_pepper(tmp_path / "b") != pepper


def test_those_who_start_at_once_get_the_same(tmp_path):
    """Nobody reads a pepper that another one has not finished writing."""
    for n in range(20):
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(lambda _, n=n: load_pepper(tmp_path / str(n)), range(8)))) == 1


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_one_is_not_replaced(tmp_path, content):
    """A new one would make every key_hash wrong: the operator has to decide."""
    (tmp_path / "pepper").write_bytes(content)
    with pytest.raises(StateUnusable, match="damaged"):
        load_pepper(tmp_path)
    assert (tmp_path / "pepper").read_bytes() == content


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_file_without_an_end(tmp_path):
    """No more is read than a pepper has, whatever stands in its place."""
    (tmp_path / "pepper").symlink_to("/dev/full")
    with pytest.raises(StateUnusable, match="damaged"):
        load_pepper(tmp_path)


def test_a_folder_that_is_none(tmp_path):
    """The message names the key to change."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StateUnusable, match=r"state\.dir"):
        load_pepper(tmp_path / "file" / "state")
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        with pytest.raises(StateUnusable, match=r"state\.dir"):
            load_pepper(tmp_path / "locked")


def test_rotation_keeps_those_before(tmp_path):
    """The current one first, then a bounded number of those before it; files only their owner may read."""
    seen = [load_pepper(tmp_path)]
    for _ in range(PREVIOUS + 2):
        rotate_pepper(tmp_path)
        seen.insert(0, load_pepper(tmp_path))
        assert load_peppers(tmp_path) == tuple(seen[: PREVIOUS + 1])
    assert len(set(seen)) == PREVIOUS + 3
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {"pepper": 0o600, "pepper.previous": 0o600}


def test_a_crash_in_the_middle_of_a_rotation_loses_no_pepper(tmp_path):
    """Between the two writes the current one stands in both files: it counts once."""
    pepper = load_pepper(tmp_path)
    (tmp_path / "pepper.previous").write_bytes(pepper)
    assert load_peppers(tmp_path) == (pepper,)


@pytest.mark.parametrize("content", [b"x" * 31, b"x" * (32 * PREVIOUS + 1), b"x" * (32 * (PREVIOUS + 1))])
def test_damaged_previous_ones_are_told(tmp_path, content):
    """Keys would be refused without a word."""
    load_pepper(tmp_path)
    (tmp_path / "pepper.previous").write_bytes(content)
    with pytest.raises(StateUnusable, match="damaged"):
        load_peppers(tmp_path)
