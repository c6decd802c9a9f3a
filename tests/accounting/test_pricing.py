"""What a request may be expected to cost."""

from __future__ import annotations

from accounting_support import per_token
from llm_gateway.accounting.pricing import estimate_cost
from llm_gateway.core.usage import Usage
from routed import candidate


def test_the_dearest_of_those_who_may_be_asked() -> None:
    """At the prices of the settlement; those without prices say nothing."""
    candidates = [candidate("free"), candidate("a")]
    assert estimate_cost(per_token, candidates, 10, 5, 1.0) == per_token("a", "model", Usage(10, output=5), 1.0, "").nano  # type: ignore[union-attr]
    assert estimate_cost(per_token, candidates[:1], 10, 5, 1.0) == 0
