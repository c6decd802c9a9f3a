"""No configuration key is accepted and then ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import inspect as mi

import llm_gateway
from llm_gateway.config.schema import Sections


def fields(kind: mi.Type, path: str = "") -> Iterator[tuple[str, str]]:
    """Every key of the schema: its path and the attribute that reads it."""
    match kind:
        case mi.Metadata():
            yield from fields(kind.type, path)
        case mi.UnionType():
            for one in kind.types:
                yield from fields(one, path)
        case mi.DictType():
            yield from fields(kind.value_type, f"{path}.*")
        case mi.VarTupleType():
            yield from fields(kind.item_type, f"{path}[]")
        case mi.StructType():
            for field in kind.fields:
                name = f"{path}.{field.name}".lstrip(".")
                yield name, field.name
                yield from fields(field.type, name)


@pytest.mark.skip(reason="the layers that read the configuration are still being written; enabled by the integrator")
def test_every_key_is_read() -> None:
    """Each field of the schema is an attribute that something outside config/ asks for."""
    source = Path(llm_gateway.__file__).parent
    code = "\n".join(file.read_text() for file in source.rglob("*.py") if "config" not in file.relative_to(source).parts)
    unread = sorted({path for path, name in fields(mi.type_info(Sections)) if not re.search(rf"\.{name}\b", code)})
    assert unread == []
