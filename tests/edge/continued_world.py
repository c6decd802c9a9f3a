"""A gateway before a provider that gives its answers in turn."""

from __future__ import annotations

from typing import Any

from edge.responses_world import configuration, made
from llm_gateway.core.clock import FakeClock
from scripted_upstream import ASK, Upstream
from serving import run
from whole_gateway import event, whole_gateway

LAST = b"0\r\n\r\n"


def play(answers: list[bytes], test: Any, *, clock: FakeClock | None = None, **options: Any) -> None:
    """Runs `test(gateway, upstream)` before a provider that gives these answers in turn."""

    async def main() -> None:
        script = [step for one in answers for step in (ASK, one)]
        async with Upstream(script) as upstream, whole_gateway(configuration(upstream.url, **options), clock=clock) as gateway:
            await test(gateway, upstream)

    run(main)


def stream_of(ident: str, text: str, status: str = "completed") -> list[bytes]:
    """The events of a provider's stream."""
    begun = made(ident, status="in_progress")
    whole = made(ident, text) | {"status": status}
    documents: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun, "sequence_number": 0},
        {"type": "response.output_text.delta", "delta": text, "sequence_number": 1, "item_id": "a", "output_index": 0},
        {"type": f"response.{status}", "response": whole, "sequence_number": 2},
    ]
    return [event(document) for document in documents]
