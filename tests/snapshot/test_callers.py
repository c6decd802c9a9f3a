"""Who may call, from the configuration and from what control built."""

from __future__ import annotations

from typing import Any

import pytest

from identity.directories import key
from llm_gateway.config.schema.limits import TIERS
from llm_gateway.config.schema.tenants import EndUser
from llm_gateway.core.scopes import DATA
from llm_gateway.identity.building import build
from llm_gateway.identity.keys import Pepper
from llm_gateway.identity.rows import Grant, User
from llm_gateway.snapshot import NotServable, Snapshot, compile_snapshot
from llm_gateway.snapshot.callers import built
from whole_gateway import PEPPER, config_of

ONE, TWO = "sk-gateway-0123456789-one", "sk-gateway-0123456789-two"


def compiled(document: dict[str, Any], **options: Any) -> Snapshot:
    return compile_snapshot(config_of(document), **{"pepper": PEPPER, "environ": {}, "managed": {}, **options})


def test_keys_of_the_file_have_the_rights_of_their_tenants():
    """File alone: the directory is made from the configuration, tiers that are built in included."""
    snapshot = compiled(
        {
            "tenants": {"acme": {"tier": "pro", "models": ["openai/*"], "projects": {"web": {"tags": ["w"]}}}},
            "limits": {"tiers": {"gold": {"concurrent": 3}}},
            "auth": {
                "keys": [
                    {"name": "one", "key": ONE, "tenant": "acme", "project": "web"},
                    {"name": "two", "key": TWO, "tier": "gold"},
                ]
            },
        }
    )
    one, two = snapshot.keys.find(ONE.encode()), snapshot.keys.find(TWO.encode())
    assert one is not None
    assert two is not None
    assert (one.tenant, one.project, one.tags, one.allows("slow/x")) == ("acme", "web", {"w"}, False)
    assert one.spending == (("tenant", "acme", TIERS["pro"], ()),)
    assert (two.tenant, two.spending[0].limits.concurrent) == ("default", 3)


def test_what_control_built_stands_beside_the_file():
    """Keys of the store and those of the file are known alike."""
    blob = build({}, [key("k", grant=Grant(tier="gold"))])
    snapshot = compiled(
        {"limits": {"tiers": {"gold": {}}}, "auth": {"keys": [{"name": "one", "key": ONE}]}}, directory=blob, pepper=b"pepper"
    )
    assert snapshot.keys.find(b"k") is not None
    assert snapshot.keys.find(ONE.encode()) is not None
    assert len(snapshot.directory) == 2
    for bad, said in ((blob, "gold"), (b"x" * 100, "no directory")):
        with pytest.raises(NotServable, match=said):
            compiled({}, directory=bad)


def test_anonymous_belongs_to_the_default_tenant():
    """Its limits hold for who brings no key, too."""
    nobody = compiled({"tenants": {"default": {"limits": {"concurrent": 1}}}}).keys.anonymous
    assert nobody is not None
    assert (nobody.key_name, nobody.kind, nobody.tenant, len(nobody.spending)) == ("anonymous", "anonymous", "default", 1)
    plain = compiled({}).keys.anonymous
    assert plain is not None
    assert (plain.tenant, plain.spending, plain.passthrough) == ("", (), {"*"})
    assert plain.scopes is DATA


def test_uses_and_revocations_outlive_a_table():
    """What was not reported yet is reported by the next one, which refuses what this one refused."""
    document = {"auth": {"keys": [{"name": "one", "key": ONE}, {"name": "two", "key": TWO}]}}
    before = compiled(document).keys
    before.revoke(["one"])
    after = compiled(document, keys=before).keys
    assert after.uses is before.uses
    assert after.find(ONE.encode()) is None
    assert after.find(TWO.encode()) is not None


def test_several_peppers():
    """The file's keys are under the current one; digests that were made under another one still count."""
    old = Pepper(b"o" * 32)
    hashed = {"name": "one", "key_hash": old.digest(ONE.encode()).hex()}
    document = {"auth": {"keys": [hashed, {"name": "two", "key": TWO}]}}
    keys = compiled(document, pepper=(PEPPER, b"o" * 32)).keys
    assert keys.find(ONE.encode()) is not None
    assert keys.find(TWO.encode()) is not None
    assert compiled(document).keys.find(ONE.encode()) is None


def test_a_key_and_its_own_hash():
    """Twice the same key, in two spellings, is told with both places."""
    keys = [{"name": "one", "key": ONE}, {"name": "two", "key_hash": Pepper(PEPPER).digest(ONE.encode()).hex()}]
    with pytest.raises(NotServable, match=r"auth\.keys\[1\] \(two\) is the same key as auth\.keys\[0\] \(one\)"):
        compiled({"auth": {"keys": keys}})


def test_keys_that_only_control_knows_are_needed_too():
    """As soon as there is any key nobody comes in without one, unless the file says otherwise."""
    blob = build({}, [key("k")])
    assert compiled({}, directory=blob).keys.anonymous is None
    assert compiled({"auth": {"required": False}}, directory=blob).keys.anonymous is not None
    assert not compiled({"auth": {"required": False}}, directory=blob).keys.open
    assert compiled({}).keys.open


def test_keys_of_the_file_and_others_are_built_together():
    """As control does it."""
    config = config_of({"tenants": {"t": {}}, "auth": {"keys": [{"name": "one", "key": ONE, "tenant": "t"}]}})
    blob = built(config, PEPPER, [key("k", "t")], [User("t", "eve", EndUser(blocked=True))])
    snapshot = compile_snapshot(config, pepper=(PEPPER, b"pepper"), environ={}, managed={}, directory=blob)
    assert [snapshot.keys.find(text) is not None for text in (ONE.encode(), b"k", b"other")] == [True, True, False]
    known = snapshot.directory.user("t", "eve")
    assert known is not None
    assert known.blocked


def test_the_last_key_that_is_taken_away_lets_nobody_in():
    """A gateway that needed keys needs them when none is left; only the configuration says otherwise."""
    with_one = compiled({}, directory=build({}, [key("k", ONE)]))
    assert with_one.keys.anonymous is None
    without = compiled({}, directory=build({}, []), keys=with_one.keys)
    assert without.keys.anonymous is None
    assert compiled({"auth": {"required": False}}, keys=with_one.keys).keys.anonymous is not None
