#!/usr/bin/env python3
"""Recomputes every price of what is not tokens from litellm's own numbers, and writes what was compared for the tests.

    build/catalogue/bin/python scripts/catalogue_golden_media.py

Run it after scripts/catalogue.py, in the same environment. It shares no code with the reading there: it asks our prices what
some images, seconds, pages and so on cost and multiplies litellm's dollars itself. It ends with 1 if one differs, or if the
data holds a price of litellm's that was not compared.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from catalogue import TYPES  # noqa: E402
from llm_gateway.catalogue.book import Data  # noqa: E402
from llm_gateway.catalogue.format import entries  # noqa: E402
from llm_gateway.catalogue.prices import Tariff, price  # noqa: E402
from llm_gateway.catalogue.store import built_in  # noqa: E402
from llm_gateway.core.usage import Usage  # noqa: E402

OUT = ROOT / "tests/catalogue/golden/media.json"
AT = 1_795_478_340.0
COUNT = 7
KINDS = {name: kind for kind, (_, _, names) in TYPES.items() for name in names}
ONE_BY_ONE = {
    "output_cost_per_image": "image",
    "ocr_cost_per_page": "page",
    "annotation_cost_per_page": "annotated_page",
    "code_interpreter_cost_per_session": "container",
    "google_maps_grounding_cost_per_query": "maps_search",
    "input_cost_per_text_message": "message",
    "input_cost_per_character": "character",
    "input_cost_per_request": "request",
}
QUERY = {"rerank": "search_unit", "embedding": "message", "search": "web_search", "vector_store": "storage_search"}
HIGHEST = "the highest, as nothing is known of the quality"
OTHER = "1x1 1p none"
"""Words that no table has: what is charged for all the rest."""


class Asked(NamedTuple):
    """A quantity of a class, with what is known of the request, and what litellm's numbers make of it in dollars."""

    name: str
    quantity: int
    words: str
    dollars: Decimal
    tier: str = "standard"


def asked(field: str, row: dict[str, Any], front: list[str], model: str) -> Iterator[Asked]:
    """What to ask for a field of a row. `front`: what stands before the model's name."""
    tier = "batch" if field.endswith("_batches") else "standard"
    field = field.removesuffix("_batches")
    value, mode = row[field if tier == "standard" else field + "_batches"], row.get("mode")
    words = " ".join(front) or OTHER
    if field == "search_context_cost_per_query":
        for size, dollars in value.items():
            yield Asked("web_search", COUNT, size.rpartition("_")[2], Decimal(dollars) * COUNT)
        return
    if not isinstance(value, int | Decimal):
        return
    dollars = Decimal(value)
    if field == "output_cost_per_image" and "lyria" in model:
        yield Asked("song", COUNT, "", dollars * COUNT)
    elif field in ONE_BY_ONE:
        quantity = 1 if field == "input_cost_per_request" else COUNT
        yield Asked(ONE_BY_ONE[field], quantity, words, dollars * quantity, tier)
    elif field == "input_cost_per_query":
        yield Asked(QUERY[str(mode)], COUNT, "", dollars * COUNT)
    elif field == "input_cost_per_image":
        made = str(mode).startswith("image") and "output_cost_per_image" not in row
        yield Asked("image" if made else "input_image", COUNT, words, dollars * COUNT)
    elif field == "input_cost_per_pixel" and "input_cost_per_image" not in row:
        size = next((word for word in front if "x" in word), "640x480")
        across, down = map(int, size.split("x"))
        yield Asked("image", COUNT, " ".join(front) or size, dollars * across * down * COUNT)
    elif "per_second" in field and "cost_per_second" not in row and "above_128k" not in field:
        yield from seconds(field, mode, dollars, model)


def seconds(field: str, mode: str | None, dollars: Decimal, model: str) -> Iterator[Asked]:
    milliseconds = 61_500
    cost = dollars * milliseconds / 1000
    last = field.rpartition("_")[2]
    if "video_per_second" in field or mode == "video_generation":
        name = "video_input_ms" if field.startswith("input") else "video_ms"
        words = OTHER if last == "second" else last
        if last == "interval":
            words = "_".join(field.split("_")[6:8])
        if model == "sora-2-pro-high-res":
            words = "1792x1024"
        yield Asked(name, milliseconds, words, cost)
    elif field.startswith("input") or mode == "audio_transcription":
        yield Asked("audio_ms", milliseconds, "", cost)
    else:
        yield Asked("audio_output_ms", milliseconds, "", cost)


def all_asked(table: dict[str, Any]) -> dict[tuple[str, str, str, str, str, int], list[Asked]]:
    """By type, model, class, tier, words and quantity: what rows say, which may be several."""
    found: dict[tuple[str, str, str, str, str, int], list[Asked]] = defaultdict(list)
    for key, row in table.items():
        provider = "vertex_ai" if str(row.get("litellm_provider")).startswith("vertex_ai") else str(row.get("litellm_provider"))
        if provider not in KINDS:
            continue
        name = key.removeprefix(f"{provider}/")
        front: list[str] = []
        while any(name.startswith(word) for word in ("low/", "medium/", "high/", "standard/", "hd/", "max-")) or "-x-" in name:
            word, _, name = name.partition("/")
            front += [word.replace("-x-", "x")] if not word.startswith("max-x") else []
            if name.startswith(("50-steps/", "max-steps/")):
                word, _, name = name.partition("/")
                front.append(word)
        name = name.removeprefix(f"{provider}/") if front else name
        if "/" in name and provider in {"azure", "bedrock", "bedrock_converse"}:
            continue
        real = "sora-2-pro" if name == "sora-2-pro-high-res" else name
        for field, value in row.items():
            if value and "cost" in field:
                for one in asked(field, row, front, name):
                    if one.dollars:
                        found[KINDS[provider], real.lower(), one.name, one.tier, one.words, one.quantity].append(one)
    return found


def outcome(tariff: Tariff | None, several: list[Asked]) -> tuple[str, int, bool]:
    """How ours and theirs compare, our nano-dollars of the class, and whether they are called an estimate."""
    one = several[0]
    if tariff is None:
        return "no prices of tokens that are understood", 0, False
    extras = {} if one.name == "request" else {one.name: one.quantity}
    cost = price(tariff, Usage(), AT, one.tier, extras, one.words.split())
    names = {one.name, "pixel"} if one.name == "image" else {one.name}
    nano = sum(part.nano for part in cost.parts if part.name in names)
    estimated = one.name in cost.estimated
    slack = Decimal(one.quantity) / 2 + 1
    if any(abs(nano - each.dollars * 10**9) <= slack for each in several):
        return "same", nano, estimated
    said = [*tariff.periods, *(variant for variant in tariff.variants if variant.tier == one.tier)]
    if any(getattr(holder.rates, one.name) is not None for holder in said):
        return "genai-prices says otherwise", nano, estimated
    if estimated and re.fullmatch(r"\d+x\d+", one.words) and nano > max(each.dollars for each in several) * 10**9:
        return HIGHEST, nano, estimated
    return "differs", nano, estimated


def main() -> int:
    place = distribution("litellm").locate_file("litellm/model_prices_and_context_window_backup.json")
    table = json.loads(Path(str(place)).read_text("utf-8"), parse_float=Decimal)
    table = {key: row for key, row in table.items() if key != "sample_spec"}
    data = Data(built_in())
    fates: Counter[str] = Counter()
    lines, compared = [], set()
    for (kind, model, name, tier, words, quantity), several in sorted(all_asked(table).items()):
        found = data.find(kind, model)
        tariff = found.tariff if found is not None else None
        how, nano, estimated = outcome(tariff, several)
        fates[how] += 1
        compared.add((kind, model, name))
        if how == "differs":
            print("differs:", kind, model, name, tier, words, several, nano)
        if how in {"same", HIGHEST}:
            lines.append(msgspec.json.encode([kind, model, name, tier, words, quantity, nano, estimated]))
    missed = [held for held in held_in(data) if not compared & held]
    for names in missed:
        print("not compared:", *sorted(names))
    OUT.write_bytes(b'{"date":' + msgspec.json.encode(data.book.date) + b',"prices":[\n' + b",\n".join(lines) + b"\n]}\n")
    print("prices of what is not tokens:", ", ".join(f"{how} {count}" for how, count in fates.most_common()))
    return 1 if fates["differs"] or missed else 0


def held_in(data: Data) -> Iterator[set[tuple[str, str, str]]]:
    """Each class of litellm's that an entry has, under all names of the entry."""
    for kind, shelf in data.book.providers.items():
        for entry in entries(shelf):
            for unit in entry.units:
                said = [name for name, rate in msgspec.structs.asdict(unit.rates).items() if rate is not None]
                for name in said:
                    asked_as = "image" if name == "pixel" else name
                    yield {(kind, ident, asked_as) for ident in (entry.id.lower(), *entry.ids)}


if __name__ == "__main__":
    sys.exit(main())
