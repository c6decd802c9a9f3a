"""The pipeline's decide stage: collects what a decision depends on, decides, and remembers it.

Most requests ask for a route that leaves nothing to decide: everybody is well, and the order is the one that is written. They are
given the same Decision, made once.
"""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.core.clock import Clock
from llm_gateway.core.exchange import Exchange
from llm_gateway.routing.collect import features_of
from llm_gateway.routing.decide import Policy, decide
from llm_gateway.routing.decision import Decision
from llm_gateway.routing.decisions import Decisions
from llm_gateway.routing.features import Features, Wishes
from llm_gateway.routing.prefix import PrefixIndex
from llm_gateway.routing.record import record_of, to_json
from llm_gateway.routing.route import Route
from llm_gateway.routing.router import Router
from llm_gateway.routing.strategies.base import RAMP_SECONDS
from llm_gateway.routing.wishes import wishes_of

FEW_TOKENS = 10_000
"""With fewer left at a provider it depends on the prompt whether it can be asked."""


class Deciding:
    """One per snapshot."""

    def __init__(
        self,
        router: Router,
        policy: Policy,
        clock: Clock,
        bits: Callable[[int], int],
        decisions: Decisions,
        *,
        region: str = "",
        prefixes: PrefixIndex | None = None,
    ) -> None:
        """`bits`: so many random ones. `region`: where the gateway runs. `prefixes`: what prompt caches are expected to hold."""
        self.router = router
        self.policy = policy
        self._now, self._wall = clock.monotonic, clock.now
        self._bits = bits
        self._decisions = decisions
        self._region = region
        self._prefixes = prefixes

    def __call__(self, ex: Exchange) -> Decision:
        """Raises NotFound, InvalidRequest (wishes), Forbidden (a rule, or wishes that are not for this key)."""
        route = self.router.routes.get(ex.model) or self.router.found(ex.model)
        wishes = wishes_of(ex)
        rules = self.policy.rules
        decision = route.settled if wishes is None and (rules is None or not rules.concerns(ex.model)) else None
        record = None
        caller = ex.caller
        if (
            decision is None
            or (caller is not None and (caller.regions is not None or caller.providers is not None))
            or len(ex.body) > route.roomy
            or not self._well(route)
        ):
            decision, record = self._decided(ex, route, wishes)
        self._decisions.keep(ex, decision, record)
        return decision

    def _well(self, route: Route) -> bool:
        """Whether nothing speaks against anybody: no pause, no open circuit, no recovery under way, a free place, headroom."""
        now = self._now()
        for standing in route.watched:
            if standing.until > now or (standing.limit and standing.limit <= standing.places):
                return False
            if standing.recovered and now - standing.recovered < RAMP_SECONDS:
                return False
            if standing.left_until > now and (0 <= standing.requests_left < 1 or 0 <= standing.tokens_left < FEW_TOKENS):
                return False
        return True

    def _decided(self, ex: Exchange, route: Route, wishes: Wishes | None) -> tuple[Decision, bytes | None]:
        """And for a sample what it was decided by, in JSON (record.py)."""
        route.turns.taken += 1
        features = self.collected(ex, route, wishes, route.turns.taken)
        decision = decide(features, route, self.policy)
        if not self._decisions.wants_record():
            return decision, None
        return decision, to_json(record_of(features, route, self.policy, decision))

    def collected(self, ex: Exchange, route: Route, wishes: Wishes | None, turn: int, *, everything: bool = False) -> Features:
        """What the decision may depend on. `everything`: for who wants to see it all, whatever it costs."""
        return features_of(
            ex,
            route,
            self.policy,
            now=self._now(),
            wall=self._wall(),
            seed=self._bits(64),
            turn=turn,
            wishes=wishes,
            region=self._region,
            prefixes=self._prefixes,
            everything=everything,
        )
