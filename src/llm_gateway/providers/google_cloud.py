"""Where an account at Google Cloud reaches Vertex AI, and whose a model there is.

Hosts: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/learn/locations. An API key alone is express mode, which has
neither project nor region.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llm_gateway.dialects.base import Target
from llm_gateway.providers import mistral

if TYPE_CHECKING:
    from llm_gateway.config.schema import Provider

_BARE = re.compile(r"(?:google|anthropic|mistralai)/(?!.*/)")
_DIALECTS = MappingProxyType({"google": "gemini", "anthropic": "anthropic", "mistralai": "mistral"})
_MULTI_REGIONS = frozenset({"us", "eu"})
_NAME = re.compile(r"[a-z0-9][a-z0-9.:-]{0,99}")
_VERSION = re.compile(r"/v1(?:beta1)?$")
_TUNED = "endpoints/"


def account_url(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """The host of the region; a base_url that names no project is completed with the account's. Raises ValueError."""
    given = provider.base_url
    if given is not None and "/projects/" in urlsplit(given).path:
        return given
    project = provider.project or environ.get("GOOGLE_CLOUD_PROJECT") or None
    if provider.api_key is not None and provider.project is None:
        project = None
    elif project is None:
        raise ValueError("a provider of type vertex needs project, GOOGLE_CLOUD_PROJECT or an api_key")
    region = provider.region or environ.get("GOOGLE_CLOUD_LOCATION") or "global"
    for name, value in (("project", project), ("region", region)):
        if value is not None and not _NAME.fullmatch(value):
            raise ValueError(f"{name} is not a name at Google Cloud")
    base = (given or _host("global" if project is None else region)).rstrip("/")
    if not _VERSION.search(base):
        base += "/v1"
    return base if project is None else f"{base}/projects/{project}/locations/{region}"


def _host(region: str) -> str:
    if region == "global":
        return "https://aiplatform.googleapis.com"
    if region in _MULTI_REGIONS:
        return f"https://aiplatform.{region}.rep.googleapis.com"
    return f"https://{region}-aiplatform.googleapis.com"


def speaks(dialect: str, model: str) -> bool:
    """Each publisher's models speak its own dialect; those of all others OpenAI's."""
    own = "gemini" if dialect == "vertex_embed" else dialect.partition("_")[0]
    return own == _DIALECTS.get(_publisher(model), "openai")


def target(model: str) -> Target:
    """Three publishers' models are named without them; all others keep theirs in the body."""
    return mistral.target(_BARE.sub("", model)) if _publisher(model) == "mistralai" else Target(_BARE.sub("", model))


def gemini_resource(model: str) -> str:
    return model if model.startswith(_TUNED) else f"publishers/google/models/{model}"


def _publisher(model: str) -> str:
    publisher, slash, _ = model.partition("/")
    if slash and not model.startswith(_TUNED):
        return publisher
    return "anthropic" if model.startswith("claude-") else "google"
