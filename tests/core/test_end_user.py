"""Who an application asks for."""

from __future__ import annotations

import msgspec
import pytest

from limits_support import Limited
from llm_gateway.core.caller import Caller
from llm_gateway.core.end_user import LONGEST, end_user, named
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
CLAUDE = CHAT | {"max_tokens": 7}
RESPONSE = {"model": "m", "input": "hi"}


def test_a_token_goes_before_the_header_and_that_before_the_body():
    """A caller whose token names the user cannot speak for another one."""
    limited = Limited()
    header = {b"x-gateway-user": b"from header"}
    ex = limited.exchange(Caller("k", user="from token"), user="from body", headers=header)
    assert end_user(ex) == "from token"
    assert end_user(limited.exchange(Caller("k"), user="from body", headers=header)) == "from header"
    assert end_user(limited.exchange(Caller("k"), user="from body")) == "from body"
    nobody = limited.exchange(Caller("k"))
    nobody.view = nobody.caller = None
    assert end_user(nobody) == ""


def test_a_name_is_the_same_wherever_it_is_said():
    """UTF-8 in a header, as curl sends it, names whom the body and the admin API name; bytes that are none are Latin-1."""
    limited = Limited()
    for sent in ("jos\u00e9".encode(), "jos\u00e9".encode("latin-1")):
        assert end_user(limited.exchange(Caller("k"), headers={b"x-gateway-user": sent})) == "jos\u00e9"


def test_long_names_are_not_kept():
    """A hash stands for them, so that they still differ."""
    limited = Limited()
    one, two = (end_user(limited.exchange(Caller("k"), user="x" * LONGEST + end)) for end in "ab")
    assert len(one) == len(two) == 32
    assert one != two


def test_anything_may_stand_in_its_place():
    """The first text counts."""
    assert named(None, 5, "", {"a": 1}, "ann", "bob") == "ann"
    assert named(["ann"]) == ""


@pytest.mark.parametrize(
    ("front", "body", "seen"),
    [
        (OPENAI_CHAT, CHAT | {"user": "ann"}, ("ann", 0, 1)),
        (OPENAI_CHAT, CHAT | {"user": "ann", "safety_identifier": "bob", "max_tokens": 5, "n": 3}, ("bob", 5, 3)),
        (OPENAI_CHAT, CHAT | {"safety_identifier": 5, "max_tokens": 5, "max_completion_tokens": 9}, ("", 9, 1)),
        (ANTHROPIC_MESSAGES, CLAUDE | {"metadata": {"user_id": "ann", "more": 1}}, ("ann", 7, 1)),
        (ANTHROPIC_MESSAGES, CLAUDE | {"metadata": {"user_id": {"a": 1}}}, ("", 7, 1)),
        (ANTHROPIC_MESSAGES, CLAUDE, ("", 7, 1)),
        (OPENAI_RESPONSES, RESPONSE | {"user": "ann", "max_output_tokens": 9}, ("ann", 9, 1)),
        (OPENAI_RESPONSES, RESPONSE | {"user": "ann", "safety_identifier": "bob"}, ("bob", 0, 1)),
        (EMBEDDINGS, {"model": "m", "input": "hi", "user": "ann"}, ("ann", 0, 1)),
    ],
)
def test_where_dialects_name_it(front, body, seen):
    """And how long an answer may be, and how many are asked for."""
    view = front.view(msgspec.json.encode(body))
    assert (view.user, view.most_output, view.choices) == seen
