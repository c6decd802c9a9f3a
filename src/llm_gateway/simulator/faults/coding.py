"""Faults of content coding (RFC 9110 section 8.4). A coded stream is flushed after every event, so its pace is kept."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import brotli

from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults.spec import FaultKind, Given

MIB = 2**20
GZIP, ZLIB, RAW = 31, 15, -15  # zlib's wbits


def gzip(answer: Answer, _given: Given) -> None:
    _zlib(answer, GZIP, b"gzip")


def deflate(answer: Answer, given: Given) -> None:
    _zlib(answer, RAW if given.integer("raw", 0) else ZLIB, b"deflate")


def br(answer: Answer, _given: Given) -> None:
    packer = brotli.Compressor(quality=4)
    _code(answer, lambda data: packer.process(data) + packer.flush(), packer.finish)
    answer.set(b"content-encoding", b"br")


def bad_gzip(answer: Answer, given: Given) -> None:
    """The trailer (CRC and length) and what stands before it are zeros."""
    gzip(answer, given)
    body = answer.body
    answer.parts = [(answer.parts[0][0] if answer.parts else 0.0, body[:-12] + bytes(6))]


def lie_gzip(answer: Answer, _given: Given) -> None:
    answer.set(b"content-encoding", b"gzip")


def bomb(answer: Answer, given: Given) -> None:
    """A valid gzip of so many MiB of spaces around `{}`: one compressed block, repeated, in a small body."""
    count = given.integer("mb", 64, 16_384)
    spaces, crc = b" " * MIB, 0
    for _ in range(count):
        crc = zlib.crc32(spaces, crc)
    packer = zlib.compressobj(9, zlib.DEFLATED, RAW)
    block = packer.compress(spaces) + packer.flush(zlib.Z_FULL_FLUSH)  # depends on nothing before it
    end = packer.compress(b"{}") + packer.flush()
    size = (count * MIB + 2) & 0xFFFFFFFF
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    body = head + block * count + end + struct.pack("<II", zlib.crc32(b"{}", crc), size)
    answer.parts = [(0.0, body)]
    answer.set(b"content-encoding", b"gzip")


def _zlib(answer: Answer, wbits: int, name: bytes) -> None:
    packer = zlib.compressobj(6, zlib.DEFLATED, wbits)
    _code(answer, lambda data: packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH), packer.flush)
    answer.set(b"content-encoding", name)


def _code(answer: Answer, pack: Callable[[bytes], bytes], finish: Callable[[], bytes]) -> None:
    answer.each(pack)
    end = finish()
    pause, last = answer.parts.pop() if answer.parts else (0.0, b"")
    answer.parts.append((pause, last + end))


FAULTS = (
    FaultKind("gzip", "gzip, as asked or not", gzip),
    FaultKind("deflate", "deflate; raw=1 without the zlib wrapper", deflate, "raw=0"),
    FaultKind("br", "brotli", br),
    FaultKind("bad_gzip", "gzip with a broken end", bad_gzip),
    FaultKind("lie_gzip", "says gzip and is not", lie_gzip),
    FaultKind("bomb", "a small gzip of very many bytes", bomb, "mb=64"),
)
