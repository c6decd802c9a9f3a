"""Heads that passed every rule a moment ago. The next request of a busy client often has the same but for its length.

Judging a head costs about as much as everything else the engine does for a request, and comes to the same result for the
same bytes: the rules look at the head and the limits, and at nothing else. So a head that was accepted is remembered by
its very bytes, with a hole where the value of Content-Length stood, and a request with the same bytes around a plain
number is accepted too. Nothing is parsed a second way, so nothing can be read in two ways.

Only a sized body, whole in the read that brought the head, is served from here; all else takes the strict path. A
connection points at the head it had last, and looks for another one here when that is not it. Heads hold keys: they are
forgotten with every sweep of the server, twice a second, by connections, too.
"""

from __future__ import annotations

from typing import Any

from llm_gateway.http.request_head import Headers

Facts = tuple[bytes, int, bytes, int, int, bytes, bytes, bytes, Headers, dict[Any, Any]]
"""What stands before the value of Content-Length, and how much that is; what stands behind it, how much that is, and where it
must end at the latest; method, path, query, headers, notes.
"""

DIGITS = 10  # of a Content-Length that is looked for
DOUBT = 8  # heads not remembered after one that was remembered in vain: a trace id makes each request's head another
_KEPT = 256
_HEAD_BYTES = 2048
_LINE = b"\r\ncontent-length: "
_NOTHING = b"\0"  # no request begins with it


class KnownHead:
    """One head, in one object that all connections share, so that it can be forgotten for all of them at once."""

    __slots__ = ("facts",)

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    @property
    def at(self) -> int:
        """Where the value of its Content-Length begins."""
        return self.facts[1]

    def forget(self) -> None:
        """Fit no request any more."""
        self.facts = (_NOTHING, self.at, _NOTHING, 1, 0, b"", b"", b"", {}, {})


class KnownHeads(dict[bytes, KnownHead]):
    """Head without its Content-Length's value -> what it says. At most 256 heads of at most 2 KiB each."""

    def remember(self, head: bytes, method: bytes, path: bytes, query: bytes, headers: Headers) -> KnownHead | None:
        """Keep an accepted head that announces a sized body; None: it is not kept."""
        if len(head) > _HEAD_BYTES:
            return None
        length = headers[b"content-length"]
        at = head.lower().find(_LINE) + len(_LINE)
        if at < len(_LINE) or not head.startswith(length + b"\r\n", at):
            return None
        before, behind = head[:at], head[at + len(length) :]
        known = self.get(before + behind)
        if known is None:
            if len(self) >= _KEPT:
                return None
            last = at + DIGITS + len(behind)
            known = KnownHead((before, at, behind, len(behind), last, method, path, query, headers.copy(), {}))
            self[before + behind] = known
        return known if known.at == at else None

    def find(self, data: bytes, at: int) -> KnownHead | None:
        """The head that `data` begins with, the value of its Content-Length being at `at`."""
        stop = data.find(b"\r", at, at + DIGITS + 1)
        found = self.get(data[:at] + data[stop : data.find(b"\r\n\r\n", stop) + 4]) if stop > 0 else None
        return None if found is None or found.at != at else found

    def forget(self) -> None:
        """All of them."""
        for known in self.values():
            known.forget()
        self.clear()
