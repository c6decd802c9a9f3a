"""The gateway's look at Responses requests."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amount import examples
from llm_gateway.core.errors import InvalidRequest, MalformedBody
from llm_gateway.dialects.base import View
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES

GOOD = {"model": "gpt-5", "input": "Hello"}
LOOKS = pytest.mark.parametrize("look", [OPENAI_RESPONSES.view, OPENAI_RESPONSES.parse_request])


def body(**members: object) -> bytes:
    return msgspec.json.encode(GOOD | members)


def test_view_says_model_and_stream():
    """And where the model stands."""
    assert OPENAI_RESPONSES.view(body(stream=True)) == View("gpt-5", stream=True, model_at=8)
    assert not OPENAI_RESPONSES.view(body()).stream


@pytest.mark.parametrize(
    "members",
    [
        {"input": [{"role": "user", "content": "x"}]},
        {"input": [{"id": "msg_1"}, {"type": "item_reference", "id": "rs_1"}]},
        {"input": [{"type": "some_new_call", "action": {}}]},
        {"input": None, "previous_response_id": "resp_1"},
        {"input": None, "prompt": {"id": "pmpt_1"}},
        {"input": None, "conversation": "conv_1"},
        {"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}},
        {"brand_new": True, "background": True, "text": {"format": {"type": "new"}}},
    ],
)
@LOOKS
def test_what_a_provider_may_accept_passes(look, members):
    """Unknown members, kinds of items and tools are its own business."""
    look(body(**members))


@LOOKS
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"model":"m","input":NaN}',
        b'{"model":"\\ud800","input":"x"}',
        b"\xff\xfe{",
        b'{"model":"m","input":"x","metadata":{"a":' + b"[" * 100000,
        b'{"model":"m","input":"x","metadata":{"a":"\xff"}}',
    ],
)
def test_bytes_that_are_no_json_are_refused_as_such(look, data):
    """Syntax, UTF-8, lone surrogates, bottomless nesting."""
    with pytest.raises(MalformedBody):
        look(data)


@LOOKS
@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"model": None}, "model", "invalid_model_id"),
        ({"model": ""}, "model", "invalid_model_id"),
        ({"input": None}, "input", "missing_field"),
        ({"input": 1}, "input", "invalid_parameter_value"),
        ({"input": {}}, "input", "invalid_parameter_value"),
        ({"input": ["x"]}, "input[0]", "invalid_parameter_value"),
        ({"input": [{"role": "wizard", "content": "x"}]}, "input[0].role", "invalid_parameter_value"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content", "invalid_parameter_value"),
        ({"input": [{"role": "user", "content": [1]}]}, "input[0].content[0]", "invalid_parameter_value"),
        ({"instructions": 1}, "instructions", "invalid_parameter_value"),
        ({"tools": "x"}, "tools", "invalid_parameter_value"),
        ({"tools": [1]}, "tools[0]", "invalid_parameter_value"),
        ({"stream": "true"}, "stream", "invalid_parameter_value"),
        ({"temperature": []}, "temperature", "invalid_temperature"),
        ({"temperature": 2.5}, "temperature", "invalid_temperature"),
        ({"top_p": -1}, "top_p", "invalid_top_p"),
        ({"top_logprobs": -1}, "top_logprobs", "invalid_parameter_value"),
        ({"max_output_tokens": 0}, "max_output_tokens", "invalid_max_tokens"),
        ({"text": "x"}, "text", "invalid_parameter_value"),
        ({"reasoning": []}, "reasoning", "invalid_parameter_value"),
    ],
)
def test_confused_types_are_refused_with_their_path(look, members, param, code):
    """A member of the wrong type or out of all range names its own path and code, whether the request passes or is translated."""
    with pytest.raises(InvalidRequest) as refused:
        look(body(**members))
    assert (refused.value.param, refused.value.code, refused.value.status) == (param, code, 400)


def test_chats_tool_messages_are_refused_with_the_way_out():
    """The usual mistake of who comes from Chat Completions."""
    with pytest.raises(InvalidRequest, match="function_call_output"):
        OPENAI_RESPONSES.view(body(input=[{"role": "tool", "content": "x"}]))


def test_there_are_not_endlessly_many_items():
    """10,000 at most."""
    with pytest.raises(InvalidRequest) as refused:
        OPENAI_RESPONSES.view(body(input=[{"role": "user", "content": "x"}] * 10_001))
    assert refused.value.param == "input"


@LOOKS
@pytest.mark.parametrize("data", [b"null", b"[]", b'"x"', b"1"])
def test_documents_that_are_no_objects_are_refused(look, data):
    """JSON that is no object is an invalid request, not a crash."""
    with pytest.raises(InvalidRequest, match="must be a JSON object"):
        look(data)


@LOOKS
@pytest.mark.parametrize("name", ["model", "input", "stream", "previous_response_id", "store"])
def test_a_second_member_of_a_watched_name_is_refused(look, name):
    """Another parser could take the other one, so policy and provider would see different requests."""
    more = GOOD | {"stream": True, "previous_response_id": "r", "store": True}
    twice = msgspec.json.encode(more)[:-1] + b',"%b":%b}' % (name.encode(), msgspec.json.encode(more[name]))
    with pytest.raises(InvalidRequest) as refused:
        look(twice)
    assert refused.value.param == name


@LOOKS
def test_refusals_hold_nothing_of_the_request(look):
    """A message about a wrong value does not repeat it."""
    with pytest.raises(InvalidRequest) as refused:
        look(body(input=[{"role": "s3cr3t", "content": "x"}]))
    assert "s3cr3t" not in refused.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 99) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "content", "id", "text", "role"]), inner)
    ),
    max_leaves=6,
)
kinds = st.sampled_from(
    ["message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "mcp_call", "\0opaque"]
)
names = [
    "role",
    "content",
    "call_id",
    "name",
    "arguments",
    "input",
    "output",
    "summary",
    "encrypted_content",
    "id",
    "raw",
    "kind",
]
odd_items = st.fixed_dictionaries({}, optional={"type": kinds | json_values, **dict.fromkeys(names, json_values)})
odd_requests = st.fixed_dictionaries(
    {"model": st.just("m")},
    optional={
        "input": st.lists(odd_items, max_size=3) | json_values,
        "tools": st.lists(odd_items, max_size=2) | json_values,
        "tool_choice": odd_items | json_values,
        "text": st.fixed_dictionaries({"format": odd_items}) | json_values,
        "reasoning": json_values,
        "include": json_values,
    },
)


@examples(40)
@given(odd_requests)
def test_mutated_documents_are_read_or_refused(document):
    """Nothing but InvalidRequest, and what is read can be rendered and carried."""
    data = msgspec.json.encode(document)
    for look in (OPENAI_RESPONSES.view, OPENAI_RESPONSES.parse_request):
        with suppress(InvalidRequest):
            look(data)


@examples(40)
@given(st.binary(max_size=60))
def test_random_bytes_are_refused(data):
    """They are no request, and no crash either."""
    for look in (OPENAI_RESPONSES.view, OPENAI_RESPONSES.parse_request):
        with pytest.raises(InvalidRequest):
            look(data)
