"""The tables as queries see them, and the tables as migrations make them."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from llm_gateway.core.ledger import LedgerRow
from llm_gateway.store import rows
from llm_gateway.store.entries import COLUMNS
from llm_gateway.store.migrations.history import NAME
from llm_gateway.store.tables import ledger, metadata

SHAPES = {
    "objects": rows.ObjectRow,
    "keys": rows.KeyRow,
    "people": rows.PersonRow,
    "end_users": rows.EndUserRow,
    "provider_keys": rows.ProviderKeyRow,
    "sessions": rows.SessionRow,
    "audit": rows.AuditRow,
}


def test_migrations_make_exactly_these_tables(store):
    """After all migrations no table, column, type, index or NULL is another than the queries' tables say."""

    def ours(_object, name, kind, _reflected, _compared):
        return not (kind == "table" and (name == NAME or name.startswith("ledger_2")))

    def differences(connection):
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        return compare_metadata(context, metadata)

    assert store.read(differences) == []


def test_every_field_of_a_ledger_row_has_a_column():
    """A field that is added to LedgerRow and has no column would be lost without a word."""
    assert set(COLUMNS) == {column.name for column in ledger.columns}
    assert len(COLUMNS) == len(LedgerRow.__struct_fields__)


def test_rows_have_all_columns_of_their_table():
    """What a repository gives has everything that the table keeps."""
    for name, shape in SHAPES.items():
        assert set(shape.__struct_fields__) == {column.name for column in metadata.tables[name].columns}, name
