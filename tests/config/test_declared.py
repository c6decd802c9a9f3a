"""Types of providers that a configuration declares itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import TYPES, loaded, told
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.load import load, redacted

MINE = "provider_types:\n  mine:\n    endpoints: {openai_chat: /chat}\n"


def test_a_provider_may_be_of_a_declared_type(tmp_path: Path) -> None:
    """By its type or by its name; a short endpoint is its path; what no provider uses does no harm."""
    text = MINE + "  spare: {endpoints: {embeddings: {path: /embed}}}\nproviders:\n  mine: {}\n  a: {type: mine}\n"
    config = loaded(tmp_path, text)
    assert {name: provider.type for name, provider in config.providers.items()} == {"mine": "mine", "a": "mine"}
    assert config.provider_types["mine"].endpoints["openai_chat"].path == "/chat"
    assert config.provider_types["spare"].endpoints["embeddings"].path == "/embed"


def test_it_comes_from_anywhere(tmp_path: Path) -> None:
    """The order of the sections means nothing; flags and variables declare types too, whole or key by key."""
    assert loaded(tmp_path, "providers: {mine: {}}\n" + MINE).providers["mine"].type == "mine"
    flags = ["provider_types.mine.endpoints.openai_chat=/chat", "providers.a.type=mine"]
    assert loaded(tmp_path, "", flags=flags).providers["a"].type == "mine"
    whole = '{"mine": {"endpoints": {"openai_chat": "/chat"}}}'
    assert loaded(tmp_path, "providers: {mine: {}}", GATEWAY_PROVIDER_TYPES=whole).providers["mine"].type == "mine"
    changed = loaded(tmp_path, MINE + "providers: {mine: {}}\n", GATEWAY_PROVIDER_TYPES__MINE__TITLE="Ours")
    assert changed.provider_types["mine"].title == "Ours"


def test_its_headers_stay_secret_and_count(tmp_path: Path) -> None:
    """A fixed header may hold a credential: it is not shown, and a change of it is a change of the configuration."""
    one, other = (loaded(tmp_path, MINE + f"    headers: {{X-Plan: {value}}}\n") for value in ("gold", "silver"))
    assert redacted(one)["provider_types"]["mine"]["headers"] == {"X-Plan": "***"}
    assert one.digest != other.digest


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  openai: {endpoints: {openai_chat: /c}}\n", "gateway.yaml:2:3: provider_types.openai: there is such a type already; give it another name"),
        ("  'my own': {endpoints: {openai_chat: /c}}\n", "gateway.yaml:2:3: provider_types[\"my own\"]: is not a usable name; use letters, digits, '.', '_' and '-', 64 at most"),
        ("  a: {}\n", "gateway.yaml:2:6: provider_types.a: needs endpoints"),
        ("  a: {endpoints: {}}\n", "gateway.yaml:2:18: provider_types.a.endpoints: needs at least one dialect"),
        ("  a: {endpoints: {opnai_chat: /c}}\n", 'gateway.yaml:2:19: provider_types.a.endpoints.opnai_chat: there is no such dialect; did you mean "openai_chat"?'),
        ("  a: {endpoints: {openai_chat: chat}}\n", "gateway.yaml:2:32: provider_types.a.endpoints.openai_chat.path: expected a path such as /chat/completions or /models/{model}/chat"),
        ("  a: {endpoints: {openai_chat: {path: /c, stream: /s}}}\n", 'gateway.yaml:2:43: provider_types.a.endpoints.openai_chat.stream: unknown key; did you mean "stream_path"?'),
        ("  a: {endpoints: {openai_chat: {path: /c, stream_path: '/s s'}}}\n", "gateway.yaml:2:56: provider_types.a.endpoints.openai_chat.stream_path: expected a path such as /chat/completions or /models/{model}/chat"),
        ("  a: {endpoints: {openai_chat: '/{model}/{other}'}}\n", "gateway.yaml:2:32: provider_types.a.endpoints.openai_chat.path: expected a path such as /chat/completions or /models/{model}/chat"),
        ("  a: {endpoints: {openai_chat: /c}, base_ulr: x}\n", 'gateway.yaml:2:37: provider_types.a.base_ulr: unknown key; did you mean "base_url"?'),
        ("  a: {endpoints: {openai_chat: /c}, base_url: here}\n", "gateway.yaml:2:47: provider_types.a.base_url: expected a URL such as https://host/v1"),
        ("  a: {endpoints: {openai_chat: /c}, docs: here}\n", "gateway.yaml:2:43: provider_types.a.docs: expected a URL"),
        ("  a: {endpoints: {openai_chat: /c}, key_variable: A-B}\n", "gateway.yaml:2:51: provider_types.a.key_variable: has the wrong form"),
        ("  a: {endpoints: {openai_chat: /c}, version: v1}\n", "gateway.yaml:2:46: provider_types.a.version: has the wrong form"),
        ("  a: {endpoints: {openai_chat: /c}, models_path: models}\n", "gateway.yaml:2:50: provider_types.a.models_path: expected a path such as /models"),
        ("  a: {endpoints: {openai_chat: /c}, auth: basic}\n", 'gateway.yaml:2:43: provider_types.a.auth.scheme: expected bearer, found "basic"'),
        ("  a: {endpoints: {openai_chat: /c}, auth: {}}\n", "gateway.yaml:2:43: provider_types.a.auth: needs either bearer or header"),
        ("  a: {endpoints: {openai_chat: /c}, auth: {header: Content-Length}}\n", "gateway.yaml:2:52: provider_types.a.auth.header: must not hold Content-Length: the gateway sets it"),
        ("  a: {endpoints: {openai_chat: /c}, headers: {'A B': c}}\n", "gateway.yaml:2:46: provider_types.a.headers: holds a name that is not an HTTP header name"),
        ("  a: {endpoints: {openai_chat: /c}, headers: {Authorization: c}}\n", "gateway.yaml:2:46: provider_types.a.headers: must not hold authorization: the key is in api_key, and callers' keys stay here"),
        ("  a: {endpoints: {openai_chat: /c}, forwarded: [X-Api-Key]}\n", "gateway.yaml:2:48: provider_types.a.forwarded: must not hold x-api-key: the key is in api_key, and callers' keys stay here"),
        ("  a: {endpoints: {openai_chat: /c}, account_headers: {project: 'A B'}}\n", "gateway.yaml:2:64: provider_types.a.account_headers.project: holds a name that is not an HTTP header name"),
        ("  a: {endpoints: {openai_chat: /c}, quirks: {max_tokens_field: max}}\n", 'gateway.yaml:2:64: provider_types.a.quirks.max_tokens_field: expected max_completion_tokens or max_tokens, found "max"'),
        ("  a: {endpoints: {openai_chat: /c}, quirks: {default_max_tokens: 0}}\n", "gateway.yaml:2:66: provider_types.a.quirks.default_max_tokens: expected a whole number from 1 to 10000000"),
        ("  - a\n", "gateway.yaml:2:3: provider_types: expected a mapping, found a list"),
        ("  a: {endpoints: {openai_chat: /c}}\nproviders: {b: {type: aa}}\n", 'gateway.yaml:3:23: providers.b.type: there is no provider type "aa"; did you mean "a"?'),
        ("  a: {endpoints: {openai_chat: /c}}\nproviders: {a: {fault: '503'}}\n", "gateway.yaml:3:17: providers.a.fault: unknown key; only providers of type simulator know it"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_where_it_stands(tmp_path: Path, text: str, line: str) -> None:
    """File, line, column, path, and a way out."""
    file = tmp_path / "gateway.yaml"
    file.write_text("provider_types:\n" + text)
    with pytest.raises(ConfigErrors) as caught:
        load(file, environ={}, provider_types=TYPES, dialects=("openai_chat", "embeddings"))
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems] == [line]


def test_text_that_is_no_json_is_told_once(tmp_path: Path) -> None:
    """A variable that should hold the whole section."""
    (line,) = told(tmp_path, "", GATEWAY_PROVIDER_TYPES="{mine")
    assert line == "environment variable GATEWAY_PROVIDER_TYPES: provider_types: is not valid JSON"
