"""What a configuration becomes before a request meets it."""

from __future__ import annotations

from typing import Any

import pytest

from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Unauthenticated
from llm_gateway.identity.keys import Identify, Pepper
from llm_gateway.providers.deployment import Patience
from llm_gateway.snapshot import NotServable, Snapshot, client_name, compile_snapshot
from whole_gateway import PEPPER, config_of

URL = "http://127.0.0.1:1"
KEY = "sk-gateway-0123456789abcdef"


def compiled(document: dict[str, Any], **options: Any) -> Snapshot:
    settings = {"pepper": PEPPER, "environ": {}, "managed": {}, **options}
    return compile_snapshot(config_of(document), **settings)


def providers(*names: str, **more: dict[str, Any]) -> dict[str, Any]:
    return {**{name: {"type": "openai_compatible", "base_url": URL} for name in names}, **more}


def names(snapshot: Snapshot, alias: str) -> list[str]:
    return [deployment.name for deployment, _ in snapshot.router.route(alias).candidates]


def test_an_alias_is_its_deployments_then_its_fallbacks():
    """Depth first, each deployment once."""
    snapshot = compiled(
        {
            "providers": providers("a", "b"),
            "models": {
                "one": {"deployments": ["a/x", "b/x"], "fallback": ["two", "b/z"]},
                "two": {"deployments": ["b/x", "b/y"], "fallback": ["three"]},
                "three": "a/w",
            },
        }
    )
    assert names(snapshot, "one") == ["a/x", "b/x", "b/y", "a/w", "b/z"]
    assert names(snapshot, "two") == ["b/x", "b/y", "a/w"]
    assert names(snapshot, "three") == ["a/w"]


def test_many_ways_to_one_fallback_are_walked_once():
    """Forty aliases that fall back on both of the next two would be a billion ways; it has to be done at once."""
    models = {f"m{n}": {"deployments": [f"a/x{n}"], "fallback": [f"m{k}" for k in (n + 1, n + 2) if k < 40]} for n in range(40)}
    snapshot = compiled({"providers": providers("a"), "models": models})
    assert len(names(snapshot, "m0")) == 40


def test_timeouts_are_the_aliass_unless_the_deployment_has_its_own():
    """Each candidate carries its own patience; the route's total is the alias's."""
    deployments = ["a/x", {"model": "a/y", "timeouts": {"total": "5s", "head": "1s"}}]
    alias = {"deployments": deployments, "timeouts": {"total": "20s", "idle": "3s"}, "retries": 7}
    route = compiled({"providers": providers("a"), "models": {"m": alias}}).router.route("m")
    assert [patience for _, patience in route.candidates] == [
        Patience(idle=3.0, total=20.0),
        Patience(head=1.0, idle=3.0, total=5.0),
    ]
    assert (route.total, route.retries) == (20.0, 7)


def test_what_does_not_run_is_left_out():
    """Disabled and missing providers: their models have fewer candidates, or none, and everything else is served."""
    document = {
        "providers": providers("a", off={"type": "openai", "enabled": False}, local={"type": "local"}),
        "models": {"some": {"deployments": ["local/x", "a/x"]}, "none": "local/x"},
    }
    snapshot = compiled(document, missing={"local": "no weights"})
    assert names(snapshot, "some") == ["a/x"]
    assert names(snapshot, "none") == []
    assert set(snapshot.upstreams) == {"a"}


def test_managed_providers_are_where_they_were_started():
    """The configured address wins; without either it cannot be served."""
    document = {"providers": {"sim": {"type": "simulator"}, "own": {"type": "simulator", "base_url": URL}}}
    snapshot = compiled(document, managed={"sim": "http://127.0.0.1:7/f/503/v1"})
    assert snapshot.upstreams["sim"].origin.port == 7
    assert snapshot.upstreams["sim"].base_path == "/f/503/v1"
    assert snapshot.upstreams["own"].origin.port == 1
    with pytest.raises(NotServable, match="not running"):
        compiled(document)


def test_a_simulator_speaks_one_dialect_at_a_time():
    """Like the provider it stands for."""
    document = {"providers": {name: {"type": "simulator", "base_url": URL, "speaks": name} for name in ("openai", "anthropic")}}
    found = compiled(document).upstreams
    assert "anthropic_messages" not in found["openai"].kind.endpoints
    assert "openai_chat" not in found["anthropic"].kind.endpoints


@pytest.mark.parametrize(
    ("options", "environ", "line"),
    [
        ({"api_key": "sk-own"}, {"OPENAI_API_KEY": "sk-env"}, b"Authorization: Bearer sk-own\r\n"),
        ({}, {"OPENAI_API_KEY": "sk-env"}, b"Authorization: Bearer sk-env\r\n"),
        ({}, {"OPENAI_API_KEY": "sk-env\n"}, b"Authorization: Bearer sk-env\r\n"),
        ({}, {"OPENAI_API_KEY": " \n"}, None),
        ({}, {}, None),
        ({"organization": "org-1", "project": "p"}, {}, b"OpenAI-Organization: org-1\r\nOpenAI-Project: p\r\n"),
        ({"headers": {"X-Own": "1"}}, {}, b"X-Own: 1\r\n"),
    ],
)
def test_how_a_provider_is_asked(options, environ, line):
    """The configured key before the documented variable, whose line break is not part of it; account and own headers."""
    headers = compiled({"providers": {"p": {"type": "openai", **options}}}, environ=environ).upstreams["p"].headers
    assert line in headers if line else b"Authorization" not in headers


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ({"type": "openai_compatible"}, "needs base_url"),
        ({"type": "anthropic", "organization": "o"}, r"providers\.p\.organization"),
        ({"type": "openai"}, r"providers\.p: .*header"),
    ],
)
def test_what_cannot_be_served_names_its_entry(provider, told):
    """At start and on reload; the message does not hold the secret."""
    with pytest.raises(NotServable, match=told) as caught:
        compiled({"providers": {"p": provider}}, environ={"OPENAI_API_KEY": "sk-\u20ac-secret"})
    assert "secret" not in str(caught.value)


def test_a_catalogue_that_cannot_be_read():
    """A file that the configuration names has to be there."""
    with pytest.raises(NotServable, match=r"^catalogue\.file: /nowhere/models\.json cannot be read"):
        compiled({"catalogue": {"file": "/nowhere/models.json"}})


def test_a_deployments_name_is_checked():
    """A model's name that no header can hold is found before a request is."""
    with pytest.raises(NotServable, match="a/x y"):
        compiled({"providers": providers("a"), "models": {"m": "a/x y"}})


def test_keys_become_callers():
    """Given plainly or as their hash; disabled ones are not known; rights and wishes come along."""
    digest = Pepper(PEPPER).digest(b"sk-hashed-0123456789").hex()
    keys = [
        {
            "name": "plain",
            "key": KEY,
            "models": ["m"],
            "on_loss": "refuse",
            "metadata_in_body": True,
            "expires": "2030-01-01T00:00:00Z",
        },
        {"name": "hashed", "key_hash": digest},
        {"name": "off", "key": "sk-disabled-0123456789", "disabled": True},
    ]
    table = compiled({"providers": providers("a"), "models": {"m": "a/x"}, "auth": {"keys": keys}}).keys
    plain = table.find(KEY.encode())
    assert (plain.key_name, plain.strict, plain.metadata_in_body, plain.expires) == ("plain", True, True, 1893456000.0)
    assert plain.allows("m")
    assert not plain.allows("n")
    assert table.find(b"sk-hashed-0123456789").key_name == "hashed"
    assert table.find(b"sk-disabled-0123456789") is None
    assert table.anonymous is None


@pytest.mark.parametrize(
    ("auth", "anonymous", "open_"),
    [
        ({}, True, True),
        ({"keys": [{"name": "k", "key": KEY}]}, False, False),
        ({"required": False, "keys": [{"name": "k", "key": KEY}]}, True, False),
    ],
)
def test_who_comes_without_a_key(auth, anonymous, open_):
    """Anyone where there are no keys, nobody where there are, unless the configuration says otherwise."""
    table = compiled({"auth": auth}).keys
    assert ((table.anonymous is not None), table.open) == (anonymous, open_)
    who = Identify(table, FakeClock())
    if anonymous:
        assert who.caller({}).key_name == "anonymous"
    else:
        with pytest.raises(Unauthenticated):
            who.caller({})


def test_clients_are_shared_unless_something_differs():
    """ "" is the shared one."""
    options = {"plain": {}, "proxied": {"proxy": "none"}, "unsafe": {"tls": {"insecure": True}}, "few": {"max_connections": 2}}
    config = config_of({"providers": providers(**{name: {"type": "openai", **more} for name, more in options.items()})})
    assert {name: client_name(name, provider) for name, provider in config.providers.items()} == {
        "plain": "",
        "proxied": "proxied",
        "unsafe": "unsafe",
        "few": "few",
    }


def test_credentials_that_cannot_work_are_told_with_their_entry(tmp_path):
    """Which provider, which key, and what to do; before anything is served."""
    google = {"type": "vertex", "project": "p", "google": {"credentials_file": str(tmp_path / "none.json")}}
    for made, said in [
        ({"type": "bedrock"}, "providers.mine: needs region, or AWS_REGION in the environment"),
        (
            {"type": "bedrock", "region": "x", "api_key": "k", "aws": {}},
            "providers.mine: aws contradicts api_key: say one of them",
        ),
        (google, "providers.mine: google.credentials_file cannot be read: No such file or directory"),
        ({"type": "azure", "base_url": URL, "entra": {"tenant_id": "t"}}, "providers.mine: entra has a tenant_id, but neither"),
    ]:
        with pytest.raises(NotServable) as caught:
            compiled({"providers": {"mine": made}})
        assert str(caught.value).startswith(said)


def test_an_account_has_a_key_or_an_authorizer():
    """Never both: a key from the environment gives way to a section that is written."""
    bedrock = {"type": "bedrock", "region": "eu-central-1"}
    environ = {"AWS_BEARER_TOKEN_BEDROCK": "key"}
    made = compiled({"providers": {"key": bedrock, "signed": {**bedrock, "aws": {}}}}, environ=environ).upstreams
    assert (made["key"].authorizer, made["key"].lines["Authorization"]) == (None, "Bearer key")
    assert made["signed"].authorizer is not None
    assert "Authorization" not in made["signed"].lines
    assert made["signed"].origin.host == "bedrock-runtime.eu-central-1.amazonaws.com"
