"""The provider's body is not what it should be: damaged, coded, huge (U20-U26, U37)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from faults.answers import Got, cut_short, well_ended
from faults.world import (
    LANES,
    Row,
    World,
    cpu_seconds,
    nothing_leaked,
    peak_kb,
    question,
    refused,
    running_world,
    slowest_neighbour,
)

USELESS = ("null_body", "empty_body", "html_200", "error_200", "no_choices", "malformed_json", "truncated_json")
CODINGS = ("gzip", "br", "deflate", "deflate:raw=1")
ODD_TEXT = ("bad_utf8", "nul", "bom")
DEEP = ("deep_json:n=100000", "bigint", "bigint:digits=100000")
FAULTS = (*USELESS, *CODINGS, *ODD_TEXT, *DEEP, "wrong_ctype", "bad_gzip", "lie_gzip", "bomb:mb=1024", "long_line:kb=8192")
ROWS = {fault: Row(fault) for fault in FAULTS} | {
    **{f"then-{fault}": Row(fault, then=True) for fault in ("null_body", "html_200", "empty_body", "lie_gzip")},
    **{f"paced-{coding}": Row(f"{coding}+rechunk:mode=event,delay=0.04") for coding in CODINGS},
}
lanes = pytest.mark.parametrize(("front", "back"), LANES)
both_ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    # Names of models may not hold what a configuration key must not: the label is the fault without its punctuation.
    rows = {label(name): row for name, row in ROWS.items()}
    with running_world(tmp_path_factory.mktemp("bodies"), rows) as made:
        yield made


def label(name: str) -> str:
    return name.replace(":", "-").replace("=", "-").replace("_", "-")


def failed(world: World, got: Got) -> None:
    """An error, as a status or in the stream; never an answer that looks whole."""
    if got.status == 200:
        cut_short(got, finished=True)
        nothing_leaked(world, got)
    else:
        refused(world, got, 502)


@lanes
@both_ways
@pytest.mark.parametrize("fault", USELESS)
def test_u20_a_body_that_is_no_answer(world: World, front: str, back: str, stream: bool, fault: str) -> None:
    """502 in the front's shape, or an error in the stream if content was passed on before; never an empty answer."""
    got = world.ask(front, f"{back}-{label(fault)}", stream=stream, tokens=20)
    failed(world, got)
    if not stream or fault not in {"malformed_json", "truncated_json"}:
        assert got.status in {502, 503, 529}
    assert got.seconds < 15  # no hang; the machine may be busy


@lanes
@both_ways
@pytest.mark.parametrize("fault", ["null_body", "html_200", "empty_body", "lie_gzip"])
def test_u20_another_deployment_answers_instead(world: World, front: str, back: str, stream: bool, fault: str) -> None:
    """What is no answer counts as a failure of that deployment: the next is asked."""
    asked = question()
    got = world.ask(front, f"{back}-then-{label(fault)}", asked, stream=stream)
    assert got.status == 200
    assert asked in got.text
    assert len(world.seen(asked)) == 2


@lanes
@both_ways
def test_u21_a_wrong_content_type(world: World, front: str, back: str, stream: bool) -> None:
    """What is said counts, not what it is called; the caller gets the right type."""
    asked = question()
    got = world.ask(front, f"{back}-wrong-ctype", asked, stream=stream)
    assert got.status == 200
    assert asked in got.text
    assert got.header("content-type") == ("text/event-stream; charset=utf-8" if stream else "application/json")


@lanes
def test_u21_a_web_page_never_becomes_a_stream(world: World, front: str, back: str) -> None:
    """HTML with status 200 for a stream is an error with a status, and none of it is shown."""
    got = world.ask(front, f"{back}-html-200", stream=True)
    refused(world, got, 502)
    assert b"It works" not in got.body


@lanes
@both_ways
@pytest.mark.parametrize("coding", CODINGS)
def test_u22_a_coded_body(world: World, front: str, back: str, stream: bool, coding: str) -> None:
    """Decoded on the way, though nobody asked for the coding; the same answer as without."""
    asked = question()
    got = world.ask(front, f"{back}-{label(coding)}", asked, stream=stream)
    plain = world.ask(front, f"{back}-well", asked, stream=stream)
    assert got.status == 200
    assert got.text == plain.text
    assert got.header("content-encoding") is None
    if stream:
        well_ended(got)


@lanes
@pytest.mark.parametrize("coding", CODINGS)
def test_u22_a_coded_stream_keeps_its_pace(world: World, front: str, back: str, coding: str) -> None:
    """Events arrive one after the other, not together at the end."""
    got = world.ask(front, f"{back}-paced-{label(coding)}", stream=True, tokens=12)
    well_ended(got)
    assert len(got.arrivals) >= 8
    assert got.arrivals[0][0] < got.seconds / 2


@lanes
@both_ways
@pytest.mark.parametrize("fault", ["bad_gzip", "lie_gzip"])
def test_u23_a_broken_coding(world: World, front: str, back: str, stream: bool, fault: str) -> None:
    """An error and no hang. (A stream may be complete before its broken end is read: then nothing of it is missing.)"""
    asked = question()
    got = world.ask(front, f"{back}-{label(fault)}", asked, stream=stream)
    assert got.seconds < 15  # no hang; the machine may be busy
    if stream and fault == "bad_gzip" and got.status == 200 and b'"error"' not in got.body:
        well_ended(got)
        assert asked in got.text
    else:
        failed(world, got)
    world.well(front, back)


@lanes
@both_ways
def test_u24_a_decompression_bomb(world: World, front: str, back: str, stream: bool) -> None:
    """A gigabyte in a small body: an error, never more than the cap of it in memory, and other callers are served meanwhile."""
    before = peak_kb(world)
    with slowest_neighbour(world) as slowest:
        got = world.ask(front, f"{back}-{label('bomb:mb=1024')}", stream=stream)
    failed(world, got)
    assert peak_kb(world) - before < 64 * 1024
    assert max(slowest) < 5
    world.well(front, back)


@lanes
def test_u25_a_line_of_eight_megabytes(world: World, front: str, back: str) -> None:
    """Passed over or refused, in time that grows with its length and not with its square."""
    asked = question()
    got = world.ask(front, f"{back}-{label('long_line:kb=8192')}", asked, stream=True)
    assert got.seconds < 15
    if got.status == 200 and b'"error"' not in got.body:
        well_ended(got)
        assert asked in got.text
    else:
        failed(world, got)
    world.well(front, back)


@lanes
@both_ways
@pytest.mark.parametrize("fault", ODD_TEXT)
def test_u26_bytes_that_are_no_text(world: World, front: str, back: str, stream: bool, fault: str) -> None:
    """An answer or an error, and UTF-8 and JSON in both cases; a byte order mark is dropped."""
    asked = question()
    got = world.ask(front, f"{back}-{fault.replace('_', '-')}", asked, stream=stream)
    got.body.decode()
    assert not got.body.startswith(b"\xef\xbb\xbf")
    if fault == "bom":
        assert got.status == 200
    if got.status == 200 and b'"error"' not in got.body:
        assert asked in got.text
        if stream:
            well_ended(got)
        else:
            msgspec.json.decode(got.body, strict=True)
    else:
        failed(world, got)


@lanes
@both_ways
@pytest.mark.parametrize("fault", DEEP)
def test_u37_json_that_hurts_readers(world: World, front: str, back: str, stream: bool, fault: str) -> None:
    """A hundred thousand levels, numbers of thousands of digits: an error within a second of computing; others do not notice."""
    before = cpu_seconds(world)
    got = world.ask(front, f"{back}-{label(fault)}", stream=stream)
    failed(world, got)
    assert cpu_seconds(world) - before < 1
    world.well(front, back)
