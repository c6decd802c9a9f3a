"""Faults of HTTP/1.1 framing (RFC 9112): heads and bodies two readers could understand differently, and odd chunks."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from llm_gateway.simulator.answer import Answer, Ending, Framing, Part
from llm_gateway.simulator.faults.spec import FaultError, FaultKind, Given

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


def rechunk(answer: Answer, given: Given) -> None:
    """Other boundaries of the same bytes; pauses stay where they were."""
    mode = given.text("mode", "random")
    if mode == "whole":
        answer.parts = [(sum(pause for pause, _ in answer.parts), answer.body)]
    elif mode == "line":
        answer.parts = _split(answer.parts, _LINE.findall)
    elif mode == "byte":
        answer.parts = _split(answer.parts, lambda data: [data[i : i + 1] for i in range(len(data))])
    elif mode == "random":
        draw = random.Random(given.integer("seed", given.seed))  # noqa: S311 - reproducible, not secret
        most = max(1, given.integer("max", 64))
        answer.parts = _split(_runs(answer.parts), lambda data: _cuts(data, draw, most))
    elif mode != "event":
        raise FaultError(f"rechunk mode {mode[:40]!r} is none of event, line, byte, random, whole")
    if delay := given.number("delay", 0.0):
        answer.parts = [(pause + delay, data) for pause, data in answer.parts]
    if answer.framing is Framing.SIZED and len(answer.parts) > 1:
        answer.framing = Framing.CHUNKED
    answer.apart = True


def _split(parts: list[Part], cut: Callable[[bytes], list[bytes]]) -> list[Part]:
    """Each part cut up; the first piece inherits the pause."""
    return [(pause if i == 0 else 0.0, piece) for pause, data in parts for i, piece in enumerate(cut(data))]


def _runs(parts: list[Part]) -> list[Part]:
    """Parts that leave at the same moment, joined."""
    runs: list[tuple[float, list[bytes]]] = []
    for pause, data in parts:
        if runs and not pause:
            runs[-1][1].append(data)
        else:
            runs.append((pause, [data]))
    return [(pause, b"".join(pieces)) for pause, pieces in runs]


def _cuts(data: bytes, draw: random.Random, most: int) -> list[bytes]:
    cuts, at = [], 0
    while at < len(data):
        step = draw.randint(1, most)
        cuts.append(data[at : at + step])
        at += step
    return cuts


def no_cl(answer: Answer, _given: Given) -> None:
    answer.framing = Framing.CLOSE


def http10(answer: Answer, _given: Given) -> None:
    answer.version = b"HTTP/1.0"
    answer.framing = Framing.CLOSE


def bad_chunk(answer: Answer, _given: Given) -> None:
    answer.split_at(answer.size // 2)
    answer.framing, answer.bad_chunk, answer.ending = Framing.CHUNKED, True, Ending.CLOSE


def cl_short(answer: Answer, given: Given) -> None:
    """Fewer bytes announced than sent. The connection stays open: what is over would be read as the next answer."""
    answer.framing = Framing.SIZED
    answer.declared = max(0, answer.size - given.integer("by", 20))
    answer.ending = Ending.CLOSE if given.integer("close", 0) else Ending.KEEP


def cl_long(answer: Answer, given: Given) -> None:
    """More bytes announced than sent; then the connection closes, or with close=0 says nothing more."""
    answer.framing = Framing.SIZED
    answer.declared = answer.size + given.integer("by", 100)
    answer.ending = Ending.CLOSE if given.integer("close", 1) else Ending.KEEP


def double_cl(answer: Answer, given: Given) -> None:
    answer.framing = Framing.SIZED
    answer.extra_lines.append(b"content-length: %d" % given.integer("n", 3))


def te_cl(answer: Answer, given: Given) -> None:
    answer.framing = Framing.CHUNKED
    answer.extra_lines.append(b"content-length: %d" % given.integer("n", 5))


def obs_fold(answer: Answer, _given: Given) -> None:
    answer.extra_lines += [b"x-folded: one", b" two"]


def huge_headers(answer: Answer, given: Given) -> None:
    answer.headers.append((b"x-padding", b"a" * (given.integer("kb", 256, 65_536) * 1024)))


def many_headers(answer: Answer, given: Given) -> None:
    count = given.integer("n", 5000, 1_000_000)
    answer.headers += [(b"x-header-%d" % number, b"v") for number in range(count)]


def hdr_inject(answer: Answer, _given: Given) -> None:
    answer.extra_lines.append(b"x-echoed: abc\r\nset-cookie: pwned=1")


def lf_only(answer: Answer, _given: Given) -> None:
    answer.eol = b"\n"


FAULTS = (
    FaultKind("rechunk", "the same bytes in other chunks", rechunk, "mode=event|line|byte|random|whole seed max delay"),
    FaultKind("no_cl", "no length: the body ends with the connection", no_cl),
    FaultKind("http10", "an HTTP/1.0 answer", http10),
    FaultKind("bad_chunk", "the last chunk's size is no number", bad_chunk),
    FaultKind("cl_short", "Content-Length too small, connection kept", cl_short, "by=20 close=0"),
    FaultKind("cl_long", "Content-Length too large", cl_long, "by=100 close=1"),
    FaultKind("double_cl", "two Content-Length headers that differ", double_cl, "n=3"),
    FaultKind("te_cl", "Transfer-Encoding and Content-Length", te_cl, "n=5"),
    FaultKind("obs_fold", "a folded header line", obs_fold),
    FaultKind("huge_headers", "a very long header", huge_headers, "kb=256"),
    FaultKind("many_headers", "very many headers", many_headers, "n=5000"),
    FaultKind("hdr_inject", "CR LF in a header's value, with a cookie behind it", hdr_inject),
    FaultKind("lf_only", "the head's lines end in LF", lf_only),
)
