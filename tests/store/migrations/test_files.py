"""Migrations as files."""

from __future__ import annotations

import pytest

from llm_gateway.store.errors import WrongSchema
from llm_gateway.store.migrations import files


def test_every_migration_of_this_version_is_whole():
    """Numbered without a gap, each behind the one before, with both directions, and none needs more than there was before."""
    migrations = files.known()
    assert [migration.version for migration in migrations] == [f"{number:04d}" for number in range(1, len(migrations) + 1)]
    for migration in migrations:
        module = files.load(migration)
        assert callable(module.upgrade)
        assert callable(module.downgrade)
        assert module.compatible_with <= migration.version


def test_a_new_migration_can_be_run_as_it_is_made(tmp_path):
    """The template is a migration; numbers go on; a name becomes a file name."""
    first = files.create("Add Colours!", tmp_path)
    second = files.create('more "colours" \\ ', tmp_path)
    assert [first.name, second.name] == ["v0001_add_colours.py", "v0002_more_colours.py"]
    modules = [files.load(migration) for migration in files.known(tmp_path)]
    assert [(module.revision, module.down_revision, module.compatible_with) for module in modules] == [
        ("0001", None, "0001"),
        ("0002", "0001", "0001"),
    ]
    with pytest.raises(ValueError, match="letters"):
        files.create("?!", tmp_path)


def test_a_gap_is_refused(tmp_path):
    """An installation that lacks a file must not apply the ones behind it."""
    for name in ("one", "two", "three"):
        files.create(name, tmp_path)
    (tmp_path / "v0002_two.py").unlink()
    with pytest.raises(WrongSchema, match="gap"):
        files.known(tmp_path)


def test_a_file_of_another_number_is_refused(tmp_path):
    """A copy that was not renumbered inside."""
    file = files.create("one", tmp_path)
    (tmp_path / "v0002_two.py").write_text(file.read_text())
    with pytest.raises(WrongSchema, match="revision"):
        files.load(files.known(tmp_path)[1])


def test_line_ends_do_not_count(tmp_path):
    """A checkout on Windows has the same checksum; one more space has another."""
    file = tmp_path / "a.py"
    file.write_bytes(b"a\nb\n")
    before = files.checksum(file)
    file.write_bytes(b"a\r\nb\r\n")
    assert files.checksum(file) == before
    file.write_bytes(b"a\nb \n")
    assert files.checksum(file) != before
