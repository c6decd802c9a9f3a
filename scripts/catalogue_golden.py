#!/usr/bin/env python3
"""Compares our prices with genai-prices' own on every model, moment and tier, and writes a sample for the tests.

    build/catalogue/bin/python scripts/catalogue_golden.py

Run it after scripts/catalogue.py, in the same environment. It ends with 1 if one price differs by more than the rounding of
its parts (half a nano-dollar each).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from catalogue import TYPES  # noqa: E402
from llm_gateway.catalogue.book import Data  # noqa: E402
from llm_gateway.catalogue.prices import price  # noqa: E402
from llm_gateway.catalogue.store import built_in  # noqa: E402
from llm_gateway.core.usage import Usage  # noqa: E402

OUT = ROOT / "tests/catalogue/golden/prices.json"
EVERY = 197
"""One of so many comparisons goes into the sample."""
MOMENTS = (
    datetime(2025, 3, 1, 3, tzinfo=UTC),
    datetime(2026, 1, 15, 20, tzinfo=UTC),
    datetime(2026, 10, 20, 8, 30, tzinfo=UTC),
    datetime(2026, 11, 23, 23, 59, tzinfo=UTC),
)
USAGES = (
    Usage(input=1001, output=333),
    Usage(input=7, cache_read=90_001, cache_write=10_003, output=1, reasoning=5003),
    Usage(input=150_000, cache_write_1h=60_007, output=20_011),
    Usage(input=272_001, cache_read=13, output=2),
    Usage(input=500, audio_input=701, output=10, audio_output=303),
)


def main() -> int:
    from genai_prices.data import providers  # noqa: PLC0415 - only here, and slow

    genai = {provider.id: provider for provider in providers}
    data = Data(built_in())
    wrong, count = 0, 0
    sample: list[Any] = []
    for kind, (name, _, _) in TYPES.items():
        if name not in genai:
            continue
        for model in genai[name].models:
            for ident in names_of(model.match):
                for compared in comparisons(kind, ident, genai[name], model, data):
                    count += 1
                    wrong += not compared["same"]
                    if not compared["same"] and wrong < 20:
                        print("differs:", compared)
                    if count % EVERY == 0:
                        sample.append({key: value for key, value in compared.items() if key not in {"same", "expected"}})
                        sample[-1]["nano"] = compared["nano"]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    lines = b",\n".join(msgspec.json.encode(one) for one in sample)
    OUT.write_bytes(b'{"date":' + msgspec.json.encode(data.book.date) + b',"prices":[\n' + lines + b"\n]}\n")
    print(f"{count} prices compared, {wrong} differ, {len(sample)} in the sample")
    return 1 if wrong else 0


def names_of(clause: Any) -> Iterator[str]:
    """Names that a rule is sure to match."""
    for part in getattr(clause, "or_", ()):
        yield from names_of(part)
    for kind in ("equals", "starts_with", "ends_with", "contains"):
        if hasattr(clause, kind):
            yield getattr(clause, kind)


def comparisons(kind: str, ident: str, provider: Any, model: Any, data: Data) -> Iterator[dict[str, Any]]:
    model = provider.find_model(ident) or model  # a name that begins like another's belongs to who comes first
    found = data.find(kind, ident)
    free = found is None or found.tariff is None
    contexts: list[tuple[str, dict[str, str]]] = [("standard", {})]
    contexts += [(value, {how: value}) for v in model.price_variants or () for how, value in v.when.items() if how != "route"]
    for at in MOMENTS:
        for tier, context in dict(contexts).items():
            for usage in USAGES:
                expected = theirs(provider, model, usage, at, context)
                if expected is None:
                    continue
                cost = None if free else price(found.tariff, usage, at.timestamp(), tier)
                nano, parts = (cost.nano, len(cost.parts)) if cost is not None else (0, 0)
                yield {
                    "type": kind,
                    "model": ident,
                    "at": at.timestamp(),
                    "tier": tier,
                    "usage": {name: count for name, count in msgspec.structs.asdict(usage).items() if count},
                    "nano": nano,
                    "expected": str(expected),
                    "same": abs(nano - expected * 10**9) <= Decimal(parts) / 2 + Decimal("0.01"),
                }


def theirs(provider: Any, model: Any, usage: Usage, at: datetime, context: dict[str, str]) -> Decimal | None:
    from genai_prices.types import Usage as Theirs  # noqa: PLC0415 - slow

    counts = {
        "input_tokens": usage.prompt,
        "output_tokens": usage.completion,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write + usage.cache_write_1h,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "output_reasoning_tokens": usage.reasoning,
        "input_audio_tokens": usage.audio_input,
        "output_audio_tokens": usage.audio_output,
    }
    told = Theirs(**{name: count for name, count in counts.items() if count})
    try:
        total: Decimal = model.calc_price(told, provider, genai_request_timestamp=at, price_context=context).total_price
    except ValueError:
        return None  # a combination that this model's prices do not cover
    return total


if __name__ == "__main__":
    sys.exit(main())
