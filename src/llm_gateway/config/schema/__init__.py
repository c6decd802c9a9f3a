"""The schema of the whole configuration. The structs are the schema: names are keys, defaults are defaults.

Everything is frozen. Durations are `Duration` (a float, seconds), sizes `Size` (an int, bytes), credentials `Secret`.
Paths of files are relative to the working directory.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from llm_gateway.config.schema.access import Access
from llm_gateway.config.schema.audit import Audit
from llm_gateway.config.schema.auth import ApiKey, Auth
from llm_gateway.config.schema.base import Section, about
from llm_gateway.config.schema.cache import AliasCache, Cache
from llm_gateway.config.schema.catalogue import Catalogue, ModelFacts, Prices
from llm_gateway.config.schema.credentials import Aws, Entra, Google
from llm_gateway.config.schema.database import Database
from llm_gateway.config.schema.ledger import Ledger
from llm_gateway.config.schema.limits import Allowance, Budget, Limiting, Rate, Redis, Spending, Webhook
from llm_gateway.config.schema.models import Alias, Deployment, Hedging, RouteTimeouts, TimeoutOverrides
from llm_gateway.config.schema.network import Network
from llm_gateway.config.schema.other import Api, ApiVersion, Fetch, Logging, Responses, State, Translation, Versions
from llm_gateway.config.schema.provider_types import AccountHeaders, DeclaredType, EndpointPlace, KeyPlace, PrefillWay, Quirks
from llm_gateway.config.schema.providers import Options, Provider, ProviderTls
from llm_gateway.config.schema.relayed import Files, Media, Passthrough
from llm_gateway.config.schema.resilience import CircuitBreaker, HealthCheck, Resilience, Retry
from llm_gateway.config.schema.routing import Action, Mirroring, Routing, Rule, Share
from llm_gateway.config.schema.secrets import Secrets
from llm_gateway.config.schema.server import Admin, Cors, Limits, Realtime, Server, ServerTimeouts, ServerTls
from llm_gateway.config.schema.signin import Oidc, SignIn
from llm_gateway.config.schema.telemetry import Metrics, Telemetry
from llm_gateway.config.schema.tenants import EndUser, Project, Tenant
from llm_gateway.config.schema.tokens import CertificateRule, Claims, Grants, Introspection, Issuer, Jwt, Lockout, Mtls, Signing
from llm_gateway.config.schema.tracing import Tracing


class Sections(Section, frozen=True):
    """What can be written in a configuration file."""

    server: Annotated[Server, about("Where the gateway listens.")] = Server()
    network: Annotated[Network, about("How providers are reached.")] = Network()
    providers: Annotated[dict[str, Provider], about("Accounts at providers, by a name of your choice.")] = msgspec.field(
        default_factory=dict
    )
    provider_types: Annotated[dict[str, DeclaredType], about("Kinds of providers besides those that are built in.")] = (
        msgspec.field(default_factory=dict)
    )
    models: Annotated[dict[str, Alias], about("Model names that callers use, and their routes.")] = msgspec.field(
        default_factory=dict
    )
    routing: Annotated[Routing, about("Rules that requests meet before a deployment is chosen.")] = Routing()
    resilience: Annotated[Resilience, about("What happens when providers fail, or cannot keep up.")] = Resilience()
    cache: Annotated[Cache, about("Answers that are kept, and given again without asking a provider.")] = Cache()
    catalogue: Annotated[Catalogue, about("What is known of models, and what they cost.")] = Catalogue()
    auth: Annotated[Auth, about("Who may call.")] = Auth()
    tenants: Annotated[dict[str, Tenant], about("Organisations whose keys these are.")] = msgspec.field(default_factory=dict)
    limits: Annotated[Limiting, about("How much may be asked for and spent.")] = Limiting()
    redis: Annotated[
        Redis | None, about("Where several workers and nodes count together; absent: in memory, which is for one worker.")
    ] = None
    translation: Annotated[Translation, about("Requests that change their dialect.")] = Translation()
    responses: Annotated[Responses, about("Stored responses.")] = Responses()
    media: Annotated[Media, about("Pictures, sound and moderation.")] = Media()
    files: Annotated[Files, about("Files and batches.")] = Files()
    api: Annotated[Api, about("The HTTP API.")] = Api()
    logging: Annotated[Logging, about("What is logged.")] = Logging()
    telemetry: Annotated[Telemetry, about("Metrics and traces.")] = Telemetry()
    ledger: Annotated[Ledger, about("How usage is recorded on disk.")] = Ledger()
    state: Annotated[State, about("What is kept on disk.")] = State()
    database: Annotated[Database, about("Where the control plane keeps what it is told.")] = Database()
    secrets: Annotated[Secrets, about("Secret stores that values are fetched from, and the master key.")] = Secrets()
    audit: Annotated[Audit, about("The record of what administrators did.")] = Audit()


class Config(Sections, frozen=True):
    """A configuration that was checked, as the gateway runs on it."""

    digest: str = ""
    """SHA-256 over every effective value, in hex: equal digests, equal behaviour."""
    sources: tuple[str, ...] = ()
    """Files that were read, the configuration file first."""


__all__ = [
    "Access",
    "AccountHeaders",
    "Action",
    "Admin",
    "Alias",
    "AliasCache",
    "Allowance",
    "Api",
    "ApiKey",
    "ApiVersion",
    "Audit",
    "Auth",
    "Aws",
    "Budget",
    "Cache",
    "Catalogue",
    "CertificateRule",
    "CircuitBreaker",
    "Claims",
    "Config",
    "Cors",
    "Database",
    "DeclaredType",
    "Deployment",
    "EndUser",
    "EndpointPlace",
    "Entra",
    "Fetch",
    "Files",
    "Google",
    "Grants",
    "HealthCheck",
    "Hedging",
    "Introspection",
    "Issuer",
    "Jwt",
    "KeyPlace",
    "Ledger",
    "Limiting",
    "Limits",
    "Lockout",
    "Logging",
    "Media",
    "Metrics",
    "Mirroring",
    "ModelFacts",
    "Mtls",
    "Network",
    "Oidc",
    "Options",
    "Passthrough",
    "PrefillWay",
    "Prices",
    "Project",
    "Provider",
    "ProviderTls",
    "Quirks",
    "Rate",
    "Realtime",
    "Redis",
    "Resilience",
    "Responses",
    "Retry",
    "RouteTimeouts",
    "Routing",
    "Rule",
    "Secrets",
    "Section",
    "Sections",
    "Server",
    "ServerTimeouts",
    "ServerTls",
    "Share",
    "SignIn",
    "Signing",
    "Spending",
    "State",
    "Telemetry",
    "Tenant",
    "TimeoutOverrides",
    "Tracing",
    "Translation",
    "Versions",
    "Webhook",
]
