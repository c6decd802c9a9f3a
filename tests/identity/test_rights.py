"""What a key may do when itself, its project and its tenant are taken together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.directories import BUDGET, TIERS, caller, key
from llm_gateway.config.schema.limits import Allowance, Rate
from llm_gateway.core.caller import Spending
from llm_gateway.core.scopes import ADMIN, DATA
from llm_gateway.identity.rights import rights_of, tiered
from llm_gateway.identity.rows import Grant
from llm_gateway.identity.table import Unusable

FEW = Allowance(requests=Rate(minute=10))
NAMES = ("a", "b", "c", "d")
SETS = st.none() | st.lists(st.sampled_from(NAMES), min_size=1, max_size=3)


@given(SETS, SETS, SETS)
def test_a_child_never_has_more_than_its_parent(of_key, of_project, of_tenant):
    """CVE-2026-47101 and its like: models, providers and regions are those that all levels allow, whatever the child says."""
    project = {"models": of_project, "providers": of_project, "regions": of_project}
    tenant = {"models": of_tenant, "providers": of_tenant, "regions": of_tenant, "projects": {"p": project}}
    grant = Grant(
        models=("*",) if of_key is None else tuple(of_key),
        providers=None if of_key is None else tuple(of_key),
        regions=None if of_key is None else tuple(of_key),
    )
    made = caller({"t": tenant}, key("k", "t", "p", grant))
    allowed = {name for name in NAMES if all(said is None or name in said for said in (of_key, of_project, of_tenant))}
    assert {name for name in NAMES if made.allows(name)} == allowed
    for found in (made.providers, made.regions):
        assert (set(NAMES) if found is None else found) == allowed
    assert made.all_models is (of_key is of_project is of_tenant is None)


def test_a_pattern_of_the_child_does_not_widen_the_parents():
    """A key for everything in a tenant that has one model has that model."""
    made = caller({"t": {"models": ["openai/gpt-*"]}}, key("k", "t"))
    assert made.allows("openai/gpt-5")
    assert not made.allows("openai/o3")


def test_tags_add_up_and_defaults_are_the_nearest():
    """Tags of all three; the model for `default` is the key's, else the project's, else the tenant's."""
    document = {
        "t": {"tags": ["eu"], "default_model": "slow", "projects": {"p": {"tags": ["red"], "default_model": "fast"}, "q": {}}}
    }
    made = caller(document, key("k", "t", "p", Grant(tags=("vip",))))
    assert made.tags == {"eu", "red", "vip"}
    assert made.default_model == "fast"
    assert caller(document, key("k", "t", "p", Grant(default_model="own"))).default_model == "own"
    assert caller(document, key("k", "t", "q")).default_model == "slow"
    assert caller(document, key("k")).default_model is None


def test_limits_and_budgets_of_each_level_stay_apart():
    """All hold, and each counts all that is below it; who limits nothing has no entry."""
    document = {
        "t": {
            "limits": {"concurrent": 9},
            "users": {"concurrent": 1},
            "projects": {"p": {"budgets": [{"amount": 7}], "user_budgets": [{"amount": 1}]}, "q": {}},
        }
    }
    made = caller(document, key("k", "t", "p", Grant(limits=FEW, budgets=(BUDGET,)), id="key_1"))
    assert [entry[:2] for entry in made.spending] == [("key", "key_1"), ("project", "t/p"), ("tenant", "t")]
    own, project, tenant = made.spending
    assert own == Spending("key", "key_1", FEW, (BUDGET,))
    assert (project.limits, project.budgets[0].amount) == (Allowance(), 7)
    assert (tenant.limits, tenant.budgets) == (Allowance(concurrent=9), ())
    assert [(entry.name, entry.limits.concurrent, len(entry.budgets)) for entry in made.user_limits] == [
        ("t/p", None, 1),
        ("t", 1, 0),
    ]
    assert [entry.scope for entry in caller(document, key("k", "t", "q")).spending] == ["tenant"]
    assert caller({}, key("k")).spending == ()


def test_a_tier_is_what_is_not_said():
    """What is said by itself goes before the tier's."""
    assert tiered(Allowance(), "pro", TIERS, "x") is TIERS["pro"]
    assert tiered(FEW, "pro", TIERS, "x") == Allowance(requests=Rate(minute=10), concurrent=50)
    assert tiered(FEW, None, TIERS, "x") is FEW
    with pytest.raises(Unusable, match="gold"):
        tiered(FEW, "gold", TIERS, "x")


@pytest.mark.parametrize(
    ("tenant", "said"),
    [
        ({"disabled": True, "projects": {"p": {}}}, "tenant t"),
        ({"projects": {"p": {"disabled": True}}}, "project t/p"),
        ({"disabled": True, "projects": {"p": {"disabled": True}}}, "tenant t"),
        ({"projects": {"p": {}}}, ""),
    ],
)
def test_who_is_disabled_takes_all_below_along(tenant, said):
    """The key is looked at again for each request then, as one that has expired."""
    made = caller({"t": tenant}, key("k", "t", "p", expires=5e9))
    assert made.disabled == said
    assert made.expires == (0.0 if said else 5e9)


def test_scopes_and_roles():
    """What is usual is the one set that the hot path knows; roles bring the admin API with them unless scopes are said."""
    assert rights_of(Grant(), None, None, {}, ("", "")).scopes is DATA
    assert rights_of(Grant(kind="jwt"), None, None, {}, ("", "")).scopes is DATA
    assert rights_of(Grant(kind="jwt", roles=("operator",)), None, None, {}, ("", "")).scopes == DATA | ADMIN
    assert rights_of(Grant(kind="jwt", roles=("operator",), scopes=("chat:*",)), None, None, {}, ("", "")).scopes == {
        "chat:create"
    }


def test_a_tenants_own_keys():
    """By provider; who has none costs nothing."""
    assert caller({"t": {"provider_keys": {"openai": "sk-theirs"}}}, key("k", "t")).accounts == {"openai": "sk-theirs"}
    assert caller({"t": {}}, key("k", "t")).accounts is None
