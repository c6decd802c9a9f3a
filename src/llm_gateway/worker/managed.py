"""The providers that the gateway runs itself: which children a configuration needs, and where they listen."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from llm_gateway.config.schema import Config, Provider
from llm_gateway.providers.base import ProviderType
from llm_gateway.providers.registry import types_of
from llm_gateway.worker.children import Child, ChildFailed

SIMULATOR = "llm_gateway.simulator"
LOCAL_MODEL = "llm_gateway.worker.local_model"


class Managed:
    """Starts one simulator for all simulated providers, and one process for each local model."""

    def __init__(self, on_change: Callable[[], None], on_event: Callable[[str, str], None]) -> None:
        """`on_change`: an address changed, the world has to be built again. `on_event`: (child, what happened)."""
        self._children: dict[tuple[str, ...], Child] = {}
        self._on_change = on_change
        self._on_event = on_event
        self.missing: dict[str, str] = {}
        """Provider -> why it could not be started."""

    async def urls(self, config: Config) -> dict[str, str]:
        """Base URLs by provider name; starts what is not running yet. Ends nothing: see `trim`."""
        wanted = _wanted(config)
        self.missing = {}
        urls: dict[str, str] = {}
        for name, command in wanted.items():
            try:
                url = await self._running(command)
            except ChildFailed as error:
                self.missing[name] = str(error)
                continue
            urls[name] = url + _path(config.providers[name])
        return urls

    async def trim(self, config: Config) -> None:
        """End what `config` does not need. Not before it is in use, and requests of the one before it are over."""
        for command in set(self._children) - set(_wanted(config).values()):
            await self._children.pop(command).stop()

    async def _running(self, command: tuple[str, ...]) -> str:
        child = self._children.get(command)
        if child is None:
            child = Child(command[0].rpartition(".")[2].replace("_", " "), *command)
            await child.start()
            child.keep(self._restarted, lambda ended, why: self._on_event(ended.name, why))
            self._children[command] = child
        return child.url

    async def _restarted(self, child: Child) -> None:
        self._on_event(child.name, "restarted")
        self._on_change()

    async def stop(self) -> None:
        """End all children."""
        for child in self._children.values():
            await child.stop()
        self._children.clear()


def _wanted(config: Config) -> dict[str, tuple[str, ...]]:
    types = types_of(config)
    run = {name: provider for name, provider in config.providers.items() if _is_managed(provider, types[provider.type])}
    return {name: _command(provider, types[provider.type]) for name, provider in run.items()}


def _is_managed(provider: Provider, kind: ProviderType) -> bool:
    return provider.enabled and kind.managed and provider.base_url is None


def _command(provider: Provider, kind: ProviderType) -> tuple[str, ...]:
    options = provider.options
    if "file" not in kind.options:
        paced = ("--tokens-per-second", str(options.tokens_per_second)) if options.tokens_per_second else ()
        return (SIMULATOR, "--port", "0", "--seed", str(options.seed), *paced)
    command = [LOCAL_MODEL, "--context", str(options.context)]
    if options.file:
        command += ["--file", options.file]
    if options.threads:
        command += ["--threads", str(options.threads)]
    return tuple(command)


def _path(provider: Provider) -> str:
    fault = provider.options.fault
    return f"/f/{quote(fault, safe=':,=+')}/v1" if fault else "/v1"
