"""What an upstream's failure means: the one place where HTTP errors and provider statuses become gateway errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Raw, ValidationError

from llm_gateway.core.errors import (
    GatewayError,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from llm_gateway.core.json import MalformedJson, decode
from llm_gateway.core.retry_after import retry_after
from llm_gateway.dialects.base import ProviderFault
from llm_gateway.dialects.bedrock_converse.errors import name_of
from llm_gateway.http import errors as http
from llm_gateway.providers.refusals import kind_of

_CREDENTIAL = re.compile(
    r"\b(?:(?:(?:sk|pk|rk|gsk|hf|xai)[-_]|(?:org|proj|key)-|Bearer\s+)[\w*.+/=-]{6,}|(?:AKIA|ASIA|AIza)[\w-]{12,}|[\w-]{40,})"
)
_EXHAUSTED = frozenset(
    {
        "insufficient_quota",
        "billing_error",
        "billing_hard_limit_reached",
        "credit_balance_too_low",
        "ServiceQuotaExceededException",  # Bedrock, with status 400
    }
)
_IN_BAND: Mapping[str, type[UpstreamError]] = MappingProxyType(
    {
        "overloaded_error": UpstreamUnavailable,
        "rate_limit_error": UpstreamRateLimited,
        "timeout_error": UpstreamTimeout,
        # Bedrock's exceptions
        "throttlingException": UpstreamRateLimited,
        "serviceUnavailableException": UpstreamUnavailable,
        "modelTimeoutException": UpstreamTimeout,
        # Gemini's statuses
        "RESOURCE_EXHAUSTED": UpstreamRateLimited,
        "UNAVAILABLE": UpstreamUnavailable,
        "DEADLINE_EXCEEDED": UpstreamTimeout,
    }
)


def from_http(error: http.HttpError) -> UpstreamError:
    """A failure below HTTP's answers. The message is ours and public; the cause is kept for the log."""
    made = _from_http(error)
    made.sent = error.sent
    made.__cause__ = error
    return made


def _from_http(error: http.HttpError) -> UpstreamError:
    match error:
        case http.TlsFailed():
            made = UpstreamError("A secure connection to the provider could not be made.")
            made.reason, made.elsewhere_only = "tls", True
            return made
        case http.ConnectTimeout():
            timed_out: UpstreamError = UpstreamTimeout("The provider could not be reached in time.")
            timed_out.reason = "connect_timeout"
            return timed_out
        case http.DnsFailed():
            return _named(UpstreamUnavailable("The provider's address could not be found."), "dns")
        case http.ConnectFailed():
            return _named(UpstreamUnavailable("The provider could not be reached."), "connect")
        case http.PoolExhausted():
            return _named(UpstreamUnavailable("All connections to the provider are in use."), "pool")
        case http.HeadTimeout():
            return _named(UpstreamTimeout("The provider did not begin to answer in time."), "head_timeout")
        case http.IdleTimeout():
            return _named(UpstreamTimeout("The provider stopped in the middle of its answer."), "idle_timeout")
        case http.TimedOut():
            return _named(UpstreamTimeout("The provider did not finish in time."), "deadline")
        case http.ConnectionLost():
            return _named(UpstreamError("The provider closed the connection before its answer was complete."), "reset")
        case http.TooLarge():
            return _named(UpstreamMalformed("The provider's answer is larger than this gateway accepts."), "too_large")
        case _:
            return UpstreamMalformed("The provider's answer could not be understood.")


def first_token_late(error: http.DeadlineExceeded) -> UpstreamError:
    """The head of a stream came in time, and nothing after it."""
    made = _named(UpstreamTimeout("The provider did not begin to answer in time."), "first_token_timeout")
    made.__cause__ = error
    return made


def from_failure(failure: ProviderFault) -> UpstreamError:
    """An error inside a stream whose status said success."""
    said = public(failure.message) or "The provider reported an error in the middle of its answer."
    refused = kind_of(400, failure)
    if refused is not UpstreamRejected:
        return refused(said, param=failure.param)
    kind = _IN_BAND.get(failure.type, UpstreamError)
    return _named(kind(said, retry_after=failure.retry_after), "in_band")


def masked(error: Exception) -> Exception:
    """`error` with a message that may be shown: those about an answer can quote the provider."""
    if isinstance(error, GatewayError):
        error.message = public(error.message)
    return error


def _named(error: UpstreamError, reason: str) -> UpstreamError:
    error.reason = reason
    return error


def from_status(status: int, headers: Mapping[bytes, bytes], body: bytes, fault: ProviderFault, now: float) -> UpstreamError:
    """An answer that is not 2xx. Only texts about the caller's own request are repeated to him, with credentials masked."""
    named = headers.get(b"x-amzn-errortype")  # AWS names its errors here, and a proxy in front of it does not
    if named is not None:
        fault.type = name_of(named.decode("latin-1"))
    error = _from_status(status, body, fault)
    error.upstream_status = status
    said = retry_after(headers, now)
    error.retry_after = fault.retry_after if said is None else said
    return error


def _from_status(status: int, body: bytes, fault: ProviderFault) -> UpstreamError:
    said = public(fault.message)
    if status in (401, 403):
        # The gateway's key, not the caller's: nobody may read here that his own key is wrong (faults U17).
        error = UpstreamError("The provider refused this gateway's credentials.", code="provider_authentication_failed")
        error.reason, error.elsewhere_only = "credentials", True
        return error
    if status == 402 or (status in (400, 429) and (fault.code in _EXHAUSTED or fault.type in _EXHAUSTED)):
        error = UpstreamRateLimited(said or "The provider's quota is exhausted.", code="insufficient_quota")
        error.reason, error.elsewhere_only = "quota", True
        return error
    if status == 429:
        return UpstreamRateLimited(said or "The provider's rate limit is reached.")
    if status in (408, 504):
        return _named(UpstreamTimeout("The provider timed out."), "upstream_timeout")
    if status in (503, 529):
        return _named(UpstreamUnavailable("The provider is overloaded or unavailable."), "overloaded")
    if status == 424:  # Bedrock: the model failed, which is no fault of the request
        return _named(UpstreamError("The provider's model failed."), "server_error")
    if 400 <= status < 500:
        return rejected(status, body, fault, said)
    if 300 <= status < 400:
        # Redirects are never followed: a provider's key must not travel to another host (faults U36).
        error = UpstreamMalformed("The provider answered with a redirect, which is not followed.")
        error.reason = "redirect"
        return error
    return _named(UpstreamError(f"The provider failed with status {status}."), "server_error")


def rejected(status: int, body: bytes, fault: ProviderFault, said: str) -> UpstreamError:
    """The request is at fault. 404 (no such model there) may be different elsewhere; the others would only repeat."""
    error = kind_of(status, fault)(said or f"The provider refused the request with status {status}.", param=fault.param)
    error.status = status
    error.body = showable(body)
    if status == 404:
        # Only this provider does not have it: worth asking another one, not worth repeating here.
        error.code, error.retryable, error.elsewhere_only = "model_not_found", True, True
    elif status in (409, 425):
        # Another request was in the way, or it came too early (RFC 8470): the same one may pass the next time.
        error.retryable, error.reason = True, "conflict"
    elif type(error) is not UpstreamRejected:
        pass  # its class says it in the same words for all providers
    elif status == 413:
        error.code = "payload_too_large"
    elif fault.code:
        error.code = fault.code[:64]
    return error


def showable(body: bytes) -> bytes:
    """A provider's error body if it may be shown as it is: JSON in UTF-8 without a BOM, and nothing like a credential in it."""
    try:
        decode(body, Raw)
        return b"" if _CREDENTIAL.search(body.decode()) else body
    except (MalformedJson, ValidationError, UnicodeDecodeError):
        return b""


def public(text: str) -> str:
    """A provider's message as it may be shown: bounded, on one line, with whatever looks like a credential masked."""
    return _CREDENTIAL.sub("***", " ".join(text.split()))[:1000]
