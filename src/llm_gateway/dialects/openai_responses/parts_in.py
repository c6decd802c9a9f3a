"""Parts of content, wire to neutral."""

from __future__ import annotations

from msgspec import Raw

from llm_gateway.core.chat import Audio, Document, Image, Opaque, Part, Refusal, Text
from llm_gateway.core.json import encode
from llm_gateway.dialects.invalid import refuse
from llm_gateway.dialects.openai_chat.parts_in import split_data_uri
from llm_gateway.dialects.openai_responses.citations import parse_annotations
from llm_gateway.dialects.openai_responses.wire import NAME, NULL, PartWire


class PartsIn:
    """Parses the parts of one request; `extra` is given what has no neutral place."""

    __slots__ = ("_extra",)

    def __init__(self, extra: dict[str, Raw]) -> None:
        self._extra = extra

    def parse(self, part: PartWire, path: str) -> Part:
        """The part at `path`. Raises InvalidRequest for one that holds nothing."""
        match part.type:
            case "refusal":
                return Refusal(part.refusal or "")
            case "input_image":
                return _image(part, path)
            case "input_file":
                return _file(part, path)
            case "input_audio":
                if part.input_audio is None:
                    raise refuse(f"{path}.input_audio", "it is required", "missing_field")
                return Audio(part.input_audio.data, part.input_audio.format)
        if part.kind is not None:
            return Opaque(NAME, part.kind, part.raw)
        if part.text is None:
            raise refuse(f"{path}.text", "it is required", "missing_field")
        if part.logprobs:
            self._extra[f"{path}.logprobs"] = Raw(encode(part.logprobs))
        sources = parse_annotations(part.annotations or ()) + tuple(part.citations or ())
        return Text(part.text, None, sources) if sources else Text(part.text)

    def parse_all(self, content: str | list[PartWire] | None, path: str) -> tuple[tuple[Part, ...], tuple[str, ...]]:
        """The parts, and where each of them stands."""
        if content is None:
            return (), ()
        if isinstance(content, str):
            return (Text(content),), (path,)
        places = tuple([f"{path}[{place}]" for place in range(len(content))])
        return tuple([self.parse(part, place) for part, place in zip(content, places, strict=True)]), places


def present(raw: Raw) -> Raw | None:
    return None if raw == NULL else raw


def _image(part: PartWire, path: str) -> Image:
    if part.file_id is not None:
        return Image(file_id=part.file_id, detail=part.detail)
    if part.image_url is None:
        raise refuse(path, "image_url or file_id is needed")
    inline = split_data_uri(part.image_url)
    if inline is None:
        return Image(url=part.image_url, detail=part.detail)
    return Image(data=inline[1], media_type=inline[0], detail=part.detail)


def _file(part: PartWire, path: str) -> Document:
    if part.file_id is not None:
        return Document(file_id=part.file_id, name=part.filename)
    if part.file_url is not None:
        return Document(url=part.file_url, name=part.filename)
    if part.file_data is None:
        raise refuse(path, "file_data, file_url or file_id is needed")
    inline = split_data_uri(part.file_data)
    if inline is None:
        return Document(data=part.file_data, name=part.filename)
    return Document(data=inline[1], media_type=inline[0], name=part.filename)
