"""What a run has seen, and what is told of it. Nothing is left out that would make the figures look better than they were.

Latency counts from when a request was due, not from when it was sent: if the service or the load generator is behind, callers
would have waited just so long (leaving that out is known as coordinated omission).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from llm_gateway.loadtest.histogram import ERROR, Histogram, Spread

MOST_CLASSES = 40
"""Kinds of errors that are counted apart; the others are `other`."""
LATE = 0.010
"""Seconds after which a request that was due and not yet sent is the generator's own fault."""
MOST_LATE = 0.05
MOST_NOT_SENT = 0.01
MOST_CPU = 0.95
"""Shares above which the generator says that it was the bottleneck itself."""


class Outcome(msgspec.Struct):
    """One request. Times are of one monotonic clock, in seconds; `first`: of the first token of a stream."""

    due: float
    sent: float = 0.0
    first: float | None = None
    end: float = 0.0
    error: str = ""
    """Its kind; empty: it was answered to the end."""
    stream: bool = False
    bytes_sent: int = 0
    bytes_received: int = 0
    prompt_tokens: int | None = None
    output_tokens: int | None = None


class Errors(msgspec.Struct, frozen=True):
    """Requests that were not answered to the end, those that were never sent included."""

    count: int
    share: float
    kinds: dict[str, int]


class Throughput(msgspec.Struct, frozen=True):
    """Per second of the time that was measured; `answered` until the last answer was there."""

    offered: float
    answered: float
    output_tokens: float


class Volume(msgspec.Struct, frozen=True):
    """What went over the wire. Bytes are bodies; heads and TLS are not in them. `unknown`: answers without their tokens."""

    bytes_sent: int
    bytes_received: int
    prompt_tokens: int
    output_tokens: int
    unknown: int
    connections_opened: int
    connections_reused: int


class Generator(msgspec.Struct, frozen=True):
    """How well the load generator itself kept up. `limits`: why its own slowness is in these figures; empty: it is not."""

    lag_ms: Spread
    not_sent: int
    cpu: float
    """Of one processor core."""
    exact_timer: bool
    limits: tuple[str, ...]


class Summary(msgspec.Struct, frozen=True):
    """Everything that was measured. `service_ms` counts from when a request was sent, `latency_ms` from when it was due."""

    load: dict[str, Any]
    seconds: float
    requests: int
    streams: int
    interrupted: bool
    errors: Errors
    per_second: Throughput
    latency_ms: Spread
    service_ms: Spread
    ttft_ms: Spread
    gap_ms: Spread
    volume: Volume
    generator: Generator
    percentile_error: float = ERROR


class Machine(msgspec.Struct, frozen=True):
    """What the run knows at its end: seconds that were measured (until the schedule ended, and until the last answer), the
    generator's share of a processor core, and the connections.
    """

    seconds: float
    until_last: float
    cpu: float
    opened: int
    reused: int
    exact_timer: bool
    interrupted: bool = False


class Measured:
    """Collects outcomes. `gaps`: between the events of streams, which are recorded where they are seen. `last`: when the last
    answer ended.
    """

    def __init__(self) -> None:
        self.latency = Histogram()
        self.gaps = Histogram()
        self.requests = 0
        self.answered = 0
        self.failed = 0
        self.not_sent = 0
        self.last = 0.0
        self._service = Histogram()
        self._ttft = Histogram()
        self._lag = Histogram()
        self._errors: Counter[str] = Counter()
        self._streams = 0
        self._sent = self._received = self._prompt = self._output = self._unknown = 0

    def count(self, outcome: Outcome) -> None:
        """A request is over."""
        self.requests += 1
        self.last = max(self.last, outcome.end)
        self._streams += outcome.stream
        self._sent += outcome.bytes_sent
        self._received += outcome.bytes_received
        self._lag.record(outcome.sent - outcome.due)
        if outcome.error:
            self._fail(outcome.error)
            return
        self.answered += 1
        self.latency.record(outcome.end - outcome.due)
        self._service.record(outcome.end - outcome.sent)
        if outcome.first is not None:
            self._ttft.record(outcome.first - outcome.due)
        self._prompt += outcome.prompt_tokens or 0
        self._output += outcome.output_tokens or 0
        self._unknown += outcome.output_tokens is None

    def skip(self) -> None:
        """A request was due, and the generator had too many under way to send it."""
        self.requests += 1
        self.not_sent += 1
        self._fail("not sent by the load generator")

    def summary(self, load: dict[str, Any], machine: Machine) -> Summary:
        """What is told of all this."""
        whole = max(machine.until_last, 1e-9)
        return Summary(
            load=load,
            seconds=round(machine.seconds, 3),
            requests=self.requests,
            streams=self._streams,
            interrupted=machine.interrupted,
            errors=Errors(self.failed, self.failed / self.requests if self.requests else 0.0, dict(self._errors.most_common())),
            per_second=Throughput(
                round(self.requests / max(machine.seconds, 1e-9), 3),
                round(self.answered / whole, 3),
                round(self._output / whole, 3),
            ),
            latency_ms=self.latency.spread(),
            service_ms=self._service.spread(),
            ttft_ms=self._ttft.spread(),
            gap_ms=self.gaps.spread(),
            volume=Volume(self._sent, self._received, self._prompt, self._output, self._unknown, machine.opened, machine.reused),
            generator=self._generator(machine),
        )

    def _fail(self, kind: str) -> None:
        self.failed += 1
        self._errors[kind if kind in self._errors or len(self._errors) < MOST_CLASSES else "other"] += 1

    def _generator(self, machine: Machine) -> Generator:
        late = self._lag.above(LATE)
        limits = []
        if self.requests and late / self.requests > MOST_LATE:
            limits.append(f"{late:,} of {self.requests:,} requests were sent more than {LATE * 1000:.0f} ms after they were due")
        if self.requests and self.not_sent / self.requests > MOST_NOT_SENT:
            limits.append(f"{self.not_sent:,} requests were not sent, because so many were under way already (max_in_flight)")
        if machine.cpu > MOST_CPU:
            limits.append(f"it used {machine.cpu:.0%} of its one processor core")
        return Generator(self._lag.spread(), self.not_sent, round(machine.cpu, 3), machine.exact_timer, tuple(limits))
