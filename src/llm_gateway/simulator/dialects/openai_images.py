"""POST /images/generations, /images/edits and /images/variations (platform.openai.com/docs/api-reference/images)."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Event, Reply, named
from llm_gateway.simulator.dialects.openai_common import integer_of, text_of
from llm_gateway.simulator.names import created
from llm_gateway.simulator.problems import Front, missing
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import estimate

MOST = 10
TOKENS = 272
"""Of one picture."""


def png(seed: str, width: int = 2, height: int = 2) -> bytes:
    """A valid picture of one colour, which follows from `seed` (PNG, W3C recommendation)."""
    colour = zlib.crc32(seed.encode("utf-8", "replace")).to_bytes(4, "big")[:3]
    rows = (b"\0" + colour * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def reply(script: Script, request: Mapping[str, Any], *, needs: str) -> Reply:
    """`n` pictures; models named dall-e say no usage and may give URLs."""
    count, prompt = _checked(request, needs)
    digest = script.digest(_plain(request))
    pictures: list[dict[str, Any]] = []
    old = str(request.get("model", "dall-e-2")).startswith("dall-e")
    for index in range(count):
        if old and request.get("response_format", "url") == "url":
            pictures.append({"url": f"https://images.simulator.invalid/{digest[:16]}-{index}.png"})
        else:
            pictures.append({"b64_json": _picture(digest, index)})
    document: dict[str, Any] = {"created": created(digest), "data": pictures}
    return Reply(document if old else {**document, "usage": _usage(prompt, count)}, count * TOKENS)


def stream(script: Script, request: Mapping[str, Any], *, needs: str, event: str) -> list[Event]:
    """Partial pictures, then the whole one."""
    _, prompt = _checked(request, needs)
    digest = script.digest(_plain(request))
    partial_images = integer_of(request, "partial_images", 0, 3) or 0
    events = [
        named(
            f"{event}.partial_image",
            {"type": f"{event}.partial_image", "b64_json": _picture(digest, index), "partial_image_index": index},
            TOKENS,
        )
        for index in range(partial_images)
    ]
    last = {"type": f"{event}.completed", "b64_json": _picture(digest, 0), "created_at": created(digest)}
    return [*events, named(f"{event}.completed", {**last, "usage": _usage(prompt, 1)}, TOKENS)]


def _dialect(path: str, needs: str, event: str = "") -> Dialect:
    streamed: Callable[[Script, Mapping[str, Any]], list[Event]] | None = None
    if event:
        streamed = partial(stream, needs=needs, event=event)
    return Dialect(name="openai_images", front=Front.OPENAI, path=path, reply=partial(reply, needs=needs), stream=streamed)


GENERATE = _dialect("/images/generations", "prompt", "image_generation")
EDIT = _dialect("/images/edits", "image", "image_edit")
VARY = _dialect("/images/variations", "image")


def _checked(request: Mapping[str, Any], needs: str) -> tuple[int, str]:
    """How many, and the prompt."""
    if not request.get(needs):
        raise missing(needs, Front.OPENAI)
    if needs == "prompt":
        text_of(request, "prompt")
    count = request.get("n")
    number = int(count) if isinstance(count, str) and count.isdecimal() else count
    return integer_of({"n": number}, "n", 1, MOST) or 1, str(request.get("prompt", ""))


def _plain(request: Mapping[str, Any]) -> str:
    return repr(sorted((name, str(value)) for name, value in request.items()))


def _picture(digest: str, index: int) -> str:
    return base64.b64encode(png(f"{digest}:{index}")).decode()


def _usage(prompt: str, count: int) -> dict[str, Any]:
    asked = estimate(prompt)
    details = {"text_tokens": asked, "image_tokens": 0}
    return {
        "input_tokens": asked,
        "input_tokens_details": details,
        "output_tokens": count * TOKENS,
        "total_tokens": asked + count * TOKENS,
    }


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
