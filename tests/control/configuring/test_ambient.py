"""Where the gateway's own identity goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from control.configuring.node import FILE, Node, with_node
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.control.configuring.ambient import demand
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.store.connect import Store
from whole_gateway import config_of

EVIL = "https://else.example"
TOKEN = "https://sts.googleapis.com/v1/token"
AS_WHO = "https://iamcredentials.googleapis.com/v1/x:generateAccessToken"


def federated(token_url: str = TOKEN, **more: Any) -> dict[str, Any]:
    source = {"url": "http://169.254.169.254/token"}
    return {"type": "external_account", "audience": "a", "token_url": token_url, "credential_source": source, **more}


def google(document: dict[str, Any], base_url: str | None = None) -> dict[str, Any]:
    made = {"type": "vertex", "project": "p", "google": {"credentials_json": json.dumps(document)}}
    return made if base_url is None else {**made, "base_url": base_url}


def refused(made: dict[str, Any], file: dict[str, Any] | None = None, environ: dict[str, str] | None = None) -> list[str]:
    """The members that are wrong, of a provider of the API beside those of the file."""
    config = config_of({"providers": {"mine": made, **{f"file-{at}": one for at, one in enumerate((file or {}).values())}}})
    try:
        demand(["mine"], {"mine"}, config, PROVIDER_TYPES, environ or {})
    except ConfigErrors as errors:
        return [problem.path.removeprefix("providers.mine.") for problem in errors.problems]
    return []


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ({}, "azure"),
        ({"entra": {}}, "azure"),
        ({"entra": {"managed_identity": True}}, "azure"),
        ({"entra": {"tenant_id": "t", "client_id": "c", "federated_token_file": "/token"}}, "azure"),
        ({"region": "eu-central-1"}, "bedrock"),
        ({"region": "eu-central-1", "aws": {}}, "bedrock"),
        ({"region": "eu-central-1", "aws": {"role_arn": "arn:aws:iam::1:role/x"}}, "bedrock"),
        ({"region": "eu-central-1", "aws": {"profile": "p"}}, "bedrock"),
        ({"project": "p"}, "vertex"),
        ({"project": "p", "google": {}}, "vertex"),
        ({"project": "p", "google": {"credentials_file": "/f.json"}}, "vertex"),
        ({"project": "p", "google": {"credentials_json": json.dumps(federated())}}, "vertex"),
    ],
)
def test_an_identity_stays_with_its_cloud(section: dict[str, Any], kind: str) -> None:
    """A section that is empty, or names what is on this machine, gives nothing: the identity is the gateway's."""
    assert refused({"type": kind, "base_url": EVIL, **section}) == ["base_url"]


@pytest.mark.parametrize(
    "made",
    [
        {"type": "azure", "base_url": EVIL, "api_key": "k"},
        {"type": "azure", "base_url": EVIL, "headers": {"Api-Key": "k"}},
        {
            "type": "azure",
            "base_url": EVIL,
            "entra": {"tenant_id": "t", "client_id": "c", "client_secret": "s", "authority": EVIL},
        },
        {"type": "bedrock", "base_url": EVIL, "region": "x", "aws": {"access_key_id": "a", "secret_access_key": "s"}},
        google({"type": "service_account", "private_key": "k", "token_uri": EVIL}, EVIL),
        google({"type": "impersonated_service_account", "source_credentials": {"type": "authorized_user"}}, EVIL),
        {"type": "openai", "base_url": EVIL, "api_key": "k", "tls": {"insecure": True}},
    ],
)
def test_what_is_given_with_it_goes_wherever_it_says(made: dict[str, Any]) -> None:
    """His own credentials are his."""
    assert refused(made, environ={}) == []


@pytest.mark.parametrize(
    "made",
    [
        {"type": "azure", "base_url": "https://r.openai.azure.com", "entra": {}},
        {"type": "azure", "base_url": "https://R.services.ai.azure.com./openai/v1"},
        {
            "type": "azure",
            "base_url": "https://r.cognitiveservices.azure.us",
            "entra": {"authority": "https://login.microsoftonline.us"},
        },
        {"type": "bedrock", "region": "eu-central-1"},
        {"type": "bedrock", "region": "cn-north-1", "aws": {"sts_endpoint": "https://sts.cn-north-1.amazonaws.com.cn"}},
        {"type": "bedrock", "base_url": "https://vpce-0a-1b.bedrock-runtime.us-east-1.vpce.amazonaws.com"},
        {"type": "bedrock_mantle", "region": "us-east-1"},
        {"type": "vertex", "project": "p", "region": "europe-west4"},
        {"type": "vertex", "project": "p", "region": "eu"},
        google(federated(service_account_impersonation_url=AS_WHO)),
    ],
)
def test_its_cloud_gets_it(made: dict[str, Any]) -> None:
    """With an address or without one."""
    assert refused(made) == []


@pytest.mark.parametrize(
    ("made", "member"),
    [
        ({"type": "azure", "base_url": "http://r.openai.azure.com"}, "base_url"),
        ({"type": "azure", "base_url": "https://r.openai.azure.com.else.example"}, "base_url"),
        ({"type": "azure", "base_url": "https://mine.azure-api.net"}, "base_url"),
        ({"type": "bedrock", "base_url": "https://x.execute-api.us-east-1.amazonaws.com"}, "base_url"),
        ({"type": "bedrock", "base_url": "https://bedrock.s3.us-east-1.amazonaws.com"}, "base_url"),
        ({"type": "bedrock_mantle", "region": "else.example/x"}, "base_url"),
        ({"type": "azure", "base_url": "https://r.openai.azure.com", "entra": {"authority": EVIL}}, "entra.authority"),
        ({"type": "bedrock", "region": "eu-central-1", "aws": {"sts_endpoint": EVIL}}, "aws.sts_endpoint"),
        (google(federated(EVIL)), "google.credentials_json"),
        (google(federated(service_account_impersonation_url=EVIL)), "google.credentials_json"),
        (google(federated("https://[else.example")), "google.credentials_json"),
        (google(federated("https://sts.googleapis.com@else.example")), "google.credentials_json"),
        (google(federated("https://else.example\\@sts.googleapis.com")), "google.credentials_json"),
        (google(federated(EVIL, source_credentials={"type": "service_account"})), "google.credentials_json"),
        (google({"type": "impersonated_service_account", "source_credentials": federated(EVIL)}), "google.credentials_json"),
        ({"type": "azure", "base_url": "https://r.openai.azure.com", "tls": {"insecure": True}}, "tls"),
        ({"type": "openai", "tls": {"ca_file": "/ca.pem"}}, "tls"),
    ],
)
def test_what_only_looks_like_it_does_not(made: dict[str, Any], member: str) -> None:
    """Other schemes, other names, what anybody can rent in the cloud, where tokens are asked for, and who can read along."""
    assert refused(made) == [member]


def test_the_environments_key_stays_with_its_provider() -> None:
    """Without a key of its own, another address gets none of the gateway's, whether the type needs one or not."""
    assert refused({"type": "openai", "base_url": EVIL}) == ["api_key"]
    assert refused({"type": "openai", "base_url": "http://api.openai.com"}) == ["api_key"]
    assert refused({"type": "openai", "base_url": "https://api.openai.com"}) == []
    assert refused({"type": "openai", "base_url": "https://API.openai.com:443/v1"}) == []
    assert refused({"type": "openai"}) == []
    assert refused({"type": "vllm", "base_url": "http://gpu:8000"}) == []
    assert refused({"type": "vllm", "base_url": "http://gpu:8000"}, environ={"VLLM_API_KEY": "k"}) == ["api_key"]
    assert refused({"type": "azure", "base_url": EVIL, "headers": {"api-key": "k"}}, environ={"AZURE_OPENAI_API_KEY": "e"}) == [
        "base_url"
    ]


def test_where_the_file_sends_it_the_api_may_too() -> None:
    """The same type at the same address, if the file sends the gateway's own there as well; a proxy must not read it."""
    place = {"type": "azure", "base_url": EVIL}
    assert refused(place, {"a": {**place, "entra": {}}}) == []
    assert refused(place, {"a": {**place, "api_key": "k"}}) == ["base_url"]
    assert refused(place, {"a": {"type": "vllm", "base_url": EVIL}}) == ["base_url"]
    plain = {"type": "openai", "base_url": "http://relay:8080"}
    assert refused(plain, {"a": plain}) == []
    assert refused({**plain, "proxy": "http://else.example:3128"}, {"a": plain}) == ["proxy"]


def test_every_way_to_change_a_provider_is_judged(tmp_path: Path, store: Store) -> None:
    """Made, replaced, changed, registered, imported and rolled back to: the same rule, and nothing is stored."""
    bad = {"type": "azure", "base_url": EVIL, "entra": {"managed_identity": True}}
    good = {**bad, "base_url": "https://r.openai.azure.com"}
    one = "/admin/v1/providers/az"

    async def test(node: Node) -> None:
        told = await node.asked("POST", "/admin/v1/providers", 422, json={"name": "az", **bad})
        assert told["error"]["param"] == "base_url"
        await node.asked("PUT", one, 422, json=bad)
        for dry_run in (False, True):
            body = {"config": {"providers": {"az": bad}}, "dry_run": dry_run}
            told = await node.asked("POST", "/admin/v1/config/import", 422, json=body)
            assert told["error"]["param"] == "providers.az.base_url"
        registered = {"id": "az", "type": "azure", "config": {"base_url": EVIL}}
        await node.asked("POST", "/admin/providers", 422, json=registered)
        made = await node.made("providers", "az", **good)
        await node.asked("PATCH", one, 422, json={"base_url": EVIL}, headers={"If-Match": made.headers["etag"]})
        assert (await node.asked("GET", one))["base_url"] == good["base_url"]

        node.write({**FILE, "providers": {**FILE["providers"], "there": bad}})  # while the file goes there, the API may
        first = await node.asked("PUT", one, json=bad)
        assert first["base_url"] == EVIL
        number = (await node.asked("GET", "/admin/v1/snapshots"))["data"][0]["number"]
        await node.asked("PUT", one, json=good)
        node.write(FILE)
        told = await node.asked("POST", f"/admin/v1/snapshots/{number}/rollback", 422, json={})
        assert told["error"]["param"] == "providers.az.base_url"
        assert (await node.asked("GET", one))["base_url"] == good["base_url"]

    with_node(tmp_path, store, test)


def test_an_import_does_not_take_kept_secrets_to_another_address(tmp_path: Path, store: Store) -> None:
    """`***` stands for a secret that was given for the address that was there."""

    async def test(node: Node) -> None:
        await node.made("providers", "b", type="openai", api_key="sk-kept-0123456789")
        body = {"config": {"providers": {"b": {"type": "openai", "api_key": "***", "base_url": EVIL}}}}
        told = await node.asked("POST", "/admin/v1/config/import", 422, json=body)
        assert told["error"]["param"] == "config.providers.b.api_key"

    with_node(tmp_path, store, test)
