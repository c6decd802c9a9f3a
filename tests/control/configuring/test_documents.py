"""Documents in the store."""

from __future__ import annotations

import pytest

from llm_gateway.config.errors import ConfigErrors
from llm_gateway.control.configuring.documents import completed, guarded, restored, shown, stored
from llm_gateway.control.configuring.kinds import MODEL, PROVIDER
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.credentials.ring import Ring
from llm_gateway.store.rows import ObjectRow

RING = Ring([bytes(32)])
DOCUMENT = {"type": "openai", "api_key": "sk-secret", "headers": {"x-a": "hush"}, "proxy": "http://u:pw@proxy"}


def row(text: str, kind: str = "provider", name: str = "p") -> ObjectRow:
    return ObjectRow(kind, name, text, 3, 1, 2, "boss")


def test_there_and_back():
    """Sealed where there are secrets, plain where there are none."""
    text = stored(PROVIDER, "p", DOCUMENT, RING)
    assert "secret" not in text
    assert "hush" not in text
    made = restored(row(text), RING)
    assert (made.document, made.version, made.updated_by) == (DOCUMENT, 3, "boss")
    assert stored(MODEL, "m", {"retries": 1}, RING) == '{"retries":1}'


@pytest.mark.parametrize(("name", "ring"), [("other", RING), ("p", Ring([b"x" * 32]))])
def test_a_document_opens_only_in_its_place_and_with_its_key(name, ring):
    """A copy under another name is of no use; the text says which object it is."""
    with pytest.raises(ConfigErrors, match=f"API object provider {name}"):
        restored(row(stored(PROVIDER, "p", DOCUMENT, RING), name=name), ring)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"sealed": "!"}', '{"sealed": 5}'])
def test_what_is_no_document(text):
    """Told, and not a bug."""
    with pytest.raises(ConfigErrors):
        restored(row(text), RING)


def test_what_is_shown_can_come_back():
    """Every secret is hidden, and kept when it is sent back as it was shown."""
    seen = shown(PROVIDER, DOCUMENT)
    assert seen == {"type": "openai", "api_key": "***", "headers": {"x-a": "***"}, "proxy": "http://***@proxy"}
    assert completed(seen, DOCUMENT) == DOCUMENT
    with pytest.raises(InvalidRequest, match=r"headers\.x-b: is \*\*\*"):
        completed({"headers": {"x-b": "***"}}, DOCUMENT)
    with pytest.raises(InvalidRequest, match="proxy"):
        completed({"proxy": "http://***@elsewhere"}, DOCUMENT)


def test_the_audit_log_sees_that_a_header_is_another():
    """It can tell two secrets apart, and shows neither."""
    first, second = (guarded(PROVIDER, {"headers": {"a": value}})["headers"]["a"] for value in ("x1", "x2"))
    assert (str(first), first != second) == ("***", True)
    assert guarded(MODEL, {"headers": {"a": 1}}) == {"headers": {"a": 1}}
