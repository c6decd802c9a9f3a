"""Documents that were cut off."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from llm_gateway.control.content.mending import mended

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def beginning(part: Any, whole: Any) -> bool:
    """Whether everything in `part` is in `whole`, at the same place; texts may be shorter."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and beginning(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(beginning(*pair) for pair in zip(part, whole, strict=False))
    return whole.startswith(part.removesuffix("[cut]")) if isinstance(part, str) and isinstance(whole, str) else part == whole


@example({"a": 'x"'}, 0.82)
@given(st.dictionaries(st.text(max_size=8), DOCUMENTS, min_size=1, max_size=4), st.floats(0, 1))
def test_what_was_cut_is_the_beginning_of_what_it_was(document: dict[str, Any], share: float) -> None:
    """Wherever it was cut, what is left can be read, and says nothing that the whole did not say."""
    data = msgspec.json.encode(document)
    cut = max(1, int(len(data) * share))
    part = msgspec.json.decode(mended(data[:cut].decode("utf-8", "ignore").encode()))
    assert beginning(part, document)


def test_a_long_text_is_kept_up_to_where_it_was_cut() -> None:
    """Nearly all of a request is one prompt: it must not go because its end is missing."""
    data = b'{"model":"m","messages":[{"role":"user","content":"'
    kept = {"model": "m", "messages": [{"role": "user", "content": 100 * "x" + "[cut]"}]}
    assert msgspec.json.decode(mended(data + 100 * b"x" + 40 * b"y")) == kept
    assert msgspec.json.decode(mended(data + 100 * b"x" + b"\\u00" + 37 * b"y")) == kept
    assert msgspec.json.decode(mended(data + 99 * b"x" + b"\\\\" + 39 * b"y")) == {
        "model": "m",
        "messages": [{"role": "user", "content": 99 * "x" + "[cut]"}],
    }


def test_what_is_no_json_is_nothing() -> None:
    """The caller then says how much of what there was."""
    assert mended(b"]") == b""
