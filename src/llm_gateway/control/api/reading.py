"""What was sent, as structs. Everything that is wrong with a body is told at once, each with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec
from starlette.requests import Request

from llm_gateway.config.bind import Binder, struct_info
from llm_gateway.config.errors import ConfigErrors, Path, Problems, Where, Wrong, render
from llm_gateway.config.schema.base import Section
from llm_gateway.config.tree import plant
from llm_gateway.control.api.duplicates import refuse_duplicates
from llm_gateway.control.api.refusals import invalid, refused
from llm_gateway.control.api.route import Patched, Route
from llm_gateway.control.app import bounded
from llm_gateway.core.errors import InvalidRequest, MalformedBody
from llm_gateway.core.json import MalformedJson, decode, path_of
from llm_gateway.edge.listing import PAGING, Params, parse_query

Shape = TypeVar("Shape", bound=msgspec.Struct)

MOST_BODY = 1 << 20
"""Bytes. A large document of the configuration has a tenth of that."""
TYPES = ("application/json", "application/merge-patch+json")
_AT = re.compile(r" - at `[^`]*`$")
_TAG = re.compile(r'"([0-9]{1,18})"')
_LARGEST = 1 << 63
_BODY = Where("body")


def body_of(route: Route, data: bytes, media: str) -> Any:
    """Raises InvalidRequest."""
    if route.body is None:
        if data.strip() not in (b"", b"{}"):
            raise refused(400, "unexpected_body", "This request takes no body.")
        return None
    if media.partition(";")[0].strip().lower() not in TYPES:
        raise refused(415, "unsupported_media_type", "Send JSON, and say so: Content-Type: application/json.")
    try:
        document = decode(data, Any)
    except MalformedJson as error:
        raise MalformedBody(str(error)) from None
    if not isinstance(document, dict):
        raise invalid([("", "expected an object")])
    refuse_duplicates(data)
    if b"\\u0000" in data:
        raise invalid([("", "has a text with the character U+0000, which no database can hold")])
    if isinstance(route.body, Patched) or route.body is dict:
        return document
    return bound(route.body, document)


def bound(kind: type[Shape], document: Mapping[str, Any], path: Path = ()) -> Shape:
    """A document as a struct; a section of the configuration is read as the file is. Raises InvalidRequest (422)."""
    if not issubclass(kind, Section):
        try:
            return msgspec.convert(document, kind)
        except msgspec.ValidationError as error:
            raise invalid([(path_of(error), _AT.sub("", str(error)))]) from None
    problems = Problems()
    try:
        made = Binder(problems, {}).bind(struct_info(kind), plant(dict(document), _BODY), path)
        problems.raise_if_any()
    except Wrong as wrong:
        raise invalid([("", wrong.message)]) from None
    except ConfigErrors as errors:
        raise refusal(errors, path) from None
    return cast("Shape", made)


def refusal(errors: ConfigErrors, path: Path = ()) -> InvalidRequest:
    """What the configuration's checks say, with places inside of the object at `path`."""
    prefix = render(path)
    told = []
    for problem in errors.problems:
        inside = problem.path.removeprefix(prefix).lstrip(".") if prefix and problem.path.startswith(prefix) else problem.path
        told.append((inside, f"{problem.message}; {problem.suggestion}" if problem.suggestion else problem.message))
    return invalid(told)


def query_of(route: Route, query: bytes) -> tuple[Any, Params]:
    """The query's struct, and all parameters as they were sent. Raises InvalidRequest."""
    params = parse_query(query)
    known = {field.encode_name for field in msgspec.structs.fields(route.query)}
    fields = {} if route.filters is None else {*route.filters.fields, *route.filters.shortcuts}
    mine = {}
    for name, values in params.items():
        if name in known:
            if len(values) > 1:
                raise InvalidRequest("This query parameter is there more than once.", param=name)
            mine[name] = values[0]
        elif name.partition("__")[0] not in fields:
            raise InvalidRequest("There is no such query parameter.", param=name[:64])
    try:
        made = msgspec.convert(mine, route.query, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(_AT.sub("", str(error)), param=path_of(error) or None) from None
    for name in made.__struct_fields__:
        value = getattr(made, name)
        if (isinstance(value, str) and "\0" in value) or (isinstance(value, int) and not -_LARGEST <= value < _LARGEST):
            raise InvalidRequest("No database can hold this value.", param=name)
    return made, params


def version_of(route: Route, given: str | None) -> int | None:
    """The version that If-Match names; None: any. Raises InvalidRequest: 428 where one is wanted and none came."""
    if given is None:
        if route.conditional:
            message = "Send If-Match with the ETag of what you changed, so that nobody's change is lost; * for whatever there is."
            raise refused(428, "precondition_required", message)
        return None
    if given.strip() == "*":
        return None
    found = _TAG.fullmatch(given.strip())
    return -1 if found is None else int(found[1])


def merged(document: Any, patch: Any) -> Any:
    """A JSON Merge Patch applied (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


async def whole(request: Request) -> bytes:
    """The body's bytes. Raises InvalidRequest (413)."""
    data = await bounded(request, MOST_BODY)
    if data is None:
        raise refused(413, "payload_too_large", f"The body is larger than {MOST_BODY} bytes.")
    return data


PAGED = frozenset({*PAGING, "sort"})
