"""What an upstream's failure means."""

from __future__ import annotations

import pytest

from llm_gateway.core.errors import (
    GatewayError,
    UpstreamError,
    UpstreamFiltered,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.http import errors as http
from llm_gateway.providers.faults import first_token_late, from_failure, from_http, from_status, masked, public

NOTHING = ProviderFault("")


def status(
    code: int, fault: ProviderFault = NOTHING, headers: dict[bytes, bytes] | None = None, body: bytes = b""
) -> UpstreamError:
    return from_status(code, headers or {}, body, fault, 0.0)


@pytest.mark.parametrize(
    ("code", "kind", "told", "reason"),
    [
        (300, UpstreamMalformed, 502, "redirect"),
        (307, UpstreamMalformed, 502, "redirect"),
        (400, UpstreamRejected, 400, "rejected"),
        (401, UpstreamError, 502, "credentials"),
        (402, UpstreamRateLimited, 429, "quota"),
        (403, UpstreamError, 502, "credentials"),
        (404, UpstreamRejected, 404, "rejected"),
        (408, UpstreamTimeout, 504, "upstream_timeout"),
        (409, UpstreamRejected, 409, "conflict"),
        (413, UpstreamRejected, 413, "rejected"),
        (422, UpstreamRejected, 422, "rejected"),
        (429, UpstreamRateLimited, 429, "rate_limited"),
        (500, UpstreamError, 502, "server_error"),
        (502, UpstreamError, 502, "server_error"),
        (503, UpstreamUnavailable, 503, "overloaded"),
        (504, UpstreamTimeout, 504, "upstream_timeout"),
        (529, UpstreamUnavailable, 503, "overloaded"),
        (599, UpstreamError, 502, "server_error"),
    ],
)
def test_every_status_has_a_meaning(code, kind, told, reason):
    """Its class, the status that callers see, and the word in logs."""
    error = status(code)
    assert (type(error), error.status, error.reason, error.upstream_status) == (kind, told, reason, code)


def test_what_may_be_asked_again():
    """The request's own fault nowhere (U17), credentials, quotas and missing models elsewhere only, the rest anywhere."""
    assert {code for code in (400, 413, 422) if status(code).retryable} == set()
    assert {code for code in (401, 402, 403, 404) if status(code).elsewhere_only and status(code).retryable} == {
        401,
        402,
        403,
        404,
    }
    assert all(status(code).retryable and not status(code).elsewhere_only for code in (408, 429, 500, 502, 503, 504, 529))


@pytest.mark.parametrize("fault", [ProviderFault("x", code="insufficient_quota"), ProviderFault("x", type="insufficient_quota")])
def test_an_exhausted_quota_is_no_rate_limit(fault):
    """U14: waiting does not help, so the key is not asked again; the code is told."""
    error = status(429, fault)
    assert (error.code, error.elsewhere_only) == ("insufficient_quota", True)


def test_retry_after_is_kept():
    """For the pause before the next try, or for the caller."""
    assert status(429, headers={b"retry-after": b"7"}).retry_after == 7.0
    assert status(503).retry_after is None


def test_what_the_body_says_of_waiting_counts_where_no_header_does():
    """Google's RetryInfo."""
    fault = ProviderFault("busy", retry_after=34.5)
    assert status(429, fault).retry_after == 34.5
    assert status(429, fault, {b"retry-after": b"7"}).retry_after == 7
    assert from_failure(ProviderFault("busy", "RESOURCE_EXHAUSTED", retry_after=3.0)).retry_after == 3.0


def test_aws_names_its_errors_in_a_header():
    """A quota that is used up comes as 400, and no other try here helps."""
    headers = {b"x-amzn-errortype": b"ServiceQuotaExceededException:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    error = status(400, ProviderFault("Too many"), headers)
    assert (type(error), error.reason, error.elsewhere_only) == (UpstreamRateLimited, "quota", True)
    assert type(status(400, ProviderFault("bad"), {b"x-amzn-errortype": b"ValidationException"})) is UpstreamRejected


def test_nobody_reads_that_his_key_is_wrong():
    """U17: refused credentials are the gateway's; neither the words nor the key of the provider's answer are shown."""
    error = status(401, ProviderFault("Incorrect API key provided: sk-abcdef123456", code="invalid_api_key"))
    assert "key" not in error.message.lower()
    assert (error.type, error.code) == ("provider_error", "provider_authentication_failed")


def test_a_rejection_says_what_and_where():
    """The provider's message, code and parameter reach the caller."""
    error = status(400, ProviderFault("too long", code="context_length_exceeded", param="messages"))
    assert (error.message, error.code, error.param) == ("too long", "context_length_exceeded", "messages")
    assert status(404, ProviderFault("gone", code="x")).code == "model_not_found"
    assert status(413).code == "payload_too_large"
    assert "418" in status(418).message


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"error":{"message":"bad"}}', True),
        ('{"error":{"message":"schön"}}'.encode(), True),
        (b'\xef\xbb\xbf{"error":{}}', False),
        (b'{"error":"\xff"}', False),
        (b"<html>", False),
        (b"", False),
        (b'{"error":{"message":"organization org-abcdef123456 may not"}}', False),
        (b'{"error":{"message":"you sent Bearer sk-proj-abcdef123456"}}', False),
    ],
)
def test_only_clean_bodies_are_shown_as_they_are(body, shown):
    """UTF-8 JSON without anything like a credential or an account (U26, C18); else the caller gets our own wording."""
    assert status(400, ProviderFault("x"), body=body).body == (body if shown else b"")


@pytest.mark.parametrize(
    ("error", "kind", "reason", "again"),
    [
        (http.TlsFailed("x"), UpstreamError, "tls", False),
        (http.ConnectTimeout("x"), UpstreamTimeout, "connect_timeout", True),
        (http.DnsFailed("x"), UpstreamUnavailable, "dns", True),
        (http.ConnectFailed("x"), UpstreamUnavailable, "connect", True),
        (http.PoolExhausted("x"), UpstreamUnavailable, "pool", True),
        (http.HeadTimeout("x"), UpstreamTimeout, "head_timeout", True),
        (http.IdleTimeout("x"), UpstreamTimeout, "idle_timeout", True),
        (http.DeadlineExceeded("x"), UpstreamTimeout, "deadline", True),
        (http.ConnectionLost("x"), UpstreamError, "reset", True),
        (http.TooLarge("x"), UpstreamMalformed, "too_large", True),
        (http.ProtocolViolation("x"), UpstreamMalformed, "malformed", True),
        (http.BadCoding("x"), UpstreamMalformed, "malformed", True),
    ],
)
def test_every_http_error_has_a_meaning(error, kind, reason, again):
    """The words are ours: nothing of the engine's text is shown, and the cause is kept."""
    made = from_http(error)
    assert (type(made), made.reason, made.elsewhere_only) == (kind, reason, not again)
    assert made.retryable
    assert "x" not in made.message.split()
    assert made.__cause__ is error


def test_whether_it_was_sent_is_kept():
    """It decides what a repeat risks."""
    assert from_http(http.ConnectionLost("x", sent=True)).sent
    assert not from_http(http.ConnectFailed("x")).sent


def test_a_late_first_token_has_its_own_name():
    """The head came, so neither head_timeout nor deadline would be true."""
    error = first_token_late(http.DeadlineExceeded("x"))
    assert (type(error), error.reason) == (UpstreamTimeout, "first_token_timeout")


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("overloaded_error", UpstreamUnavailable),
        ("rate_limit_error", UpstreamRateLimited),
        ("timeout_error", UpstreamTimeout),
        ("api_error", UpstreamError),
        ("", UpstreamError),
    ],
)
def test_an_error_inside_a_stream(kind, made):
    """U31: its kind decides the class, so that each front words it in its own way; credentials are masked."""
    error = from_failure(ProviderFault("key sk-abcdef123456 is\nbusy", kind))
    assert (type(error), error.reason, error.message) == (made, "in_band", "key *** is busy")
    assert from_failure(NOTHING).message


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abc_DEF-123456",
        "Bearer abcdef123456",
        "org-abcdefgh1234",
        "AIzaSyABCDEFGHIJKL",
        "AKIAIOSFODNN7EXAMPLE",
        "hf_abcdefgh123456",
        "gsk_abcdefgh123456",
        "sk-****************abcd",
        "a" * 40,
    ],
)
def test_what_looks_like_a_credential_is_masked(secret):
    """In the middle of any text; what is around it stays."""
    assert public(f"before {secret} after") == "before *** after"


@pytest.mark.parametrize(
    "text",
    [
        "the key parameter is wrong",
        "Unknown parameter: 'key_prefix'",
        "an org without access",
        "bearer of bad news",
        "task-related",
    ],
)
def test_plain_words_are_not_masked(text):
    """What only resembles a credential stays readable."""
    assert public(text) == text


def test_public_text_is_bounded_and_on_one_line():
    """A thousand characters without line breaks."""
    assert public("a\r\n b\t c") == "a b c"
    assert len(public("word " * 1000)) == 1000


def test_masked_changes_only_what_callers_see():
    """Our own errors are cleaned; a bug stays as it is for the log."""
    bug = ValueError("sk-abcdef123456")
    assert masked(bug) is bug
    assert str(masked(GatewayError("x")).message) == "x"
    assert masked(UpstreamMalformed("it said sk-abcdef123456")).message == "it said ***"


def test_a_content_filter_that_has_no_code():
    """Anthropic calls it an invalid request: it is known by what it says, as a status and inside a stream."""
    said = ProviderFault("Output blocked by content filtering policy", "invalid_request_error")
    assert type(status(400, said)) is UpstreamFiltered
    assert type(from_failure(said)) is UpstreamFiltered
    assert type(status(400, ProviderFault("messages: too short", "invalid_request_error"))) is UpstreamRejected
