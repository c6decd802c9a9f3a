from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import InvalidRequest
from llm_gateway.edge.listing import Field, Row, Schema, arrange, page, page_by_id, parse_query, select

SCHEMA = Schema(
    fields={
        "id": Field(("id",)),
        "created": Field(("created",), "number"),
        "owned_by": Field(("owned_by",)),
        "tags": Field(("info", "tags"), "list"),
        "context": Field(("info", "context"), "number"),
        "pricing.input": Field(("info", "pricing", "input"), "number"),
    },
    shortcuts={"tag": "tags", "min_context": "context__gte"},
)


def row(name, created=0, owner="x", tags=(), context=None, price=None):
    pricing = None if price is None else {"input": price}
    return {
        "id": name,
        "created": created,
        "owned_by": owner,
        "info": {"tags": list(tags), "context": context, "pricing": pricing},
    }


ROWS = [
    row("gpt-a", 10, "openai", ["chat", "vision"], 8000, 0.5),
    row("gpt-b", 20, "openai", ["chat"], 128000, 2),
    row("claude", 30, "anthropic", ["chat"], 200000, 3.0),
    row("local", 0, "local", [], None, None),
]


def ids(rows):
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", ["gpt-a", "gpt-b", "claude", "local"]),
        (b"owned_by=openai", ["gpt-a", "gpt-b"]),
        (b"owned_by=OpenAI", []),
        (b"created=20", ["gpt-b"]),
        (b"created__gt=10", ["gpt-b", "claude"]),
        (b"created__gte=10", ["gpt-a", "gpt-b", "claude"]),
        (b"created__lt=10", ["local"]),
        (b"created__lte=10", ["gpt-a", "local"]),
        (b"created__gt=10&created__lt=30", ["gpt-b"]),
        (b"created__gt=5&created__gt=15", ["gpt-b", "claude"]),
        (b"created__in=10,30", ["gpt-a", "claude"]),
        (b"id__in=local,claude,none", ["claude", "local"]),
        (b"id__contains=t-", ["gpt-a", "gpt-b"]),
        (b"id__startswith=gpt", ["gpt-a", "gpt-b"]),
        (b"id__gt=gpt-a", ["gpt-b", "local"]),
        (b"id=gpt%2Da", ["gpt-a"]),
        (b"tag=vision", ["gpt-a"]),
        (b"tag=vis", []),
        (b"tags__contains=chat", ["gpt-a", "gpt-b", "claude"]),
        (b"tags__startswith=vis", ["gpt-a"]),
        (b"tags__in=vision,none", ["gpt-a"]),
        (b"min_context=128000", ["gpt-b", "claude"]),
        (b"min_context=0", ["gpt-a", "gpt-b", "claude"]),
        (b"context__lt=1e9".replace(b"1e9", b"1000000000"), ["gpt-a", "gpt-b", "claude"]),
        (b"pricing.input__lte=2.0", ["gpt-a", "gpt-b"]),
        (b"pricing.input__gte=-1", ["gpt-a", "gpt-b", "claude"]),
        (b"tag=chat&owned_by=openai&min_context=100000", ["gpt-b"]),
        (b"client_version=0.9&beta=true&limit=1", ["gpt-a", "gpt-b", "claude", "local"]),
        (b"foreign__thing=1", ["gpt-a", "gpt-b", "claude", "local"]),
    ],
)
def test_filters(query, expected):
    """Each filter keeps what fits it; all must hold; null fits none; parameters that are nobody's field are left alone."""
    assert ids(select(ROWS, parse_query(query), SCHEMA)) == expected


@pytest.mark.parametrize(
    ("query", "param"),
    [
        (b"created__gt=yesterday", "created__gt"),
        (b"created__gt=", "created__gt"),
        (b"created=nan", "created"),
        (b"created__in=1,x", "created__in"),
        (b"min_context=1e5", "min_context"),
        (b"min_context=" + b"9" * 400, "min_context"),
        (b"created__startswith=1", "created__startswith"),
        (b"tags__gt=a", "tags__gt"),
        (b"created__bigger=1", "created__bigger"),
        (b"created__=1", "created__"),
        (b"colour__gt=1", "colour__gt"),
        (b"pricing.colour=1", "pricing.colour"),
    ],
)
def test_filters_that_make_no_sense(query, param):
    """A filter with a wrong value, operator or field is refused by name instead of giving an empty list."""
    with pytest.raises(InvalidRequest) as caught:
        select(ROWS, parse_query(query), SCHEMA)
    assert caught.value.param == param


@pytest.mark.parametrize("query", [b"&".join(b"a=%d" % n for n in range(51)), b"id=%ff"])
def test_queries_that_make_no_sense(query):
    """Too many parameters, and bytes that are no UTF-8, are the caller's fault."""
    with pytest.raises(InvalidRequest):
        parse_query(query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", ["gpt-a", "gpt-b", "claude", "local"]),
        (b"sort=", ["gpt-a", "gpt-b", "claude", "local"]),
        (b"sort=created", ["local", "gpt-a", "gpt-b", "claude"]),
        (b"sort=-created", ["claude", "gpt-b", "gpt-a", "local"]),
        (b"sort=context", ["gpt-a", "gpt-b", "claude", "local"]),
        (b"sort=-context", ["claude", "gpt-b", "gpt-a", "local"]),
        (b"sort=pricing.input", ["gpt-a", "gpt-b", "claude", "local"]),
        (b"sort=-owned_by,-created", ["gpt-b", "gpt-a", "local", "claude"]),
        (b"sort=owned_by&sort=-id", ["claude", "local", "gpt-b", "gpt-a"]),
        (b"sort=created,-created,-owned_by,created", ["local", "gpt-a", "gpt-b", "claude"]),
    ],
)
def test_sort(query, expected):
    """Fields in order of weight, `-` downwards, what is not known last in both directions."""
    assert ids(arrange(ROWS, parse_query(query), SCHEMA)) == expected


@pytest.mark.parametrize("query", [b"sort=colour", b"sort=tags", b"sort=-", b"sort=info"])
def test_sort_by_what_has_no_order(query):
    """A field that is not there, or a list, cannot be sorted by."""
    with pytest.raises(InvalidRequest) as caught:
        arrange(ROWS, parse_query(query), SCHEMA)
    assert caught.value.param == "sort"


def test_a_sort_takes_no_longer_for_naming_a_field_often(monkeypatch):
    """One URL with a thousand names held the loop for seconds: each field is read once, or a few times."""
    reads = 0
    of = Field.of

    def counted(self: Field, row: Row) -> Any:
        nonlocal reads
        reads += 1
        return of(self, row)

    monkeypatch.setattr(Field, "of", counted)
    arrange(ROWS, parse_query(b"sort=" + b",".join([b"id", b"-created"] * 1000)), SCHEMA)
    assert reads == 2 * 3 * len(ROWS)


MANY = [row(f"m{n}", n) for n in range(150)]


def test_without_paging_everything_comes():
    """No paging parameter, no page: the OpenAI SDK's models.list() never asks for a second one."""
    assert page(MANY, parse_query(b"owned_by=x")) == (MANY, {"has_more": False})


def test_the_first_page():
    """A limit alone begins at the front; the cursor is base64 of {id, created} (G1)."""
    shown = page(MANY, parse_query(b"limit=2"))
    assert ids(shown.rows) == ["m0", "m1"]
    cursor = shown.paging.pop("next_cursor")
    assert msgspec.json.decode(base64.urlsafe_b64decode(cursor)) == {"id": "m1", "created": 1}
    assert shown.paging == {"has_more": True, "previous_cursor": None}


def test_an_empty_cursor_is_the_first_page_of_twenty():
    """20 is the default once paging is asked for."""
    assert ids(page(MANY, parse_query(b"cursor=")).rows) == [f"m{n}" for n in range(20)]


@given(st.integers(0, 60), st.integers(1, 100))
def test_pages_there_and_back(count, limit):
    """Following next_cursor shows every row once and in order; following previous_cursor from the end shows them again."""
    rows = MANY[:count]
    seen, cursor, last = [], "", None
    while cursor is not None:
        last = page(rows, parse_query(f"limit={limit}&cursor={quote_plus(cursor)}".encode()))
        assert len(last.rows) <= limit
        seen += last.rows
        assert last.paging["has_more"] == (last.paging["next_cursor"] is not None)
        cursor = last.paging["next_cursor"]
    assert seen == rows
    back = last.rows
    while (cursor := last.paging["previous_cursor"]) is not None:
        last = page(rows, parse_query(f"limit={limit}&cursor={cursor.rstrip('=')}".encode()))
        back = last.rows + back
        assert last.paging["has_more"]
    assert back == rows


@pytest.mark.parametrize(
    "cursor",
    ["x", "!!!!", "e30=", "bnVsbA==", "eyJpZCI6MX0=", "A" * 2000, quote_plus("ä"), base64.urlsafe_b64encode(b"[" * 700).decode()],
)
def test_a_foreign_cursor_is_refused(cursor):
    """A cursor that is not ours gives 400, whatever it holds."""
    with pytest.raises(InvalidRequest) as caught:
        page(MANY, parse_query(f"cursor={cursor}".encode()))
    assert (caught.value.param, caught.value.code) == ("cursor", "invalid_cursor")


def test_a_cursor_whose_row_is_gone():
    """When what a cursor points to has left the list, that is said, rather than rows skipped or shown twice."""
    cursor = page(MANY, parse_query(b"limit=3")).paging["next_cursor"]
    with pytest.raises(InvalidRequest, match="changed"):
        page(MANY[:2] + MANY[3:], parse_query(f"cursor={cursor}".encode()))


@pytest.mark.parametrize(
    ("query", "first", "count", "more"),
    [
        (b"offset=0", "m0", 20, True),
        (b"offset=140&limit=7", "m140", 7, True),
        (b"offset=140&limit=10", "m140", 10, False),
        (b"offset=500", None, 0, False),
    ],
)
def test_offset(query, first, count, more):
    """G2: total, limit and offset come back; beyond the end the page is empty."""
    shown = page(MANY, parse_query(query))
    assert (ids(shown.rows)[:1], len(shown.rows)) == ([first] if first else [], count)
    params = parse_query(query)
    assert shown.paging == {
        "total": 150,
        "limit": int(params.get("limit", ("20",))[0]),
        "offset": int(params["offset"][0]),
        "has_more": more,
    }


@pytest.mark.parametrize(
    ("query", "param"),
    [
        (b"limit=0", "limit"),
        (b"limit=101", "limit"),
        (b"limit=-1", "limit"),
        (b"limit=ten", "limit"),
        (b"limit=", "limit"),
        (b"limit=1.5", "limit"),
        (b"limit=" + b"1" * 5000, "limit"),
        ("limit=٣".encode(), "limit"),
        (b"offset=-1", "offset"),
        (b"offset=0&limit=1000", "limit"),
        (b"offset=0&cursor=x", "offset"),
    ],
)
def test_pages_that_make_no_sense(query, param):
    """A limit or an offset outside its range is refused by name."""
    with pytest.raises(InvalidRequest) as caught:
        page(MANY, parse_query(query))
    assert caught.value.param == param


def test_the_range_is_told():
    """The refusal says what was given and what is allowed."""
    with pytest.raises(InvalidRequest) as caught:
        page(MANY, parse_query(b"limit=101"))
    assert caught.value.details == {"provided_value": "101", "allowed_range": [1, 100]}


@pytest.mark.parametrize(
    ("query", "first", "last", "more"),
    [
        (b"", "m0", "m149", False),
        (b"limit=3", "m0", "m2", True),
        (b"limit=3&after_id=m2", "m3", "m5", True),
        (b"limit=3&after_id=m146", "m147", "m149", False),
        (b"after_id=m149", None, None, False),
        (b"limit=3&before_id=m5", "m2", "m4", True),
        (b"limit=3&before_id=m3", "m0", "m2", False),
        (b"before_id=m0", None, None, False),
    ],
)
def test_anthropics_pages(query, first, last, more):
    """after_id and before_id go on from a row, has_more looks in the same direction, first_id and last_id name the ends."""
    shown = page_by_id(MANY, parse_query(query))
    assert shown.paging == {"has_more": more, "first_id": first, "last_id": last}
    assert ids(shown.rows)[:1] == ([first] if first else [])


@pytest.mark.parametrize(
    ("query", "param"),
    [
        (b"limit=1001", "limit"),
        (b"after_id=none", "after_id"),
        (b"before_id=none", "before_id"),
        (b"after_id=m1&before_id=m2", "before_id"),
    ],
)
def test_anthropics_pages_that_make_no_sense(query, param):
    """Ids that are not in the list, and both at once, are refused by name."""
    with pytest.raises(InvalidRequest) as caught:
        page_by_id(MANY, parse_query(query))
    assert caught.value.param == param
