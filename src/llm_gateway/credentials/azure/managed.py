"""Managed identities: tokens from the machine itself, or from the service that runs the container.

Microsoft Learn, "How to use managed identities for Azure resources on an Azure VM to acquire an access token" and "Use managed
identities for App Service" (Container Apps and Functions speak the same).
"""

from __future__ import annotations

from urllib.parse import urlencode

from llm_gateway.credentials.azure.assertion import Source
from llm_gateway.credentials.bearer import token_of
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable

_IMDS = "http://169.254.169.254"
_HINT = "assign an identity to this resource, or name the user-assigned one with entra.client_id"


def managed_identity(means: Means, client: str | None, scope: str) -> Source:
    """The identity of this resource; `client` names one of several. The kind of service shows in the environment."""
    resource = scope.removesuffix("/.default")

    async def source() -> Fetched[str]:
        url, headers, version, what = _place(means)
        query = {"api-version": version, "resource": resource}
        if client:
            query["client_id"] = client
        answer = await means.http.send(what, b"GET", f"{url}?{urlencode(query)}", headers, metadata=True)
        return token_of(answer, what, means.clock.now(), _HINT)

    return source


def _place(means: Means) -> tuple[str, dict[str, str], str, str]:
    """Address, headers, API version, and what to call it."""
    endpoint, secret = means.variable("IDENTITY_ENDPOINT"), means.variable("IDENTITY_HEADER")
    if endpoint and secret:
        if means.variable("IDENTITY_SERVER_THUMBPRINT"):
            raise Unavailable("the managed identity of Service Fabric is not supported: use a client secret or certificate")
        return endpoint, {"X-IDENTITY-HEADER": secret}, "2019-08-01", "the service's identity endpoint"
    if endpoint:
        raise Unavailable("the managed identity of Azure Arc is not supported: use a client secret or certificate")
    base = means.variable("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _IMDS
    path = "/metadata/identity/oauth2/token"
    return f"{base.rstrip('/')}{path}", {"Metadata": "true"}, "2018-02-01", "the machine's metadata service (IMDS)"
