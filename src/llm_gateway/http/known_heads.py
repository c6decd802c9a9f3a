"""Heads that passed every rule a moment ago. The next request of a busy client often has the same but for its length.

Judging a head costs about as much as everything else the engine does for a request, and comes to the same result for the
same bytes: the rules look at the head and the limits, and at nothing else. So a head that was accepted is remembered by
its very bytes, with a hole where the value of Content-Length stood, and a request with the same bytes around a plain
number is accepted too. Nothing is parsed a second way, so nothing can be read in two ways.

Only a sized body, whole in the read that brought the head, is served from here; all else takes the strict path. Heads
hold keys: they are forgotten with every sweep of the server, twice a second.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.http.request_head import Headers

KnownHead = tuple[int, bytes, bytes, bytes, Headers, dict[Any, Any]]  # where the hole is, method, path, query, headers, notes

DIGITS = 10  # of a Content-Length that is looked for
DOUBT = 8  # heads not remembered after one that was remembered in vain: a trace id makes each request's head another
_KEPT = 256
_HEAD_BYTES = 2048
_LINE = b"\r\ncontent-length: "


class KnownHeads(dict[bytes, KnownHead]):
    """Head without its Content-Length's value -> what it says. At most 256 heads of at most 2 KiB each."""

    def remember(self, head: bytes, method: bytes, path: bytes, query: bytes, headers: Headers) -> int:
        """Keep an accepted head that announces a sized body; where the value of its Content-Length begins, or 0: not kept."""
        if len(head) > _HEAD_BYTES or len(self) >= _KEPT:
            return 0
        length = headers[b"content-length"]
        at = head.lower().find(_LINE) + len(_LINE)
        if at < len(_LINE) or not head.startswith(length + b"\r\n", at):
            return 0
        self[head[:at] + head[at + len(length) :]] = (at, method, path, query, headers.copy(), {})
        return at
