"""A request as the handler sees it: whole, checked, de-chunked."""

from __future__ import annotations

from typing import Any

from llm_gateway.http.reply import Reply


class Request:
    """One request. path and query are raw bytes as sent (query without its "?"); header names are lower-case, repeated
    fields joined with b", " in order (cookies with b"; "). `received` is loop.time() when the head was complete.
    """

    __slots__ = ("body", "client_cert", "headers", "method", "path", "peer", "query", "received", "reply")

    def __init__(
        self,
        method: bytes,
        path: bytes,
        query: bytes,
        headers: dict[bytes, bytes],
        peer: str,
        received: float,
        client_cert: dict[str, Any] | None,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = b""
        self.peer = peer
        self.received = received
        self.client_cert = client_cert
        self.reply: Reply  # given by the connection before the handler sees the request
