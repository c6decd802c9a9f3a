"""Multipart forms (RFC 7578, RFC 2046 section 5.1), scanned in place: where each field stands, and not a byte of it copied.

What two parsers could read differently is refused rather than read our way: we check one model and the provider must not run
another. So a line that begins with the boundary, whatever ended the line before it, is a delimiter or an error, line ends are
CRLF, nothing stands before the first delimiter or behind the last one, and a field's name is spelled plainly.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import msgspec

MOST_PARTS = 256
HEAD_BYTES = 8 * 1024
"""Of one part's headers."""
VALUE_BYTES = 64 * 1024
"""Of a field that is read."""

_MEDIA = re.compile(r"multipart/form-data[ \t]*((?:;.*)?)", re.IGNORECASE)
_PARAMETER = re.compile(
    r"""[ \t]*;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[!#$%&'*+.^_`|~0-9A-Za-z/:=?()-]+)[ \t]*"""
)
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046 section 5.1.1
_DISPOSITION = re.compile(rb"form-data[ \t]*(.*)", re.IGNORECASE | re.DOTALL)
_FIELD = re.compile(rb'[ \t]*;[ \t]*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=("[^"]*"|[!#$%&\'+.^_`|~0-9A-Za-z-]+)[ \t]*')
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
_PLAIN_CODINGS = (b"", b"7bit", b"8bit", b"binary")


class MalformedForm(ValueError):
    """The body is no form that can be read in one way only. The text says why, without a piece of it."""


class Part(msgspec.Struct, gc=False):
    """One field: its name, whether it is a file, and where its value stands in the body."""

    name: bytes
    is_file: bool
    start: int
    end: int


def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a Content-Type names. Raises MalformedForm."""
    media = _MEDIA.fullmatch(content_type.decode("latin-1").strip())
    if media is None:
        raise MalformedForm("the Content-Type is not multipart/form-data")
    rest, found = media[1], ""
    while rest:
        parameter = _PARAMETER.match(rest)
        if parameter is None:
            raise MalformedForm("the Content-Type's parameters are malformed")
        name, value = parameter[1].lower(), parameter[2]
        if name.startswith("boundary"):
            if found or name != "boundary":
                raise MalformedForm("the Content-Type names more than one boundary")
            found = value[1:-1] if value.startswith('"') else value
        rest = rest[parameter.end() :]
    if not found:
        raise MalformedForm("the Content-Type names no boundary")
    if not _BOUNDARY.fullmatch(found):
        raise MalformedForm("the boundary is not 1 to 70 of the characters that RFC 2046 allows")
    return found.encode("ascii")


def parts_of(body: bytes, boundary: bytes, watched: Collection[bytes] = ()) -> Iterator[Part]:
    """The parts in order, each as soon as it is found.

    `watched`: names of fields whose values will be read; they may not be spelled otherwise, be files or be encoded. Raises
    MalformedForm.
    """
    delimiter = b"\r\n--" + boundary
    if not body.startswith(delimiter[2:]) and not body.startswith(delimiter):
        raise MalformedForm("the body does not begin with the boundary that the Content-Type names")
    at = body.index(delimiter[2:]) + len(delimiter) - 2
    for _ in range(MOST_PARTS):
        start = _after_delimiter(body, at)
        if start is None:
            return
        head_end = body.find(b"\r\n\r\n", start, start + HEAD_BYTES)
        if head_end < 0:
            raise MalformedForm(f"a part has no end of its headers within {HEAD_BYTES} bytes")
        head = body[start:head_end]
        if delimiter in b"\r\n" + head:
            raise MalformedForm("the boundary stands among the headers of a part")
        at = _next_line(body, delimiter, head_end + 2)  # a part may end right behind its headers
        if at < 0:
            raise MalformedForm("the last part has no end: the closing boundary is missing")
        yield _part(head, min(head_end + 4, at), at, watched)
        at += len(delimiter)
    raise MalformedForm(f"the form has more than {MOST_PARTS} parts")


def value_of(body: bytes, part: Part) -> str:
    """A small text field. Raises MalformedForm."""
    if part.end - part.start > VALUE_BYTES:
        raise MalformedForm(f"the field {part.name.decode('latin-1')} is longer than {VALUE_BYTES} bytes")
    try:
        return body[part.start : part.end].decode()
    except UnicodeDecodeError:
        raise MalformedForm(f"the field {part.name.decode('latin-1')} is not UTF-8") from None


def field(boundary: bytes, name: bytes, value: bytes) -> bytes:
    """One more field, to be put in front of a form. Neither name nor value may hold what ends them."""
    return b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name, value)


def _next_line(body: bytes, delimiter: bytes, at: int) -> int:
    """Where the next delimiter begins; -1: there is none. Raises MalformedForm for one that only lenient parsers would see."""
    end = body.find(delimiter, at)
    stop = len(body) if end < 0 else end + 1
    if body.find(delimiter[1:], at, stop) >= 0 or body.find(b"\r" + delimiter[2:], at, stop) >= 0:
        raise MalformedForm("the boundary stands behind a line end that is not CRLF")
    return end


def _after_delimiter(body: bytes, at: int) -> int | None:
    """Where the headers of the next part begin; None: it was the last delimiter, and nothing follows."""
    if body.startswith(b"--", at):
        if body[at + 2 : at + 1024].strip(b"\r\n \t") or len(body) > at + 1024:
            raise MalformedForm("something follows the closing boundary")
        return None
    end = body.find(b"\r\n", at, at + 256)
    if end < 0 or body[at:end].strip(b" \t"):
        raise MalformedForm("a line begins with the boundary and goes on")
    return end + 2


def _part(head: bytes, start: int, end: int, watched: Collection[bytes]) -> Part:
    if _BARE.search(head):
        raise MalformedForm("the headers of a part hold a line end that is not CRLF")
    lines: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or not name or name != name.strip() or name in lines:
            raise MalformedForm("the headers of a part are malformed")
        lines[name] = value.strip(b" \t")
    name, is_file = _named(lines.get(b"content-disposition", b""))
    coding = lines.get(b"content-transfer-encoding", b"").lower()
    if name in watched:
        if is_file:
            raise MalformedForm(f"the field {name.decode('latin-1')} is sent as a file")
        if coding not in _PLAIN_CODINGS:
            raise MalformedForm(f"the field {name.decode('latin-1')} is encoded")
    return Part(name, is_file, start, end)


def _named(disposition: bytes) -> tuple[bytes, bool]:
    """The field's name, and whether it has a file's name, too."""
    found = _DISPOSITION.fullmatch(disposition)
    if found is None:
        raise MalformedForm("a part has no Content-Disposition: form-data")
    rest, parameters = found[1], dict[bytes, bytes]()
    while rest:
        parameter = _FIELD.match(rest)
        if parameter is None:
            raise MalformedForm("the Content-Disposition of a part is malformed")
        key = parameter[1].lower()
        if key in parameters:
            raise MalformedForm("the Content-Disposition of a part says something twice")
        parameters[key] = parameter[2]
        rest = rest[parameter.end() :]
    quoted = parameters.get(b"name")
    if quoted is None or b"name*" in parameters:
        raise MalformedForm("a part has no name")
    name = quoted.strip(b'"')
    if b"\\" in name or b"%" in name:
        raise MalformedForm("the name of a part is spelled with escapes")
    return name, b"filename" in parameters or b"filename*" in parameters
