"""`secrets`: the stores that `${vault:...}` and its siblings are fetched from, and the master key.

Nothing here may itself come from such a store, except the master keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from llm_gateway.config.schema.addresses import secrets_fault
from llm_gateway.config.schema.base import Fault, Section, Text, about
from llm_gateway.config.schema.credentials import Aws, Entra, Google
from llm_gateway.config.values import Duration, Secret

_LONGEST_TIMEOUT = 60.0


class VaultAppRole(Section, frozen=True):
    """Signing in to Vault as an application."""

    role_id: Annotated[Text, about("Id of the role.")]
    secret_id: Annotated[Secret | None, about("Its secret; absent where the role needs none.")] = None
    mount: Annotated[Text, about("Where the method is mounted, below auth/.")] = "approle"


class VaultKubernetes(Section, frozen=True):
    """Signing in to Vault as a pod."""

    role: Annotated[Text, about("Role of the method.")]
    mount: Annotated[Text, about("Where the method is mounted, below auth/.")] = "kubernetes"
    token_file: Annotated[Text, about("The service account's token.")] = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


class VaultStore(Section, frozen=True):
    """HashiCorp Vault, or OpenBao: version 2 of the key/value engine."""

    address: Annotated[Text | None, about("Such as https://vault.example.com:8200; absent: VAULT_ADDR.")] = None
    namespace: Annotated[Text | None, about("Namespace; absent: VAULT_NAMESPACE.")] = None
    mount: Annotated[
        Text | None, about("Where the engine is mounted, if that is not the first segment of the paths: team/kv.")
    ] = None
    ca_file: Annotated[Text | None, about("PEM file with Vault's own authority, besides those of network.ca_file.")] = None
    token: Annotated[Secret | None, about("Token; absent, without another way to sign in: VAULT_TOKEN.")] = None
    token_file: Annotated[Text | None, about("File that an agent keeps a token in; read again whenever it is needed.")] = None
    approle: Annotated[VaultAppRole | None, about("Sign in with a role and its secret.")] = None
    kubernetes: Annotated[VaultKubernetes | None, about("Sign in with the pod's service account.")] = None

    def check(self) -> Iterator[Fault]:
        ways = [name for name in ("token", "token_file", "approle", "kubernetes") if getattr(self, name) is not None]
        for name in ways[1:]:
            yield name, f"contradicts {ways[0]}: say one of them"
        yield from secrets_fault("address", self.address)


class AwsStore(Aws, frozen=True):
    """AWS Secrets Manager. Without keys, profile or role: the usual places, as for providers."""

    region: Annotated[
        Text | None, about("Region of secrets that are not named by ARN; absent: AWS_REGION, or the profile's.")
    ] = None
    endpoint: Annotated[Text | None, about("Address of the service, such as a VPC endpoint; absent: the region's own.")] = None

    def check(self) -> Iterator[Fault]:
        yield from super().check()
        yield from secrets_fault("endpoint", self.endpoint)


class GoogleStore(Google, frozen=True):
    """Google Secret Manager. Empty: application default credentials."""

    endpoint: Annotated[
        Text | None, about("Address of the service; absent: the public one, by location for regional secrets.")
    ] = None

    def check(self) -> Iterator[Fault]:
        yield from super().check()
        yield from secrets_fault("endpoint", self.endpoint)


class AzureStore(Entra, frozen=True):
    """Azure Key Vault. Empty: the environment's application, workload identity or managed identity."""

    scope: Annotated[Text, about("What the token is for.")] = "https://vault.azure.net/.default"
    url: Annotated[Text, about("Address of a vault that is named without a domain; {vault} stands for its name.")] = (
        "https://{vault}.vault.azure.net"
    )

    def check(self) -> Iterator[Fault]:
        yield from super().check()
        if "{vault}" not in self.url:
            yield "url", "needs {vault} where the vault's name goes"
        else:
            yield from secrets_fault("url", self.url.replace("{vault}", "name"))


class Secrets(Section, frozen=True):
    """Where secrets come from, and what seals those that the gateway keeps."""

    vault: Annotated[VaultStore, about("HashiCorp Vault, for ${vault:path#key}.")] = VaultStore()
    aws: Annotated[AwsStore, about("AWS Secrets Manager, for ${aws-sm:id#key}.")] = AwsStore()
    google: Annotated[GoogleStore, about("Google Secret Manager, for ${gcp-sm:projects/p/secrets/s/versions/latest}.")] = (
        GoogleStore()
    )
    azure: Annotated[AzureStore, about("Azure Key Vault, for ${azure-kv:vault/name}.")] = AzureStore()
    cache: Annotated[
        Duration,
        about("How long a value is used before it is fetched again; a change is taken over without a restart.", positive=True),
    ] = Duration(300)
    timeout: Annotated[Duration, about("Most time for fetching one secret, signing in included: 60s at most.", positive=True)] = (
        Duration(10)
    )
    master_key: Annotated[
        Secret | None, about("What seals keys at rest: 32 random bytes in base64. Absent: state.dir/master.key, made once.")
    ] = None
    old_master_keys: Annotated[
        tuple[Secret, ...], about("Former master keys: what they sealed can still be read until it is sealed anew.")
    ] = ()

    def check(self) -> Iterator[Fault]:
        if self.timeout > _LONGEST_TIMEOUT:
            yield "timeout", "may be 60s at most"
        if self.old_master_keys and self.master_key is None:
            yield "old_master_keys", "needs master_key; those of the state directory stand in its master.key"
