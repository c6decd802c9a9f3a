"""What a request may be expected to cost, by the same prices that its bill is made with (accounting.bills): a reservation at
other prices than the settlement's holds too much or too little.
"""

from __future__ import annotations

from collections.abc import Iterable

from llm_gateway.core.ledger import Prices
from llm_gateway.core.usage import Usage
from llm_gateway.routing.candidate import Candidate


def estimate_cost(prices: Prices, candidates: Iterable[Candidate], input: int, output: int, at: float) -> int:  # noqa: A002 - the class's name
    """Nano-dollars of so many tokens at the dearest of those who may be asked. 0: the prices of none are known. `at`: Unix
    seconds.
    """
    usage = Usage(input=input, output=output)
    found = (prices(one.deployment.upstream.name, one.deployment.model, usage, at, "") for one in candidates)
    return max((priced.nano for priced in found if priced is not None), default=0)
