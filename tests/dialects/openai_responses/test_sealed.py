"""Opaque state of several families."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from dialects.strategies import texts
from llm_gateway.core.chat import Opaque, Reasoning
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.families import is_foreign
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.dialects.openai_responses.sealed import (
    ReasoningItem,
    holds_foreign,
    seal,
    unseal,
    unwrap,
    without_reference,
    wrap,
)

some_texts = st.lists(texts | st.just(""), max_size=3).map(tuple)
secrets = st.none() | texts.filter(lambda text: not text.startswith("~"))
reasoning_items = st.builds(ReasoningItem, texts | st.just(""), some_texts, some_texts, secrets)


@given(reasoning_items)
def test_an_item_comes_back_whole(item):
    """Id, division of the text and encrypted content, to the byte."""
    part = seal(item)
    assert is_foreign(part.signature)
    assert unseal(part) == item
    assert unwrap(item) == part


@given(texts, st.none() | texts)
def test_what_others_made_comes_back_from_a_client(text, signature):
    """Signatures, redacted blocks and blocks that only one dialect has."""
    for part in (Reasoning(text, signature or "s"), Reasoning(redacted=text), Opaque("d", "k", Raw(b'{"a":1}'))):
        assert unseal(part) is None if isinstance(part, Reasoning) else True
        shown = (text,) if isinstance(part, Reasoning) and part.redacted is None else ()
        assert unwrap(ReasoningItem("rs_ours", shown, (), wrap(part))) == part


def test_a_text_that_the_caller_changed_is_one_summary():
    """Its measures do not fit any more; the encrypted content stays."""
    part = seal(ReasoningItem("rs", ("a", "b"), (), "x"))
    assert unseal(Reasoning("other", part.signature)) == ReasoningItem("rs", ("other",), (), "x")


def test_damaged_seals_are_read_as_far_as_they_go():
    """Never raising: a caller may send anything."""
    for signature in (
        "openai_responses/",
        "openai_responses/a#s9999999999",
        "openai_responses/a#q1,s#x",
        "openai_responses/a#s²",
    ):
        assert unseal(Reasoning("t", signature)) is not None
    assert isinstance(unwrap(ReasoningItem("i", (), (), "~opaque:{")), Reasoning)


def test_a_mere_reference_is_left_out():
    """What is not in the encrypted content is in somebody's store."""
    assert without_reference(seal(ReasoningItem("rs", ("a",)))) == Reasoning("a")
    kept = seal(ReasoningItem("rs", ("a",), (), "x"))
    assert without_reference(kept) == kept
    assert without_reference(Reasoning("a", "sig")) == Reasoning("a", "sig")


def test_a_request_with_foreign_state_does_not_pass_as_it_is():
    """A caller who changed from another family's model to this one's; rendered anew, what is foreign is named."""
    item = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "gAAAA~"}
    own = msgspec.json.encode({"model": "m", "input": [{"role": "user", "content": "~"}, item]})
    foreign = own.replace(b'":"gAAAA', b'" : "~signature:gAAAA')
    assert (holds_foreign(own), holds_foreign(foreign)) == (False, True)
    rendered = OPENAI_RESPONSES.render_request(OPENAI_RESPONSES.parse_request(foreign), Target("m"))
    assert rendered.dropped == ["input[1]"]
    assert b"signature" not in rendered.body
