"""Parts of messages, neutral to wire."""

from __future__ import annotations

import pytest
from msgspec import Raw

from dialects.bedrock_converse.asked import CLAUDE, LLAMA, MARK, NOVA, NOVA_2, OLD_CLAUDE, POINT, content, render
from llm_gateway.core.chat import Audio, CacheMark, Document, Image, Message, Opaque, Reasoning, Refusal, Text, Tool, ToolResult


def test_results_with_images_and_documents():
    """They stay inside of the result; a mark inside goes behind it, and what has no place is named."""
    inner = (Text("see", MARK, ({"type": "x"},)), Image(data="iVBOR"), Document(text="t", name="a"), Reasoning("r", "s"))
    body, dropped = render(
        Message("user", (ToolResult("c", inner), Document(text="u", name="a"))), tools=(Tool("f"),), dialect="anthropic_messages"
    )
    result, point, document, filler = body["messages"][0]["content"]
    kinds = [next(iter(block)) for block in result["toolResult"]["content"]]
    assert kinds == ["text", "image", "document"]
    assert point == POINT
    assert document["document"]["name"] == "a (2)"
    assert "text" in filler
    assert dropped == ["messages[0].content[0].content[0].citations", "messages[0].content[0].content[3]"]


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (Image(data="AA", media_type="image/webp"), {"format": "webp", "source": {"bytes": "AA"}}),
        (Image(data="/9j/x"), {"format": "jpeg", "source": {"bytes": "/9j/x"}}),
        (Image(url="data:image/gif;base64,R0"), {"format": "gif", "source": {"bytes": "R0"}}),
        (Image(url="s3://b/k.jpg"), {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/k.jpg"}}}),
    ],
)
def test_images(image, shown):
    """Bytes and S3 objects; the format by its type, or by the first bytes."""
    assert content(image) == ([{"image": shown}], [])


@pytest.mark.parametrize(
    "part", [Image(url="https://x.test/a"), Image(file_id="f"), Image(data="A", media_type="image/tiff"), Document(file_id="f")]
)
def test_what_the_api_cannot_fetch_is_named(part):
    """It takes no URLs of the web, no ids of other stores, and four formats."""
    assert content(part) == ([], ["messages[1].content[0]"])


def test_the_detail_of_an_image_is_named():
    """There is none here."""
    assert content(Image(data="iVBOR", detail="low"))[1] == ["messages[1].content[0].image_url.detail"]


def test_media_are_the_users():
    """An assistant's turn takes none."""
    assert content(Image(data="iVBOR"), Text("x"), role="assistant") == ([{"text": "x"}], ["messages[1].content[0]"])


def test_speech_goes_to_models_that_hear():
    """To others its transcript, and it is named."""
    assert content(Audio("AA", "mp3"), model="mistral.voxtral-small-24b-2507") == (
        [{"audio": {"format": "mp3", "source": {"bytes": "AA"}}}],
        [],
    )
    assert content(Audio("AA", transcript="Hello")) == ([{"text": "Hello"}], ["messages[1].content[0]"])
    assert content(Audio(id="a", transcript="Hi"), role="assistant") == ([{"text": "Hi"}], ["messages[1].audio"])


def test_a_mark_behind_a_document():
    """The API refuses a cachePoint there, so a text stands between; the document is cached all the same."""
    shown, dropped = content(Document(data="JVBERi0", media_type="application/pdf", name="a.pdf", cache=MARK), Text("go"))
    assert [next(iter(block)) for block in shown] == ["document", "text", "cachePoint", "text"]
    assert dropped == []


@pytest.mark.parametrize(
    ("model", "ttl", "point", "lost"),
    [
        (CLAUDE, None, POINT, []),
        (CLAUDE, "5m", POINT, []),
        (CLAUDE, "1h", {"cachePoint": {"type": "default", "ttl": "1h"}}, []),
        (OLD_CLAUDE, "1h", POINT, ["messages[1].content[0].cache_control.ttl"]),
        (NOVA, None, POINT, []),
        (LLAMA, None, None, ["messages[1].content[0].cache_control"]),
    ],
)
def test_marks_of_what_to_cache(model, ttl, point, lost):
    """A block behind the part, for the families that cache."""
    expected = [{"text": "x"}] if point is None else [{"text": "x"}, point]
    assert content(Text("x", CacheMark(ttl)), model=model) == (expected, lost)


def test_thinking_goes_back_to_claude_only():
    """With its signature byte for byte; redacted thinking as the blob that it came as. Without a signature it is named."""
    parts = (Reasoning("t", "s+/="), Reasoning(redacted="EuYB"), Reasoning("u"), Text("x"))
    shown, dropped = content(*parts, role="assistant")
    assert shown == [
        {"reasoningContent": {"reasoningText": {"text": "t", "signature": "s+/="}}},
        {"reasoningContent": {"redactedContent": "RXVZQg=="}},
        {"text": "x"},
    ]
    assert dropped == ["messages[1].reasoning_content"]
    assert content(*parts, role="assistant", model=NOVA_2)[0] == [{"text": "x"}]


@pytest.mark.parametrize("state", ["gemini/t:QUJD", "openai_responses/rs_1#s12#gAAA"])
def test_thinking_of_other_families_stays_away(state):
    """Its signatures are refused by whoever did not make them; what a tag says is theirs is left out and named."""
    shown, dropped = content(Reasoning("t", state), Reasoning(redacted=state), Text("x"), role="assistant")
    assert shown == [{"text": "x"}]
    assert dropped == ["messages[1].reasoning_content", "messages[1].reasoning_details"]


def test_refusals_and_own_blocks():
    """A refusal is a text; a block of this dialect goes back as it came; one of another is named."""
    own = Opaque("bedrock_converse", "video", Raw(b'{"video":{"format":"mp4"}}'))
    foreign = Opaque("gemini", "x", Raw(b"{}"))
    shown, dropped = content(Refusal("No."), Refusal(""), own, foreign, role="assistant")
    assert shown == [{"text": "No."}, {"video": {"format": "mp4"}}]
    assert dropped == ["messages[1].opaque_blocks[1]"]


def test_cited_texts_go_back():
    """Sources in the conversation's documents; others are named."""
    page = {"type": "page_location", "cited_text": "c", "document_index": 0, "document_title": "d"}
    source = page | {"start_page_number": 1, "end_page_number": 2}
    shown, dropped = content(Text("x", None, (source,)), Text("y", None, ({"type": "url_citation"},)), role="assistant")
    cited = {
        "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}},
        "title": "d",
        "sourceContent": [{"text": "c"}],
    }
    assert shown == [{"citationsContent": {"content": [{"text": "x"}], "citations": [cited]}}, {"text": "y"}]
    assert dropped == ["messages[1].content[1].citations"]
