"""A provider as configured, and one model of it."""

from __future__ import annotations

import pytest

from llm_gateway.dialects.anthropic_count_tokens import ANTHROPIC_COUNT_TOKENS
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.embeddings import EMBEDDINGS
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from llm_gateway.http.origin import Origin
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES

OPENAI = PROVIDER_TYPES["openai"]
COMPATIBLE = PROVIDER_TYPES["openai_compatible"]
HERE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("base_url", "origin", "target"),
    [
        ("https://api.openai.com/v1", ("https", "api.openai.com", 443), b"/v1/chat/completions"),
        ("https://api.openai.com/v1/", ("https", "api.openai.com", 443), b"/v1/chat/completions"),
        ("https://api.openai.com", ("https", "api.openai.com", 443), b"/v1/chat/completions"),
        ("https://api.openai.com/", ("https", "api.openai.com", 443), b"/v1/chat/completions"),
        ("http://gpu-1:8000", ("http", "gpu-1", 8000), b"/v1/chat/completions"),
        ("https://API.Groq.com/openai/v1", ("https", "api.groq.com", 443), b"/openai/v1/chat/completions"),
        ("https://h/api/paas/v4", ("https", "h", 443), b"/api/paas/v4/chat/completions"),
        ("https://h/v1beta/openai/", ("https", "h", 443), b"/v1beta/openai/chat/completions"),
        ("https://h/prefix", ("https", "h", 443), b"/prefix/v1/chat/completions"),
        ("https://h/vast", ("https", "h", 443), b"/vast/v1/chat/completions"),
        ("http://[::1]:8000", ("http", "::1", 8000), b"/v1/chat/completions"),
    ],
)
def test_base_urls_work_with_and_without_a_version(base_url, origin, target):
    """/v1 is added where no version stands; one that does is kept."""
    upstream = Upstream("a", COMPATIBLE, base_url)
    assert upstream.origin == Origin(*origin)
    assert upstream.deployment("m").lane(OPENAI_CHAT).target == target


@pytest.mark.parametrize(
    "base_url", ["ftp://h", "h/v1", "https://u:p@h", "https://h?x=1", "https://h#f", "http://h:0", "https://", "http://h /"]
)
def test_base_urls_that_cannot_be_used_are_refused(base_url):
    """When it is configured, not when a request comes."""
    with pytest.raises(ValueError):
        Upstream("a", COMPATIBLE, base_url)


@pytest.mark.parametrize("secret", ["sk-secret\n", "sk-secret\r\nX-Injected: 1", "sk-secr\u20act", "sk-\0secret"])
@pytest.mark.parametrize("where", ["key", "header"])
def test_a_key_that_no_header_can_carry_is_refused_ahead(secret, where):
    """At start with a message that does not show it; it used to fail each request instead."""
    given = {"api_key": secret} if where == "key" else {"headers": {"X-Own": secret}}
    with pytest.raises(ValueError) as caught:
        Upstream("a", COMPATIBLE, HERE, **given)
    assert "secr" not in str(caught.value)
    assert "\u20ac" not in str(caught.value)


def test_a_header_name_must_be_one():
    """Names go the same way."""
    with pytest.raises(ValueError):
        Upstream("a", COMPATIBLE, HERE, headers={"X-Öwn": "1"})


def test_lines_are_merged_by_name():
    """The configuration's line replaces ours and the type's, however it is spelled; no name stands twice."""
    upstream = Upstream("a", OPENAI, HERE, api_key="sk-1", headers={"user-agent": "mine", "AUTHORIZATION": "Bearer other"})
    assert upstream.headers.count(b"\r\n") == 4
    assert b"user-agent: mine\r\n" in upstream.headers
    assert b"AUTHORIZATION: Bearer other\r\n" in upstream.headers
    assert b"sk-1" not in upstream.headers


def test_each_type_signs_in_its_own_way():
    """OpenAI wants a bearer token, Anthropic its own header and a version."""
    assert b"Authorization: Bearer sk-1\r\n" in Upstream("a", OPENAI, HERE, api_key="sk-1").headers
    lines = Upstream("a", PROVIDER_TYPES["anthropic"], HERE, api_key="sk-1").headers
    assert b"x-api-key: sk-1\r\n" in lines
    assert b"anthropic-version: 2023-06-01\r\n" in lines
    assert b"Authorization" not in lines


def test_the_same_dialect_is_preferred():
    """A front that the provider speaks passes through; another one is translated; what is neither has no lane."""
    deployment = Upstream("a", OPENAI, HERE).deployment("m")
    same = deployment.lane(OPENAI_CHAT)
    assert (same.same, same.back) == (True, OPENAI_CHAT)
    translated = deployment.lane(ANTHROPIC_MESSAGES)
    assert (translated.same, translated.typed) == (False, OPENAI_CHAT)
    assert deployment.lane(EMBEDDINGS).target == b"/v1/embeddings"
    assert not deployment.lane(ANTHROPIC_COUNT_TOKENS).same
    anthropic = Upstream("b", PROVIDER_TYPES["anthropic"], HERE).deployment("m")
    assert anthropic.lane(EMBEDDINGS) is None
    assert anthropic.lane(OPENAI_COMPLETIONS).typed is ANTHROPIC_MESSAGES
    assert deployment.lane(OPENAI_CHAT) is same


@pytest.mark.parametrize(
    "model", ["", "a b", "a\tb", "a\nb", "a\x7fb", "m" * 257, ".", "..", "../a", "a/..", "endpoints/../../x", "a/./b"]
)
def test_names_that_could_break_a_line_or_leave_a_path_are_refused(model):
    """No space, control character, endless name, or part of dots: it stands in URLs."""
    with pytest.raises(ValueError):
        Upstream("a", OPENAI, HERE).deployment(model)


@pytest.mark.parametrize(
    ("model", "shown"),
    [("org/m:7b@q4%", b"org/m:7b@q4%"), ("mödel", b"m%C3%B6del"), ("模型", b"%E6%A8%A1%E5%9E%8B"), ("a\x85b", b"a%C2%85b")],
)
def test_a_models_name_in_a_header_is_ascii(model, shown):
    """Other scripts are percent-encoded, so that every client can read the head."""
    lane = Upstream("a", OPENAI, HERE).deployment(model).lane(OPENAI_CHAT)
    for lines in (lane.whole_lines, lane.stream_lines):
        assert b"X-Gateway-Model: " + shown + b"\r\n" in lines
        assert lines.isascii()
