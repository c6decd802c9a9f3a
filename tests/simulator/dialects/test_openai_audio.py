"""Simulated sound."""

from __future__ import annotations

import base64

import msgspec
import pytest

from llm_gateway.simulator.dialects.openai_audio import SPEECH, TRANSCRIPTIONS, sound
from llm_gateway.simulator.problems import Problem
from llm_gateway.simulator.script import Script

FILE = {"filename": "a.mp3", "bytes": 32_000, "sha256": "", "data": b""}
HEARD = {"model": "whisper-1", "file": FILE}
SAID = {"model": "tts-1", "input": "hello " * 20, "voice": "alloy"}


def test_whole_and_streamed_speech_agree():
    """The events' pieces are the same bytes."""
    whole = SPEECH.reply(Script(), SAID).document
    assert whole.content_type == b"audio/mpeg"
    assert b"".join(whole.pieces) == sound(SAID["input"])
    events = [msgspec.json.decode(event.data[6:]) for event in SPEECH.stream(Script(), SAID)]
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == sound(SAID["input"])
    assert events[-1]["type"] == "speech.audio.done"


def test_what_is_heard():
    """The size of the file, in each format; the seconds follow from it."""
    assert TRANSCRIPTIONS.reply(Script(), HEARD).document["usage"] == {"type": "duration", "seconds": 2.0}
    assert TRANSCRIPTIONS.reply(Script(), {**HEARD, "response_format": "vtt"}).document.pieces[0].startswith(b"WEBVTT")
    assert b"--> 00:00:02,000" in TRANSCRIPTIONS.reply(Script(), {**HEARD, "response_format": "srt"}).document.pieces[0]
    assert TRANSCRIPTIONS.reply(Script(), {**HEARD, "response_format": "verbose_json"}).document["duration"] == 2.0


@pytest.mark.parametrize(
    ("dialect", "request_"),
    [
        (SPEECH, {**SAID, "response_format": "ogg"}),
        (SPEECH, {**SAID, "input": "x" * 4097}),
        (SPEECH, {"model": "m", "input": "x"}),
        (TRANSCRIPTIONS, {"model": "m"}),
        (TRANSCRIPTIONS, {**HEARD, "response_format": "doc"}),
    ],
)
def test_what_is_refused(dialect, request_):
    """No file, no voice, a format that there is not, too much text."""
    with pytest.raises(Problem):
        dialect.reply(Script(), request_)
