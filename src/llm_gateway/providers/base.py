"""Who a provider is, as data: base URL, dialects and their paths, how it is asked for credentials, its quirks.

A provider is one small file that makes one ProviderType; `registry.py` lists them. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from llm_gateway.dialects.base import ProviderFault, Target, Wants

if TYPE_CHECKING:
    from llm_gateway.config.schema import Provider

Sign = Callable[[str], Mapping[str, str]]
"""An API key to the headers that carry it."""
Adapt = Callable[[bytes, Mapping[bytes, bytes]], bytes]
"""A body in a dialect, and the headers of a caller who spoke it (of another one: none), to the body that a place wants."""


def bearer(key: str) -> Mapping[str, str]:
    """Authorization: Bearer (RFC 6750)."""
    return {"Authorization": f"Bearer {key}"}


class Unframe(Protocol):
    """A stream's own framing taken off, so that the dialect's is left. Stateful, one per answer."""

    def feed(self, data: bytes) -> bytes:
        """Raises UpstreamMalformed."""
        ...

    def end(self) -> bytes: ...


@dataclass(frozen=True)
class Endpoint:
    """Where a dialect is spoken: a path below the API's version, in which `{model}` stands for the model's id."""

    path: str
    stream_path: str | None = None
    """Where streams are asked for, if elsewhere."""
    resource: Callable[[str], str] | None = None
    """A model's id to what stands for `{model}` in the path; None: the id, with its slashes encoded."""
    adapt: Adapt | None = None
    """What this place changes about the dialect's request bodies (a cloud that names the model in the URL only)."""
    unframe: Callable[[], Unframe] | None = None
    """What is around the dialect's streams here."""
    parse_error: Callable[[int, bytes], ProviderFault] | None = None
    """Reads errors here, where they have not the dialect's shape; callers of the dialect are then not shown them as they came."""
    wants_bytes: Wants | None = None
    """What this place takes as bytes and not by URL, though the dialect has URLs for it."""


@dataclass(frozen=True)
class ProviderType:
    """One kind of provider. `endpoints` maps a dialect's name to where it is spoken, best chat dialect first."""

    name: str
    title: str
    endpoints: Mapping[str, str | Endpoint]
    base_url: str | None = None
    """None: the configuration must say it."""
    key_variable: str | None = None
    """The environment variable its documentation uses; read when the configuration gives no key."""
    key_required: bool = True
    sign: Sign = bearer
    account_headers: Mapping[str, str] = field(default_factory=dict)
    """Which of the configuration's organization, project and api_version it knows, and the header that says each."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request."""
    forwarded: tuple[bytes, ...] = ()
    """Headers of the caller, lower case, that are passed on as they are. All others stay here."""
    target: Callable[[str], Target] = Target
    """The quirks of a model here."""
    version: str = "/v1"
    """Put behind a base URL that names no version of the API; "": there is none, and one that is named is taken off."""
    models_path: str = "/models"
    """Where its models are listed; "": nowhere."""
    health_path: str = ""
    """Where a server says whether it is well, at its root and not below the API's version; "": nowhere, its list tells enough."""
    options: frozenset[str] = frozenset()
    """Configuration keys that only this type knows."""
    docs: str = ""
    """URL of its documentation, where no module's docstring names it."""
    versioned: Mapping[str, str | Endpoint] = field(default_factory=dict)
    """Endpoints in place of all others when the configuration names an api_version, which `{api_version}` stands for. They
    begin at the base URL, whatever `version` says.
    """
    speaks: Callable[[str, str], bool] | None = None
    """Whether a dialect (first) is spoken for a model (second) here; None: each for all. A cloud has models of several makers."""
    credentials: frozenset[str] = frozenset()
    """Which of a provider's sections aws, google and entra it knows: credentials that expire, for where no key is given."""
    account_url: Callable[[Provider, Mapping[str, str]], str | None] | None = None
    """Its address for an account, by what the configuration says of it and the environment; None: not enough is said. Raises
    ValueError for what contradicts itself.
    """
    located_by: str = ""
    """The configuration's keys that its address follows from, for the documentation."""
    account_keys: frozenset[str] = frozenset()
    """Which of organization, project and api_version the functions here read: no header says them."""
    narrow: Callable[[ProviderType, Provider], ProviderType] | None = None
    """The type as an account has it, by the options that only this type knows."""
    managed: bool = False
    """Whether the gateway itself runs it (a local model, the simulator) when no base_url is given."""
