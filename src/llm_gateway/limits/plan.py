"""A caller's meters, sorted by what they count, so that a request need not look at what each of them is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from llm_gateway.limits.estimate import Learned
from llm_gateway.limits.meter import Meter, Unit
from llm_gateway.limits.telling import telling_of

TOTAL, FRESH, CACHED, OUTPUT, COST = range(5)
"""Where each amount of a request stands among its `Amounts`."""
Amounts = tuple[int, int, int, int, int]
_PLACE: Mapping[Unit, int] = MappingProxyType(
    {"tokens": TOTAL, "fresh_tokens": FRESH, "cached_tokens": CACHED, "output_tokens": OUTPUT, "cost": COST}
)
_NO_BOUND = 1 << 62
MOST_MODELS = 256
"""Models of one caller that are at hand."""

Rates = tuple[int, int, int]
"""Nano-dollars of a million tokens: fresh input, cached input, output."""


Pair = tuple[Meter, int]
"""A Charge."""
Measured = tuple[Meter, int, int]
"""A meter whose amount is known at the end only, its place among the Amounts, and the most that is reserved of it at once: a rate
can give no more than its burst, and a guess must not refuse what the real amount may be small enough for.
"""


class Part:
    """Some meters that hold together."""

    __slots__ = ("always", "measured", "streaming")

    def __init__(self, meters: Iterable[Meter]) -> None:
        always: list[Pair] = []
        streaming: list[Pair] = []
        measured: list[Measured] = []
        for meter in meters:
            place = _PLACE.get(meter.unit)
            if place is not None:
                measured.append((meter, place, meter.most_at_once if meter.period else _NO_BOUND))
            else:
                streaming.append((meter, 1))
                if meter.unit != "streams":
                    always.append((meter, 1))
        self.always = tuple(always)
        """What every request takes one of."""
        self.streaming = tuple(streaming)
        """The same for a stream."""
        self.measured = tuple(measured)

    def __bool__(self) -> bool:
        return bool(self.streaming or self.measured)


class Use:
    """One caller's requests for one model: what was learned of them, and what its tokens cost (None: not known)."""

    __slots__ = ("context", "learned", "rates")

    def __init__(self, learned: Learned, rates: Rates | None, context: int) -> None:
        """`context`: tokens of the model's context window; 0: not known."""
        self.learned = learned
        self.rates = rates
        self.context = context or _NO_BOUND


class Plan(Part):
    """A caller's own meters, and whether there are others that depend on the request. Kept with the caller (Caller.meters)."""

    __slots__ = ("by_request", "by_user", "owner", "told", "told_streaming", "uses")

    def __init__(self, owner: object, meters: Iterable[Meter], *, by_request: bool, by_user: bool) -> None:
        """`owner`: the limiter that made it. `by_user`: each end user has limits. `by_request`: those, sources or models have."""
        super().__init__(meters)
        measured = [meter for meter, _, _ in self.measured]
        self.told = telling_of([meter for meter, _ in self.always] + measured)
        """What answers are told of them; None: see telling_of."""
        same = self.streaming == self.always
        self.told_streaming = self.told if same else telling_of([meter for meter, _ in self.streaming] + measured)
        """The same for a stream."""
        self.owner = owner
        self.by_request = by_request
        self.by_user = by_user
        self.uses: dict[str, Use] = {}
