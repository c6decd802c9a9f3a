"""One hop of a WebSocket without a socket: messages, limits, pings, goodbyes."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side

from llm_gateway.http.budget import Budget
from llm_gateway.http.websocket import BEHIND, FULL, BadHandshake, Channel, Farewell, accept

HANDSHAKE = {
    b"connection": b"keep-alive, Upgrade",
    b"upgrade": b"WebSocket",
    b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"sec-websocket-version": b"13",
}


class Line:
    """What a channel does to its connection."""

    def __init__(self) -> None:
        self.sent = b""
        self.reading = True

    def raw(self, data: bytes) -> None:
        self.sent += data

    def hold(self) -> None:
        self.reading = False

    def go_on(self) -> None:
        self.reading = True

    def hang_up(self) -> None: ...

    def abort(self) -> None: ...


class Ear:
    """What a channel tells."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def message(self, _channel: Channel, data: bytes | bytearray, *, text: bool) -> None:
        self.told.append((bytes(data), text))

    def closed(self, _channel: Channel, farewell: Farewell) -> None:
        self.told.append(farewell)

    def lost(self, _channel: Channel) -> None:
        self.told.append("lost")

    def slow(self, _channel: Channel, *, on: bool) -> None:
        self.told.append(("slow", on))


class Bench:
    """A channel, the server's end, and its surroundings."""

    def __init__(self, most: int = 1000, budget: int = 10_000) -> None:
        self.line, self.ear, self.time = Line(), Ear(), 100.0
        self.budget = Budget(budget)
        self.channel = Channel(Protocol(Side.SERVER, max_size=most), self.line, self.budget, lambda: self.time)
        self.channel.listen(self.ear)

    def feed(self, *frames: Frame | bytes) -> list[Any]:
        self.channel.feed(b"".join(frame if isinstance(frame, bytes) else frame.serialize(mask=True) for frame in frames))
        return self.ear.told


def text(data: bytes, *, fin: bool = True) -> Frame:
    return Frame(Opcode.TEXT, data, fin)


def more(data: bytes, *, fin: bool = True) -> Frame:
    return Frame(Opcode.CONT, data, fin)


def test_messages_are_whole() -> None:
    """Pieces are put together, with a ping answered in between; both kinds; counts of messages and bytes."""
    bench = Bench()
    told = bench.feed(
        text(b"on", fin=False), Frame(Opcode.PING, b"p"), more(b"", fin=False), more(b"e"), Frame(Opcode.BINARY, b"\xff")
    )
    assert told == [(b"one", True), (b"\xff", False)]
    assert bench.line.sent == Frame(Opcode.PONG, b"p").serialize(mask=False)
    assert (bench.channel.messages, bench.channel.payload) == (2, 4)


def test_one_byte_at_a_time_is_the_same() -> None:
    """How the bytes are cut does not matter."""
    bench = Bench()
    frames = (text("é".encode()), text(b"a", fin=False), more(b"b"))
    for byte in b"".join(frame.serialize(mask=True) for frame in frames):
        bench.channel.feed(bytes([byte]))
    assert bench.ear.told == [("é".encode(), True), (b"ab", True)]
    assert bench.budget.held == 0


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ((text(b"x" * 1001),), 1009),
        ((text(b"x" * 600, fin=False), more(b"x" * 401)), 1009),
        ((text(b"\xc3\x28"),), 1007),
        ((text(b"\xc3", fin=False), more(b"(")), 1007),
        ((more(b"x"),), 1002),
        ((b"\xc2\x81\0\0\0\0x",), 1002),  # a reserved bit
    ],
)
def test_a_broken_rule_is_told_once(frames, code) -> None:
    """To the peer by its code, to the ear as a fault; what came before counts, what comes behind does not."""
    bench = Bench()
    told = bench.feed(text(b"good"), *frames, text(b"late"))
    assert told[0] == (b"good", True)
    assert (told[1].code, told[1].fault, len(told)) == (code, True, 2)
    assert Close(code, "").serialize() in bench.line.sent
    bench.feed(text(b"later"))
    assert len(told) == 2


@pytest.mark.parametrize(("close", "code"), [(Close(1000, "bye"), 1000), (Close(4321, "x"), 4321), (None, 1005)])
def test_a_goodbye_is_answered_and_told(close, code) -> None:
    """With its code and reason; nothing can be sent behind it."""
    bench = Bench()
    told = bench.feed(Frame(Opcode.CLOSE, close.serialize() if close else b""))
    assert told == [Farewell(code, close.reason if close else "")]
    sent = bench.line.sent
    assert sent[0] == 0x88
    bench.channel.send(b"x", text=True)
    bench.channel.close(1000, "")
    assert bench.line.sent == sent


@pytest.mark.parametrize(
    ("code", "sent"), [(1000, 1000), (1005, None), (1006, 1011), (1015, 1011), (2999, 1011), (3000, 3000), (5000, 1011)]
)
def test_only_codes_that_may_be_sent_are(code, sent) -> None:
    """1005 is said by saying none; what stands for no code at all becomes 1011. Reasons fit into the frame."""
    bench = Bench()
    bench.channel.close(code, "é" * 100)
    data = bench.line.sent[2:]
    assert data == b"" if sent is None else int.from_bytes(data[:2]) == sent
    assert len(data) <= 125
    data[2:].decode()


def test_a_silent_peer_is_pinged_and_then_given_up() -> None:
    """One that is not read from, or reads nothing itself, is not judged."""
    bench = Bench()
    channel = bench.channel
    assert channel.check(109, 10)
    assert bench.line.sent == b""
    assert channel.check(111, 10)
    assert bench.line.sent == Frame(Opcode.PING, b"").serialize(mask=False)
    assert not channel.check(121, 10)
    bench.time = 121
    bench.feed(Frame(Opcode.PONG, b""))
    assert channel.check(122, 10)
    channel.hold(BEHIND)
    assert channel.check(500, 10)
    bench.time = 600
    channel.go_on(BEHIND)
    assert channel.check(601, 10)
    channel.pause()
    assert channel.check(900, 10)


def test_reading_waits_as_long_as_there_is_a_reason() -> None:
    """A peer that asks for pongs and does not read them is not read from; each reason ends by itself."""
    bench = Bench()
    channel, line = bench.channel, bench.line
    channel.pause()
    bench.feed(text(b"x"))
    assert line.reading
    bench.feed(Frame(Opcode.PING, b""))
    assert not line.reading
    channel.hold(BEHIND)
    channel.resume()
    assert not line.reading
    channel.go_on(FULL)
    assert not line.reading
    channel.go_on(BEHIND)
    assert line.reading
    assert bench.ear.told == [("slow", True), (b"x", True), ("slow", False)]


def test_what_came_early_is_told_later() -> None:
    """Nothing is lost between a handshake and the one who listens."""
    bench = Bench()
    line, ear = Line(), Ear()
    channel = Channel(Protocol(Side.SERVER), line, bench.budget, lambda: 0.0)
    channel.feed(text(b"one").serialize(mask=True))
    channel.early([text(b"two")])
    channel.lost()
    channel.listen(ear)
    assert ear.told == [(b"one", True), (b"two", True), "lost"]


def test_the_account_of_unfinished_messages() -> None:
    """It is overdrawn by all together; who does it goes with 1013, and leaves nothing behind."""
    bench = Bench(most=9000, budget=1000)
    bench.feed(text(b"x" * 600, fin=False))
    assert bench.budget.held == 600
    line, ear = Line(), Ear()
    other = Channel(Protocol(Side.SERVER, max_size=9000), line, bench.budget, lambda: 0.0)
    other.listen(ear)
    other.feed(text(b"x" * 2000).serialize(mask=True)[:500])
    assert ear.told[0][0] == 1013
    other.deaf()
    assert bench.budget.held == 600
    bench.feed(more(b"y"))
    assert bench.budget.held == 0


def test_a_handshake_is_accepted() -> None:
    """RFC 6455 section 1.3's own example; a subprotocol that we know is chosen, no extension ever."""
    more = {b"sec-websocket-protocol": b"other, realtime", b"sec-websocket-extensions": b"permessage-deflate"}
    _, lines = accept({**HANDSHAKE, **more}, "realtime", 1000)
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in lines
    assert b"Sec-WebSocket-Protocol: realtime\r\n" in lines
    assert b"xtensions" not in lines
    assert b"Protocol" not in accept(HANDSHAKE, "realtime", 1000)[1]


@pytest.mark.parametrize("name", sorted(HANDSHAKE))
@pytest.mark.parametrize("value", [None, b"", b"x", b"\xff"])
def test_a_handshake_is_refused(name, value) -> None:
    """Each of its four headers is needed, and as it must be."""
    broken = {**HANDSHAKE, name: value}
    with pytest.raises(BadHandshake):
        accept({key: said for key, said in broken.items() if said is not None}, "realtime", 1000)
