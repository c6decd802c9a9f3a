"""Streams that pass through."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings

from dialects.recorded import given as recorded
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.dialects.openai_responses.relay import NumberedTemplate, ResponsesRelay
from llm_gateway.dialects.template import beginning_of
from splits import bytewise, cut, points

STREAMS = ["plain", "tools", "search"]
DELTA = (beginning_of("delta"),)


def event(kind: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))


def text(number: int, piece: str, noise: str = "xyz", **members: object) -> bytes:
    known = {"sequence_number": number, "item_id": "m", "delta": piece, "logprobs": [], "obfuscation": noise}
    return event("response.output_text.delta", **known | members)


START = event("response.created", sequence_number=0, response={"id": "r", "status": "in_progress", "output": []})
ADDED = event("response.output_item.added", item={"type": "message", "content": []})
END = event("response.completed", response={"status": "completed", "usage": {"input_tokens": 2, "output_tokens": 3}})
FAILED = event("response.failed", response={"status": "failed", "error": {"code": "server_error", "message": "Busy"}})
ERROR = event("error", code="rate_limit_exceeded", message="Slow down", param=None)


def run(*reads: bytes) -> tuple[bytes, ResponsesRelay]:
    relay = OPENAI_RESPONSES.relay()
    return b"".join([relay.feed(data) for data in reads]) + relay.end(), relay


def state(relay: ResponsesRelay) -> tuple[bool, bool, ProviderFault | None]:
    return relay.committed, relay.done, relay.failure


@pytest.mark.parametrize("name", STREAMS)
def test_good_streams_pass_to_the_byte(name):
    """With their usage, however the bytes arrive, with whatever line ends."""
    data = recorded(f"openai_responses/{name}.stream.sse")
    for reads in ([data], bytewise(data)):
        out, relay = run(*reads)
        assert out == data
        assert state(relay) == (True, True, None)
        assert relay.usage == Usage(input=6, cache_read=4, output=5, reasoning=2)
    assert run(data.replace(b"\n", b"\r\n"))[0] == data.replace(b"\n", b"\r\n")


@settings(max_examples=50, deadline=None)
@given(points)
def test_reads_make_no_difference(ends):
    """Any way of cutting the bytes passes the same bytes."""
    data = recorded("openai_responses/tools.stream.sse")
    assert run(*cut(data, ends))[0] == data


def test_content_commits():
    """A piece of text or arguments, an item that is none of the empty ones, the end; nothing before."""
    for before in (START, ADDED, START + ADDED + text(1, "")):
        assert not run(before)[1].committed
    call = event("response.output_item.added", item={"type": "function_call", "name": "f"})
    arguments = event("response.function_call_arguments.delta", delta="{")
    for content in (text(1, "a"), call, arguments, END):
        assert run(START, content)[1].committed


def test_nothing_passes_after_the_end():
    """Not even Chat's marker."""
    out, relay = run(START, END + b"data: [DONE]\n\n", text(9, "late"))
    assert out == START + END
    assert relay.done


def test_a_stream_without_its_end_is_not_done():
    """And gets none: only the provider knows the whole response."""
    out, relay = run(START, text(1, "a"), b"data: [DONE]\n\n")
    assert out.endswith(b"data: [DONE]\n\n")
    assert state(relay) == (True, False, None)


def test_the_end_may_lack_its_blank_line():
    """If all of it is there, it is the end."""
    out, relay = run(START, END[:-1])
    assert (out, relay.done) == (START + END, True)


@pytest.mark.parametrize(("failing", "message"), [(FAILED, "Busy"), (ERROR, "Slow down")])
def test_failures_are_held_back(failing, message):
    """Whoever relays decides what to do; what came before has passed."""
    out, relay = run(START + text(1, "a") + failing + END)
    assert out == START + text(1, "a")
    assert relay.failure is not None
    assert (relay.failure.message, relay.done) == (message, False)


def test_an_incomplete_response_is_an_end():
    """It says so itself."""
    cut_off = event("response.incomplete", response={"status": "incomplete", "usage": None})
    assert state(run(START, cut_off)[1]) == (True, True, None)


def test_unknown_events_pass():
    """Whatever they hold."""
    odd = event("response.brand_new", delta=[1]) + event("keepalive", sequence_number=3) + b": comment\n\n"
    assert run(START + odd + END)[0] == START + odd + END


@pytest.mark.parametrize("data", [b"data: {\n\n", b"data: 3\n\n", b"data: \x00\n\n", event("response.completed", response=3)])
def test_what_is_no_stream(data):
    """It is not passed on."""
    with pytest.raises(UpstreamMalformed):
        run(START, data)


def test_likeness_spares_the_reading(monkeypatch):
    """Events that differ in text, noise and number are not parsed again; any other difference is read."""
    read: list[bytes] = []
    taken = ResponsesRelay.take
    monkeypatch.setattr(ResponsesRelay, "take", lambda self, sse, data: (read.append(data), taken(self, sse, data))[1])
    pieces = [text(number, "é" * number + '"\\', "n" * (40 - number)) for number in range(2, 30)]
    token = text(30, "a", logprobs=[{"token": "a", "logprob": -1}])
    other = text(31, "b", item_id="other")
    out, relay = run(START, *pieces, token, other, END)
    assert out == START + b"".join(pieces) + token + other + END
    assert relay.done
    assert read == [START, pieces[0], token, other, END]
    assert run(b"".join([START, *pieces, END]))[0] == b"".join([START, *pieces, END])


def test_no_other_byte_may_differ():
    """Changed anywhere but in its strings and its number, an event is not taken for the learnt one."""
    learnt = text(5, "abc")
    template = NumberedTemplate()
    template.learn(learnt, DELTA)
    for place in range(len(learnt)):
        changed = learnt[:place] + b"\x7f" + learnt[place + 1 :]
        inside = any(learnt.find(value) <= place < learnt.find(value) + len(value) for value in (b"abc", b"xyz"))
        assert (template.skip(changed, 0) == len(changed)) is inside
        assert template.skip(learnt[:place], 0) == 0


def test_a_name_inside_of_a_text_is_no_place():
    """What looks like a member within a string that was escaped is none."""
    template = NumberedTemplate()
    learnt = text(5, 'a "sequence_number":7 "obfuscation":"x" b')
    template.learn(learnt, DELTA)
    assert template.skip(learnt, 0) == len(learnt)
    assert template.skip(text(5, "c"), 0) == len(text(5, "c"))
