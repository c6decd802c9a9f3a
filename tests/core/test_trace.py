"""W3C Trace Context, read from strangers and told to providers."""

from __future__ import annotations

import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.trace import LONGEST_BAGGAGE, LONGEST_STATE, begun, companions, is_state, parsed

BITS = Random(1).getrandbits
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{PARENT}-01".encode()


def hexadecimal(length: int) -> st.SearchStrategy[str]:
    digits = st.text("0123456789abcdef", min_size=length, max_size=length)
    return digits.filter(lambda text: text.strip("0") != "")


@given(trace=hexadecimal(32), parent=hexadecimal(16), flags=st.integers(0, 255))
def test_what_is_well_formed_is_read(trace: str, parent: str, flags: int):
    """Ids and flags come out as they went in, and the gateway's own span is another one."""
    context = parsed(f"00-{trace}-{parent}-{flags:02x}".encode(), BITS)
    assert context is not None
    assert (context.trace_id, context.parent_id, context.flags) == (trace, parent, flags)
    assert len(context.span_id) == 16
    assert context.span_id != parent
    assert context.why == ""


@given(value=st.one_of(st.binary(max_size=300), st.text(string.printable, max_size=80).map(lambda text: text.encode("latin-1"))))
def test_anything_may_be_sent(value: bytes):
    """Reading raises nothing, and what was read is well-formed when it is told again."""
    context = parsed(value, BITS)
    if context is not None:
        context.record("parent")
        again = parsed(context.parent_line(context.new_span())[len(b"traceparent: ") : -2], BITS)
        assert again is not None
        assert again.trace_id == context.trace_id


@given(at=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_one_wrong_byte(at: int, byte: int):
    """A header with one byte changed is either still well-formed or not read at all; it is never read as something else."""
    value = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    context = parsed(value, BITS)
    if context is not None:
        assert value.decode().split("-")[1:3] == [context.trace_id, context.parent_id]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"00",
        GOOD.upper(),
        b" " + GOOD,
        GOOD + b" ",
        GOOD + b"-extra",
        GOOD + b"\r\nX: y",
        GOOD + b", " + GOOD,
        b"ff" + GOOD[2:],
        GOOD.replace(TRACE.encode(), b"0" * 32),
        GOOD.replace(PARENT.encode(), b"0" * 16),
        b"01" + GOOD[2:] + b"-" + b"x" * 300,
        "00-٠bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".encode(),
    ],
)
def test_hostile_headers(value: bytes):
    """What the specification forbids starts nothing: wrong case, blanks, zeros, version ff, more than one, a line break."""
    assert parsed(value, BITS) is None


def test_a_later_version_is_read_as_this_one():
    """Of an unknown version the known fields count (section 3.2.4), and it is told as version 00."""
    context = parsed(b"42" + GOOD[2:] + b"-what.comes.later", BITS)
    assert context is not None
    context.record("parent")
    assert context.parent_line("1" * 16) == f"traceparent: 00-{TRACE}-{'1' * 16}-01\r\n".encode()


def test_what_is_not_recorded_goes_on_unchanged():
    """A provider is told the caller's own context, whose flags say that nobody records it."""
    context = parsed(GOOD[:-2] + b"00", BITS)
    assert context is not None
    assert context.parent_line("1" * 16) == b"traceparent: " + GOOD[:-2] + b"00\r\n"
    context.record("ratio")
    assert context.parent_line("1" * 16) == f"traceparent: 00-{TRACE}-{'1' * 16}-01\r\n".encode()


def test_a_trace_that_begins_here():
    """Its ids are random, and what the request causes is below it."""
    context = begun(BITS, "ratio")
    assert (len(context.trace_id), len(context.span_id), context.parent_id) == (32, 16, "")
    inner = context.inner()
    assert (inner.trace_id, inner.parent_id, inner.why) == (context.trace_id, context.span_id, "ratio")
    assert inner.span_id != context.span_id
    assert begun(lambda _bits: 0, "ratio").trace_id == "0" * 31 + "1", "an id of zeros would be none"


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", True),
        (b"rojo=1 , tenant@vendor=x", True),
        (b"rojo=1,,congo=2", True),
        (b"", False),
        (b"rojo", False),
        (b"Rojo=1", False),
        (b"rojo=1,rojo=2", False),
        (b"rojo=a=b", False),
        (b"rojo=\xff", False),
        (b"a=1\r\nX-Api-Key: y", False),
        (b",".join(b"k%d=1" % number for number in range(33)), False),
        (b"k=" + b"x" * LONGEST_STATE, False),
    ],
)
def test_tracestate(value: bytes, good: bool):
    """Members with a key and a value each, 32 at most, no key twice."""
    assert is_state(value) is good
    assert (companions({b"tracestate": value}) == b"tracestate: " + value + b"\r\n") is good


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (b"userId=alice,serverNode=DF%2028;ttl=1", True),
        (b"a=1 , b = 2;p;q=3", True),
        (b"=1", False),
        (b"a", False),
        (b'a="x"', False),
        (b"a=1\r\nX-Api-Key: y", False),
        (b"a=" + b"x" * LONGEST_BAGGAGE, False),
    ],
)
def test_baggage(value: bytes, good: bool):
    """Passed on as it is, or not at all."""
    assert companions({b"baggage": value}) == (b"baggage: " + value + b"\r\n" if good else b"")


@given(value=st.binary(max_size=600))
def test_no_value_ends_a_line(value: bytes):
    """Whatever a caller sends, no header line of its own making reaches a provider."""
    lines = companions({b"tracestate": value, b"baggage": value})
    assert lines.count(b"\n") == lines.count(b"\r\n") <= 2
    assert lines.count(b"\r") == lines.count(b"\n")
