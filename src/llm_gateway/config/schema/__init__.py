"""The schema of the whole configuration. The structs are the schema: names are keys, defaults are defaults.

Everything is frozen. Durations are `Duration` (a float, seconds), sizes `Size` (an int, bytes), credentials `Secret`.
Paths of files are relative to the working directory.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from llm_gateway.config.schema.auth import ApiKey, Auth
from llm_gateway.config.schema.base import Section, about
from llm_gateway.config.schema.catalogue import Catalogue, ModelFacts, Prices
from llm_gateway.config.schema.credentials import Aws, Entra, Google
from llm_gateway.config.schema.models import Alias, Deployment, Hedging, RouteTimeouts, TimeoutOverrides
from llm_gateway.config.schema.network import Network
from llm_gateway.config.schema.other import Api, ApiVersion, Fetch, Logging, Responses, State, Translation, Versions
from llm_gateway.config.schema.provider_types import AccountHeaders, DeclaredType, EndpointPlace, KeyPlace, PrefillWay, Quirks
from llm_gateway.config.schema.providers import Options, Provider, ProviderTls
from llm_gateway.config.schema.relayed import Files, Media, Passthrough
from llm_gateway.config.schema.resilience import CircuitBreaker, HealthCheck, Resilience, Retry
from llm_gateway.config.schema.routing import Action, Mirroring, Routing, Rule, Share
from llm_gateway.config.schema.server import Admin, Cors, Limits, Realtime, Server, ServerTimeouts, ServerTls


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
    catalogue: Annotated[Catalogue, about("What is known of models, and what they cost.")] = Catalogue()
    auth: Annotated[Auth, about("Who may call.")] = Auth()
    translation: Annotated[Translation, about("Requests that change their dialect.")] = Translation()
    responses: Annotated[Responses, about("Stored responses.")] = Responses()
    media: Annotated[Media, about("Pictures, sound and moderation.")] = Media()
    files: Annotated[Files, about("Files and batches.")] = Files()
    api: Annotated[Api, about("The HTTP API.")] = Api()
    logging: Annotated[Logging, about("What is logged.")] = Logging()
    state: Annotated[State, about("What is kept on disk.")] = State()


class Config(Sections, frozen=True):
    """A configuration that was checked, as the gateway runs on it."""

    digest: str = ""
    """SHA-256 over every effective value, in hex: equal digests, equal behaviour."""
    sources: tuple[str, ...] = ()
    """Files that were read, the configuration file first."""


__all__ = [
    "AccountHeaders",
    "Action",
    "Admin",
    "Alias",
    "Api",
    "ApiKey",
    "ApiVersion",
    "Auth",
    "Aws",
    "Catalogue",
    "CircuitBreaker",
    "Config",
    "Cors",
    "DeclaredType",
    "Deployment",
    "EndpointPlace",
    "Entra",
    "Fetch",
    "Files",
    "Google",
    "HealthCheck",
    "Hedging",
    "KeyPlace",
    "Limits",
    "Logging",
    "Media",
    "Mirroring",
    "ModelFacts",
    "Network",
    "Options",
    "Passthrough",
    "PrefillWay",
    "Prices",
    "Provider",
    "ProviderTls",
    "Quirks",
    "Realtime",
    "Resilience",
    "Responses",
    "Retry",
    "RouteTimeouts",
    "Routing",
    "Rule",
    "Section",
    "Sections",
    "Server",
    "ServerTimeouts",
    "ServerTls",
    "Share",
    "State",
    "TimeoutOverrides",
    "Translation",
    "Versions",
]
