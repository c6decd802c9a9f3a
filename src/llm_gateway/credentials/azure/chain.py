"""Which Entra ID credentials are meant: what the configuration says, and the variables of azure-identity where it says nothing.

Their order (azure-identity, DefaultAzureCredential): a client secret or certificate, a workload identity, a managed identity.
"""

from __future__ import annotations

from llm_gateway.config.schema.credentials import Entra
from llm_gateway.credentials.azure.assertion import (
    Application,
    Certificate,
    Source,
    with_certificate,
    with_federation,
    with_secret,
)
from llm_gateway.credentials.azure.managed import managed_identity
from llm_gateway.credentials.bearer import FetchLines, bearer_lines
from llm_gateway.credentials.means import Means
from llm_gateway.credentials.refreshing import Fetched, Unavailable

PUBLIC = "https://login.microsoftonline.com"
_CERTIFICATE = "AZURE_CLIENT_CERTIFICATE"


def fetch_of(said: Entra, means: Means) -> FetchLines:
    """Fetches the header lines that a provider's section `entra` describes. Raises Unavailable for what can never work."""
    source = _source(said, means)

    async def fetch() -> Fetched[bytes]:
        token = await source()
        return Fetched(bearer_lines(token.value, "Microsoft Entra ID"), token.lifetime)

    return fetch


def _source(said: Entra, means: Means) -> Source:
    client = said.client_id or means.variable("AZURE_CLIENT_ID")
    if said.managed_identity:
        return managed_identity(means, said.client_id, said.scope)
    tenant = said.tenant_id or means.variable("AZURE_TENANT_ID")
    application = Application(_authority(said, means), tenant, client, said.scope)
    secret, certificate, federated = _proofs(said, means)
    if secret or certificate or federated:
        if not tenant or not client:
            raise Unavailable("entra needs tenant_id and client_id, or AZURE_TENANT_ID and AZURE_CLIENT_ID")
        if secret:
            return with_secret(means, application, secret)
        if certificate:
            return with_certificate(means, application, certificate)
        return with_federation(means, application, federated)
    if said.tenant_id:
        raise Unavailable("entra has a tenant_id, but neither client_secret, certificate_file nor federated_token_file")
    return _here(means, said.client_id or client or None, said.scope)


def _proofs(said: Entra, means: Means) -> tuple[str, Certificate | None, str]:
    """Secret, certificate, federated token's file: what the section says, else what the environment has."""
    password = said.certificate_password.reveal() if said.certificate_password else means.variable(f"{_CERTIFICATE}_PASSWORD")
    if said.client_secret is not None:
        return said.client_secret.reveal(), None, ""
    if said.certificate_file is not None:
        return "", Certificate(said.certificate_file, password or None), ""
    if said.federated_token_file is not None:
        return "", None, said.federated_token_file
    path = means.variable(f"{_CERTIFICATE}_PATH")
    certificate = Certificate(path, password or None) if path else None
    return means.variable("AZURE_CLIENT_SECRET"), certificate, means.variable("AZURE_FEDERATED_TOKEN_FILE")


def _here(means: Means, client: str | None, scope: str) -> Source:
    source = managed_identity(means, client, scope)

    async def explained() -> Fetched[str]:
        try:
            return await source()
        except Unavailable as error:
            raise Unavailable(
                "entra has no client_secret, certificate_file or federated_token_file, the environment has none either"
                f" (AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, AZURE_FEDERATED_TOKEN_FILE), and {error}"
            ) from None

    return explained


def _authority(said: Entra, means: Means) -> str:
    authority = said.authority or means.variable("AZURE_AUTHORITY_HOST") or PUBLIC
    return authority if "://" in authority else f"https://{authority}"
