"""For scripts/catalogue.py: litellm's prices of what is not tokens. Each price of each row ends as one word of Fates.

What a field of litellm's table means depends on the kind of model: `input_cost_per_image` is the price of an image that an
image model makes, and of one that an embedding model is given.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from catalogue_prices import nano

from llm_gateway.catalogue.format import Rates, Variant

USED = "used"
HOMELESS = "of a model without an entry"
AGAIN = "said again"
ZERO = "zero"
UNKNOWN = "not understood"
STANDARD = "standard"
TIERS = {"batches": "batch", "priority": "priority", "flex": "flex"}
MEDIA = re.compile(
    r"per_(image|pixel|second|query|request|page|session|character|text_message|unit|credit|song|video_per|audio_per)(?!_token)|cost_per_second"
)
"""Fields that are prices of something else than tokens."""
SCALE = {"audio_ms": 3600, "audio_output_ms": 3600, "character": 1_000_000, "pixel": 1_000_000}
"""How many of litellm's units a rate is for, where it is not one."""
SIZED = re.compile(r"(?:(low|medium|high|standard|hd|max)/)?(\d+-x-\d+|max-x-max)/(?:(\d+-steps|max-steps)/)?(.+)")
PLAIN = {
    "ocr_cost_per_page": "page",
    "annotation_cost_per_page": "annotated_page",
    "code_interpreter_cost_per_session": "container",
    "google_maps_grounding_cost_per_query": "maps_search",
    "input_cost_per_audio_per_second": "audio_ms",
    "input_cost_per_character": "character",
    "input_cost_per_request": "request",
    "input_cost_per_text_message": "message",
    "output_cost_per_video_per_second": "video_ms",
    "search_context_cost_per_query": "web_search",
}
QUERIES = {"rerank": "search_unit", "embedding": "message", "search": "web_search", "vector_store": "storage_search"}
SECONDS = {"audio_speech": "audio_output_ms", "video_generation": "video_ms"}
NOT_READ = {
    "cost_per_second": "of provisioned throughput",
    "guardrail_cost_per_unit": "not of a model",
    "output_cost_per_character": "nobody counts it",
}
ALIASES = {"sora-2-pro-high-res": ("sora-2-pro", ("1792x1024", "1024x1792"))}
"""Names that are no models: what they stand for, and the sizes that cost so (https://platform.openai.com/docs/pricing)."""


class Price(NamedTuple):
    """One price of a row: of a class, for some words of a request, at a way of processing."""

    name: str
    tier: str
    words: str
    nano: int
    row: str
    field: str


class Units(NamedTuple):
    """What litellm's table says of a model's units. `mode`: its kind."""

    mode: str
    prices: tuple[Price, ...]


class Fates:
    """What became of every price: nothing is lost in silence."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], str] = {}

    def are(self, prices: Any, fate: str) -> None:
        self.found.update({(price.row, price.field): fate for price in prices})

    def lines(self) -> Iterator[str]:
        """By field: how many rows have it, and what became of each."""
        table: dict[str, Counter[str]] = defaultdict(Counter)
        for (_, field), fate in self.found.items():
            table[field][fate] += 1
        for field, fates in sorted(table.items()):
            yield f"{field:54} {fates.total():4}  " + ", ".join(f"{fate} {count}" for fate, count in fates.most_common())
        total = Counter(self.found.values())
        yield f"{'all':54} {total.total():4}  " + ", ".join(f"{fate} {count}" for fate, count in total.most_common())


def sized(ident: str) -> tuple[str, str]:
    """A name and the words in front of it: `low/1024-x-1024/m` is `low/1024x1024` of m."""
    if ident in ALIASES:
        return ALIASES[ident][0], "|".join(ALIASES[ident][1])
    match = SIZED.fullmatch(ident)
    if match is None:
        return ident, ""
    quality, size, steps, name = match.groups()
    told = (quality, "" if size == "max-x-max" else size.replace("-x-", "x"), steps)
    return name, "/".join(word for word in told if word)


def prices_of(row: dict[str, Any], key: str, ident: str, words: str, fates: Fates) -> Iterator[Price]:
    """The prices of a row that are not of tokens; those that mean nothing here are told to `fates`."""
    for field in filter(MEDIA.search, row):
        said = row[field] if isinstance(row[field], dict) else {"": row[field]}
        meant = meaning(field, row, ident, words)
        fates.found[key, field] = ZERO if not any(said.values()) else meant if isinstance(meant, str) else HOMELESS
        if fates.found[key, field] != HOMELESS:
            continue
        name, tier, more = meant
        share = pixels(words) if name == "image" and "pixel" in field else SCALE.get(name, 1)
        for which, dollars in said.items():
            word = which.removeprefix("search_context_size_") or more
            amount = nano(Decimal(repr(dollars)) * share)
            for one in words.split("|"):
                yield Price(name, tier, "/".join(filter(None, (one, word))), amount, key, field)


def pixels(words: str) -> int:
    width, _, height = next(word for word in words.split("/") if "x" in word).partition("x")
    return int(width) * int(height)


def meaning(field: str, row: dict[str, Any], ident: str, words: str) -> tuple[str, str, str] | str:
    """Class, tier and word of a field; or, as a text, why it is not read."""
    if field in NOT_READ:
        return NOT_READ[field]
    base, _, tail = field.rpartition("_")
    base, tier = (base, TIERS[tail]) if tail in TIERS else (field, STANDARD)
    mode = str(row.get("mode"))
    if base in PLAIN:
        return PLAIN[base], tier, ""
    if base == "input_cost_per_query" and mode in QUERIES:
        return QUERIES[mode], tier, ""
    # What follows gives a class, which is one word, or why there is none.
    if "per_image" in base or "per_pixel" in base:
        found = of_images(base, row, mode, ident, words)
        return found if " " in found else (found, tier, "")
    if "per_second" in base:
        found, word = of_seconds(base, row, mode)
        return found if " " in found else (found, tier, word)
    return UNKNOWN


def of_images(base: str, row: dict[str, Any], mode: str, ident: str, words: str) -> str:
    """The class, or why it is not read."""
    if base == "output_cost_per_image":
        return "song" if "lyria" in ident else "image"
    if base == "input_cost_per_image":
        makes = mode in {"image_generation", "image_edit"} and "output_cost_per_image" not in row
        return "image" if makes else "input_image"
    if base == "input_cost_per_pixel":
        return AGAIN if "input_cost_per_image" in row else "image" if words else "pixel"
    return UNKNOWN


def of_seconds(base: str, row: dict[str, Any], mode: str) -> tuple[str, str]:
    """The class, or why it is not read; and the word behind it."""
    if base == "input_cost_per_second":
        return (NOT_READ["cost_per_second"] if "cost_per_second" in row else "audio_ms"), ""
    if base == "output_cost_per_second" and mode in SECONDS:
        return SECONDS[mode], ""
    if base == "output_cost_per_second" and row[base] == row.get("input_cost_per_second"):
        return AGAIN, ""
    if mode == "video_generation" and (found := re.fullmatch(r"output_cost_per_second_(\d+[pk])", base)):
        return "video_ms", found[1]
    if found := re.fullmatch(r"input_cost_per_video_per_second(?:_(above_\d+s)_interval)?", base):
        return "video_input_ms", found[1] or ""
    return UNKNOWN, ""


def together(units: list[Units], fates: Fates) -> Units:
    """What several rows say of one model: for each class and words the first; a size without a quality only if none has one."""
    found: dict[tuple[str, str, str], Price] = {}
    prices = [price for one in units for price in one.prices]
    qualities = {price.name for price in prices if price.words.startswith(("low/", "high/"))}
    for price in prices:
        if price.name in qualities and re.fullmatch(r"\d+x\d+", price.words):
            fates.are([price], "of litellm's own default quality")
            continue
        before = found.setdefault((price.name, price.tier, price.words), price)
        if before is not price and before.row != price.row:
            fates.are([price], AGAIN if before.nano == price.nano else f"{AGAIN}, otherwise")
    return Units(units[0].mode, tuple(found.values()))


def rates_of(prices: tuple[Price, ...]) -> Rates:
    """Of one tier. One price for all words is one price."""
    by_class: dict[str, dict[str, int]] = defaultdict(dict)
    for price in prices:
        by_class[price.name][price.words] = price.nano
    made: dict[str, Any] = {}
    for name, told in by_class.items():
        made[name] = told if len(set(told.values())) > 1 else next(iter(told.values()))
    return Rates(**made)


def variants_of(units: Units) -> tuple[Variant, ...]:
    """The usual prices first."""
    tiers = sorted({price.tier for price in units.prices}, key=lambda tier: (tier != STANDARD, tier))
    return tuple(Variant(tier, rates_of(tuple(p for p in units.prices if p.tier == tier))) for tier in tiers)


def instead_of_tokens(units: Units, tokens: Rates) -> tuple[str, ...]:
    """The classes whose price is another way of saying what the model's tokens cost."""
    has = {name for name in Rates.__struct_fields__ if getattr(tokens, name)}
    prompt = "input" in has
    chats = units.mode in {"chat", "responses", "image_generation", "image_edit", "realtime"}
    same = {
        "image": bool(has & {"output", "image_output"}),
        "audio_output_ms": bool(has & {"output", "audio_output"}),
        "video_ms": bool(has & {"output", "video_output"}),
        "input_image": "image_input" in has or (prompt and chats),
        "audio_ms": "audio_input" in has or (prompt and (chats or units.mode == "audio_transcription")),
        "video_input_ms": "video_input" in has or (prompt and chats),
        "character": prompt,
        "page": prompt,
    }
    return tuple(sorted({price.name for price in units.prices if same.get(price.name)}))
