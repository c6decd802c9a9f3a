"""Exchanges as the pipeline has them when a decision is made, for tests of what decides."""

from __future__ import annotations

from typing import Any

import msgspec

from llm_gateway.core.caller import Caller
from llm_gateway.core.exchange import Exchange
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.http.request import Request


def asked(
    body: Any = None,
    headers: dict[bytes, bytes] | None = None,
    *,
    front: Any = OPENAI_CHAT,
    caller: Caller | None = None,
    ident: str = "req_1",
) -> Exchange:
    """A request whose key is known and whose body was looked at. `body`: bytes, or members beside a small chat."""
    if not isinstance(body, bytes):
        body = msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "hi"}], **(body or {})})
    http = Request(b"POST", b"/v1/chat/completions", b"", headers or {}, "10.1.2.3", 0.0, None, body)
    ex = Exchange(ident, http, front, 1000.0)
    ex.caller = caller or Caller("key")
    ex.view = front.view(ex.body)
    ex.model, ex.stream = ex.view.model, ex.view.stream
    return ex
