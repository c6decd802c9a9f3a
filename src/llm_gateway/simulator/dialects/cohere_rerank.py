"""POST /v2/rerank as Cohere answers it (docs.cohere.com/reference/rerank): documents that share words with the query first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llm_gateway.simulator.dialects.base import Dialect, Reply
from llm_gateway.simulator.dialects.checks import integer, text
from llm_gateway.simulator.names import uuid_of
from llm_gateway.simulator.problems import Front, missing, out_of_range, wrong_type
from llm_gateway.simulator.script import Script, share

FRONT = Front.COHERE
MAX_DOCUMENTS = 10_000
UNIT = 100  # documents that are billed as one search
_WORD = re.compile(r"\w+")


def reply(script: Script, request: Mapping[str, Any]) -> Reply:
    """Index and relevance of the documents, the most relevant first."""
    text(request, "model", FRONT)
    query, documents = text(request, "query", FRONT), request.get("documents")
    if documents is None:
        raise missing("documents", FRONT)
    if not isinstance(documents, list) or not all(isinstance(item, str) for item in documents):
        raise wrong_type("documents", "array of strings", FRONT)
    if not 0 < len(documents) <= MAX_DOCUMENTS:
        raise out_of_range("documents", f"between 1 and {MAX_DOCUMENTS} are allowed", FRONT)
    most = integer(request, "top_n", 1, FRONT) or len(documents)
    digest = script.digest(request)
    wanted = _words(query)
    scores = [_relevance(wanted, item, f"{script.seed}:{query}") for item in documents]
    ranked = sorted(range(len(documents)), key=lambda index: -scores[index])[:most]
    document = {
        "id": uuid_of(digest),
        "results": [{"index": index, "relevance_score": scores[index]} for index in ranked],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": -(-len(documents) // UNIT)}},
    }
    return Reply(document)


DIALECT = Dialect(name="cohere_rerank", front=FRONT, path="/rerank", reply=reply)


def _words(said: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(said))


def _relevance(wanted: frozenset[str], document: str, source: str) -> float:
    """The share of the query's words that it has, and a little that tells equals apart; below 1."""
    shared = len(wanted & _words(document)) / max(1, len(wanted))
    return round(shared * 0.9 + share(source, document) * 0.09, 8)
