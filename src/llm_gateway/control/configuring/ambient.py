"""What the gateway is without being told: the identity of its machine or workload, files on it, keys in its environment.

It goes to the cloud that it belongs to, or where the configuration file itself sends it. Whoever may only use the API must not be
able to have it sent to an address of his: not as a request's credentials, and not as the proof that a token is asked for with.
What he gives himself in the same provider may go wherever he says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import SplitResult, urlsplit

from llm_gateway.config.errors import Path, Problems, Where
from llm_gateway.config.schema import Config, Provider
from llm_gateway.config.schema.credentials import Aws, Entra, Google
from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.providers.base import ProviderType

_AWS = r"bedrock(?:-[a-z0-9-]+)?\.[a-z0-9-]+\.(?:vpce\.)?"
_AWS_DOMAINS = (
    r"(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|api\.aws|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
CLOUDS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "aws": re.compile(rf"(?:vpce-[a-z0-9-]+\.)?{_AWS}{_AWS_DOMAINS}"),
        "google": re.compile(r"(?:[a-z0-9-]+\.)+googleapis\.com"),
        "entra": re.compile(
            r"[a-z0-9-]+\.(?:openai|cognitiveservices|services\.ai)\.azure\.(?:com|us|cn)|[a-z0-9-]+\.api\.cognitive\.microsoft\.com"
        ),
    }
)
"""Hosts of a cloud that answer for the cloud itself: nobody who rents something there can have requests to them for himself."""
OF_TYPES: Mapping[str, str] = MappingProxyType({"azure": "entra", "bedrock": "aws", "bedrock_mantle": "aws", "vertex": "google"})
_STS = re.compile(rf"(?:vpce-[a-z0-9-]+\.)?sts(?:-fips)?(?:\.[a-z0-9-]+)?\.(?:vpce\.)?{_AWS_DOMAINS}")
_AUTHORITIES = re.compile(
    r"login\.(?:microsoftonline\.(?:com|us)|microsoft\.com|windows\.net|chinacloudapi\.cn|partner\.microsoftonline\.cn)"
)
_GIVEN = frozenset({"service_account", "authorized_user"})
_ONLY_FILE = "goes to an address that is not of its cloud, with the gateway's own identity: only a file can say that"
_KEYS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
"""Headers with which a provider brings its key by itself."""
_DEEPEST = 3
_Place = tuple[str, str]
"""A member of a provider, and an address it sends something to."""


def demand(
    changed: Collection[str],
    of_api: Collection[str],
    config: Config,
    types: Mapping[str, ProviderType],
    environ: Mapping[str, str],
) -> None:
    """`changed`: providers that the API makes another one; `of_api`: all that are its own. Raises ConfigErrors."""
    problems = Problems()
    named = frozenset(
        (kind.name, _origin(url))
        for name, provider in config.providers.items()
        if name not in of_api and (kind := types.get(provider.type)) is not None and not given(provider)
        for _, url in _places(provider, kind, environ)
    )
    for name in changed:
        provider = config.providers[name]
        kind = types.get(provider.type)
        if kind is None or not _has(provider, kind, environ):
            continue
        for member, why in _wrong(provider, kind, environ, named):
            path: Path = ("providers", name, *member.split("."))
            problems.add(Where("the admin API"), path, why, "")
    problems.raise_if_any()


def given(provider: Provider) -> bool:
    """Whether all that it shows at its address stands in it: nothing is taken from where the gateway runs."""
    said, options = provider.api_key is not None, provider.options
    if options.aws is not None:
        said = said or options.aws.access_key_id is not None
    if options.entra is not None:
        said = said or options.entra.client_secret is not None
    if options.google is not None and options.google.credentials_json is not None:
        said = said or _given(options.google.credentials_json.reveal().encode())
    return said


def _has(provider: Provider, kind: ProviderType, environ: Mapping[str, str]) -> bool:
    """Whether there is anything that the gateway would take from where it runs."""
    if given(provider):
        return False
    if kind.key_variable and environ.get(kind.key_variable, "").strip():
        return True
    if any(header.lower() in _KEYS for header in provider.headers):
        return False
    return bool(kind.credentials) or (kind.key_required and kind.key_variable is not None)


def _wrong(
    provider: Provider, kind: ProviderType, environ: Mapping[str, str], named: Collection[tuple[str, str]]
) -> Iterator[_Place]:
    """Members, and what is wrong with them."""
    cloud = OF_TYPES.get(kind.name)
    for member, url in _places(provider, kind, environ):
        if (kind.name, _origin(url)) in named:
            continue
        if member == "base_url" and cloud is None:
            if kind.base_url is None or _origin(url) != _origin(kind.base_url):
                yield "api_key", f"is missing: what the gateway has in {kind.key_variable} is not sent to another address"
        elif not _of_cloud(member, url, cloud or ""):
            yield member, _ONLY_FILE
    if provider.proxy is not None and any(url.startswith("http:") for _, url in _places(provider, kind, environ)):
        yield "proxy", "would see the gateway's own credentials, which are not encrypted on this way: only a file can say it"
    tls = provider.tls
    if tls.insecure or tls.ca_file is not None:
        yield "tls", "with the gateway's own credentials only a file can say whose certificates are trusted"


def _places(provider: Provider, kind: ProviderType, environ: Mapping[str, str]) -> Iterator[_Place]:
    """Where what it shows goes, and where it asks for tokens, so far as the provider says it."""
    url = provider.base_url or kind.base_url
    if kind.account_url is not None:
        try:
            url = kind.account_url(provider, environ)
        except ValueError:
            url = None  # the snapshot's checks say what is missing
    if url is not None:
        yield "base_url", url
    for name in kind.credentials:
        match getattr(provider.options, name):
            case Entra(authority=str(authority)):
                yield "entra.authority", authority
            case Aws(sts_endpoint=str(endpoint)):
                yield "aws.sts_endpoint", endpoint
            case Google(credentials_json=secret) if secret is not None:
                for url in _asked(_document(secret.reveal().encode())):
                    yield "google.credentials_json", url


def _of_cloud(member: str, url: str, cloud: str) -> bool:
    hosts = {"entra.authority": _AUTHORITIES, "aws.sts_endpoint": _STS}.get(member) or CLOUDS[cloud]
    parts = _split(url)
    return parts.scheme == "https" and parts.username is None and hosts.fullmatch((parts.hostname or "").rstrip(".")) is not None


def _split(url: str) -> SplitResult:
    """What two parsers could read differently is no address: those in a document of Google's were not looked at yet."""
    try:
        return urlsplit("" if "\\" in url or any(character <= " " for character in url) else url)
    except ValueError:
        return urlsplit("")


def _origin(url: str) -> str:
    parts = _split(url.lower())
    return f"{parts.scheme}://{parts.netloc.removesuffix({'https': ':443', 'http': ':80'}.get(parts.scheme, ''))}"


def _given(data: bytes) -> bool:
    """Whether a credentials document of Google's has its secret in it; federation takes one from the machine."""
    document = _document(data)
    for _ in range(_DEEPEST):
        if document.get("type") in _GIVEN:
            return True
        document = _inner(document)
    return False


def _asked(document: Mapping[str, Any]) -> Iterator[str]:
    """The addresses that tokens, or what they are given for, are sent to."""
    for _ in range(_DEEPEST):
        yield from (
            url for name in ("token_url", "service_account_impersonation_url") if isinstance(url := document.get(name), str)
        )
        document = _inner(document)


def _inner(document: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = document.get("source_credentials") if document.get("type") == "impersonated_service_account" else None
    return inner if isinstance(inner, Mapping) else {}


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        document = decode(data, Any)
    except MalformedJson:
        return {}  # the snapshot's checks refuse it
    return document if isinstance(document, Mapping) else {}
