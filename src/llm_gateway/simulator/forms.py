"""A multipart form as a document, read by the standard library's mail parser: a witness shares no parser with whom it watches."""

from __future__ import annotations

import hashlib
from email.parser import BytesParser
from email.policy import HTTP
from types import MappingProxyType
from typing import Any

from llm_gateway.simulator.problems import Problem

_WORDS = MappingProxyType({"true": True, "false": False})


def document_of(content_type: bytes, body: bytes) -> dict[str, Any]:
    """Fields by name, `name[]` as lists; a file is {filename, bytes, sha256}. Raises Problem (400)."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type + b"\r\n\r\n" + body)
    if not message.is_multipart() or message.defects:
        raise Problem(400, "Could not parse multipart form")
    document: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise Problem(400, "Could not parse multipart form")
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            raise Problem(400, "Could not parse multipart form")
        filename = part.get_filename()
        value: Any = data.decode("utf-8", "replace")
        if filename is not None:
            value = {"filename": filename, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "data": data}
        elif name == "stream":
            value = _WORDS.get(value, value)
        if name.endswith("[]"):
            document.setdefault(name[:-2], []).append(value)
        else:
            document[name] = value
    return document
