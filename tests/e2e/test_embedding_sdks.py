"""The providers' own SDKs, unmodified, asking for embeddings and an order of documents: their own provider, and all others."""

from __future__ import annotations

from collections.abc import Iterator

import cohere
import ollama
import openai
import pytest
from google import genai
from google.genai import types

from e2e.embedding_world import EMBEDDING, RERANKING, SIZE, expected, running_world
from gateway_process import KEY, GatewayProcess

TEXTS = ["ça va?", "模型"]
SEVERAL = sorted(set(EMBEDDING) - {"titan"})
DOCUMENTS = ["a cat", "the capital of France", "a capital"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with running_world(tmp_path_factory.mktemp("sdks")) as world:
        yield world.gateway


@pytest.fixture(scope="module")
def openai_client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def cohere_client(gateway: GatewayProcess) -> Iterator[cohere.ClientV2]:
    with cohere.ClientV2(api_key=KEY, base_url=gateway.url) as client:
        yield client


@pytest.mark.parametrize("provider", SEVERAL)
def test_openai(openai_client: openai.OpenAI, provider: str) -> None:
    """The SDK asks for base64 by itself, and decodes it to the provider's own numbers."""
    answer = openai_client.embeddings.create(model=f"e-{provider}", input=TEXTS, dimensions=SIZE)
    assert [row.embedding for row in answer.data] == [expected(provider, text) for text in TEXTS]
    assert answer.usage.total_tokens > 0
    assert answer.model


def test_openai_callers_say_what_the_vectors_are_for(openai_client: openai.OpenAI) -> None:
    """As an extra member, in anybody's words."""
    question = openai_client.embeddings.create(model="e-cohere", input="x", extra_body={"input_type": "query"})
    answer = openai_client.embeddings.create(model="e-cohere", input="x", extra_body={"input_type": "RETRIEVAL_DOCUMENT"})
    plain = openai_client.embeddings.create(model="e-cohere", input="x")
    assert question.data[0].embedding != plain.data[0].embedding
    assert answer.data[0].embedding == plain.data[0].embedding


@pytest.mark.parametrize("provider", SEVERAL)
def test_google(gateway: GatewayProcess, provider: str) -> None:
    """One content and several."""
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=gateway.url))
    config = types.EmbedContentConfig(output_dimensionality=SIZE)
    for texts in (TEXTS[:1], TEXTS):
        contents = [types.Content(parts=[types.Part(text=text)]) for text in texts]  # a list of texts may become one content
        answer = client.models.embed_content(model=f"e-{provider}", contents=contents, config=config)
        assert [one.values for one in answer.embeddings or ()] == [expected(provider, text) for text in texts]
    client.close()


@pytest.mark.parametrize("provider", SEVERAL)
def test_ollama(gateway: GatewayProcess, provider: str) -> None:
    """Both operations."""
    client = ollama.Client(host=gateway.url, headers={"Authorization": f"Bearer {KEY}"})
    answer = client.embed(model=f"e-{provider}", input=TEXTS, dimensions=SIZE)
    assert [list(vector) for vector in answer.embeddings] == [expected(provider, text) for text in TEXTS]
    old = client.embeddings(model=f"e-{provider}", prompt=TEXTS[0])
    assert list(old.embedding) == expected(provider, TEXTS[0], len(old.embedding))
    client._client.close()


@pytest.mark.parametrize("provider", sorted(set(SEVERAL) - {"voyage", "jina"}))
def test_cohere(cohere_client: cohere.ClientV2, provider: str) -> None:
    """Floats by type."""
    answer = cohere_client.embed(
        model=f"e-{provider}",
        texts=TEXTS,
        input_type="search_document",
        output_dimension=SIZE,
        embedding_types=["float"],
    )
    assert answer.embeddings.float_ == [expected(provider, text) for text in TEXTS]
    assert answer.texts == TEXTS


@pytest.mark.parametrize("provider", RERANKING)
def test_cohere_reranks(gateway: GatewayProcess, cohere_client: cohere.ClientV2, provider: str) -> None:
    """By its second API, and by its first."""
    answer = cohere_client.rerank(model=f"r-{provider}", query="capital of France", documents=DOCUMENTS, top_n=2)
    assert [result.index for result in answer.results] == [1, 2]
    with cohere.Client(api_key=KEY, base_url=gateway.url) as old:
        first = old.rerank(model=f"r-{provider}", query="capital of France", documents=DOCUMENTS, top_n=2, return_documents=True)
    assert [(result.index, result.document.text) for result in first.results] == [(1, DOCUMENTS[1]), (2, DOCUMENTS[2])]


def test_cohere_is_told_of_errors_as_it_knows_them(cohere_client: cohere.ClientV2) -> None:
    """Its SDK raises by status, with the message."""
    with pytest.raises(cohere.errors.BadRequestError) as caught:
        cohere_client.rerank(model="r-cohere", query="q", documents=[])
    assert "documents" in caught.value.body["message"]
