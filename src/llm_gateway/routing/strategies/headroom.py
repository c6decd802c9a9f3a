"""Who could take the most requests like this one before its provider's rate limit: by requests and by tokens left.

Who was never told a limit, or whose limit is full again, is taken to have as much as the others have on average: it is neither
shunned nor flooded.
"""

from __future__ import annotations

from llm_gateway.routing.candidate import Lineup
from llm_gateway.routing.features import Features
from llm_gateway.routing.standing import UNKNOWN, Standing
from llm_gateway.routing.strategies.base import Ranked, spread

UNCOUNTED = 1000
"""Tokens of a prompt that nobody counted."""


def rank(lineup: Lineup, features: Features) -> Ranked:
    return spread(lineup, [-room for room in rooms_of(lineup, features)], features.seed)


def rooms_of(lineup: Lineup, features: Features) -> list[float]:
    """Requests like this one that each could take."""
    at = features.at
    tokens = features.tokens if features.tokens > 0 else UNCOUNTED
    rooms = [room_of(one, tokens) if one.left_until > at else UNKNOWN for one in lineup.standings]
    for account in lineup.accounts:
        if account.left_until > at:
            room = room_of(account, tokens)
            for place, candidate in enumerate(lineup.candidates):
                if candidate.account is account and (rooms[place] < 0 or 0 <= room < rooms[place]):
                    rooms[place] = room
    if UNKNOWN in rooms:
        known = [room for room in rooms if room >= 0]
        usual = sum(known) / len(known) if known else 0.0
        rooms = [usual if room < 0 else room for room in rooms]
    return rooms


def room_of(one: Standing, tokens: int) -> float:
    """Requests of so many tokens that are left; UNKNOWN: nobody said."""
    requests, left = one.requests_left, one.tokens_left
    if left < 0:
        return requests
    return requests if 0 <= requests * tokens < left else left / tokens


def terms(lineup: Lineup, features: Features, position: int) -> dict[str, float]:
    candidate = lineup.candidates[position]
    found: dict[str, float] = {"room": rooms_of(lineup, features)[position]}
    for name, one in (("", candidate.standing), ("account_", candidate.account)):
        if one.left_until > features.at:
            found |= {f"{name}requests_left": one.requests_left, f"{name}tokens_left": one.tokens_left}
    return found
