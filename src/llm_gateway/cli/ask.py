"""The command that asks a model through a running gateway."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click
import msgspec

from llm_gateway.cli.gateway import Refused, gateway_options, guarded, send
from llm_gateway.cli.output import Output
from llm_gateway.http.client import Client
from llm_gateway.http.errors import HttpError
from llm_gateway.http.framing.sse import SseReader


@click.command()
@click.argument("message")
@click.option("-m", "--model", required=True, help="The model, as `llm-gateway models` lists it.")
@click.option("-s", "--system", help="A system prompt.")
@click.option("--stream/--no-stream", default=True, show_default=True, help="Show the answer while it is written.")
@click.option("--temperature", type=float)
@click.option("--max-tokens", type=int)
@gateway_options
@click.pass_obj
def chat(
    output: Output,
    message: str,
    model: str,
    system: str | None,
    temperature: float | None,
    max_tokens: int | None,
    url: str,
    api_key: str | None,
    *,
    stream: bool,
) -> None:
    """Ask a model one question through a running gateway."""
    messages = [{"role": "user", "content": message}]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    document: dict[str, Any] = {"model": model, "messages": messages, "stream": stream and not output.as_json}
    if temperature is not None:
        document["temperature"] = temperature
    if max_tokens is not None:
        document["max_tokens"] = max_tokens
    guarded(output, url, _chat(output, url, api_key, document))


async def _chat(output: Output, url: str, api_key: str | None, document: dict[str, Any]) -> None:
    client = Client()
    try:
        response = await send(client, b"POST", url, "/chat/completions", api_key, msgspec.json.encode(document), output)
        if not document["stream"]:
            reply = msgspec.json.decode(await response.read())
            output.show(reply, reply["choices"][0]["message"].get("content") or "")
            return
        printer = _Printer()
        response.stream(printer)
        await printer.over
    finally:
        await client.close()


class _Printer:
    """Writes the text of a stream to the terminal as it comes."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def feed(self, data: bytes) -> None:
        for event in self._reader.feed(data):
            if event.data != b"[DONE]" and not self.over.done():
                self._show(msgspec.json.decode(event.data))

    def _show(self, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            sys.stdout.write("\n")
            self.over.set_exception(Refused(f"The answer broke off: {chunk['error']['message']}"))
            return
        for choice in chunk.get("choices", ()):
            sys.stdout.write(choice["delta"].get("content") or "")
            sys.stdout.flush()

    def end(self) -> None:
        if not self.over.done():
            sys.stdout.write("\n")
            self.over.set_result(None)

    def broken(self, error: HttpError) -> None:
        if not self.over.done():
            self.over.set_exception(error)
