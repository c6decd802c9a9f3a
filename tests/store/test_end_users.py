"""Tenants' end users."""

from __future__ import annotations

import pytest

from llm_gateway.store import end_users
from llm_gateway.store.errors import Conflict, NotThere


def test_an_end_user_is_a_tenants(store):
    """The same name at two tenants is two users; changes need the version that was seen."""
    made = store.write(lambda c: end_users.create(c, "acme", "ann", "{}", 5))
    store.write(lambda c: end_users.create(c, "other", "ann", "[]", 6))
    assert store.read(lambda c: end_users.get(c, "acme", "ann")) == made
    assert [row.tenant for row in store.read(end_users.everything)] == ["acme", "other"]
    assert [row.document for row in store.read(lambda c: end_users.listed(c, "other")).rows] == ["[]"]
    with pytest.raises(Conflict):
        store.write(lambda c: end_users.create(c, "acme", "ann", "{}", 5))
    changed = store.write(lambda c: end_users.update(c, "acme", "ann", '{"blocked":true}', 7, version=1))
    assert (changed.version, changed.updated_at, changed.created_at) == (2, 7, 5)
    with pytest.raises(Conflict):
        store.write(lambda c: end_users.delete(c, "acme", "ann", version=1))
    store.write(lambda c: end_users.delete(c, "acme", "ann", version=2))
    with pytest.raises(NotThere):
        store.write(lambda c: end_users.update(c, "acme", "ann", "{}", 8))
