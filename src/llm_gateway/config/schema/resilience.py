"""`resilience`: what happens when providers fail, or cannot keep up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from llm_gateway.config.schema.base import Fault, Section, about
from llm_gateway.config.schema.bulkheads import Bulkhead, Shedding
from llm_gateway.config.values import Duration


class CircuitBreaker(Section, frozen=True):
    """When a deployment, or a provider's account, is left alone for a while. A deployment is judged by what its model does (5xx,
    silence, broken answers), an account by what all its models share (address, certificate, credentials).
    """

    enabled: Annotated[bool, about("Whether failures open circuits. Pauses that a provider asks for are kept all the same.")] = (
        True
    )
    failures: Annotated[int, about("Failures in a row that open it.", ge=1, le=1000)] = 5
    rate: Annotated[float, about("Share of failures within `window` that opens it.", gt=0, le=1)] = 0.5
    window: Annotated[Duration, about("How far back shares are counted.", positive=True)] = Duration(10)
    minimum: Annotated[int, about("Attempts within `window` before shares count.", ge=1, le=1_000_000)] = 10
    slow_after: Annotated[
        Duration | None,
        about("An answer (a stream: its first token) that takes longer is slow; absent: none is.", positive=True),
    ] = None
    slow_rate: Annotated[float, about("Share of slow answers within `window` that opens it.", gt=0, le=1)] = 0.5
    cooldown: Annotated[
        Duration, about("How long it is open the first time; each time it opens again, twice as long.", positive=True)
    ] = Duration(1)
    longest_cooldown: Annotated[Duration, about("Where that doubling ends.", positive=True)] = Duration(60)
    forget: Annotated[Duration, about("After so long closed, the next cooldown is short again.", positive=True)] = Duration(60)
    probes: Annotated[int, about("Attempts at a time while it is half-open.", ge=1, le=1000)] = 3
    successes: Annotated[int, about("Successes that close it again.", ge=1, le=1000)] = 2
    probe_time: Annotated[Duration, about("How long probes are waited for before others take their place.", positive=True)] = (
        Duration(30)
    )

    def check(self) -> Iterator[Fault]:
        if self.longest_cooldown < self.cooldown:
            yield "longest_cooldown", f"must be at least cooldown ({self.cooldown})"


class Retry(Section, frozen=True):
    """Repeats. How many one request may have is said at the model (`retries`); this is for all requests together."""

    budget: Annotated[
        float,
        about(
            "Most retries under way, as a share of the requests under way. Moving on to a proven deployment is free.", ge=0, le=1
        ),
    ] = 0.2
    minimum: Annotated[int, about("So many retries may be under way in any case.", ge=0, le=100_000)] = 3
    wait: Annotated[
        Duration, about("How long a request beyond the budget waits to hear whether the next deployment is well.", positive=True)
    ] = Duration(30)
    growth: Annotated[Literal["fixed", "linear", "exponential", "fibonacci"], about("How the pause before a repeat grows.")] = (
        "exponential"
    )
    jitter: Annotated[
        Literal["none", "proportional", "full", "equal", "decorrelated"],
        about(
            "proportional: give or take 25 %; full: between 0 and all of it; equal: between half and all of it; decorrelated:"
            " between `initial` and three times the pause before."
        ),
    ] = "proportional"
    initial: Annotated[Duration, about("The first pause.", positive=True)] = Duration(0.1)
    cap: Annotated[Duration, about("The longest pause.", positive=True)] = Duration(10)

    def check(self) -> Iterator[Fault]:
        if self.cap < self.initial:
            yield "cap", f"must be at least initial ({self.initial})"


class HealthCheck(Section, frozen=True):
    """Providers that had no traffic lately, or are out of service, are asked for their list of models or their health page. That
    costs nothing; a provider that has neither is not asked.
    """

    enabled: Annotated[bool, about("Whether they are asked.")] = True
    interval: Annotated[
        Duration, about("How often, give or take a fifth; one that is out of service six times as often.", positive=True)
    ] = Duration(30)
    timeout: Annotated[Duration, about("How long an answer is waited for.", positive=True)] = Duration(5)
    unhealthy_after: Annotated[int, about("Checks in a row that could not reach it before it is left alone.", ge=1, le=1000)] = 3
    healthy_after: Annotated[int, about("Checks in a row that reached it before it is asked again.", ge=1, le=1000)] = 2
    slowest: Annotated[
        Duration, about("95th percentile of latency from which on its health_score has no points for speed.", positive=True)
    ] = Duration(30)


class Resilience(Section, frozen=True):
    """What happens when providers fail, or cannot keep up."""

    circuit_breaker: Annotated[CircuitBreaker, about("When failing deployments are left alone.")] = CircuitBreaker()
    retry: Annotated[Retry, about("Repeats, and their pauses.")] = Retry()
    health_check: Annotated[HealthCheck, about("Asking providers whether they are there.")] = HealthCheck()
    bulkhead: Annotated[Bulkhead, about("Requests at once at one deployment, and who waits.")] = Bulkhead()
    shedding: Annotated[Shedding, about("Turning requests away when the gateway cannot keep up.")] = Shedding()
