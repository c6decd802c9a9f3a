"""Simulated pictures."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest

from llm_gateway.simulator.dialects.openai_images import EDIT, GENERATE, png
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script

ASKED = {"model": "gpt-image-1", "prompt": "a cat"}


def test_a_picture_is_one():
    """Signature, sound chunks, as many pixels as promised."""
    data = png("x", 3, 2)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds, pixels = 8, [], b""
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        pixels += zlib.decompress(body) if kind == b"IDAT" else b""
        at += 12 + size
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    assert len(pixels) == 2 * (1 + 3 * 3)


def test_the_same_question_the_same_picture():
    """And another for each of several."""
    first = GENERATE.reply(Script(), {**ASKED, "n": 2}).document["data"]
    assert first == GENERATE.reply(Script(), {**ASKED, "n": 2}).document["data"]
    assert first[0] != first[1]
    assert base64.b64decode(first[0]["b64_json"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("dialect", "request_"),
    [(GENERATE, {"model": "m"}), (GENERATE, {**ASKED, "n": 11}), (EDIT, ASKED), (GENERATE, {"prompt": 7})],
)
def test_what_is_refused(dialect, request_):
    """No prompt, no picture to edit, too many."""
    with pytest.raises(Problem):
        dialect.reply(Script(), request_)
