"""Every way to ask for embeddings and for an order of documents, at every provider: the numbers are the provider's, to the bit."""

from __future__ import annotations

import http.client
import http.server
import struct
import threading
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from e2e.embedding_world import EMBEDDING, RERANKING, SIZE, World, expected, running_world
from gateway_process import KEY, running_gateway

ONE = ("openai", "openai base64", "gemini", "gemini batch", "ollama", "ollama legacy", "cohere")
MANY = ("openai", "openai base64", "gemini batch", "ollama", "cohere")
TEXTS = ["Umlauts äöü", "模型", "plain"]
DOCUMENTS = ["a cat", "the capital of France", "a capital"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(tmp_path_factory.mktemp("embeddings")) as made:
        yield made


def post(world: World, path: str, body: Any) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=10)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    connection.request("POST", path, msgspec.json.encode(body), headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.headers.items()}, msgspec.json.decode(data)


def asked(front: str, model: str, texts: list[str]) -> tuple[str, dict[str, Any]]:
    match front:
        case "openai" | "openai base64":
            more = {"encoding_format": "base64"} if front != "openai" else {}
            return "/v1/embeddings", {"model": model, "input": texts, "dimensions": SIZE, **more}
        case "gemini":
            body = {"content": {"parts": [{"text": texts[0]}]}, "output_dimensionality": SIZE}
            return f"/v1beta/models/{model}:embedContent", body
        case "gemini batch":
            items = [
                {"model": f"models/{model}", "content": {"parts": [{"text": text}]}, "outputDimensionality": SIZE}
                for text in texts
            ]
            return f"/v1beta/models/{model}:batchEmbedContents", {"requests": items}
        case "ollama":
            return "/api/embed", {"model": model, "input": texts, "dimensions": SIZE}
        case "ollama legacy":
            return "/api/embeddings", {"model": model, "prompt": texts[0]}
        case _:
            return "/v2/embed", {"model": model, "texts": texts, "input_type": "search_document", "output_dimension": SIZE}


def vectors(front: str, document: Any) -> list[list[float]]:
    match front:
        case "openai":
            return [row["embedding"] for row in document["data"]]
        case "openai base64":
            packed = [b64decode(row["embedding"]) for row in document["data"]]
            return [list(struct.unpack(f"<{len(data) // 4}f", data)) for data in packed]
        case "gemini":
            return [document["embedding"]["values"]]
        case "gemini batch":
            return [row["values"] for row in document["embeddings"]]
        case "ollama":
            return list(document["embeddings"])
        case "ollama legacy":
            return [document["embedding"]]
        case _:
            return list(document["embeddings"]["float"])


@pytest.mark.parametrize("provider", EMBEDDING)
@pytest.mark.parametrize("front", ONE)
def test_one_text(world: World, front: str, provider: str) -> None:
    """Its vector comes back as the provider made it; a provider that says nothing of tokens has an estimate that says so."""
    path, body = asked(front, f"e-{provider}", TEXTS[:1])
    status, headers, document = post(world, path, body)
    assert status == 200, document
    task = "search_document" if front == "cohere" else None
    assert_vectors(provider, vectors(front, document), TEXTS[:1], task, sized=front != "ollama legacy")
    if front == "openai":
        assert document["usage"]["prompt_tokens"] > 0
        assert headers.get("x-gateway-estimated") == ("true" if provider == "bedrock" else None)


@pytest.mark.parametrize("provider", EMBEDDING)
@pytest.mark.parametrize("front", MANY)
def test_many_texts(world: World, front: str, provider: str) -> None:
    """Their vectors stand in the order of the texts; Titan, which embeds one at a time, refuses by the caller's own path."""
    path, body = asked(front, f"e-{provider}", TEXTS)
    status, _, document = post(world, path, body)
    if provider == "titan":
        assert status == 400
        assert "one text at a time" in msgspec.json.encode(document).decode()
        return
    assert status == 200, document
    assert_vectors(provider, vectors(front, document), TEXTS, "search_document" if front == "cohere" else None)


def assert_vectors(provider: str, found: list[list[float]], texts: list[str], task: str | None, *, sized: bool = True) -> None:
    """Voyage and Jina make another vector of a text that is said to be a document."""
    if task is not None and provider in ("voyage", "jina"):
        assert [len(vector) for vector in found] == [SIZE] * len(texts)
        assert len({tuple(vector) for vector in found}) == len(texts)
        return
    size = SIZE if sized else len(found[0])
    assert found == [expected(provider, text, size) for text in texts]


@pytest.mark.parametrize("provider", sorted(set(EMBEDDING) - {"openai", "ollama", "vertex"}))
def test_tokens_are_refused_where_there_are_only_texts(world: World, provider: str) -> None:
    """With the path of the first."""
    status, _, document = post(world, "/v1/embeddings", {"model": f"e-{provider}", "input": [[1, 2], [3]]})
    assert status == 400
    assert document["error"]["param"] in ("input[0]", "input[1]")


def test_what_a_provider_has_no_place_for_is_named(world: World) -> None:
    """By the caller's own names; a use of the vectors that both know crosses."""
    body = {"model": "e-ollama", "input": "x", "user": "u", "input_type": "query"}
    _, headers, _ = post(world, "/v1/embeddings", body)
    assert headers["x-provider"] == "e-ollama"
    body = {"content": {"parts": [{"text": "what it is for"}]}, "taskType": "RETRIEVAL_QUERY", "title": "t"}
    _, headers, _ = post(world, "/v1beta/models/e-openai:embedContent", body)
    assert headers["x-gateway-dropped"] == "taskType, title"
    _, headers, _ = post(world, "/v1beta/models/e-cohere:embedContent", body)
    assert headers["x-gateway-dropped"] == "title"
    asked = [seen for seen in world.simulator.requests if b"what it is for" in seen.body]
    (seen,) = [seen for seen in asked if b'"input_type":"search_query"' in seen.body]
    assert seen.target.startswith("/e-cohere/")


def test_other_numbers_than_floats(world: World) -> None:
    """Come from who has them, as integers, and are refused elsewhere."""
    body = {"model": "e-voyage", "input": "x", "output_dtype": "int8", "encoding_format": "base64"}
    status, _, document = post(world, "/v1/embeddings", body)
    assert status == 200
    assert all(isinstance(number, int) for number in document["data"][0]["embedding"])
    status, _, document = post(world, "/v1/embeddings", body | {"model": "e-gemini"})
    assert (status, document["error"]["param"]) == (400, "output_dtype")
    body = {"model": "e-cohere", "texts": ["x"], "input_type": "search_query", "embedding_types": ["int8", "binary"]}
    status, _, document = post(world, "/v2/embed", body)
    assert sorted(document["embeddings"]) == ["binary", "int8"]


@pytest.mark.parametrize("provider", RERANKING)
@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_rerank(world: World, path: str, provider: str) -> None:
    """The order and the best few; the caller's path decides the answer's shape."""
    body = {"model": f"r-{provider}", "query": "capital of France", "documents": DOCUMENTS, "top_n": 2}
    status, headers, document = post(world, path, body)
    assert status == 200, document
    assert headers.get("x-gateway-dropped") is None
    assert [row["index"] for row in document["results"]] == [1, 2]
    assert all(0 <= row["relevance_score"] < 1 for row in document["results"])
    if path == "/v2/rerank":
        assert document["id"]
        assert "version" in document["meta"]["api_version"]
    elif provider == "cohere":
        assert document["meta"]["billed_units"] == {"search_units": 1}
        assert document["model"] == "rerank-v3.5"
    else:
        assert document["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("provider", RERANKING)
def test_documents_come_back_as_they_were_given(world: World, provider: str) -> None:
    """Texts and objects, with what else was in them; what does not cross is named."""
    documents = [{"text": DOCUMENTS[0]}, {"text": DOCUMENTS[1], "title": "Paris"}, DOCUMENTS[2]]
    body = {
        "model": f"r-{provider}",
        "query": "capital of France",
        "documents": documents[:2] if provider in ("jina", "vllm", "together", "llamacpp") else documents,
        "top_n": 1,
        "return_documents": True,
        "max_tokens_per_doc": 9,
    }
    if provider in ("jina", "vllm", "together", "llamacpp"):
        body.pop("max_tokens_per_doc")
    status, headers, document = post(world, "/v1/rerank", body)
    assert status == 200, document
    assert document["results"][0]["document"]["text"] == DOCUMENTS[1]
    assert headers.get("x-gateway-dropped") == ("max_tokens_per_doc" if provider == "voyage" else None)


def test_a_version_header_and_errors_of_cohere(world: World) -> None:
    """Cohere's second version is not one of this API's, and errors there have Cohere's shape."""
    status, _, document = post(world, "/v2/rerank", {"model": "r-cohere", "query": "q", "documents": []})
    assert (status, document["message"].startswith("Invalid value for documents")) == (400, True)
    status, _, document = post(world, "/v1/rerank", {"model": "r-cohere", "query": "q", "documents": [{"image": "x"}]})
    assert (status, document["error"]["param"]) == (400, "documents[0]")


class OneVector(http.server.BaseHTTPRequestHandler):
    """A provider that embeds only the first text, or ranks a document that there is not."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        wrong = b'{"results":[{"index":7,"relevance_score":0.5}]}'
        body = wrong if self.path.endswith("rerank") else b'{"embeddings":{"float":[[1.5]]}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is said."""


def test_an_answer_to_something_else_is_none(tmp_path: Path) -> None:
    """Too few vectors, or an order of other documents: a provider's error, never somebody else's numbers."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneVector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        provider = {"type": "cohere", "base_url": f"http://127.0.0.1:{server.server_port}/v2", "api_key": "sk-secret-0123456789"}
        models = {"m": {"deployments": ["p/m"], "retries": 0}}
        with running_gateway({"providers": {"p": provider}, "models": models}, tmp_path) as gateway:
            made = World(None, gateway)  # type: ignore[arg-type]
            embedded = post(made, "/v1/embeddings", {"model": "m", "input": TEXTS})
            ranked = post(made, "/v1/rerank", {"model": "m", "query": "q", "documents": DOCUMENTS})
        server.shutdown()
    assert (embedded[0], ranked[0]) == (502, 502), (embedded, ranked)
    assert "1 embeddings for 3 inputs" in embedded[2]["error"]["message"]
