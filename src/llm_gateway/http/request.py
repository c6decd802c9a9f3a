"""A request as the handler sees it: whole, checked, de-chunked."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.http.reply import Reply


class Request(msgspec.Struct, eq=False):
    """One request. path and query are raw bytes as sent (query without its "?"); header names are lower-case, repeated
    fields joined with b", " in order (cookies with b"; "). `received` is loop.time() when the head was complete.

    A Struct because msgspec makes one in half the time of a class with an __init__; so is Reply.
    """

    method: bytes
    path: bytes
    query: bytes
    headers: dict[bytes, bytes]
    peer: str
    received: float
    client_cert: dict[str, Any] | None
    body: bytes = b""
    notes: dict[Any, Any] | None = None
    """For what follows from the head alone: requests whose heads are known to be the same share it (known_heads.py)."""
    sent: bytes = b""
    """The path as it came, where it may have been made another one (API versions); b"": it is `path`."""
    reply: Reply = None  # type: ignore[assignment]  # given by the connection before the handler sees the request

    __repr__ = object.__repr__  # a Struct shows its fields, and these hold keys and prompts
