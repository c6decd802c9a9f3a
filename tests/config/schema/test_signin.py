"""`auth.admin`: what is refused before anybody signs in."""

from __future__ import annotations

import pytest

from llm_gateway.config.schema.signin import Oidc, SignIn, SignInClaims, SignInSession
from llm_gateway.config.values import Duration


def faults(section) -> list[str]:
    return [field for field, _ in section.check()]


def oidc(**changes) -> Oidc:
    return Oidc(**{"name": "okta", "issuer": "https://acme.example", "client_id": "c", "roles": {"g": ("operator",)}, **changes})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": ".."}, "name"),
        ({"issuer": "http://acme.example"}, "issuer"),
        ({"issuer": "https://user@acme.example"}, "issuer"),
        ({"discovery_url": "ftp://acme.example"}, "discovery_url"),
        ({"scopes": ("email",)}, "scopes"),
        ({"roles": {}}, "roles"),
        ({"claims": SignInClaims(tenant="org"), "tenant": "acme"}, "tenant"),
        ({"leeway": Duration(3600)}, "leeway"),
    ],
    ids=str,
)
def test_a_provider_that_cannot_be_right(changes, field):
    """Each mistake is said at its place."""
    assert faults(oidc(**changes)) == [field]


def test_providers_that_are_right():
    """An issuer on this machine may do without TLS; default roles alone are enough."""
    assert faults(oidc()) == faults(oidc(issuer="http://127.0.0.1:8080")) == []
    assert faults(oidc(roles={}, default_roles=("analyst",))) == []


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("https://gateway.example.com", True),
        ("https://gateway.example.com:9090", True),
        ("http://localhost:9090", True),
        ("http://gateway.example.com", False),
        ("https://gateway.example.com/", False),
        ("https://gateway.example.com/admin", False),
        ("https://Gateway.example.com", False),
        ("https://[::1", False),
    ],
)
def test_the_url_is_an_origin_as_browsers_write_it(url, right):
    """It is compared with what they send, letter by letter."""
    assert (faults(SignIn(url=url)) == []) is right


def test_what_does_not_go_together():
    """Providers need an address to come back to, and different names; idle is no longer than longest."""
    assert faults(SignIn(oidc=(oidc(),))) == ["url"]
    assert faults(SignIn(url="https://a.example", oidc=(oidc(), oidc()))) == ["oidc"]
    assert faults(SignInSession(idle=Duration(7200), longest=Duration(3600))) == ["idle"]
    assert faults(SignInSession(longest=Duration(40 * 86_400))) == ["longest"]
