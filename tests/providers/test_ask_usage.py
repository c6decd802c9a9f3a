"""A stream that passes through tells its usage, whether or not its caller asked for it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.core.errors import UpstreamError, UpstreamRejected
from llm_gateway.core.exchange import Exchange
from llm_gateway.core.usage import Usage
from llm_gateway.providers.ask import of_usage
from scripted_upstream import ASK
from scripted_upstream import Upstream as Server
from serving import run
from whole_gateway import BEARER, CHAT, DONE, Answered, answer, chat, event, one_provider, piece, streamed, whole_gateway

ASKED = b'{"stream_options":{"include_usage":true},'
COUNTS = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
TOLD = event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "real", "choices": [], "usage": COUNTS})
SAID = piece("hello") + piece(finish="stop")
USAGE = Usage(input=3, output=2)
UNKNOWN = answer({"error": {"message": 'json: unknown field "stream_options"', "code": "BAD_REQUEST"}}, "400 Bad Request")
OTHER = answer({"error": {"message": "no such thing", "param": "n"}}, "400 Bad Request")


def through(
    *script: Any, body: Any = None, path: str = CHAT, asks: int = 1, **alias: Any
) -> tuple[list[Answered], list[bytes], list[Any]]:
    """The answers, the bodies that the provider saw, and what the ledger was told of the usage of each."""
    told: list[Usage | None] = []
    answers: list[Answered] = []
    seen: list[bytes] = []

    def account(ex: Exchange) -> None:
        told.append(ex.usage)

    async def test() -> None:
        async with Server([ASK, *script]) as server, whole_gateway(one_provider(server.url, **alias)) as gateway:
            gateway.shared.observe.account = account
            asked = chat(stream=True) if body is None else body
            answers.extend([await gateway.post(path, asked, BEARER) for _ in range(asks)])
            seen.extend(data.partition(b"\r\n\r\n")[2] for _, data in server.requests)

    run(test)
    return answers, seen, told


def test_the_usage_is_known_and_not_shown():
    """The provider is asked; the caller gets the bytes of all other events, and its own words are sent as they came."""
    body = b'{ "messages":[{"role":"user","content":"hi"}],\n "stream":true, "x":{"b":1}, "model" : "m" }'
    ((status, _, said),), (sent,), told = through(streamed(SAID, TOLD), body=body)
    assert (status, said) == (200, SAID + DONE)
    assert sent == ASKED + body.replace(b'"m"', b'"real"')[1:]
    assert told == [USAGE]


def test_who_asks_gets_it():
    """Nothing is changed then, in either direction."""
    body = msgspec.json.encode(chat("real", stream=True, stream_options={"include_usage": True}))
    ((_, _, said),), (sent,), told = through(streamed(SAID, TOLD), body=body.replace(b'"real"', b'"m"'))
    assert said == SAID + TOLD + DONE
    assert sent == body
    assert told == [USAGE]


def test_text_completions_do_the_same():
    """The same chunk, the same member."""
    text = event({"id": "c", "choices": [{"index": 0, "text": "hello", "finish_reason": "stop"}]})
    body = {"model": "m", "prompt": "hi", "stream": True}
    ((_, _, said),), (sent,), told = through(streamed(text, TOLD), body=body, path="/v1/completions")
    assert said == text + DONE
    assert sent.startswith(ASKED)
    assert told == [USAGE]


def test_an_answer_that_may_be_gone_on_with_asks_too():
    """Its bytes are written anew, and the usage is not among them."""
    ((_, _, said),), (sent,), told = through(streamed(SAID, TOLD), on_cut="continue")
    assert b"usage" not in said
    assert said.endswith(DONE)
    assert sent.startswith(ASKED)
    assert told == [USAGE]


def test_a_whole_answer_is_not_asked_for():
    """It tells anyway, and stream_options without a stream is refused by OpenAI."""
    _, (sent,), _ = through(OTHER, body=chat())
    assert b"stream_options" not in sent


def test_a_provider_that_refuses_to_be_asked_is_not_asked_again():
    """The caller never hears of it: the same request goes out as it came, and the next one at once."""
    answers, seen, told = through(UNKNOWN, ASK, streamed(SAID), ASK, streamed(SAID), asks=2)
    assert [(status, said) for status, _, said in answers] == [(200, SAID + DONE)] * 2
    assert [b"stream_options" in sent for sent in seen] == [True, False, False]
    assert told == [None, None]


def test_it_is_asked_on_if_that_was_not_the_reason():
    """A request that is refused without the question too says nothing about it; the caller is shown the second refusal."""
    answers, seen, told = through(UNKNOWN, ASK, OTHER, ASK, streamed(SAID, TOLD), asks=2)
    assert [status for status, _, _ in answers] == [400, 200]
    assert b"no such thing" in answers[0][2]
    assert [b"stream_options" in sent for sent in seen] == [True, False, True]
    assert told[-1] == USAGE


def test_a_callers_own_question_is_his_own_matter():
    """The provider's words about it are shown to him."""
    body = chat(stream=True, stream_options={"include_usage": True})
    ((status, _, said),), seen, _ = through(UNKNOWN, body=body)
    assert status == 400
    assert b"unknown field" in said
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("status", "message", "param", "found"),
    [
        (400, "Unknown parameter: 'stream_options'.", "stream_options", True),
        (422, "stream_options.include_usage: Extra inputs are not permitted", None, True),
        (400, "no", "stream_options", True),
        (400, "no", None, False),
        (404, "stream_options", None, False),
    ],
)
def test_the_provider_says_what_it_refuses(status: int, message: str, param: str | None, found: bool):
    """By its name, in the words of a bad request."""
    error = UpstreamRejected(message, param=param)
    error.upstream_status = status
    assert of_usage(error) is found
    assert not of_usage(UpstreamError(message))
