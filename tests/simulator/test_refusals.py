"""Errors as each provider writes them, alone and in a stream."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.problems import Front, Problem
from llm_gateway.simulator.refusals import body, headers, in_stream
from llm_gateway.simulator.shapes import Shape
from simulator.support import events, frames

PROBLEM = Problem(429, "slow down", retry="7")


def shown(front):
    return msgspec.json.decode(body(PROBLEM, front, "req_1"))


def test_bodies():
    """Each provider has a shape of its own."""
    assert shown(Front.OPENAI)["error"] == {"message": "slow down", "type": "requests", "param": None, "code": None}
    assert shown(Front.RESPONSES) == shown(Front.OPENAI)
    assert shown(Front.ANTHROPIC)["error"] == {"type": "rate_limit_error", "message": "slow down"}
    assert shown(Front.OLLAMA) == {"error": "slow down"}
    assert shown(Front.BEDROCK) == {"message": "slow down"}
    assert shown(Front.COHERE).keys() == {"id", "message"}
    google = shown(Front.GEMINI)["error"]
    assert (google["code"], google["status"], google["details"][0]["retryDelay"]) == (429, "RESOURCE_EXHAUSTED", "7s")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, None, "ThrottlingException"),
        (400, None, "ValidationException"),
        (599, None, "InternalServerException"),
        (403, "X", "X"),
    ],
)
def test_bedrock_names_its_exception_in_a_header(status, code, kind):
    """The body has only a message."""
    [(name, value)] = headers(Problem(status, "x", code=code), Front.BEDROCK)
    assert (name, value.partition(b":")[0].decode()) == (b"x-amzn-errortype", kind)
    assert headers(Problem(status, "x"), Front.OPENAI) == ()


def test_errors_in_server_sent_events():
    """Event names and fields differ by provider."""
    found = {front: events(in_stream(PROBLEM, front, Shape.SSE, "r", 4))[0] for front in Front if front is not Front.BEDROCK}
    assert {front: name for front, (name, _) in found.items() if name} == {
        Front.ANTHROPIC: "error",
        Front.RESPONSES: "error",
        Front.COHERE: "message-end",
    }
    documents = {front: msgspec.json.decode(data) for front, (_, data) in found.items()}
    assert documents[Front.RESPONSES]["sequence_number"] == 4
    assert documents[Front.COHERE]["delta"] == {"error": "slow down", "finish_reason": "ERROR"}
    assert documents[Front.GEMINI]["error"]["code"] == 429


def test_errors_in_other_streams():
    """A line, the array's last element, an exception."""
    assert in_stream(PROBLEM, Front.OLLAMA, Shape.NDJSON, "r", 4) == b'{"error":"slow down"}\n'
    array = msgspec.json.decode(b"[{}" + in_stream(PROBLEM, Front.GEMINI, Shape.ARRAY, "r", 4))
    assert array[1]["error"]["code"] == 429
    assert frames(in_stream(PROBLEM, Front.BEDROCK, Shape.FRAMES, "r", 4)) == [("!throttlingException", {"message": "slow down"})]
