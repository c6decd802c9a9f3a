"""Tenants' own keys at providers."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.store import provider_keys
from llm_gateway.store.errors import Conflict, NotThere
from llm_gateway.store.rows import ProviderKeyRow

ROW = ProviderKeyRow("pk_1", "acme", "openai", "main", b"\0sealed\xff", 5, "me")


def test_what_is_sealed_stays_as_it_is(store):
    """Bytes in, the same bytes out; one of a name for each tenant and provider."""
    store.write(lambda c: provider_keys.create(c, ROW))
    assert store.read(lambda c: provider_keys.get(c, "pk_1")) == ROW
    with pytest.raises(Conflict):
        store.write(lambda c: provider_keys.create(c, msgspec.structs.replace(ROW, id="pk_2")))
    store.write(lambda c: provider_keys.create(c, msgspec.structs.replace(ROW, id="pk_2", tenant="b")))
    assert [row.id for row in store.read(provider_keys.everything)] == ["pk_1", "pk_2"]
    assert [row.id for row in store.read(lambda c: provider_keys.everything(c, "b"))] == ["pk_2"]


def test_it_can_be_sealed_anew(store):
    """Under the version that was seen, so that a rotation does not undo a change."""
    store.write(lambda c: provider_keys.create(c, ROW))
    store.write(lambda c: provider_keys.reseal(c, "pk_1", b"new", version=1))
    with pytest.raises(Conflict):
        store.write(lambda c: provider_keys.reseal(c, "pk_1", b"newer", version=1))
    assert store.read(lambda c: provider_keys.get(c, "pk_1")).sealed == b"new"
    store.write(lambda c: provider_keys.delete(c, "pk_1", version=2))
    with pytest.raises(NotThere):
        store.write(lambda c: provider_keys.delete(c, "pk_1"))
