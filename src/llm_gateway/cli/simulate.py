"""The simulator by itself."""

from __future__ import annotations

import click

from llm_gateway.cli.output import Output
from llm_gateway.simulator import SimulatorOptions, fault_rows, serve


@click.command()
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), default=9010, show_default=True, help="Port on 127.0.0.1; 0: a free one."
)
@click.option("--seed", default=0, show_default=True, help="The same seed and requests give the same answers.")
@click.option("--tokens-per-second", type=click.FloatRange(min=0, min_open=True), help="Pace of the tokens; absent: all at once.")
@click.option("--fault", default="", help="What goes wrong, for example 503:times=2 or stall:after=200,secs=5.")
@click.option("--faults", "list_faults", is_flag=True, help="List the faults it knows, and end.")
@click.pass_obj
def simulate(output: Output, port: int, seed: int, tokens_per_second: float | None, fault: str, *, list_faults: bool) -> None:
    """Run a fake provider: the APIs of OpenAI, Anthropic, Gemini, Bedrock, Cohere and Ollama, scripted answers, faults on demand.

    Point a provider's base_url at it, http://127.0.0.1:9010/v1, or at /f/FAULT/v1 for one that fails.
    GET /__simulator/log shows what it saw.
    """
    if list_faults:
        rows = fault_rows()
        output.table(rows, ("kind", "fault", "arguments", "what it does"), [tuple(row.values()) for row in rows])
        return

    def announce(url: str) -> None:
        output.show({"url": url}, f"simulator: {url}/v1   with a fault: {url}/f/503:times=2/v1   log: {url}/__simulator/log")

    try:
        serve(SimulatorOptions(seed=seed, tokens_per_second=tokens_per_second, fault=fault), port, announce)
    except ValueError as error:
        output.fail(str(error), code=2)
    except OSError as error:
        output.fail(f"Cannot listen on port {port}: {error.strerror}. Choose another one with --port.")
