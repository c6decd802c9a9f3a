"""Whether this version can work with the schema that a database has."""

from __future__ import annotations

from collections.abc import Sequence

from llm_gateway.store.connect import Store
from llm_gateway.store.errors import WrongSchema
from llm_gateway.store.migrations import history
from llm_gateway.store.migrations.files import Migration, known
from llm_gateway.store.migrations.history import Entry


def check(store: Store, migrations: Sequence[Migration] | None = None) -> None:
    """Raises WrongSchema, whose text says what to do; StoreUnavailable if nobody can tell."""
    mine = known() if migrations is None else migrations
    entries = store.read(history.read)
    verify(mine, entries)
    missing = pending(mine, entries)
    if missing:
        what = "has no schema yet" if not applied(entries) else f"lacks migrations {', '.join(map(str, missing))}"
        raise WrongSchema(f"{store.where} {what}; run `llm-gateway migrate run` (or set database.migrate: auto)")


def applied(entries: Sequence[Entry]) -> dict[str, Entry]:
    """By version."""
    return {entry.version: entry for entry in entries if entry.status == "applied"}


def pending(mine: Sequence[Migration], entries: Sequence[Entry]) -> list[Migration]:
    """What is still to be applied, in order."""
    there = applied(entries)
    return [migration for migration in mine if migration.version not in there]


def verify(mine: Sequence[Migration], entries: Sequence[Entry]) -> None:
    """Raises WrongSchema if a migration was changed after it was applied, or if the schema is too new for this version."""
    by_version = {migration.version: migration for migration in mine}
    newest = mine[-1].version if mine else "0000"
    for version, entry in applied(entries).items():
        migration = by_version.get(version)
        if migration is not None and migration.checksum != entry.checksum:
            raise WrongSchema(
                f"migration {version}_{entry.name} is not the one that was applied (its checksum differs): install the version"
                " that the database belongs to again; migrations never change after they were released"
            )
        if migration is None and entry.compatible_with > newest:
            raise WrongSchema(
                f"the schema is newer than this version: it has migration {version}_{entry.name}, which needs a version that"
                f" knows {entry.compatible_with}, and this one knows {newest}; upgrade the gateway, or revert the migration"
                " with the version that made it"
            )
