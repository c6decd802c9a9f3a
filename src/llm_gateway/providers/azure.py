"""Azure OpenAI (https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle). A model is a deployment's name."""

from __future__ import annotations

from collections.abc import Mapping

from llm_gateway.dialects.openai_media import AUDIO
from llm_gateway.providers.azure_versions import account_url, narrow
from llm_gateway.providers.base import ProviderType
from llm_gateway.providers.openai import target

DEPLOYMENT = "/openai/deployments/{model}"
REALTIME = "/openai/realtime?api-version={api_version}&deployment={model}"


def api_key(key: str) -> Mapping[str, str]:
    """Azure's own header; Authorization is for Entra ID."""
    return {"api-key": key}


AZURE = ProviderType(
    name="azure",
    title="Azure OpenAI",
    key_variable="AZURE_OPENAI_API_KEY",
    sign=api_key,
    endpoints={
        "openai_chat": "/chat/completions",
        "openai_responses": "/responses",
        "embeddings": "/embeddings",
        "openai_realtime": "/realtime?model={model}",
        "openai_realtime_transcription": "/realtime?intent=transcription",
        **AUDIO,
        "openai_images": "/images/generations",
        "openai_image_edits": "/images/edits",
        "openai_files": "/files",
        "openai_batches": "/batches",
    },
    version="/openai/v1",
    versioned={
        "openai_chat": f"{DEPLOYMENT}/chat/completions?api-version={{api_version}}",
        "openai_responses": "/openai/responses?api-version={api_version}",
        "embeddings": f"{DEPLOYMENT}/embeddings?api-version={{api_version}}",
        "openai_realtime": REALTIME,
        "openai_realtime_transcription": f"{REALTIME}&intent=transcription",
        **{name: f"{DEPLOYMENT}{path}?api-version={{api_version}}" for name, path in AUDIO.items()},
        "openai_images": f"{DEPLOYMENT}/images/generations?api-version={{api_version}}",
        "openai_image_edits": f"{DEPLOYMENT}/images/edits?api-version={{api_version}}",
        "openai_files": "/openai/files?api-version={api_version}",
        "openai_batches": "/openai/batches?api-version={api_version}",
    },
    models_path="",  # its list has what could be deployed, not what is
    target=target,  # OpenAI's models
    account_url=account_url,
    narrow=narrow,
    credentials=frozenset({"entra"}),
)
