"""What an api_version means at Azure: a date is the surface with deployments in the path, a word is a shade of the v1 surface.

Source: https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import structs

from llm_gateway.dialects.base import Target
from llm_gateway.providers.base import Endpoint, ProviderType

if TYPE_CHECKING:
    from llm_gateway.config.schema import Provider

_OF_V1 = frozenset({"v1", "preview", "latest"})
_FIRST_RESPONSES = "2025-03-01"
_FIRST_STREAM_USAGE = "2024-09-01"


def account_url(provider: Provider, _environ: Mapping[str, str]) -> str | None:
    """The base URL; what it names of the v1 surface is taken off where a date asks for the other one."""
    base_url = provider.base_url
    if base_url is None or not _is_dated(provider):
        return base_url
    return base_url.rstrip("/").removesuffix("/v1").removesuffix("/openai")


def narrow(kind: ProviderType, provider: Provider) -> ProviderType:
    """With a word: the v1 surface, and the word in its queries. With a date: no Responses before there were any,
    nor the usage of streams.
    """
    version = provider.api_version
    if version is None:
        return kind
    if _is_dated(provider):
        early = version[: len(_FIRST_RESPONSES)] < _FIRST_RESPONSES
        if version[: len(_FIRST_STREAM_USAGE)] < _FIRST_STREAM_USAGE:
            kind = replace(kind, target=_untold(kind.target))
        return replace(kind, versioned={name: at for name, at in kind.versioned.items() if not (early and "responses" in name)})
    word = quote(version, safe="")
    return replace(kind, versioned={}, endpoints={name: _asking(at, word) for name, at in kind.endpoints.items()})


def _untold(target: Callable[[str], Target]) -> Callable[[str], Target]:
    """Models that refuse stream_options."""
    return lambda model: structs.replace(target(model), stream_usage=False)


def _is_dated(provider: Provider) -> bool:
    return provider.api_version is not None and provider.api_version not in _OF_V1


def _asking(place: str | Endpoint, word: str) -> Endpoint:
    at = Endpoint(place) if isinstance(place, str) else place
    return replace(at, path=_with(at.path, word), stream_path=None if at.stream_path is None else _with(at.stream_path, word))


def _with(path: str, word: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}api-version={word}"
