"""All faults by kind. The order is the order in which they are applied, whatever order a spec names them in: first what
is said (status, body, events), then how it is coded and framed, then what happens to the connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from llm_gateway.simulator.answer import Answer
from llm_gateway.simulator.faults import body, coding, connection, eventstream, framing, realtime, sse, status, stream
from llm_gateway.simulator.faults.spec import Fault, FaultError, FaultKind, Given

GROUPS: Mapping[str, tuple[FaultKind, ...]] = MappingProxyType(
    {
        "status": status.FAULTS,
        "body": body.FAULTS,
        "stream": stream.FAULTS,
        "sse": sse.FAULTS,
        "eventstream": eventstream.FAULTS,
        "coding": coding.FAULTS,
        "framing": framing.FAULTS,
        "connection": connection.FAULTS,
        "realtime": realtime.FAULTS,
    }
)
KINDS: Mapping[str, FaultKind] = MappingProxyType({kind.name: kind for group in GROUPS.values() for kind in group})
_ORDER: Mapping[str, int] = MappingProxyType({name: number for number, name in enumerate(KINDS)})


def kind_of(fault: Fault) -> FaultKind:
    """The kind a spec means: its name, or a status code; raises FaultError."""
    if fault.name.isdecimal() and 300 <= int(fault.name) <= 599:
        return KINDS["status"]
    kind = KINDS.get(fault.name)
    if kind is None:
        raise FaultError(f"there is no fault named {fault.name[:40]!r}")
    return kind


def check(faults: Iterable[Fault]) -> None:
    """Raise FaultError for a name that is none."""
    for fault in faults:
        kind_of(fault)


def is_early(fault: Fault) -> bool:
    """Whether it strikes before the request's body has been read."""
    return kind_of(fault).early


def apply(faults: Iterable[Fault], answer: Answer, given: Given) -> None:
    """Do all of `faults` to `answer`; `given` has the seed and the clock, the arguments come from each fault."""
    ordered = sorted(faults, key=lambda fault: _ORDER[kind_of(fault).name])
    for fault in ordered:
        args = {"code": fault.name, **fault.args} if fault.name.isdecimal() else fault.args
        kind_of(fault).apply(answer, Given(args, given.seed, given.now))
