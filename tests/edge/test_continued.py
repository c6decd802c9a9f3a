from __future__ import annotations

from typing import Any

import msgspec
import pytest

from edge.continued_world import LAST, play, stream_of
from edge.responses_world import OTHER, call, configuration, create, error_of, made, said, sent
from scripted_upstream import ASK, Upstream
from serving import run
from whole_gateway import SSE_HEAD, answer, chunk, whole_gateway
from whole_gateway import said as said_in_chat

pytestmark = pytest.mark.usefixtures("every_store")


@pytest.mark.parametrize(
    ("keys", "section", "passed"),
    [(1, {}, True), (2, {}, False), (2, {"unknown_ids": "pass"}, True), (1, {"unknown_ids": "refuse"}, False)],
)
def test_an_id_that_the_gateway_does_not_have(keys, section, passed):
    """A provider may know it, whose account all callers share: with several keys it is asked only if that is wished (C25)."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        status, _, body = await create(gateway, previous_response_id="resp_0")
        assert status == (200 if passed else 404)
        if passed:
            assert sent(upstream.requests[0][1])["previous_response_id"] == "resp_0"
            assert msgspec.json.decode(body)["id"] == "resp_1"
        else:
            assert upstream.requests == []
            told = error_of((status, {}, body))
            assert (told["code"], told["param"], told["type"]) == (
                "previous_response_not_found",
                "previous_response_id",
                "invalid_request_error",
            )
        assert (await create(gateway, "c", previous_response_id="resp_0"))[0] == 404

    play([said()], test, keys=keys, responses=section)


def test_an_endless_id_is_not_said_again():
    """An error is no place to keep what a caller sent."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        status, _, body = await create(gateway, "c", previous_response_id="\x00" * 100_000)
        assert status == 404
        assert len(body) < 4096

    play([], test)


def test_what_came_of_an_unknown_id_is_continued_at_that_provider():
    """By its id: only the provider knows what was before. Nobody else can go on from it, and the caller is told why."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway, previous_response_id="resp_0")
        assert (await create(gateway, previous_response_id="resp_1"))[0] == 200
        assert sent(upstream.requests[1][1])["previous_response_id"] == "resp_1"
        for model in "nc":
            answered = await create(gateway, model, previous_response_id="resp_1")
            assert answered[0] == 400
            assert "here" in error_of(answered)["message"]
        assert len(upstream.requests) == 2

    play([said(), said("resp_2")], test)


def test_the_next_candidate_is_given_its_own_body():
    """Reasoning that the first provider keeps goes to it alone; after its failure the second one is asked without, and it shows."""
    reasoning = {"id": "rs_1", "type": "reasoning", "summary": []}
    message = made()["output"][0]

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway)
        status, headers, _ = await create(gateway, "both", previous_response_id="resp_1")
        assert status == 200
        assert headers[b"x-gateway-dropped"] == b"input[1]"
        first, second = (sent(request)["input"] for _, request in upstream.requests[1:])
        assert first == [
            {"type": "message", "role": "user", "content": "hi"},
            reasoning,
            message,
            {"type": "message", "role": "user", "content": "hi"},
        ]
        assert second == [first[0], *first[2:]]
        strict = await create(gateway, "n", previous_response_id="resp_1", headers=_BEARER + "X-Gateway-Strict: true\r\n")
        assert strict[0] == 400

    document = {"deployments": ["here/x", "there/x"], "retries": 0}

    async def main() -> None:
        script = [ASK, said(output=[reasoning, message]), ASK, answer({}, "503 Down"), ASK, said("resp_2")]
        async with Upstream(script) as upstream:
            config = configuration(upstream.url)
            config["models"]["both"] = document
            async with whole_gateway(config) as gateway:
                await test(gateway, upstream)

    run(main)


_BEARER = "Authorization: Bearer sk-gateway-tests-0123456789\r\n"


@pytest.mark.parametrize(("auth", "passed"), [({}, True), ({"required": False}, False)])
def test_who_needs_no_key_is_a_caller_too(auth, passed):
    """With one key and strangers besides, an id that the gateway does not have may be the other's (C25)."""

    async def main() -> None:
        async with Upstream([ASK, said()]) as upstream:
            config = configuration(upstream.url)
            config["auth"] |= auth
            async with whole_gateway(config) as gateway:
                answered = await create(gateway, previous_response_id="resp_0", headers=_BEARER)
                assert answered[0] == (200 if passed else 404)

    run(main)


@pytest.mark.parametrize(("section", "passed"), [({}, False), ({"unknown_ids": "pass"}, True)])
def test_a_conversation_may_be_another_keys(section, passed):
    """The provider keeps one account for all of them: it is asked only if that is wished (C25)."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        answered = await create(gateway, conversation="conv_1")
        assert answered[0] == (200 if passed else 400)
        assert passed or (error_of(answered)["param"], upstream.requests) == ("conversation", [])

    play([said()], test, keys=2, responses=section)


def test_a_provider_that_gives_one_id_twice():
    """An answer that would go on from itself is not continued; nothing turns in circles."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway)
        assert (await create(gateway, previous_response_id="resp_1"))[0] == 200
        assert (await create(gateway, previous_response_id="resp_1"))[0] == 404

    play([said(), said()], test)


def test_a_stream_that_breaks_is_not_kept():
    """Only a response.completed or .incomplete makes a response; one that arrived in pieces of any size does."""
    stream = stream_of("resp_1", "hello")

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway, stream=True)
        assert (await call(gateway, "GET", "/v1/responses/resp_1"))[0] == 404

    cut = SSE_HEAD + chunk(*stream[:-1]) + LAST
    play([cut], test)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_a_stream_that_passes_is_kept_and_names_what_it_goes_on_from(end, status):
    """Whatever its line ends; everything else of its events is as the provider wrote it."""
    first, second = stream_of("resp_1", "hello"), stream_of("resp_2", 'a "previous_response_id": null', status)

    async def test(gateway: Any, _upstream: Upstream) -> None:
        await create(gateway, stream=True)
        _, _, body = await create(gateway, stream=True, previous_response_id="resp_1")
        expected = b"".join(second).replace(b'"previous_response_id":null', b'"previous_response_id":"resp_1"')
        assert body == expected.replace(b"\n", end)
        _, _, kept = await call(gateway, "GET", "/v1/responses/resp_2")
        assert msgspec.json.decode(kept)["previous_response_id"] == "resp_1"
        assert msgspec.json.decode(kept)["status"] == status

    play([SSE_HEAD + chunk(b"".join(one).replace(b"\n", end)) + LAST for one in (first, second)], test)


def test_other_dialects_names_for_a_response_are_not_taken_over():
    """A Chat server that calls all its answers the same gives responses of their own all the same."""

    async def test(gateway: Any, _upstream: Upstream) -> None:
        answers = [msgspec.json.decode((await create(gateway, "c"))[2]) for _ in range(2)]
        assert len({one["id"] for one in answers}) == 2
        for one in answers:
            assert (await call(gateway, "GET", f"/v1/responses/{one['id']}"))[0] == 200
            assert (await call(gateway, "GET", f"/v1/responses/{one['id']}", f"x-api-key: {OTHER}\r\n"))[0] == 404

    play([said_in_chat(), said_in_chat()], test, keys=2)


@pytest.mark.parametrize(("summary", "left_out"), [([], True), ([{"type": "summary_text", "text": "so"}], False)])
def test_a_summary_says_something_to_others(summary, left_out):
    """It is text like any other; reasoning without a word of it is named as left out."""
    reasoning = {"id": "rs_1", "type": "reasoning", "summary": summary}

    async def test(gateway: Any, upstream: Upstream) -> None:
        await create(gateway)
        status, headers, _ = await create(gateway, "g", previous_response_id="resp_1")
        assert status == 200
        assert headers.get(b"x-gateway-dropped") == (b"input[1]" if left_out else None)
        told = sent(upstream.requests[1][1])["messages"][1]
        assert told.get("reasoning_content") == (None if left_out else "so")

    play([said(output=[reasoning, made()["output"][0]]), said_in_chat()], test)


def test_a_reference_to_an_item_of_the_gateways_own_is_that_item():
    """Clients that send references instead of items (Vercel's) go on at providers that have no store; another key's are not there."""

    async def test(gateway: Any, upstream: Upstream) -> None:
        first = msgspec.json.decode((await create(gateway, "c"))[2])
        item = first["output"][0]
        words = [
            {"role": "user", "content": "one"},
            {"type": "item_reference", "id": item["id"]},
            {"role": "user", "content": "two"},
        ]
        assert (await create(gateway, "c", input=words))[0] == 200
        assert [message["content"] for message in sent(upstream.requests[1][1])["messages"]] == ["one", "Hello!", "two"]
        for strange in (item["id"] + "0", "msg__0", "x" * 5000):
            words[1]["id"] = strange
            refused = await create(gateway, "c", input=words)
            assert (refused[0], error_of(refused)["param"]) == (400, "input[1]")
        words[1]["id"] = item["id"]
        assert (await create(gateway, "c", headers=f"Authorization: Bearer {OTHER}\r\n", input=words))[0] == 400

    play([said_in_chat("Hello!"), said_in_chat("Bye!")], test, keys=2)
