"""POST /ocr (https://docs.mistral.ai/api/endpoint/ocr): one page that says what it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.openai_common import text_of
from llm_gateway.simulator.problems import Front, missing
from llm_gateway.simulator.script import Script


def reply(_script: Script, request: Mapping[str, Any]) -> Reply:
    model = text_of(request, "model")
    document = request.get("document")
    if not isinstance(document, dict):
        raise missing("document", Front.OPENAI)
    page = {
        "index": 0,
        "markdown": f"# Read from a {document.get('type')}",
        "images": [],
        "dimensions": {"dpi": 200, "height": 2200, "width": 1700},
    }
    usage = {"pages_processed": 1, "doc_size_bytes": len(str(document))}
    return Reply({"pages": [page], "model": model, "document_annotation": None, "usage_info": usage})


DIALECT = Dialect(name="mistral_ocr", front=Front.OPENAI, path="/ocr", reply=reply)
