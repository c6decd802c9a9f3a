"""What a request used and costs: faults C28, peers 4b and 4c."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from accounting_support import asked, exchange, ledger, per_token, served
from llm_gateway.accounting.bills import bill_of, classes, plausible, tier_of
from llm_gateway.core.errors import Draining, UpstreamError
from llm_gateway.core.exchange import Attempt, Exchange
from llm_gateway.core.ledger import Bill, Priced
from llm_gateway.core.usage import BilledUsage, MediaUsage, Usage
from llm_gateway.dialects.base import Operation
from llm_gateway.dialects.openai_media import MEDIA, MediaFront
from llm_gateway.providers.continuing.story import Leg
from routed import candidate

BODY = b'{"model":"m","messages":[{"role":"user","content":"' + b"word " * 80 + b'"}]}'
PROMPT = len(BODY) // 4 + 1
SAID = b'{"choices":[{"message":{"content":"' + b"text" * 100 + b'"}}]}'
EVENTS = (b'data: {"choices":[{"delta":{"content":"four"}}]}\n\n') * 100


def served_by_a(
    usage: Usage | None, *, out: bytes = b"", stream: bool = False, operation: Operation = Operation.CHAT
) -> Exchange:
    ex = exchange(BODY, stream=stream, operation=operation)
    asked(ledger(), ex)
    served(ex, usage, out=out)
    return ex


def bill(ex: Exchange, **facts: int) -> Bill:
    return bill_of(ex, per_token, 1.0, candidate("a", **facts))


def test_what_was_told_at_its_prices() -> None:
    """Tokens as the provider counted them, at the model's prices, and their version."""
    assert bill(served_by_a(Usage(input=10, output=5))) == Bill(Usage(input=10, output=5), 70, "prices", False, (), "v1", "")


def test_what_the_provider_says_goes_first() -> None:
    """Its own figure, in the place of the prices."""
    made = bill(served_by_a(BilledUsage(input=10, output=5, cost=12_345)))
    assert (made.cost, made.source, made.estimated) == (12_345, "provider", False)


@pytest.mark.parametrize("usage", [None, Usage(), Usage(input=-5, output=3), Usage(input=10**9, output=1)])
def test_usage_that_is_missing_or_cannot_be(usage: Usage | None) -> None:
    """None, nothing for an answer with text, less than nothing, and more than a model can: all are estimated, none is 0."""
    made = bill(served_by_a(usage, out=SAID))
    assert made.estimated
    assert made.usage == Usage(input=PROMPT, output=100)
    assert made.cost == 2 * PROMPT + 1000


def test_an_answer_that_counts_itself_as_nothing() -> None:
    """A prompt that is counted and an answer that is not: the answer is estimated."""
    made = bill(served_by_a(Usage(input=50), out=SAID))
    assert (made.usage, made.estimated) == (Usage(input=50, output=100), True)


def test_an_empty_answer_is_not_estimated() -> None:
    """Nothing was written, and that is what the provider says."""
    made = bill(served_by_a(Usage(input=50), out=b'{"choices":[{"message":{"content":""}}]}'))
    assert (made.usage, made.cost, made.estimated) == (Usage(input=50), 100, False)


def test_a_context_window_bounds_what_is_believed() -> None:
    """Ten times of it is absurd, whatever that costs."""
    usage = Usage(input=5000, output=10)
    assert plausible(usage, candidate("a", context=1000))
    assert not plausible(usage, candidate("a", context=500))
    assert plausible(MediaUsage(seconds=5.0), None)
    assert not plausible(MediaUsage(seconds=-5.0), None)


def test_a_caller_who_leaves_before_usage_comes() -> None:
    """What was written until then is paid for, with the prompt."""
    ex = served_by_a(None, out=EVENTS, stream=True)
    ex.reply.gone, ex.reply.finished = True, False
    made = bill(ex)
    assert (made.usage.input, made.estimated) == (PROMPT, True)
    assert made.usage.output == 100


def test_usage_from_the_beginning_of_a_cut_stream() -> None:
    """Anthropic counts one token in its first event: the rest is estimated, the prompt is believed."""
    ex = served_by_a(Usage(input=40, output=1), out=EVENTS, stream=True)
    ex.error = UpstreamError("cut")
    made = bill(ex)
    assert made.usage == Usage(input=40, output=100)
    assert made.estimated


def test_the_last_usage_of_a_cut_stream_is_believed() -> None:
    """A count that fits what was written stays as it is."""
    ex = served_by_a(Usage(input=40, output=90), out=EVENTS, stream=True)
    ex.error = Draining("over")
    assert bill(ex) == Bill(Usage(input=40, output=90), 980, "prices", False, (), "v1", "")


def test_a_caller_who_leaves_before_the_answer() -> None:
    """A whole answer was being made: its prompt, and what such answers have. A stream had not begun: its prompt."""
    for stream, output in ((False, 1000), (True, 0)):
        ex = exchange(BODY, stream=stream)
        asked(ledger(), ex)
        made = bill(ex)
        assert (made.usage, made.estimated) == (Usage(input=PROMPT, output=output), True)


def test_refusals_and_silence_cost_nothing() -> None:
    """Those who answered 500 or not at all are not paid; the one who served is."""
    ex = exchange(BODY)
    book = ledger()
    for status, error in ((500, "server_error"), (0, "head_timeout"), (429, "rate_limited")):
        asked(book, ex, "b")
        ex.attempts[-1].status, ex.attempts[-1].error = status, error
    asked(book, ex)
    served(ex, Usage(input=10, output=5))
    assert bill(ex) == Bill(Usage(input=10, output=5), 70, "prices", False, (), "v1", "")


def test_an_answer_that_failed_before_its_content() -> None:
    """It had begun (200): its prompt was read, and is paid for."""
    ex = exchange(BODY, stream=True)
    book = ledger()
    asked(book, ex, "b")
    ex.attempts[-1].error = "in_band"
    asked(book, ex)
    served(ex, Usage(input=10, output=5))
    made = bill(ex)
    assert (made.usage, made.cost, made.estimated) == (Usage(input=10 + PROMPT, output=5), 70 + 2 * PROMPT, True)


def test_all_legs_of_an_answer_are_paid() -> None:
    """Each at its own provider's prices; one that told nothing is estimated by what it wrote."""
    ex = exchange(BODY, stream=True)
    book = ledger()
    asked(book, ex, "a")
    ex.attempts[-1].error = "cut"
    asked(book, ex, "b")
    served(ex, Usage(input=30, output=8))
    legs = [Leg("a", "model", "first", chars=40), Leg("b", "model", "prefill", usage=Usage(input=20, output=8))]
    ex.story = SimpleNamespace(legs=legs)
    made = bill(ex)
    assert made.usage == Usage(input=PROMPT + 20, output=18)
    assert (made.cost, made.estimated) == (2 * PROMPT + 40 + 180, True)


def test_who_lost_a_race_is_paid() -> None:
    """The prompt twice; of a whole answer half of the output, if the loser had half of the time."""
    for stream, output in ((True, 5), (False, 7)):
        ex = served_by_a(Usage(input=10, output=5), stream=stream)
        ex.hedges = [Attempt("b", "model", ex.received, ex.received + 0.25)]
        made = bill(ex)
        assert (made.usage, made.estimated) == (Usage(input=10 + PROMPT, output=output), True)


def test_models_without_prices_are_told() -> None:
    """What was used there is named, and costs 0 for want of a price."""
    ex = exchange(BODY)
    asked(ledger(), ex, "free")
    served(ex, Usage(input=10, cache_read=4, output=5))
    assert bill(ex) == Bill(ex.usage, 0, "none", False, ("input", "cache_read", "output"), "", "")  # type: ignore[arg-type]


def test_prices_of_nothing_are_told() -> None:
    """A model that has prices and comes to 0 although tokens were used: perhaps it is free, perhaps its prices are wrong."""
    ex = served_by_a(Usage(input=10, output=5))
    made = bill_of(ex, lambda *_: Priced(0, version="v1"), 1.0, None)
    assert (made.cost, made.unpriced) == (0, ("input", "output"))


def test_the_tier_that_answered() -> None:
    """Is what the answer says, not what was asked for; the usual one has no name."""
    ex = served_by_a(Usage(input=10, output=5), out=b'{"choices":[],"usage":{},"service_tier":"batch"}')
    assert (bill(ex).cost, bill(ex).tier) == (35, "batch")
    assert tier_of(b'{"service_tier":"default"}') == tier_of(b'{"service_tier": "standard"}') == tier_of(b"{}") == ""
    assert tier_of(b'{"content":"\\"service_tier\\":\\"batch\\""}') == ""
    assert tier_of(b'{"service_tier":"flex","x":"' + b"x" * 9000 + b'"}') == "flex"
    assert tier_of(b'{"x":"' + b"x" * 9000 + b'","service_tier" : "priority"}') == "priority"


def test_other_operations() -> None:
    """What is read and not written has no output; what counts tokens or lists files costs nothing; what makes something that
    nobody counts says so.
    """
    assert bill(served_by_a(None, operation=Operation.EMBEDDING)).usage == Usage(input=PROMPT)
    assert bill(served_by_a(Usage(input=5), operation=Operation.EMBEDDING)) == Bill(
        Usage(input=5), 10, "prices", False, (), "v1", ""
    )
    for operation in (Operation.COUNT_TOKENS, Operation.FILES, Operation.PASSTHROUGH):
        assert bill(served_by_a(None, operation=operation)) == Bill(Usage(), 0, "none", False, (), "", "")
    assert bill(served_by_a(None, operation=Operation.SPEECH)).unpriced == ("usage",)
    assert bill(served_by_a(MediaUsage(images=2), operation=Operation.IMAGE)).unpriced == ("images",)


def pictures(usage: Usage | None) -> Exchange:
    """A request for three of them."""
    ex = exchange(b'{"model":"m","prompt":"x","n":3,"size":"1024x1024"}', operation=Operation.IMAGE)
    ex.view = MediaFront(MEDIA[0], b"application/json").view(ex.body)
    asked(ledger(), ex)
    if usage is not None:
        served(ex, usage)
    return ex


def per_picture(_provider: str, _model: str, usage: Usage, _at: float, _tier: str) -> Priced | None:
    return Priced(7 * usage.images if isinstance(usage, MediaUsage) else 0)


def test_pictures_that_nobody_counted() -> None:
    """A caller who leaves has them made all the same: so many as were asked for. An answer that tells no count is no gift, and
    a refusal costs nothing."""
    for ex in (pictures(None), pictures(Usage())):
        ex.usage = None
        made = bill_of(ex, per_picture, 1.0, candidate("a"))
        assert (made.cost, made.estimated, made.unpriced) == (21, True, ())
        assert made.usage == MediaUsage(images=3, input=13, size="1024x1024")
    told = bill_of(pictures(MediaUsage(images=2)), per_picture, 1.0, candidate("a"))
    assert (told.cost, told.estimated) == (14, False)
    refused = pictures(None)
    refused.attempts[-1].status, refused.attempts[-1].error = 429, "rate_limited"
    assert bill_of(refused, per_picture, 1.0, candidate("a")).cost == 0


def test_nobody_was_asked() -> None:
    """Nothing was used."""
    assert bill(exchange()) == Bill(Usage(), 0, "none", False, (), "", "")


def test_names_of_what_there_is() -> None:
    """Tokens and units."""
    assert classes(MediaUsage(input=1, images=2)) == ("input", "images")
