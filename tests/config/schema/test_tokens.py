"""`auth.jwt`, `auth.introspection`, `auth.mtls`, `auth.signing` and `auth.lockout`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from config.helpers_config import loaded, told
from llm_gateway.config.schema.tokens import Role
from llm_gateway.identity import roles

BASE = "providers: {openai: {}}\nauth: {"
SECRET = "s" * 32


def issuer(more: str, name: str = "https://a.example") -> str:
    return f"{BASE}jwt: {{issuers: [{{issuer: '{name}', audiences: [x], {more}}}]}}}}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (issuer("", "plain-name"), "is no address, so that discovery_url, jwks_url or secret is needed"),
        (issuer("", "http://a.example"), "is no address"),
        (issuer("jwks_url: 'http://a.example/keys'"), "must be an address that begins with https://"),
        (issuer("jwks_url: 'https://u:p@a.example/keys'"), "must be an address"),
        (issuer("jwks_url: 'https://a', discovery_url: 'https://b'"), "is not asked where there is a jwks_url"),
        (issuer("secret: short"), "is shorter than 32 bytes"),
        (issuer(f"secret: {SECRET}, jwks_url: 'https://a'"), "stands in place of public keys"),
        (issuer("algorithms: [HS256]"), "HS256 needs a secret"),
        (issuer("algorithms: [none]"), "algorithms[0]"),
        (issuer("algorithms: []"), "needs at least one"),
        (issuer(f"secret: {SECRET}, algorithms: [RS256]"), "only HS256 can be checked with a secret"),
        (issuer("leeway: 11m"), "may be 10m at most"),
        (issuer("types: []"), "types"),
        (f"{BASE}jwt: {{issuers: [{{issuer: 'https://a', audiences: []}}]}}}}\n", "audiences"),
        (f"{BASE}introspection: {{url: 'http://a', client_id: c, client_secret: s}}}}\n", "must be an address"),
        (f"{BASE}mtls: {{rules: [{{}}]}}}}\n", "would hold for every certificate"),
        (f"{BASE}mtls: {{rules: [{{san: a, grants: {{roles: [root]}}}}]}}}}\n", "roles[0]"),
    ],
)
def test_each_rule_has_its_words(tmp_path: Path, text: str, said: str) -> None:
    """What is dangerous or has no effect is refused when the configuration is read."""
    assert any(said in line for line in told(tmp_path, text))


def test_the_same_issuer_twice(tmp_path: Path) -> None:
    """Which of the two would count could not be said."""
    one = "{issuer: 'https://a.example', audiences: [x]}"
    assert "entry 1 has the issuer of entry 0" in told(tmp_path, f"{BASE}jwt: {{issuers: [{one}, {one}]}}}}\n")[0]


def test_a_way_to_be_recognised_makes_a_key_needed(tmp_path: Path) -> None:
    """With an issuer and no key nobody is let in without a token, and the gateway may listen to a network."""
    config = loaded(tmp_path, issuer("") + "server: {host: 0.0.0.0, admin: false}\n")
    assert config.auth.needed
    assert config.auth.jwt.issuers[0].accepted == {"RS256", "PS256", "ES256", "EdDSA"}
    assert loaded(tmp_path, issuer(f"secret: {SECRET}")).auth.jwt.issuers[0].accepted == {"HS256"}
    assert not loaded(tmp_path, "providers: {openai: {}}\n").auth.needed


def test_roles_are_those_of_the_matrix() -> None:
    """The schema names them a second time; both say the same."""
    assert set(get_args(Role)) == set(roles.ROLES)
