"""What must fit together around tenants."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told

BASE = """providers: {openai: {region: eu}, claude: {type: anthropic}}
models: {fast: openai/gpt}
"""
KEY = "  - {name: one, key: sk-gateway-0123456789"
TENANT = "tenants: {acme: {projects: {web: {}}}}\nauth:\n  keys:\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("tenants: {acme: {models: [fsat]}}\n", 'gateway.yaml:3:27: tenants.acme.models[0]: there is no alias and no provider/model "fsat"; did you mean "fast"?'),
        ("tenants: {acme: {providers: [opnai]}}\n", 'gateway.yaml:3:30: tenants.acme.providers[0]: there is no provider "opnai"; did you mean "openai"?'),
        ("tenants: {acme: {regions: [us]}}\n", 'gateway.yaml:3:28: tenants.acme.regions[0]: no provider is in a region "us"; known here: eu'),
        ("tenants: {acme: {default_model: slow}}\n", 'gateway.yaml:3:33: tenants.acme.default_model: there is no provider "slow"; write provider/model'),
        ("tenants: {acme: {tier: pto}}\n", 'gateway.yaml:3:24: tenants.acme.tier: there is no tier "pto"; did you mean "pro"?'),
        ("tenants: {acme: {provider_keys: {opnai: sk-x}}}\n", 'gateway.yaml:3:41: tenants.acme.provider_keys.opnai: there is no provider "opnai"; did you mean "openai"?'),
        ("tenants: {acme: {projects: {web: {models: [fsat]}}}}\n", 'gateway.yaml:3:44: tenants.acme.projects.web.models[0]: there is no alias and no provider/model "fsat"; did you mean "fast"?'),
        ('tenants: {"a/b": {}}\n', 'gateway.yaml:3:18: tenants["a/b"]: a name has letters, digits, dots, dashes and underscores, and 64 at most'),
        ('tenants: {a: {projects: {"b c": {}}}}\n', 'gateway.yaml:3:33: tenants.a.projects["b c"]: a name has letters, digits, dots, dashes and underscores, and 64 at most'),
        (TENANT + KEY + ", tenant: amce}\n", 'gateway.yaml:6:53: auth.keys[0].tenant: there is no tenant "amce"; did you mean "acme"?'),
        (TENANT + KEY + ", tenant: acme, project: wbe}\n", 'gateway.yaml:6:68: auth.keys[0].project: there is no project of the tenant acme "wbe"; did you mean "web"?'),
        (TENANT + KEY + ", project: web}\n", 'gateway.yaml:6:54: auth.keys[0].project: there is no project of the tenant default "web"'),
        (TENANT + KEY + ", tier: gold}\n", 'gateway.yaml:6:51: auth.keys[0].tier: there is no tier "gold"; known here: enterprise, free, pro'),
        (TENANT + KEY + ", scopes: [chat]}\n", "gateway.yaml:6:53: auth.keys[0].scopes: names no scope that there is; docs/IDENTITY.md lists them"),
        (TENANT + KEY + ', kind: readonly, scopes: ["chat:create"]}\n', "gateway.yaml:6:69: auth.keys[0].scopes: has one that no key of kind readonly can have"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_where_it_stands(tmp_path: Path, text: str, line: str) -> None:
    """File, line and column, and what was probably meant."""
    assert told(tmp_path, BASE + text) == [line]


def test_what_fits_is_taken(tmp_path: Path) -> None:
    """Keys of a tenant and a project, of none, of the default one by name, and of an administrator."""
    config = loaded(
        tmp_path,
        BASE
        + TENANT
        + KEY
        + ", tenant: acme, project: web, tier: pro, default_model: fast}\n"
        + "  - {name: two, key: sk-gateway-0123456780}\n"
        + "  - {name: three, key: sk-gateway-0123456781, tenant: default}\n"
        + "  - {name: four, key: sk-admin-01234567890, kind: admin, scopes: ['admin:*', 'chat:create']}\n",
    )
    assert [key.kind for key in config.auth.keys] == ["gateway", "gateway", "gateway", "admin"]
    assert list(config.tenants["acme"].projects) == ["web"]


def test_without_tenants_a_keys_tenant_is_a_label(tmp_path: Path) -> None:
    """As it was before there were any."""
    config = loaded(tmp_path, BASE + "auth:\n  keys:\n" + KEY + ", tenant: any, project: thing}\n")
    assert config.auth.keys[0].tenant == "any"


def test_rules_know_tenants_projects_and_their_tags(tmp_path: Path) -> None:
    """A rule may be about a tenant before it has any key."""
    rules = "routing:\n  rules:\n" + "".join(
        f"  - {{name: r{n}, when: '{test}', then: {{route: fast}}}}\n"
        for n, test in enumerate(('tenant == "acme"', 'tenant == "default"', 'project == "web"', 'tags contains "red"'))
    )
    text = "tenants: {acme: {tags: [red], projects: {web: {}}}}\nauth: {required: true, keys: [{name: one, key: sk-gateway-0123456789}]}\n"
    assert len(loaded(tmp_path, BASE + text + rules).routing.rules) == 4
