"""Pictures and sound under limits: what is reserved before anything was learned of them."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest

from limits_support import CENT, Limited, budget, caller
from llm_gateway.config.schema import Allowance, Rate
from llm_gateway.core.errors import GatewayError
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.openai_media import MEDIA, MediaFront, Wanted

IMAGES = next(kind for kind in MEDIA if kind.name == "openai_images")


def limited(cents: int | None) -> Limited:
    """A picture costs so many cents; None: nobody knows."""

    def foresee(model: str, wanted: Wanted) -> int | None:
        assert model == "m"
        return None if cents is None else wanted.told.images * cents * CENT

    return Limited(foresee=foresee, prices=None)


def picture(world: Limited, who: object, count: int = 1) -> Exchange:
    """A request that was not let by yet."""
    body = msgspec.json.encode({"model": "m", "prompt": "x", "n": count})
    front = MediaFront(IMAGES, b"application/json")
    ex = world.exchange(who, body=body, front=front)  # type: ignore[arg-type]
    ex.view = front.view(body)
    return ex


def test_requests_at_once_cannot_share_the_last_dollar() -> None:
    """Fifty requests for two pictures each run together from the first moment on: as many are let by as the budget can pay."""
    world, who = limited(4), caller(None, budget(0.50))
    asked = [picture(world, who, 2) for _ in range(50)]
    for ex in asked[:6]:
        assert world.limiter.hold(ex) is None
    for ex in asked[6:]:
        with pytest.raises(GatewayError) as refused:
            world.limiter.hold(ex)
        assert refused.value.code == "budget_reserved"
    for ex in asked[:6]:
        world.settle(ex, MediaUsage(images=2), 8 * CENT)
    with pytest.raises(GatewayError) as refused:
        world.limiter.hold(picture(world, who))
    assert refused.value.code == "insufficient_quota"


def test_what_was_not_used_is_free_again() -> None:
    """The dearest picture was reserved and a cheap one was made."""
    world, who = limited(25), caller(None, budget(0.50))
    for _ in range(20):
        ex = picture(world, who, 1)
        assert world.limiter.hold(ex) is None
        assert ex.hold.states[0].reserved == 25 * CENT
        world.settle(ex, MediaUsage(images=1), CENT)
    assert ex.hold.states[0].settled == 20 * CENT


def test_without_a_price_it_is_learned() -> None:
    """What such requests of this key cost before, at first nothing."""
    world, who = limited(None), caller(None, budget(1))
    seen = []
    for _ in range(3):
        ex = picture(world, who)
        assert world.limiter.hold(ex) is None
        seen.append(ex.hold.states[0].reserved)
        world.settle(ex, MediaUsage(images=1), 10 * CENT)
    assert seen[0] == 0
    assert 0 < seen[1] < seen[2] <= 10 * CENT


def test_a_file_is_no_prompt() -> None:
    """Limits of tokens see the text and what the files come to, not a quarter of their bytes."""
    world, who = limited(1), caller(Allowance(tokens=Rate(minute=100_000)))
    front = MediaFront(next(kind for kind in MEDIA if kind.name == "openai_transcriptions"), b"multipart/form-data; boundary=x")
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n%b\r\n' % bytes(400_000)
    body = file + b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--x--\r\n'
    ex = world.exchange(who, body=body, front=front)
    ex.view = front.view(body)
    assert world.limiter.hold(ex) is None
    assert ex.hold.prompt == 200 * 32 + 1
    world.settle(ex, Usage(input=10, output=10))


def test_the_price_is_asked_while_others_ask() -> None:
    """The same counts hold for requests of several tasks at once."""

    async def run() -> Counter[bool]:
        world, who = limited(10), caller(None, budget(1))
        passed: Counter[bool] = Counter()

        async def one() -> None:
            ex = picture(world, who)
            try:
                world.limiter.hold(ex)
            except GatewayError:
                passed[False] += 1
                return
            await asyncio.sleep(0)
            world.settle(ex, MediaUsage(images=1), 10 * CENT)
            passed[True] += 1

        await asyncio.gather(*(one() for _ in range(50)))
        return passed

    assert asyncio.run(run()) == {True: 10, False: 40}
