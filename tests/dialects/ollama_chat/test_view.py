"""The look at a request of Ollama's that may pass through."""

from __future__ import annotations

import msgspec
import pytest

from dialects.looks import no_json
from llm_gateway.core.errors import InvalidRequest, MalformedBody
from llm_gateway.dialects.ollama_chat import OLLAMA_CHAT, OLLAMA_GENERATE

HI = {"role": "user", "content": "hi"}
GOOD = {"model": "m", "messages": [HI]}
LOOKS = pytest.mark.parametrize("look", [OLLAMA_CHAT.view, OLLAMA_CHAT.parse_request], ids=["view", "parse"])
GENERATES = pytest.mark.parametrize("look", [OLLAMA_GENERATE.view, OLLAMA_GENERATE.parse_request], ids=["view", "parse"])


def body(**members: object) -> bytes:
    return msgspec.json.encode({name: value for name, value in (GOOD | members).items() if value is not msgspec.UNSET})


def user(content: object) -> list[object]:
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(("stream", "told"), [(msgspec.UNSET, True), (None, True), (True, True), (False, False)])
def test_a_stream_is_what_callers_get_who_do_not_say(stream, told):
    """In this API alone an answer streams unless that is refused, in both operations, and whoever reads the request says so."""
    for front, data in (
        (OLLAMA_CHAT, body(stream=stream)),
        (OLLAMA_GENERATE, body(stream=stream, messages=msgspec.UNSET, prompt="x")),
    ):
        seen = front.view(data)
        assert (seen.model, seen.stream, seen.include_usage) == ("m", told, True)
        assert front.parse_request(data).stream is told


def test_the_place_of_the_model_is_told():
    """Whoever replaces it need not search."""
    data = body()
    assert data[OLLAMA_CHAT.view(data).model_at :].startswith(b':"m"')


def test_what_a_server_may_accept_passes():
    """Members, options and tools that we do not know, and no messages, which load a model."""
    seen = OLLAMA_CHAT.view(
        body(
            messages=[],
            keep_alive=0,
            options={"mirostat": 2, "temperature": 3, "num_predict": -1},
            tools=[{"type": "telepathy"}],
            think="galactic",
            format="yaml",
            novelty={"a": [1]},
        )
    )
    assert seen.model == "m"
    assert OLLAMA_CHAT.view(body(messages=[{"role": "control", "content": "thinking"}, {"role": "user"}])).model == "m"
    assert OLLAMA_GENERATE.view(b'{"model":"m"}').model == "m"


BROKEN = no_json(body)


@LOOKS
@BROKEN
def test_bytes_that_are_no_json_are_refused_as_such(look, data):
    """Whatever is no JSON document in UTF-8 is MalformedBody, and no other error."""
    with pytest.raises(MalformedBody):
        look(data)


@LOOKS
@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"model": msgspec.UNSET}, "model", "missing_field"),
        ({"model": 1}, "model", "invalid_model_id"),
        ({"model": ""}, "model", "invalid_model_id"),
        ({"model": "x" * 257}, "model", "invalid_model_id"),
        ({"model": "a\nb"}, "model", "invalid_model_id"),
        ({"messages": msgspec.UNSET}, "messages", "missing_field"),
        ({"messages": "x"}, "messages", "invalid_messages"),
        ({"messages": None}, "messages", "invalid_messages"),
        ({"messages": {}}, "messages", "invalid_messages"),
        ({"messages": [HI] * 10_001}, "messages", "invalid_messages"),
        ({"messages": [HI, 1]}, "messages[1]", "invalid_messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role", "invalid_messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_field"),
        ({"messages": user(1)}, "messages[0].content", "invalid_messages"),
        ({"messages": user([{"type": "text"}])}, "messages[0].content", "invalid_messages"),
        ({"messages": [HI | {"images": "x"}]}, "messages[0].images", "invalid_messages"),
        ({"messages": [HI | {"images": [1]}]}, "messages[0].images[0]", "invalid_messages"),
        ({"messages": [HI | {"tool_calls": [1]}]}, "messages[0].tool_calls[0]", "invalid_messages"),
        ({"tools": "x"}, "tools", "invalid_parameter_value"),
        ({"tools": [1]}, "tools[0]", "invalid_parameter_value"),
        ({"stream": "true"}, "stream", "invalid_parameter_value"),
        ({"options": []}, "options", "invalid_parameter_value"),
        ({"options": {"temperature": []}}, "options.temperature", "invalid_parameter_value"),
        ({"options": {"num_predict": 1e99}}, "options.num_predict", "invalid_parameter_value"),
        ({"options": {"stop": "x"}}, "options.stop", "invalid_parameter_value"),
        ({"format": 1}, "format", "invalid_parameter_value"),
        ({"think": 1}, "think", "invalid_parameter_value"),
    ],
)
def test_confused_types_are_refused_with_their_path(look, members, param, code):
    """A member of the wrong type names its own path and code, whether the request passes or is translated."""
    with pytest.raises(InvalidRequest) as refused:
        look(body(**members))
    assert (refused.value.param, refused.value.code, refused.value.status) == (param, code, 400)


@GENERATES
@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": ""}, "model"),
        ({"prompt": 1}, "prompt"),
        ({"images": "x"}, "images"),
        ({"system": []}, "system"),
        ({"options": {"seed": "x"}}, "options.seed"),
        ({"format": []}, "format"),
    ],
)
def test_confused_types_of_generate(look, members, param):
    """As in a chat."""
    with pytest.raises(InvalidRequest) as refused:
        look(body(messages=msgspec.UNSET, **({"prompt": "x"} | members)))
    assert refused.value.param == param


@LOOKS
@pytest.mark.parametrize("data", [b"null", b"[]", b'"x"', b"1"])
def test_documents_that_are_no_objects_are_refused(look, data):
    """JSON that is no object is an invalid request, not a crash."""
    with pytest.raises(InvalidRequest, match="must be a JSON object"):
        look(data)


@LOOKS
@pytest.mark.parametrize("name", ["model", "messages", "stream"])
def test_a_second_member_of_a_watched_name_is_refused(look, name):
    """Another parser could take the other one, so policy and server would see different requests."""
    twice = body(stream=False)[:-1] + b',"%b":%b}' % (name.encode(), msgspec.json.encode((GOOD | {"stream": True})[name]))
    with pytest.raises(InvalidRequest) as refused:
        look(twice)
    assert refused.value.param == name


@GENERATES
def test_a_second_prompt_is_refused(look):
    """As above."""
    with pytest.raises(InvalidRequest) as refused:
        look(b'{"model":"m","prompt":"a","prompt":"b"}')
    assert refused.value.param == "prompt"


def test_refusals_hold_nothing_of_the_request():
    """A message about a wrong value does not repeat it."""
    with pytest.raises(InvalidRequest) as refused:
        OLLAMA_CHAT.view(body(messages=[{"role": "s3cr3t", "content": "x"}]))
    assert "s3cr3t" not in refused.value.message
