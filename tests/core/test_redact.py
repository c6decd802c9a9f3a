"""Secrets in plain data are hidden, and nothing else is."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.config.schema import Provider
from llm_gateway.config.values import Duration, Secret
from llm_gateway.core.redact import Redactor, is_secret

redact = Redactor()


@pytest.mark.parametrize(
    "name",
    ["password", "api_key", "apiKey", "X-Api-Key", "token", "access_token", "secret", "client_secret", "Authorization", "key",
     "secret_access_key", "private_key", "dbPassword", "master_key", "Proxy-Authorization", "Set-Cookie"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    """However they are written."""
    assert is_secret(name)
    assert redact({name: "x", "a": [{name: "y"}]}) == {name: "***", "a": [{name: "***"}]}


@pytest.mark.parametrize(
    "name", ["max_tokens", "input_tokens", "key_name", "key_id", "tokens_per_minute", "model", "keys", "secrets", "auth"]
)
def test_names_of_other_things(name: str) -> None:
    """They only look like one."""
    assert redact({name: "x"}) == {name: "x"}


def test_types_and_sections() -> None:
    """A Secret is hidden whatever its field is called; structs, dates and durations are plain data; references stay readable."""
    provider = msgspec.structs.replace(Provider(type="openai"), api_key=Secret("sk-hidden"), region="eu")
    shown = redact({"p": provider, "header": Secret("sk-hidden"), "at": date(2026, 1, 2), "every": Duration(5), "raw": b"123"})
    assert "sk-hidden" not in repr(shown)
    assert (shown["p"]["api_key"], shown["p"]["region"], shown["header"]) == ("***", "eu", "***")
    assert (shown["at"], shown["every"], shown["raw"]) == ("2026-01-02", 5.0, "3 bytes")
    assert redact({"api_key": "${vault:a/b#c}", "token": "", "secret": None}) == {
        "api_key": "${vault:a/b#c}",
        "token": "",
        "secret": None,
    }
    assert redact({"url": "postgresql://me:word@db/x", "credentials": {"a": "b", "c": ["d"]}}) == {
        "url": "postgresql://***@db/x",
        "credentials": {"a": "***", "c": ["***"]},
    }


def test_paths() -> None:
    """A star stands for one name or index."""
    mine = Redactor(["providers.*.headers.*", "list.1"])
    data = {"providers": {"a": {"headers": {"X-Team": "x"}, "url": "y"}}, "list": ["a", "b"], "headers": {"X-Team": "x"}}
    assert mine(data) == {
        "providers": {"a": {"headers": {"X-Team": "***"}, "url": "y"}},
        "list": ["a", "***"],
        "headers": {"X-Team": "x"},
    }


def test_only_what_differs() -> None:
    """A secret that changed is there on both sides, one that did not is not; what came and went is on one side."""
    before = {"api_key": "one", "secret": "same", "limits": {"a": 1, "b": 2}, "gone": 1, "list": [1]}
    after = {"api_key": "two", "secret": "same", "limits": {"a": 1, "b": 3}, "new": 2, "list": [1, 2]}
    assert redact.changes(before, after) == (
        {"api_key": "***", "limits": {"b": 2}, "gone": 1, "list": [1]},
        {"api_key": "***", "limits": {"b": 3}, "new": 2, "list": [1, 2]},
    )
    assert redact.changes(before, dict(before)) == (None, None)
    assert redact.changes(None, {"api_key": "x"}) == (None, {"api_key": "***"})


plain: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.just("token"), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_the_result_is_always_json(value: Any) -> None:
    """Whatever comes in; and hiding twice is hiding once."""
    shown = redact(value)
    assert redact(msgspec.json.decode(msgspec.json.encode(shown))) == msgspec.json.decode(msgspec.json.encode(shown))


@given(plain, plain)
def test_a_secret_never_shows_in_changes(one: Any, other: Any) -> None:
    """On neither side."""
    marked = {"a": one, "password": "SECRET-1", "n": {"token": "SECRET-2", "x": other}}
    assert "SECRET" not in repr(redact.changes(marked, {"a": other, "password": "SECRET-3", "n": one}))
