"""How the catalogue's data is made, as far as that can be seen without the packages it is made from."""

from __future__ import annotations

import importlib.util
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace

import msgspec
import pytest

from llm_gateway.catalogue.book import Data
from llm_gateway.catalogue.format import FORMAT, Entry, Period, Rates, Source, Variant, checked, read
from llm_gateway.catalogue.match import Names

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """scripts/catalogue.py, under a name of its own."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(SCRIPTS)])
    spec = importlib.util.spec_from_file_location("catalogue_script", SCRIPTS / "catalogue.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def prices(script: ModuleType) -> ModuleType:
    return sys.modules["catalogue_prices"]


@pytest.fixture
def facts(script: ModuleType) -> ModuleType:
    return sys.modules["catalogue_facts"]


@pytest.mark.parametrize(
    ("text", "globs"),
    [
        (r"^gpt-5\.5-\d{4}-\d{2}-\d{2}$", ["gpt-5.5-####-##-##"]),
        (r"^claude-opus-5[-@]\d{8}$", ["claude-opus-5-########", "claude-opus-5@########"]),
        (r"^gemini-4-argon-\d", ["gemini-4-argon-#*"]),
        (
            r"^(typesafe/)?jev-1\.13(-\d{8})?$",
            ["jev-1.13", "jev-1.13-########", "typesafe/jev-1.13", "typesafe/jev-1.13-########"],
        ),
        (r"^grok-4\.5\[fast=true\]$", ["grok-4.5[fast=true]"]),
    ],
)
def test_regular_expressions_become_patterns(prices: ModuleType, text: str, globs: list[str]) -> None:
    """No regular expression from outside ever runs in a gateway."""
    assert sorted(glob for (glob,) in prices.regex(text)) == globs


@pytest.mark.parametrize("text", [r"^(a+)+$", r"^a|b$", r"^a.*b$", r"^[a-z]$", "middle"])
def test_a_regular_expression_of_a_new_form(prices: ModuleType, text: str) -> None:
    """It ends the script: somebody has to look at it."""
    with pytest.raises(SystemExit, match="new form"):
        prices.regex(text)


def test_rules_become_alternatives(prices: ModuleType) -> None:
    """And over or is multiplied out; names are in lower case."""
    rule = SimpleNamespace(
        and_=[
            SimpleNamespace(or_=[SimpleNamespace(starts_with="GPT"), SimpleNamespace(equals="x")]),
            SimpleNamespace(contains="mini"),
            SimpleNamespace(regex=r"^(?!.*-[tT][tT][sS](?:$|-))"),
        ]
    )
    negative = ("!*-tts", "!*-tts-*")
    assert prices.rules(rule) == [("gpt*", "*mini*", *negative), ("x", "*mini*", *negative)]


def test_money_is_rounded_only_where_it_is_a_floats_noise(prices: ModuleType) -> None:
    """Nine decimals are exact; the seventeenth is nobody's price; what cannot be a price ends the script."""
    assert prices.nano(Decimal("0.19999999999999998")) == 200_000_000
    assert prices.nano(Decimal("0.000000001")) == 1
    assert prices.stepped([Decimal(1), 200_000, Decimal("2.5")]) == (10**9, 200_000, 2_500_000_000)
    for wrong in ("-1", "1e20"):
        with pytest.raises(ValueError, match=r"\d"):
            prices.nano(Decimal(wrong))


def test_litellms_prices_are_taken_whole_or_not_at_all(facts: ModuleType) -> None:
    """A cost of an unknown kind would make the rest of them wrong."""
    row = {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "input_cost_per_token_batches": 1.25e-06}
    steps = {"input_cost_per_token_above_200k_tokens": 5e-06, "mode": "chat"}
    rates, variants = facts.litellm_tariff({**row, **steps})
    assert rates == Rates(input=(2_500_000_000, 200_000, 5_000_000_000), output=10_000_000_000)
    assert variants == (Variant("batch", Rates(input=1_250_000_000)),)
    assert facts.litellm_tariff({**row, "input_cost_per_image": 0.1}) == (
        Rates(input=2_500_000_000, output=10_000_000_000),
        variants,
    )
    assert facts.litellm_tariff({"input_cost_per_query": 0.0, "input_cost_per_token": 0.0}) is None
    assert facts.litellm_tariff({**row, "tiered_pricing": [{}]}) is None
    assert facts.litellm_tariff({"output_cost_per_token": 1e-05}) is None


ROWS = {
    "sample_spec": {},
    "m": {"mode": "image_generation", "input_cost_per_image": 0.06, "litellm_provider": "openai"},
    "low/1024-x-1024/m": {"mode": "image_generation", "input_cost_per_image": 0.011, "litellm_provider": "openai"},
    "high/1024-x-1024/m": {"mode": "image_generation", "input_cost_per_pixel": 1e-07, "litellm_provider": "openai"},
    "1024-x-1024/m": {"mode": "image_generation", "input_cost_per_image": 0.011, "litellm_provider": "openai"},
    "w": {
        "mode": "audio_transcription",
        "input_cost_per_second": 0.0001,
        "output_cost_per_second": 0.0001,
        "litellm_provider": "openai",
    },
    "v": {
        "mode": "video_generation",
        "output_cost_per_second": 0.4,
        "output_cost_per_second_4k": 0.6,
        "litellm_provider": "openai",
    },
    "r": {"mode": "rerank", "input_cost_per_query": 0.002, "input_cost_per_token": 0.0, "litellm_provider": "openai"},
    "o": {"mode": "ocr", "ocr_cost_per_page": 0.004, "ocr_cost_per_page_batches": 0.002, "litellm_provider": "openai"},
    "s": {
        "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_high": 0.02},
        "litellm_provider": "openai",
    },
    "new": {"mode": "chat", "input_cost_per_second_of_thought": 1, "litellm_provider": "openai"},
    "else": {"mode": "chat", "output_cost_per_image": 1, "litellm_provider": "nobody"},
}


def test_prices_of_what_is_not_tokens(
    script: ModuleType, facts: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Read by what they mean for that kind of model; sizes under one name; and of each it is told what became of it."""
    (tmp_path / "table").write_bytes(msgspec.json.encode(ROWS))
    monkeypatch.setattr(facts, "bundled", lambda *_: tmp_path / "table")
    fates = script.Fates()
    table = facts.litellm({"openai"}, fates)["openai"]
    made = {entry.id: entry.units for entry in script.shelf("openai", [], table, (Names([]),), fates)}
    assert {ident: [(unit.tier, unit.rates) for unit in units] for ident, units in made.items() if units} == {
        "m": [("standard", Rates(image={"": 60_000_000, "low/1024x1024": 11_000_000, "high/1024x1024": 104_857_600}))],
        "w": [("standard", Rates(audio_ms=360_000_000))],
        "v": [("standard", Rates(video_ms={"": 400_000_000, "4k": 600_000_000}))],
        "r": [("standard", Rates(search_unit=2_000_000))],
        "o": [("standard", Rates(page=4_000_000)), ("batch", Rates(page=2_000_000))],
        "s": [("standard", Rates(web_search={"low": 10_000_000, "high": 20_000_000}))],
    }
    other = {where: fate for where, fate in fates.found.items() if fate != "used"}
    assert other == {
        ("1024-x-1024/m", "input_cost_per_image"): "of litellm's own default quality",
        ("w", "output_cost_per_second"): "said again",
        ("new", "input_cost_per_second_of_thought"): "not understood",
        ("else", "output_cost_per_image"): "of no type here",
    }
    assert len(fates.found) == sum(len([name for name in row if facts.MEDIA.search(name)]) for row in ROWS.values())
    assert any(line.startswith("all ") and "not understood 1" in line for line in fates.lines())


def test_the_first_source_keeps_its_prices(script: ModuleType) -> None:
    """litellm adds what genai-prices does not say, and what only repeats the price of tokens is marked so."""
    units = sys.modules["catalogue_units"]
    said = [units.Price(name, "standard", "", 5, "m", name) for name in ("image", "web_search", "maps_search")]
    owner = Entry("m", ids=("m",), prices=(Period(Rates(input=1, output=2, web_search=7)),))
    fates = script.Fates()
    (entry,) = script.shelf("openai", [owner], {"m": {"beside": units.Units("image_generation", tuple(said))}}, (), fates)
    assert (entry.units[0].rates, entry.instead, entry.units_source) == (Rates(image=5, maps_search=5), ("image",), "litellm")
    assert fates.found[("m", "web_search")] == "said by genai-prices, otherwise"


def test_what_has_an_entry_of_its_own(script: ModuleType) -> None:
    """A version that shares its prices keeps its own limits; a model that nobody prices is listed; the sources are laid together."""
    family = Entry("m", ids=("m",), globs=("m-*",), context=9, prices=(Period(Rates(input=1)),))
    known = {
        "m": {"output": 5},
        "m-2": {"most_input": 4, "features": ("tools",)},
        "n": {"features": ("chat",)},
        "o": {"rates": None},
    }
    found = {entry.id: entry for entry in script.shelf("openai", [family], known, (Names([]),), script.Fates())}
    assert set(found) == {"m", "m-2", "n"}
    assert (found["m"].context, found["m"].output, found["m"].prices) == (9, 5, family.prices)
    assert (found["m-2"].context, found["m-2"].features, found["m-2"].prices) == (9, ("tools",), ())


def test_the_file_is_one_model_a_line(script: ModuleType) -> None:
    """A difference can be read; the same input gives the same bytes, whatever order the types came in."""
    book = {"format": FORMAT, "date": date(2026, 1, 1), "sources": [Source("a", "1", "MIT")]}
    shelves = {kind: ([Entry("m", ids=("m",)), Entry("n")], ()) for kind in ("openai", "groq")}
    data = script.written(book, shelves)
    assert data == script.written(book, dict(reversed(shelves.items())))
    assert sum(line.startswith(b'{"id":') for line in data.splitlines()) == 4
    made = Data(checked(read(data)))
    assert made.find("groq", "M") is not None
    assert msgspec.json.decode(data)["date"] == "2026-01-01"


def test_every_type_is_made_of_something(script: ModuleType) -> None:
    """And what is resold is a type too."""
    assert all(any(sources) for sources in script.TYPES.values())
    assert {owner for owners in script.RESOLD.values() for owner in owners} <= set(script.TYPES)
