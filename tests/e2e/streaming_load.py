"""Callers that must not notice anything: streams that run, and short requests without pause. Everything that goes wrong is kept."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self

import httpx
import msgspec

from gateway_process import KEY

HEADERS = {"Authorization": f"Bearer {KEY}"}


class Callers:
    """In a thread of its own. As a context: `streams` of them run when it is entered; at its end all must have ended."""

    def __init__(self, url: str, streams: int, tokens: int, *, short: int = 4) -> None:
        """`tokens` of each stream; `short`: callers that ask small questions one after the other, on new and kept connections."""
        self.url, self.streams, self.tokens, self.short = url, streams, tokens, short
        self.whole = 0
        self.answered = 0
        self.begun = 0
        self.wrong: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        for _ in range(600):
            if self.begun == self.streams and self.answered > 0:
                return self
            self._over.wait(0.05)
        self._over.set()
        raise AssertionError(f"only {self.begun} of {self.streams} streams began: {self.wrong[:3]}")

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    def stop_short(self) -> None:
        """No more short requests."""
        self._over.set()

    def right(self) -> None:
        """To call behind the context: nobody noticed anything."""
        assert self.wrong == []
        assert self.whole == self.streams
        assert not self._thread.is_alive()

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60, limits=limits, headers=HEADERS) as client:
            await asyncio.gather(
                *(self._stream(client, number) for number in range(self.streams)),
                *(self._short(client, fresh=bool(number % 2)) for number in range(self.short)),
            )

    async def _stream(self, client: httpx.AsyncClient, number: int) -> None:
        await asyncio.sleep(number * 0.004)
        content, done = 0, False
        try:
            async with client.stream(
                "POST", "/v1/chat/completions", json=_asked(f"{number} [tokens={self.tokens}]", stream=True)
            ) as reply:
                if reply.status_code != 200:
                    self.wrong.append(f"stream {number}: {reply.status_code} {await reply.aread()!r}")
                    return
                async for line in reply.aiter_lines():
                    if line == "data: [DONE]":
                        done = True
                    elif line.startswith("data: "):
                        choices = msgspec.json.decode(line[6:]).get("choices")
                        if choices and choices[0]["delta"].get("content"):
                            content += 1
                            self.begun += content == 1
        except httpx.HTTPError as error:
            self.wrong.append(f"stream {number}: {type(error).__name__} after {content} tokens")
            return
        if done and content == self.tokens:
            self.whole += 1
        else:
            self.wrong.append(f"stream {number}: {content} tokens, {'ended' if done else 'cut'}")

    async def _short(self, client: httpx.AsyncClient, *, fresh: bool) -> None:
        more = {"Connection": "close"} if fresh else {}
        while not self._over.is_set():
            try:
                reply = await client.post("/v1/chat/completions", json=_asked("[tokens=1]"), headers=more)
            except httpx.HTTPError as error:
                self.wrong.append(f"short: {type(error).__name__} {error}")
                return
            if reply.status_code != 200:
                self.wrong.append(f"short: {reply.status_code} {reply.text[:200]}")
                return
            self.answered += 1
            await asyncio.sleep(0.005)


def _asked(text: str, *, stream: bool = False) -> dict[str, Any]:
    return {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
