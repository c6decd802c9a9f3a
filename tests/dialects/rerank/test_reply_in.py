"""Rerank answers."""

from __future__ import annotations

import pytest

from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.rerank import Ranked
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.rerank.reply_in import check_reply, parse_reply

ITEM = b'[{"index":1,"relevance_score":0.5}]'


@pytest.mark.parametrize("body", [b'{"results":%b}' % ITEM, b'{"data":%b}' % ITEM, b' [{"index":1,"score":0.5,"text":"b"}]'])
def test_where_the_list_stands(body):
    """By each name, and alone."""
    assert parse_reply(body).results == (Ranked(1, 0.5),)


@pytest.mark.parametrize(
    ("more", "usage", "units"),
    [
        (b'"usage":{"total_tokens":7}', Usage(input=7), None),
        (b'"meta":{"billed_units":{"search_units":1}}', MediaUsage(searches=1), 1),
        (b'"meta":{"billed_units":{"search_units":1.0},"tokens":{"input_tokens":3}}', MediaUsage(input=3, searches=1), 1),
        (b'"meta":{"billed_units":{"search_units":"x"}}', None, None),
        (b'"meta":3', None, None),
    ],
)
def test_what_is_billed(more, usage, units):
    """Tokens, or searches; a wrong count loses no answer."""
    body = b'{"results":%b,%b}' % (ITEM, more)
    assert (parse_reply(body).usage, parse_reply(body).search_units) == (usage, units)
    assert check_reply(body).usage == usage


@pytest.mark.parametrize("bad", [b"", b"{}", b"[]", b'{"results":[]}', b'{"results":[{"index":0}]}', b'{"error":"no"}', b"[1"])
def test_what_is_no_answer_is_malformed(bad):
    """On either way."""
    for look in (check_reply, parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(bad)
