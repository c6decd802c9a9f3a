"""Which keys were used."""

from __future__ import annotations

import pytest

from llm_gateway.core.caller import Caller
from llm_gateway.identity import uses as module
from llm_gateway.identity.uses import Told, Uses


def test_each_key_once_between_two_reports():
    """A caller that was noted is not noted again before the next report; two callers of one key are one."""
    uses = Uses()
    one, same = Caller("k", key_id="key_1"), Caller("k", key_id="key_1")
    for caller in (one, same):
        assert caller.noted != uses.period
        uses.note(caller)
        assert caller.noted == uses.period
    uses.renew("key_1", b"new")
    assert uses.take() == Told(("key_1",), {"key_1": b"new"})
    assert one.noted != uses.period
    assert uses.take() == Told((), {})


@pytest.mark.parametrize("kind", ["anonymous", "jwt", "mtls"])
def test_only_keys_are_reported(kind):
    """Nothing is kept of others that could say when they were last used."""
    uses = Uses()
    uses.note(Caller("x", kind=kind))
    assert uses.take().used == ()


def test_it_is_bounded(monkeypatch):
    """Of too many the rest is noted later."""
    monkeypatch.setattr(module, "MOST", 2)
    uses, callers = Uses(), [Caller(f"k{n}") for n in range(3)]
    for caller in callers:
        uses.note(caller)
        uses.renew(caller.key_id, b"x")
    told = uses.take()
    assert (told.used, list(told.renewed)) == (("k0", "k1"), ["k0", "k1"])
    assert callers[2].noted != 1
    uses.note(callers[2])
    assert uses.take().used == ("k2",)
