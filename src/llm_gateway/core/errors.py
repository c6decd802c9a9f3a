"""The one tree of errors that a caller can meet.

GatewayError                     500 internal_error
├── InvalidRequest               400 invalid_request_error
│   ├── MalformedBody            400 json_parse_error
│   ├── PayloadTooLarge          413 payload_too_large
│   ├── Unsupported              400 unsupported_feature     cannot be carried to the chosen provider
│   │   └── UnknownPrevious      404 previous_response_not_found
│   ├── VersionSunset            410 api_version_sunset
│   └── MethodNotAllowed         405 method_not_allowed
├── Unauthenticated              401 authentication_error
├── Forbidden                    403 permission_error
├── NotFound                     404 not_found_error
│   └── UnknownResponse          404 response_not_found
├── Conflict                     409 conflict_error
├── RateLimited                  429 rate_limit_error
├── BudgetExceeded               402 insufficient_quota       the money is spent; asking again does not help
├── TimedOut                     504 timeout_error
├── UpstreamError                502 provider_error          the provider failed; another one may be asked
│   ├── CredentialsUnavailable   502 provider_error          those for the provider cannot be fetched
│   ├── UpstreamTimeout          504 timeout_error
│   ├── UpstreamUnavailable      503 provider_error          503, 529, refused, pool full
│   ├── UpstreamRateLimited      429 rate_limit_error
│   ├── UpstreamMalformed        502 provider_error          an answer that is none
│   └── UpstreamRejected         as the provider said        400, 404, 413, 422: the request's fault; nobody else is asked
│       ├── UpstreamContextOverflow  400 context_length_exceeded  too long for this model; a larger one may be asked
│       └── UpstreamFiltered         400 content_filter           the provider's content filter stopped the request
├── IdentityUnavailable          503 internal_error          the issuer of tokens cannot be asked: nothing is known of this one
├── StorageUnavailable           503 internal_error          what was kept cannot be asked for: control or the database is away
├── Overloaded                   503 internal_error          the gateway has as much to do, or to hold, as it can
└── Draining                     503 internal_error

Types, codes and statuses are those of requirements 1.6. Dialects render them in the caller's own shape. `message` is public:
it never holds a key, a host name, a prompt or a traceback.
"""

from __future__ import annotations

from typing import Any, ClassVar


def release(error: BaseException) -> None:
    """Lets go of the frames that a handled error passed through, and of what caused it.

    Its traceback holds the frames, they hold the Exchange, and the Exchange holds the error: a ring that only the collector
    could free (pipeline.md section 3).
    """
    links = [error]
    for link in links:
        links += [other for other in (link.__cause__, link.__context__) if other is not None and other not in links]
        link.__traceback__ = link.__cause__ = link.__context__ = None


class GatewayError(Exception):
    """Base of everything a caller can be told. `details` become the envelope's details."""

    status: int = 500
    type: ClassVar[str] = "internal_error"
    code: str = "internal_error"
    retryable: bool = False
    """Whether another candidate may be asked."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        details: dict[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        self.param = param
        self.details = details
        self.retry_after = retry_after


class InvalidRequest(GatewayError):
    status = 400
    type = "invalid_request_error"
    code = "invalid_parameter_value"


class MalformedBody(InvalidRequest):
    code = "json_parse_error"


class PayloadTooLarge(InvalidRequest):
    status = 413
    code = "payload_too_large"


class Unsupported(InvalidRequest):
    code = "unsupported_feature"


class UnknownPrevious(Unsupported):
    """An earlier response that is not there, or not for this caller. Another candidate may know it."""

    status = 404
    code = "previous_response_not_found"


class VersionSunset(InvalidRequest):
    status = 410
    code = "api_version_sunset"


class MethodNotAllowed(InvalidRequest):
    status = 405
    code = "method_not_allowed"


class Unauthenticated(GatewayError):
    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class Forbidden(GatewayError):
    status = 403
    type = "permission_error"
    code = "insufficient_permissions"


class NotFound(GatewayError):
    status = 404
    type = "not_found_error"
    code = "resource_not_found"


class UnknownResponse(NotFound):
    """It is not there, or not for this caller."""

    type = "invalid_request_error"
    code = "response_not_found"


class Conflict(GatewayError):
    """It cannot be done as things stand: there is one already, it is in use, or the file owns it."""

    status = 409
    type = "conflict_error"
    code = "conflict"


class RateLimited(GatewayError):
    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class BudgetExceeded(GatewayError):
    """A budget is used up."""

    status = 402
    type = "insufficient_quota"
    code = "insufficient_quota"


class TimedOut(GatewayError):
    status = 504
    type = "timeout_error"
    code = "request_timeout"


class Draining(GatewayError):
    status = 503
    code = "draining"


class IdentityUnavailable(GatewayError):
    """A token cannot be checked, because whoever could tell does not answer. It may be good: this is no 401."""

    status = 503
    code = "identity_provider_unavailable"


class StorageUnavailable(GatewayError):
    """What is kept for callers cannot be asked for now. Nothing is said about whether it is there."""

    status = 503
    code = "store_unavailable"


class Overloaded(GatewayError):
    """The gateway cannot keep up, or holds as much in memory as it may: a small request may go on from a large conversation."""

    status = 503
    code = "overloaded"


class UpstreamError(GatewayError):
    """A provider failed. `upstream_status` is what it answered (0: nothing), `reason` a short word for headers and logs."""

    status = 502
    type = "provider_error"
    code = "upstream_error"
    retryable = True
    reason: str = "error"
    upstream_status: int = 0
    elsewhere_only: bool = False
    """Whether only another deployment can help: refused credentials, an exhausted quota, a certificate that does not verify."""
    sent: bool = True
    """Whether a byte of the request may have reached the provider: False makes a repeat free of risk."""


class CredentialsUnavailable(UpstreamError):
    """There are no valid credentials for a provider: nothing was sent, and only another deployment can help at once.

    The text says what to do. It is public: no secret, no host name, no answer of anyone stands in it.
    """

    code = "provider_authentication_failed"
    reason = "credentials"
    elsewhere_only = True
    sent = False


class UpstreamTimeout(UpstreamError):
    status = 504
    type = "timeout_error"
    code = "request_timeout"
    reason = "timeout"


class UpstreamUnavailable(UpstreamError):
    status = 503
    code = "provider_unavailable"
    reason = "unavailable"


class UpstreamRateLimited(UpstreamError):
    status = 429
    type = "rate_limit_error"
    code = "provider_quota_exceeded"
    reason = "rate_limited"


class UpstreamMalformed(UpstreamError):
    reason = "malformed"


class UpstreamRejected(UpstreamError):
    """The provider says the request is at fault: asking another would only repeat it."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_parameter_value"
    retryable = False
    reason = "rejected"
    body: bytes = b""
    """The provider's own error body, for a caller who speaks its dialect."""
    same_dialect: bool = False


class UpstreamContextOverflow(UpstreamRejected):
    """The prompt is too long for this model. A model with a larger context window may be asked."""

    code = "context_length_exceeded"
    retryable = True
    reason = "context_overflow"


class UpstreamFiltered(UpstreamRejected):
    """The provider's content filter stopped the request: asking elsewhere would be a way around it, which a route must allow."""

    code = "content_filter"
    reason = "content_filter"
