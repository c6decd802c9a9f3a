"""Managed identities: virtual machines, App Service and Container Apps."""

from __future__ import annotations

import pytest

from credentials.support import SECRETS, cloud, means, said, shows_no_secret
from llm_gateway.credentials.azure import managed
from llm_gateway.credentials.azure.managed import managed_identity
from llm_gateway.credentials.refreshing import Unavailable
from serving import run

SCOPE = "https://cognitiveservices.azure.com/.default"
RESOURCE = "https://cognitiveservices.azure.com"
IMDS = "/metadata/identity/oauth2/token"


def test_a_virtual_machine():
    """The metadata service with its header and the resource; numbers come as text."""

    async def test() -> None:
        async with cloud() as c, means({"AZURE_POD_IDENTITY_AUTHORITY_HOST": c.url}) as m:
            c.answer(IMDS, said({"access_token": SECRETS[1], "expires_in": "86399", "expires_on": "1", "resource": RESOURCE}))
            fetched = await managed_identity(m, None, SCOPE)()
            assert (fetched.value, fetched.lifetime) == (SECRETS[1], 86_399)
            assert c.seen[0].headers["metadata"] == "true"
            assert c.seen[0].query == {"api-version": "2018-02-01", "resource": RESOURCE}
            await managed_identity(m, "user-assigned", SCOPE)()
            assert c.seen[1].query["client_id"] == "user-assigned"

    run(test)


def test_a_service():
    """App Service and Container Apps name an endpoint and a secret; they give a moment, not a duration."""

    async def test() -> None:
        async with cloud() as c, means({"IDENTITY_ENDPOINT": f"{c.url}/msi/token", "IDENTITY_HEADER": SECRETS[2]}) as m:
            c.answer("/msi/token", said({"access_token": SECRETS[1], "expires_on": str(int(m.clock.now()) + 600)}))
            fetched = await managed_identity(m, "mine", SCOPE)()
            assert fetched.lifetime == 600
            assert c.seen[0].headers["x-identity-header"] == SECRETS[2]
            assert c.seen[0].query == {"api-version": "2019-08-01", "resource": RESOURCE, "client_id": "mine"}

    run(test)


def test_what_cannot_work():
    """Kinds that are not supported are named; a refusal says what to do."""

    async def test() -> None:
        for environ, match in [
            ({"IDENTITY_ENDPOINT": "http://x", "IMDS_ENDPOINT": "http://y"}, "Azure Arc is not supported"),
            (
                {"IDENTITY_ENDPOINT": "http://x", "IDENTITY_HEADER": "s", "IDENTITY_SERVER_THUMBPRINT": "t"},
                "Service Fabric is not supported",
            ),
        ]:
            async with means(environ) as m:
                with pytest.raises(Unavailable, match=match):
                    await managed_identity(m, None, SCOPE)()
        async with cloud() as c, means({"AZURE_POD_IDENTITY_AUTHORITY_HOST": c.url}) as m:
            c.answer(IMDS, said({"error": "invalid_request", "error_description": f"Identity not found {SECRETS[1]}"}, 400))
            with pytest.raises(Unavailable, match=r"\(IMDS\) answered 400 \(invalid_request\); assign an identity") as caught:
                await managed_identity(m, None, SCOPE)()
            shows_no_secret(caught.value)

    run(test)


def test_the_usual_address():
    """Link-local, as everywhere."""
    assert managed._IMDS == "http://169.254.169.254"
