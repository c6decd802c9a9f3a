"""Faults of event streams, observed on a raw socket."""

from __future__ import annotations

import msgspec
import pytest

from simulator.support import CHAT, MESSAGES, chat, check_chat_stream, check_messages_stream, events, exchange, message, post


def ask(simulator, fault, **fields):
    return exchange(simulator.url, post(f"/f/{fault}{CHAT}", chat(stream=True, **fields)))


def ask_anthropic(simulator, fault):
    return exchange(simulator.url, post(f"/f/{fault}{MESSAGES}", message(stream=True)))


@pytest.mark.parametrize("fault", ["comments", "multi_data", "crlf", "cr", "long_line:kb=80", "heartbeat:secs=0.01"])
def test_legal_variations_mean_the_same(simulator, fault):
    """What SSE allows does not change the events that a right reader finds."""
    plain = exchange(simulator.url, post(CHAT, chat(stream=True)))
    varied = ask(simulator, fault)
    assert varied.body != plain.body
    decoded = [[data if data == "[DONE]" else msgspec.json.decode(data) for _, data in events(x.body)] for x in (plain, varied)]
    assert decoded[0] == decoded[1]
    check_chat_stream(varied.body)
    check_messages_stream(ask_anthropic(simulator, fault).body)


def test_mid_error(simulator):
    """Half of the stream, an error in the provider's shape, and no terminal event."""
    openai = events(ask(simulator, "mid_error").body)
    assert "error" in msgspec.json.decode(openai[-1][1])
    assert "choices" in msgspec.json.decode(openai[-2][1])
    name, data = events(ask_anthropic(simulator, "mid_error").body)[-1]
    assert name == "error"
    assert msgspec.json.decode(data)["error"]["type"] == "overloaded_error"


def test_flood(simulator):
    """One event comes as many times as asked for, the stream stays in order."""
    plain = len(events(exchange(simulator.url, post(CHAT, chat(stream=True))).body))
    assert len(events(ask(simulator, "flood:n=3000").body)) == plain + 3000


def test_unknown_event(simulator):
    """A named event with id and retry comes second."""
    assert events(ask(simulator, "unknown_event").body)[1][0] == "brand_new_event"


def test_long_line(simulator):
    """One line is as long as asked for."""
    assert max(map(len, ask(simulator, "long_line:kb=200").body.split(b"\n"))) == 200 * 1024 + 2


def test_no_done(simulator):
    """The terminal event is missing, the transfer is complete."""
    assert b"[DONE]" not in ask(simulator, "no_done").body
    body = ask_anthropic(simulator, "no_done").body
    assert b"message_stop" not in body
    assert b"message_delta" in body


def test_dup_done(simulator):
    """The terminal event comes twice."""
    assert ask(simulator, "dup_done").body.endswith(b"data: [DONE]\n\ndata: [DONE]\n\n")
    assert ask_anthropic(simulator, "dup_done").body.count(b"event: message_stop") == 2


def test_trailing_garbage(simulator):
    """Something follows the terminal event."""
    after = ask(simulator, "trailing_garbage").body.partition(b"[DONE]\n\n")[2]
    assert b"garbage without a colon" in after


def test_multi_data(simulator):
    """Each JSON event has two data lines."""
    assert events(ask(simulator, "multi_data").body)[0][1].count("\n") == 1


def test_comments(simulator):
    """A comment stands after every event."""
    body = ask(simulator, "comments").body
    assert body.count(b"\n\n: keepalive\n\n") == len(events(body))


def test_heartbeat(simulator):
    """Comments come one after another with pauses between them, before the second event."""
    answer = ask(simulator, "heartbeat:secs=0.05,n=3")
    assert answer.chunks[1:4] == [b": heartbeat\n\n"] * 3
    assert answer.last - answer.first >= 0.14


def test_no_final_newline(simulator):
    """The last event is not closed by an empty line."""
    assert ask(simulator, "no_final_newline").body.endswith(b"data: [DONE]")


def test_crlf(simulator):
    """Every line ends in CR LF."""
    body = ask(simulator, "crlf").body
    assert body.count(b"\n") == body.count(b"\r\n") > 0


def test_cr(simulator):
    """Every line ends in CR alone."""
    body = ask(simulator, "cr").body
    assert b"\n" not in body
    assert b"\r\r" in body


def test_whole_answers_are_left_alone(simulator):
    """A fault of streams does nothing to a whole answer."""
    plain = exchange(simulator.url, post(CHAT, chat()))
    assert exchange(simulator.url, post(f"/f/crlf+no_done+mid_error{CHAT}", chat())).body == plain.body
