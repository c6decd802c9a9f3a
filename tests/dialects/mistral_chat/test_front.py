"""What Mistral's own clients are answered where another provider answers."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.core.embeddings import EmbeddingsReply
from llm_gateway.core.errors import InvalidRequest, UpstreamMalformed
from llm_gateway.core.events import Done, Finish, Start, TextDelta, ToolCallDelta, ToolCallStart, UsageUpdate
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.mistral_chat.front import INSTEAD, LIMIT_CHARS, MISTRAL_FRONT

ASKED = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def parsed(**more):
    return MISTRAL_FRONT.parse_request(msgspec.json.encode(ASKED | more))


def test_the_seed_has_another_name():
    """random_seed is the neutral form's seed, and nothing that another provider would refuse."""
    request = parsed(random_seed=7)
    assert (request.seed, request.extra) == (7, {})
    assert parsed().seed is None
    with pytest.raises(InvalidRequest) as refused:
        parsed(random_seed="seven")
    assert refused.value.param == "random_seed"


def test_calls_are_whole():
    """Each call is one event with its name, though its arguments came in pieces and between those of another."""
    writer = MISTRAL_FRONT.stream_writer(parsed())
    out = writer.feed([Start("c1", "real"), TextDelta("Let me see."), ToolCallStart(0, "a", "weather"), ToolCallDelta(0, '{"ci')])
    assert b"weather" not in out
    out += writer.feed([ToolCallStart(1, "b", "time"), ToolCallDelta(1, "{}"), ToolCallDelta(0, 'ty":1}')])
    out += writer.feed([Finish("tool_calls"), UsageUpdate(Usage(input=3, output=2)), Done()])
    events = [msgspec.json.decode(event.removeprefix(b"data: ")) for event in out.split(b"\n\n")[:-2]]
    calls = [call for event in events for choice in event["choices"] for call in choice["delta"].get("tool_calls", ())]
    assert [call["function"] for call in calls] == [
        {"name": "weather", "arguments": '{"city":1}'},
        {"name": "time", "arguments": "{}"},
    ]
    assert [call["index"] for call in calls] == [0, 1]
    finished = [place for place, event in enumerate(events) if event["choices"] and event["choices"][0]["finish_reason"]]
    assert finished == [len(events) - 2]
    assert events[-1]["usage"]["total_tokens"] == 5
    assert out.endswith(b"data: [DONE]\n\n")


def test_calls_are_bounded():
    """What is held until the end has a limit."""
    writer = MISTRAL_FRONT.stream_writer(parsed())
    with pytest.raises(UpstreamMalformed):
        writer.feed([Start("c1", "real"), ToolCallStart(0, "a", "f"), ToolCallDelta(0, "x" * (LIMIT_CHARS + 1))])


def test_embeddings_have_an_id():
    """Also where the provider gave none."""
    front = INSTEAD[EMBEDDINGS]
    request = front.parse_request(b'{"model":"m","input":["a"]}')
    reply = EMBEDDINGS.parse_reply(b'{"data":[{"index":0,"embedding":[0.5]}],"model":"m"}')
    assert isinstance(reply, EmbeddingsReply)
    assert msgspec.json.decode(front.render_reply(reply, request))["id"] == ""
