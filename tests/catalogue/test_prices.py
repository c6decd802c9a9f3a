"""What an answer costs, to the nano-dollar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.catalogue.book import Data
from llm_gateway.catalogue.format import Period, Rates, Variant
from llm_gateway.catalogue.prices import COUNTED, EXTRAS, FULL, INSIDE, MADE, Tariff, at_prompt, price
from llm_gateway.catalogue.store import built_in
from llm_gateway.core.usage import MediaUsage, Usage

GOLDEN = Path(__file__).parent / "golden" / "prices.json"
MEDIA = GOLDEN.with_name("media.json")
NOVEMBER = 1_795_478_340.0
DOLLAR = 10**9
COUNTS = st.integers(0, 10_000_000)


def at(year: int, month: int = 1, day: int = 1, hour: int = 0, minute: int = 0) -> float:
    return datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()


def flat(**rates: int) -> Tariff:
    return Tariff((Period(Rates(**rates)),))


def test_every_class_at_its_own_rate() -> None:
    """Anthropic's five classes: each is told with its quantity, rate and share, and the shares are the total."""
    tariff = flat(
        input=3 * DOLLAR, cache_read=DOLLAR * 3 // 10, cache_write=DOLLAR * 15 // 4, cache_write_1h=6 * DOLLAR, output=15 * DOLLAR
    )
    cost = price(tariff, Usage(input=1000, cache_read=2000, cache_write=300, cache_write_1h=40, output=500), at(2026))
    assert {part.name: part.nano for part in cost.parts} == {
        "input": 3_000_000,
        "cache_read": 600_000,
        "cache_write": 1_125_000,
        "cache_write_1h": 240_000,
        "output": 7_500_000,
    }
    assert (cost.nano, cost.tier, cost.unpriced) == (12_465_000, "standard", ())


def test_a_class_without_a_rate_is_charged_as_what_contains_it() -> None:
    """Cached and audio tokens as input, an hour's cache as a short one, reasoning, predictions and audio as output."""
    usage = Usage(
        cache_read=1, cache_write_1h=1, audio_input=1, reasoning=1, audio_output=1, accepted_prediction=1, rejected_prediction=1
    )
    cost = price(flat(input=2_000_000, cache_write=5_000_000, output=7_000_000), usage, at(2026))
    assert {part.name: part.nano for part in cost.parts} == {
        "cache_read": 2,
        "cache_write_1h": 5,
        "audio_input": 2,
        "reasoning": 7,
        "audio_output": 7,
        "accepted_prediction": 7,
        "rejected_prediction": 7,
    }


def test_what_has_no_price_is_named() -> None:
    """Not counted as free in silence."""
    cost = price(flat(input=1_000_000), Usage(input=1, output=5), at(2026), extras={"web_search": 2})
    assert (cost.nano, cost.unpriced) == (1, ("output", "web_search"))


def test_each_part_is_rounded_once_half_up() -> None:
    """Half a nano-dollar is one, less is none."""
    assert price(flat(input=500_000), Usage(input=1), at(2026)).nano == 1
    assert price(flat(input=499_999), Usage(input=1), at(2026)).nano == 0


@given(COUNTS, COUNTS, COUNTS, st.integers(0, 10**12), st.integers(0, 10**12))
def test_money_is_exact(fresh: int, cached: int, output: int, rate: int, other: int) -> None:
    """The total is the sum of its parts, and no part is further from the true fraction than its rounding."""
    cost = price(flat(input=rate, cache_read=other, output=other), Usage(input=fresh, cache_read=cached, output=output), at(2026))
    assert cost.nano == sum(part.nano for part in cost.parts)
    for part in cost.parts:
        assert abs(part.nano - Fraction(part.quantity * part.rate, part.per)) <= Fraction(1, 2)


def test_a_long_prompt_is_dearer_as_a_whole() -> None:
    """Above the threshold, not at it; all tokens of the prompt count, cached ones too; each class has its own steps."""
    tariff = flat(input=[10**6, 100, 5 * 10**6, 200, 9 * 10**6], output=10**6)  # type: ignore[arg-type]
    assert price(tariff, Usage(input=60, cache_read=40), at(2026)).nano == 100
    assert price(tariff, Usage(input=60, cache_read=41, output=10), at(2026)).nano == 515
    assert price(tariff, Usage(input=201), at(2026)).nano == 1809
    assert at_prompt(7, 10**9) == 7


def test_prices_that_change() -> None:
    """The last period that holds counts, by the day in UTC; the first holds before all of them."""
    tariff = Tariff(
        (Period(Rates(input=1)), Period(Rates(input=2), since=date(2026, 9, 10)), Period(Rates(input=3), since=date(2027, 1, 1)))
    )
    moments = {at(2020): 1, at(2026, 9, 9, 23, 59): 1, at(2026, 9, 10): 2, at(2027): 3}
    assert {moment: tariff.rates(moment)[0].input for moment in moments} == moments


def test_prices_by_the_hour() -> None:
    """A span of the day, which may go over midnight; its end is not in it."""
    night = Tariff((Period(Rates(input=4)), Period(Rates(input=1), hours=(time(16, 30), time(0, 30)))))
    hours = {(16, 29): 4, (16, 30): 1, (23, 59): 1, (0, 29): 1, (0, 30): 4}
    assert {hour: night.rates(at(2026, 5, 5, *hour))[0].input for hour in hours} == hours
    day = Tariff((Period(Rates(input=4)), Period(Rates(input=1), hours=(time(6), time(10)))))
    assert [day.rates(at(2026, 5, 5, hour))[0].input for hour in (5, 6, 9, 10)] == [4, 1, 1, 4]


def test_batch_and_other_processing() -> None:
    """A tier's rates lie over the usual ones class by class; the first that holds counts, and a tier not known is the usual one."""
    tariff = Tariff(
        (Period(Rates(input=10, output=20, web_search=7)),),
        (
            Variant("batch", Rates(input=5), since=date(2026, 6, 1)),
            Variant("batch", Rates(input=6, output=12)),
            Variant("flex", Rates(input=1), since=date(2030, 1, 1)),
        ),
    )
    assert tariff.tiers == ("batch", "flex")
    assert tariff.rates(at(2026, 7), "batch") == (Rates(input=5, output=12, web_search=7), "batch")
    assert tariff.rates(at(2026, 1), "batch") == (Rates(input=6, output=12, web_search=7), "batch")
    assert tariff.rates(at(2026), "flex") == tariff.rates(at(2026), "nonsense") == tariff.rates(at(2026))
    assert price(tariff, Usage(input=1_000_000), at(2026, 7), "batch").tier == "batch"


def test_what_is_not_a_token() -> None:
    """An hour of audio in milliseconds, pages and searches one by one, the request itself once."""
    tariff = flat(audio_ms=36 * DOLLAR // 100, page=1_000_000, web_search=10_000_000, request=5_000_000)
    cost = price(tariff, Usage(), at(2026), extras={"audio_ms": 10_000, "page": 3, "web_search": 2})
    assert {part.name: part.nano for part in cost.parts} == {
        "audio_ms": 1_000_000,
        "page": 3_000_000,
        "web_search": 20_000_000,
        "request": 5_000_000,
    }


@pytest.mark.parametrize(
    ("usage", "extras"), [(Usage(input=-1), {}), (Usage(), {"page": -1}), (Usage(), {"nonsense": 1}), (Usage(), {"input": 1})]
)
def test_quantities_that_cannot_be(usage: Usage, extras: dict[str, int]) -> None:
    """Refused rather than charged."""
    with pytest.raises(ValueError, match=r"negative|no price class"):
        price(flat(input=1), usage, at(2026), extras=extras)


def test_what_an_answer_counts_beside_tokens() -> None:
    """Each of a MediaUsage's counts at its own rate, and none twice if the caller adds to it."""
    tariff = flat(audio_ms=36 * DOLLAR // 100, character=15 * DOLLAR, image=4, page=5, input_image=6, search_unit=2_000_000)
    usage = MediaUsage(seconds=1.5, characters=1000, images=2, pages=3, input_images=4, searches=2)
    cost = price(tariff, usage, at(2026), extras={"page": 1})
    assert {part.name: (part.quantity, part.nano) for part in cost.parts} == {
        "audio_ms": (1500, 150_000),
        "character": (1000, 15_000_000),
        "image": (2, 8),
        "input_image": (4, 24),
        "page": (4, 20),
        "search_unit": (2, 4_000_000),
    }
    assert (cost.unpriced, cost.estimated) == ((), ())


SIZES = {"low/1024x1024": 10, "high/1024x1024": 100, "high/1024x1536": 200}


@pytest.mark.parametrize(
    ("quality", "size", "nano", "estimated"),
    [
        ("high", "1024x1024", 100, ()),
        ("LOW", "1024x1024", 10, ()),
        ("", "1024x1024", 100, ("image",)),
        ("auto", "auto", 200, ("image",)),
        ("low", "", 10, ()),
        ("high", "4096x4096", 200, ("image",)),
    ],
)
def test_an_image_by_size_and_quality(quality: str, size: str, nano: int, estimated: tuple[str, ...]) -> None:
    """What the request does not say is not guessed: the highest price that it may have, named as estimated."""
    tariff = Tariff((Period(Rates(image=SIZES)),))
    cost = price(tariff, MediaUsage(images=1, quality=quality, size=size), at(2026))
    assert (cost.nano, cost.estimated) == (nano, estimated)


def test_images_by_the_pixel() -> None:
    """Their size is needed for that; without it they are named as unpriced."""
    tariff = flat(pixel=50_000_000)
    cost = price(tariff, MediaUsage(images=3, size="1000x500"), at(2026))
    assert [(part.name, part.quantity, part.nano) for part in cost.parts] == [("pixel", 1_500_000, 75_000_000)]
    assert price(tariff, MediaUsage(images=3), at(2026)).unpriced == ("image",)


def test_prices_that_stand_for_tokens() -> None:
    """Not charged beside the tokens that they stand for; where none were told they are, as an estimate."""
    tariff = Tariff((Period(Rates(input=1_000_000, output=2_000_000)),), (), (Variant("standard", Rates(image=50)),), ("image",))
    told = price(tariff, MediaUsage(input=10, output=20, images=1), at(2026))
    assert (told.nano, told.estimated, told.unpriced) == (50, (), ())
    assert [part.name for part in told.parts] == ["input", "output"]
    silent = price(tariff, MediaUsage(images=1), at(2026))
    assert (silent.nano, silent.estimated) == (50, ("image",))


def test_tokens_of_pictures_have_their_own_price() -> None:
    """Each token once: as a picture's where it is one, else as text; where pictures have no price of their own, as text."""
    tariff = flat(input=5_000_000, output=10_000_000, image_input=8_000_000, image_output=32_000_000)
    usage = MediaUsage(input=100, output=300, images=1, image_input=90, image_output=280)
    cost = price(tariff, usage, at(2026))
    assert {part.name: (part.quantity, part.nano) for part in cost.parts} == {
        "input": (10, 50),
        "output": (20, 200),
        "image_input": (90, 720),
        "image_output": (280, 8960),
    }
    assert price(flat(input=5_000_000, output=10_000_000), usage, at(2026)).nano == 500 + 3000
    assert price(flat(image=1), usage, at(2026)).unpriced == ("input", "output", "image_input", "image_output")


def test_units_that_the_tokens_pay_for() -> None:
    """A model that is paid by tokens has no price for what it counts beside them, and nothing is missing; else it is named."""
    by_tokens = flat(input=1_000_000, output=2_000_000)
    assert price(by_tokens, MediaUsage(input=5, output=5, images=1, seconds=2), at(2026)).unpriced == ()
    assert price(by_tokens, MediaUsage(images=1, seconds=2), at(2026)).unpriced == ("audio_ms", "image")
    assert price(by_tokens, Usage(input=5), at(2026), extras={"page": 1}).unpriced == ("page",)


def test_units_of_a_second_source() -> None:
    """They fill what the first does not say, tier by tier; a tier of theirs goes before the usual price."""
    tariff = Tariff(
        (Period(Rates(input=1, page=9)),),
        (Variant("flex", Rates(input=2)),),
        (Variant("standard", Rates(page=8, web_search=7)), Variant("batch", Rates(page=4))),
    )
    assert tariff.tiers == ("flex", "batch")
    assert tariff.rates(at(2026)) == (Rates(input=1, page=9, web_search=7), "standard")
    assert tariff.rates(at(2026), "batch") == (Rates(input=1, page=4, web_search=7), "batch")
    assert tariff.rates(at(2026), "flex") == (Rates(input=2, page=9, web_search=7), "flex")


def test_every_class_of_a_usage_has_a_price_class() -> None:
    """A token class that is added to core/usage.py cannot be forgotten here, and every rate can be charged."""
    assert set(FULL) == set(Usage.__struct_fields__)
    chargeable = {name for names in (*FULL.values(), *EXTRAS.values()) for name in names}
    assert chargeable | {"request"} == set(Rates.__struct_fields__)
    counted = set(MediaUsage.__struct_fields__) - set(Usage.__struct_fields__) - {"size", "quality", "cost", *INSIDE}
    assert set(COUNTED) == counted == set(msgspec.convert(dict.fromkeys(counted, 1), MediaUsage).units)
    assert {name for name, _ in COUNTED.values()} | MADE <= set(EXTRAS)


def test_every_price_of_litellms_for_what_is_not_tokens() -> None:
    """All that scripts/catalogue_golden_media.py recomputed from the table itself: units, sizes, resolutions, tiers."""
    golden = msgspec.json.decode(MEDIA.read_bytes())
    data = Data(built_in())
    assert golden["date"] == data.book.date.isoformat(), "run scripts/catalogue_golden_media.py for the new data"
    assert {case[2] for case in golden["prices"]} >= {"image", "video_ms", "audio_ms", "search_unit", "input_image", "page"}
    for kind, model, name, tier, words, quantity, nano, estimated in golden["prices"]:
        found = data.find(kind, model)
        assert found is not None
        assert found.tariff is not None
        extras = {name: quantity} if name != "request" else {}
        cost = price(found.tariff, Usage(), NOVEMBER, tier, extras, words.split())
        charged = sum(part.nano for part in cost.parts if part.name in {name, "pixel" if name == "image" else name})
        assert (charged, name in cost.estimated) == (nano, estimated), (kind, model, name, words)


def test_the_same_prices_as_the_source() -> None:
    """A sample of what scripts/catalogue_golden.py compared with genai-prices itself: providers, tiers, steps, dates, hours."""
    golden = msgspec.json.decode(GOLDEN.read_bytes())
    data = Data(built_in())
    assert golden["date"] == data.book.date.isoformat(), "run scripts/catalogue_golden.py for the new data"
    assert len(golden["prices"]) > 300
    for case in golden["prices"]:
        found = data.find(case["type"], case["model"])
        usage = Usage(**case["usage"])
        nano = price(found.tariff, usage, case["at"], case["tier"]).nano if found is not None and found.tariff is not None else 0
        assert nano == case["nano"], case
