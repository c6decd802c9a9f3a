"""A provider asked with a tenant's own key."""

from __future__ import annotations

import pytest

from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.providers import deployment as module
from llm_gateway.providers.deployment import Patience, Upstream, with_own_key
from llm_gateway.providers.registry import PROVIDER_TYPES

HERE = "http://127.0.0.1:1"


def lines(upstream: Upstream) -> dict[bytes, bytes]:
    head = [line.partition(b": ") for line in upstream.headers.split(b"\r\n") if line]
    return {name.lower(): value for name, _, value in head}


@pytest.mark.parametrize(
    ("kind", "header", "value"),
    [
        ("openai", b"authorization", b"Bearer sk-theirs"),
        ("anthropic", b"x-api-key", b"sk-theirs"),
        ("azure", b"api-key", b"sk-theirs"),
        ("gemini", b"x-goog-api-key", b"sk-theirs"),
    ],
)
def test_each_provider_gets_it_where_it_looks_for_it(kind, header, value):
    """And the account's own key is nowhere."""
    own = Upstream("a", PROVIDER_TYPES[kind], HERE, api_key="sk-ours").owned("sk-theirs")
    assert lines(own)[header] == value
    assert b"sk-ours" not in own.headers
    assert own.own


def test_what_names_the_account_stays_with_it():
    """Organization and project, keys in headers, cookies; what is for the provider's address goes along."""
    headers = {"OpenAI-Organization": "org", "Authorization": "Bearer x", "API-Key": "y", "Cookie": "z", "X-Route": "r"}
    upstream = Upstream("a", PROVIDER_TYPES["openai"], HERE, api_key="sk-ours", headers=headers)
    sent = lines(upstream.owned("sk-theirs"))
    assert sent[b"authorization"] == b"Bearer sk-theirs"
    assert sent[b"x-route"] == b"r"
    assert not sent.keys() & {b"openai-organization", b"api-key", b"cookie"}
    assert lines(upstream)[b"openai-organization"] == b"org"


def test_signatures_of_the_account_are_not_made():
    """Whoever brings a key is not asked with what the gateway fetches for the account."""
    upstream = Upstream("a", PROVIDER_TYPES["bedrock"], HERE, authorizer=object())  # type: ignore[arg-type]
    assert upstream.owned("sk-theirs").authorizer is None
    assert upstream.authorizer is not None


def test_a_deployment_keeps_all_but_the_key():
    """The same name, model, address and patience; made once."""
    upstream = Upstream("a", PROVIDER_TYPES["openai"], HERE, api_key="sk-ours", region="eu")
    ours = upstream.deployment("m", Patience(total=5.0))
    theirs = with_own_key(ours, {"a": "sk-theirs"})
    assert (theirs.name, theirs.model, theirs.patience, theirs.upstream.region) == ("a/m", "m", ours.patience, "eu")
    assert theirs.lane(OPENAI_CHAT).target == ours.lane(OPENAI_CHAT).target
    assert theirs.lane(OPENAI_CHAT).headers == theirs.upstream.headers != ours.lane(OPENAI_CHAT).headers
    assert with_own_key(ours, {"a": "sk-theirs"}) is theirs
    assert with_own_key(ours, {"b": "sk-theirs"}) is ours
    assert with_own_key(upstream.deployment("m", Patience(total=6.0)), {"a": "sk-theirs"}).patience.total == 6.0


def test_only_so_many_are_kept(monkeypatch):
    """Tenants and models are many."""
    monkeypatch.setattr(module, "OWNED", 3)
    upstream = Upstream("a", PROVIDER_TYPES["openai"], HERE, api_key="sk-ours")
    first = upstream.owned("k0")
    made = [upstream.owned(f"k{n}") for n in range(5)]
    assert upstream.owned("k4") is made[4]
    assert upstream.owned("k0") is not first
    theirs = [made[4].beside(upstream.deployment(f"m{n}")) for n in range(5)]
    assert made[4].beside(upstream.deployment("m0")) is not theirs[0]


def test_a_key_that_no_header_can_carry():
    """Is refused without being shown."""
    with pytest.raises(ValueError) as caught:
        Upstream("a", PROVIDER_TYPES["openai"], HERE, api_key="sk-ours").owned("sk-\u20acsecret")
    assert "secret" not in str(caught.value)
