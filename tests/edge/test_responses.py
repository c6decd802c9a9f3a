from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from edge.responses_world import call, configuration, create, error_of, said
from scripted_upstream import ASK, Upstream
from serving import run
from whole_gateway import answer, whole_gateway

pytestmark = pytest.mark.usefixtures("every_store")

ONE = "/v1/responses/resp_1"


def play(answers: list[Any], test: Any, **options: Any) -> None:
    """Runs `test(gateway, upstream)` before a provider that gives these answers in turn."""

    async def main() -> None:
        script = [step for one in answers for step in (ASK, one)]
        async with Upstream(script) as upstream, whole_gateway(configuration(upstream.url, **options)) as gateway:
            await test(gateway, upstream)

    run(main)


def line(upstream: Upstream) -> bytes:
    """The request line of the last request that the provider read."""
    return upstream.requests[-1][1].partition(b" HTTP/")[0]


@pytest.mark.parametrize("status", ["204 No Content", "200 OK", "404 Not Found", "405 Not Allowed"])
def test_deleting_deletes_the_providers_copy(status):
    """First; a provider that has none says so in some way."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway)
        code, _, body = await call(gateway, "DELETE", ONE)
        assert line(upstream) == b"DELETE /v1/responses/resp_1"
        assert b"authorization: bearer sk-provider-secret" in upstream.requests[-1][1].lower()
        assert (code, msgspec.json.decode(body)) == (200, {"id": "resp_1", "object": "response.deleted", "deleted": True})
        assert (await call(gateway, "DELETE", ONE))[0] == 404

    last = b"HTTP/1.1 204 No Content\r\n\r\n" if status.startswith("204") else answer({}, status)
    play([said(), last], test)


@pytest.mark.parametrize("last", [answer({}, "500 Broken"), answer({}, "401 No")])
def test_what_the_provider_did_not_delete_is_not_said_to_be(last):
    """The caller can try again."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway)
        assert (await call(gateway, "DELETE", ONE))[0] >= 500
        assert (await call(gateway, "GET", ONE))[0] == 200

    play([said(), last], test)


def test_a_response_in_the_background_is_asked_for_until_it_is_done():
    """Then it is kept like any other; cancelling goes to its provider."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway, background=True)
        _, _, body = await call(gateway, "GET", ONE)
        assert msgspec.json.decode(body)["status"] == "in_progress"
        assert line(upstream) == b"GET /v1/responses/resp_1"
        status, _, body = await call(gateway, "POST", ONE + "/cancel")
        assert line(upstream) == b"POST /v1/responses/resp_1/cancel"
        assert (status, msgspec.json.decode(body)["status"]) == (200, "cancelled")
        asked = len(upstream.requests)
        assert msgspec.json.decode((await call(gateway, "GET", ONE))[2])["status"] == "cancelled"
        assert len(upstream.requests) == asked
        answered = await call(gateway, "POST", ONE + "/cancel")
        assert (answered[0], error_of(answered)["type"]) == (400, "invalid_request_error")

    play([said(status="queued"), said(status="in_progress"), said(status="cancelled")], test)


def test_the_providers_word_on_a_response_in_the_background():
    """Its refusal is passed on; its failures are the gateway's to tell."""
    refusal = {"error": {"message": "gone", "type": "invalid_request_error", "param": None, "code": None}}

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway, background=True)
        answered = await call(gateway, "GET", ONE)
        assert (answered[0], error_of(answered)) == (404, refusal["error"])
        for _ in failures:
            status, _, body = await call(gateway, "GET", ONE)
            assert status == 502
            assert b"sk-provider" not in body
        assert msgspec.json.decode((await call(gateway, "GET", ONE))[2])["id"] == "resp_2"
        assert msgspec.json.decode((await call(gateway, "GET", ONE))[2])["id"] == "resp_1"

    key = {"error": {"message": "wrong key sk-provider-secret"}}
    ours = [answer(key, status) for status in ("401 No", "403 No", "429 Slow")]  # about the gateway's account, not the caller
    failures = [answer({}, "500 Broken"), answer(b"<html>", "400 Bad"), *ours]
    play([said(status="queued"), answer(refusal, "404 Gone"), *failures, said("resp_2"), said("resp_1")], test)


def test_an_id_is_one_segment_of_a_path():
    """Whatever a provider calls its responses, no other path of its API is asked for one."""
    ident = "a/../../files?x=%2e"

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway)
        status, _, body = await call(gateway, "DELETE", f"/v1/responses/{quote(ident, safe='')}")
        assert (status, msgspec.json.decode(body)["id"]) == (200, ident)
        assert line(upstream) == b"DELETE /v1/responses/a%2F..%2F..%2Ffiles%3Fx%3D%252e"

    play([said(ident), answer({})], test)


def test_input_that_only_the_provider_knows_is_listed_by_it():
    """A conversation that lies in its store, with the caller's paging."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway, conversation="conv_1")
        status, _, body = await call(gateway, "GET", ONE + "/input_items?limit=5&order=asc")
        assert line(upstream) == b"GET /v1/responses/resp_1/input_items?limit=5&order=asc"
        assert (status, body) == (200, b'{"data":[]}')

    play([said(), answer({"data": []})], test)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_the_input_are_the_whole_input(order):
    """Each item once, with one id wherever it is listed, whatever it is and whether it has an id of its own."""
    items: list[Any] = [
        {"type": "message", "role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"id": "mine", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "c"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "d"},
        {"id": 5, "type": "message", "role": "user", "content": "e"},
    ]

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway, input=items)
        pages, after, more = [], "", True
        while more:
            _, _, body = await call(gateway, "GET", f"{ONE}/input_items?order={order}&limit=2{after}")
            page = msgspec.json.decode(body)
            pages += page["data"]
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
            after, more = f"&after={page['last_id']}", page["has_more"]
        if order == "desc":
            pages.reverse()
        kinds = [(row["id"], row["type"]) for row in pages]
        assert kinds == [
            ("msg_1_0", "message"),
            ("msg_1_1", "message"),
            ("mine", "message"),
            ("fc_1_3", "function_call"),
            ("item_1_4", "function_call_output"),
            ("item_1_5", "unknown"),
        ]
        assert [row.get("content") for row in pages[:3]] == [
            [{"type": "input_text", "text": "a"}],
            [{"type": "output_text", "text": "b", "annotations": []}],
            items[2]["content"],
        ]

    play([said()], test)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/input_items?limit=0", "limit"),
        ("/input_items?limit=101", "limit"),
        ("/input_items?order=up", "order"),
        ("/input_items?after=x", "after"),
        ("?stream=true", "stream"),
    ],
)
def test_what_makes_no_sense_is_refused(path, param):
    """Naming the parameter."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway)
        answered = await call(gateway, "GET", ONE + path)
        assert (answered[0], error_of(answered)["param"]) == (400, param)

    play([said()], test)


def test_methods_and_paths():
    """405 names what there is; a path below that is none is 404; HEAD and a path without its version are as GET."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway)
        for method, path, allow in (
            ("PUT", ONE, b"GET, HEAD, DELETE, OPTIONS"),
            ("POST", ONE, b"GET, HEAD, DELETE, OPTIONS"),
            ("GET", ONE + "/cancel", b"POST, OPTIONS"),
            ("DELETE", ONE + "/input_items", b"GET, HEAD, OPTIONS"),
        ):
            status, headers, _ = await call(gateway, method, path)
            assert status == 405
            if method != "PUT":
                assert headers[b"allow"] == allow
        assert (await call(gateway, "GET", ONE + "/other"))[0] == 404
        assert (await call(gateway, "GET", "/responses/resp_1"))[0] == 200
        assert (await call(gateway, "GET", ONE, ""))[0] == 401

    play([said()], test)
