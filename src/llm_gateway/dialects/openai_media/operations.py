"""The table of operations that pass through. One line is all that a new one needs, beside its path at the providers.

https://platform.openai.com/docs/api-reference: images, audio, moderations; https://docs.mistral.ai/api: ocr, fim.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from llm_gateway.dialects.base import Operation

JSON = "json"
FORM = "form"


@dataclass(frozen=True)
class MediaOperation:
    """`name`: the dialect's, as providers list it under `endpoints`. `path`: below /v1, here and usually there."""

    name: str
    path: str
    operation: Operation
    bodies: tuple[str, ...] = (JSON,)
    """JSON, FORM (multipart/form-data), or both."""
    only_json: bool = True
    """Whether a whole answer is JSON; else it may be anything but a web page."""
    default: str = ""
    """Which member of the configuration's `media` names the model of a request that names none; "": it must name one."""
    counts_images: bool = False
    counts_characters: bool = False
    """Of the member `input`."""


MEDIA: tuple[MediaOperation, ...] = (
    MediaOperation("openai_images", "/images/generations", Operation.IMAGE, default="image_model", counts_images=True),
    MediaOperation(
        "openai_image_edits", "/images/edits", Operation.IMAGE, (FORM, JSON), default="image_model", counts_images=True
    ),
    MediaOperation(
        "openai_image_variations", "/images/variations", Operation.IMAGE, (FORM,), default="image_model", counts_images=True
    ),
    MediaOperation("openai_speech", "/audio/speech", Operation.SPEECH, only_json=False, counts_characters=True),
    MediaOperation("openai_transcriptions", "/audio/transcriptions", Operation.TRANSCRIPTION, (FORM,), only_json=False),
    MediaOperation("openai_translations", "/audio/translations", Operation.TRANSCRIPTION, (FORM,), only_json=False),
    MediaOperation("openai_moderations", "/moderations", Operation.MODERATION, default="moderation_model"),
    MediaOperation("mistral_ocr", "/ocr", Operation.OCR),
    MediaOperation("mistral_fim", "/fim/completions", Operation.FILL_IN),
)

OWNED: tuple[MediaOperation, ...] = (
    MediaOperation("openai_files", "/files", Operation.FILES, (FORM,)),
    MediaOperation("openai_batches", "/batches", Operation.BATCHES),
)
"""What callers keep at a provider: no model is asked (edge/owned.py)."""

OPENAIS: Mapping[str, str] = MappingProxyType(
    {kind.name: kind.path for kind in (*MEDIA, *OWNED) if kind.name.startswith("openai_")}
)
"""All that OpenAI itself has, at its own paths: endpoints of a provider that has the same."""
AUDIO: Mapping[str, str] = MappingProxyType({name: path for name, path in OPENAIS.items() if path.startswith("/audio/")})
