"""Alerts of budgets: each threshold of a period is told once, whichever workers of whichever nodes noticed it."""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from llm_gateway.config.schema import Config
from llm_gateway.control.storing import Transactions
from llm_gateway.core.clock import Clock
from llm_gateway.credentials.fetch import Answer
from llm_gateway.credentials.refreshing import Unavailable
from llm_gateway.limits.alerts import Alert
from llm_gateway.store import budgets
from llm_gateway.store.errors import StoreError
from llm_gateway.telemetry.journal import Log

MOST = 1000
"""Alerts that wait, to be claimed or to be sent. Of more, the oldest go; they are in the log."""
REMEMBERED = 5000
OLDEST = 86_400.0
"""Seconds for which it is tried to send one."""
_PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
SIGNATURE = "X-Gateway-Signature"
EVENT = "X-Gateway-Event"


class Sender(Protocol):
    """credentials.fetch.Http."""

    async def send(self, what: str, method: bytes, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer: ...

    async def close(self) -> None: ...


class Message(msgspec.Struct, frozen=True):
    """What is sent. Money is dollars, times are RFC 3339."""

    id: str
    type: str
    created_at: str
    scope: str
    name: str
    percent: int
    spent: float
    limit: float
    hard: bool
    period_begins: str | None
    period_ends: str | None


class Alerting:
    """One per control process."""

    def __init__(
        self,
        store: Transactions,
        config: Callable[[], Config],
        clock: Clock,
        log: Log,
        *,
        sender: Callable[[Config], Sender],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`sender`: made anew for each alert, so that it goes out as the configuration says then."""
        self._store = store
        self._config = config
        self._clock = clock
        self._log = log
        self._sender = sender
        self._sleep = sleep
        self._unclaimed: deque[Alert] = deque(maxlen=MOST)
        self._unsent: deque[tuple[Message, float]] = deque(maxlen=MOST)
        self._told: dict[str, None] = {}
        self._work = asyncio.Event()
        self._mail = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.raised: dict[str, int] = {}
        """How many alerts there were, by scope."""
        self.sent = 0
        self.given_up = 0

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._claim_always()), loop.create_task(self._send_always())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def take(self, alerts: list[Alert]) -> None:
        """From a worker."""
        for alert in alerts:
            if alert.id in self._told:
                continue
            self._told[alert.id] = None
            if len(self._told) > REMEMBERED:
                del self._told[next(iter(self._told))]
            self._unclaimed.append(alert)
            self._work.set()

    async def _claim_always(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            failures = 0
            while self._unclaimed:
                alert = self._unclaimed[0]
                try:
                    mine = await self._claimed(alert)
                except StoreError:  # somebody else may tell it: when the store is back, it says who
                    await self._sleep(_PAUSES[min(failures, 3)])
                    failures += 1
                    continue
                if self._unclaimed and self._unclaimed[0] is alert:
                    self._unclaimed.popleft()
                if mine:
                    self._tell(alert)

    async def _claimed(self, alert: Alert) -> bool:
        """Whether it is ours to tell. Raises StoreError."""
        now, period = int(self._clock.now() * 1000), max(alert.begins, 0)
        return await self._store.write(
            lambda connection: budgets.claim_alert(connection, alert.counter, period, alert.percent, now)
        )

    def _tell(self, alert: Alert) -> None:
        self.raised[alert.scope] = self.raised.get(alert.scope, 0) + 1
        self._log(
            "warning",
            "budget_alert",
            scope=alert.scope,
            name=alert.name,
            percent=alert.percent,
            spent=alert.spent / 1e9,
            limit=alert.limit / 1e9,
            hard=alert.hard,
        )
        if self._config().limits.alerts is not None:
            self._unsent.append((message_of(alert, self._clock.now()), self._clock.monotonic()))
            self._mail.set()

    async def _send_always(self) -> None:
        while True:
            await self._mail.wait()
            self._mail.clear()
            failures = 0
            while self._unsent:
                message, since = self._unsent[0]
                why = await self.send(message)
                old = self._clock.monotonic() - since > OLDEST
                if why and not old:
                    if not failures:
                        self._log("warning", "budget_alert_not_sent", alert=message.id, why=why)
                    await self._sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                    failures += 1
                    continue
                self.sent += not why
                self.given_up += bool(why)
                failures = 0
                if self._unsent and self._unsent[0][0] is message:
                    self._unsent.popleft()

    async def send(self, message: Message) -> str:
        """Why it was not taken; "": it was, or nobody wants it any more."""
        config = self._config()
        hook = config.limits.alerts
        if hook is None:
            return ""
        body = msgspec.json.encode(message)
        headers = {"Content-Type": "application/json", EVENT: message.type}
        if hook.secret is not None:
            headers[SIGNATURE] = signature(hook.secret.reveal(), int(self._clock.now()), body)
        sender = self._sender(config)
        try:
            answer = await sender.send("limits.alerts.url", b"POST", hook.url, headers, body)
        except Unavailable as error:
            return str(error)
        finally:
            await sender.close()
        return "" if 200 <= answer.status < 300 else f"limits.alerts.url answered {answer.status}"


def message_of(alert: Alert, now: float) -> Message:
    """`now`: Unix seconds."""
    return Message(
        alert.id,
        "budget.alert",
        _moment(now),
        alert.scope,
        alert.name,
        alert.percent,
        alert.spent / 1e9,
        alert.limit / 1e9,
        alert.hard,
        None if alert.begins < 0 else _moment(alert.begins / 1000),
        None if alert.ends < 0 else _moment(alert.ends / 1000),
    )


def signature(secret: str, at: int, body: bytes) -> str:
    """Of X-Gateway-Signature. `at`: Unix seconds."""
    made: Any = hmac.digest(secret.encode(), b"%d." % at + body, "sha256")
    return f"t={at},v1={made.hex()}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
