"""What can go wrong between us and an upstream.

    HttpError
    ├── ConnectFailed        no connection: refused, unreachable, or the proxy would not let us through
    │   ├── DnsFailed        the name has no address
    │   ├── ConnectTimeout   address, connection, proxy and TLS together took too long
    │   └── TlsFailed        the peer's certificate or the handshake is not acceptable
    ├── PoolExhausted        every connection is busy, and the queue is full or the wait was over
    ├── TimedOut
    │   ├── HeadTimeout      no response head in time
    │   ├── IdleTimeout      the body stalled
    │   └── DeadlineExceeded a limit set with Timeouts.total or Response.limit passed
    ├── ConnectionLost       reset or EOF before the message was complete, or closed by us
    ├── ProtocolViolation    framing that RFC 9112 forbids, or that two parsers could read differently
    ├── TooLarge             a cap on the head, the body or the decoded body
    └── BadCoding            a content coding that is unknown, broken or cut

Every error says how far the request had come, because that decides whether it may be sent again. No message holds
a host name, a key or a URL: these texts end up in logs and sometimes in answers.
"""

from __future__ import annotations


class HttpError(Exception):
    """An exchange with an upstream failed.

    `sent`: some byte of the request may have reached the peer. `started`: the response head had arrived.
    """

    def __init__(self, message: str, *, sent: bool = False, started: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.started = started


class ConnectFailed(HttpError):
    """No connection could be made; nothing was sent."""


class DnsFailed(ConnectFailed):
    """The host name could not be resolved."""


class ConnectTimeout(ConnectFailed):
    """The connection (address lookup, TCP, proxy, TLS together) took longer than Timeouts.connect."""


class TlsFailed(ConnectFailed):
    """The TLS handshake failed or the certificate was not accepted."""


class PoolExhausted(HttpError):
    """No connection became free: the queue is full, or Timeouts.pool passed."""


class TimedOut(HttpError):
    """One of the deadlines after the connection was made."""


class HeadTimeout(TimedOut):
    """The response head did not arrive within Timeouts.head."""


class IdleTimeout(TimedOut):
    """No byte of the body arrived for Timeouts.idle while we were reading."""


class DeadlineExceeded(TimedOut):
    """Timeouts.total or a deadline set with Response.limit passed."""


class ConnectionLost(HttpError):
    """The connection ended before the message was complete.

    `stale`: it was a reused connection and not one valid byte of an answer had come, as when an idle connection is
    closed by the peer just when we write to it. The client sends such a request once more on its own.
    """

    def __init__(self, message: str, *, sent: bool = False, started: bool = False, stale: bool = False) -> None:
        super().__init__(message, sent=sent, started=started)
        self.stale = stale


class ProtocolViolation(HttpError):
    """The peer's framing is wrong or ambiguous (RFC 9112 sections 2.2, 5, 6, 7)."""


class TooLarge(HttpError):
    """The response is larger than a cap of ClientLimits or of Response.read."""


class BadCoding(HttpError):
    """The body's content coding is not one we know, is damaged, or ends too early."""
