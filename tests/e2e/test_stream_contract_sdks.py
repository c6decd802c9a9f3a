"""Clients as they are published, with an answer that two providers told: none of them minds the seam's mark."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import anthropic
import ollama
import openai
import pytest
from google import genai
from google.genai import types
from langchain_core.messages import AIMessageChunk
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models import _client_utils

from e2e.with_langchain import forget_cached_clients
from providers.legs import stream, texts
from scripted_upstream import ASK, CLOSE, Upstream
from whole_gateway import KEY, LAST, SSE_HEAD, chunk, whole_gateway

SHOWN, WHOLE = "The sky is blue", "The sky is blue because of the air."
ASKED: Any = [{"role": "user", "content": "why?"}]


async def with_openai(url: str) -> str:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1") as client:
        pieces = await client.chat.completions.create(
            model="m", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
        found = [piece async for piece in pieces]
    assert found[-1].usage is not None
    assert sum(piece.choices[0].delta.role is not None for piece in found if piece.choices) == 1
    assert [piece.x_gateway_continued["how"] for piece in found if hasattr(piece, "x_gateway_continued")] == ["verify"]
    return "".join(piece.choices[0].delta.content or "" for piece in found if piece.choices)


async def with_openai_responses(url: str) -> str:
    client = openai.AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1")
    async with client, client.responses.stream(model="m", input="why?") as events:
        text = "".join([event.delta async for event in events if event.type == "response.output_text.delta"])
        assert (await events.get_final_response()).output_text == text
    return text


async def with_anthropic(url: str) -> str:
    client = anthropic.AsyncAnthropic(api_key=KEY, base_url=url)
    async with client, client.messages.stream(model="m", max_tokens=50, messages=ASKED) as events:
        text = "".join([piece async for piece in events.text_stream])
        final = await events.get_final_message()
    assert (final.content[0].text, final.stop_reason) == (text, "end_turn")
    return text


async def with_gemini(url: str) -> str:
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=url)).aio
    pieces = await client.models.generate_content_stream(model="m", contents="why?")
    found = [piece async for piece in pieces]
    await client.aclose()
    assert found[-1].candidates[0].finish_reason == types.FinishReason.STOP
    return "".join(piece.text or "" for piece in found)


async def with_ollama(url: str) -> str:
    client = ollama.AsyncClient(host=url, headers={"Authorization": f"Bearer {KEY}"})
    found = [piece async for piece in await client.chat(model="m", messages=ASKED, stream=True)]
    await client._client.aclose()
    assert found[-1].done
    return "".join(piece.message.content or "" for piece in found)


async def with_langchain(url: str) -> str:
    model = ChatOpenAI(model="m", api_key=KEY, base_url=f"{url}/v1", stream_usage=True)
    found: list[AIMessageChunk] = [piece async for piece in model.astream("why?")]
    await model.root_async_client.close()  # it stands in a cache of the package: another test would find it with a dead loop
    forget_cached_clients(_client_utils)
    return "".join(str(piece.content) for piece in found)


@pytest.mark.parametrize("client", [with_openai, with_openai_responses, with_anthropic, with_gemini, with_ollama, with_langchain])
def test_the_seam_is_nothing_to_a_client(client: Callable[[str], Awaitable[str]]) -> None:
    """One answer, its text whole, its end as of any other."""

    async def main() -> None:
        async with AsyncExitStack() as stack:
            cut = [ASK, SSE_HEAD, chunk(stream("openai_chat", *texts("The sky ", "is blue"), whole=False)), CLOSE]
            whole = [ASK, SSE_HEAD + chunk(stream("openai_chat", *texts("The sky is", " blue because", " of the air."))) + LAST]
            servers = [await stack.enter_async_context(Upstream(script)) for script in (cut, whole)]
            document = {
                "providers": {f"p{n}": {"type": "openai_compatible", "base_url": server.url} for n, server in enumerate(servers)},
                "models": {"m": {"deployments": ["p0/real", "p1/real"], "on_cut": "continue"}},
                "auth": {"keys": [{"name": "tests", "key": KEY}]},
            }
            gateway = await stack.enter_async_context(whole_gateway(document))
            assert await client(f"http://127.0.0.1:{gateway.port}") == WHOLE
            assert gateway.access()[-1]["seams"] == 1

    asyncio.run(asyncio.wait_for(main(), 20))
