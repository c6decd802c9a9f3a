"""Legacy text completions: passed through, and their front translated to chat."""

from __future__ import annotations

import msgspec
import pytest
from openai.types import Completion

from dialects.recorded import agrees
from dialects.recorded import given as recorded
from llm_gateway.core.chat import Audio, ChatReply, Choice, Message, Reasoning, Refusal, Text
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import InvalidRequest, MalformedBody, Unsupported, UpstreamMalformed, UpstreamTimeout
from llm_gateway.core.events import AudioDelta, Done, Finish, ReasoningDelta, Start, TextDelta, UsageUpdate
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Target, View
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS, OpenAICompletions


def body(**members: object) -> bytes:
    return msgspec.json.encode({"model": "m", "prompt": "Say"} | members)


@pytest.mark.parametrize("prompt", ["x", ["x"], ["x", "y"], [1, 2], [[1], [2]], None])
def test_every_kind_of_prompt_passes(prompt: object):
    """Strings, tokens, several of them: the provider's business."""
    assert OPENAI_COMPLETIONS.view(body(prompt=prompt, stream=True)) == View("m", stream=True)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"prompt": 3}, "prompt"),
        ({"prompt": {}}, "prompt"),
        ({"model": 1}, "model"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"suffix": 1}, "suffix"),
    ],
)
def test_a_wrong_member_is_named(members: dict, param: str):
    """As for chat."""
    with pytest.raises(InvalidRequest) as caught:
        OPENAI_COMPLETIONS.view(body(**members))
    assert caught.value.param == param


def test_a_second_prompt_and_a_broken_body_are_refused():
    """As for chat."""
    with pytest.raises(InvalidRequest, match="more than once"):
        OPENAI_COMPLETIONS.view(b'{"model":"m","prompt":"a","prompt":"b"}')
    with pytest.raises(MalformedBody):
        OPENAI_COMPLETIONS.view(b"{")


@pytest.mark.parametrize("prompt", ["Say hi", ["Say hi"]])
def test_the_prompt_becomes_a_user_message(prompt: object):
    """One text; what else chat has the same is carried, what it has not is named."""
    request = OPENAI_COMPLETIONS.parse_request(
        body(prompt=prompt, max_tokens=5, stop="x", logit_bias={"1": 2}, best_of=3, logprobs=2, suffix="", echo=False, min_p=0.1)
    )
    assert request.messages == (Message("user", (Text("Say hi"),)),)
    assert (request.max_tokens, request.stop, request.logprobs) == (5, ("x",), None)
    rendered = OPENAI_CHAT.render_request(request, Target("c"))
    out = msgspec.json.decode(rendered.body)
    assert sorted(rendered.dropped) == ["best_of", "logprobs"]
    assert (out["logit_bias"], out["min_p"]) == ({"1": 2}, 0.1)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1]]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"suffix": "x"}, "suffix"),
        ({"echo": True}, "echo"),
    ],
)
def test_what_makes_no_sense_in_a_chat_is_unsupported(members: dict, param: str):
    """Rather than an answer to something else."""
    with pytest.raises(Unsupported) as caught:
        OPENAI_COMPLETIONS.parse_request(body(**members))
    assert caught.value.param == param


def test_a_chat_needs_a_prompt():
    """A provider of completions may start from nothing."""
    with pytest.raises(InvalidRequest) as caught:
        OPENAI_COMPLETIONS.parse_request(b'{"model":"m"}')
    assert (caught.value.param, caught.value.code) == ("prompt", "missing_field")


def test_a_reply_is_its_text():
    """In the shape that the official SDK reads."""
    reply = ChatReply(
        "c-1",
        "m",
        (Choice(0, (Reasoning("r"), Text("a"), Text("b")), "tool_calls"), Choice(1, (Refusal("no"),), "refusal")),
        Usage(1, output=2),
    )
    made = OpenAICompletions(FakeClock(9.0)).render_reply(reply)
    parsed = Completion.model_validate_json(made)
    assert [(choice.text, choice.finish_reason) for choice in parsed.choices] == [("ab", "stop"), ("no", "content_filter")]
    assert (parsed.created, parsed.usage and parsed.usage.total_tokens) == (9, 3)


def test_a_stream_is_its_text():
    """A chunk a piece, the reason with an empty text, usage by request, the marker."""
    events = [
        Start("c-1", "m", 1),
        ReasoningDelta("r"),
        TextDelta("a"),
        TextDelta(""),
        TextDelta("b"),
        Finish("length"),
        UsageUpdate(Usage(1, output=2)),
        Done(),
    ]
    for asked in (True, False):
        request = OPENAI_COMPLETIONS.parse_request(body(stream=True, stream_options={"include_usage": asked}))
        data = OPENAI_COMPLETIONS.stream_writer(request).feed(list(events))
        chunks = [msgspec.json.decode(piece[6:]) for piece in data.split(b"\n\n")[:-2]]
        assert [(c["text"], c["finish_reason"]) for chunk in chunks for c in chunk["choices"]] == [
            ("a", None),
            ("b", None),
            ("", "length"),
        ]
        assert ("usage" in chunks[-1]) is asked
        assert data.endswith(b"data: [DONE]\n\n")
    assert OPENAI_COMPLETIONS.stream_writer(request).fail(UpstreamTimeout("x"), "r").startswith(b"event: error\n")


def test_a_stream_of_the_same_dialect_passes():
    """The relay that serves chat knows `text` too."""
    data = recorded("openai_completions/plain.stream.sse")
    relay = OPENAI_COMPLETIONS.relay()
    first = data.index(b"\n\n") + 2
    assert relay.feed(data[:first]) == data[:first]
    assert relay.committed
    assert relay.feed(data[first:]) + relay.end() == data[first:]
    assert (relay.done, relay.usage) == (True, Usage(input=4, output=2))


def test_a_reply_that_passes_is_looked_at():
    """Choices with a text."""
    made = recorded("openai_completions/plain.reply.json")
    assert OPENAI_COMPLETIONS.check_reply(made).usage == Usage(input=4, output=2)
    for bad in (b"null", b'{"choices":[]}', b'{"choices":[{"index":0}]}', b'{"error":{"message":"x"}}'):
        with pytest.raises(UpstreamMalformed):
            OPENAI_COMPLETIONS.check_reply(bad)


def test_a_chat_answer_against_its_golden():
    """A whole chat stream as a completions client sees it."""
    reader = OPENAI_CHAT.stream_reader()
    events = reader.feed(recorded("openai_chat/azure.stream.sse")) + reader.end()
    request = OPENAI_COMPLETIONS.parse_request(body(stream=True))
    agrees("openai_completions/from_chat.sse", OPENAI_COMPLETIONS.stream_writer(request).feed(events))


def test_speech_is_its_transcript():
    """A spoken answer is a text completion's text, whole and streamed."""
    reply = ChatReply("c1", "m", (Choice(0, (Audio(data="AA", transcript="beep"),), "stop"),))
    request = OPENAI_COMPLETIONS.parse_request(body())
    whole = msgspec.json.decode(OPENAI_COMPLETIONS.render_reply(reply, request))
    assert whole["choices"][0]["text"] == "beep"
    streamed = OPENAI_COMPLETIONS.stream_writer(request).feed(
        [Start("c1", "m"), AudioDelta("AA", ""), AudioDelta(transcript="beep")]
    )
    assert streamed.count(b"data:") == 1
    assert b'"text":"beep"' in streamed
