"""What attempts say about deployments and accounts: called at the start and the end of each, it keeps their Standings.

Every attempt that was started ends in exactly one of `succeeded`, `failed` and `left`; a second ending does nothing. Times are
monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import exp
from typing import Protocol

import msgspec

from llm_gateway.core.clock import Clock
from llm_gateway.core.errors import UpstreamError
from llm_gateway.core.usage import Usage
from llm_gateway.resilience.circuit import OUTSIDE, Circuit
from llm_gateway.resilience.effects import Effect, effect, in_haste
from llm_gateway.resilience.headroom import headroom, tells
from llm_gateway.resilience.paces import spend
from llm_gateway.resilience.standings import Standings
from llm_gateway.resilience.verdicts import Verdicts
from llm_gateway.routing.candidate import Candidate
from llm_gateway.routing.standing import CLOSED, OPEN, Standing

LATENCY_SECONDS = 10.0
"""A peak of latency is forgotten over about this time: its average is weighed by e**(-age/LATENCY_SECONDS)."""
QUICK = 0.2
SLOW = 0.1
"""How much of a moving average the newest value is: of times to first tokens, and of the rest."""
GOOD = 0.9999
"""From here on a rate of successes is as good as 1."""
FADED = 0.98
"""What is left of `good` and `bad` behind each attempt: they count about the last 50."""
HALF_LIFE = 60.0
"""And after so many seconds half of them, so that a deployment that is not asked for its failures is tried again."""
FADE_EVERY = 5.0
PROVEN_SECONDS = 60.0
"""A success this long ago still shows that a deployment works."""
HEARD_EVERY = 0.1
"""Seconds between two readings of one deployment's rate limit headers."""
FORBIDDEN = 403
FEW_TOKENS = 8
"""Answers shorter than this say nothing about the time per token."""
MOST_TOKENS = 10_000_000
"""No answer used more: a provider that says so is not believed."""
_TIMEOUTS = frozenset({"head_timeout", "first_token_timeout", "idle_timeout", "deadline", "timeout", "upstream_timeout"})


class Answered(Protocol):
    """http.response.Response, of which the headers are made when they are first asked for."""

    head: bytes

    @property
    def headers(self) -> Mapping[bytes, bytes]: ...


class Run(msgspec.Struct, eq=False, gc=False):
    """One attempt under way. Refers to nothing of its request."""

    candidate: Candidate
    at: float
    circuit: Circuit
    account: Circuit
    epoch: int
    account_epoch: int
    over: bool = False
    begun: bool = False
    """Whether the first content of a stream was told."""
    spent: int = -1
    """Tokens that were counted against what the provider allows; -1: nothing was."""


class Feedback:
    """One per process; outlives reloads."""

    def __init__(self, standings: Standings, verdicts: Verdicts, clock: Clock) -> None:
        self._standings = standings
        self._verdicts = verdicts
        self._now, self._wall = clock.monotonic, clock.now
        self._circuit: Callable[[Standing], Circuit] = standings.circuit
        self._circuits = standings.circuits
        self._waiting = verdicts.waiting
        self._fade_at = clock.monotonic() + FADE_EVERY

    def admits(self, candidate: Candidate, now: float) -> bool:
        """Whether an attempt may be started now. Asked right before `started`, so that there are never too many probes."""
        return candidate.standing.until <= now and candidate.account.until <= now

    def urge(self, candidates: Iterable[Candidate], now: float) -> bool:
        """Nobody but these is left, and their circuits are open: whether a cooldown was ended for it (Circuit.urge)."""
        shut = {id(one): one for candidate in candidates for one in (candidate.standing, candidate.account) if one.state == OPEN}
        return sum(self._circuit(standing).urge(now) for standing in shut.values()) > 0

    def proven(self, candidate: Candidate, now: float) -> bool:
        """Whether it answered lately, and neither it nor its account failed since."""
        standing, account = candidate.standing, candidate.account
        at = standing.latency_at
        return (
            standing.state == CLOSED
            and account.state == CLOSED
            and at > 0.0
            and now - at <= PROVEN_SECONDS
            and at > self._circuit(standing).failed_at
            and at > self._circuit(account).failed_at
        )

    def started(self, candidate: Candidate, now: float, tokens: int = -1) -> Run:
        """An attempt begins. `tokens`: of its prompt, about, to be counted against what the provider allows; -1: it is not."""
        standing, account = candidate.standing, candidate.account
        standing.running += 1
        account.running += 1
        circuits = self._circuits
        circuit, shared = circuits.get(standing.name), circuits.get(account.name)
        if circuit is None or circuit.standing is not standing:
            circuit = self._circuit(standing)
        if shared is None or shared.standing is not account:
            shared = self._circuit(account)
        epoch = circuit.begin(now) if standing.state else circuit.epoch
        run = Run(candidate, now, circuit, shared, epoch, shared.begin(now) if account.state else shared.epoch)
        if tokens >= 0:
            run.spent = tokens + int(standing.output)
            spend(candidate, now, 1, run.spent)
        return run

    def first(self, run: Run, now: float, seconds: float) -> None:
        """The first valid content of a stream came after so many seconds."""
        if run.over or run.begun:
            return
        run.begun = True
        standing = run.candidate.standing
        _begun(standing, now, seconds, stream=True)
        if self._waiting:
            self._verdicts.tell(standing.name)

    def succeeded(self, run: Run, now: float, seconds: float, usage: Usage | None, ttft: float | None = None) -> None:
        """A whole answer, or a stream to its end, in so many seconds; `ttft`: a stream's to its first content."""
        if run.over:
            return
        run.over = True
        standing, account = run.candidate.standing, run.candidate.account
        standing.running -= 1
        account.running -= 1
        circuit, shared = run.circuit, run.account
        start = seconds if ttft is None else ttft
        if standing.reason or account.reason or start > circuit.slow_after:
            _passed(run, now, slow=start > circuit.slow_after)
        else:  # the same for two closed circuits, which it is nearly always: to write less is what makes it cheap
            window = circuit.window
            if now >= window.edge:
                window.turn(now)
            window.good += 1
            window = shared.window
            if now >= window.edge:
                window.turn(now)
            window.good += 1
            if standing.failures:
                standing.failures = 0
            if account.failures:
                account.failures = 0
        standing.samples += 1
        if standing.success < GOOD:
            standing.success += SLOW * (1.0 - standing.success)
        standing.good = standing.good * FADED + 1.0
        if standing.bad:
            standing.bad *= FADED
        if not run.begun:
            _begun(standing, now, start, stream=ttft is not None)
        if usage is not None:
            _tokens(run, now, usage, None if ttft is None else seconds - ttft)
        if self._waiting or now >= self._fade_at:
            self._after(standing, now)

    def failed(self, run: Run, now: float, error: UpstreamError, *, stream: bool, again: bool = False, own: bool = False) -> None:
        """The provider failed, before or after the answer had begun, or refused the request. `again`: the same request had asked
        there before, so that this is no further failure: one request's repeats open no circuit. `own`: it was asked with a key
        of the caller's tenant, whose limits and rights are nobody else's.
        """
        if run.over:
            return
        standing = self._ended(run)
        if run.spent > 0 and not run.begun:
            spend(run.candidate, now, 0, -run.spent)
        elapsed = now - run.at
        what = effect(error)
        if in_haste(error.reason, run.candidate.patience, elapsed, stream=stream):
            what = Effect()
        if own and what.pause not in (None, "tls"):
            what = Effect()
        if again:
            what = Effect(None if what.deployment else what.deployment, None if what.account else what.account, what.pause)
        self._judge(run, now, what)
        if what.pause is not None:
            _pause(run, now, what, error)
        standing.samples += 1
        if what.deployment or what.account:
            standing.success -= SLOW * standing.success
            standing.good *= FADED
            standing.bad = standing.bad * FADED + 1.0
            if error.reason in _TIMEOUTS and elapsed > standing.latency:
                standing.latency, standing.latency_at = elapsed, now
        if self._waiting or now >= self._fade_at:
            self._after(standing, now)

    def left(self, run: Run) -> None:
        """Nobody waits for it any more, or it was never sent: that tells nothing about the provider."""
        if not run.over:
            self._ended(run)
            self._judge(run, run.at, Effect())

    def heard(self, name: str, answer: Answered) -> None:
        """The deployment `name` began to answer: what that says of the provider's limits is looked for now and then."""
        circuit = self._circuits.get(name)
        now = self._now()
        if circuit is None or now - circuit.heard_at < HEARD_EVERY:
            return
        circuit.heard_at = now
        said = headroom(answer.headers, self._wall()) if tells(answer.head) else None
        if said is not None:
            standing = circuit.standing
            standing.requests_left, standing.tokens_left = said.requests, said.tokens
            standing.left_until = now + said.seconds

    def _ended(self, run: Run) -> Standing:
        run.over = True
        standing = run.candidate.standing
        standing.running -= 1
        run.candidate.account.running -= 1
        return standing

    def _judge(self, run: Run, now: float, what: Effect) -> None:
        pairs = ((run.circuit, run.epoch, what.deployment), (run.account, run.account_epoch, what.account))
        for circuit, epoch, failed in pairs:
            if failed:
                circuit.failed(epoch, now)
            elif failed is None or epoch == OUTSIDE:
                circuit.told_nothing(epoch)
            else:
                circuit.passed(epoch, now)

    def _after(self, standing: Standing, now: float) -> None:
        if now >= self._fade_at:
            self._fade(now)
        self._verdicts.tell(standing.name)

    def _fade(self, now: float) -> None:
        """What was counted long ago counts less, also of those that are not asked now."""
        left = 0.5 ** ((now - self._fade_at + FADE_EVERY) / HALF_LIFE)
        self._fade_at = now + FADE_EVERY
        for standing in self._standings.everyone():
            standing.good *= left
            standing.bad *= left


def _passed(run: Run, now: float, *, slow: bool) -> None:
    run.circuit.passed(run.epoch, now, slow=slow)
    run.account.passed(run.account_epoch, now)
    for circuit in (run.circuit, run.account):
        if circuit.pauses and circuit.pauses.disproved(run.at):
            circuit.show()


def _pause(run: Run, now: float, what: Effect, error: UpstreamError) -> None:
    assert what.pause is not None  # noqa: S101 - the caller looked
    told = error.retry_after
    if what.pause == "credentials":
        if error.upstream_status == FORBIDDEN:
            return  # it may be about what this request names (a file, a feature): callers must not be able to stop others
        if run.candidate.deployment.upstream.authorizer is not None:
            return  # they are being fetched anew, and until then whoever needs them waits or is told why
    shared = what.pause in ("tls", "credentials")
    (run.account if shared else run.circuit).pause(what.pause, now, run.at, told)


def _begun(standing: Standing, now: float, seconds: float, *, stream: bool) -> None:
    """An answer is there: of a stream, its first content."""
    peak, before = seconds, standing.latency
    if seconds < before:
        age = now - standing.latency_at
        peak += (before - seconds) * exp(-age / LATENCY_SECONDS) if age > 0.0 else before - seconds
    standing.latency, standing.latency_at = peak, now
    if stream:
        before = standing.ttft
        standing.ttft = before + QUICK * (seconds - before) if before else seconds


def _tokens(run: Run, now: float, usage: Usage, behind: float | None) -> None:
    """`behind`: seconds from a stream's first content to its end."""
    standing = run.candidate.standing
    tokens = usage.output + usage.reasoning
    total = usage.total
    if not 0 <= tokens <= total <= MOST_TOKENS:
        return
    if run.spent >= 0:
        spend(run.candidate, now, 0, total - run.spent)
    before = standing.output
    standing.output = before + SLOW * (tokens - before) if before else float(tokens)
    if behind is not None and tokens >= FEW_TOKENS:
        each = max(behind, 0.0) / tokens
        before = standing.per_token
        standing.per_token = before + SLOW * (each - before) if before else each
