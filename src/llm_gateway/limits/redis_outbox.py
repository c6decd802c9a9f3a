"""What Redis is told without anybody waiting for it: each entry counts exactly once, across lost connections and restarts.

Entries are sent in numbered batches (scripts/apply.lua); a batch is repeated until it was answered, and Redis ignores the number
that it has had. What was never answered and is repeated after Redis lost its data counts in the new data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any

from llm_gateway.limits.redis_counters import Counter
from llm_gateway.limits.redis_scripts import APPLY
from llm_gateway.redis.link import Link, ReplyError
from llm_gateway.redis.owner import Away
from llm_gateway.redis.words import bulk, whole

MOST = 200_000
"""Entries that wait. One more is dropped and counted: then the ledger alone knows of it."""
AT_ONCE = 500
"""Entries of a batch."""
KEPT = 86_400_000
"""Milliseconds for which Redis remembers a worker's last number."""

Spent = Callable[[Counter, int, int], None]
"""A budget's counter, what was added to what is spent, and what is spent since."""


class Batch:
    """Entries that are sent together."""

    __slots__ = ("_outbox", "budgets", "keys", "number", "words")

    def __init__(self, outbox: Outbox, number: int) -> None:
        self._outbox = outbox
        self.number = number
        self.keys: list[bytes] = []
        self.words: list[bytes] = []
        self.budgets: list[tuple[Counter, bytes, int]] = []
        """Of entries of kind b: whose answer tells what is spent."""

    def replied(self, reply: Any) -> None:
        self._outbox.answered(self, reply)

    def late(self) -> None:
        """It will be answered or lost."""

    def lost(self) -> None:
        self._outbox.lost_one()


class Outbox:
    """One worker's. `dropped`: entries that found no room, ever."""

    def __init__(self, worker: str, prefix: str, spent: Spent, refused: Callable[[str], None]) -> None:
        """`worker`: a name that no other process has or had. `refused`: is told when Redis answers with an error."""
        self.link: Link | None = None
        """Set before anything is sent."""
        self._own = bulk(f"{prefix}from:{worker}")
        self._spent = spent
        self._refused = refused
        self._open: Batch | None = None
        self._unanswered: deque[Batch] = deque()
        self._sent = 0
        """How many in front of `_unanswered` were sent on this connection."""
        self._flying = 0
        self._again = False
        """Whether all have to be sent once more, as soon as none is under way."""
        self._number = 0
        self._waiting = 0
        self.dropped = 0
        self.ready = False
        """Whether there is something to pump."""

    def __len__(self) -> int:
        """Entries that Redis did not answer yet."""
        return self._waiting

    def add(self, counter: Counter, key: bytes, hold: bytes, amount: int, lease: int = 0) -> None:
        """One entry, as scripts/apply.lua has them. `key`, `hold`: words of a command. `lease`: ms, for what a hold has from
        now on; 0: it is over.
        """
        if self._waiting >= MOST:
            self.dropped += 1
            return
        batch = self._open
        if batch is None or len(batch.keys) >= AT_ONCE:
            self._number += 1
            batch = self._open = Batch(self, self._number)
            self._unanswered.append(batch)
        self._waiting += 1
        self.ready = True
        batch.keys.append(key)
        raw = b"%d" % amount
        if lease:
            kind = b"P" if counter.kind == "p" else b"B"
            told = b"$1\r\n%b\r\n%b%b%b" % (kind, whole(counter.kept), whole(lease), whole(0))
        elif counter.kind == "b":
            batch.budgets.append((counter, key, amount))
            told = b"%b%b%b" % (counter.settled, whole(counter.spent), whole(counter.version))
        else:
            told = counter.settled
        batch.words.append(b"%b%b$%d\r\n%b\r\n" % (told, hold, len(raw), raw))

    def pump(self) -> None:
        """Send what is there, if it can be sent."""
        self.ready = False
        self._open = None
        if self.link is None or not self.link.up or self._again:
            return
        for batch in tuple(islice(self._unanswered, self._sent, None)):
            if not self._send(self.link, batch):
                return

    def resend(self) -> None:
        """All that was not answered, in order: the connection is a new one, or Redis had lost the script."""
        self._again = False
        self._sent = 0
        self.pump()

    def _send(self, link: Link, batch: Batch) -> bool:
        keys = len(batch.keys) + 1
        head = APPLY.head(keys, 3 + 6 * len(batch.keys), text=not self._sent)
        oldest = whole(self._unanswered[0].number)
        try:
            link.send((head, self._own, *batch.keys, whole(batch.number), oldest, whole(KEPT), *batch.words), batch)
        except Away:
            return False
        self._sent += 1
        self._flying += 1
        return True

    def answered(self, batch: Batch, reply: Any) -> None:
        """By a batch."""
        self._flying -= 1
        if isinstance(reply, list) and reply[0] >= 0 and self._unanswered and self._unanswered[0] is batch:
            self._unanswered.popleft()
            self._sent -= 1
            self._waiting -= len(batch.keys)
            for (counter, key, amount), spent in zip(batch.budgets, reply[1:], strict=False):
                if counter.key == key:  # else its period is over
                    self._spent(counter, amount, spent)
        else:
            self._again = True
            if isinstance(reply, ReplyError) and not str(reply).startswith("NOSCRIPT"):
                self._refused(str(reply))
        if self._again and not self._flying and self.link is not None and self.link.up:
            self.resend()

    def lost_one(self) -> None:
        """By a batch: nobody knows whether it counted."""
        self._flying -= 1
        self._again = True
