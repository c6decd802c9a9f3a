"""What is known of models, as JSON."""

from __future__ import annotations

from datetime import date

from llm_gateway.catalogue.book import Model
from llm_gateway.catalogue.format import Period, Rates, Variant
from llm_gateway.catalogue.prices import Tariff
from llm_gateway.edge.model_info import PRICES, pricing, released, shared_by

NOW = 1_800_000_000.0


def test_every_rate_has_a_name() -> None:
    """Each class of the catalogue is shown under a name of its own that says of how many."""
    rates = Rates(**dict.fromkeys(Rates.__struct_fields__, 10**9))
    shown = pricing(Tariff((Period(rates),)), "me", NOW)
    assert set(shown) - {"currency", "source"} == set(PRICES)
    assert len(PRICES) == len(Rates.__struct_fields__)


def test_small_money_is_shown_as_it_was_written() -> None:
    """The nearest number to whole nano-dollars is written with the same digits, whatever they are."""
    for nano in (1, 3, 149_999_999, 150_000_001, 2_500_000_000, 1_234_567_891, 999_999_999_999):
        shown = pricing(Tariff((Period(Rates(input=nano)),)), "me", NOW)["input_per_million"]
        assert f"{shown:.9f}" == f"{nano // 10**9}.{nano % 10**9:09d}"


def test_the_prices_of_today() -> None:
    """A later period's are not told before it begins; a tier that costs the same is not told at all."""
    tariff = Tariff(
        (Period(Rates(input=10**9)), Period(Rates(input=2 * 10**9), since=date(2027, 2, 1))),
        (Variant("flex", Rates(input=10**9)), Variant("batch", Rates(output=5))),
    )
    today, later = pricing(tariff, "me", NOW), pricing(tariff, "me", NOW + 90 * 86_400)
    assert (today["input_per_million"], later["input_per_million"]) == (1, 2)
    assert (set(today["tiers"]), set(later["tiers"])) == ({"batch"}, {"batch", "flex"})


def test_prices_that_depend_on_the_request() -> None:
    """The highest under the usual name, all of them beside it; what only stands for tokens is said to."""
    rates = Rates(image={"": 60_000_000, "low/512x512": 40_000_000}, video_ms=5 * 10**8, search_unit=2_000_000)
    tariff = Tariff((Period(rates),), (), (Variant("batch", Rates(search_unit=10**6)),), ("image", "song"))
    shown = pricing(tariff, "me", NOW)
    assert (shown["per_image"], shown["per_image_by"]) == (0.06, {"other": 0.06, "low/512x512": 0.04})
    assert (shown["per_video_second"], shown["per_search_unit"]) == (0.5, 0.002)
    assert (shown["instead_of_tokens"], shown["tiers"]) == (["per_image"], {"batch": {"per_search_unit": 0.001}})


def test_what_several_models_share() -> None:
    """Media of all, the oldest knowledge, the first last day; one that is on its way out makes the whole so."""
    one = Model(input_modalities=("text", "image"), knowledge="2024-05", retires=date(2028, 1, 1), deprecated=False)
    two = Model(input_modalities=("image",), knowledge="2023", retires=date(2027, 1, 1), deprecated=True)
    info = shared_by([one, two], NOW)
    assert info["modalities"] == {"input": ["image"], "output": []}
    assert (info["knowledge_cutoff"], info["deprecation_date"], info["deprecated"]) == ("2023", "2027-01-01", True)
    assert shared_by([one, Model()], NOW)["deprecated"] is None
    assert shared_by([one, one], NOW)["deprecated"] is False


def test_the_day_of_release() -> None:
    """As midnight in UTC; 0 if nobody said it, which is how OpenAI's clients expect it."""
    assert (released(Model(released=date(2024, 5, 13))), released(Model())) == (1_715_558_400, 0)
