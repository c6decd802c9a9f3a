"""`llm-gateway bench`: load on a gateway, or on anything else that speaks as OpenAI's API does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click
import msgspec

from llm_gateway.cli.gateway import gateway_options
from llm_gateway.cli.output import Output
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.values import Duration
from llm_gateway.core.clock import SystemClock
from llm_gateway.http.client import Origin, Timeouts
from llm_gateway.http.headers import header
from llm_gateway.http.trust import TlsTrust
from llm_gateway.loadtest import report
from llm_gateway.loadtest.compare import Difference, NotComparable, differences
from llm_gateway.loadtest.exchange import Target
from llm_gateway.loadtest.measured import Summary
from llm_gateway.loadtest.running import Run
from llm_gateway.loadtest.scenario import AS_LONG_AS_IT_TAKES, Scenario, Span, Stage, read, shortened
from llm_gateway.loadtest.thresholds import Threshold, Verdict

_USUAL = Duration(10)
_EVERY = 1.0  # seconds between two live lines


class Value(click.ParamType[Any]):
    """A value as configuration files have it."""

    def __init__(self, name: str, parse: Callable[[object], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _positive(given: object) -> Duration:
    """Raises ValueError."""
    duration = Duration.parse(given)
    if not duration:
        raise ValueError("expected more than 0")
    return duration


DURATION, LONG = Value("duration", Duration.parse), Value("duration", _positive)
SPAN, CONDITION = Value("n", Span.parse), Value("condition", Threshold.parse)


@click.command()
@click.option(
    "--scenario", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A load in a file (tests/load has some)."
)
@click.option("--rate", type=SPAN, help="Requests per second, whether or not answers come; `10 to 50` climbs.")
@click.option("--concurrency", type=SPAN, help="Callers that each wait for their answer; `0 to 150` climbs.")
@click.option("--duration", type=LONG, help="How long (10s, unless --requests says how many).")
@click.option("--requests", type=click.IntRange(1), help="How many at most.")
@click.option("--warm-up", type=DURATION, help="Load before that, which is not measured.")
@click.option("--shorten", type=click.FloatRange(1), help="Divide all times of the scenario by this, to try it out.")
@click.option(
    "--arrivals", type=click.Choice(["poisson", "even"]), help="With --rate: as of many callers (poisson), or evenly spaced."
)
@click.option("--think", type=DURATION, help="With --concurrency: pause between an answer and the next request.")
@click.option("-m", "--model", "models", multiple=True, help="Model to ask, `NAME` or `NAME=SHARE`; repeatable.")
@click.option("--prompt-tokens", type=SPAN, help="Length of prompts, such as `50 to 500` (50).")
@click.option("--max-tokens", type=SPAN, help="Tokens asked for at most (100).")
@click.option("--prompt", help="Stands at the end of each prompt; the simulator answers `[tokens=50]` with 50 tokens.")
@click.option("--stream", type=click.FloatRange(0, 1), help="Share of requests that are streams (0).")
@click.option("--timeout", type=LONG, help="How long one request may take (60s).")
@click.option(
    "--max-in-flight", type=click.IntRange(1, 60_000), help="Requests under way at most (1000); others count as not sent."
)
@click.option("--seed", type=click.IntRange(0), help="The same seed asks the same at the same times (0).")
@click.option(
    "--fail-if", type=CONDITION, multiple=True, help='End with 1 if so: "p95>2s", "ttft_p99>500ms", "errors>1%"; repeatable.'
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the result there as JSON, for --compare.")
@click.option(
    "--compare", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="An earlier --out: end with 1 if worse."
)
@click.option(
    "--tolerance", type=click.FloatRange(0), default=10, show_default=True, help="With --compare: percent that may be worse."
)
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="Certificates to trust besides the system's.")
@gateway_options
@click.pass_obj
def bench(
    output: Output,
    /,
    scenario: Path | None,
    out: Path | None,
    compare: Path | None,
    tolerance: float,
    ca_file: str | None,
    url: str,
    api_key: str | None,
    **given: Any,
) -> None:
    """Put load on a gateway, or any API that speaks as OpenAI's does, and measure it.

    With --rate, requests are sent when they are due, whether or not others were answered, and latency counts from when they were
    due: what callers would have waited. With --concurrency each caller waits for its answer: a slow service is then asked less.
    The key is read from $GATEWAY_API_KEY and is never shown. Status 1: a threshold was passed, the comparison is worse, or the
    load generator was too slow for either to be judged. Thresholds: mean, p50, p90, p95, p99, p99.9 and max of the latency, and
    with service_, ttft_, gap_ or lag_ before them; errors; rate, tokens (per second, with <) and requests.
    """
    load = _scenario(output, scenario, given)
    if out is not None and not os.access(out.parent, os.W_OK):
        output.fail(f"--out {out}: there is no folder {out.parent} that can be written to.", code=2)  # better now than at the end
    earlier = _read_earlier(output, compare)
    target = _target(output, url, api_key, load)
    try:
        run = Run(load, target, SystemClock.monotonic, TlsTrust(ca_file=ca_file) if ca_file else None)
    except ValueError as error:
        output.fail(f"{error}: --model says which, or `models` of the scenario.", code=2)
    except OSError as error:
        output.fail(f"{ca_file}: {error.strerror or error}", code=2)
    summary = _fast(_run(run, live=sys.stderr.isatty() and not output.as_json))
    if out is not None:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    _conclude(output, load, summary, earlier, tolerance / 100)


def _fast(work: Coroutine[Any, Any, Summary]) -> Summary:
    """Run it on uvloop, or on asyncio's own loop where uvloop is not to be had."""
    try:
        import uvloop  # noqa: PLC0415 - absent on some platforms
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def _run(run: Run, *, live: bool) -> Summary:
    """The run, with a line about it each second; Ctrl-C ends it early and shows what there is."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, run.stop)
    running = loop.create_task(run.run())
    while not running.done():
        await asyncio.wait((running,), timeout=_EVERY)
        if live:
            line = "" if running.done() else report.live(run.measured, run.seconds, run.in_flight)
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
    return running.result()


def _conclude(output: Output, load: Scenario, summary: Summary, earlier: Summary | None, tolerance: float) -> None:
    """Show everything, and end with 1 if something is wrong."""
    verdicts = [threshold.judge(summary) for threshold in load.fail_if]
    rows: list[Difference] = []
    unlike = ""
    if earlier is not None:
        try:
            rows = differences(earlier, summary, tolerance)
        except NotComparable as error:
            unlike = f"Not compared: {error}."
    failed = [verdict for verdict in verdicts if verdict.failed]
    worse = [row.name for row in rows if row.worse]
    slow = report.bottleneck(summary)
    judged = bool(verdicts) or earlier is not None
    wrong = bool(failed or worse or unlike or summary.interrupted or not summary.requests or (slow and judged))
    if output.as_json:
        document = msgspec.to_builtins(summary) | {
            "thresholds": [verdict._asdict() for verdict in verdicts],
            "compared": [row._asdict() for row in rows],
            "not_compared": unlike,
            "passed": not wrong,
        }
        output.show(document, "")
    else:
        _show(output, summary, verdicts, rows)
    for line in (slow, unlike, "" if summary.requests else "Nothing was measured."):
        if line:
            output.note(line)
    if wrong:
        sys.exit(1)


def _show(output: Output, summary: Summary, verdicts: list[Verdict], rows: list[Difference]) -> None:
    output.table(None, report.DURATIONS, report.durations(summary))
    output.console.print()
    output.table(None, ("", ""), list(report.facts(summary)))
    if verdicts:
        output.console.print()
        told = [(one.text, _value(one), "failed" if one.failed else "held") for one in verdicts]
        output.table(None, ("fails if", "was", ""), told)
    if rows:
        output.console.print()
        output.table(None, ("compared", "", "before", "now", "change", ""), report.compared(rows))


def _value(verdict: Verdict) -> str:
    if verdict.value is None:
        return "nothing to judge"
    return f"{verdict.value:.2%}" if "%" in verdict.text else f"{verdict.value:,.2f}"


def _scenario(output: Output, file: Path | None, given: dict[str, Any]) -> Scenario:
    """The scenario of the file, with what the command line says otherwise."""
    said = {name: value for name, value in given.items() if value not in (None, ())}
    rate, users = said.pop("rate", None), said.pop("concurrency", None)
    duration: Duration | None = said.pop("duration", None)
    shorten: float | None = said.pop("shorten", None)
    if rate is not None and users is not None:
        output.fail("Either --rate or --concurrency: with both nobody could say what is measured.", code=2)
    if shorten is not None and file is None:
        output.fail("--shorten goes with --scenario.", code=2)
    if "models" in said:
        said["models"] = _models(output, said["models"])
    try:
        base = read(file) if file is not None else None
    except ConfigErrors as errors:
        output.fail(str(errors), code=2, details=errors.as_data())
    if rate is not None or users is not None or base is None:
        long = AS_LONG_AS_IT_TAKES if "requests" in said else _USUAL
        span = rate or users or Span(1, 1)
        kind: dict[str, Any] = {"users": span} if users is not None or rate is None else {"rate": span}
        said["stages"] = (Stage(duration=duration or long, **kind),)
    elif duration is not None:
        output.fail("--duration goes with --rate or --concurrency; the stages of a scenario have their own.", code=2)
    if shorten is not None and base is not None:
        base = shortened(base, shorten)
    if base is not None and "fail_if" in said:
        said["fail_if"] = (*base.fail_if, *said["fail_if"])
    load = msgspec.structs.replace(base, **said) if base is not None else Scenario(**said)
    if "arrivals" in said and not load.open:
        output.fail("--arrivals goes with a rate: callers that wait for their answers come when these are there.", code=2)
    for _, wrong in (fault for part in (*load.stages, load) for fault in part.check()):
        output.fail(f"This load cannot be run: {wrong}.", code=2)
    return load


def _models(output: Output, given: tuple[str, ...]) -> dict[str, float]:
    shares = {}
    for one in given:
        name, _, share = one.rpartition("=") if "=" in one else (one, "", "1")
        try:
            shares[name] = float(share)
        except ValueError:
            output.fail(f"--model {one}: expected NAME or NAME=SHARE, such as gpt-4o=0.3.", code=2)
    return shares


def _target(output: Output, url: str, api_key: str | None, load: Scenario) -> Target:
    try:
        origin, prefix = Origin.parse(url)
        lines = b"Content-Type: application/json\r\nUser-Agent: llm-gateway-bench\r\n"
        if api_key:
            lines += header(b"Authorization", f"Bearer {api_key}".encode())
    except ValueError as error:
        output.fail(f"-u or the key: {error}.", code=2)
    root = prefix if prefix.endswith("/v1") else prefix + "/v1"
    seconds = float(load.timeout)
    timeouts = Timeouts(connect=min(seconds, 10.0), head=seconds, idle=seconds, total=seconds, pool=seconds)
    return Target(origin, f"{root}/chat/completions".encode(), lines, timeouts)


def _read_earlier(output: Output, file: Path | None) -> Summary | None:
    if file is None:
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=Summary)
    except msgspec.DecodeError as error:
        output.fail(f"{file} was not written by `llm-gateway bench --out`: {error}", code=2)
