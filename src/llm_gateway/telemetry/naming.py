"""Which words become labels. What callers choose never does before it was found to mean something (faults C33)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from llm_gateway.telemetry.series import OTHER

NONE = "none"
"""Nobody: no provider was asked, the key has no tenant."""
CACHE = "cache"
"""Who served what was kept: no provider was asked for it, or none could answer."""
UNKNOWN = "unknown"
"""A model's name that no provider has answered to, and that no configuration names."""
LONGEST = 200
"""Characters of a model's name that no configuration names."""
NEWCOMERS = 50
"""Models that have a label though no configuration names them: the first ones that a provider answered for."""

_OPERATIONS: Mapping[str, str] = MappingProxyType(
    {
        "/v1/chat/completions": "chat",
        "/v1/responses": "chat",
        "/v1/messages": "chat",
        "/api/chat": "chat",
        "/v1/completions": "text_completion",
        "/v1/fim/completions": "text_completion",
        "/api/generate": "text_completion",
        "/v1/embeddings": "embeddings",
        "/v2/embed": "embeddings",
        "/api/embed": "embeddings",
        "/api/embeddings": "embeddings",
        "/v1/rerank": "rerank",
        "/v2/rerank": "rerank",
        "/v1/messages/count_tokens": "count_tokens",
        "/v1/images/generations": "image",
        "/v1/images/edits": "image",
        "/v1/images/variations": "image",
        "/v1/audio/speech": "speech",
        "/v1/audio/transcriptions": "transcription",
        "/v1/audio/translations": "transcription",
        "/v1/moderations": "moderation",
        "/v1/ocr": "ocr",
        "/v1/realtime": "realtime",
        "/v1/files": "files",
        "/v1/batches": "batches",
        "/passthrough": "passthrough",
    }
)
"""Endpoint -> gen_ai.operation.name, which OpenTelemetry has for chat, text_completion, embeddings and generate_content."""
_BELOW = ("/v1/files", "/v1/batches", "/v1/responses", "/passthrough")
_VERSIONS = ("/v1", "/v1beta", "/v1alpha")
_GEMINI: Mapping[str, str] = MappingProxyType(
    {
        "generateContent": "generate_content",
        "streamGenerateContent": "generate_content",
        "countTokens": "count_tokens",
        "embedContent": "embeddings",
        "batchEmbedContents": "embeddings",
    }
)
MAKERS: Mapping[str, str] = MappingProxyType(
    {
        "bedrock": "aws.bedrock",
        "azure": "azure.ai.openai",
        "bedrock_mantle": "aws.bedrock",
        "gemini": "gcp.gemini",
        "vertex": "gcp.vertex_ai",
        "mistral": "mistral_ai",
        "xai": "x_ai",
    }
)
"""Our word for a type -> OpenTelemetry's gen_ai.provider.name, where they differ."""


def endpoint_of(path: bytes) -> tuple[str, str]:
    """The endpoint's label and the operation's name. Names of models, files and providers in a path are left out."""
    text = path.decode("latin-1")
    found = _OPERATIONS.get(text) or _OPERATIONS.get(f"/v1{text}")
    if found is not None:
        return (text if text in _OPERATIONS else f"/v1{text}"), found
    version, _, rest = text.partition("/models/")
    method = rest.rpartition(":")[2]
    if version in _VERSIONS and method in _GEMINI:
        return f"{version}/models/*:{method}", _GEMINI[method]
    for below in _BELOW:
        if text.startswith(below + "/"):
            return below, _OPERATIONS[below]
    return OTHER, OTHER


class Naming:
    """Which models and aliases are known by name; and what OpenTelemetry calls a provider."""

    def __init__(self) -> None:
        self._models: frozenset[tuple[str, str]] = frozenset()
        self._aliases: frozenset[str] = frozenset()
        self._types: Mapping[str, str] = {}
        self._newcomers: set[tuple[str, str]] = set()
        self._direct: dict[str, str] = {}
        """What callers may write for a model that has a label -> that label."""

    def configure(self, models: Iterable[tuple[str, str]], aliases: Iterable[str], types: Mapping[str, str]) -> None:
        """`models`: (provider, model) that the configuration names; `types`: of each provider."""
        self._models = frozenset(models)
        self._aliases = frozenset(aliases)
        self._types = types
        self._direct = {name: model for provider, model in (*self._models, *self._newcomers) for name in _names(provider, model)}

    def model(self, provider: str, model: str, *, answered: bool) -> str:
        """The label of a model at a provider. `answered`: the provider has just shown that there is such a model."""
        pair = provider, model
        if pair in self._models or pair in self._newcomers:
            return model
        if not answered:
            return UNKNOWN
        if len(self._newcomers) >= NEWCOMERS or len(model) > LONGEST:
            return OTHER
        self._newcomers.add(pair)
        self._direct.update(dict.fromkeys(_names(provider, model), model))
        return model

    def alias(self, model: str) -> str:
        """The label of the name that a caller asked for: a configured one."""
        return model if model in self._aliases else ""

    def asked(self, model: str) -> str:
        """The label of a model that nobody was asked for."""
        return model if model in self._aliases else UNKNOWN

    def kept(self, model: str) -> str:
        """The label of a model whose answer was kept: what was asked for, as far as that has a label already."""
        return model if model in self._aliases else self._direct.get(model, UNKNOWN)

    def system(self, provider: str) -> str:
        """gen_ai.provider.name."""
        kind = self._types.get(provider, provider)
        return MAKERS.get(kind, kind)


def _names(provider: str, model: str) -> tuple[str, str]:
    return model, f"{provider}/{model}"
