"""The reading side of a connection, without sockets."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.core.clock import FakeClock
from llm_gateway.http.headers import StatusLines
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.refusal import Refused, render_refusal
from llm_gateway.http.request import Request
from llm_gateway.http.request_reader import RequestReader
from llm_gateway.http.server_state import ServerState

LOOP = asyncio.new_event_loop()
LOOP.close()  # only its clock is used


async def nobody(request: Request) -> None:
    """No handler is run here."""


def reader(limits: ServerLimits | None = None) -> RequestReader:
    """A reader with a server's state of its own."""
    state = ServerState(nobody, limits or ServerLimits(), StatusLines(FakeClock()), lambda error: None, render_refusal, LOOP)
    return RequestReader(state, "127.0.0.1", None)


def requests(pieces: list[bytes], by: RequestReader | None = None) -> list[Request]:
    """All requests of a connection on which these pieces arrive."""
    by = by or reader()
    found = []
    for piece in pieces:
        request = by.read(piece)
        while request is not None:
            found.append(request)
            request = by.read(b"")
    return found


def facts(request: Request) -> tuple[object, ...]:
    """What a handler could see of a request."""
    return request.method, request.path, request.query, request.headers, request.body


def refusal(data: bytes, limits: ServerLimits | None = None) -> int:
    """The status `data` is refused with."""
    with pytest.raises(Refused) as caught:
        requests([data], reader(limits))
    return caught.value.status


def chunked(body: bytes, size: int, trailer: bytes = b"") -> bytes:
    """`body` in chunks of `size` bytes."""
    chunks = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%X;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailer + b"\r\n"


def test_a_sized_request_is_read_whole() -> None:
    """Method, path, query, headers and body come out as they were sent, names in lower case."""
    (request,) = requests([b"POST /v1/x?a=b&c HTTP/1.1\r\nHost: a:8080\r\nX-Y: Z z\r\nContent-Length: 5\r\n\r\nhello"])
    headers = {b"host": b"a:8080", b"x-y": b"Z z", b"content-length": b"5"}
    assert facts(request) == (b"POST", b"/v1/x", b"a=b&c", headers, b"hello")


def test_a_chunked_request_is_dechunked_and_its_trailers_dropped() -> None:
    """Extensions and trailers leave no trace in body and headers."""
    data = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunked(
        b"hello world", 3, b"X-Y: z\r\nHost: b\r\n"
    )
    (request,) = requests([data])
    assert request.body == b"hello world"
    assert request.headers == {b"host": b"a", b"transfer-encoding": b"Chunked"}


def test_repeated_fields_are_joined_in_order() -> None:
    """Lists by comma, cookies by semicolon; blanks around values are gone."""
    (request,) = requests([b"GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nCookie: x \r\nA: \t2\t \r\nCookie: y\r\nA:\r\n\r\n"])
    assert request.headers == {b"host": b"a", b"a": b"1, 2, ", b"cookie": b"x; y"}


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/", b"/", b""),
        (b"/a?", b"/a", b""),
        (b"/a?b?c", b"/a", b"b?c"),
        (b"//a", b"//a", b""),
        (b"/%2e%2E/%00", b"/%2e%2E/%00", b""),
        (b"http://h/a?b", b"/a", b"b"),
        (b"HTTP://H:80/a", b"/a", b""),
        (b"http://h?b", b"/", b"b"),
    ],
)
def test_targets_are_split_raw(target: bytes, path: bytes, query: bytes) -> None:
    """Origin-form and absolute-form give the same path and query; nothing is decoded."""
    (request,) = requests([b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % target])
    assert (request.path, request.query) == (path, query)


def test_options_asterisk() -> None:
    """OPTIONS * is the one request without a path."""
    (request,) = requests([b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"])
    assert request.path == b"*"


def test_empty_lines_before_a_request_are_forgiven() -> None:
    """RFC 9112 section 2.2: old clients send a CRLF after a POST's body."""
    data = b"\r\nPOST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        assert [request.path for request in requests(pieces)] == [b"/", b"/2"]


@pytest.mark.parametrize(
    ("version", "connection", "keep"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"keep-alive", True),
        (b"1.1", b"Close", False),
        (b"1.1", b"keep-alive, close", False),
        (b"1.1", b"Upgrade, HTTP2-Settings", True),
        (b"1.0", b"", False),
        (b"1.0", b"Keep-Alive", True),
        (b"1.0", b"x", False),
    ],
)
def test_persistence(version: bytes, connection: bytes, keep: bool) -> None:
    """RFC 9112 section 9.3: close wins, HTTP/1.0 must ask to be kept."""
    by = reader()
    line = b"Connection: %b\r\n" % connection if connection else b""
    assert len(requests([b"GET / HTTP/%b\r\nHost: h\r\n%b\r\n" % (version, line)], by)) == 1
    assert by.keep is keep


def test_an_offer_of_h2c_is_ignored_and_the_next_request_is_read() -> None:
    """Java's HttpClient offers h2c on plain connections: answer in HTTP/1.1, with and without a body, and go on."""
    offer = b"Host: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    data = b"GET /1 HTTP/1.1\r\n" + offer + b"\r\nPOST /2 HTTP/1.1\r\n" + offer + b"Content-Length: 3\r\n\r\nabc"
    data += b"GET /3 HTTP/1.1\r\nHost: h\r\n\r\n"
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        assert [(r.path, r.body) for r in requests(pieces)] == [(b"/1", b""), (b"/2", b"abc"), (b"/3", b"")]


def test_an_offer_to_switch_with_a_chunked_body_is_refused() -> None:
    """llhttp does not read such a body, so there would be no second opinion on where it ends."""
    data = b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert refusal(data) == 400


def test_http_1_0_without_host() -> None:
    """HTTP/1.0 knew no Host."""
    assert len(requests([b"GET / HTTP/1.0\r\n\r\n"])) == 1


@pytest.mark.parametrize("host", [b"a", b"a.b:1", b"127.0.0.1:8080", b"[::1]:8080", b"my_service:80", b"A-b.C."])
def test_valid_hosts(host: bytes) -> None:
    """Names, addresses and ports that real clients send."""
    assert requests([b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host])[0].headers[b"host"] == host


SMALL = ServerLimits(head_bytes=400, url_bytes=100, header_count=5, body_bytes=20, chunk_overhead_bytes=50)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"a" * 300, 414),
        (b"GET /" + b"a" * 150 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"a" * 500, 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"a" * 500 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"A%d:\r\n" % i for i in range(5)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A:\r\n" * 5 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 20 + b"1\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"a" * 80, 400),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\n", 415),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: x\r\n\r\n", 417),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET / HTTP/1.1\r\nHost: h\n", 400),
        (b"\x16\x03\x01", 400),
    ],
)
def test_limits_and_their_statuses(data: bytes, status: int) -> None:
    """Each limit has its own status, and is refused before anything more has to arrive."""
    assert refusal(data, SMALL) == status


@pytest.mark.parametrize("coding", [b"identity", b"Identity", b""])
def test_identity_is_no_content_coding(coding: bytes) -> None:
    """Saying that nothing was encoded is fine."""
    assert (
        requests([b"POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: %b\r\nContent-Length: 1\r\n\r\nx" % coding])[0].body == b"x"
    )


def test_bodies_are_on_the_servers_account() -> None:
    """Past buffered_bytes a request is refused with 503 before its body is read; release gives the bytes back."""
    by = reader(ServerLimits(buffered_bytes=10))
    post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
    assert by.read(post % 8 + b"12345678") is not None
    with pytest.raises(Refused) as caught:
        by.read(post % 3)
    assert caught.value.status == 503
    assert by.charged == 8
    by.release()
    assert by.charged == 0


def test_a_body_is_charged_as_it_comes() -> None:
    """Three announcements of much, and nothing sent, must not keep everyone else out."""
    by = reader(ServerLimits(buffered_bytes=10))
    assert by.read(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n12") is None
    assert by.charged == by._state.buffered == 2
    by._state.buffered += 5  # another connection's
    assert by.read(b"345") is None
    with pytest.raises(Refused) as caught:
        by.read(b"6")
    assert (caught.value.status, by.charged) == (503, 5)


TOKEN = st.text("abcXYZ09-", min_size=1, max_size=8).map(lambda text: b"X" + text.encode())
VALUE = st.binary(max_size=20).map(lambda data: bytes(b for b in data if b >= 0x20 and b != 0x7F).strip())


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """One valid request."""
    lines = [
        b"%b:%b%b" % (name, draw(st.sampled_from([b"", b" ", b"\t "])), value)
        for name, value in draw(st.lists(st.tuples(TOKEN, VALUE), max_size=4))
    ]
    lines.insert(draw(st.integers(0, len(lines))), b"Host: h")
    body = draw(st.one_of(st.binary(max_size=60), st.text("\r\n0", max_size=40).map(str.encode)))
    kind = draw(st.sampled_from(["none", "sized", "chunked"]))
    if kind == "sized":
        lines.append(b"Content-Length: %d" % len(body))
    elif kind == "chunked":
        lines.append(b"Transfer-Encoding: chunked")
        body = chunked(body, draw(st.integers(1, 20)), draw(st.sampled_from([b"", b"T: u\r\n"])))
    else:
        body = b""
    start = draw(st.sampled_from([b"GET /a?b HTTP/1.1", b"POST / HTTP/1.1", b"\r\nPUT /x HTTP/1.1", b"OPTIONS * HTTP/1.1"]))
    return b"\r\n".join((start, *lines, b"", body))


@examples(100)
@given(st.lists(messages(), min_size=1, max_size=4).map(b"".join), st.data())
def test_any_split_gives_the_same_requests(data: bytes, choice: st.DataObject) -> None:
    """Pipelined requests come out alike however their bytes arrive, and nothing is left over."""
    cuts = sorted(choice.draw(st.lists(st.integers(0, len(data)), max_size=12)))
    pieces = [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    whole = requests([data])
    by = reader()
    assert [facts(request) for request in requests(pieces, by)] == [facts(request) for request in whole]
    assert [facts(request) for request in requests([data[i : i + 1] for i in range(len(data))])] == [
        facts(request) for request in whole
    ]
    assert by.held == b""
    assert len(whole) == data.count(b" HTTP/1.1\r\n")


@examples(100)
@given(st.lists(messages(), min_size=1, max_size=2).map(b"".join), st.data())
def test_damage_is_refused_or_read_but_never_raises(data: bytes, choice: st.DataObject) -> None:
    """A valid message with bytes changed, removed or added gives requests or Refused, and no other exception."""
    at = choice.draw(st.integers(0, len(data)))
    damaged = data[:at] + choice.draw(st.binary(max_size=3)) + data[at + choice.draw(st.integers(0, 3)) :]
    statuses = {400, 413, 414, 415, 417, 431, 501, 505}
    try:
        requests([damaged])
    except Refused as refused:
        statuses &= {refused.status}
    assert statuses
