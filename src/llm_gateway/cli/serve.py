"""`llm-gateway serve`."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import ssl
import time
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType

import click
from rich.markup import escape

from llm_gateway._version import __version__
from llm_gateway.cli.check import config_option, environment, load_config, set_option
from llm_gateway.cli.output import Output
from llm_gateway.config.errors import ConfigErrors
from llm_gateway.config.interpolate import Resolve
from llm_gateway.config.load import Loaded, Overlay, load_tree
from llm_gateway.config.schema import Config
from llm_gateway.core.clock import SystemClock
from llm_gateway.credentials.stores.loading import SecretsAway, load_now
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import option_names
from llm_gateway.snapshot import NotServable
from llm_gateway.supervisor import lock
from llm_gateway.supervisor.objects import kept_configuration, kept_objects
from llm_gateway.supervisor.supervisor import Running, Supervisor
from llm_gateway.worker.pepper import StateUnusable

_OWN_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "together": "TOGETHER_API_KEY"}


@click.command()
@config_option
@set_option
@click.option("-p", "--port", type=click.IntRange(0, 65535), help="Short for --set server.port=PORT.")
@click.option("-H", "--host", help="Short for --set server.host=HOST.")
@click.option("--workers", metavar="N|auto", help="Short for --set server.workers=N.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Short for --set server.admin.port=PORT.")
@click.option("--demo", is_flag=True, help="Serve a local model and simulated providers; no configuration is needed.")
@click.pass_obj
def serve(
    output: Output,
    path: Path | None,
    overrides: tuple[str, ...],
    port: int | None,
    host: str | None,
    workers: str | None,
    metrics_port: int | None,
    *,
    demo: bool,
) -> None:
    """Run the gateway. Ctrl-C or SIGTERM ends it after running requests finished; SIGHUP reads the configuration again."""
    short = {"server.port": port, "server.host": host, "server.workers": workers, "server.admin.port": metrics_port}
    overrides += tuple(f"{key}={value}" for key, value in short.items() if value is not None)
    demo_key = None
    if demo:
        if path is not None:
            output.fail("--demo brings its own configuration; leave --config out, or --demo.", code=2)
        demo_key = _demo_key(Path("state"))
        overrides = (*_demo_overrides(demo_key), *overrides)
    try:
        with as_file(files("llm_gateway.cli") / "demo.yaml") as demo_file:
            _run(output, demo_file if demo else path, overrides, demo_key)
    except ConfigErrors as errors:
        output.fail(str(errors), code=2, details=errors.as_data())
    except (NotServable, StateUnusable, lock.InUse) as error:
        output.fail(str(error), code=2)
    except ssl.SSLError as error:
        output.fail(f"server.tls: the certificate or its key cannot be used: {error.reason}", code=2)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            if getattr(error, "key", "") == "server.admin":
                hint = "Choose another one with --set server.admin.port=PORT, or none with --set server.admin=false."
                output.fail(f"The address of server.admin is in use already. {hint}", code=1)
            output.fail("The address is in use already: is another gateway running? Choose another one with --port.", code=1)
        output.fail(f"Cannot start: {error}", code=1)


def _run(output: Output, path: Path | None, overrides: tuple[str, ...], demo_key: str | None) -> None:
    environ = environment()

    def load_with(objects: Overlay) -> Loaded:
        def read(resolve: Resolve) -> Loaded:
            return load_tree(
                path,
                overrides=overrides,
                environ=environ,
                provider_types=option_names(),
                dialects=DIALECTS,
                resolve=resolve,
                overlay=objects,
            )

        return load_now(path, overrides, environ, clock=SystemClock(), read=read)

    away = ""
    try:
        loaded = with_objects(output, load_with(MappingProxyType({})), load_with)
    except SecretsAway as errors:
        loaded, away = without_stores(output, path, overrides, errors), str(errors)
    supervisor = Supervisor(loaded, None if path is None else str(path), overrides, environ, time.sleep, away=away)
    supervisor.prepare()
    asyncio.run(_serve(output, loaded.config, supervisor, demo_key))


def without_stores(output: Output, path: Path | None, overrides: tuple[str, ...], away: SecretsAway) -> Loaded:
    """What was good last, secrets in it, while their store is away. Control goes on asking the store, and takes what it gives.

    Raises `away` where nothing is kept, ConfigErrors, StateUnusable.
    """
    config = load_config(path, overrides, fetch=False)  # says where the state is, and which files to watch
    kept = kept_configuration(Path(config.state.dir), config.sources)
    if kept is None:
        raise away
    text = f"A secret store is away: starting with the last good configuration. What was changed since waits. {away}"
    output.errors.print(text, markup=False, style="yellow")
    return kept


def with_objects(output: Output, loaded: Loaded, load_with: Callable[[Overlay], Loaded]) -> Loaded:
    """The same with what the API owned when the gateway ran last, so that it is served from the first request on."""
    objects = kept_objects(Path(loaded.config.state.dir))
    if not objects:
        return loaded
    try:
        return load_with(objects)
    except ConfigErrors as errors:  # the store, which control reads next, may know better
        text = f"Starting without what the API owns, which does not fit the file: {errors}"
        output.errors.print(text, markup=False, style="yellow")
        return loaded


async def _serve(output: Output, config: Config, supervisor: Supervisor, demo_key: str | None) -> None:
    try:
        with output.errors.status("starting ..."):
            running = await supervisor.start()
    except BaseException:
        await supervisor.abandon()
        raise
    announce(output, config, running, demo_key)
    await supervisor.run()


def _demo_key(state: Path) -> str:
    """The demo's key, made once."""
    file = state / "demo.key"
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        key = "sk-gateway-" + secrets.token_urlsafe(24)
        state.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(key + "\n")
        return key


def _demo_overrides(key: str) -> tuple[str, ...]:
    """The demo key, and the real providers whose keys are in the environment."""
    environ = environment()
    own = tuple(f"providers.{name}.type={name}" for name, variable in _OWN_KEYS.items() if environ.get(variable))
    return (f'auth.keys=[{{"name": "demo", "key": "{key}"}}]', *own)


def announce(output: Output, config: Config, running: Running, demo_key: str | None) -> None:
    """Say what is served and how to ask for it."""
    base = f"{'https' if config.server.tls else 'http'}://{_reachable(config.server.host)}:{running.port}"
    models = [[alias, *_route_text(entry)] for alias, entry in config.models.items()]
    names = [row[0] for row in models]
    admin = None
    if config.server.admin is not None and running.admin_port is not None:
        admin = f"http://{_reachable(config.server.admin.host)}:{running.admin_port}"
    data = {
        "url": base,
        "admin": admin,
        "models": names,
        "providers": list(config.providers),
        "missing": dict(running.missing),
        "pids": {"supervisor": os.getpid(), "control": running.control, "workers": list(running.workers)},
    }
    if output.as_json:
        output.show(data, "")
        return
    print_ = output.console.print
    print_(f"\n[bold]llm-gateway {__version__}[/bold] serves [bold]{base}[/bold]\n")
    if admin is not None:
        print_(f"for operators: {admin}\n")
    if models:
        output.table(None, ("model", "served by", "then"), models)
    else:
        print_("No models are configured; provider/model can be asked for directly.")
    for name, why in running.missing.items():
        print_(f"[yellow]without {escape(name)}:[/yellow] {escape(why)}")
    if demo_key is not None:
        _examples(output, base, demo_key, next(iter(config.models)) if "local" not in running.missing else "gpt-sim")
    print_("\nCtrl-C ends it.\n")


def _reachable(host: str) -> str:
    """An address to listen on, as one to connect to."""
    host = host if host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def _route_text(entry: object) -> tuple[str, str]:
    deployments = [deployment.model for deployment in entry.deployments]  # type: ignore[attr-defined]
    return deployments[0], ", ".join([*deployments[1:], *entry.fallback])  # type: ignore[attr-defined]


def _examples(output: Output, base: str, key: str, model: str) -> None:
    body = f'{{"model": "{model}", "stream": true, "messages": [{{"role": "user", "content": "Hello!"}}]}}'
    headers = f"-H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
    lines = (
        f"key        {key}",
        "",
        f"curl       curl -N {base}/v1/chat/completions {headers} -d '{body}'",
        f"OpenAI     client = OpenAI(base_url='{base}/v1', api_key='{key}')",
        f"Anthropic  client = Anthropic(base_url='{base}', api_key='{key}')",
    )
    output.console.print("\n" + "\n".join(lines), markup=False)
