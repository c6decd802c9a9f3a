"""What callers and providers call the use of a vector, and the neutral word.

OpenAI has no such member. Its callers say `input_type` (as at Cohere, Voyage and NVIDIA), `task` (Jina) or `task_type`
(Google), with the words of any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llm_gateway.core.embeddings import Task

Words = Mapping[Task, str]

GOOGLE: Words = MappingProxyType(
    {
        "search_document": "RETRIEVAL_DOCUMENT",
        "search_query": "RETRIEVAL_QUERY",
        "classification": "CLASSIFICATION",
        "clustering": "CLUSTERING",
        "similarity": "SEMANTIC_SIMILARITY",
        "question_answering": "QUESTION_ANSWERING",
        "fact_verification": "FACT_VERIFICATION",
        "code_query": "CODE_RETRIEVAL_QUERY",
    }
)
"""https://ai.google.dev/api/embeddings#tasktype"""
COHERE: Words = MappingProxyType(
    {
        "search_document": "search_document",
        "search_query": "search_query",
        "classification": "classification",
        "clustering": "clustering",
    }
)
"""https://docs.cohere.com/reference/embed"""
VOYAGE: Words = MappingProxyType({"search_document": "document", "search_query": "query"})
"""https://docs.voyageai.com/reference/embeddings-api"""
JINA: Words = MappingProxyType(
    {
        "search_document": "retrieval.passage",
        "search_query": "retrieval.query",
        "classification": "classification",
        "clustering": "separation",
        "similarity": "text-matching",
        "code_query": "code.query",
        "code_document": "code.passage",
    }
)
"""https://api.jina.ai/redoc#tag/embeddings"""
_OTHERS: Mapping[str, Task] = MappingProxyType({"passage": "search_document", "retrieval": "search_query"})
_KNOWN: Mapping[str, Task] = MappingProxyType(
    {word.lower(): task for words in (GOOGLE, COHERE, VOYAGE, JINA) for task, word in words.items()}
    | dict(_OTHERS)
    | {task: task for words in (GOOGLE, JINA) for task in words}
)


def task_of(word: str) -> Task | None:
    """The neutral word for anybody's; None for one that nobody has."""
    return _KNOWN.get(word.lower())
