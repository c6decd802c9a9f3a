"""Earlier responses before a new input."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw

from llm_gateway.core.chat import Message, Text
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.dialects.openai_responses.state import State, input_items, joined, output_items, state_of

OUTPUT = b'{"id":"r","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]}]}'


def test_a_request_says_what_of_it_is_stored():
    """The caller's wish, or nothing."""
    assert state_of(b'{"model":"m","previous_response_id":"r","store":false,"background":true}') == State("r", False, True)
    assert state_of(b'{"model":"m"}') == State()


def test_an_earlier_response_goes_before_the_input():
    """What was asked, what was answered, what is asked now; everything else stays as it is."""
    first = input_items(b'{"input":"one"}') + output_items(OUTPUT)
    body = joined(b'{"model":"m","previous_response_id":"r","input":[{"role":"user","content":"two"}],"x":1.50}', first)
    assert b'"x":1.50' in body
    assert b"previous_response_id" not in body
    request = OPENAI_RESPONSES.parse_request(body)
    assert request.messages == (
        Message("user", (Text("one"),)),
        Message("assistant", (Text("a"),)),
        Message("user", (Text("two"),)),
    )


def test_an_input_may_be_missing_or_a_string():
    """Both are joined."""
    assert msgspec.json.decode(joined(b'{"model":"m"}', [Raw(b'{"id":"x"}')]))["input"] == [{"id": "x"}]
    assert len(msgspec.json.decode(joined(b'{"model":"m","input":"s"}', [Raw(b'{"id":"x"}')]))["input"]) == 2


def test_what_is_no_response_has_no_items():
    """Nothing is stored of it, and nothing raised."""
    for body in (b"", b"null", b"{", b'{"output":3}', b'{"output":null}'):
        assert output_items(body) == []


def test_confused_state_is_refused():
    """By its path."""
    with pytest.raises(InvalidRequest) as refused:
        state_of(b'{"store":"yes"}')
    assert refused.value.param == "store"
