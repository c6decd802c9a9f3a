"""The quick look at a whole answer."""

from __future__ import annotations

from hypothesis import given

from dialects.strategies import wire_damages, wire_replies
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.json import encode
from llm_gateway.dialects.openai_chat.reply_in import _check_closely, check_reply


def outcome(look, body: bytes) -> object:
    try:
        return look(body)
    except UpstreamMalformed as error:
        return error.message


@given(wire_replies, wire_damages)
def test_the_quick_look_is_the_thorough_one(reply, damage):
    """The same facts or the same refusal, also of bytes that have to be repaired first."""
    body = encode(reply).replace(*damage)
    assert outcome(check_reply, body) == outcome(_check_closely, body)
