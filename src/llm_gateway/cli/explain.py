"""`llm-gateway explain`: what a running gateway would do with a request, without anybody being asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from llm_gateway.cli.gateway import gateway_options, guarded, send
from llm_gateway.cli.output import Output
from llm_gateway.http.client import Client

CHAT = "/v1/chat/completions"
_HEADINGS = ("", "deployment", "leg", "score", "$ estimated", "circuit", "latency", "why")


@click.command()
@click.argument("message", default="Hello")
@click.option("-m", "--model", help="The model that is asked for; needed unless --file names one.")
@click.option(
    "-f", "--file", type=click.Path(path_type=Path, dir_okay=False), help="A whole request in JSON, instead of MESSAGE."
)
@click.option("--path", default=CHAT, show_default=True, help="Where the request would be sent; that tells its dialect.")
@click.option(
    "-H", "--header", "headers", multiple=True, help='A header of the request, such as "X-Gateway-Strategy: lowest-cost".'
)
@click.option("--stream", is_flag=True, help="As a stream.")
@click.option("--json", "as_json", is_flag=True, help="Write everything that is known, for scripts.")
@gateway_options
@click.pass_obj
def explain(
    output: Output,
    message: str,
    model: str | None,
    file: Path | None,
    path: str,
    headers: tuple[str, ...],
    url: str,
    api_key: str | None,
    *,
    stream: bool,
    as_json: bool,
) -> None:
    """Say which deployment a running gateway would choose for a request, and why. Nobody is asked."""
    output = Output(as_json=as_json or output.as_json, verbose=output.verbose)
    request = _request(output, message, model, file, stream=stream)
    document = {"path": path, "headers": _headers(output, headers), "request": request}
    guarded(output, url, _ask(output, url, api_key, document))


async def _ask(output: Output, url: str, api_key: str | None, document: Mapping[str, Any]) -> None:
    client = Client()
    try:
        response = await send(client, b"POST", url, "/routing/explain", api_key, msgspec.json.encode(document), output)
        told = msgspec.json.decode(await response.read())
    finally:
        await client.close()
    if output.as_json:
        output.show(told, "")
        return
    output.table(told, _HEADINGS, [_row(candidate) for candidate in told["candidates"]], _title(told))
    output.show(told, _ending(told))


def _request(output: Output, message: str, model: str | None, file: Path | None, *, stream: bool) -> dict[str, Any]:
    if file is None:
        if model is None:
            output.fail("Say which model is asked for (-m), or give a whole request (--file).", code=2)
        return {"model": model, "messages": [{"role": "user", "content": message}], "stream": stream}
    try:
        request = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as error:
        output.fail(f"{file}: {error.strerror or error}", code=2)
    except (msgspec.DecodeError, RecursionError):
        output.fail(f"{file} does not hold a JSON object.", code=2)
    if model is not None:
        request["model"] = model
    if stream:
        request["stream"] = True
    return request


def _headers(output: Output, given: tuple[str, ...]) -> dict[str, str]:
    headers = {}
    for line in given:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            output.fail(f"A header reads 'Name: value', not {line!r}.", code=2)
        headers[name.strip()] = value.strip()
    return headers


def _title(told: Mapping[str, Any]) -> str:
    if "rejected" in told:
        return f"{told['model']}: refused by the rule {told['rejected']['rule']}: {told['rejected']['reason']}"
    facts = [f"route {told['route']}", f"strategy {told['strategy'].replace('_', '-')}"]
    if told["rules"]:
        facts.append(f"rules {', '.join(told['rules'])}")
    facts += [f"{name} {told[name]}" for name in ("split", "mirror") if told[name]]
    if told["priority"] != "normal":
        facts.append(f"priority {told['priority']}")
    return f"{told['model']}: {'; '.join(facts)}"


def _row(candidate: Mapping[str, Any]) -> tuple[str, ...]:
    health, account = candidate["health"], candidate["account"]
    circuit = health["circuit"] if account["circuit"] == "closed" else f"{health['circuit']}, account {account['circuit']}"
    latency = health["latency_ms"]
    refused = candidate["refused"]
    again = health["again_in_s"] or account["again_in_s"]
    why = (
        f"not asked: {refused}" if refused else ", ".join(f"{name} {_number(term)}" for name, term in candidate["terms"].items())
    )
    return (
        "" if candidate["place"] is None else str(candidate["place"]),
        candidate["deployment"],
        candidate["leg"],
        _number(candidate["score"]),
        _number(candidate["estimated_cost"]),
        circuit,
        "" if latency is None else f"{latency:,.0f} ms",
        f"{why}, again in {again:.0f} s" if refused and again else why,
    )


def _ending(told: Mapping[str, Any]) -> str:
    if "rejected" in told:
        return f"It would be answered {told['rejected']['status']}."
    if told["chosen"] is None:
        return "Nobody would be asked: the request would be refused."
    failover = told["failover"]
    cost = told["estimated_cost"]
    about = "" if cost is None else f", for about ${_number(cost)}"
    more = len(failover["steps"]) - 1
    others = (
        f"If it fails, {more} more in this order, and {failover['retries']} retries" if more else f"{failover['retries']} retries"
    )
    return f"{told['chosen']} would be asked{about}. {others}, within {failover['deadline_s']:g} s."


def _number(value: float | None) -> str:
    """Nine decimals are all there are."""
    if value is None:
        return ""
    return f"{value:.9f}".rstrip("0").removesuffix(".") or "0"
