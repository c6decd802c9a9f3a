"""Looking at a request in two pieces gives what looking at the whole gives."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm_gateway.core.end_user import named
from llm_gateway.core.errors import GatewayError, MalformedBody
from llm_gateway.core.splice import replace_top_level
from llm_gateway.dialects.anthropic_messages.view import _look_closely
from llm_gateway.dialects.anthropic_messages.view import view as anthropic_view
from llm_gateway.dialects.base import View
from llm_gateway.dialects.invalid import refuse
from llm_gateway.dialects.openai_chat import view as openai
from llm_gateway.dialects.outline import apart
from llm_gateway.providers.ask import _renamed

spaces = st.sampled_from([b"", b"", b"", b" ", b"\n\t"])
texts = st.sampled_from(
    [
        b'""', b'"hi"', b'"\xc3\xa9"', b'"\xff"', b'"\\u00e9"', b'"\\ud800"', b'"]"', b'"}]"', b'"\\"messages\\":[1]"', b'"messages"',
        b'"model"', b'"\\"model\\":"', b'"\\"messages"', b'"' + b"m" * 300 + b'"',
    ]
)  # fmt: skip
contents = (
    st.just(b'"hi"')
    | st.just(b'"a b"')
    | texts
    | st.sampled_from(
        [
            b"null",
            b"3",
            b"true",
            b"{}",
            b"[]",
            b'[{"type":"text","text":"]"}]',
            b'[{"type":1}]',
            b'[{"messages":[{"role":"user"}]}]',
            b"[1]",
        ]
    )
)
roles = st.sampled_from([b'"user"'] * 9 + [b'"assistant"', b'"system"', b'"robot"', b"1"])
values = st.sampled_from(
    [b"0", b"1", b"-1", b"2", b"2.5", b"null", b"true", b"false", b'""', b'"x"', b"[]", b'[""]', b'["a"]', b"{}", b'{"include_usage":true}',
     b"[{}]", b'[{"function":{"messages":{"a":[]},"stream":{}}}]', b'[{"messages":[{"role":"user","content":"x"}]}]', b"1e99", b"129"]
)  # fmt: skip
names = st.sampled_from(
    [b"max_tokens", b"max_completion_tokens", b"temperature", b"top_p", b"n", b"stop", b"stop_sequences", b"tools", b"system", b"stream",
     b"model", b"messages", b"stream_options", b"x", b"x_gateway_routing", b"mess\\u0061ges", b"\\u006dodel", b'a\\"messages', b"metadata", b"\\u00e9"]
)  # fmt: skip
usual = st.sampled_from([(b"n", b"1"), (b"x", b'"model"'), (b"tools", b'[{"function":{"required":["a"]}}]'), (b"stop", b'["a"]')])


@st.composite
def messages(draw) -> bytes:
    made = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3, 0]))):
        members = [b'"role":' + draw(roles), b'"content":' + draw(spaces) + draw(contents)]
        made.append(b"{" + b",".join(draw(st.permutations(members))[: draw(st.sampled_from([1, *[2] * 9]))]) + b"}")
    return b"[" + draw(spaces) + b",".join(made) + draw(spaces) + b"]"


@st.composite
def bodies(draw) -> bytes:
    """Mostly requests, in any order and spacing; some with members twice, under other spellings, of wrong types, cut or with a tail."""
    model = draw(
        st.sampled_from([b'"gpt"', b'"gpt"', b'"gpt"', b'"\xc3\xa9"', b'""', b'"a\\nb"', b'"\\u0061"', b'"' + b"m" * 257 + b'"'])
    )
    pairs = [
        (b"model", model),
        (b"messages", draw(messages())),
        *draw(st.lists(usual | st.tuples(names, values | texts), max_size=3)),
    ]
    if draw(st.booleans()):
        pairs.append((b"max_tokens", b"5"))
    parts = [
        b'"%b"%b:%b%b%b' % (name, draw(spaces), draw(spaces), value, draw(spaces)) for name, value in draw(st.permutations(pairs))
    ]
    whole = draw(spaces) + b"{" + b",".join(parts) + b"}" + draw(spaces)
    return draw(st.sampled_from([whole] * 20 + [whole[:-1], whole + b"]", whole + b",1"]))


def outcome(look, body: bytes) -> object:
    try:
        return look(body)
    except GatewayError as error:
        return type(error), error.message, error.code, error.param


def assert_true(seen: View, body: bytes) -> None:
    """What the look is sure of is so: the messages are text alone, and no member is the gateway's own."""
    found = msgspec.json.decode(body)
    if seen.plain:
        assert all(isinstance(message["content"], str) for message in found["messages"])
    if not seen.ours:
        assert not any(name.startswith("x_gateway_") for name in found)


HIDDEN = b'{"model":"a","tools":[{"messages":[{"role":"user","content":"x"}]}],"messages":[]}'


@settings(max_examples=300)
@given(bodies())
@example(HIDDEN)
@example(b'{"model":"a","tools":[{"messages":[{"role":"user","content":"x"}]}],"mess\\u0061ges":[],"max_tokens":1}')
@example(b'{"model":"a","messages":[{"role":"user","content":"x"}],"messages":[]}')
@example(b'{"model":"a","messages" :[],"a\\"messages":[{"role":"user","content":"x"}]}')
@example(b'{"model":"a","messages":[{"role":"user","content":"x"}],"model":"a","tools":[]}')
@example(b'{"model":"a","messages":[{"role":"user","content":"x"}],"tools":[{"model":{"stream":{}}}],"stream":true}')
def test_the_short_look_is_the_long_one(body: bytes):
    """The same view or the same refusal, word for word; and the model is found where the general splice finds it."""
    short, long = outcome(openai.view, body), outcome(openai._view_closely, body)
    if isinstance(short, View) and isinstance(long, View):
        assert (
            _renamed(body, short, b'"other"') == _renamed(body, long, b'"other"') == replace_top_level(body, "model", b'"other"')
        )
        assert_true(short, body)
        short.model_at = long.model_at = -1
        short.plain, short.ours = long.plain, long.ours
    assert short == long


@settings(max_examples=300)
@given(bodies())
@example(HIDDEN)
@example(b'{"model":"a","messages":[{"role":"user","content":"x"}],"stop_sequences":["]"],"max_tokens":1}')
def test_the_short_look_is_the_long_one_in_anthropics_dialect(body: bytes):
    """As above."""

    def closely(body: bytes) -> View:
        seen, _ = _look_closely(body)
        if seen.max_tokens is None:
            raise refuse("max_tokens", "this API requires it", "missing_field")
        user = "" if seen.metadata is None else named(seen.metadata.user_id)
        return View(seen.model, seen.stream is True, user=user, most_output=seen.max_tokens)

    short, long = outcome(anthropic_view, body), outcome(closely, body)
    if isinstance(short, View):
        assert _renamed(body, short, b'"other"') == replace_top_level(body, "model", b'"other"')
        assert_true(short, body)
        short.model_at = -1
        short.plain, short.ours = False, True
    assert short == long


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        b',"stop":["x"]',
        b',"tools":[{"function":{}}]',
        b',"tools":[{"function":{"required":["a"]}}],"stop":["x"]',
        b',"a":[[1]],"b":[{}]',
    ],
)
def test_usual_bodies_are_taken_apart(tail: bytes):
    """Whatever lists stand behind the messages: the outline holds all but them. This is what makes long bodies cheap."""
    talk = b'[{"role":"user","content":"]}]"},{"role":"user","content":[{"type":"text"}]}]'
    read = msgspec.json.Decoder(list[dict]).decode
    found = apart(b'{"model": "m", "messages": ' + talk + tail + b"}", read)
    assert found == (msgspec.json.decode(talk), b'{"model": "m", "messages":[]' + tail + b"}", 8)
    found = apart(b'{"messages":' + talk + tail + b',"model":"m"}', read)
    assert found
    assert found[1:] == (b'{"messages":[]' + tail + b',"model":"m"}', len(talk + tail) + 20)


def test_a_broken_outline_with_the_model_twice_is_not_ours_to_judge() -> None:
    """It could not be shown to be an object, so the whole body is read, and refused with the place (C09)."""
    body = b'{"messages":[{"role":"user","content":"x"}],"a":{"model":1},"model":"m","b":tr{"type"}'
    with pytest.raises(MalformedBody):
        openai.view(body)


@pytest.mark.parametrize("size", [10, 100_000])
def test_the_model_is_renamed_in_bodies_of_any_length(size: int) -> None:
    """A long body's rest goes along in another way than a short one's; every other byte stays."""
    for body in (
        b'{"model":"gpt","messages":[{"role":"user","content":"%b"}]}' % (b"x" * size),
        b'{"messages":[{"role":"user","content":"%b"}],"model": "gpt","n":1}' % (b"x" * size),
    ):
        renamed = _renamed(body, openai.view(body), b'"other"')
        assert type(renamed) is bytes
        assert renamed == body.replace(b'"gpt"', b'"other"')
