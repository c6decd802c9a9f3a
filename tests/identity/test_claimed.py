"""What a token says about who calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.schema import Claims, Grants
from llm_gateway.identity.claimed import Reading, Unfit, identified, value_at


@pytest.mark.parametrize(
    ("path", "value"),
    [("a", 1), ("b.c", 2), ("d.e", 3), ("x", None), ("b.x", None), ("a.b", None), ("b.c.d", None), ("", None)],
)
def test_paths(path, value):
    """A claim by its whole name, or step by step."""
    assert value_at({"a": 1, "b": {"c": 2}, "d.e": 3, "d": {"e": 4}}, path) == value


@given(st.text(), st.text(), st.text(), st.text())
def test_ids_do_not_run_together(a, b, c, d):
    """Issuer and subject of another split are somebody else."""
    assert (identified("jwt", a, b)[0] == identified("jwt", c, d)[0]) is ((a, b) == (c, d))


def test_names_can_be_shown():
    """They go into logs: bounded, and without what moves a cursor."""
    _, name = identified("jwt", "i", "a\x1b[31m\n" + "x" * 500)
    assert name.isprintable()
    assert len(name) < 80


def test_a_certificate_names_no_end_user():
    """Without claims nothing is read but the subject."""
    found = Reading("mtls", "", Grants("t", roles=("r",)), None)("CN=web", {"sub": "x", "tenant": "y"})
    assert (found.user, found.tenant, found.roles) == ("", "t", {"r"})


def test_a_number_can_be_a_name():
    """Tenants that are numbers are read as text; true and false are not."""
    reading = Reading("jwt", "i", Grants(), Claims(tenant="tid"))
    assert reading("s", {"tid": 42}).tenant == "42"
    with pytest.raises(Unfit):
        reading("s", {"tid": True})


def test_who_has_left_his_tenant_does_not_come_to_administrate_all_of_them():
    """Where tokens name tenants, one that names none has no roles, unless `grants` says whose it is; elsewhere roles stand alone."""
    claims, said = Claims(tenant="org", roles="r"), {"r": ["operator"]}
    assert Reading("jwt", "i", Grants(), claims)("u", said).roles == frozenset()
    assert Reading("jwt", "i", Grants(roles=("operator",)), claims)("u", {}).roles == frozenset()
    assert Reading("jwt", "i", Grants(), claims)("u", {**said, "org": "acme"}).roles == {"operator"}
    assert Reading("jwt", "i", Grants("acme"), claims)("u", said).roles == {"operator"}
    assert Reading("jwt", "i", Grants(), Claims(roles="r"))("u", said).roles == {"operator"}
