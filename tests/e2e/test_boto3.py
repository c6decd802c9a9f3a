"""The real boto3 against a provider's own paths: Bedrock's Converse and ConverseStream, with a key of the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import trustme
from botocore.config import Config
from botocore.exceptions import ClientError

from gateway_process import KEY, GatewayProcess, running_gateway
from llm_gateway.simulator import RunningSimulator, running_simulator

PROVIDER_KEY = "bedrock-api-key-0123456789abcdef"
MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "hi"}]}]
NO_RETRIES = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    with running_simulator() as made:
        yield made


@pytest.fixture(scope="module")
def gateway(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """With TLS: boto3 sends no bearer token without it."""
    folder = tmp_path_factory.mktemp("boto3")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "cert.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    config = {
        "server": {"tls": {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}},
        "providers": {
            "bedrock": {
                "base_url": simulator.url,
                "api_key": PROVIDER_KEY,
                "passthrough": {"paths": ["/model/*/converse", "/model/*/converse-stream"], "methods": ["POST"]},
            }
        },
        "auth": {"keys": [{"name": "tests", "key": KEY, "models": ["bedrock/anthropic.*"], "passthrough": ["bedrock"]}]},
    }
    with running_gateway(config, folder) as made:
        yield made


def with_token(gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The gateway's key in place of a Bedrock API key."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    return client_for(gateway)


def with_hook(gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> Any:
    """AWS credentials that are not used: each request is signed with them, and the gateway's key stands in a header of its own."""
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    client = client_for(gateway, aws_access_key_id="unused", aws_secret_access_key="unused")

    def add_key(request: Any, **_: Any) -> None:
        request.headers["x-api-key"] = KEY

    client.meta.events.register("before-send.bedrock-runtime.*", add_key)
    return client


def client_for(gateway: GatewayProcess, **credentials: str) -> Any:
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=f"{gateway.url}/passthrough/bedrock",
        verify=str(gateway.folder / "ca.pem"),
        config=NO_RETRIES,
        **credentials,
    )


@pytest.mark.parametrize("make", [with_token, with_hook])
def test_converse(gateway: GatewayProcess, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    """Whole and streamed, the same text; the provider sees its own key and nothing of the caller's."""
    client = make(gateway, monkeypatch)
    whole = client.converse(modelId=MODEL, messages=MESSAGES)
    text = whole["output"]["message"]["content"][0]["text"]
    assert whole["usage"]["totalTokens"] > 0
    events = list(client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    assert "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event) == text
    assert "metadata" in events[-1]
    for seen in simulator.requests[-2:]:
        assert KEY not in str(seen.headers)
        assert "AWS4" not in str(seen.headers)


def test_errors(gateway: GatewayProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider's own are boto3's exceptions; a model that the key may not use is refused by the gateway."""
    client = with_token(gateway, monkeypatch)
    with pytest.raises(client.exceptions.ThrottlingException):
        client.converse(modelId="anthropic.m@@429", messages=MESSAGES)
    with pytest.raises(client.exceptions.ValidationException):
        client.converse(modelId="anthropic.m@@400", messages=MESSAGES)
    with pytest.raises(ClientError, match="may not use the model"):
        client.converse(modelId="meta.llama3-8b-instruct-v1:0", messages=MESSAGES)
    with pytest.raises(ClientError, match="credentials"):
        client.converse(modelId="anthropic.m@@403", messages=MESSAGES)
