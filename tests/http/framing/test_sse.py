from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.sse import DONE, SseEvent, SseReader, SseSplitter, comment, frame
from splits import bytewise, cut, points

BOM = b"\xef\xbb\xbf"

pieces = [b"data", b"event", b"id", b":", b": ", b" ", b"x", b"\x00", b"\xff", b'{"a":1}', BOM, b"[DONE]"]
lf_streams = st.lists(st.sampled_from([*pieces, b"\n", b"\n\n"]), max_size=40).map(b"".join)
streams = st.lists(st.sampled_from([*pieces, b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n"]), max_size=40).map(b"".join)


def read(reads: list[bytes], limit_bytes: int = 10_000) -> list[SseEvent]:
    reader = SseReader(limit_bytes)
    return [event for data in reads for event in reader.feed(data)] + reader.end()


def split(reads: list[bytes], limit_bytes: int = 10_000) -> tuple[list[bytes], bytes]:
    splitter = SseSplitter(limit_bytes)
    return [splitter.feed(data) for data in reads], splitter.tail()


def normalised(data: bytes) -> bytes:
    return data.removeprefix(BOM).replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def naive(data: bytes) -> list[SseEvent]:
    """WHATWG's algorithm read aloud, over the whole stream at once; an unterminated event is discarded."""
    events: list[SseEvent] = []
    name, ident, lines = b"", None, []
    for line in normalised(data).split(b"\n")[:-1]:
        field, _, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if not line:
            if lines:
                events.append(SseEvent(name, b"\n".join(lines), ident))
            name, ident, lines = b"", None, []
        elif field == b"data":
            lines.append(value)
        elif field == b"event":
            name = value
        elif field == b"id" and b"\0" not in value:
            ident = value
    return events


class TestReader:
    """SseReader: bytes to events."""

    def test_reads_the_streams_of_both_families(self):
        """OpenAI's bare data lines and Anthropic's named events."""
        stream = b'data: {"a":1}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\ndata: [DONE]\n\n'
        assert read([stream]) == [
            SseEvent(b"", b'{"a":1}'),
            SseEvent(b"message_stop", b'{"type":"message_stop"}'),
            SseEvent(b"", b"[DONE]"),
        ]

    @pytest.mark.parametrize("end_of_line", [b"\n", b"\r", b"\r\n"])
    @pytest.mark.parametrize("reads", [bytewise, lambda data: [data]])
    def test_any_line_end_ends_a_line(self, end_of_line, reads):
        """LF, CR and CRLF are the same, also when a read ends between CR and LF."""
        stream = b"event: a\ndata: 1\ndata: 2\n\ndata: 3\n\n".replace(b"\n", end_of_line)
        assert read(reads(stream)) == [SseEvent(b"a", b"1\n2"), SseEvent(b"", b"3")]

    def test_event_is_given_at_its_blank_line(self):
        """Not one byte later: the second half of a CRLF is not waited for."""
        reader = SseReader()
        assert reader.feed(b"data: 1\r\n") == []
        assert reader.feed(b"\r") == [SseEvent(b"", b"1")]
        assert reader.feed(b"\ndata: 2\r\n\r\n") == [SseEvent(b"", b"2")]

    @pytest.mark.parametrize("reads", [bytewise, lambda data: [data]])
    def test_bom_is_dropped_at_the_start_only(self, reads):
        """A BOM is not part of the first field's name; later it is part of whatever it stands in."""
        assert read(reads(BOM + b"data: 1\n\n" + BOM + b"data: 2\n\ndata: " + BOM + b"3\n\n")) == [
            SseEvent(b"", b"1"),
            SseEvent(b"", BOM + b"3"),
        ]

    def test_comments_unknown_fields_and_events_without_data_are_ignored(self):
        """None of them is an event, and none changes the next one."""
        assert read([b": ping\n\nretry: 10\nfoo: bar\nnothing\n\nevent: lost\n\ndata: 1\n\n"]) == [SseEvent(b"", b"1")]

    def test_one_space_after_the_colon_goes(self):
        """Exactly one, and none is needed; a field without a colon has the empty value."""
        assert read([b"data:1\ndata:  2\ndata\n\n", b"data:\n\n"]) == [SseEvent(b"", b"1\n 2\n"), SseEvent(b"", b"")]

    def test_id_is_the_events_own(self):
        """It is not carried over, and one with a NUL is ignored (WHATWG)."""
        events = read([b"id: 7\ndata: 1\n\ndata: 2\n\nid: a\0b\ndata: 3\n\nid\ndata: 4\n\n"])
        assert [event.id for event in events] == [b"7", None, None, b""]

    @pytest.mark.parametrize("end", [b"", b"\n", b"\r", b"\r\n"])
    @pytest.mark.parametrize("data", [b"[DONE]", b'{"a":[1]}', b"[]"])
    def test_complete_event_without_its_blank_line_is_given_at_the_end(self, data, end):
        """U28: providers leave out the last blank line. The event comes once."""
        reader = SseReader()
        assert reader.feed(b"event: e\ndata: " + data + end) == []
        assert reader.end() == [SseEvent(b"e", data)]
        assert reader.end() == []

    @pytest.mark.parametrize("data", [b'{"a":[1]', b"[DONE", b"12", b"text", b"", b'{"a":1}}', b'"'])
    def test_event_that_may_be_cut_is_discarded_at_the_end(self, data):
        """Truncated JSON, and what does not show where it ends, is not an event."""
        assert read([b"data: 0\n\ndata: " + data]) == [SseEvent(b"", b"0")]

    def test_last_line_that_may_be_cut_is_not_taken(self):
        """Half a name is no name; the complete data before it still counts."""
        assert read([b'data: {"a":1}\nevent: mess']) == [SseEvent(b"", b'{"a":1}')]
        assert read([b'data: {"a":1}\nevent: message\n']) == [SseEvent(b"message", b'{"a":1}')]

    def test_event_over_the_limit_is_an_error(self):
        """The limit counts all lines of an event, and is the same for every event."""
        assert read([b"data: 345\n\n"] * 2, limit_bytes=11) == [SseEvent(b"", b"345")] * 2
        with pytest.raises(FramingError):
            read([b"data: 3456\n\n"], limit_bytes=11)

    @given(streams, points)
    @example(b"\r\n\r\ndata:1\r\r\n\n", [1, 2, 3])
    def test_any_split_gives_the_events_of_the_standard(self, data, where):
        """However the bytes arrive, they give what WHATWG's algorithm gives for the whole."""
        expected = naive(data)
        for reads in ([data], cut(data, where), bytewise(data)):
            reader = SseReader(10_000)
            assert [event for part in reads for event in reader.feed(part)] == expected
        assert read(cut(data, where)) == read([data])

    @given(st.binary(max_size=60), points)
    def test_any_bytes_give_events_or_a_framing_error(self, data, where):
        """No input raises anything else."""
        try:
            assert read(cut(data, where), limit_bytes=20) == read([data], limit_bytes=20)
        except FramingError:
            assert len(data) > 20


class TestSplitter:
    """SseSplitter: bytes through, cut at blank lines."""

    def test_read_that_ends_an_event_is_its_own_result(self):
        """The common case copies nothing."""
        splitter = SseSplitter()
        splitter.feed(b"data: 0\n\n")
        data = b"data: 1\n\ndata: 2\n\n"
        assert splitter.feed(data) is data

    def test_holds_back_the_event_that_is_not_complete(self):
        """Only whole events come out, as soon as they are whole."""
        parts, tail = split([b"data: 1\n\nda", b"ta: 2\n", b"\n: c", b"\n\ndata: 3"])
        assert parts == [b"data: 1\n\n", b"", b"data: 2\n\n", b": c\n\n"]
        assert tail == b"data: 3"

    def test_short_start_is_not_taken_for_a_bom(self):
        """The first bytes of a BOM are held only while they can still become one."""
        assert split([b"\xef", b"\xbb", b"x\n\n"]) == ([b"", b"", b"\xef\xbbx\n\n"], b"")
        assert split([b"\xef", b"\xbb"]) == ([b"", b""], b"\xef\xbb")

    def test_stream_that_turns_to_cr_is_normalised_from_there(self):
        """A CR after LF lines, with nothing held and with something held."""
        assert split([b"a\n\n", b"b\r\n\r\n", b"c\n\n", b"d", b"\r\r"]) == (
            [b"a\n\n", b"b\n\n", b"c\n\n", b"", b"d\n\n"],
            b"",
        )

    @given(lf_streams, points)
    def test_lf_stream_comes_out_as_it_went_in(self, data, where):
        """Byte for byte, whatever the splits, in pieces that end at blank lines."""
        for reads in ([data], cut(data, where), bytewise(data)):
            parts, tail = split(reads)
            assert b"".join(parts) + tail == data.removeprefix(BOM)
            assert all(not part or part.endswith(b"\n\n") or part == b"\n" for part in parts)
            assert b"\n\n" not in tail

    @given(streams, points)
    def test_other_line_ends_come_out_as_lf(self, data, where):
        """The same, for CR and CRLF, also split between the two."""
        for reads in ([data], cut(data, where), bytewise(data)):
            parts, tail = split(reads)
            assert b"".join(parts) + tail == normalised(data)

    @given(streams, points, st.integers(min_value=1, max_value=12))
    def test_limit_holds_or_not_whatever_the_splits(self, data, where, limit):
        """An event is too long or not by its own length, not by how it arrived."""
        events = [b""]
        *lines, rest = normalised(data).split(b"\n")
        for line in lines:
            events[-1] += line + b"\n"
            if not line:
                events.append(b"")
        events[-1] += rest
        too_long = any(len(event) > limit and event != b"\n" for event in events)
        for reads in ([data], cut(data, where), bytewise(data)):
            if too_long:
                with pytest.raises(FramingError):
                    split(reads, limit)
            else:
                split(reads, limit)

    @pytest.mark.parametrize("start", [b"data: ", b": "])
    def test_endless_line_ends_at_the_limit(self, start):
        """U25: a line without an end, data or comment, is refused at the cap: no more than that is ever held."""
        splitter = SseSplitter(limit_bytes=1024 * 1024)
        splitter.feed(start)
        for _ in range(1048):
            assert splitter.feed(b"x" * 1000) == b""
        with pytest.raises(FramingError):
            splitter.feed(b"x" * 1000)

    def test_time_is_linear_in_a_long_line(self):
        """Four times the bytes in reads of ten take about four times as long, not sixteen."""

        def seconds(size: int) -> float:
            splitter = SseSplitter()
            started = time.process_time()
            for _ in range(size // 10):
                splitter.feed(b"x" * 10)
            return time.process_time() - started

        small = min(seconds(200_000) for _ in range(3))
        assert min(seconds(800_000) for _ in range(3)) < 10 * small


class TestWriting:
    """frame and comment."""

    def test_frame_renders_one_event(self):
        """With and without a name."""
        assert frame(b"{}") == b"data: {}\n\n"
        assert frame(b"{}", b"ping") == b"event: ping\ndata: {}\n\n"
        assert frame(b"[DONE]") == DONE

    @given(st.lists(st.sampled_from([b"a", b" ", b":", b"data: ", b"\n", b"\r", b"\r\n", b"\xff"])).map(b"".join))
    def test_what_is_framed_is_read_back(self, data):
        """Whatever the data, it stays inside its one event; its line ends become LF."""
        assert read([frame(data, b"name")]) == [SseEvent(b"name", data.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))]

    @given(st.lists(st.sampled_from([b"a", b"data: x", b"\n", b"\r", b"\r\n"])).map(b"".join))
    def test_comment_is_no_event(self, text):
        """Whatever its text, it stays a comment, and passes a splitter at once."""
        assert read([comment(text)]) == []
        assert SseSplitter().feed(comment(text)) == comment(text)
