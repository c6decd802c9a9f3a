"""The stage: reserve, let by or refuse, settle."""

from __future__ import annotations

from limits_support import Limited, budget, caller, left, rpm
from llm_gateway.config.schema import Allowance, Limiting, Rate, Spending
from llm_gateway.core.caller import Caller, EndUser
from llm_gateway.core.caller import Spending as Entry
from llm_gateway.core.errors import Forbidden, RateLimited
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.embeddings import EMBEDDINGS

TOKENS = Allowance(tokens=Rate(minute=100_000))


def test_who_is_not_limited_holds_nothing():
    """Neither before nor after the first look."""
    limited = Limited()
    free = Caller("free")
    for _ in range(2):
        ex = limited.use(free)
        assert ex.hold is None
    assert len(limited.book) == 0


def test_limit_10_200_at_once():
    """Exactly ten pass; the others are told when to come back, and ten more pass after a minute (faults C26)."""
    limited = Limited()
    who = caller(rpm(10))
    passed, refused = [], []
    for _ in range(200):
        ex = limited.exchange(who)
        try:
            limited.limiter.hold(ex)
            passed.append(ex)
        except RateLimited as error:
            refused.append(error)
    assert len(passed) == 10
    assert {error.retry_after for error in refused} == {6.0}
    assert limited.limiter.refused == {("key", "requests"): 190}
    limited.clock.advance(60)
    assert sum(limited.hold(who) is not None for _ in range(10)) == 10
    assert limited.refused(who).status == 429


def test_a_budget_for_one_call_and_50_streams():
    """One passes; nobody else does while it runs, and no refund makes the budget larger than it was (faults C27)."""
    limited = Limited()
    who = caller(None, budget(0.0012))  # nano-dollars: 1.2 million; a request is expected to cost 100 + 1000 tokens
    ex = limited.hold(who, stream=True)
    refused = [limited.refused(who, stream=True) for _ in range(49)]
    assert {(error.status, error.code) for error in refused} == {(429, "budget_reserved")}
    limited.settle(ex, Usage(input=100, output=1050), 1_150_000)
    limited.settle(ex, Usage(), 0)
    error = limited.refused(who)
    assert error.status == 402
    assert error.details["settled"] == 0.00115
    assert error.details["reserved"] == 0


def test_what_a_failed_request_held_is_there_again():
    """A provider that refused used nothing: tokens, place and money come back; that it was asked counts (issue 5)."""
    limited = Limited()
    who = caller(Allowance(requests=Rate(minute=10), tokens=Rate(minute=2000), concurrent=1), budget(0.002))
    for attempt in range(5):
        ex = limited.hold(who)
        limited.settle(ex)
        concurrent, requests, tokens, money = ex.hold.states
        assert (concurrent.left, requests.left, tokens.left) == (1, 9 - attempt, 2000)
        assert (money.settled, money.reserved) == (0, 0)


def test_nothing_is_refused_for_reservations_that_are_over():
    """A hundred agents that may use everything and use next to nothing do not pin the counter (peers.md 4b, L#38647)."""
    limited = Limited()
    who = caller(None, budget(0.01))
    for _ in range(500):
        ex = limited.hold(who, most_output=100_000)
        limited.settle(ex, Usage(input=1, output=1), 2_000)
    assert ex.hold.states[0].settled == 1_000_000
    assert ex.hold.states[0].reserved == 0


def test_a_reservation_is_what_such_requests_used():
    """1,000 tokens at first, then what nine of ten of this caller's answers of this model had, and never above max_tokens."""
    limited = Limited()
    who = caller(TOKENS)
    ex = limited.hold(who)
    assert (ex.hold.prompt, ex.hold.output) == (101, 1000)
    limited.settle(ex, Usage(input=100, output=50))
    ex = limited.hold(who)
    assert 50 <= ex.hold.output <= 60
    assert limited.hold(who, most_output=20).hold.output == 20
    assert limited.hold(who, model="other").hold.output == 1000
    limited.settle(ex, Usage(input=100, output=1))
    assert limited.hold(who).hold.output >= 32


def test_many_choices_are_many_answers():
    """n=128 reserves 128 answers, and what is learned of them is learned of one (faults C28)."""
    limited = Limited()
    who = caller(Allowance(tokens=Rate(minute=10**9)))
    ex = limited.hold(who, choices=128, most_output=500)
    assert ex.hold.output == 128 * 500
    limited.settle(ex, Usage(input=10, output=128 * 40))
    assert limited.hold(who).hold.output < 60


def test_embeddings_answer_with_no_tokens():
    """So that none are reserved for an answer."""
    limited = Limited()
    assert limited.hold(caller(TOKENS), front=EMBEDDINGS).hold.output == 0


def test_a_picture_is_not_counted_by_its_bytes():
    """A megabyte of base64 is some hundred tokens; and a prompt is never longer than the context window."""
    limited = Limited(context=5000)
    picture = b"A" * 1_000_000
    body = (
        b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":'
        b'{"type":"base64","media_type":"image/png","data":"' + picture + b'"}}]}]}'
    )
    ex = limited.hold(caller(TOKENS), body=body, front=ANTHROPIC_MESSAGES)
    assert 700 < ex.hold.prompt < 1000
    assert limited.hold(caller(TOKENS), body=b"x" * 1_000_000).hold.prompt == 5000
    broken = b'{"base64": ' + picture
    assert limited.hold(caller(TOKENS), body=broken, front=ANTHROPIC_MESSAGES).hold.prompt == 5000


def test_a_guess_above_the_burst_does_not_refuse():
    """A rate can give no more than its burst: a request that is thought to be larger waits for a full bucket, and then pays."""
    limited = Limited()
    who = caller(Allowance(tokens=Rate(minute=500)))
    ex = limited.hold(who)
    assert left(ex) == 0
    limited.settle(ex, Usage(input=100, output=900))
    limited.clock.advance(60)
    assert limited.refused(who).code == "rate_limit_exceeded"
    limited.clock.advance(60)
    limited.settle(limited.hold(who), Usage(input=10))


def test_units_are_told_apart():
    """Fresh, cached and output tokens each by their own limit: a long cached session does not use up the fresh ones (peers 4b)."""
    limited = Limited()
    rate = Rate(minute=100_000)
    who = caller(Allowance(fresh_tokens=rate, cached_tokens=rate, output_tokens=rate, tokens=rate))
    ex = limited.hold(who)
    limited.settle(ex, Usage(input=100, cache_read=5000, cache_write=50, output=70, reasoning=7))
    by_unit = dict(zip([meter.unit for meter, _ in ex.hold.charges], [state.settled for state in ex.hold.states], strict=True))
    assert by_unit == {"tokens": 5227, "fresh_tokens": 150, "cached_tokens": 5000, "output_tokens": 77}


def test_streams_take_places_of_both_kinds():
    """A whole answer is no stream."""
    limited = Limited()
    who = caller(Allowance(concurrent=3, streams=1))
    stream = limited.hold(who, stream=True)
    limited.hold(who)
    assert limited.refused(who, stream=True).details["limit_name"] == "concurrent_streams"
    limited.hold(who)
    assert limited.refused(who).details["limit_name"] == "concurrent_requests"
    limited.settle(stream)
    limited.hold(who, stream=True)


def test_everyone_of_a_project_shares_its_limits():
    """A key's own, its project's and its tenant's hold together; another tenant has its own counters (requirements X1)."""
    limited = Limited()

    def key(name: str, tenant: str) -> Caller:
        spending = (
            Entry("key", name, rpm(5), ()),
            Entry("project", f"{tenant}/web", rpm(7), ()),
            Entry("tenant", tenant, rpm(100), ()),
        )
        return Caller(name, spending=spending, tenant=tenant)

    one, two, other = key("one", "acme"), key("two", "acme"), key("three", "umbrella")
    for _ in range(5):
        limited.hold(one)
    assert limited.refused(one).details["scope"] == "key"
    for _ in range(2):
        limited.hold(two)
    assert limited.refused(two).details["scope"] == "project"
    assert left(limited.hold(other), 1) == 6


def test_what_holds_for_all():
    """Everyone together, a tag, a model that is asked for, and a source address."""
    limits = Limiting(
        everyone=Spending(limits=rpm(8)),
        models={"big": rpm(3)},
        sources=rpm(6),
        tags={"beta": Spending(limits=rpm(1))},
    )
    limited = Limited(limits)
    free = Caller("free")
    for _ in range(3):
        limited.hold(free, model="big")
    assert limited.refused(free, model="big").details["scope"] == "model"
    for _ in range(3):
        limited.hold(Caller("other"), peer="192.0.2.1")
    assert limited.refused(free).details["scope"] == "source"
    tagged = Caller("tagged", tags=["beta", "unknown"])
    limited.hold(tagged, peer="2001:db8::1")
    assert limited.refused(tagged, peer="2001:db8::1").details["scope"] == "tag"
    limited.hold(free, peer="2001:db8::2")
    assert limited.refused(free, peer="192.0.2.9").details["scope"] == "everyone"


def test_end_users_known_and_unknown():
    """Each has its own limit, whether anybody knows it or not; who names none is one of them, or leaving the name out would be a
    way around (peers.md 4b, L#34732).
    """
    limited = Limited()
    who = Caller("k", tenant="acme", user_limits=(Entry("user", "acme", rpm(2), ()),))
    for user in ("ann", "bob", ""):
        limited.hold(who, user=user)
        limited.hold(who, user=user)
        assert limited.refused(who, user=user).details["name"] == f"acme:{user}"
    limited.hold(who, user="ann", headers={b"x-gateway-user": b"carol"})
    assert limited.refused(who, user="ann").status == 429


def test_an_end_user_of_whom_something_is_known():
    """Its own limits stand in the place of everyone's; one that is blocked gets nothing."""

    class Known:
        def user(self, tenant: str, name: str) -> EndUser | None:
            said = {"vip": EndUser(False, rpm(3), None, Allowance()), "bad": EndUser(True, None, None, Allowance())}
            return said.get(name) if tenant == "acme" else None

    limited = Limited(Limiting(users=rpm(100)))
    who = Caller("k", tenant="acme", user_limits=(Entry("user", "acme", rpm(1), ()),), users=Known())
    limited.hold(who, user="ann")
    assert limited.refused(who, user="ann").status == 429
    for _ in range(3):
        limited.hold(who, user="vip")
    assert limited.refused(who, user="vip").details["limit"] == 3
    for _ in range(2):
        error = limited.refused(who, user="bad")
        assert isinstance(error, Forbidden)
        assert error.code == "user_blocked"


def test_unpriced_models_are_expected_to_cost_what_they_did():
    """Where tokens have no price (a picture has), the last costs are reserved, never nothing for ever (peers.md 4b, E#680)."""
    limited = Limited(prices=None)
    who = caller(None, budget(1))
    assert limited.hold(who).hold.charges[0][1] == 0
    for _ in range(5):
        limited.settle(limited.hold(who), Usage(), 40_000_000)
    assert limited.hold(who).hold.charges[0][1] > 30_000_000


def test_reserved_and_settled_at_the_same_prices():
    """The same tokens cost the same before and after (peers.md 4b, L#40002)."""
    limited = Limited(prices=(150_000_000, 75_000_000, 600_000_000))
    who = caller(None, budget(1))
    ex = limited.hold(who, body=b"x" * 396, most_output=100)
    assert ex.hold.charges[0][1] == 100 * 150 + 100 * 600


def test_an_answer_of_which_nobody_told_the_usage_costs_something():
    """A client that left before the usage came, a provider that never tells: what was written is charged (faults C28)."""
    limited = Limited()
    who = caller(TOKENS, budget(1))
    ex = limited.hold(who, stream=True)
    ex.committed, ex.bytes_out = 1.0, 40_000
    limited.settle(ex, None, 0)
    tokens, money = ex.hold.states
    assert tokens.settled == 101 + 200
    assert money.settled == 301_000
    ex = limited.hold(who)
    ex.committed = 1.0
    limited.settle(ex, None, 5)
    assert ex.hold.states[1].settled == 301_005
