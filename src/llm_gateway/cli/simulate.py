"""The simulator by itself."""

from __future__ import annotations

import click


@click.command()
@click.option("-p", "--port", default=9010, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--seed", default=0, show_default=True, help="The same seed and requests give the same answers.")
@click.option("--tokens-per-second", type=float, help="Pace of streamed tokens; all at once when absent.")
@click.option("--fault", help="What goes wrong with every request, for example 503:times=2 or stall:after=200,secs=5.")
@click.option("--faults", "list_faults", is_flag=True, help="List the faults it knows, and end.")
def simulate(port: int, seed: int, tokens_per_second: float | None, fault: str | None, *, list_faults: bool) -> None:
    """Run a fake provider: OpenAI and Anthropic dialects, scripted answers, faults on demand.

    Point a provider's base_url at it, http://127.0.0.1:9010/v1, or at /f/FAULT/v1 for one that fails.
    GET /__simulator/log shows what it saw.
    """
    raise NotImplementedError((port, seed, tokens_per_second, fault, list_faults))
