"""Objects as the store keeps them: JSON in the notation of the configuration file, what is not said left out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from llm_gateway.core.json import encode
from llm_gateway.identity.table import Unusable

Shape = TypeVar("Shape", bound=msgspec.Struct)


def said(struct: msgspec.Struct, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """What differs from the defaults, as a file would say it. A Secret is ***."""
    plain: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if field.name in without or (not field.required and value == _default(field)):
            continue
        plain[field.encode_name] = _plain(value)
    return plain


def document_of(struct: msgspec.Struct, *, without: tuple[str, ...] = ()) -> str:
    """For the store."""
    return encode(said(struct, without=without)).decode()


def parsed(document: str, kind: type[Shape]) -> Shape:
    """A document that was checked when it was stored. Raises Unusable."""
    try:
        return msgspec.json.decode(document, type=kind, dec_hook=_read)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Unusable(f"a document of the store cannot be read: {error}") from None


def moment(ms: int | None) -> str | None:
    """Unix milliseconds as RFC 3339 has them."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _default(field: Any) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return said(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or type(value) in (bool, int, float, str):
        return value
    return str(value)


def _read(kind: type, value: Any) -> Any:
    parse = getattr(kind, "parse", None)
    if parse is None:
        raise ValueError(f"no {kind.__name__}")
    return parse(value)
