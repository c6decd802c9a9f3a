"""The look at a Messages request that may pass through."""

from __future__ import annotations

import msgspec
import pytest

from dialects.looks import no_json
from llm_gateway.core.errors import InvalidRequest, MalformedBody
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES

HI = {"role": "user", "content": "hi"}
GOOD = {"model": "m", "max_tokens": 5, "messages": [HI]}
LOOKS = pytest.mark.parametrize("look", [ANTHROPIC_MESSAGES.view, ANTHROPIC_MESSAGES.parse_request], ids=["view", "parse"])


def body(**members: object) -> bytes:
    return msgspec.json.encode({name: value for name, value in (GOOD | members).items() if value is not msgspec.UNSET})


def user(content: object) -> list[object]:
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("members", "plain"),
    [
        ({}, True),
        ({"system": "Answer."}, True),
        ({"system": [{"type": "text", "text": "Answer."}]}, False),
        ({"messages": user([{"type": "thinking", "thinking": "", "signature": "gemini/x"}])}, False),
    ],
)
def test_messages_of_text_alone_are_told(members: dict[str, object], plain: bool):
    """Where nothing can hold a picture or a signature, and no member is the gateway's own, a large body is not searched for them."""
    seen = ANTHROPIC_MESSAGES.view(body(**members))
    assert (seen.plain, seen.ours) == (plain, False)
    assert ANTHROPIC_MESSAGES.view(body(**members, x_gateway_routing={})).ours


def test_view_says_model_and_stream():
    """Policy is told the model and whether the answer streams; a stream of null is none."""
    for stream, told in ((True, True), (None, False)):
        seen = ANTHROPIC_MESSAGES.view(body(stream=stream))
        assert (seen.model, seen.stream) == ("m", told)


def test_what_a_provider_may_accept_passes():
    """Members, blocks, tools and choices of a kind that we do not know are the provider's business, and so is max_tokens 0."""
    seen = ANTHROPIC_MESSAGES.view(
        body(
            max_tokens=0,
            messages=[{"role": "system"}, *user([{"type": "hologram", "beam": 1}])],
            tools=[{"type": "telepathy_20300101"}],
            tool_choice={"type": "fate"},
            thinking={"type": "between_tools"},
            system=[{"type": "text", "text": "x", "new": 1}],
            novelty={"a": [1]},
            temperature=1.5,
        )
    )
    assert (seen.model, seen.stream) == ("m", False)


@LOOKS
@no_json(body)
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
        ({"max_tokens": msgspec.UNSET}, "max_tokens", "missing_field"),
        ({"max_tokens": -1}, "max_tokens", "invalid_max_tokens"),
        ({"max_tokens": 1e99}, "max_tokens", "invalid_max_tokens"),
        ({"max_tokens": 10**15}, "max_tokens", "invalid_max_tokens"),
        ({"max_tokens": "1"}, "max_tokens", "invalid_max_tokens"),
        ({"messages": msgspec.UNSET}, "messages", "missing_field"),
        ({"messages": "x"}, "messages", "invalid_messages"),
        ({"messages": None}, "messages", "invalid_messages"),
        ({"messages": {}}, "messages", "invalid_messages"),
        ({"messages": []}, "messages", "empty_messages"),
        ({"messages": [HI] * 10_001}, "messages", "invalid_messages"),
        ({"messages": [HI, 1]}, "messages[1]", "invalid_messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", "invalid_messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_field"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_field"),
        ({"messages": user(None)}, "messages[0].content", "missing_field"),
        ({"messages": user(1)}, "messages[0].content", "invalid_messages"),
        ({"messages": user({})}, "messages[0].content", "invalid_messages"),
        ({"messages": user([1])}, "messages[0].content[0]", "invalid_messages"),
        ({"messages": user([{}])}, "messages[0].content[0].type", "missing_field"),
        ({"system": 1}, "system", "invalid_parameter_value"),
        ({"system": [1]}, "system[0]", "invalid_parameter_value"),
        ({"tools": "x"}, "tools", "invalid_parameter_value"),
        ({"tools": [1]}, "tools[0]", "invalid_parameter_value"),
        ({"tool_choice": "auto"}, "tool_choice", "invalid_parameter_value"),
        ({"stream": "true"}, "stream", "invalid_parameter_value"),
        ({"temperature": []}, "temperature", "invalid_temperature"),
        ({"temperature": 2.5}, "temperature", "invalid_temperature"),
        ({"top_p": -1}, "top_p", "invalid_top_p"),
        ({"top_k": "x"}, "top_k", "invalid_top_k"),
        ({"stop_sequences": "x"}, "stop_sequences", "invalid_parameter_value"),
        ({"stop_sequences": [""]}, "stop_sequences", "empty_stop_sequence"),
        ({"metadata": []}, "metadata", "invalid_parameter_value"),
    ],
)
def test_confused_types_are_refused_with_their_path(look, members, param, code):
    """A member of the wrong type or out of all range names its own path and code, whether the request passes or is translated."""
    with pytest.raises(InvalidRequest) as refused:
        look(body(**members))
    assert (refused.value.param, refused.value.code, refused.value.status) == (param, code, 400)


@LOOKS
@pytest.mark.parametrize("data", [b"null", b"[]", b'"x"', b"1"])
def test_documents_that_are_no_objects_are_refused(look, data):
    """JSON that is no object is an invalid request, not a crash."""
    with pytest.raises(InvalidRequest, match="must be a JSON object"):
        look(data)


@LOOKS
@pytest.mark.parametrize("name", ["model", "messages", "stream"])
def test_a_second_member_of_a_watched_name_is_refused(look, name):
    """Another parser could take the other one, so policy and provider would see different requests."""
    twice = body(stream=False)[:-1] + b',"%b":%b}' % (name.encode(), msgspec.json.encode((GOOD | {"stream": True})[name]))
    with pytest.raises(InvalidRequest) as refused:
        look(twice)
    assert refused.value.param == name


def test_refusals_hold_nothing_of_the_request():
    """A message about a wrong value does not repeat it."""
    with pytest.raises(InvalidRequest) as refused:
        ANTHROPIC_MESSAGES.view(body(messages=[{"role": "s3cr3t", "content": "x"}]))
    assert "s3cr3t" not in refused.value.message
