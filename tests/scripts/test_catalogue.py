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
from llm_gateway.catalogue.format import Entry, Period, Rates, Source, Variant, checked, read
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
    assert facts.litellm_tariff({**row, "input_cost_per_image": 0.1}) is None
    assert facts.litellm_tariff({**row, "tiered_pricing": [{}]}) is None
    assert facts.litellm_tariff({"output_cost_per_token": 1e-05}) is None


def test_what_has_an_entry_of_its_own(script: ModuleType) -> None:
    """A version that shares its prices keeps its own limits; a model that nobody prices is listed; the sources are laid together."""
    family = Entry("m", ids=("m",), globs=("m-*",), context=9, prices=(Period(Rates(input=1)),))
    known = {
        "m": {"output": 5},
        "m-2": {"most_input": 4, "features": ("tools",)},
        "n": {"features": ("chat",)},
        "o": {"rates": None},
    }
    found = {entry.id: entry for entry in script.shelf("openai", [family], known, (Names([]),))}
    assert set(found) == {"m", "m-2", "n"}
    assert (found["m"].context, found["m"].output, found["m"].prices) == (9, 5, family.prices)
    assert (found["m-2"].context, found["m-2"].features, found["m-2"].prices) == (9, ("tools",), ())


def test_the_file_is_one_model_a_line(script: ModuleType) -> None:
    """A difference can be read; the same input gives the same bytes, whatever order the types came in."""
    book = {"format": 1, "date": date(2026, 1, 1), "sources": [Source("a", "1", "MIT")]}
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
