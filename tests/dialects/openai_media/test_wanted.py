"""What a request for pictures, sound or pages may come to, told from itself."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import pytest

from llm_gateway.core.usage import MediaUsage
from llm_gateway.dialects.base import Operation
from llm_gateway.dialects.openai_media import MEDIA, MediaFront, Wanted, wanted

KINDS = {kind.name: kind for kind in MEDIA}
FORM = b"multipart/form-data; boundary=xyz"


def of_json(name: str, *, most: bool = True, **members: Any) -> Wanted:
    body = msgspec.json.encode({"model": "m", **members})
    made = MediaFront(KINDS[name], b"application/json")
    found = wanted(made.operation, made.view(body), body, most=most)
    assert found is not None
    return found


def of_form(name: str, *files: bytes, most: bool = True, **fields: str) -> Wanted:
    parts = [b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n%b\r\n' % file for file in files]
    given = {"model": "m", **fields}
    parts += [
        f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode() for name, text in given.items()
    ]
    body = b"".join([*parts, b"--xyz--\r\n"])
    made = MediaFront(KINDS[name], FORM)
    found = wanted(made.operation, made.view(body), body, most=most)
    assert found is not None
    return found


def wave(seconds: int, rate: int = 16_000) -> bytes:
    """Mono, 16 bits."""
    head = b"RIFF" + bytes(4) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 1, 2, 16)  # its byte rate is a lie
    return head + b"data" + bytes(4) + bytes(seconds * rate * 2)


def test_pictures_as_they_are_asked_for() -> None:
    """So many, of that size and quality; as tokens, at least what OpenAI says of its models."""
    found = of_json("openai_images", prompt="x", n=3, size="1024x1024", quality="high")
    assert (found.told.images, found.told.size, found.told.quality) == (3, "1024x1024", "high")
    assert 3 * 4160 <= found.beside_tokens["image_output"] <= 3 * 4300
    low = of_json("openai_images", prompt="x", size="1024x1536", quality="low")
    assert 408 <= low.beside_tokens["image_output"] <= 450
    streamed = of_json("openai_images", prompt="x", size="1024x1536", quality="low", stream=True)
    assert streamed.beside_tokens["image_output"] == low.beside_tokens["image_output"] + 400


def test_a_picture_of_which_nothing_is_said() -> None:
    """It is the largest and the finest, and costs as much."""
    found = of_json("openai_images", prompt="x", size="auto")
    assert (found.told.images, found.told.size) == (1, "auto")
    assert found.beside_tokens["image_output"] >= 6240
    assert found.tokens.size == "1536x1024"


def test_pictures_that_are_changed() -> None:
    """Each file is looked at; a number in a form counts, and of two of them the larger one. A file in JSON is no text."""
    found = of_form("openai_image_edits", b"png" * 1000, b"mask", prompt="red", n="4")
    assert (found.told.images, found.told.input_images, found.beside["image_input"]) == (4, 2, 12_600)
    assert found.told.input < 10
    assert of_form("openai_image_edits", b"png", n="4" * 40).told.images == 1
    pictures = [{"image_url": "data:image/png;base64," + "A" * 400_000}] * 2
    found = of_json("openai_image_edits", prompt="red", images=pictures)
    assert (found.told.input_images, found.told.input) == (2, 8000)


def test_speech() -> None:
    """Characters as they stand there; as sound so long as a slow voice reads them, longer if it is asked to be slow."""
    found = of_json("openai_speech", input="ä" * 600, voice="alloy")
    assert found.told.characters == 600
    assert 60_000 <= found.beside["audio_output_ms"] <= 130_000
    assert of_json("openai_speech", input="a" * 600, voice="v", speed=0.5).tokens.audio_output >= 2 * 25 * 60
    assert of_json("openai_speech", input="a" * 600, voice="v", speed=0).tokens.audio_output < 25 * 80


def test_sound_that_is_heard() -> None:
    """Plain samples are as long as they are; of what is compressed the most is taken, or the usual."""
    assert of_form("openai_transcriptions", wave(30)).told.seconds == pytest.approx(30, abs=0.01)
    assert of_form("openai_transcriptions", wave(30), most=False).told.seconds == pytest.approx(30, abs=0.01)
    assert of_form("openai_translations", b"ID3" + bytes(159_997)).told.seconds == 80
    assert of_form("openai_transcriptions", b"ID3" + bytes(159_997), most=False).told.seconds == 20
    assert of_form("openai_transcriptions", b"RIFFxxxxWAVEfmt ").told.seconds < 1
    assert of_form("openai_transcriptions", wave(30, 1 << 20)[:4_000_044]).told.seconds >= 10  # a rate that nobody has
    assert of_form("openai_transcriptions", wave(3)).told.prompt == 0


def test_pages() -> None:
    """Those of a document that came along by its size, of one that a URL stands for many, of a picture one."""
    document = {"type": "document_url", "document_url": "data:application/pdf;base64," + "A" * 409_600}
    assert of_json("mistral_ocr", document=document).told == MediaUsage(pages=101)
    assert of_json("mistral_ocr", document=document, most=False).told == MediaUsage(pages=5)
    elsewhere = {"type": "document_url", "document_url": "https://example.com/a.pdf"}
    assert of_json("mistral_ocr", document=elsewhere).told.pages == 100
    assert of_json("mistral_ocr", document={"type": "image_url", "image_url": "https://example.com/a.png"}).told.pages == 1


def test_what_is_counted_in_tokens() -> None:
    """Moderation and what fills in the middle are reserved as chat is."""
    body = b'{"model":"m","input":"x"}'
    view = MediaFront(KINDS["openai_moderations"], b"application/json").view(body)
    assert wanted(Operation.MODERATION, view, body) is None
    assert wanted(Operation.FILL_IN, view, body) is None
