"""The circuit breaker of one deployment or one provider account: it writes its Standing's state, until, reason, probes, failures
and recovered, and nobody else does.

    closed      attempts pass. Too many failures in a row, or too large a share of failures or of slow calls lately: open.
    open        nothing passes until the cooldown is over. The first attempt after it makes the circuit half-open.
    half-open   a few attempts at a time pass as probes. Enough successes: closed. Any failure: open, for twice as long.

The length of a cooldown is forgotten after a while closed. Attempts carry the epoch they were started in: what one says that was
started before the last change of state no longer counts, so that a late failure does not reopen a circuit that has closed.

`until` alone tells whether an attempt may be started: it covers the cooldown, half-open with all probes under way, and pauses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from llm_gateway.resilience.pauses import Cause, Pauses
from llm_gateway.resilience.window import Window
from llm_gateway.routing.standing import CLOSED, HALF_OPEN, OPEN, Standing

OUTSIDE = -1
"""The epoch of an attempt that was started though none may: what it says does not count."""

Tell = Callable[[str, Standing], None]
"""An event (circuit_opened, circuit_closed, circuit_reset or the name of a pause's cause) and whose it is."""


@dataclass(frozen=True)
class Rules:
    """When circuits open and close. Times in seconds, shares from 0 to 1."""

    enabled: bool = True
    failures: int = 5
    """In a row."""
    rate: float = 0.5
    window: float = 10.0
    minimum: int = 10
    """Attempts in the window before its shares mean anything."""
    slow_after: float | None = None
    """None: no call is slow."""
    slow_rate: float = 0.5
    cooldown: float = 1.0
    longest_cooldown: float = 60.0
    probes: int = 3
    successes: int = 2
    probe_time: float = 30.0
    """After this long without a verdict, probes are no longer waited for: others may be started in their place."""
    forget: float = 60.0
    """Closed for this long, and the next cooldown is short again."""


PLAIN = Rules()


class Circuit:
    """Times are monotonic seconds. Nothing here waits, so that no two attempts can be in the middle of it."""

    __slots__ = (
        "_level",
        "_opened",
        "_rules",
        "_since",
        "_slots",
        "_successes",
        "_tell",
        "_until",
        "epoch",
        "failed_at",
        "heard_at",
        "pauses",
        "slow_after",
        "standing",
        "window",
    )

    def __init__(self, standing: Standing, rules: Rules, tell: Tell) -> None:
        self.standing = standing
        self._rules = rules
        self._tell = tell
        self.window = Window(rules.window)
        self.pauses = Pauses()
        self.epoch = 0
        """Grows with each change of state, and each time that probes are given up."""
        self._since = 0  # the epoch in which the state began
        self._level = 0  # how often the cooldown will be doubled next time
        self._opened = 0.0
        self._slots = 0  # while half-open: how many more probes may be under way
        self._successes = 0
        self._until = 0.0  # of the circuit alone: the end of the cooldown, or of waiting for probes
        self.failed_at = 0.0
        """When an attempt last failed; 0.0: never."""
        self.heard_at = 0.0
        """When its provider's rate limit headers were last read."""
        self.slow_after = inf if rules.slow_after is None else rules.slow_after
        """A call that takes longer (a stream: to its first content), in seconds, is slow."""

    def begin(self, now: float) -> int:
        """An attempt is started: the epoch that it carries. In a closed circuit that is `epoch`, without asking."""
        standing = self.standing
        if standing.state == CLOSED:
            return self.epoch
        if now < self._until:
            return OUTSIDE
        if standing.state == OPEN:
            self._half_open()
        elif self._slots <= 0:
            self.epoch += 1  # the probes under way took too long: others take their place
            self._slots = self._rules.probes
        self._lend(self._slots - 1, now)
        return self.epoch

    def passed(self, epoch: int, now: float, *, slow: bool = False) -> None:
        """An attempt went well. Feedback has the usual case, a closed circuit without pauses, once more, unrolled."""
        standing = self.standing
        if standing.state == CLOSED:
            window = self.window
            if now >= window.edge:
                window.turn(now)
            window.good += 1
            standing.failures = 0
            if slow:
                self._slow(epoch, now)
        elif standing.state == HALF_OPEN and epoch >= self._since:
            if slow:
                self._open(now)
                return
            self._successes += 1
            if self._successes >= self._rules.successes:
                self._close(now)
            else:
                self.told_nothing(epoch)

    def failed(self, epoch: int, now: float) -> None:
        """An attempt failed in a way that speaks against this deployment or account."""
        standing = self.standing
        self.failed_at = now
        if epoch < self._since:
            return
        standing.failures += 1
        if standing.state == HALF_OPEN:
            self._open(now)
        elif standing.state == CLOSED:
            window = self.window
            if now >= window.edge:
                window.turn(now)
            window.bad += 1
            if standing.failures >= self._rules.failures or self._too_many(now):
                self._open(now)

    def told_nothing(self, epoch: int) -> None:
        """An attempt ended without a verdict: if it was a probe, another one may take its place."""
        standing = self.standing
        if standing.state == HALF_OPEN and epoch == self.epoch:
            self._lend(min(self._slots + 1, self._rules.probes), 0.0)

    def pause(self, cause: Cause, now: float, started: float, told: float | None = None) -> None:
        """Nothing is sent for `told` seconds, or for as long as is usual."""
        news = self.pauses.begin(cause, now, started, told)
        self.show()
        if news:
            self._tell(cause, self.standing)

    def revive(self, now: float) -> None:
        """Something else than an attempt shows that it is there again: the cooldown is over."""
        if self.standing.state == OPEN and now < self._until:
            self._half_open()

    def urge(self, now: float) -> bool:
        """Nobody else can be asked: then the shortest cooldown is long enough, since who would be spared a failing probe has
        nothing but a refusal in its place. Whether that ended the cooldown.
        """
        if self.standing.state != OPEN or not self._opened + self._rules.cooldown <= now < self._until:
            return False
        self._half_open()
        return True

    def reset(self, now: float) -> None:
        """By an administrator, or because there are to be no breakers: closed, and everything bad is forgotten."""
        self.pauses = Pauses()
        self._level = 0
        if self.standing.state != CLOSED:
            self._close(now)
        self.standing.failures = 0
        self.window.clear()
        self.show()

    def configure(self, rules: Rules, now: float) -> None:
        """Other rules from now on."""
        if rules == self._rules:
            return
        if rules.window != self._rules.window:
            self.window = Window(rules.window)
        self._rules = rules
        self.slow_after = inf if rules.slow_after is None else rules.slow_after
        if self.standing.state != CLOSED and not rules.enabled:
            self._close(now)
        elif self._slots > rules.probes:
            self._lend(rules.probes, now)

    def show(self) -> None:
        """What readers see of the circuit and the pauses together: whichever ends last."""
        standing = self.standing
        until, reason = self.pauses.longest() if self.pauses else (0.0, "")
        if self._until >= until and standing.state != CLOSED:
            until, reason = self._until, "circuit"
        standing.until, standing.reason = until, reason

    def _slow(self, epoch: int, now: float) -> None:
        self.window.slow += 1
        if epoch >= self._since and self._too_many(now):
            self._open(now)

    def _too_many(self, now: float) -> bool:
        rules = self._rules
        good, bad, slow = self.window.counts(now)
        total = good + bad
        return total >= rules.minimum and (bad >= rules.rate * total or (slow > 0 and slow >= rules.slow_rate * total))

    def _open(self, now: float) -> None:
        rules, standing = self._rules, self.standing
        if not rules.enabled:
            return
        if standing.state == CLOSED and now - standing.recovered >= rules.forget:
            self._level = 0
        self._opened = now
        self._until = now + min(rules.cooldown * 2.0 ** min(self._level, 30), rules.longest_cooldown)
        self._level += 1
        self._enter(OPEN)
        self._tell("circuit_opened", standing)

    def _half_open(self) -> None:
        self._successes = 0
        self._enter(HALF_OPEN)
        self._lend(self._rules.probes, 0.0)

    def _lend(self, slots: int, now: float) -> None:
        """So many more probes may be under way. At 0 `until` says when the others are given up, and `probes` how many then."""
        self._slots = slots
        self.standing.probes = slots if slots > 0 else self._rules.probes
        self._until = 0.0 if slots > 0 else now + self._rules.probe_time
        self.show()

    def _close(self, now: float) -> None:
        self._until = 0.0
        self.standing.failures = 0
        self.standing.recovered = now
        self._enter(CLOSED)
        self._tell("circuit_closed", self.standing)

    def _enter(self, state: int) -> None:
        self.epoch += 1
        self._since = self.epoch
        self._slots = 0
        self.standing.state = state
        self.standing.probes = 0
        self.window.clear()
        self.show()
