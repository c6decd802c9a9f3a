"""A directory whose keys are changed one by one."""

from __future__ import annotations

import random

import pytest

from identity.directories import BUDGET, TIERS, key, tenants
from llm_gateway.identity.building import Building, build
from llm_gateway.identity.directory import Directory
from llm_gateway.identity.rows import Grant, Key
from llm_gateway.identity.table import Unusable

GRANTS = (Grant(), Grant(models=("fast",)), Grant(budgets=(BUDGET,)))


def shown(blob: bytes) -> dict[str, tuple[str, bool, int]]:
    """What workers would know of each key."""
    callers = Directory(blob, TIERS)
    return {one.key_id: (one.key_name, one.allows("slow"), len(one.spending)) for one in callers}


def test_it_is_as_if_it_was_made_anew() -> None:
    """After any changes: keys that are new, that came in another's place, that got another digest, and that went."""
    draw = random.Random(7)
    there: dict[str, Key] = {f"k{number}": key(f"k{number}", grant=GRANTS[number % 3]) for number in range(40)}
    made = Building({}, there.values())
    for _ in range(60):
        gone = [there.pop(ident).digest for ident in draw.sample(sorted(there), draw.randrange(3))]
        new = {}
        for _ in range(draw.randrange(4)):
            ident = draw.choice(sorted(there) or ["k0"]) if draw.random() < 0.4 else f"k{draw.randrange(40, 900)}"
            new[ident] = key(f"{ident}/{draw.random()}", grant=draw.choice(GRANTS), id=ident)
        gone += [there[ident].digest for ident in new if ident in there]
        there |= new
        assert made.change(new.values(), gone)
        assert len(made) == len(there)
        blob = made.blob()
        assert shown(blob) == shown(build({}, there.values()))
        assert all(Directory(blob, TIERS).find(one.digest) is not None for one in there.values())


def test_a_tier_that_may_be_named_no_longer() -> None:
    """Nobody knows without a look at all of them, so it is made anew; a key that only comes changes nothing about that."""
    first = key("a", "t")
    made = Building(tenants({"t": {"tier": "pro"}}), [first, key("b", "t")])
    assert made.change([key("c", "t", grant=Grant(tier="free"))], [bytes(32)])
    assert not made.change([key("a2", "t", id="a")], [first.digest])
    assert set(shown(made.blob())) == {"a", "b", "c"}


def test_what_went_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often keys with grants of their own come and go: after so many it is made anew, without what nobody has."""
    monkeypatch.setattr("llm_gateway.identity.building.MOST_GONE", 3)
    made, last = Building({}, [key("k0")]), key("k0")
    for number in range(1, 4):
        new = key(f"k{number}", grant=Grant(models=(f"own-{number}",)))
        assert made.change([new], [last.digest])
        last = new
    assert b"own-1" in made.blob()
    assert not made.change([key("k4")], [last.digest])
    assert len(made) == 1, "nothing was changed"
    assert made.change([key("k5")], []), "what only comes leaves nothing behind"


def test_the_same_key_twice() -> None:
    """Named by what it stands in the way of, whenever that came."""
    made = Building({}, [key("a", origin="auth.keys[0]"), key("b")])
    with pytest.raises(Unusable, match=r"the key c is the same key as auth\.keys\[0\] \(a\); remove"):
        made.change([key("a", id="c")], [])
    with pytest.raises(Unusable, match="the key b has the id of the key b; give"):
        Building({}, [key("b"), key("other", id="b")])
