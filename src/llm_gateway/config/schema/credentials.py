"""`aws`, `google` and `entra` of a provider: credentials that expire, for the clouds whose providers know them.

An empty section takes them from where the cloud's own tools would: environment, files, metadata service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from llm_gateway.config.schema.addresses import secrets_fault
from llm_gateway.config.schema.base import Fault, Section, Text, about
from llm_gateway.config.values import Duration, Secret, SecretText

_LONGEST_ROLE = 43_200
_SHORTEST_ROLE = 900
_USUAL_ROLE = Duration(3600)


class Aws(Section, frozen=True):
    """Whose name requests to AWS are signed in; the region is the provider's region."""

    access_key_id: Annotated[Text | None, about("Access key; its other half is secret_access_key.")] = None
    secret_access_key: Annotated[Secret | None, about("The access key's secret.")] = None
    session_token: Annotated[Secret | None, about("Session token, for temporary keys. They are not renewed.")] = None
    profile: Annotated[Text | None, about("Profile of the shared config and credentials files.")] = None
    credential_source: Annotated[
        Literal["Environment", "Ec2InstanceMetadata", "EcsContainer"] | None,
        about("The one place to take credentials from; absent: environment, web identity, profile, container, instance."),
    ] = None
    role_arn: Annotated[Text | None, about("Role to assume with the credentials above.")] = None
    role_session_name: Annotated[
        Text | None, about("Name of the assumed role's session; absent: AWS_ROLE_SESSION_NAME, or llm-gateway and the time.")
    ] = None
    role_duration: Annotated[Duration, about("How long an assumed role is asked for: 15m to 12h.", positive=True)] = _USUAL_ROLE
    external_id: Annotated[Secret | None, about("External id that the role's trust policy asks for.")] = None
    web_identity_token_file: Annotated[
        Text | None, about("File with an OpenID Connect token to assume role_arn with, in place of other credentials.")
    ] = None
    sts_endpoint: Annotated[Text | None, about("Address of STS, such as a VPC endpoint; absent: the region's public one.")] = None

    def check(self) -> Iterator[Fault]:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            yield "", "needs both access_key_id and secret_access_key, or neither"
        if self.session_token is not None and self.access_key_id is None:
            yield "session_token", "needs access_key_id and secret_access_key"
        bases = ("access_key_id", "profile", "credential_source", "web_identity_token_file")
        yield from _at_most_one(self, bases)
        for field in ("role_session_name", "external_id", "web_identity_token_file"):
            if getattr(self, field) is not None and self.role_arn is None:
                yield field, "needs role_arn"
        if self.external_id is not None and self.web_identity_token_file is not None:
            yield "external_id", "has no meaning for a web identity"
        if self.role_arn is None and self.role_duration != _USUAL_ROLE:
            yield "role_duration", "needs role_arn; a profile says duration_seconds itself"
        elif not _SHORTEST_ROLE <= self.role_duration <= _LONGEST_ROLE:
            yield "role_duration", "must be from 15m to 12h"
        if self.sts_endpoint is not None and self.access_key_id is not None and self.role_arn is None:
            yield "sts_endpoint", "needs role_arn: nothing else is asked of STS with these keys"
        yield from secrets_fault("sts_endpoint", self.sts_endpoint)


class Google(Section, frozen=True):
    """Whose access tokens go to Google Cloud."""

    credentials_file: Annotated[
        Text | None,
        about(
            "JSON file: a service account's key, workload identity federation, or gcloud's own. Absent:"
            " GOOGLE_APPLICATION_CREDENTIALS, gcloud's application default credentials, the metadata server."
        ),
    ] = None
    credentials_json: Annotated[SecretText | None, about("The same document in place of a file; take it from a secret.")] = None
    service_account: Annotated[Text | None, about("E-mail of a service account to impersonate with these credentials.")] = None
    scopes: Annotated[tuple[Text, ...], about("OAuth scopes to ask for.", min_length=1)] = (
        "https://www.googleapis.com/auth/cloud-platform",
    )
    quota_project: Annotated[
        Text | None, about("Project whose quota is used (x-goog-user-project); absent: as the file says.")
    ] = None

    def check(self) -> Iterator[Fault]:
        yield from _at_most_one(self, ("credentials_file", "credentials_json"))
        if self.service_account is not None and ("@" not in self.service_account or "/" in self.service_account):
            yield "service_account", "expected an e-mail address such as name@project.iam.gserviceaccount.com"
        for scope in self.scopes:
            if " " in scope:
                yield "scopes", "a scope has no spaces; write a list"


class Entra(Section, frozen=True):
    """Whose access tokens go to Azure."""

    tenant_id: Annotated[Text | None, about("Directory (tenant); absent: AZURE_TENANT_ID.")] = None
    client_id: Annotated[
        Text | None, about("Application (client), or the user-assigned managed identity; absent: AZURE_CLIENT_ID.")
    ] = None
    client_secret: Annotated[Secret | None, about("The application's secret; absent: AZURE_CLIENT_SECRET.")] = None
    certificate_file: Annotated[
        Text | None,
        about("PEM file with the application's certificate and private key; absent: AZURE_CLIENT_CERTIFICATE_PATH."),
    ] = None
    certificate_password: Annotated[
        Secret | None, about("Password of the private key; absent: AZURE_CLIENT_CERTIFICATE_PASSWORD.")
    ] = None
    federated_token_file: Annotated[
        Text | None, about("File with a workload identity's token; absent: AZURE_FEDERATED_TOKEN_FILE.")
    ] = None
    managed_identity: Annotated[bool, about("Use the managed identity of this machine and nothing else.")] = False
    authority: Annotated[
        Text | None,
        about("Where tokens are issued; absent: AZURE_AUTHORITY_HOST, or the public cloud, https://login.microsoftonline.com."),
    ] = None
    scope: Annotated[Text, about("What the token is for.")] = "https://cognitiveservices.azure.com/.default"

    ways: ClassVar[tuple[str, ...]] = ("client_secret", "certificate_file", "federated_token_file", "managed_identity")

    def check(self) -> Iterator[Fault]:
        yield from _at_most_one(self, self.ways)
        if self.certificate_password is not None and self.certificate_file is None:
            yield "certificate_password", "needs certificate_file"
        if self.managed_identity:
            for field in ("tenant_id", "authority"):
                if getattr(self, field) is not None:
                    yield field, "has no meaning for a managed identity"
        for name in ("tenant_id", "client_id"):
            value = getattr(self, name)
            if value is not None and not all(character.isalnum() or character in "-._" for character in value):
                yield name, "expected an id or a domain name"
        if any(character <= " " for character in self.scope):
            yield "scope", "expected one scope"
        yield from secrets_fault("authority", self.authority)


def _at_most_one(section: Section, fields: tuple[str, ...]) -> Iterator[Fault]:
    given = [field for field in fields if getattr(section, field)]
    for field in given[1:]:
        yield field, f"contradicts {given[0]}: say one of them"
