"""How long to wait before asking again: growing pauses with jitter (requirements A8, B4; the maths of the jitters as in C17)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt

from llm_gateway.routing.route import Growth, Jitter

_GOLDEN = (1 + sqrt(5)) / 2
_MOST = 60  # repeats beyond this wait as long as the cap in any case


@dataclass(frozen=True)
class Policy:
    """`initial`, `cap`: seconds.

    growth       of repeat n = 0, 1, 2 ...: fixed: initial; linear: initial * (n + 1); exponential: initial * 2**n;
                 fibonacci: initial * 1, 1, 2, 3, 5 ...
    jitter       none; proportional: give or take 25 %; full: between 0 and that; equal: between half of it and all of it;
                 decorrelated: between initial and three times the pause before, whatever the growth.
    """

    growth: Growth = "exponential"
    jitter: Jitter = "proportional"
    initial: float = 0.1
    cap: float = 10.0


PLAIN = Policy()


class Backoff:
    """Draws the jitter. `policy`: for routes that have none of their own."""

    def __init__(self, draw: Callable[[], float], policy: Policy = PLAIN) -> None:
        """`draw` gives numbers in [0, 1)."""
        self._draw = draw
        self.policy = policy

    def wait(self, attempt: int, policy: Policy | None = None, *, before: float = 0.0, left: float = inf) -> float:
        """Seconds to wait before repeat number `attempt` (0 is the first).

        `before`: the wait before the last one (decorrelated only; 0.0: there was none). `left`: seconds to the deadline, which
        no wait goes beyond.
        """
        policy = policy or self.policy
        return max(min(self._drawn(policy, attempt, before), policy.cap, left), 0.0)

    def _drawn(self, policy: Policy, attempt: int, before: float) -> float:
        draw = self._draw
        grown = min(_grown(policy, attempt), policy.cap)
        match policy.jitter:
            case "proportional":
                return grown * (0.75 + 0.5 * draw())
            case "full":
                return grown * draw()
            case "equal":
                return grown * (0.5 + 0.5 * draw())
            case "decorrelated":
                low = policy.initial
                return low + draw() * max(3.0 * (before or low) - low, 0.0)
            case _:
                return grown


def _grown(policy: Policy, attempt: int) -> float:
    steps = min(max(attempt, 0), _MOST)
    match policy.growth:
        case "linear":
            return policy.initial * (max(attempt, 0) + 1)
        case "exponential":
            return policy.initial * 2.0**steps
        case "fibonacci":
            return policy.initial * round(_GOLDEN ** (steps + 1) / sqrt(5))
        case _:
            return policy.initial
