"""What the data says: the file that comes with the package, and how its parts are laid together."""

from __future__ import annotations

from datetime import date

import pytest

from catalogue.books import book, entry, priced
from llm_gateway.catalogue.book import Data
from llm_gateway.catalogue.format import checked, read
from llm_gateway.catalogue.prices import price
from llm_gateway.catalogue.store import built_in
from llm_gateway.core.usage import Usage
from llm_gateway.providers.registry import PROVIDER_TYPES

NOW = 1_790_000_000.0
WITHOUT = frozenset({"simulator", "local", "vllm", "ollama", "sglang", "llamacpp", "lmstudio", "tgi", "openai_compatible"})
"""Types whose models are one's own: nobody else knows what they cost."""


@pytest.fixture(scope="module")
def data() -> Data:
    return Data(built_in())


def test_the_data_is_whole(data: Data) -> None:
    """Every entry of it can be read, and every source is named with its version and licence."""
    checked(data.book)
    assert data.book.sources[0].package == "genai-prices"
    assert all(source.version and source.license == "MIT" for source in data.book.sources)
    assert data.book.date > date(2026, 11, 1)


def test_every_provider_type_is_in_it(data: Data) -> None:
    """Except those that serve one's own models. A new type needs a line in scripts/catalogue.py, or one above."""
    assert set(data.book.providers) == set(PROVIDER_TYPES) - WITHOUT


def test_every_model_is_found_under_its_own_name(data: Data) -> None:
    """Or its entry is only a rule for other names. What is found by a name has prices that can be used now."""
    for kind in data.book.providers:
        for name, model in data.all(kind):
            if model.tariff is not None:
                price(model.tariff, Usage(input=1, output=1), NOW)
            assert name


@pytest.mark.parametrize(
    ("kind", "model", "context", "output", "word", "rate"),
    [
        ("openai", "gpt-4o-2024-08-06", 128_000, 16_384, "vision", 2_500_000_000),
        ("anthropic", "claude-opus-4-5-20251101", 200_000, 64_000, "reasoning", 5_000_000_000),
        ("vertex", "claude-opus-4-5@20251101", 200_000, 64_000, "tools", 5_000_000_000),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 200_000, 64_000, "prompt_caching", 3_300_000_000),
        ("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", 200_000, 64_000, "prompt_caching", 3_000_000_000),
        ("gemini", "models/gemini-2.5-flash", 1_048_576, 65_536, "audio_input", 300_000_000),
        ("azure", "gpt-4o", 128_000, 16_384, "tools", 2_500_000_000),
        ("voyage", "voyage-3", 32_000, None, "embeddings", 60_000_000),
        ("openai", "gpt-5-2025-08-07", 400_000, 128_000, "reasoning", 1_250_000_000),
    ],
)
def test_models_that_everyone_knows(
    data: Data, kind: str, model: str, context: int, output: int | None, word: str, rate: int
) -> None:
    """Limits, abilities and the price of a million tokens, as their providers publish them."""
    found = data.find(kind, model)
    assert found is not None
    assert found.tariff is not None
    assert (found.context_window, found.max_output_tokens, found.tariff.rates(NOW)[0].input) == (context, output, rate)
    assert word in found.capabilities


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("openai", "no-such-model"),
        ("azure", "our-own-deployment"),
        ("vllm", "gpt-4o"),
        ("nobody", "gpt-4o"),
        ("openai", ""),
        ("bedrock", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"),
        ("huggingface", "openai/gpt-oss-120b:nowhere"),
    ],
)
def test_no_guesses(data: Data, kind: str, model: str) -> None:
    """A name that no rule knows is not known: no nearest model, no average price."""
    found = data.find(kind, model)
    assert found is None or found.tariff is None


def test_limits_of_one_entry_and_prices_of_another() -> None:
    """Versions of a model share prices and differ in limits; media are told as capabilities too."""
    family = {**entry("m", prices=priced(), context=10), "globs": ["m-*"]}
    version = {
        "id": "m-2",
        "context": 20,
        "takes": ["text", "image"],
        "gives": ["audio"],
        "features": ["tools"],
        "retires": "2027-01-01",
    }
    found = Data(read(book(family, version))).find("openai", "M-2")
    assert found is not None
    assert (found.context_window, found.capabilities, found.retires) == (
        20,
        ("tools", "vision", "audio_output"),
        date(2027, 1, 1),
    )
    assert (found.tariff is not None, found.source) == (True, "tests")


def test_units_of_a_model_and_of_the_family_that_prices_it() -> None:
    """Its own go before its family's; a reseller has the owner's usual ones, not those of batches; each source is named."""
    units = [{"tier": "standard", "rates": {"image": 5, "page": 6}}, {"tier": "batch", "rates": {"page": 3}}]
    family = {**entry("m", prices=priced(), units=units, instead=["image"], units_source="others"), "globs": ["m-*"]}
    version = entry("m-2", units=[{"tier": "standard", "rates": {"image": 4}}], units_source="some")
    alone = entry("n", units=[{"tier": "standard", "rates": {"song": 1}}], units_source="others")
    data = Data(checked(read(book({"id": "m"}, kind="azure", fallback=["openai"], openai=[family, version, alone]))))
    sources = {}
    for kind, name, tier, rates in (
        ("openai", "m-2", "batch", (4, 3, None)),
        ("openai", "m-3", "standard", (5, 6, None)),
        ("azure", "m", "batch", (5, 6, None)),
        ("openai", "n", "standard", (None, None, 1)),
    ):
        found = data.find(kind, name)
        assert found is not None
        assert found.tariff is not None
        told = found.tariff.rates(NOW, tier)[0]
        assert (told.image, told.page, told.song) == rates
        sources[name] = (found.source, found.tariff.instead)
    assert sources == {
        "m-2": ("tests + some", ("image",)),
        "m-3": ("tests + others", ("image",)),
        "m": ("tests + others", ("image",)),
        "n": ("others", ()),
    }


def test_a_resellers_prices() -> None:
    """Its own where it has some, else the owner's without the owner's batch prices; whatever else it says stays its own."""
    owner = entry("m", prices=priced(7), variants=[{"tier": "batch", "rates": {"input": 1}}], context=10)
    data = Data(
        read(book({"id": "m", "context": 20}, entry("mine", prices=priced(9)), kind="azure", fallback=["openai"], openai=[owner]))
    )
    resold, mine = data.find("azure", "m"), data.find("azure", "mine")
    assert resold is not None
    assert mine is not None
    assert resold.tariff is not None
    assert (resold.context_window, resold.tariff.tiers, resold.tariff.rates(NOW)[0].input) == (20, (), 7)
    assert mine.tariff is not None
    assert mine.tariff.rates(NOW)[0].input == 9
