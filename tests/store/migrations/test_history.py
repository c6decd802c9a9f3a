"""The table that tells what was applied."""

from __future__ import annotations

from pathlib import Path

from llm_gateway.store.migrations import history
from llm_gateway.store.migrations.files import Migration

ONE = Migration("0001", "one", "aa", Path("v0001_one.py"))


def test_the_last_word_on_a_migration_stays(bare):
    """One row each, with everything that requirements D1 ask for; without a table nothing was ever applied."""
    assert bare.read(history.read) == ()
    bare.write(history.prepare)
    bare.write(history.prepare)
    bare.write(lambda c: history.failed(c, ONE, 5))
    assert [entry.status for entry in bare.read(history.read)] == ["failed"]
    bare.write(lambda c: history.write(c, ONE, "applied", at=6, took=7, compatible_with="0001"))
    assert bare.read(history.read) == (history.Entry("0001", "one", "aa", 6, 7, "applied", "0001"),)


def test_what_is_applied_did_not_fail(bare):
    """An attempt of somebody who came too late does not hide that it is applied."""
    bare.write(history.prepare)
    bare.write(lambda c: history.write(c, ONE, "applied", at=6, took=7, compatible_with="0001"))
    bare.write(lambda c: history.failed(c, ONE, 8))
    assert [entry.status for entry in bare.read(history.read)] == ["applied"]
