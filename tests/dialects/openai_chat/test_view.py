"""The gateway's look at a chat request."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.core.errors import InvalidRequest, MalformedBody
from llm_gateway.dialects.openai_chat import OPENAI_CHAT

GOOD = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def body(**changes: object) -> bytes:
    return msgspec.json.encode({name: value for name, value in (GOOD | changes).items() if value is not ...})


def test_the_view_holds_what_policy_acts_on():
    """Model, stream and include_usage are read; everything else is left alone."""
    seen = OPENAI_CHAT.view(body(stream=True, stream_options={"include_usage": True}, x_unknown=[1]))
    assert (seen.model, seen.stream, seen.include_usage) == ("gpt-4o", True, True)
    plain = OPENAI_CHAT.view(body())
    assert (plain.model, plain.stream, plain.include_usage) == ("gpt-4o", False, False)


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ({"role": "user", "content": "x_gateway_ and image_url are words"}, True),
        ({"role": "assistant", "content": "hi", "tool_calls": [{"id": "1"}]}, True),
        ({"role": "user", "content": [{"type": "text", "text": "hi"}]}, False),
        ({"role": "assistant", "content": None}, False),
        ({"role": "assistant", "content": "hi", "reasoning_details": [{"signature": "gemini/x"}]}, False),
    ],
)
def test_messages_of_text_alone_are_told(message: dict[str, object], plain: bool):
    """Where nothing can hold a picture or a signature, and no member is the gateway's own, a large body is not searched for them."""
    seen = OPENAI_CHAT.view(body(messages=[GOOD["messages"][0], message]))
    assert (seen.plain, seen.ours) == (plain, False)
    assert OPENAI_CHAT.view(body(messages=[message], x_gateway_routing={})).ours


@pytest.mark.parametrize(
    "data",
    [
        b"", b"  ", b"{", b"NaN", b'{"model":NaN}', b'{"model":Infinity}', b"\xef\xbb\xbf{}", '{"model":"x"}'.encode("utf-16"),
        b'{"model":"x","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"x","messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"model":"x","messages":[{"role":"user","content":"\\udc00 tail"}]}',
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        body() + b" {}",
    ],
)  # fmt: skip
def test_what_is_no_json_is_a_malformed_body(data: bytes):
    """faults.md C09 and C10: a 400 of its own code, whatever is broken."""
    with pytest.raises(MalformedBody) as caught:
        OPENAI_CHAT.view(data)
    assert caught.value.status == 400
    assert caught.value.code == "json_parse_error"


@pytest.mark.parametrize("data", [b"[]", b'"x"', b"3", b"null", b"true"])
def test_a_document_that_is_no_object_is_refused(data: bytes):
    """JSON, but not a request."""
    with pytest.raises(InvalidRequest):
        OPENAI_CHAT.view(data)


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"model": ...}, "model", "missing_field"),
        ({"model": 3}, "model", "invalid_model_id"),
        ({"model": None}, "model", "invalid_model_id"),
        ({"model": ""}, "model", "invalid_model_id"),
        ({"model": "m" * 257}, "model", "invalid_model_id"),
        ({"model": "a\nb"}, "model", "invalid_model_id"),
        ({"messages": ...}, "messages", "missing_field"),
        ({"messages": "hi"}, "messages", "invalid_messages"),
        ({"messages": None}, "messages", "invalid_messages"),
        ({"messages": {}}, "messages", "invalid_messages"),
        ({"messages": []}, "messages", "empty_messages"),
        ({"messages": ["hi"]}, "messages[0]", "invalid_messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_field"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_messages"),
        ({"messages": [{"role": 1, "content": "x"}]}, "messages[0].role", "invalid_messages"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content", "invalid_messages"),
        ({"messages": [{"role": "user", "content": True}]}, "messages[0].content", "invalid_messages"),
        ({"messages": [{"role": "user", "content": {}}]}, "messages[0].content", "invalid_messages"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]", "invalid_messages"),
        ({"messages": [{"role": "user", "content": [{"type": 1}]}]}, "messages[0].content[0].type", "invalid_messages"),
        ({"messages": [{"role": "assistant", "tool_calls": "x"}]}, "messages[0].tool_calls", "invalid_messages"),
        ({"messages": [GOOD["messages"][0]] * 10_001}, "messages", "invalid_messages"),
        ({"stream": "true"}, "stream", "invalid_parameter_value"),
        ({"stream_options": []}, "stream_options", "invalid_parameter_value"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_parameter_value"),
        ({"tools": "x"}, "tools", "invalid_parameter_value"),
        ({"tools": [1]}, "tools[0]", "invalid_parameter_value"),
        ({"tool_choice": 3}, "tool_choice", "invalid_parameter_value"),
        ({"temperature": []}, "temperature", "invalid_temperature"),
        ({"temperature": -1}, "temperature", "invalid_temperature"),
        ({"temperature": True}, "temperature", "invalid_temperature"),
        ({"top_p": 1.5}, "top_p", "invalid_top_p"),
        ({"n": -1}, "n", "invalid_parameter_value"),
        ({"n": 129}, "n", "invalid_parameter_value"),
        ({"n": "2"}, "n", "invalid_parameter_value"),
        ({"max_tokens": 0}, "max_tokens", "invalid_max_tokens"),
        ({"max_tokens": 1e99}, "max_tokens", "invalid_max_tokens"),
        ({"max_completion_tokens": -5}, "max_completion_tokens", "invalid_max_tokens"),
        ({"stop": ""}, "stop", "empty_stop_sequence"),
        ({"stop": ["a", ""]}, "stop", "empty_stop_sequence"),
        ({"stop": [1]}, "stop[0]", "invalid_parameter_value"),
        ({"response_format": "json"}, "response_format", "invalid_parameter_value"),
        ({"logit_bias": []}, "logit_bias", "invalid_parameter_value"),
    ],
)
def test_a_wrong_member_is_named(changes: dict[str, object], param: str, code: str):
    """faults.md C11: type confusion gives 400 with param set, and the code of requirements 1.2."""
    with pytest.raises(InvalidRequest) as caught:
        OPENAI_CHAT.view(body(**changes))
    assert (caught.value.param, caught.value.code) == (param, code)
    assert param in caught.value.message


def test_what_is_wrong_is_told_without_repeating_it():
    """A value of the caller's could be a secret, and an error travels into logs."""
    with pytest.raises(InvalidRequest) as caught:
        OPENAI_CHAT.view(body(messages=[{"role": "sk-secret", "content": "x"}]))
    assert "sk-secret" not in caught.value.message


def test_a_number_beyond_all_floats_is_refused():
    """1e400 is JSON, and no number that we or a provider can hold."""
    with pytest.raises(InvalidRequest) as caught:
        OPENAI_CHAT.view(b'{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":1e400}')
    assert caught.value.param == "temperature"


@pytest.mark.parametrize("member", ["model", "messages", "stream"])
@pytest.mark.parametrize("filler", [10, 10_000])
@pytest.mark.parametrize("spelled", [lambda name: f'"{name}"', lambda name: f'"\\u00{ord(name[0]):02x}{name[1:]}"'])
def test_a_member_that_stands_twice_is_refused(member: str, filler: int, spelled):
    """Parsers differ in which of the two they take; long bodies go another way through the check than short ones."""
    values = {"model": '"other"', "messages": '[{"role":"user","content":"y"}]', "stream": "true"}
    good = msgspec.json.encode(GOOD | {"stream": False, "messages": [{"role": "user", "content": "x" * filler}] * 2}).decode()
    assert OPENAI_CHAT.view(good.encode()).model == "gpt-4o"
    for data in (f"{good[:-1]},{spelled(member)}:{values[member]}}}", f"{{{spelled(member)}:{values[member]},{good[1:]}"):
        with pytest.raises(InvalidRequest) as caught:
            OPENAI_CHAT.view(data.encode())
        assert caught.value.param == member


def test_names_inside_of_contents_are_no_members():
    """A text may speak of "model" as often as it likes, and nested members may have any name."""
    talk = '"model" "model" "stream" ' * 400
    message = {"role": "user", "content": [{"type": "text", "text": talk, "model": 1, "stream": 2}]}
    assert OPENAI_CHAT.view(body(messages=[message, message], metadata={"model": "x", "stream": "y"})).model == "gpt-4o"


def test_what_a_provider_may_accept_is_let_through():
    """Unknown members and roles' odd contents are the provider's business."""
    OPENAI_CHAT.view(body(top_k=-1, enable_thinking=True, messages=[{"role": "assistant", "content": None, "prefix": True}]))
    OPENAI_CHAT.view(body(temperature=None, n=None, stop=None, tools=None, stream=None, max_tokens=None))
