"""Who is not known gets nowhere, and learns nothing: C13, C14, C15 of faults.md, before a real gateway."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import statistics
import time
from collections.abc import Iterator
from urllib.parse import quote

import msgspec
import pytest

from faults.world import FRONTS, PATHS, World, payload, question, read_until_closed, running_world
from gateway_process import KEY
from identity.directories import directory, key
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import GatewayError
from llm_gateway.identity.keys import Identify, KeyTable, Pepper

INJECTIONS = (
    "' OR 1=1--",
    '" OR ""="',
    "'; DROP TABLE api_keys;--",
    "{{7*7}}",
    "${7*7}",
    "${env:HOME}",
    "../../etc/passwd",
    "%0d%0aX-Injected: 1",
    "a\\u0000b",
    "*",
    "%",
    "__proto__",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("auth"), {}) as made:
        yield made


def sent(world: World, front: str, lines: list[bytes], body: bytes | None = None) -> tuple[int, bytes, bytes]:
    """Status, head and body of the answer to a request with these header lines."""
    body = payload(front, f"{front}-well") if body is None else body
    head = [f"POST {PATHS[front]} HTTP/1.1".encode(), b"Host: gateway", b"Content-Type: application/json", b"Connection: close"]
    data = b"\r\n".join([*head, *lines, b"Content-Length: %d" % len(body), b"", b""]) + body
    with socket.create_connection(("127.0.0.1", world.gateway.port), timeout=10) as sock:
        with contextlib.suppress(ConnectionError):  # refused before all of it was read
            sock.sendall(data)
        got = read_until_closed(sock)
    head_part, _, rest = got.partition(b"\r\n\r\n")
    return int(got[9:12] or b"0"), head_part, rest


WRONG: dict[str, list[bytes]] = {
    "missing": [],
    "wrong": [b"Authorization: Bearer sk-gateway-wrong-0123456789abcdef"],
    "empty": [b"Authorization: Bearer "],
    "only the word": [b"Authorization: Bearer"],
    "nothing": [b"Authorization:"],
    "basic": [b"Authorization: Basic dXNlcjpwYXNz"],
    "without the word": [b"Authorization: " + KEY.encode()],
    "two of them, one right": [b"Authorization: Bearer " + KEY.encode(), b"Authorization: Bearer sk-wrong-0123456789"],
    "x-api-key, wrong": [b"x-api-key: sk-gateway-wrong-0123456789abcdef"],
    "x-api-key, empty": [b"x-api-key: "],
    "right, but the other header is wrong": [b"Authorization: Bearer sk-wrong-0123456789", b"x-api-key: " + KEY.encode()],
    "with more behind it": [b"Authorization: Bearer " + KEY.encode() + b"x"],
    "cut": [b"Authorization: Bearer " + KEY.encode()[:-1]],
    "in capitals": [b"Authorization: Bearer " + KEY.encode().upper()],
    "two keys in one": [b"Authorization: Bearer " + KEY.encode() + b", Bearer " + KEY.encode()],
    "unicode": ["Authorization: Bearer sk-gateway-\u0440\u0443\u0441-0123456789".encode()],
    "not utf-8": [b"Authorization: Bearer sk-gateway-\xff\xfe-0123456789"],
    "10 KiB": [b"Authorization: Bearer " + b"k" * 10240],
}


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("wrong", WRONG)
def test_who_is_not_known_is_refused(world: World, front: str, wrong: str) -> None:
    """C13: 401 in the front's own shape, without a word of what was sent; nobody at the provider hears of it."""
    before = len(world.simulator.requests)
    status, _, body = sent(world, front, WRONG[wrong])
    if wrong == "two of them, one right":
        assert status in (400, 401)
    else:
        assert status == 401, (status, body)
        document = msgspec.json.decode(body)
        assert document["type"] == "error" if front == "anthropic" else document["error"]["type"], document
    for line in WRONG[wrong]:
        told = line.partition(b":")[2].split()[-1:]
        assert not told or told[0] == b"Bearer" or told[0] not in body
    assert len(world.simulator.requests) == before


@pytest.mark.parametrize(
    "line", [b"Authorization: Bearer " + b"k" * (1 << 20), b"Authorization: Bearer a\x00b", b"x-api-key: a\rb"]
)
def test_what_is_no_header_is_no_key(world: World, line: bytes) -> None:
    """C13: a key of a megabyte, or with bytes that no header may have, is refused before anybody looks for it."""
    status, _, body = sent(world, "openai", [line])
    assert status in (400, 431), body
    assert len(body) < 4096
    world.well("openai", "openai")


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("header", [b"Authorization: Bearer ", b"x-api-key: ", b"authorization: bearer "])
def test_every_front_takes_a_key_in_either_header(world: World, front: str, header: bytes) -> None:
    """C13: SDKs of one provider are pointed at the other's path."""
    assert sent(world, front, [header + KEY.encode()])[0] == 200


@pytest.mark.parametrize("front", FRONTS)
def test_nothing_in_a_key_is_ever_run(world: World, front: str) -> None:
    """C14 (CVE-2026-42208): SQL, templates and paths in a key are an unknown key, in the same words as any other."""
    texts = set()
    for injected in INJECTIONS:
        status, head, body = sent(world, front, [b"x-api-key: " + injected.encode()])
        assert status == 401, (injected, body)
        assert b"X-Injected" not in head
        document = msgspec.json.decode(body)
        document["error"].pop("request_id", None)
        document.pop("request_id", None)
        texts.add(msgspec.json.encode(document))
    assert len(texts) == 1, texts


@pytest.mark.parametrize("front", FRONTS)
def test_nothing_in_a_model_is_ever_run(world: World, front: str) -> None:
    """C14 (GHSA-46cm-pfwv-cgf8): the same in a model's name is an unknown model, and never a 5xx."""
    for injected in INJECTIONS:
        got = world.ask(front, injected, question())
        assert got.status in (400, 404), (injected, got)
        assert "49" not in got.error["message"].replace(injected, ""), got
        assert not any(name == "x-injected" for name, _ in got.headers)
    for path in ("/v1/models/" + quote("../../admin/v1/keys", safe=""), "/v1/../admin/v1/keys", "/v1/%2e%2e/admin/v1/keys"):
        line = f"GET {path} HTTP/1.1\r\nHost: gateway\r\nx-api-key: {KEY}\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", world.gateway.port), timeout=10) as sock:
            sock.sendall(line.encode())
            assert int(read_until_closed(sock)[9:12]) in (400, 401, 403, 404), path


def test_a_key_cannot_be_guessed_piece_by_piece() -> None:
    """C15 (CWE-208): how much of the beginning of a key is right does not show in how long it takes to refuse it."""
    right = "sk-gateway-" + "A7" * 24
    identify = Identify(KeyTable([Pepper(b"p" * 32)], directory({}, key(right)), None), FakeClock())
    draw = random.Random(1)
    lengths = (0, 11, 20, 30, 40, 50, 58)
    tries: dict[int, list[dict[bytes, bytes]]] = {
        length: [{b"x-api-key": (right[:length] + _noise(draw, len(right) - length)).encode()} for _ in range(50)]
        for length in lengths
    }
    took: dict[int, list[int]] = {length: [] for length in lengths}
    order = [length for length in lengths for _ in range(750)]  # about 5,000 samples, in any order
    draw.shuffle(order)
    for length, headers in zip(order, itertools.cycle(range(50)), strict=False):
        asked = tries[length][headers]
        began = time.perf_counter_ns()
        try:
            identify.caller(asked)
        except GatewayError:
            took[length].append(time.perf_counter_ns() - began)
    # The fastest tenth: a busy machine has two speeds, and a median falls into either of them.
    quick = [statistics.quantiles(took[length], n=10)[0] for length in lengths]
    slope = statistics.linear_regression(lengths, quick).slope
    assert abs(slope * lengths[-1]) < 0.1 * statistics.median(quick), quick  # a comparison byte by byte would show more


def _noise(draw: random.Random, length: int) -> str:
    return "".join(draw.choice("BCDEFGHJ0123456") for _ in range(length))


def test_stolen_digests_open_nothing(world: World) -> None:
    """C13 (CVE-2026-40217 class): what is stored of a key is no key."""
    peppers = [
        file.read_bytes() for file in (world.gateway.folder / "state").glob("*") if file.is_file() and file.stat().st_size < 200
    ]
    assert peppers
    for pepper in peppers:
        for form in (Pepper(pepper.strip()).digest(KEY.encode()).hex(), Pepper(pepper.strip()).digest(KEY.encode())):
            line = b"Authorization: Bearer " + (form.encode() if isinstance(form, str) else form.hex().upper().encode())
            assert sent(world, "openai", [line])[0] == 401
