"""Faults of the body, observed on a raw socket."""

from __future__ import annotations

import msgspec
import pytest

from simulator.support import CHAT, MESSAGES, STREAMS, chat, check_chat_stream, events, exchange, message, post


def ask(simulator, fault, *, stream=False, **fields):
    return exchange(simulator.url, post(f"/f/{fault}{CHAT}", chat(stream=stream, **fields)))


def test_malformed_json(simulator):
    """A whole body does not parse; in a stream one event does not and the others do."""
    with pytest.raises(msgspec.DecodeError):
        _ = ask(simulator, "malformed_json").json
    broken = 0
    for _, data in events(ask(simulator, "malformed_json", stream=True).body)[:-1]:
        try:
            msgspec.json.decode(data)
        except msgspec.DecodeError:
            broken += 1
    assert broken == 1


def test_truncated_json(simulator):
    """The last third is missing and the framing says that this is all."""
    whole = exchange(simulator.url, post(CHAT, chat())).body
    answer = ask(simulator, "truncated_json")
    assert answer.body == whole[: len(whole) * 2 // 3]
    assert answer.header("content-length") == str(len(answer.body))


def test_empty_body(simulator):
    """Status 200 and nothing."""
    answer = ask(simulator, "empty_body")
    assert (answer.status, answer.body, answer.header("content-length")) == (200, b"", "0")
    assert ask(simulator, "empty_body", stream=True).chunks == []


def test_null_body(simulator):
    """The JSON document is null."""
    assert ask(simulator, "null_body").body == b"null"


def test_html_200(simulator):
    """A web page instead of an answer, also where a stream was asked for."""
    answer = ask(simulator, "html_200", stream=True)
    assert answer.header("content-type").startswith("text/html")
    assert answer.body.startswith(b"<html>")


def test_error_200(simulator):
    """An error object under status 200."""
    answer = ask(simulator, "error_200")
    assert answer.status == 200
    assert "error" in answer.json


def test_no_choices(simulator):
    """A completion in which nothing was said."""
    assert ask(simulator, "no_choices").json["choices"] == []
    for path, document in STREAMS.values():
        answer = exchange(simulator.url, post(f"/f/no_choices{path}", document))
        assert (answer.status, answer.header("content-type")) == (200, "application/json")
        assert b"hello" not in answer.body


def test_wrong_ctype(simulator):
    """The content type lies, the body is sound."""
    answer = ask(simulator, "wrong_ctype:ct=text%252Fcsv")
    assert answer.header("content-type") == "text/csv"
    assert answer.json["object"] == "chat.completion"


def test_bad_utf8(simulator):
    """The text holds bytes that are not UTF-8, in whole answers and in streams."""
    for stream in (False, True):
        with pytest.raises(UnicodeDecodeError):
            ask(simulator, "bad_utf8", stream=stream).body.decode()


def test_nul(simulator):
    """A NUL byte stands in the text."""
    assert b'"content":"\0I am' in ask(simulator, "nul").body


def test_bom(simulator):
    """A byte order mark stands in front, of a stream too."""
    assert ask(simulator, "bom").body.startswith(b"\xef\xbb\xbf{")
    assert ask(simulator, "bom", stream=True).body.startswith(b"\xef\xbb\xbfdata:")


def test_deep_json(simulator):
    """As many nested objects as asked for."""
    assert ask(simulator, "deep_json:n=5000").body == b'{"a":' * 5000 + b"1" + b"}" * 5000


def test_bigint(simulator):
    """A number that no 64 bits hold."""
    assert b"9" * 6000 in ask(simulator, "bigint").body


def test_no_usage(simulator):
    """The usage is gone from whole answers and from streams of both providers, everything else is there."""
    assert "usage" not in ask(simulator, "no_usage").json
    stream = ask(simulator, "no_usage", stream=True, stream_options={"include_usage": True})
    assert not any(chunk.get("usage") for chunk in check_chat_stream(stream.body))
    anthropic = exchange(simulator.url, post(f"/f/no_usage{MESSAGES}", message(stream=True)))
    assert b"usage" not in anthropic.body
    assert b"message_stop" in anthropic.body
