"""The client that `network` describes."""

from __future__ import annotations

import asyncio

import pytest

from llm_gateway.config.schema import Network
from llm_gateway.config.values import ProxyChoice
from llm_gateway.credentials.outward import client_of
from llm_gateway.http.origin import Origin

ORIGIN, _ = Origin.parse("https://vault.example")
NEAR, _ = Origin.parse("https://inside.example")


@pytest.mark.parametrize(
    ("choice", "environ", "proxied"),
    [
        ("none", {"HTTPS_PROXY": "http://proxy:1"}, (False, False)),
        ("env", {"HTTPS_PROXY": "http://proxy:1"}, (True, False)),
        ("env", {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "vault.example"}, (False, False)),
        ("env", {}, (False, False)),
        ("http://proxy:1", {}, (True, False)),
    ],
)
def test_proxies(choice: str, environ: dict[str, str], proxied: tuple[bool, bool]) -> None:
    """As the configuration or the environment says, with both their exceptions."""

    async def main() -> None:
        client = client_of(Network(proxy=ProxyChoice(choice), no_proxy=("inside.example",)), environ)
        assert (client.has_proxy(ORIGIN), client.has_proxy(NEAR)) == proxied
        await client.close()

    asyncio.run(main())


def test_certificates_that_are_not_there_are_told() -> None:
    """When the client is made, not when it is first used."""
    with pytest.raises(OSError, match="No such file"):
        client_of(Network(), {}, ca_file="/nowhere/ca.pem")
