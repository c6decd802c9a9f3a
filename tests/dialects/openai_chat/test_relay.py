"""A chat stream that passes through."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_chat.relay import OpenAIRelay
from splits import bytewise, cut, points

DONE = b"data: [DONE]\n\n"


def chunk(delta: dict | None = None, finish: str | None = None, index: int = 0, **members: object) -> bytes:
    choice = {"index": index, "delta": delta or {}, "logprobs": None, "finish_reason": finish}
    return sse({"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **members})


def sse(document: object) -> bytes:
    return b"data: " + msgspec.json.encode(document) + b"\n\n"


def usage_chunk(prompt: int = 3, completion: int = 2) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return sse({"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": usage})


ROLE = chunk({"role": "assistant", "content": ""})
TEXT = chunk({"content": "Hi"})
STOP = chunk(finish="stop")
WHOLE = (
    ROLE
    + TEXT
    + chunk({"content": ' "there" \u00fc'})
    + chunk({"content": ' [DONE] {"usage":{}} "error"'})
    + STOP
    + usage_chunk()
    + DONE
)


def passed(relay: OpenAIRelay, reads: list[bytes]) -> bytes:
    return b"".join(relay.feed(read) for read in reads) + relay.end()


@given(points)
@example([])
def test_a_good_stream_passes_unchanged(ends: list[int]):
    """However it is cut: the same bytes, its usage, committed and done."""
    relay = OPENAI_CHAT.relay()
    assert passed(relay, cut(WHOLE, ends)) == WHOLE
    assert (relay.committed, relay.done, relay.failure) == (True, True, None)
    assert relay.usage == Usage(input=3, output=2)


def test_byte_by_byte_and_event_by_event_see_the_same():
    """The first never has two events in a read, the second is the usual case that is recognised without parsing."""
    for reads in (bytewise(WHOLE), [event + b"\n\n" for event in WHOLE.split(b"\n\n") if event]):
        relay = OPENAI_CHAT.relay()
        assert passed(relay, reads) == WHOLE
        assert relay.usage == Usage(input=3, output=2)
        assert relay.done


@pytest.mark.parametrize(
    ("first", "committed"),
    [
        (ROLE, False),
        (b": keep-alive\n\n", False),
        (sse({"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": []}), False),  # Azure
        (sse({"choices": None}), False),
        (sse({"choices": [{"index": 0, "delta": None, "finish_reason": ""}]}), False),
        (usage_chunk(), False),
        (TEXT, True),
        (chunk({"reasoning_content": "Hm"}), True),
        (chunk({"reasoning": "Hm"}), True),
        (chunk({"refusal": "No"}), True),
        (chunk({"tool_calls": [{"id": "x", "function": {"name": "f", "arguments": ""}}]}), True),
        (chunk({"content": [{"type": "text", "text": "Hi"}]}), True),  # Mistral
        (STOP, True),
    ],
)
def test_the_answer_begins_with_its_first_content(first: bytes, committed: bool):
    """A role, a comment, or an empty chunk may still be followed by a failure that another provider can make good."""
    relay = OPENAI_CHAT.relay()
    assert relay.feed(first) == first
    assert relay.committed is committed


@pytest.mark.parametrize(
    "error",
    [
        sse({"error": {"message": "overloaded", "type": "server_error", "code": "x"}}),
        b"event: error\n" + sse({"error": {"message": "overloaded", "type": "server_error", "code": "x"}}),
        b"event: error\n" + sse({"message": "overloaded", "type": "server_error", "code": "x"}),
        sse({"object": "error", "message": "overloaded", "type": "server_error", "code": "x"}),
        chunk({"content": ""}, "error", error={"message": "overloaded", "type": "server_error", "code": "x"}),
    ],
)
@pytest.mark.parametrize("before", [b"", ROLE, ROLE + TEXT, ROLE + TEXT + TEXT])
@pytest.mark.parametrize("apart", [True, False])
def test_an_error_inside_the_stream_is_held_back(error: bytes, before: bytes, apart: bool):
    """What came before goes on, the error and all after it do not; end supplies nothing."""
    relay = OPENAI_CHAT.relay()
    reads = [before, error, TEXT, STOP, DONE] if apart else [before + error + TEXT + STOP + DONE]
    assert passed(relay, reads) == before
    assert relay.failure is not None
    assert (relay.failure.message, relay.failure.type, relay.failure.code) == ("overloaded", "server_error", "x")
    assert relay.done is False
    assert relay.committed is (TEXT in before)


def test_an_error_event_that_is_no_json_is_an_error_still():
    """Its text is all there is to tell."""
    relay = OPENAI_CHAT.relay()
    assert relay.feed(TEXT + b"event: error\ndata: boom\n\n") == TEXT
    assert relay.failure is not None
    assert relay.failure.message == "boom"


def test_nothing_follows_the_terminal_marker():
    """Two markers become one, and garbage after it is dropped (faults.md U29)."""
    for reads in ([WHOLE + DONE + b"garbage"], [WHOLE, DONE, b"data: {broken\n\n"]):
        assert passed(OPENAI_CHAT.relay(), reads) == WHOLE


@pytest.mark.parametrize("tail", [b"", usage_chunk()])
def test_a_missing_marker_is_supplied_when_the_answer_was_whole(tail: bytes):
    """Some providers send none; the finish reason says enough."""
    relay = OPENAI_CHAT.relay()
    assert passed(relay, [ROLE, TEXT, STOP, tail]) == ROLE + TEXT + STOP + tail + DONE
    assert relay.done


@pytest.mark.parametrize(
    "reads", [[ROLE], [ROLE, TEXT], [ROLE, TEXT, STOP[:-9]], [], [b"<html>Bad gateway</html>"], [b'{"choices":[]}']]
)
def test_a_cut_stream_is_never_made_whole(reads: list[bytes]):
    """No finish reason, no marker; half an event is not passed on either."""
    relay = OPENAI_CHAT.relay()
    out = passed(relay, reads)
    assert DONE not in out
    assert relay.done is False
    assert b"".join(reads).startswith(out)


def test_all_choices_must_have_finished():
    """n = 2 of which one was cut is a cut answer."""
    relay = OPENAI_CHAT.relay()
    second = chunk({"content": "Ho"}, index=1)
    assert passed(relay, [ROLE, TEXT, second, TEXT, STOP]) == ROLE + TEXT + second + TEXT + STOP
    assert relay.done is False
    relay = OPENAI_CHAT.relay()
    assert passed(relay, [ROLE, TEXT, second, STOP, chunk(finish="length", index=1)]).endswith(DONE)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(b"data: [DONE]", DONE), (b"data: [DONE]\n", DONE), (STOP[:-2], STOP + DONE), (STOP[:-1], STOP + DONE)],
)
def test_a_last_event_without_its_blank_line_counts(given: bytes, expected: bytes):
    """faults.md U28: no_final_newline gives the same result."""
    relay = OPENAI_CHAT.relay()
    assert passed(relay, [TEXT, STOP, given] if b"DONE" in given else [TEXT, given]).endswith(expected)
    assert relay.done


def test_the_last_usage_holds():
    """Usage is cumulative: in every chunk, in one of its own, or in x_groq; null says nothing."""
    relay = OPENAI_CHAT.relay()
    for data in (
        chunk({"content": "a"}, usage=None),
        chunk({"content": "b"}, usage={"prompt_tokens": 1, "completion_tokens": 1}),
        usage_chunk(5, 6),
    ):
        relay.feed(data)
    relay.feed(chunk({"content": "c"}, usage=None))
    assert relay.usage == Usage(input=5, output=6)
    relay = OPENAI_CHAT.relay()
    relay.feed(TEXT + chunk(finish="stop", x_groq={"id": "r", "usage": {"prompt_tokens": 7, "completion_tokens": 8}}))
    assert relay.usage == Usage(input=7, output=8)


def test_invalid_utf8_becomes_the_replacement_character():
    """faults.md U26: what goes to the caller is valid UTF-8."""
    relay = OPENAI_CHAT.relay()
    broken = TEXT.replace(b"Hi", b"H\xffi")
    assert relay.feed(TEXT) + relay.feed(broken) == TEXT + TEXT.replace(b"Hi", "H\ufffdi".encode())


@pytest.mark.parametrize(
    "bad",
    [
        b"data: {broken\n\n",
        b'data: {"choices":3}\n\n',
        b"data: null\n\n",
        TEXT.replace(b"Hi", b"H\0i"),
        b"data: " + b"x" * 2_000_000,
    ],
)
@pytest.mark.parametrize("before", [b"", TEXT, TEXT + TEXT])
def test_bytes_that_are_no_chunk_are_malformed(bad: bytes, before: bytes):
    """Before and after the answer began."""
    relay = OPENAI_CHAT.relay()
    relay.feed(before)
    with pytest.raises(UpstreamMalformed):
        relay.feed(bad)


@pytest.mark.parametrize(
    "unknown", [b"event: ping\ndata: {}\n\n", b"event: x-news\ndata: not json\n\n", b"id: 7\nretry: 10\n\n", b": hello\n\n"]
)
def test_unknown_events_pass_and_mean_nothing(unknown: bytes):
    """faults.md U30."""
    relay = OPENAI_CHAT.relay()
    reads = [unknown, ROLE, unknown, TEXT, unknown, STOP, DONE]
    assert passed(relay, reads) == b"".join(reads)
    assert relay.done


@given(
    st.lists(
        st.sampled_from(
            [
                TEXT,
                STOP,
                usage_chunk(),
                chunk({"content": "x"}, index=1),
                chunk({"reasoning": "y"}),
                DONE,
                sse({"error": {"message": "e"}}),
                TEXT[:-20] + b'"error"' + TEXT[-20:],
            ]
        ),
        max_size=8,
    ),
    points,
)
@example([TEXT, TEXT[:-20] + b'"error"' + TEXT[-20:], TEXT], [len(TEXT)])
def test_what_is_recognised_is_what_parsing_would_have_seen(events: list[bytes], ends: list[int]):
    """One event per read takes the fast way, other cuts the slow one: both end in the same state or the same error."""

    def outcome(reads: list[bytes]) -> object:
        relay = OPENAI_CHAT.relay()
        try:
            out = passed(relay, reads)
        except UpstreamMalformed:
            return "malformed"
        return out, relay.usage, relay.committed, relay.done, relay.failure

    assert outcome(events) == outcome(cut(b"".join(events), ends))


HIDDEN = WHOLE.replace(usage_chunk(), b"")


@given(points)
@example([])
def test_usage_that_the_caller_did_not_ask_for_is_read_and_kept_back(ends: list[int]):
    """However it is cut: all other bytes pass as they came, and the usage is known."""
    relay = OPENAI_CHAT.relay_without_usage()
    assert passed(relay, cut(WHOLE, ends)) == HIDDEN
    assert (relay.committed, relay.done, relay.failure) == (True, True, None)
    assert relay.usage == Usage(input=3, output=2)


@given(points, st.sampled_from([b"\n", b"\r\n"]))
@example([], b"\r\n")
def test_it_is_kept_back_wherever_it_stands(ends: list[int], line_end: bytes):
    """With comments around it, other line ends, a second one, before the finish, or last in a stream that lacks its end."""
    comment = b": here\n\n"
    data = (ROLE + usage_chunk(1, 1) + comment + TEXT + usage_chunk() + STOP + comment + usage_chunk()).replace(b"\n", line_end)
    relay = OPENAI_CHAT.relay_without_usage()
    assert passed(relay, cut(data, ends)) == (ROLE + comment + TEXT + STOP + comment + DONE).replace(b"\n", line_end)
    assert relay.usage == Usage(input=3, output=2)


@pytest.mark.parametrize(
    "event",
    [
        chunk({"content": "Hi"}, usage={"prompt_tokens": 3, "completion_tokens": 2}),  # in every chunk, as vLLM can
        chunk(finish="stop", usage={"prompt_tokens": 3, "completion_tokens": 2}),  # with the finish, as many have it
        chunk(finish="stop", x_groq={"usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
        chunk({"content": "Hi"}, usage=None),  # OpenAI, in all chunks of a stream that was asked
        sse({"id": "", "object": "", "model": "", "choices": [], "prompt_filter_results": []}),  # Azure
        sse({"choices": [], "usage": None}),
        sse({"choices": None}),
    ],
)
def test_what_says_anything_else_passes(event: bytes):
    """Only a chunk of usage alone is the gateway's own."""
    relay = OPENAI_CHAT.relay_without_usage()
    assert relay.feed(event) == event


@pytest.mark.parametrize("usage", [{}, {"prompt_tokens": -1, "completion_tokens": 2}, "much"])
def test_usage_that_says_nothing_is_not_shown_either(usage: object):
    """It would not be there if nobody had asked."""
    relay = OPENAI_CHAT.relay_without_usage()
    assert relay.feed(sse({"choices": [], "usage": usage})) == b""
    assert relay.usage is None


def test_a_failure_behind_hidden_usage_is_told():
    """What is kept back moves what comes before the failure, which is passed on."""
    relay = OPENAI_CHAT.relay_without_usage()
    assert relay.feed(TEXT + usage_chunk() + TEXT + sse({"error": {"message": "no"}}) + DONE) == TEXT + TEXT
    assert relay.failure is not None
