"""`resilience.bulkhead` and `resilience.shedding`: how much is done at once, and what is turned away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from llm_gateway.config.schema.base import Count, Fault, Section, about
from llm_gateway.config.values import Duration, Size


class AdaptiveLimit(Section, frozen=True):
    """A limit that is learned from how answers go. Short form: the algorithm's name."""

    short: ClassVar[str] = "algorithm"
    short_text: ClassVar[str] = "gradient or aimd"

    algorithm: Annotated[
        Literal["gradient", "aimd"],
        about("gradient: lower when answers grow slower than they used to be; aimd: lower when attempts fail as under overload."),
    ]
    min: Annotated[Count, about("It never falls below this.")] = 4
    max: Annotated[Count, about("It never grows beyond this, nor beyond a deployment's own max_concurrent.")] = 1000
    initial: Annotated[Count, about("Where it starts.")] = 20

    def check(self) -> Iterator[Fault]:
        if self.min > self.max:
            yield "min", f"must be at most max ({self.max})"
        elif not self.min <= self.initial <= self.max:
            yield "initial", f"must be between min ({self.min}) and max ({self.max})"


class Bulkhead(Section, frozen=True):
    """Requests that wait because a deployment or a provider has as many as its max_concurrent allows."""

    queue: Annotated[
        int, about("Most that wait for one deployment, or one provider; 0: none waits (503 queue_full).", ge=0, le=100_000)
    ] = 1000
    wait: Annotated[Duration, about("Longest wait (503 queue_timeout).", positive=True)] = Duration(5)
    adaptive: Annotated[AdaptiveLimit | None, about("Learn each deployment's limit; absent: only max_concurrent limits.")] = None


class Shedding(Section, frozen=True):
    """Requests turned away (503 overloaded) when the gateway itself cannot keep up; those of low priority first."""

    enabled: Annotated[bool, about("Whether any are.")] = True
    lag: Annotated[
        Duration, about("How late the event loop may run, for some time, before requests are turned away.", positive=True)
    ] = Duration(0.25)
    memory: Annotated[
        Size | None,
        about(
            "Most memory of a worker; requests are turned away from 85 % of it on. Absent: the limit of its cgroup, and what"
            " everything in that uses together; without one, none.",
            positive=True,
        ),
    ] = None
