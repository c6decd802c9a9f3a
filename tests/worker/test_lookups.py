from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge.responses_world import call
from llm_gateway.worker.world import looked_up_world
from serving import run
from whole_gateway import BEARER, KEY, one_provider, whole_gateway

GOOGLE = f"x-goog-api-key: {KEY}\r\n"


def ask(method: str, path: str, headers: str = BEARER) -> tuple[int, dict[bytes, bytes], Any]:
    """What a gateway with the model "m" answers; JSON is read."""
    found: list[Any] = []

    async def main() -> None:
        config = one_provider("http://127.0.0.1:1")
        config["providers"]["a"]["models"] = ["real"]
        async with whole_gateway(config) as gateway:
            found.append(await call(gateway, method, path, headers))

    run(main)
    status, lines, body = found[0]
    json = lines.get(b"content-type") == b"application/json" and method != "HEAD"
    return status, lines, msgspec.json.decode(body) if json else body


@pytest.mark.parametrize("path", ["/v1beta/models", "/v1alpha/models"])
@pytest.mark.parametrize("by", ["header", "query", "bearer"])
def test_googles_paths(path, by):
    """With a key wherever Google's clients put it."""
    headers = {"header": GOOGLE, "query": "", "bearer": BEARER}[by]
    query = f"?key={KEY}" if by == "query" else ""
    status, _, body = ask("GET", path + query, headers)
    assert (status, [model["name"] for model in body["models"]]) == (200, ["models/m", "models/a/real"])
    assert ask("GET", f"{path}/a/real{query}", headers)[2]["name"] == "models/a/real"
    status, _, body = ask("GET", f"{path}/nobody{query}", headers)
    assert (status, body["error"]["status"]) == (404, "NOT_FOUND")
    status, _, body = ask("GET", path, "")
    assert (status, body["error"]["code"]) == (401, 401)


def test_a_path_of_two_apis():
    """/v1/models is OpenAI's unless Google's SDK asks, or a key comes as Google's does; errors likewise."""
    assert ask("GET", "/v1/models")[2]["object"] == "list"
    assert ask("GET", "/models")[2]["object"] == "list"
    assert ask("GET", "/v1/models/m")[2]["object"] == "model"
    for headers in (GOOGLE, BEARER + "x-goog-api-client: google-genai-sdk/2.0\r\n"):
        assert ask("GET", "/v1/models", headers)[2]["models"][0]["name"] == "models/m"
        assert ask("GET", "/v1/models/m", headers)[2]["name"] == "models/m"
        assert ask("GET", "/v1/models/x", headers)[2]["error"]["status"] == "NOT_FOUND"
    assert ask("GET", "/v1/models/a:b")[2]["error"]["type"] == "not_found_error"
    for operation in ("nothingContent", "generateContent"):
        assert ask("POST", f"/v1/models/m:{operation}", "")[2]["error"].keys() >= {"code", "message", "status"}


def test_ollamas_paths():
    """What its clients look for first needs no key; what tells of models does; errors are Ollama's."""
    assert ask("GET", "/", "")[::2] == (200, b"Ollama is running")
    assert ask("GET", "/api/version", "")[0] == 200
    assert ask("GET", "/api/ps")[2] == {"models": []}
    assert [model["name"] for model in ask("GET", "/api/tags")[2]["models"]] == ["m", "a/real"]
    for path in ("/api/tags", "/api/ps"):
        status, _, body = ask("GET", path, "")
        assert (status, list(body)) == (401, ["error"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/pull"),
        ("POST", "/api/push"),
        ("POST", "/api/create"),
        ("POST", "/api/copy"),
        ("DELETE", "/api/delete"),
        ("POST", "/api/blobs/sha256:00"),
    ],
)
def test_what_ollama_does_and_a_gateway_does_not(method, path):
    """Refused in its error's shape."""
    status, _, body = ask(method, path)
    assert (status, list(body)) == (400, ["error"])
    assert "configured" in body["error"]


def test_control_cannot_look_up_responses():
    """They are what the model operations left, and are not looked at from there."""

    async def main() -> None:
        async with whole_gateway(one_provider("http://127.0.0.1:1")) as gateway:
            gateway.app.world = looked_up_world(gateway.app.world)
            status, _, body = await call(gateway, "GET", "/v1/responses/x")
            assert (status, msgspec.json.decode(body)["error"]["code"]) == (404, "not_found")
            assert (await call(gateway, "GET", "/v1beta/models"))[0] == 200

    run(main)
