"""For scripts/catalogue.py: genai-prices' models as entries of the catalogue. Whatever is of a new kind ends the script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from llm_gateway.catalogue.format import Entry, Period, Rates, Variant

MTOK = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "output_citation_mtok": "citation",
    "input_audio_mtok": "audio_input",
    "cache_audio_read_mtok": "audio_cache_read",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "cache_image_read_mtok": "image_cache_read",
    "output_image_mtok": "image_output",
    "input_video_mtok": "video_input",
    "output_video_mtok": "video_output",
    "input_mchars": "character",
    "audio_hours": "audio_ms",
    "input_audio_hours": "audio_ms",
}
EACH = {  # genai-prices says these of a thousand
    "input_document_kpages": "page",
    "input_annotated_document_kpages": "annotated_page",
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "storage_search",
    "requests_kcount": "request",
    "input_text_messages_kcount": "message",
}
NANO = Decimal(10) ** 9
MOST = 1_000_000
"""Dollars of a million tokens; an hour of audio or a page costs less than that too."""
_KNOWN = re.compile(r"(?:[a-z0-9/:@=_-]|\\[.\[\]]|\\d(?:\{\d\})?)+\$?")


def nano(dollars: Decimal) -> int:
    """Whole nano-dollars; some sources hold the rounding of a float in the seventeenth place."""
    if not 0 <= dollars < MOST:
        raise ValueError(f"no price: {dollars}")
    return int((dollars * NANO).quantize(Decimal(1), ROUND_HALF_UP))


def stepped(steps: list[Any]) -> Any:
    """A rate of the file: dollars at even places, thresholds at odd ones."""
    found = tuple(int(step) if index % 2 else nano(Decimal(step)) for index, step in enumerate(steps))
    return found[0] if len(found) == 1 else found


def genai_entries(provider: Any, suffix: str = "") -> Iterator[Entry]:
    """A provider's models in its own order, which the matching depends on. `suffix` is put behind every name."""
    for model in provider.models:
        ids: list[str] = []
        globs: list[Any] = []
        for alternative in rules(model.match):
            if len(alternative) == 1 and not set(alternative[0]) & set("*#!"):
                ids.append(alternative[0] + suffix)
            else:
                globs.append(alternative[0] if len(alternative) == 1 else alternative)
        listed = model.prices if isinstance(model.prices, list) else None
        made = (
            [Period(genai_rates(p.prices), **when(p.constraint)) for p in listed]
            if listed
            else [Period(genai_rates(model.prices))]
        )
        if made == [Period(Rates())]:  # said to be free, or not said at all
            made = [Period(Rates(input=0, output=0))] if ":free" in model.id else []
        yield Entry(
            id=model.id + suffix,
            ids=tuple(dict.fromkeys(ids)),
            globs=tuple(globs),
            name=(model.name or "")[:256],
            context=model.context_window or None,
            deprecated=bool(model.deprecated),
            prices=tuple(made),
            variants=tuple(variants(model)),
        )


def variants(model: Any) -> Iterator[Variant]:
    meant: dict[str, str] = {}
    for variant in model.price_variants or ():
        ((how, value),) = variant.when.items()
        if how == "route":
            continue  # a proxy's own way of naming a region, not a way of processing
        if meant.setdefault(value, how) != how:
            raise SystemExit(f"{model.id}: {value} means two things")
        if (rates := genai_rates(variant.prices)) != Rates():
            yield Variant(tier=value, rates=rates, **when(variant.constraint))


def rules(clause: Any) -> list[tuple[str, ...]]:
    """A match rule as alternatives, each a tuple of patterns that must all hold."""
    if hasattr(clause, "or_"):
        return [alternative for part in clause.or_ for alternative in rules(part)]
    if hasattr(clause, "and_"):
        found: list[tuple[str, ...]] = [()]
        for part in clause.and_:
            found = [(*left, *right) for left in found for right in rules(part)]
        return found
    for kind, form in (("equals", "{}"), ("starts_with", "{}*"), ("ends_with", "*{}"), ("contains", "*{}*")):
        if hasattr(clause, kind):
            text = getattr(clause, kind).lower()
            if set(text) & set("*#!"):
                raise SystemExit(f"a name with a pattern's letter in it: {text}")
            return [(form.format(text),)]
    return regex(clause.regex)


def regex(text: str) -> list[tuple[str, ...]]:
    """The few forms of regular expressions there are, as patterns. Others end the script: look, then write them here."""
    if text == r"^(?!.*-[tT][tT][sS](?:$|-))":
        return [("!*-tts", "!*-tts-*")]
    if not text.startswith("^"):
        raise SystemExit(f"a regular expression of a new form: {text}")
    found = [text[1:]]
    for pattern, choices in ((r"\[-@\]", ("-", "@")), (r"\(-\\d\{8\}\)\?", ("", r"-\d{8}")), (r"\(([a-z]+/)\)\?", ("", r"\1"))):
        found = (
            [re.sub(pattern, choice.replace("\\d", "\\\\d"), one) for one in found for choice in choices]
            if re.search(pattern, text)
            else found
        )
    if not all(_KNOWN.fullmatch(one) for one in found):
        raise SystemExit(f"a regular expression of a new form: {text}")
    return [(as_glob(one),) for one in found]


def as_glob(text: str) -> str:
    """`\\d{2}` is `##`, escaped letters are themselves, and what has no `$` goes on."""
    glob = re.sub(r"\\d(?:\{(\d)\})?", lambda m: "#" * int(m[1] or 1), text.removesuffix("$")).replace("\\", "")
    return glob if text.endswith("$") else glob + "*"


def when(constraint: Any) -> dict[str, Any]:
    if constraint is None:
        return {}
    if hasattr(constraint, "start_date"):
        return {"since": constraint.start_date}
    for moment in (constraint.start_time, constraint.end_time):
        if moment.utcoffset():
            raise SystemExit("a time of day that is not UTC")
    return {"hours": (constraint.start_time.replace(tzinfo=None), constraint.end_time.replace(tzinfo=None))}


def genai_rates(prices: Any) -> Rates:
    made: dict[str, Any] = {}
    for key, value in vars(prices).items():
        if value is None:
            continue
        name, share = (MTOK[key], 1) if key in MTOK else (EACH[key], 1000)
        steps = (
            [value.base, *(part for tier in value.tiers for part in (tier.start, tier.price))]
            if hasattr(value, "tiers")
            else [value]
        )
        rate = stepped([step if index % 2 else step / share for index, step in enumerate(steps)])
        if made.setdefault(name, rate) != rate:  # audio_hours and input_audio_hours are said together
            raise SystemExit(f"two prices for {name}")
    return Rates(**made)
