"""Documents: formats and names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.chat import Document
from llm_gateway.dialects.bedrock_converse.documents import Documents


def named(*names: str | None) -> list[str]:
    documents = Documents()
    return [(documents.render(Document(data="AA", name=name)) or {})["name"] for name in names]


def test_names_are_made_lawful():
    """What the API does not take becomes a hyphen; white space is one space."""
    assert named("report_2024.pdf", "a  b\tc", " -x- ", "Отчёт", "[a] (b)-c", None) == [
        "report-2024-pdf",
        "a b c",
        "x",
        "document",
        "[a] (b)-c",
        "document (2)",
    ]


def test_names_are_unique():
    """Even where a caller used the number already."""
    assert named("a", "a (2)", "a", "a") == ["a", "a (2)", "a (3)", "a (4)"]


@given(st.lists(st.none() | st.text(max_size=300), max_size=6))
def test_any_names(names):
    """All lawful, no two alike, and the same again for the same conversation."""
    made = named(*names)
    assert made == named(*names)
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"(?!.*  )[A-Za-z0-9()\[\] -]{1,200}", name) for name in made)


@pytest.mark.parametrize(
    ("document", "form"),
    [
        (Document(data="A", media_type="text/csv; charset=utf-8"), "csv"),
        (Document(data="A", media_type="text/x-python"), "txt"),
        (Document(data="A", name="a.DOCX"), "docx"),
        (Document(data="A"), "pdf"),
        (Document(url="data:text/html;base64,QQ=="), "html"),
        (Document(url="s3://b/notes.md"), "md"),
        (Document(text="é"), "txt"),
    ],
)
def test_formats(document, form):
    """By the type, else by the name's ending, else pdf."""
    rendered = Documents().render(document)
    assert rendered is not None
    assert rendered["format"] == form


def test_sources():
    """Text goes as bytes, which every model takes; an S3 object by its place."""
    text, stored = (Documents().render(part) for part in (Document(text="é"), Document(url="s3://b/k.pdf")))
    assert text is not None
    assert text["source"] == {"bytes": "w6k="}
    assert stored is not None
    assert stored["source"] == {"s3Location": {"uri": "s3://b/k.pdf"}}


@pytest.mark.parametrize(
    "document",
    [Document(url="https://example.test/a.pdf"), Document(file_id="f"), Document(data="A", media_type="application/zip")],
)
def test_what_the_api_does_not_take(document):
    """It fetches nothing, and has nine formats."""
    assert Documents().render(document) is None
