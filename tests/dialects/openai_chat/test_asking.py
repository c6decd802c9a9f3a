"""A stream's usage that the gateway asks for, not the caller."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_chat.asking import AsksForUsage
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS

ASKED = b'"stream_options":{"include_usage":true}'


@pytest.mark.parametrize("back", [OPENAI_CHAT, OPENAI_COMPLETIONS])
@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (b'{"model":"m",%b}', b'{"stream_options":{"include_usage":true},"model":"m",%b}'),
        (b' {\n "model": "m" ,%b }', b' {"stream_options":{"include_usage":true},\n "model": "m" ,%b }'),
        (b'{"model":"m","stream_options":null,%b}', b'{"model":"m","stream_options":{"include_usage":true},%b}'),
        (b'{"model":"m","stream_options":{},%b}', b'{"model":"m","stream_options":{"include_usage":true},%b}'),
        (
            b'{"model":"m","stream_options" : { "include_usage" : false , "x":[1]},%b}',
            b'{"model":"m","stream_options" : { "include_usage" : true , "x":[1]},%b}',
        ),
        (
            b'{"model":"m","stream_options":{"include_obfuscation":false},%b}',
            b'{"model":"m","stream_options":{"include_usage":true,"include_obfuscation":false},%b}',
        ),
        (
            b'{"model":"m","stream\\u005foptions":{"include_usage":null},%b}',
            b'{"model":"m","stream\\u005foptions":{"include_usage":true},%b}',
        ),
    ],
)
def test_only_the_question_is_added(back: AsksForUsage, said: bytes, sent: bytes):
    """What the caller wrote stays as it is written, its own options too; nothing else of the body changes by a byte."""
    rest = b'"messages":[{"role":"user","content":"\\"stream_options\\":{} {"}],"prompt":"x","stream":true,"n" : 1'
    body = said % rest
    asking = back.asking_usage(body, back.view(body))  # type: ignore[attr-defined]
    assert asking == sent % rest
    assert back.view(asking).include_usage  # type: ignore[attr-defined]


names = st.sampled_from(["stream_options", "include_usage", "x", "ä", 'a"b'])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
options = st.none() | st.dictionaries(names.filter(lambda name: name != "include_usage"), values, max_size=3)


@given(st.dictionaries(names.filter(lambda name: name != "stream_options"), values, max_size=4), st.booleans(), options)
def test_the_request_says_the_same_otherwise(more: dict, there: bool, own: dict | None):
    """Whatever else stands in it, of the same names at other places too."""
    document = {**more, "model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    if there:
        document["stream_options"] = own
    body = msgspec.json.encode(document)
    asking = OPENAI_CHAT.asking_usage(body, OPENAI_CHAT.view(body))
    said = own if there and own else {}
    assert msgspec.json.decode(asking) == {**document, "stream_options": {**said, "include_usage": True}}
