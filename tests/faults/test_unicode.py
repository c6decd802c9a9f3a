"""Text is text, in every lane (C34): what was said arrives, byte for byte, at the provider and back at the client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from faults.answers import well_ended
from faults.world import FRONTS, LANES, PATHS, Row, World, payload, question, running_world

ROWS = {"bytes": Row("rechunk:mode=byte"), "cut": Row("rechunk:mode=random,seed=3,max=3")}
TEXTS = {
    "emoji": "🦊🎉🇩🇪👍🏽",
    "joined": "👩‍👩‍👧‍👦 नमस्ते e\u0301",
    "right to left": "שלום \u202eabc\u202c مرحبا",
    "plane 16": "\U0010ffff\U0001f98a\ufffd\ufffe",
    "separators": "a\u2028b\u2029c\u0085d\u00a0e\u200be\ufeff",
    "controls": "tab\tline\nreturn\r\nbell\x07 delete\x7f c1\x9f",
    "NUL": "a\x00b",
    "escapes": r'\n \u0041 \" \\ {"a": "b"} </script> %00 &amp;',
    "events": "data: [DONE]\n\nevent: message_stop\ndata: {}\n\n: comment\nid: 1",
    "kana": "ﾊﾝｶｸ カナ 漢字 ㍿",
}
lanes = pytest.mark.parametrize(("front", "back"), LANES)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("unicode"), ROWS) as made:
        yield made


def said(seen_body: bytes) -> str:
    content: Any = msgspec.json.decode(seen_body)["messages"][0]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@lanes
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(("model", "stream"), [("well", False), ("well", True), ("bytes", True), ("cut", True), ("cut", False)])
def test_c34_text_survives(world: World, front: str, back: str, name: str, model: str, stream: bool) -> None:
    """There and back, whole, streamed, and with every byte of the provider's answer in a read of its own."""
    text = f"{TEXTS[name]} {question()[6:]}"
    got = world.ask(front, f"{back}-{model}", text, stream=stream)
    assert got.status == 200
    assert text in got.text
    if stream:
        well_ended(got)
    (seen,) = world.seen(text[-12:])
    assert said(seen.body) == text


@lanes
@pytest.mark.parametrize("form", ["escaped", "plain"])
def test_c34_both_ways_to_write_it(world: World, front: str, back: str, form: str) -> None:
    r"""The fox as \ud83e\udd8a or as four bytes of UTF-8 is the same fox."""
    mark = question()
    body = payload(front, f"{back}-well", f"FOX {mark}")
    body = body.replace(b"FOX", b"\\ud83e\\udd8a" if form == "escaped" else "🦊".encode())
    with world.client() as client:
        got = client.send(front, body)
    assert got.status == 200
    assert f"🦊 {mark}" in got.text
    assert said(world.seen(mark)[0].body) == f"🦊 {mark}"


@lanes
@pytest.mark.parametrize("half", [rb"\ud83e", rb"\udd8a", rb"\udd8a\ud83e", rb"\ud83ex"])
def test_c34_half_a_character(world: World, front: str, back: str, half: bytes) -> None:
    """A lone surrogate is no character: refused with 400, or carried as U+FFFD; what leaves the gateway is UTF-8 either way."""
    mark = question()
    body = payload(front, f"{back}-well", f"HALF {mark}").replace(b"HALF", half)
    with world.client() as client:
        got = client.send(front, body)
    got.body.decode()
    assert got.status in {200, 400}
    if got.status == 400:
        assert got.error["type"] == "invalid_request_error"
        assert world.seen(mark) == []
    else:
        assert mark in got.text
        assert "\ufffd" in said(world.seen(mark)[0].body)


@pytest.mark.parametrize("front", FRONTS)
def test_c34_a_model_name_in_another_script(world: World, front: str) -> None:
    """A name nobody has is told 404 in UTF-8, with headers that are still ASCII."""
    got = world.ask(front, "модель-🦊")
    assert got.status == 404
    assert got.error
    assert all(value.isascii() for _, value in got.headers)
    assert PATHS[front]
