"""The provider's HTTP is wrong or doubtful (U32, U34, U35). U32 is tested at the level of frames until a provider uses them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.answers import Got, cut_short, well_ended
from faults.world import LANES, Row, World, nothing_leaked, peak_kb, question, refused, running_world
from llm_gateway.http.framing import eventstream
from llm_gateway.http.framing.errors import FramingError

FINE = ("no_cl", "http10", "hdr_inject")
WRONG = ("double_cl", "te_cl", "obs_fold", "bad_chunk", "cl_long", "lf_only")
HUGE = ("huge_headers:kb=256", "many_headers:n=5000", "huge_headers:kb=4096", "many_headers:n=100000")
SHORT = ("cl_short:by=20", "cl_short:by=200", "cl_short:by=20,close=1")


def label(fault: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in fault)


ROWS = {label(fault): Row(fault) for fault in (*FINE, *WRONG, *HUGE, *SHORT)}
lanes = pytest.mark.parametrize(("front", "back"), LANES)
both_ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    def with_one_connection(config: dict, _simulator: object) -> None:
        """So that the request after a fault would meet whatever the fault left behind."""
        for provider in config["providers"].values():
            provider["max_connections"] = 1

    with running_world(tmp_path_factory.mktemp("framing"), ROWS, with_one_connection) as made:
        yield made


def failed(world: World, got: Got) -> None:
    if got.status == 200:
        cut_short(got, finished=True)
        nothing_leaked(world, got)
    else:
        refused(world, got, 502)


@lanes
@both_ways
@pytest.mark.parametrize("fault", FINE)
def test_u34_u35_legal_though_unusual(world: World, front: str, back: str, stream: bool, fault: str) -> None:
    """A body that ends with the connection, HTTP/1.0, a cookie behind a header: the answer arrives, the header does not."""
    asked = question()
    got = world.ask(front, f"{back}-{label(fault)}", asked, stream=stream)
    assert got.status == 200
    assert asked in got.text
    nothing_leaked(world, got)
    if stream:
        well_ended(got)
    world.well(front, back)


@lanes
@both_ways
@pytest.mark.parametrize("fault", WRONG)
def test_u34_framing_that_two_readers_could_understand_differently(
    world: World, front: str, back: str, stream: bool, fault: str
) -> None:
    """An error, on a connection that is never used again: the next requests get their own answers."""
    asked = question()
    got = world.ask(front, f"{back}-{label(fault)}", asked, stream=stream)
    if stream and fault in {"bad_chunk", "cl_long"} and got.status == 200 and b'"error"' not in got.body:
        well_ended(got)  # its last event had come before the framing went wrong
        assert asked in got.text
    else:
        failed(world, got)
    assert got.seconds < 10  # it would be 20 if anything waited for more
    (seen,) = world.seen(asked)
    follow = [question() for _ in range(3)]
    for number, text in enumerate(follow):
        answer = world.ask(front, f"{back}-well", text, stream=bool(number % 2))
        assert answer.status == 200
        assert text in answer.text
        assert world.seen(text)[0].connection != seen.connection


@lanes
@both_ways
@pytest.mark.parametrize("fault", SHORT)
def test_u34_fewer_bytes_announced_than_sent(world: World, front: str, back: str, stream: bool, fault: str) -> None:
    """What is left over is never read as the beginning of the next answer."""
    asked = question()
    got = world.ask(front, f"{back}-{label(fault)}", asked, stream=stream, tokens=0)
    if stream and got.status == 200 and b'"error"' not in got.body:
        well_ended(got)
        assert asked in got.text
    else:
        failed(world, got)
    for number in range(4):
        text = question()
        answer = world.ask(front, f"{back}-well", text, stream=bool(number % 2))
        assert answer.status == 200
        assert text in answer.text
        assert len(world.seen(text)) == 1


@lanes
@both_ways
@pytest.mark.parametrize("fault", HUGE)
def test_u35_headers_without_end(world: World, front: str, back: str, stream: bool, fault: str) -> None:
    """Heads are capped: an error, and no memory for what is over the cap."""
    before = peak_kb(world)
    got = world.ask(front, f"{back}-{label(fault)}", stream=stream)
    refused(world, got, 502)
    assert got.seconds < 10  # it would be 20 if anything waited for more
    assert peak_kb(world) - before < 16 * 1024
    world.well(front, back)


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_u32_an_event_stream_that_ends_inside_a_message(cut: int) -> None:
    """AWS event streams: what is whole is given, and the missing rest is an error, never a clean end."""
    first, second = (eventstream.encode({":message-type": "event"}, text) for text in (b'{"a":1}', b'{"b":2}' * 10))
    reader = eventstream.EventStreamReader()
    assert [message.payload for message in reader.feed(first + second[:-cut])] == [b'{"a":1}']
    with pytest.raises(FramingError):
        reader.end()


def test_u32_an_event_stream_with_a_flipped_bit() -> None:
    """AWS event streams: whichever byte is damaged, its message is never given out."""
    whole = eventstream.encode({":message-type": "exception"}, b'{"message":"slow down"}')
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        with pytest.raises(FramingError):
            read_all(bytes(damaged))


def read_all(data: bytes) -> None:
    """Read a stream that ends here and must not have a single good message."""
    reader = eventstream.EventStreamReader()
    assert not reader.feed(data)
    reader.end()
