"""What is asked of an operation that passes through: the model found, and replaced with nothing else touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import InvalidRequest, MalformedBody
from llm_gateway.dialects.openai_media import MEDIA, MediaFront

KINDS = {kind.name: kind for kind in MEDIA}
FORM = b"multipart/form-data; boundary=xyz"


def form(*fields: tuple[str, str]) -> bytes:
    parts = [f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields]
    return "".join([*parts, "--xyz--\r\n"]).encode()


def front(name: str = "openai_transcriptions", content_type: bytes = FORM, default: str | None = None) -> MediaFront:
    return MediaFront(KINDS[name], content_type, default)


@given(st.binary(max_size=300), st.binary(max_size=300), st.sampled_from(["whisper-1", "a/b", "größe", "m" * 200]))
def test_only_the_model_of_a_form_changes(before, after, model):
    """Every other byte stays where it was, wherever the model stands."""
    file = b'--xyz\r\nContent-Disposition: form-data; name="%b"; filename="f"\r\n\r\n%b\r\n'
    head, tail = file % (b"one", before), file % (b"file", after)
    if b"--xyz" in before + after:
        return
    body = head + form(("model", "alias"), ("language", "de"))[: -len(b"--xyz--\r\n")] + tail + b"--xyz--\r\n"
    made = front()
    view = made.view(body)
    assert view.model == "alias"
    assert b"".join(made.with_model(body, view, model)) == body.replace(
        b"\r\n\r\nalias\r\n", b"\r\n\r\n" + model.encode() + b"\r\n"
    )


def test_a_large_form_is_not_copied():
    """Its pieces are views of the body that came."""
    body = form(("model", "alias"), ("file", "x" * 100_000))
    made = front()
    pieces = made.with_model(body, made.view(body), "real")
    assert [piece.obj is body for piece in pieces if isinstance(piece, memoryview)] == [True, True]
    assert made.with_model(body, made.view(body), "alias") == (body,)


def test_a_default_model():
    """Put in front where the request names none; a request that names one goes before it."""
    made = front("openai_image_edits", default="img")
    body = form(("prompt", "a"))
    view = made.view(body)
    assert view.model == "img"
    assert made.with_model(body, view, "real")[1] is body
    assert MediaFront(KINDS["openai_image_edits"], FORM).view(b"".join(made.with_model(body, view, "real"))).model == "real"
    made = front("openai_moderations", b"application/json", "mod")
    view = made.view(b'{"input":"x"}')
    assert made.with_model(b'{"input":"x"}', view, "mod") == (b'{"model":"mod","input":"x"}',)
    assert made.view(b'{"input":"x","model":"other"}').model == "other"


@pytest.mark.parametrize(
    ("name", "body", "stream", "characters"),
    [
        ("openai_speech", b'{"model":"m","input":"h\\u00e9llo","voice":"v"}', False, 5),
        ("openai_speech", b'{"model":"m","input":"x","stream_format":"sse"}', True, 1),
        ("openai_images", b'{"model":"m","prompt":"p","stream":true}', True, 0),
        ("mistral_ocr", b'{"model":"m","document":{}}', False, 0),
    ],
)
def test_json_is_looked_at(name, body, stream, characters):
    """Model, stream, and for speech how much is to be said."""
    view = front(name, b"application/json; charset=utf-8").view(body)
    assert (view.model, view.stream, view.characters) == ("m", stream, characters)


def test_a_form_that_streams():
    """As SDKs write it."""
    assert front().view(form(("stream", "true"), ("model", "m"))).stream
    assert not front().view(form(("stream", "false"), ("model", "m"))).stream


@pytest.mark.parametrize(
    ("made", "body", "param"),
    [
        (front(), form(("file", "x")), "model"),
        (front(), form(("model", "a"), ("model", "b")), "model"),
        (front(), form(("model", "")), "model"),
        (front(), form(("model", "a\nb")), "model"),
        (front(), b"garbage", None),
        (front(content_type=b"application/json"), b'{"model":"m"}', None),
        (front("openai_speech"), form(("model", "m")), None),
        (front("openai_images", b"application/json"), b'{"prompt":"x"}', "model"),
        (front("openai_images", b"application/json"), b'{"model":"a","model":"b"}', "model"),
        (front("openai_images", b"application/json"), b'{"model":7}', "model"),
    ],
)
def test_what_is_refused(made, body, param):
    """400 with the member that is wrong, where there is one."""
    with pytest.raises(InvalidRequest) as raised:
        made.view(body)
    assert raised.value.param == param
    assert raised.value.status == 400


def test_a_body_that_is_no_json():
    """Told as such."""
    with pytest.raises(MalformedBody):
        front("openai_images", b"application/json").view(b"{")


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        (b'"size":"1024x1024","quality":"HD"', ("1024x1024", "hd")),
        (b'"size":null,"quality":7', ("", "")),
        (b'"size":"' + b"x" * 40 + b'"', ("", "")),
    ],
)
def test_the_size_of_images(more, seen):
    """What their price may depend on; what is no such word is not known, and for the provider to refuse."""
    view = front("openai_images", b"application/json").view(b'{"model":"m",%b}' % more)
    assert (view.size, view.quality) == seen
    assert front("openai_speech", b"application/json").view(b'{"model":"m",%b}' % more).size == ""


def test_the_size_of_images_in_a_form():
    """Read where it stands, whatever stands there; in a form about sound it means nothing."""
    view = front("openai_image_edits").view(form(("model", "m"), ("size", "512x512"), ("quality", "Low")))
    assert (view.model, view.size, view.quality) == ("m", "512x512", "low")
    view = front("openai_image_edits").view(form(("size", "x" * 100), ("quality", "\xff"), ("model", "m")))
    assert (view.model, view.size) == ("m", "")
    assert front().view(form(("model", "m"), ("size", "512x512"))).size == ""
