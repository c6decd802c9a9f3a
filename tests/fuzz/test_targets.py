"""No bytes of a stranger are an internal error, or take long (faults U20 to U37, C09 to C12, C16, C17, C34)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import msgspec
import pytest

from fuzz.targets import Fuzzed, targets

TARGETS = {target.name: target for target in targets()}
LONGEST = 3.0
"""Seconds of CPU time for 200 kB that were made to hurt; ordinary ones take a hundredth of it."""
SIZE = 200_000


def hostile() -> Iterator[tuple[str, bytes]]:
    """Documents that are known to hurt parsers."""
    yield "empty", b""
    yield "zeros", bytes(SIZE)
    yield "open lists", b"[" * SIZE
    yield "open objects", b'{"a":' * (SIZE // 5)
    yield "deep and closed", b"[" * 90_000 + b"]" * 90_000
    yield "one number", b"1" * SIZE
    yield "one exponent", b"1e" + b"9" * SIZE
    yield "one text", b'"' + b"a" * SIZE + b'"'
    yield "escapes", b'"' + b"\\u0041" * (SIZE // 6) + b'"'
    yield "surrogates", b'"' + b"\\ud83d" * (SIZE // 6) + b'"'
    yield "backslashes", b'{"a":"' + b"\\\\" * (SIZE // 2) + b'"}'
    yield "same names", b'{"model":1,' + b'"model":1,' * (SIZE // 10) + b'"a":1}'
    yield "many names", b"{" + b",".join(b'"%d":1' % n for n in range(SIZE // 10)) + b"}"
    yield (
        "many messages",
        b'{"model":"m","max_tokens":1,"messages":['
        + b'{"role":"user","content":"a"},' * 6000
        + b'{"role":"user","content":"b"}]}',
    )
    yield (
        "deep schema",
        b'{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":'
        + b'{"properties":{"a":' * 9000
        + b"{}"
        + b"}}" * 9000
        + b"}}]}",
    )
    yield "empty events", b"\n" * SIZE
    yield "carriage returns", b"\r" * SIZE
    yield "data lines", b"data: {}\n" * (SIZE // 9) + b"\n"
    yield "events", b"data: {}\n\n" * (SIZE // 10)
    yield "comments", b": x\n\n" * (SIZE // 5)
    yield "one line", b"data: " + b"x" * SIZE
    yield "bad UTF-8", b'{"a":"' + b"\xff\xfe\xc0\xaf" * (SIZE // 4) + b'"}'
    yield "headers", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (SIZE // 6) + b"\r\n"
    yield "chunks of one byte", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * (SIZE // 6)
    yield "aliases", b"a: &a [x,x]\nb: &b [*a,*a]\n" + b"".join(b"c%d: &c%d [*b,*b]\n" % (n, n) for n in range(500))
    yield "percent", b"%" * SIZE
    yield "parameters", b"a=b&" * (SIZE // 4)


HOSTILE = dict(hostile())
ODD_NAMES = ("", ".", "a..b", "[0]", "a[99999999999999999999]", "tools[0].x", "messages[0].content[0]", "messages[0]")


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_documents(name: str) -> None:
    """Each is taken or refused as documented, within its time."""
    target = TARGETS[name]
    for what, data in HOSTILE.items():
        before = time.process_time()
        target.run(data)
        spent = time.process_time() - before
        assert spent < LONGEST, f"{what} took {spent:.1f} s"


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.seeds])
def test_damaged_documents(name: str) -> None:
    """Good documents with bytes changed, cut, doubled and moved: taken or refused as documented."""
    target = TARGETS[name]
    dice = random.Random(name)  # the same damage in every run
    for seed in target.seeds:
        target.run(seed)
        for _ in range(60):
            target.run(damaged(seed, dice, target))


@pytest.mark.parametrize("name", [name for name in TARGETS if name.endswith("/request")])
def test_members_of_any_name(name: str) -> None:
    """A good request with one more member, whose name is none, or looks like a path: taken or refused as documented."""
    for seed in TARGETS[name].seeds:
        try:
            document = msgspec.json.decode(seed)
        except msgspec.DecodeError:
            continue
        for odd in ODD_NAMES if isinstance(document, dict) else ():
            for value in ({}, [], None, "x", 1):
                TARGETS[name].run(msgspec.json.encode({**document, odd: value}))


def damaged(seed: bytes, dice: random.Random, target: Fuzzed) -> bytes:
    data = bytearray(seed)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(5):
            case 0:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del data[at : at + dice.randint(1, 40)]
            case 2:
                data[at:at] = data[max(0, at - dice.randint(1, 60)) : at]
            case 3:
                data[at:at] = dice.choice((b"null", b"[]", b"{}", b'"', b"\\", b"1e999", b"\n\n", b"\xed\xa0\x80", b"true,"))
            case _:
                other = dice.choice(target.seeds)
                start = dice.randrange(len(other) + 1)
                data[at:at] = other[start : start + 80]
    return bytes(data)
