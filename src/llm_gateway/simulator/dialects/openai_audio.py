"""POST /audio/speech, /audio/transcriptions and /audio/translations (platform.openai.com/docs/api-reference/audio).

What is spoken is no sound, but bytes that follow from the text; what is heard says how many bytes there were.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Event, Raw, Reply, asked, data
from llm_gateway.simulator.dialects.openai_common import text_of
from llm_gateway.simulator.problems import Front, missing, out_of_range
from llm_gateway.simulator.script import Script
from llm_gateway.simulator.tokens import estimate

PIECE = 1024
BYTES_PER_CHARACTER = 64
BYTES_PER_SECOND = 16_000
TYPES: Mapping[str, bytes] = MappingProxyType(
    {
        "mp3": b"audio/mpeg",
        "opus": b"audio/opus",
        "aac": b"audio/aac",
        "flac": b"audio/flac",
        "wav": b"audio/wav",
        "pcm": b"audio/pcm",
    }
)


def sound(text: str) -> bytes:
    """64 bytes for each character."""
    return b"ID3" + hashlib.shake_128(text.encode("utf-8", "replace")).digest(len(text) * BYTES_PER_CHARACTER)


def speak(_script: Script, request: Mapping[str, Any]) -> Reply:
    spoken, kind = _spoken(request)
    pieces = tuple(spoken[at : at + PIECE] for at in range(0, len(spoken), PIECE))
    return Reply(Raw(pieces, TYPES[kind]), len(pieces))


def speak_in_events(_script: Script, request: Mapping[str, Any]) -> list[Event]:
    spoken, _ = _spoken(request)
    pieces = [base64.b64encode(spoken[at : at + PIECE]).decode() for at in range(0, len(spoken), PIECE)]
    tokens = estimate(str(request["input"]))
    usage = {"input_tokens": tokens, "output_tokens": len(pieces), "total_tokens": tokens + len(pieces)}
    deltas = [data({"type": "speech.audio.delta", "audio": piece}, 1) for piece in pieces]
    return [*deltas, data({"type": "speech.audio.done", "usage": usage})]


def hear(_script: Script, request: Mapping[str, Any]) -> Reply:
    """JSON, text or subtitles, as `response_format` asks."""
    text, seconds = _heard(request)
    shape = request.get("response_format", "json")
    match shape:
        case "json":
            return Reply({"text": text, "usage": _usage(request, text, seconds)})
        case "verbose_json":
            segment = {"id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": text, "tokens": [1], "temperature": 0.0}
            scores = {"avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": 0.01}
            told = {"task": "transcribe", "language": "english", "duration": seconds, "text": text}
            return Reply({**told, "segments": [{**segment, **scores}], "usage": _usage(request, text, seconds)})
        case "text":
            return Reply(Raw((text.encode() + b"\n",), b"text/plain; charset=utf-8"))
        case "srt":
            lines = f"1\n00:00:00,000 --> {_stamp(seconds, ',')}\n{text}\n\n"
            return Reply(Raw((lines.encode(),), b"text/plain; charset=utf-8"))
        case "vtt":
            lines = f"WEBVTT\n\n00:00:00.000 --> {_stamp(seconds, '.')}\n{text}\n\n"
            return Reply(Raw((lines.encode(),), b"text/plain; charset=utf-8"))
    raise out_of_range("response_format", "supported values are json, text, srt, verbose_json, vtt", Front.OPENAI)


def hear_in_events(_script: Script, request: Mapping[str, Any]) -> list[Event]:
    text, seconds = _heard(request)
    words = text.split(" ")
    pieces = [word if index == len(words) - 1 else f"{word} " for index, word in enumerate(words)]
    deltas = [data({"type": "transcript.text.delta", "delta": piece}, 1) for piece in pieces]
    return [*deltas, data({"type": "transcript.text.done", "text": text, "usage": _usage(request, text, seconds)})]


SPEECH = Dialect(
    name="openai_speech",
    front=Front.OPENAI,
    path="/audio/speech",
    reply=speak,
    stream=speak_in_events,
    streams=lambda request: request.get("stream_format") == "sse",
)
TRANSCRIPTIONS = Dialect(
    name="openai_transcriptions",
    front=Front.OPENAI,
    path="/audio/transcriptions",
    reply=hear,
    stream=hear_in_events,
    streams=asked,
)
TRANSLATIONS = Dialect(name="openai_translations", front=Front.OPENAI, path="/audio/translations", reply=hear)


def _spoken(request: Mapping[str, Any]) -> tuple[bytes, str]:
    text = text_of(request, "input")
    text_of(request, "voice") if not isinstance(request.get("voice"), dict) else None
    kind = request.get("response_format", "mp3")
    if kind not in TYPES:
        raise out_of_range("response_format", f"supported values are {', '.join(TYPES)}", Front.OPENAI)
    if len(text) > 4096:
        raise out_of_range("input", "string too long, maximum length 4096", Front.OPENAI)
    return sound(text), str(kind)


def _heard(request: Mapping[str, Any]) -> tuple[str, float]:
    """What is said in the file, and how long it takes."""
    given = request.get("file")
    if not isinstance(given, dict):
        raise missing("file", Front.OPENAI)
    text_of(request, "model")
    prompt = request.get("prompt")
    said = f"I heard {given['bytes']} bytes of {given['filename']}." + (f" {prompt}" if prompt else "")
    return said, round(given["bytes"] / BYTES_PER_SECOND, 3)


def _usage(request: Mapping[str, Any], text: str, seconds: float) -> dict[str, Any]:
    """Seconds for the older models, tokens for the others."""
    if "whisper" in str(request.get("model")):
        return {"type": "duration", "seconds": seconds}
    heard, said = max(1, int(seconds * 10)), estimate(text)
    details = {"text_tokens": 0, "audio_tokens": heard}
    counts = {"input_tokens": heard, "output_tokens": said, "total_tokens": heard + said}
    return {"type": "tokens", **counts, "input_token_details": details}


def _stamp(seconds: float, mark: str) -> str:
    whole, milliseconds = divmod(int(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{mark}{milliseconds:03d}"
