"""Prompt-cache affinity as a price and not a pin: what this request and those that go on from it will cost and take, everywhere.

Cost: the tokens that a candidate's cache is expected to hold are counted at its cached rate. A prompt that will come again
(Features.again) is also priced as if this candidate kept it: going where nothing is cached yet is an investment, and one with a
dear first turn and cheap later ones can be the better. Time: what is cached need not be read, and who runs more than its share
makes everyone wait. Both are relative to the average of the candidates, and time counts a fifth of cost.

Where that makes no difference (nothing cached anywhere, equal prices), the beginning of the prompt decides by rendezvous hashing:
equal beginnings meet at one candidate, in every worker, before anybody has learned where they are cached.
"""

from __future__ import annotations

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.draws import BITS, order_of
from llm_gateway.routing.features import Features
from llm_gateway.routing.strategies.base import Ranked
from llm_gateway.routing.strategies.cost import discount, outputs_of
from llm_gateway.routing.strategies.sticky import FREE, bounds_of, key_of
from llm_gateway.routing.strategies.ttft import times_of

TIME_WEIGHT = 0.2
READING = 0.8
"""The share of the time to the first token that reading the prompt takes."""
AGAIN = 1.0
"""How often a prompt is taken to come again where nobody has counted, if all of it came before; less if less of it did."""
HELD = 0.8
"""The share of a cache's expected content that is there, where nobody has measured."""
_GRAINS = 200
"""Scores are relative to the average; what differs by less than one of so many parts is equal."""
_BEHIND = 2.0**-BITS


def rank(lineup: Lineup, features: Features) -> Ranked:
    prices = prices_of(lineup, features)
    waits = waits_of(lineup, features)
    by_price, by_wait = _GRAINS * _one_through_mean(prices), _GRAINS * TIME_WEIGHT * _one_through_mean(waits)
    key = features.prefix[0] if features.prefix else key_of(features)
    # Whole grains, and behind them the place in the rendezvous: it decides among equals and nothing else.
    scores = [
        int(price * by_price + wait * by_wait) + place * _BEHIND
        for price, wait, place in zip(prices, waits, lineup.salts.meet(key), strict=True)
    ]
    return order_of(scores), scores


def prices_of(lineup: Lineup, features: Features) -> list[float]:
    """A million times the nano-dollars of this request and of those that are expected to go on from it. Those that are not known
    are as high as the highest.
    """
    again = again_of(features)
    tokens = max(features.tokens, 0)
    kept = tokens * again * HELD
    times = 1.0 + again
    all_tokens = tokens * times
    prices = [
        all_tokens * fresh - kept * cheaper + output * times * out
        for (fresh, cheaper, out), output in zip(lineup.prices, outputs_of(lineup, features), strict=True)
    ]
    if features.cached:
        discount(prices, lineup, features)
    if again and features.held:
        for name, held in features.held.items():
            place = lineup.places.get(name)
            if place is not None:
                prices[place] += tokens * again * (HELD - held) * lineup.prices[place][1]
    if lineup.unpriced:
        highest = max(prices)
        for place in lineup.unpriced:
            prices[place] = highest
    return prices


def again_of(features: Features) -> float:
    """How many more requests are expected to go on from this prompt."""
    if features.again >= 0:
        return features.again
    tokens = features.tokens
    return AGAIN * min(max(features.cached.values(), default=0) / tokens, 1.0) if tokens > 0 else 0.0


def waits_of(lineup: Lineup, features: Features) -> list[float]:
    """Seconds to the first token, with what is cached and who is loaded."""
    waits = times_of(lineup, features.at)
    tokens = features.tokens
    if features.cached and tokens > 0:
        for name, cached in features.cached.items():
            place = lineup.places.get(name)
            if place is not None:
                waits[place] *= 1.0 - READING * min(cached / tokens, 1.0)
    running = [one.running for one in lineup.standings]
    if max(running) > FREE:
        most = bounds_of(lineup, sum(running))
        waits = [wait * max(1.0, load / bound) for wait, load, bound in zip(waits, running, most, strict=True)]
    return waits


def _one_through_mean(numbers: list[float]) -> float:
    total = sum(numbers)
    return len(numbers) / total if total > 0 else 0.0


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:
    name = lineup.names[position]
    found = {
        "cached": float(features.cached.get(name, 0)),
        "again": again_of(features),
        "held": features.held.get(name, HELD),
        "wait": waits_of(lineup, features)[position],
    }
    return found if position in lineup.unpriced else {"price": prices_of(lineup, features)[position] / 1e6, **found}
