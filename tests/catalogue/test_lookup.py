"""What is known of a configured provider's models: configuration before provider before catalogue."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from catalogue.books import book, entry, priced
from llm_gateway.catalogue.book import Data
from llm_gateway.catalogue.format import Rates, read
from llm_gateway.catalogue.lookup import MINE, REMEMBERED, Catalogue, catalogue_of
from llm_gateway.catalogue.prices import price
from llm_gateway.config.schema import Prices
from llm_gateway.core.usage import MediaUsage
from llm_gateway.providers.discovery import ListedModel
from whole_gateway import config_of

KNOWN = entry(
    "m", name="Em", context=100, output=10, takes=["text", "image"], features=["tools"], prices=priced(), deprecated=True
)
NOBODY = ListedModel("")


def catalogue(models: dict[str, Any] | None = None) -> Catalogue:
    document = {"providers": {"a": {"type": "openai", "api_key": "x"}, "gpu": {"type": "vllm", "base_url": "http://h"}}}
    config = config_of({**document, "catalogue": {"models": models or {}}})
    types = {name: provider.type for name, provider in config.providers.items()}
    return Catalogue(types, config.catalogue.models, lambda: Data(read(book(KNOWN))))


def test_what_only_the_catalogue_knows() -> None:
    """A provider is known by its type, whatever it is called; another provider's model is not."""
    found = catalogue().find("a", "m")
    assert found is not None
    assert (found.name, found.context_window, found.capabilities, found.deprecated) == ("Em", 100, ("tools", "vision"), True)
    assert catalogue().find("gpu", "m") is catalogue().find("nobody", "m") is catalogue().find("a", "n") is None


def test_the_configuration_is_right() -> None:
    """Each fact that it gives counts, the others stay; prices are taken whole, so that nothing is charged at half a list."""
    facts = {"context_window": 50, "deprecated": False, "retires": "2027-05-01", "input_modalities": ["text", "audio"]}
    found = catalogue({"a/m": {**facts, "prices": {"input": 2.5, "cache_read": "0.000000001"}}}).find("a", "m")
    assert found is not None
    assert (found.context_window, found.max_output_tokens, found.deprecated, found.retires) == (50, 10, False, date(2027, 5, 1))
    assert found.capabilities == ("tools", "audio_input")
    assert found.tariff is not None
    rates = found.tariff.periods[0].rates
    assert (rates.input, rates.cache_read, rates.output, found.source) == (2_500_000_000, 1, None, MINE)


def test_the_configurations_prices_of_what_is_not_tokens() -> None:
    """Under the names of people: of an hour, a second, a million; a table beside the price for all the rest."""
    prices = {"image": 0.04, "image_by": {"low": 0.01}, "audio_hour": 0.36, "characters": 15, "video_second_by": {"4k": 0.6}}
    found = catalogue({"a/m": {"prices": prices}}).find("a", "m")
    assert found is not None
    assert found.tariff is not None
    assert found.tariff.periods[0].rates == Rates(
        image={"low": 10_000_000, "": 40_000_000}, audio_ms=360_000_000, character=15 * 10**9, video_ms={"4k": 600_000_000}
    )
    usage = MediaUsage(images=1, quality="low", seconds=36, characters=1000)
    assert price(found.tariff, usage, 0).nano == 10_000_000 + 3_600_000 + 15_000_000


def test_every_price_of_the_configuration_is_a_price() -> None:
    """Each of its keys means a class of ours; together they are all but those that only a provider's list can know."""
    numbers = {name: 1 for name in Prices.__struct_fields__ if not name.endswith("_by")}
    found = catalogue({"a/m": {"prices": numbers}}).find("a", "m")
    assert found is not None
    assert found.tariff is not None
    said = {name for name, rate in msgspec.structs.asdict(found.tariff.periods[0].rates).items() if rate == 10**9}
    assert len(said) == len(numbers)
    assert set(Rates.__struct_fields__) - said == {
        "citation",
        "audio_cache_read",
        "image_cache_read",
        "video_input",
        "video_output",
    }


def test_a_model_that_only_the_configuration_knows() -> None:
    """One's own server, all of its models at once: the longest beginning counts, and the very name before all."""
    models = {
        "gpu/*": {"prices": {"input": 0}},
        "gpu/big-*": {"capabilities": ["tools", "house-style"]},
        "gpu/big-1": {"context_window": 7},
    }
    made = catalogue(models)
    small, big, one = made.find("gpu", "small"), made.find("gpu", "big-2"), made.find("gpu", "big-1")
    assert small is not None
    assert small.tariff is not None
    assert big is not None
    assert (big.capabilities, big.tariff) == (("tools", "house-style"), None)
    assert one is not None
    assert (one.context_window, one.capabilities) == (7, ())


def test_what_a_running_server_says() -> None:
    """It knows its limits better than the catalogue, but not better than the configuration; abilities are laid together."""
    listed = ListedModel("m", display_name="Mine", context_window=64, capabilities=("chat", "tools"))
    seen = catalogue().seen("a", "m", listed)
    assert (seen.name, seen.context_window, seen.max_output_tokens) == ("Mine", 64, 10)
    assert seen.capabilities == ("chat", "tools", "vision")
    told = catalogue({"a/m": {"context_window": 32, "capabilities": []}}).seen("a", "m", listed)
    assert (told.context_window, told.capabilities) == (32, ())
    assert catalogue().seen("gpu", "x", NOBODY).context_window is None


def test_what_was_found_is_remembered_within_bounds() -> None:
    """The same answer again without a search; a caller who asks for ever new names fills no memory."""
    made = catalogue()
    assert made.find("a", "m") is made.find("a", "m")
    for number in range(REMEMBERED + 10):
        made.find("a", f"x{number}")
    assert len(made._found) <= REMEMBERED


def test_the_data_is_opened_when_first_asked(tmp_path: Any) -> None:
    """Not at the start, and once; what came with the package is used where nothing else is."""
    config = config_of({"providers": {"a": {"type": "openai", "api_key": "x"}}, "state": {"dir": str(tmp_path)}})
    made = catalogue_of(config)
    assert "data" not in vars(made)
    assert made.find("a", "gpt-4o") is not None
    assert made.data is made.data
    assert made.problem == ""
