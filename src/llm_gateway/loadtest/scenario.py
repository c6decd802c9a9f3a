"""A load as a file: what is asked, how much of it when, and what it must not come to. See tests/load for some."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

import msgspec
from msgspec import inspect as mi

from llm_gateway.config.bind import Binder
from llm_gateway.config.errors import Problems
from llm_gateway.config.schema.base import Section, about
from llm_gateway.config.values import Duration
from llm_gateway.config.yaml_tree import Unreadable, read_yaml
from llm_gateway.loadtest.arrivals import Ramp
from llm_gateway.loadtest.thresholds import Threshold

_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(?:\s*(?:to|-)\s*(\d{1,9}(?:\.\d{1,6})?))?")
_LARGEST = 16 << 20
"""Characters of a scenario file, and tokens of a prompt."""
AS_LONG_AS_IT_TAKES = Duration(86_400)
"""Of a run that is limited by its number of requests."""


class Span:
    """A number, or from one to another: `50`, `50 to 200`, `50-200`."""

    __slots__ = ("high", "low")
    pattern: ClassVar[str] = r"^\d+(\.\d+)?(\s*(to|-)\s*\d+(\.\d+)?)?$"

    def __init__(self, low: float, high: float) -> None:
        self.low = float(low)
        self.high = float(high)

    @classmethod
    def parse(cls, given: object) -> Self:
        """Raises ValueError for what is none."""
        if isinstance(given, cls):
            return given
        text = str(given).strip() if isinstance(given, str | int | float) and not isinstance(given, bool) else ""
        found = _SPAN.fullmatch(text)
        if found is None:
            raise ValueError("expected a number, or two such as 50 to 200")
        return cls(float(found[1]), float(found[2] or found[1]))

    @property
    def counts(self) -> bool:
        """Whether it is of whole numbers, the smaller one first, with at least one."""
        return self.low.is_integer() and self.high.is_integer() and 1 <= self.low <= self.high <= _LARGEST

    def __str__(self) -> str:
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g} to {self.high:g}"

    def __repr__(self) -> str:
        return f"Span({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and (self.low, self.high) == (other.low, other.high)

    def __hash__(self) -> int:
        return hash((self.low, self.high))


class Stage(Section, frozen=True):
    """A part of the run."""

    duration: Annotated[Duration, about("How long it takes.", positive=True)]
    rate: Annotated[Span | None, about("Requests per second, or from how many to how many; whether or not answers come.")] = None
    users: Annotated[Span | None, about("Callers that each wait for their answer, or from how many to how many.")] = None

    def check(self) -> Iterator[tuple[str, str]]:
        if (self.rate is None) == (self.users is None):
            yield "", "needs either rate or users"
        elif max(self.span.low, self.span.high) <= 0 and self.rate is None:
            yield "users", "is nobody"

    @property
    def span(self) -> Span:
        """Of whichever it has."""
        return cast("Span", self.rate if self.rate is not None else self.users)

    @property
    def ramp(self) -> Ramp:
        """For arrivals.py."""
        return Ramp(float(self.duration), self.span.low, self.span.high)


class Scenario(Section, frozen=True):
    """A whole load."""

    stages: Annotated[tuple[Stage, ...], about("One after the other."), msgspec.Meta(min_length=1)]
    about: Annotated[str, about("What it is for.")] = ""
    models: Annotated[dict[str, float], about("Which models are asked, with their shares.")] = msgspec.field(default_factory=dict)
    prompt_tokens: Annotated[Span, about("Length of the prompts, at four characters a token.")] = Span(50, 50)
    max_tokens: Annotated[Span, about("What is asked for at most.")] = Span(100, 100)
    prompt: Annotated[str, about("Stands at the end of each prompt.")] = ""
    stream: Annotated[float, about("Which share of the requests are streams.", ge=0, le=1)] = 0.0
    arrivals: Annotated[
        Literal["poisson", "even"], about("With a rate: requests that know nothing of one another, or evenly spaced ones.")
    ] = "poisson"
    think: Annotated[Duration, about("With users: how long each waits between an answer and the next request.")] = Duration(0)
    warm_up: Annotated[Duration, about("Load before the first stage that is not measured.")] = Duration(0)
    timeout: Annotated[Duration, about("How long one request may take.", positive=True)] = Duration(60)
    max_in_flight: Annotated[int, about("Requests under way at most; others are counted as not sent.", ge=1, le=60_000)] = 1000
    requests: Annotated[
        int, about("How many are sent at most, those of the warm-up left out; 0: what the stages come to.", ge=0)
    ] = 0
    seed: Annotated[int, about("The same seed makes the same requests at the same times.", ge=0)] = 0
    fail_if: Annotated[tuple[Threshold, ...], about("When the run has failed.")] = ()

    def check(self) -> Iterator[tuple[str, str]]:
        if len({stage.rate is None for stage in self.stages}) > 1:
            yield "stages", "some have a rate and some have users: one of both for all"
        elif all(stage.rate is not None and max(stage.rate.low, stage.rate.high) <= 0 for stage in self.stages):
            yield "stages", "ask nothing: every rate is 0"
        for name in ("prompt_tokens", "max_tokens"):
            if not getattr(self, name).counts:
                yield name, "expected whole numbers from 1, the smaller one first"
        if self.think and self.stages[0].rate is not None:
            yield "think", "goes with users: a rate does not wait for anybody"
        if any(not share > 0 for share in self.models.values()):
            yield "models", "every share must be above 0"

    @property
    def open(self) -> bool:
        """Whether requests come at their times, and not when an earlier answer is there."""
        return self.stages[0].rate is not None

    @property
    def ramps(self) -> tuple[Ramp, ...]:
        """The stages behind the warm-up, which is as its load begins (or where it leads to, if it begins with nothing)."""
        span = self.stages[0].span
        begin = span.low or span.high
        before = (Ramp(float(self.warm_up), begin, begin),) if self.warm_up else ()
        return (*before, *(stage.ramp for stage in self.stages))

    def told(self) -> dict[str, Any]:
        """What makes two runs comparable."""
        return {
            "stages": [
                {"duration": str(stage.duration), "rate" if self.open else "users": str(stage.span)} for stage in self.stages
            ],
            "arrivals": self.arrivals if self.open else "when an answer is there",
            "prompt_tokens": str(self.prompt_tokens),
            "max_tokens": str(self.max_tokens),
            "prompt": self.prompt,
            "stream": self.stream,
            "think": str(self.think),
            "requests": self.requests,
            "models": dict(self.models),
        }


def shortened(scenario: Scenario, by: float) -> Scenario:
    """The same load for a fraction of the time."""
    stages = tuple(msgspec.structs.replace(stage, duration=Duration(stage.duration / by)) for stage in scenario.stages)
    warm_up, think = Duration(scenario.warm_up / by), Duration(scenario.think / by)
    return msgspec.structs.replace(scenario, stages=stages, warm_up=warm_up, think=think)


def read(file: Path) -> Scenario:
    """A scenario from its YAML file. Raises OSError, and ConfigErrors with everything that is wrong and where."""
    problems = Problems()
    made: Scenario | None = None
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(_LARGEST)
        info = cast("mi.StructType", mi.type_info(Scenario))
        made = Binder(problems, {}).bind(info, read_yaml(text, str(file), problems))
    except Unreadable as error:
        problems.add(error.where, (), error.message, error.suggestion)
    problems.raise_if_any()
    return cast("Scenario", made)
