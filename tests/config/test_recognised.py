"""What must fit together around tokens and certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told

BASE = """providers: {openai: {region: eu}}
models: {fast: openai/gpt}
tenants: {acme: {projects: {web: {}}}}
"""
RULE = "auth: {mtls: {rules: [{san: a, grants: "
ISSUER = "auth: {jwt: {issuers: [{issuer: 'https://a.example', audiences: [x], "


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (RULE + "{tenant: amce}}]}}\n", 'auth.mtls.rules[0].grants.tenant: there is no tenant "amce"; did you mean "acme"?'),
        (RULE + "{tenant: acme, project: wbe}}]}}\n", 'grants.project: there is no project of the tenant acme "wbe"; did you mean "web"?'),
        (RULE + "{project: web}}]}}\n", 'grants.project: there is no project of the tenant default "web"'),
        (RULE + "{tier: gold}}]}}\n", 'grants.tier: there is no tier "gold"; known here: enterprise, free, pro'),
        (RULE + "{models: [fsat]}}]}}\n", 'grants.models[0]: there is no alias and no provider/model "fsat"; did you mean "fast"?'),
        (RULE + "{scopes: [chat]}}]}}\n", "grants.scopes: names no scope that there is; docs/IDENTITY.md lists them"),
        (ISSUER + "grants: {tenant: nope}}]}}\n", 'auth.jwt.issuers[0].grants.tenant: there is no tenant "nope"; known here: acme'),
        ("auth: {introspection: {url: 'https://a', client_id: c, client_secret: s, grants: {tenant: nope}}}\n", "auth.introspection.grants.tenant"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_where_it_stands(tmp_path: Path, text: str, line: str) -> None:
    """What grants name must exist."""
    (said,) = told(tmp_path, BASE + text)
    assert line in said


def test_labels_may_say_anything(tmp_path: Path) -> None:
    """Where unknown tenants are allowed, or there are none at all, a grant's tenant is a name."""
    loaded(tmp_path, BASE + ISSUER + "grants: {tenant: nope}}], unknown_tenants: allow}}\n")
    loaded(tmp_path, "providers: {openai: {}}\n" + RULE + "{tenant: any, project: some}}]}}\n")


def test_rules_cannot_know_who_comes_with_a_token(tmp_path: Path) -> None:
    """A routing rule may name a tenant that only tokens name."""
    rule = "routing: {rules: [{name: r, when: 'tenant == \"somebody\"', then: {route: fast}}]}\n"
    base = "providers: {openai: {}}\nmodels: {fast: openai/gpt}\n"
    loaded(tmp_path, base + rule + ISSUER + "claims: {tenant: org}}]}}\n")
    assert told(tmp_path, base + rule + "auth: {keys: [{name: one, key: sk-gateway-0123456789}]}\n")


def test_limits_of_tokens_need_counting_together(tmp_path: Path) -> None:
    """Several workers without Redis: a tier that a token has, or may name, would count apart in each."""
    base = "providers: {openai: {}}\nserver: {workers: 2}\n"
    for text in ("grants: {tier: pro}", "claims: {tier: plan}"):
        assert "auth.jwt.issuers.0" in told(tmp_path, base + ISSUER + text + "}]}}\n")[0]
    loaded(tmp_path, base + ISSUER + "claims: {tenant: org}}]}}\n")
