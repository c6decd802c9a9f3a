"""Every parser that meets bytes of strangers, as functions of bytes: what else than the documented errors they raise is a bug.

`scripts/fuzzing.py` runs them under atheris for as long as one likes; test_targets.py with what is known to hurt parsers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fuzz.others import others
from llm_gateway.config.errors import ConfigErrors, Problems
from llm_gateway.config.yaml_tree import Unreadable, read_yaml
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import InvalidRequest, MalformedBody, Unsupported, UpstreamMalformed
from llm_gateway.core.json import MalformedJson, decode_lenient
from llm_gateway.core.retry_after import retry_after
from llm_gateway.core.splice import remove_top_level, replace_top_level, set_top_level, top_level_duplicates
from llm_gateway.dialects.base import Operation, Target
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.gemini import GeminiFront
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.dialects.rerank import RERANK
from llm_gateway.edge.listing import parse_query
from llm_gateway.http.framing.errors import FramingError
from llm_gateway.http.framing.eventstream import EventStreamReader
from llm_gateway.http.framing.ndjson import LineReader
from llm_gateway.http.framing.sse import SseReader
from llm_gateway.http.headers import StatusLines
from llm_gateway.http.limits import ServerLimits
from llm_gateway.http.refusal import Refused, render_refusal
from llm_gateway.http.request_reader import RequestReader
from llm_gateway.http.server_state import ServerState

GOLDEN = Path(__file__).resolve().parents[1] / "dialects" / "golden"
CALLERS_FAULT = (InvalidRequest, MalformedBody, Unsupported)
_LOOP = asyncio.new_event_loop()
_LOOP.close()  # only its clock is used
_ASKED = {
    Operation.EMBEDDING: EMBEDDINGS.parse_request(b'{"model":"m","input":["a","b"]}'),
    Operation.RERANK: RERANK.parse_request(b'{"model":"m","query":"q","documents":["a",{"text":"b"}],"return_documents":true}'),
}
"""What whole replies answer, for dialects whose answers repeat it."""


class Fuzzed(NamedTuple):
    """`run` takes any bytes; `seeds` are good ones to begin with."""

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...] = ()


def targets() -> list[Fuzzed]:
    return [*_framings(), *_documents(), *_dialects(), *(Fuzzed(*other) for other in others())]


def _framings() -> Iterator[Fuzzed]:
    yield Fuzzed(
        "framing/sse", partial(_framed, SseReader), (b"event: a\r\ndata: {}\n\ndata: [DONE]\n\n", b"\xef\xbb\xbfdata:x\r\r")
    )
    yield Fuzzed("framing/ndjson", partial(_framed, LineReader), (b'{"a":1}\n{"b":2}\r\n',))
    yield Fuzzed("framing/eventstream", partial(_framed, EventStreamReader), (bytes(16),))
    heads = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    )
    yield Fuzzed("http/request", _request, heads)


def _framed(reader: Callable[[], Any], data: bytes) -> None:
    """In two reads and in one: the same, or the same refusal."""
    outcomes = []
    for pieces in ((data,), (data[: len(data) // 2], data[len(data) // 2 :])):
        made: list[Any] = []
        reading = reader()
        try:
            for piece in pieces:
                made += reading.feed(piece)
            made += reading.end() or ()
        except FramingError:
            made = ["refused"]
        outcomes.append(made)
    assert outcomes[0] == outcomes[1] or "refused" in (outcomes[0] + outcomes[1])


async def _nobody(request: object) -> None:
    """No handler is run here."""


def _request(data: bytes) -> None:
    limits = ServerLimits(head_bytes=8 << 10, body_bytes=64 << 10)
    state = ServerState(_nobody, limits, StatusLines(FakeClock()), lambda error: None, render_refusal, _LOOP)
    reader = RequestReader(state, "127.0.0.1", None)
    with suppress(Refused):
        found = reader.read(data)
        while found is not None:
            assert len(found.body) <= limits.body_bytes
            found = reader.read(b"")
    reader.close()


def _documents() -> Iterator[Fuzzed]:
    seeds = (b'{"model":"m","stream":true}', b' { "model" : "\\u006d" , "model":"n" } ')
    yield Fuzzed("json/splice", _splice, seeds)
    yield Fuzzed("json/lenient", _lenient, (*seeds, b'{"a":"\\ud800","b":NaN}'))
    yield Fuzzed("yaml", _yaml, (b"providers:\n  openai: {api_key: x}\n", b"a: &a [*a]\n"))
    yield Fuzzed("query", _query, (b"limit=3&sort=-id&provider__in=a,b", b"%ff=%zz"))
    yield Fuzzed("retry-after", _retry_after, (b"3", b"Wed, 21 Oct 2026 07:28:00 GMT"))


def _splice(data: bytes) -> None:
    with suppress(*CALLERS_FAULT, ValueError, KeyError, RecursionError):  # the last one is the oracle's
        top_level_duplicates(data, (b"model", b"stream"))
        made = set_top_level(replace_top_level(data, "model", b'"n"'), "stream", b"true")
        made = remove_top_level(made, "store")
        before = msgspec.json.decode(data)
        if isinstance(before, dict):
            before.pop("store", None)
            after = msgspec.json.decode(made)
            assert after == {**before, "stream": True, **({"model": "n"} if "model" in before else {})}


def _lenient(data: bytes) -> None:
    with suppress(MalformedJson, msgspec.ValidationError):
        decode_lenient(data, Any)


def _yaml(data: bytes) -> None:
    with suppress(UnicodeDecodeError, Unreadable, ConfigErrors):
        read_yaml(data.decode(), "fuzzed.yaml", Problems())


def _query(data: bytes) -> None:
    with suppress(InvalidRequest):
        parse_query(data)


def _retry_after(data: bytes) -> None:
    seconds = retry_after({b"retry-after": data}, 1_700_000_000.0)
    assert seconds is None or 0 <= seconds < float("inf")


def _dialects() -> Iterator[Fuzzed]:
    for name, dialect in DIALECTS.items():
        folder = GOLDEN / name
        requests = tuple(path.read_bytes() for path in sorted(folder.glob("*.request.json")))
        replies = tuple(path.read_bytes() for path in sorted(folder.glob("*.reply.json")))
        streams = tuple(path.read_bytes() for path in sorted(folder.glob("*.stream.*")))
        front: Any = GeminiFront("m") if name == "gemini" else dialect
        if hasattr(front, "parse_request"):
            yield Fuzzed(f"{name}/request", partial(_asked, front), requests)
        yield Fuzzed(f"{name}/reply", partial(_replied, dialect), replies)
        yield Fuzzed(f"{name}/error", partial(_error, dialect), (b'{"error":{"message":"no","type":"t"}}', b"<html>"))
        if hasattr(dialect, "stream_reader"):
            yield Fuzzed(f"{name}/stream", partial(_streamed, dialect), streams)
            yield Fuzzed(f"{name}/relay", partial(_relayed, dialect), streams)


def _same_form(dialect: Any) -> list[Any]:
    """The backs that a request of this dialect can be translated for."""
    form = dialect.operation if dialect.operation in {Operation.EMBEDDING, Operation.RERANK} else Operation.CHAT
    return [back for back in DIALECTS.values() if back.operation is form and hasattr(back, "render_request")]


def _asked(front: Any, data: bytes) -> None:
    with suppress(*CALLERS_FAULT):
        front.view(data)
        request = front.parse_request(data)
        portable = front.portable(request) if front.operation is Operation.CHAT else request
        for back in _same_form(front):
            with suppress(*CALLERS_FAULT):
                msgspec.json.decode(back.render_request(portable, Target("m")).body)


def _replied(back: Any, data: bytes) -> None:
    with suppress(UpstreamMalformed):
        back.check_reply(data)
    if not hasattr(back, "parse_reply"):
        return
    with suppress(UpstreamMalformed):
        reply = back.parse_reply(data)
        for front in _same_form(back):
            if hasattr(front, "render_reply"):
                with suppress(UpstreamMalformed):
                    msgspec.json.decode(front.render_reply(reply, _ASKED.get(back.operation)))


def _error(back: Any, data: bytes) -> None:
    back.parse_error(500, data)


def _streamed(back: Any, data: bytes) -> None:
    reader = back.stream_reader()
    with suppress(UpstreamMalformed):
        middle = len(data) // 2
        reader.feed(data[:middle])
        reader.feed(data[middle:])
        reader.end()


def _relayed(back: Any, data: bytes) -> None:
    try:
        relay = back.relay()
    except Unsupported:
        return  # no client speaks it
    with suppress(UpstreamMalformed):
        middle = len(data) // 2
        relay.feed(data[:middle])
        if not relay.done:
            relay.feed(data[middle:])
        if not relay.done:
            relay.end()
