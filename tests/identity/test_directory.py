"""Tenants, projects, keys and end users in one bytes object."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import partial
from struct import pack_into

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.directories import BUDGET, PEPPER, TIERS, directory, key, tenants
from llm_gateway.config.schema.limits import Allowance, Rate
from llm_gateway.config.schema.tenants import EndUser
from llm_gateway.core.caller import Caller
from llm_gateway.identity import building
from llm_gateway.identity import directory as reading
from llm_gateway.identity.building import build
from llm_gateway.identity.directory import Directory, UnknownTenant
from llm_gateway.identity.rows import Grant, Key, User
from llm_gateway.identity.table import Unusable

GRANT = Grant(
    kind="readonly",
    scopes=("models:read",),
    models=("fast", "openai/*"),
    passthrough=("openai",),
    tags=("vip",),
    regions=("eu",),
    providers=("openai",),
    routing_hints=False,
    metadata_in_body=True,
    on_loss="refuse",
    require_signature=True,
    default_model="fast",
    limits=Allowance(tokens=Rate(minute=100, day=1000, burst=50), streams=3),
    budgets=(BUDGET,),
    users=Allowance(concurrent=1),
    user_budgets=(BUDGET,),
)


def test_a_key_says_all_that_was_written():
    """Nothing is lost on the way: each field of a grant is where requests look for it."""
    made = directory({"t": {"projects": {"p": {}}}}, key("k", "t", "p", GRANT, id="key_1", expires=9e9, owner="key_0"))
    caller = made.find(PEPPER.digest(b"k"))
    assert isinstance(caller, Caller)
    assert (caller.key_name, caller.key_id, caller.owner, caller.kind) == ("k", "key_1", "key_0", "readonly")
    assert (caller.tenant, caller.project, caller.expires) == ("t", "p", 9e9)
    assert (caller.scopes, caller.tags, caller.passthrough) == ({"models:read"}, {"vip"}, {"openai"})
    assert (caller.regions, caller.providers, caller.hints) == ({"eu"}, {"openai"}, False)
    assert (caller.metadata_in_body, caller.strict, caller.require_signature) == (True, True, True)
    assert caller.default_model == "fast"
    assert [caller.allows(model) for model in ("fast", "openai/x", "slow")] == [True, True, False]
    assert caller.spending == (("key", "key_0", GRANT.limits, (BUDGET,)),)
    assert caller.user_limits == (("user", "key_0", GRANT.users, (BUDGET,)),)


def test_what_is_not_there_is_nobody():
    """Neither a digest that is near, nor one in an empty directory."""
    made = directory({}, key("k"))
    digest = bytearray(PEPPER.digest(b"k"))
    digest[-1] ^= 1
    assert made.find(bytes(digest)) is None
    assert directory({}).find(bytes(32)) is None


def test_the_same_key_is_the_same_caller():
    """What limits made of it stays with it; only so many are kept."""
    keys = [key(f"k{n}") for n in range(reading.CALLERS + 10)]
    made = directory({}, *keys)
    first = made.find(keys[0].digest)
    assert made.find(keys[0].digest) is first
    for one in keys[1:]:
        found = made.find(one.digest)
        assert found is not None
        assert found.key_id == one.id
    assert made.find(keys[0].digest) is not first
    assert len(made._callers) == reading.CALLERS


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([key("k", origin="auth.keys[0]"), key("k", id="key_1")], r"key_1 is the same key as auth\.keys\[0\] \(k\)"),
        ([key("a", id="x"), key("b", id="x")], "the key x has the id of the key x"),
        ([key("k", "other")], "belongs to a tenant that there is not: other"),
        ([key("k", "t", "q")], "a project that the tenant t does not have: q"),
        ([key("k", "", "p")], "a project that the tenant default does not have: p"),
    ],
)
def test_what_does_not_fit_together_is_not_built(keys, said):
    """And both are named where two contradict each other."""
    with pytest.raises(Unusable, match=said):
        build(tenants({"t": {"projects": {"p": {}}}}), keys)


def test_without_tenants_they_are_labels():
    """As before there were any."""
    caller = directory({}, key("k", "any", "thing")).find(PEPPER.digest(b"k"))
    assert caller is not None
    assert (caller.tenant, caller.project) == ("any", "thing")


def test_the_default_tenant():
    """Whoever names none belongs to it, whether it is written or not; who administrates belongs to none."""
    keys = (key("k"), key("a", grant=Grant(kind="admin")))
    for document, limits in (({"t": {}}, 0), ({"default": {"limits": {"concurrent": 1}}}, 1)):
        made = directory(document, *keys)
        found, admin = (made.find(one.digest) for one in keys)
        assert found is not None
        assert admin is not None
        assert (found.tenant, len(found.spending), admin.tenant, admin.spending) == ("default", limits, "", ())


def test_a_tier_that_nobody_knows_is_told_when_it_is_loaded():
    """Not when the first request of its key comes, and whoever names it."""
    for document, grant in (
        ({}, Grant(tier="gold")),
        ({"t": {"tier": "gold"}}, Grant()),
        ({"t": {"projects": {"p": {"tier": "gold"}}}}, Grant()),
    ):
        blob = build(tenants(document), [key("k", grant=grant)])
        with pytest.raises(Unusable, match="gold"):
            Directory(blob, TIERS)
        Directory(blob, {"gold": Allowance()}).check()


def test_tokens_have_the_rights_of_their_tenant():
    """The same intersection; a tenant that there is not is refused unless it may be a label."""
    made = directory({"t": {"models": ["fast"], "tier": "pro", "projects": {"p": {"tags": ["red"]}}}})
    caller = made.rights(Grant(kind="jwt"), "t", "p").caller("jwt:ann", "jwt:1", expires=5.0, user="ann")
    assert (caller.kind, caller.user, caller.tags, caller.allows("slow")) == ("jwt", "ann", {"red"}, False)
    assert caller.spending == (("tenant", "t", TIERS["pro"], ()),)
    for tenant, project in (("u", ""), ("t", "q"), ("u", "p"), ("", "p")):
        with pytest.raises(UnknownTenant):
            made.rights(Grant(kind="jwt"), tenant, project)
    assert made.rights(Grant(kind="jwt"), "u", "p", unknown=True).tenant == "u"
    with pytest.raises(UnknownTenant):
        made.rights(Grant(kind="jwt"), "t", "q", unknown=True)
    with pytest.raises(Unusable, match="gold"):
        made.rights(Grant(kind="jwt", tier="gold"), "t")


def test_end_users():
    """Those of the file and others, apart for each tenant; where nothing is known of any, nobody looks."""
    rows = [User("t", "bob", EndUser(blocked=True)), User("u", "eve", EndUser(budgets=(BUDGET,)))]
    made = directory({"t": {"end_users": {"eve": {"limits": {"concurrent": 2}}}}, "u": {}}, key("k", "t"), users=rows)
    known = {(t, n): made.user(t, n) for t in ("t", "u") for n in ("bob", "eve")}
    assert known["t", "bob"] == (True, None, None, Allowance())
    assert known["t", "eve"] == (False, Allowance(concurrent=2), None, Allowance())
    assert known["u", "eve"] == (False, None, (BUDGET,), Allowance())
    assert known["u", "bob"] is None
    caller = made.find(PEPPER.digest(b"k"))
    assert caller is not None
    assert caller.users is made
    assert directory({"t": {}}, key("k", "t")).users is None
    with pytest.raises(Unusable, match="eve"):
        directory({"t": {"end_users": {"eve": {}}}}, users=[User("t", "eve", EndUser())])


def test_names_do_not_run_into_each_other():
    """A tenant `a` with a user `b\\0c` is not the tenant `a\\0b`, nor is a project a tenant."""
    made = directory({"a": {"projects": {"b": {}}}}, users=[User("a", "b", EndUser(blocked=True))])
    assert made.user("a\0b", "") is None
    assert made.user("a", "b") is not None
    assert made.rights(Grant(kind="jwt"), "a\0b", unknown=True).models[0].everything


BLOB = build(
    tenants({"t": {"tier": "pro", "projects": {"p": {"models": ["a"]}}, "end_users": {"eve": {"blocked": True}}}}),
    [key(f"k{n}", "t", "p", Grant(limits=Allowance(concurrent=n + 1), budgets=(BUDGET,))) for n in range(12)],
)


@given(st.data())
def test_damaged_bytes_are_refused(data):
    """Each bit of it is under a checksum."""
    blob = bytearray(BLOB)
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Unusable):
        Directory(bytes(blob), TIERS)
    with pytest.raises(Unusable):
        Directory(BLOB[: data.draw(st.integers(0, len(BLOB) - 1))], TIERS)


@given(st.data())
def test_bytes_that_lie_are_unusable_at_worst(data):
    """Even with a good checksum, nothing but Unusable comes of it: no other error, and nobody who is not there."""
    blob = bytearray(BLOB)
    for _ in range(data.draw(st.integers(1, 5))):
        blob[data.draw(st.integers(44, len(blob) - 1))] = data.draw(st.integers(0, 255))
    pack_into("<32s", blob, 8, hashlib.sha256(blob[44:]).digest())
    with suppress(Unusable):
        made = Directory(bytes(blob), TIERS)
        for look in (
            made.check,
            partial(made.user, "t", "eve"),
            *(partial(made.find, PEPPER.digest(b"k%d" % n)) for n in range(12)),
        ):
            with suppress(Unusable):
                look()
        assert made.find(PEPPER.digest(b"k99")) is None


def test_other_formats():
    """A later one is told by its number; anything else is no directory."""
    later = bytearray(BLOB)
    later[6] = 9
    for blob, said in ((bytes(later), "format 9"), (b"x" * 100, "no directory"), (b"", "ends too early")):
        with pytest.raises(Unusable, match=said):
            Directory(blob, TIERS)


def test_it_is_small():
    """A hundred thousand keys cost less than 200 bytes each in a worker: 130 with a name, an id and limits of their own."""
    keys = (
        Key(
            f"key_{n:026d}",
            hashlib.sha256(b"%d" % n).digest(),
            f"service {n}",
            "t",
            "p",
            Grant(limits=Allowance(concurrent=n + 1)),
        )
        for n in range(2000)
    )
    blob = build(tenants({"t": {"projects": {"p": {}}}}), keys)
    assert len(blob) < 130 * 2000


def test_it_can_be_gone_through():
    """For who compares or counts."""
    assert {caller.key_id for caller in Directory(BLOB, TIERS)} == {f"k{n}" for n in range(12)}
    assert len(Directory(BLOB, TIERS)) == 12


def test_too_much_is_not_built(monkeypatch):
    """What workers would not load is not sent to them."""
    for module in (building, reading):
        monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(Unusable, match="too many keys"):
        build({}, [key(f"k{n}") for n in range(20)])
    with pytest.raises(Unusable, match="too large"):
        Directory(BLOB, TIERS)


def test_grants_with_equal_words_are_kept_once():
    """Whether or not they are one object."""
    one = build({}, [key("a", grant=GRANT), key("b", grant=GRANT)])
    other = build({}, [key("a", grant=GRANT), key("b", grant=msgspec.structs.replace(GRANT))])
    assert one == other
