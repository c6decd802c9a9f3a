"""What a caller is told of routing in the headers of every answer: X-Gateway-Decision, and the name it asked for.

    X-Gateway-Decision: route=fast; strategy=least-latency; rules=night,eu; chosen=openai/gpt-4o; candidates=3; attempts=1

One line, ASCII, bounded. Nothing in it is the request's alone but the names, so that most answers are given lines made before.
"""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from llm_gateway.core.exchange import Exchange
from llm_gateway.http.headers import header
from llm_gateway.routing.decision import Decision

LONGEST_NAME = 200
"""Characters of a name, after encoding."""
MOST_RULES = 8
CACHE = "cache"
"""Who is chosen where a kept answer is given again."""
_PLAIN = "/:@+*!~()[]"
"""Characters of names that stay as they are, with letters, digits and _.-; others, ; and , among them, are percent-encoded."""


def decision_line(decision: Decision, ex: Exchange) -> bytes:
    """Header lines, each ending CRLF: what was decided for `ex` and how many attempts it has taken so far."""
    attempts = ex.attempts
    usual = len(attempts) == 1 and not ex.cached
    if usual and decision.line:
        return decision.line
    last = attempts[-1] if attempts else None
    lines = _lines(
        decision.route.name,
        decision.strategy,
        decision.rules,
        decision.split,
        "" if last is None or ex.cached else last.provider,
        CACHE if ex.cached else "" if last is None else last.model,
        (sum([len(leg.order) for leg in decision.legs]), len(decision.refused), len(attempts)),
        ex.model,
    )
    if usual and decision is decision.route.settled:  # everybody's, and always the same candidate
        decision.line = lines
    return lines


@lru_cache(maxsize=4096)
def _lines(
    route: str,
    strategy: str,
    rules: tuple[str, ...],
    split: str,
    provider: str,
    model: str,
    counts: tuple[int, int, int],
    asked: str,
) -> bytes:
    """`counts`: candidates, refused ones, attempts."""
    candidates, refused, attempts = counts
    facts = [f"route={_name(route)}", f"strategy={strategy.replace('_', '-')}"]
    if rules:
        more = (f"+{len(rules) - MOST_RULES}",) if len(rules) > MOST_RULES else ()
        facts.append(f"rules={','.join((*map(_name, rules[:MOST_RULES]), *more))}")
    if split:
        facts.append(f"split={_name(split)}")
    facts.append(f"chosen={_name(f'{provider}/{model}') if provider else model or 'none'}")
    facts.append(f"candidates={candidates}")
    if refused:
        facts.append(f"refused={refused}")
    facts.append(f"attempts={attempts}")
    lines = header(b"X-Gateway-Decision", "; ".join(facts).encode("ascii"))
    return lines + requested(provider, model, asked) if provider else lines


def requested(provider: str, model: str, asked: str) -> bytes:
    """A header line with the name that was `asked` for, where who answered has another one."""
    if asked in (model, f"{provider}/{model}"):
        return b""
    return header(b"X-Gateway-Requested-Model", _name(asked).encode("ascii"))


def _name(text: str) -> str:
    return quote(text[:LONGEST_NAME], _PLAIN, errors="replace")[:LONGEST_NAME]
