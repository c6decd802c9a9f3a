"""All Standings of a process, and the circuit of each. Bounded: names of models come from callers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from llm_gateway.core.clock import Clock, SystemClock
from llm_gateway.resilience.circuit import PLAIN, Circuit, Rules
from llm_gateway.resilience.pauses import ENDED_BY_NEW_CREDENTIALS
from llm_gateway.routing.standing import CLOSED, Standing

MOST = 10_000
"""Names that nobody configured, but a caller asked for. One more gets a Standing that is not kept."""
STATES = ("closed", "half_open", "open")
_LEVELS: Mapping[str, Literal["info", "warning", "error"]] = MappingProxyType(
    {
        "circuit_closed": "info",
        "circuit_opened": "warning",
        "quota": "warning",
        "credentials": "error",
        "tls": "error",
        "unhealthy": "warning",
    }
)


class Log(Protocol):
    def __call__(self, level: Literal["info", "warning", "error"], event: str, **fields: object) -> None: ...


class Row(NamedTuple):
    """For people and gauges. `gauge`: 0 closed, 1 half-open, 2 open; `seconds`: until something may be sent, 0.0: now."""

    name: str
    gauge: int
    state: str
    seconds: float
    reason: str
    failures: int
    running: int
    success: float


class Standings:
    """One per process; outlives reloads. Names: `provider/model`, and the provider alone for its account."""

    def __init__(self, clock: Clock | None = None, log: Log | None = None, rules: Rules = PLAIN, most: int = MOST) -> None:
        """`log` None: nothing is logged."""
        self._clock = clock or SystemClock()
        self._log = log
        self.rules = rules
        self._most = most
        self.circuits: dict[str, Circuit] = {}
        """By name. Who looks a circuit up here checks that it is the one of the Standing at hand: see `circuit`."""
        self._configured: frozenset[str] = frozenset()
        self._asked_in_vain = 0

    def of(self, name: str) -> Standing:
        """A deployment's, by provider/model."""
        return (self.circuits.get(name) or self._made(name)).standing

    def account(self, provider: str) -> Standing:
        """A provider account's. There are as many as the configuration names: they always have their place."""
        return (self.circuits.get(provider) or self._kept(provider)).standing

    def find(self, name: str) -> Standing | None:
        """One that is there."""
        circuit = self.circuits.get(name)
        return None if circuit is None else circuit.standing

    def circuit(self, standing: Standing) -> Circuit:
        """Its circuit; of a Standing that is not kept, one that will not be kept either."""
        circuit = self.circuits.get(standing.name)
        return circuit if circuit is not None and circuit.standing is standing else Circuit(standing, self.rules, self._tell)

    def everyone(self) -> Iterator[Standing]:
        return (circuit.standing for circuit in self.circuits.values())

    def keep(self, names: Iterable[str]) -> None:
        """These have their place from now on, whatever callers ask for: a configuration that names them is about to hold."""
        for name in names:
            if name not in self.circuits:
                self._kept(name)

    def configure(self, rules: Rules, names: Collection[str] = ()) -> None:
        """A configuration begins to hold: its rules for circuits, the deployments and providers that it names. Credentials may be
        others now, so that nobody is shut out for the old ones.
        """
        now = self._clock.monotonic()
        self.rules = rules
        self._configured = frozenset(names)
        self.keep(self._configured)
        for circuit in self.circuits.values():
            circuit.configure(rules, now)
            if circuit.pauses and circuit.pauses.end(ENDED_BY_NEW_CREDENTIALS):
                circuit.show()

    def reset(self, name: str) -> bool:
        """By an administrator: closed, without a pause. Whether there is such a name."""
        circuit = self.circuits.get(name)
        if circuit is None:
            return False
        circuit.reset(self._clock.monotonic())
        return True

    def rows(self, names: Iterable[str] | None = None) -> list[Row]:
        """All, or these as far as they are there."""
        now = self._clock.monotonic()
        found = self.circuits.values() if names is None else filter(None, map(self.circuits.get, names))
        return [_row(circuit.standing, now) for circuit in found]

    def _made(self, name: str) -> Circuit:
        if name in self._configured or len(self.circuits) < self._most + len(self._configured) or self._swept():
            return self._kept(name)
        return Circuit(Standing(name), self.rules, self._tell)

    def _kept(self, name: str) -> Circuit:
        circuit = self.circuits[name] = Circuit(Standing(name), self.rules, self._tell)
        return circuit

    def _swept(self) -> bool:
        """Makes room: names that never gave an answer are let go. Looked for now and then only: it takes a millisecond."""
        self._asked_in_vain += 1
        if self._asked_in_vain % 1000 != 1:
            return False
        idle = [name for name, circuit in self.circuits.items() if "/" in name and self._never_answered(circuit.standing)]
        for name in idle:
            del self.circuits[name]
        return bool(idle)

    def _never_answered(self, standing: Standing) -> bool:
        return (
            standing.latency == 0.0
            and standing.running == 0
            and standing.state == CLOSED
            and standing.name not in self._configured
        )

    def _tell(self, event: str, standing: Standing) -> None:
        level = _LEVELS.get(event)
        if level is not None and self._log is not None:
            left = max(standing.until - self._clock.monotonic(), 0.0)
            name = event if event.startswith("circuit") else f"{event}_pause"
            self._log(level, name, deployment=standing.name, failures=standing.failures, seconds=round(left, 3))


def _row(standing: Standing, now: float) -> Row:
    left = max(standing.until - now, 0.0)
    return Row(
        standing.name,
        standing.state,
        STATES[standing.state],
        left,
        standing.reason if left or standing.state != CLOSED else "",
        standing.failures,
        standing.running,
        standing.success,
    )
