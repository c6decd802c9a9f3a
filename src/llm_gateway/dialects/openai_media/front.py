"""The caller's side of an operation that passes through: which model, whether it streams, and where the model stands."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from llm_gateway.core.end_user import named
from llm_gateway.core.errors import InvalidRequest
from llm_gateway.core.json import MalformedJson, decode, encode
from llm_gateway.core.multipart import MalformedForm, Part, boundary_of, field, parts_of, value_of
from llm_gateway.core.splice import replace_top_level, set_top_level
from llm_gateway.dialects.base import ProviderFault, ReplyFacts, SseBack, View
from llm_gateway.dialects.invalid import Watched, check_model, check_size, read, refuse, refuse_duplicates
from llm_gateway.dialects.openai_chat import errors
from llm_gateway.dialects.openai_chat.front import OpenAIFront
from llm_gateway.dialects.openai_chat.relay import OpenAIRelay
from llm_gateway.dialects.openai_media.operations import FORM, JSON, MediaOperation

Pieces = tuple[bytes | memoryview, ...]
"""A body in pieces, so that a large one need not be copied to change a few bytes of it."""

_WATCHED = Watched(b"model", b"stream", b"stream_format")
_FIELDS = (b"model", b"stream")
_LOOK = (b"size", b"quality", b"n")
"""Of images: what their price may depend on."""
_LONGEST_WORD = 32
_MOST_CHOICES = 128
_SLOWEST, _FASTEST = 0.25, 4.0
_NULL = Raw(b"null")
_TRUE = frozenset({"true", "1"})


class _Body(msgspec.Struct, gc=False):
    model: str | None = None
    stream: bool | None = None
    stream_format: str | None = None
    input: Raw = _NULL
    size: Raw = _NULL
    quality: Raw = _NULL
    user: Any = None
    n: Any = None
    speed: Any = None


class MediaView(View):
    """`start`, `end`: where the model's value stands in a form; -1: it has to be added. `size`, `quality`: of images. `text`:
    bytes that are no file. `files`: where each file of a form begins and ends. `speed`: of speech, 1.0 the usual.
    """

    start: int = -1
    end: int = -1
    characters: int = 0
    size: str = ""
    quality: str = ""
    text: int = 0
    files: tuple[tuple[int, int], ...] = ()
    speed: float = 1.0


class MediaFront(OpenAIFront):
    """One request's: its Content-Type says how it is to be read. Implements Front."""

    __slots__ = ("_boundary", "_content_type", "_default", "_kind", "_most_json", "framed", "name", "operation")

    def __init__(
        self, kind: MediaOperation, content_type: bytes, default_model: str | None = None, most_json: int = 10 << 20
    ) -> None:
        """`default_model`: who is asked where the request does not say; None: it must. `most_json`: bytes of a body in JSON."""
        self._kind = kind
        self._content_type = content_type
        self._default = default_model
        self._most_json = most_json
        self._boundary = b""
        self.name = kind.name
        self.operation = kind.operation
        self.framed = True
        """Whether an answer that has begun can hold an error; the edge says so when it knows."""

    @property
    def kind(self) -> MediaOperation:
        return self._kind

    @property
    def content_type(self) -> bytes:
        """What the body is, as it is sent on."""
        return self._content_type if self._boundary else b"application/json"

    def view(self, body: bytes) -> MediaView:
        """Raises InvalidRequest and MalformedBody."""
        media = self._content_type.partition(b";")[0].strip().lower()
        if media == b"multipart/form-data" and FORM in self._kind.bodies:
            return self._view_form(body)
        if JSON in self._kind.bodies and media != b"multipart/form-data":
            return self._view_json(body)
        wanted = "multipart/form-data" if FORM in self._kind.bodies else "application/json"
        raise InvalidRequest(f"The Content-Type must be {wanted}.", code="invalid_content_type")

    def with_model(self, body: bytes, view: MediaView, model: str) -> Pieces:
        """The request for `model`, and every other byte as it came."""
        if view.model == model and view.model_at != _ABSENT:
            return (body,)
        if not self._boundary:
            change = set_top_level if view.model_at == _ABSENT else replace_top_level
            return (change(body, "model", encode(model)),)
        if view.model_at == _ABSENT:
            return field(self._boundary, b"model", model.encode()), body
        whole = memoryview(body)
        return whole[: view.start], model.encode(), whole[view.end :]

    def _view_json(self, body: bytes) -> MediaView:
        check_size(body, self._most_json)
        seen = read(body, _Body)
        refuse_duplicates(body, _WATCHED)
        characters = _characters(seen.input) if self._kind.counts_characters else 0
        stream = seen.stream is True or seen.stream_format == "sse"
        view = MediaView(*self._model(seen.model, stream), characters=characters, user=named(seen.user), text=len(body))
        if isinstance(seen.n, int) and seen.n >= 1:
            view.choices = min(seen.n, _MOST_CHOICES)
        if isinstance(seen.speed, int | float) and seen.speed > 0:
            view.speed = min(max(float(seen.speed), _SLOWEST), _FASTEST)
        if self._kind.counts_images:
            view.size, view.quality = _word(_text(seen.size)), _word(_text(seen.quality))
        return view

    def _view_form(self, body: bytes) -> MediaView:
        found: dict[bytes, Part] = {}
        asked: dict[bytes, str] = {}
        files: list[tuple[int, int]] = []
        text, count = 0, 1
        try:
            self._boundary = boundary_of(self._content_type)
            for part in parts_of(body, self._boundary, _FIELDS):
                if part.is_file:
                    files.append((part.start, part.end))
                else:
                    text += part.end - part.start
                if part.name in _LOOK and self._kind.counts_images:
                    value = bytes(memoryview(body)[part.start : min(part.end, part.start + _LONGEST_WORD + 1)])
                    asked[part.name] = word = _word(value.decode("ascii", "replace"))
                    if part.name == b"n" and word.isdecimal():  # said twice, either may be meant
                        count = max(count, min(int(word), _MOST_CHOICES))
                if part.name not in _FIELDS:
                    continue
                if part.name in found:
                    raise refuse(part.name.decode(), "it stands in the form more than once", "invalid_parameter_value")
                found[part.name] = part
            model, stream = found.get(b"model"), found.get(b"stream")
            name = None if model is None else value_of(body, model)
            streams = stream is not None and value_of(body, stream).strip().lower() in _TRUE
        except MalformedForm as error:
            raise InvalidRequest(f"The form could not be read: {error}.", code="malformed_form") from None
        view = MediaView(*self._model(name, streams), size=asked.get(b"size", ""), quality=asked.get(b"quality", ""))
        view.text, view.files, view.choices = text, tuple(files), count
        if model is not None:
            view.start, view.end = model.start, model.end
        return view

    def _model(self, given: str | None, stream: bool) -> tuple[str, bool, bool, int]:
        """The first members of a View."""
        if given is not None:
            check_model(given)
            return given, stream, False, -1
        if self._default is not None:
            return self._default, stream, False, _ABSENT
        why = f"; only media.{self._kind.default} in the configuration could stand in for it" if self._kind.default else ""
        raise InvalidRequest(f"Missing required field: model{why}", code="missing_field", param="model")


_ABSENT = -2
"""View.model_at of a request that names no model."""


class MediaBack(SseBack):
    """The provider's side: only its errors are read. Implements Back."""

    __slots__ = ("name", "operation")

    def __init__(self, kind: MediaOperation) -> None:
        self.name = kind.name
        self.operation = kind.operation

    def parse_error(self, status: int, body: bytes) -> ProviderFault:
        return errors.parse_error(status, body)

    def check_reply(self, body: bytes) -> ReplyFacts:  # noqa: ARG002 - the Protocol's
        """Answers are not read."""
        return ReplyFacts()

    def relay(self) -> OpenAIRelay:
        """Answers are not read; the Protocol has it for every back."""
        return OpenAIRelay()


def _characters(given: Raw) -> int:
    return len(_text(given))


def _text(given: Raw) -> str:
    """Nothing for what is no text: the provider will say so."""
    try:
        return decode(bytes(given), str)
    except (MalformedJson, msgspec.ValidationError):
        return ""


def _word(text: str) -> str:
    """Nothing for what can be no word of a price list."""
    return text.strip().lower() if len(text) <= _LONGEST_WORD else ""
