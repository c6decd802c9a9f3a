"""The grammar of faults: `name:key=value,key=value+name2`. Values are percent-decoded, so `%2C` and `%2B` stand for , and +.

Every fault also takes when it strikes, counted over the requests that carry the same spec:

    times=3     the first three only        skip=2      not the first two
    every=4     each fourth                 rate=0.2    a fifth of them, chosen by the seed

A spec comes from a URL prefix (/f/SPEC/v1/..., percent-encoded once more), the header X-Simulator-Fault, the model name
(`gpt-4o@@SPEC`), a mount, or the options; all that are given apply.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from llm_gateway.simulator.answer import Answer

TRIGGERS = frozenset({"times", "skip", "every", "rate"})
SPEC_LENGTH = 2000
COUNTERS = 4096


class FaultError(ValueError):
    """A spec that names no fault or gives it a value it cannot use."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a fault is given: its arguments, the seed, and the wall clock (for Retry-After dates)."""

    args: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    now: Callable[[], float] = lambda: 0.0

    def text(self, name: str, default: str = "") -> str:
        return self.args.get(name, default)

    def number(self, name: str, default: float, most: float = 86_400.0) -> float:
        """A number from 0 to `most`."""
        given = self.args.get(name)
        if given is None:
            return default
        try:
            value = float(given)
        except ValueError:
            raise FaultError(f"{name}={given[:40]} is not a number") from None
        if not 0 <= value <= most:
            raise FaultError(f"{name}={given[:40]} is not between 0 and {most:g}")
        return value

    def integer(self, name: str, default: int, most: int = 100_000_000) -> int:
        """A whole number from 0 to `most`."""
        return int(self.number(name, default, most))


Apply = Callable[[Answer, Given], None]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One fault: what it does to an answer, and a line for the table that the command line prints.

    `early`: it strikes when the head of the request is in, before its body.
    """

    name: str
    about: str
    apply: Apply
    args: str = ""
    early: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault as a request names it."""

    name: str
    args: Mapping[str, str]

    def __str__(self) -> str:
        given = ",".join(f"{key}={value}" for key, value in self.args.items())
        return f"{self.name}:{given}" if given else self.name


def parse(text: str) -> tuple[Fault, ...]:
    """The faults of a spec, in the order written; raises FaultError for what is no spec."""
    if len(text) > SPEC_LENGTH:
        raise FaultError("the fault spec is too long")
    return tuple(_one(part) for part in text.split("+") if part)


def _one(part: str) -> Fault:
    name, _, rest = part.partition(":")
    args: dict[str, str] = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise FaultError(f"{pair[:40]!r} in the fault spec is not key=value")
        args[key.strip()] = unquote(value)
    return Fault(name.strip(), args)


class Triggers:
    """Counts the requests of each spec to decide which of them a fault strikes. Bounded: the oldest counters go first."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counts: OrderedDict[str, int] = OrderedDict()

    def strikes(self, fault: Fault, scope: str) -> bool:
        """Whether this request is one that `fault` strikes; `scope` keeps the counts of mounts apart."""
        if not TRIGGERS & fault.args.keys():
            return True
        given, key = Given(fault.args), f"{scope} {fault}"
        count = self._counts[key] = self._counts.pop(key, 0) + 1
        if len(self._counts) > COUNTERS:
            self._counts.popitem(last=False)
        number = count - given.integer("skip", 0)
        every = max(1, given.integer("every", 1))
        if number < 1 or number > given.integer("times", number) * every or number % every:
            return False
        return self._draw(f"{key} {count}") < given.number("rate", 1.0, 1.0)

    def _draw(self, name: str) -> float:
        raw = hashlib.blake2b(f"{self._seed} {name}".encode(), digest_size=6).digest()
        return int.from_bytes(raw) / 2**48

    def reset(self) -> None:
        """Forget all counts: the first request is the first again."""
        self._counts.clear()
