"""`providers`: accounts at LLM providers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from llm_gateway.config.schema.addresses import base_fault
from llm_gateway.config.schema.base import Count, Fault, Pace, Section, Text, about
from llm_gateway.config.schema.credentials import Aws, Entra, Google
from llm_gateway.config.schema.limits import RateLimit
from llm_gateway.config.schema.relayed import Passthrough
from llm_gateway.config.values import Duration, ProxyChoice, Secret

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_ENGINE_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect"})


class ProviderTls(Section, frozen=True):
    """TLS towards one provider."""

    ca_file: Annotated[Text | None, about("PEM file with authorities to trust for this provider.")] = None
    cert: Annotated[Text | None, about("PEM file with a client certificate.")] = None
    key: Annotated[Text | None, about("PEM file with the client certificate's key; absent: it is in cert.")] = None
    insecure: Annotated[bool, about("Accept any certificate. For tests only.")] = False

    def check(self) -> Iterator[Fault]:
        if self.key is not None and self.cert is None:
            yield "key", "needs cert"


class Options(Section, frozen=True):
    """Keys that only some provider types know; written beside the others, in the provider's own mapping."""

    file: Annotated[Text | None, about("local: the model's GGUF file.")] = None
    context: Annotated[int, about("local: context length in tokens.", ge=128, le=10_000_000)] = 4096
    threads: Annotated[Count | None, about("local: threads to compute with; absent: as llama.cpp chooses.")] = None
    speaks: Annotated[
        Literal["openai", "anthropic", "gemini", "bedrock", "cohere", "ollama"], about("simulator: whose API it plays.")
    ] = "openai"
    fault: Annotated[str, about('simulator: what goes wrong, for example "503:times=2"; empty: nothing.', max_length=1000)] = ""
    tokens_per_second: Annotated[Pace | None, about("simulator: pace of its tokens; absent: all at once.")] = None
    aws: Annotated[Aws | None, about("bedrock: AWS credentials that sign; absent: an API key, or as if empty.")] = None
    google: Annotated[Google | None, about("vertex: Google Cloud credentials; absent: an API key, or as if empty.")] = None
    entra: Annotated[Entra | None, about("azure: Microsoft Entra ID credentials; absent: an API key, or as if empty.")] = None
    load_every: Annotated[
        Duration | None,
        about(
            "vllm: how often its /metrics are read for its load (GET /health/providers shows it); absent: never.", positive=True
        ),
    ] = None
    anthropic_models: Annotated[
        tuple[Text, ...] | None,
        about("bedrock: models of Anthropic's whose id does not say so, such as ARNs of application inference profiles."),
    ] = None
    seed: Annotated[int, about("simulator: the same seed and request give the same answer.", ge=0, le=2**63 - 1)] = 0


class Provider(Section, frozen=True):
    """An account at a provider."""

    type: Annotated[str, about("Kind of provider, such as openai, anthropic, vllm; absent: the entry's name.")]
    api_key: Annotated[
        Secret | None, about("Credential; absent: taken from the variable that the provider documents, such as OPENAI_API_KEY.")
    ] = None
    base_url: Annotated[Text | None, about("Where it is, with or without /v1; absent: the provider's public address.")] = None
    organization: Annotated[Text | None, about("Organization the calls are billed to.")] = None
    project: Annotated[Text | None, about("Project the calls are billed to.")] = None
    region: Annotated[Text | None, about("Region this account is in.")] = None
    api_version: Annotated[Text | None, about("Version of the provider's API to ask for.")] = None
    models: Annotated[tuple[Text, ...] | None, about("Models it serves; absent: discovered.")] = None
    headers: Annotated[dict[str, Secret], about("Extra headers for every request to it; their values are kept secret.")] = (
        msgspec.field(default_factory=dict)
    )
    enabled: Annotated[bool, about("A disabled provider is checked but never used.")] = True
    max_connections: Annotated[Count | None, about("Most connections open to it; absent: network.connections_per_provider.")] = (
        None
    )
    max_concurrent: Annotated[
        Count | None,
        about("Most requests it may have at once, all models together; more wait (resilience.bulkhead). Absent: no limit."),
    ] = None
    rate_limit: Annotated[
        RateLimit | None,
        about("What the provider allows for the account, all models together; absent: as its answers say."),
    ] = None
    proxy: Annotated[ProxyChoice | None, about("Proxy for this provider; absent: network.proxy.")] = None
    tls: Annotated[ProviderTls, about("TLS towards this provider.")] = ProviderTls()
    propagate: Annotated[
        Literal["none", "ids", "full"],
        about(
            "What it is told of a request's trace, where telemetry.tracing is on. ids: traceparent; full: the caller's tracestate"
            " and baggage, too, which may tell of your systems; none: nothing."
        ),
    ] = "ids"
    passthrough: Annotated[Passthrough | None, about("Paths of it that are passed on as they are; absent: none.")] = None
    options: Options = Options()
    """What the type alone knows. Not a key of its own: see Options."""

    def check(self) -> Iterator[Fault]:
        if self.base_url is not None and (fault := base_fault(self.base_url, "https://host/v1", "api_key")):
            yield "base_url", fault
        for name in self.headers:
            if fault := header_fault(name):
                yield "headers", fault


def header_fault(name: str) -> str:
    """What is wrong with a header's name, "" if nothing is."""
    if not _TOKEN.fullmatch(name):
        return "holds a name that is not an HTTP header name"
    return f"must not hold {name}: the gateway sets it" if name.lower() in _ENGINE_HEADERS else ""
