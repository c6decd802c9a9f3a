"""What the directory makes of who was recognised."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.config.schema.limits import TIERS
from llm_gateway.core.errors import Forbidden
from llm_gateway.identity.admitting import Admitting
from llm_gateway.identity.claimed import Claimed
from llm_gateway.identity.directory import Directory
from llm_gateway.snapshot.callers import directory_of
from whole_gateway import config_of, one_provider

TENANTS: dict[str, Any] = {
    "acme": {"models": ["m"], "tags": ["paying"], "projects": {"web": {"providers": ["a"]}}},
    "gone": {"disabled": True},
}


def directory(**more: Any) -> Directory:
    return directory_of(config_of({**one_provider("http://127.0.0.1:1"), **more}), [b"p" * 32], None)


def claimed(**said: Any) -> Claimed:
    return Claimed(kind="jwt", key_id="jwt:1", name="jwt:alice", expires=5.0, user="alice", **said)


def test_a_token_has_no_more_than_its_tenant_and_project():
    """Models, providers and tags are those of all three together."""
    caller = Admitting(directory(tenants=TENANTS))(claimed(tenant="acme", project="web", models=("m", "other")))
    assert (caller.kind, caller.key_id, caller.key_name, caller.user) == ("jwt", "jwt:1", "jwt:alice", "alice")
    assert (caller.tenant, caller.project, caller.expires) == ("acme", "web", 5.0)
    assert caller.allows("m")
    assert not caller.allows("other")
    assert caller.providers == {"a"}
    assert caller.tags == {"paying"}


@pytest.mark.parametrize("said", [{"tenant": "nobody"}, {"tenant": "acme", "project": "nothing"}])
def test_an_unknown_tenant_is_refused_unless_it_may_be_a_label(said):
    """403, because the token itself is good."""
    known = directory(tenants=TENANTS)
    with pytest.raises(Forbidden) as caught:
        Admitting(known)(claimed(**said))
    assert caught.value.code == "unknown_tenant"
    if said["tenant"] == "nobody":
        assert Admitting(known, unknown_tenants=True)(claimed(**said)).tenant == "nobody"


def test_without_tenants_names_are_labels():
    """A gateway without tenants serves everyone whose token is good."""
    assert Admitting(directory())(claimed(tenant="any")).tenant == "any"


def test_an_unknown_tier_is_refused():
    """Limits that a token names and that there are not are no limits: that would be a way around them."""
    assert TIERS is not None
    with pytest.raises(Forbidden) as caught:
        Admitting(directory())(claimed(tier="no such tier"))
    assert caught.value.code == "unknown_tier"


def test_a_disabled_tenant_says_so():
    """Whoever belongs to it is known, and refused."""
    assert Admitting(directory(tenants=TENANTS))(claimed(tenant="gone")).disabled == "tenant gone"


def test_scopes_that_are_none_of_ours_count_for_nothing():
    """A token whose scopes are only other services' may do nothing here; one that says none may ask models."""
    admit = Admitting(directory())
    assert admit(claimed(scopes=("openid", "profile"))).scopes == frozenset()
    assert admit(claimed(scopes=("openid", "chat:create"))).scopes == {"chat:create"}
    assert "chat:create" in admit(claimed()).scopes
    assert "admin:read" not in admit(claimed()).scopes
