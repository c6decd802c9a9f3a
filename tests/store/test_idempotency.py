"""Answers to requests that come again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from llm_gateway.store import idempotency
from llm_gateway.store.rows import AnswerRow


def begin(store, key="k", principal="me", request=b"r", now=10, expires=100):
    return store.write(lambda c: idempotency.begin(c, key, principal, request, now=now, expires_at=expires))


def test_one_of_many_does_it(store):
    """The same key at the same time: one runs, the others see that it does."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: begin(store), range(8)))
    assert found.count(None) == 1
    assert [one for one in found if one is not None] == [AnswerRow(b"r", 0, "{}", b"")] * 7


def test_the_answer_is_given_again(store):
    """Whole, with the hash of the request that it belongs to; to the same principal only."""
    begin(store)
    store.write(lambda c: idempotency.finish(c, "k", "me", status=201, headers='{"etag":"1"}', body=b"\0{}"))
    assert begin(store, request=b"other") == AnswerRow(b"r", 201, '{"etag":"1"}', b"\0{}")
    assert begin(store, principal="you") is None


def test_a_request_that_came_to_nothing_may_come_again(store):
    """After `forget`, and after it expired."""
    begin(store)
    store.write(lambda c: idempotency.forget(c, "k", "me"))
    assert begin(store, now=20) is None
    assert begin(store, now=99) is not None
    assert begin(store, now=100, expires=200) is None
    assert store.write(lambda c: idempotency.expire(c, 199)) == 0
    assert store.write(lambda c: idempotency.expire(c, 200)) == 1
