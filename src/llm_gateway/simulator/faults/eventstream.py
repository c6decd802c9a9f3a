"""Faults of AWS event streams (Bedrock): damaged frames and exceptions. They leave every other answer alone."""

from __future__ import annotations

import msgspec

from llm_gateway.simulator import frames
from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults.spec import Apply, FaultKind, Given
from llm_gateway.simulator.shapes import Shape


def es_crc(answer: Answer, _given: Given) -> None:
    """One bit of the middle frame's payload is another."""
    middle = len(answer.parts) // 2
    pause, data = answer.parts[middle]
    damaged = bytearray(data)
    damaged[-6] ^= 1
    answer.parts[middle] = (pause, bytes(damaged))


def es_long(answer: Answer, given: Given) -> None:
    """In the middle a frame begins that would be very long, and nothing more comes of it."""
    size = given.integer("mb", 1024, 4095) * 1024 * 1024
    answer.parts[len(answer.parts) // 2 :] = [(0.0, frames.long_prelude(size))]


def es_exception(answer: Answer, given: Given) -> None:
    """Half of the frames, then an exception of any type."""
    name = "".join(c for c in given.text("type", "modelStreamErrorException") if c.isascii() and c.isalnum())[:100]
    said: dict[str, str | int] = {"message": f"simulated {name}"}
    if name == "modelStreamErrorException":
        said |= {"originalMessage": "simulated", "originalStatusCode": 500}
    after = given.integer("after", len(answer.parts) // 2)
    answer.parts[after:] = [(0.0, frames.exception(name, msgspec.json.encode(said)))]


def _frames_only(apply: Apply) -> Apply:
    def guarded(answer: Answer, given: Given) -> None:
        if answer.shape is Shape.FRAMES and answer.parts:
            apply(answer, given)

    return guarded


FAULTS = (
    FaultKind("es_exception", "an exception instead of the second half", _frames_only(es_exception), "type=NAME after=FRAMES"),
    FaultKind("es_crc", "a frame whose checksum is wrong", _frames_only(es_crc)),
    FaultKind("es_long", "a frame that says it is very long", _frames_only(es_long), "mb=1024"),
)
