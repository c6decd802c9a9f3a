"""What tokens are of each unit, and cost; and what a prompt is, whose bytes say little."""

from __future__ import annotations

from llm_gateway.core.chat import ChatRequest
from llm_gateway.core.errors import GatewayError, release
from llm_gateway.core.estimate import estimate
from llm_gateway.core.exchange import Exchange
from llm_gateway.limits.held import Held
from llm_gateway.limits.plan import Amounts, Use

_MILLION = 1_000_000


def amounts_of(use: Use, prompt: int, output: int) -> Amounts:
    """What so many tokens are of each unit, and cost."""
    learned, rates = use.learned, use.rates
    cached = int(prompt * learned.cached)
    fresh = prompt - cached
    if rates is None:
        return prompt + output, fresh, cached, output, int(learned.cost)
    return prompt + output, fresh, cached, output, (fresh * rates[0] + cached * rates[1] + output * rates[2]) // _MILLION


def guessed(ex: Exchange, held: Held, use: Use, cost: int) -> Amounts:
    """What was used, where nobody told: by what was written to the caller. Nothing was, if nobody answered."""
    if not ex.committed:
        return 0, 0, 0, 0, cost
    written = max(int(ex.bytes_out / use.learned.facts.stream_bytes), 1)
    total, fresh, cached, output, guess = amounts_of(use, held.prompt, written)
    return total, fresh, cached, output, cost or guess


def read_prompt(ex: Exchange, otherwise: int) -> int:
    """Tokens of a prompt with pictures, sound or documents in it; `otherwise`: where that cannot be read."""
    parse = getattr(ex.front, "parse_request", None)
    if parse is None:
        return otherwise
    if ex.request is None:
        try:
            ex.request = parse(ex.body)
        except GatewayError as error:  # whoever it is sent to says what is wrong with it
            release(error)
            return otherwise
    return estimate(ex.request) if isinstance(ex.request, ChatRequest) else otherwise
