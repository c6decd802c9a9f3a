"""What pictures, sound and pages may cost before they are made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from llm_gateway.catalogue.book import Model
from llm_gateway.catalogue.format import Period, Rates
from llm_gateway.catalogue.prices import Tariff
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.openai_media import Wanted
from llm_gateway.snapshot.costs import Costs
from llm_gateway.snapshot.foreseen import Foreseen

CENT = 10**7
ONE = Wanted(
    MediaUsage(input=100, images=2, size="1024x1024", quality="high"),
    {},
    MediaUsage(input=100, images=2, size="1024x1024", quality="high"),
    {"image_output": 8400},
)


def foreseen(*legs: list[Rates | None], instead: tuple[str, ...] = ()) -> Foreseen:
    """A route whose deployments have these prices."""
    tariffs: dict[str, Tariff | None] = {}
    made = []
    for leg in legs:
        candidates = []
        for rates in leg:
            model = f"m{len(tariffs)}"
            tariffs[model] = None if rates is None else Tariff((Period(rates),), instead=instead)
            candidates.append(SimpleNamespace(provider="p", deployment=SimpleNamespace(model=model)))
        made.append(SimpleNamespace(candidates=candidates))
    catalogue: Any = SimpleNamespace(find=lambda _provider, model: Model(tariff=tariffs[model]))
    route: Any = SimpleNamespace(legs=made)
    return Foreseen(lambda name: route if name == "m" else None, catalogue, lambda: 1.7e9)


def test_so_many_pictures_at_their_price() -> None:
    """By size and quality; what nobody said is taken to be the dearest."""
    rates = Rates(image={"low/1024x1024": CENT, "high/1024x1024": 16 * CENT, "high/1536x1024": 25 * CENT})
    assert foreseen([rates])("m", ONE) == 32 * CENT
    unsaid = Wanted(MediaUsage(images=2))
    assert foreseen([rates])("m", unsaid) == 50 * CENT


def test_where_only_tokens_have_a_price() -> None:
    """The tokens that it may come to; and not both of them, where pictures have a price for when nobody tells tokens."""
    assert foreseen([Rates(input=10 * 10**9, output=40 * 10**9)])("m", ONE) == 100 * 10_000 + 8400 * 40_000
    rates = Rates(input=10 * 10**9, output=40 * 10**9, image=16 * CENT)
    assert foreseen([rates], instead=("image",))("m", ONE) == 32 * CENT + 100 * 10_000


def test_the_dearest_of_those_that_are_asked_first() -> None:
    """Fallbacks count when they answer; who has no price says nothing."""
    one, other, third = Rates(image=CENT), Rates(image=3 * CENT), Rates(image=90 * CENT)
    assert foreseen([one, other, None], [third])("m", ONE) == 6 * CENT


def test_nothing_is_known() -> None:
    """No prices, none of what is asked for, no such model."""
    assert foreseen([None])("m", ONE) is None
    assert foreseen([Rates(character=CENT)])("m", ONE) is None
    assert foreseen([Rates(image=CENT)])("other", ONE) is None
    assert foreseen([Rates(image=CENT)])("m", Wanted(MediaUsage(images=-1))) is None


def test_pixels_need_a_size() -> None:
    """Of a picture of which nothing is said the tokens' size is taken."""
    unsaid = Wanted(MediaUsage(images=1), {}, MediaUsage(images=1, size="1536x1024"))
    assert foreseen([Rates(pixel=10**9)])("m", unsaid) == 1536 * 1024 * 1000


def test_it_is_what_the_answer_is_charged() -> None:
    """No less than the ledger's price of the same picture, with and without tokens that are told."""
    tariff = Tariff((Period(Rates(input=10**10, output=4 * 10**10, image=16 * CENT)),), (), (), ("image",))
    tariffed: Any = SimpleNamespace(
        find=lambda *_: Model(tariff=tariff), data=SimpleNamespace(book=SimpleNamespace(date=SimpleNamespace(isoformat=str)))
    )
    costs = Costs(tariffed)
    found = foreseen([tariff.periods[0].rates], instead=("image",))("m", ONE)
    for told in (MediaUsage(images=2, size="1024x1024", quality="high"), Usage(input=100, output=2 * 4000)):
        charged = costs("p", "m", told, 1.7e9)
        assert charged is not None
        assert found is not None
        assert 0 < charged.nano <= found
