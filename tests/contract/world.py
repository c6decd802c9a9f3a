"""Every registered provider type behind one gateway, each at its own address of one simulator."""

from __future__ import annotations

import contextlib
import http.client
import inspect
import pkgutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import msgspec

import llm_gateway.providers
from gateway_process import GatewayProcess, running_gateway
from llm_gateway.config.schema import Options
from llm_gateway.dialects.base import Operation
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.base import ProviderType
from llm_gateway.providers.registry import COMPILED_TYPES, PROVIDER_TYPES
from llm_gateway.simulator import Mount, RunningSimulator, Seen, SimulatorOptions, running_simulator
from llm_gateway.worker.world import FRONTS

MODEL = "contract-model"
DIALECTS_ASKED = ("openai_chat", "openai_completions", "embeddings", "anthropic_messages", "anthropic_count_tokens")
"""The dialects of these checks; tests/e2e/test_matrix.py asks in, and answers in, all of them."""
PATHS = {front.name: path.decode() for path, front in FRONTS.items() if front.name in DIALECTS_ASKED}
"""A dialect's name to the path at which callers speak it."""
REPRESENTATIVE = "sambanova"
"""The one declared type that all checks run for; the others differ from it in data only, and get one of each kind."""
FAULTS = {
    "400": 400,
    "401": 502,  # the gateway's key is wrong, not the caller's
    "429:retry_after=7": 429,
    "500": 502,
    "null_body": 502,
}
"""What a provider may do wrong before it says anything, and the status that the caller gets."""
BREAKS = ("mid_error+rechunk:mode=event,delay=0.002", "close_mid:after=500+rechunk:mode=event,delay=0.002")
STALL = "stall:after=700,secs=20"
APART = "-apart"
NO_GUARDS = {"circuit_breaker": {"enabled": False}, "shedding": {"enabled": False}, "health_check": {"enabled": False}}
"""A deployment fails here on purpose, again and again."""
CHAT_FRONTS = tuple(name for name in PATHS if DIALECTS[name].operation is Operation.CHAT)
_numbers = count(1)


@dataclass(frozen=True)
class Account:
    """One entry of `providers`: a provider type, and the dialects it offers there."""

    name: str
    kind: ProviderType
    endpoints: dict[str, str]
    extra: dict[str, Any]
    api_key: str | None
    from_variable: bool = False

    @property
    def plain(self) -> bool:
        """Whether its key stands in the configuration; the others differ in nothing but that."""
        return self.api_key is not None and not self.from_variable

    def offers(self, operation: Operation) -> bool:
        return any(DIALECTS[dialect].operation is operation for dialect in self.endpoints)

    def fronts(self) -> list[str]:
        """The dialects in which it can be asked: its own, and both chat dialects if it has one of them."""
        return list(dict.fromkeys([*self.endpoints, *(CHAT_FRONTS if self.offers(Operation.CHAT) else ())]))


def accounts() -> list[Account]:
    """An account for each type, one for each dialect of a type that speaks one at a time, and keyless ones where allowed."""
    made: list[Account] = []
    for kind in (*COMPILED_TYPES.values(), PROVIDER_TYPES[REPRESENTATIVE]):
        if next(iter(kind.endpoints)) not in DIALECTS_ASKED:
            continue
        spoken = get_args(get_type_hints(Options)["speaks"]) if "speaks" in kind.options else (None,)
        for speaks in spoken:
            if speaks is not None and next(iter(PROVIDER_TYPES[speaks].endpoints)) not in DIALECTS_ASKED:
                continue
            name = kind.name if speaks is None else f"{kind.name}-{speaks}"
            endpoints = _asked(kind if speaks is None else PROVIDER_TYPES[speaks])
            extra = {} if speaks is None else {"speaks": speaks}
            made.append(Account(name, kind, endpoints, extra, f"sk-secret-of-{name}-0123456789"))
            if not kind.key_required and kind.key_variable is None:
                made.append(Account(f"{name}-keyless", kind, endpoints, extra, None))
        if kind.key_variable is not None:
            key = f"sk-variable-of-{kind.name}-0123456789"
            made.append(Account(f"{kind.name}-env", kind, _asked(kind), {}, key, from_variable=True))
    return made


def declared_accounts() -> list[Account]:
    """An account for each type that is a file of data, which the same code serves as the representative's; without those that do
    not chat, of which tests/e2e/test_embedding_matrix.py has all.
    """
    declared = [kind for name, kind in PROVIDER_TYPES.items() if name not in {*COMPILED_TYPES, REPRESENTATIVE}]
    chatting = [kind for kind in declared if any(DIALECTS[name].operation is Operation.CHAT for name in kind.endpoints)]
    return [Account(kind.name, kind, _asked(kind), {}, f"sk-secret-of-{kind.name}-0123456789") for kind in chatting]


def _asked(kind: ProviderType) -> dict[str, str]:
    return {name: path for name, path in kind.endpoints.items() if name in DIALECTS_ASKED and isinstance(path, str)}


@dataclass
class World:
    simulator: RunningSimulator
    gateway: GatewayProcess

    def ask(self, account: Account, front: str, fault: str = "", **more: Any) -> Answered:
        """One request in the dialect `front` for the account's model, read to the end of the answer."""
        asked = self.send(account, front, fault, **more)
        try:
            data = asked.response.read()
        except http.client.IncompleteRead as cut:
            data = cut.partial
        asked.connection.close()
        return Answered(asked.id, asked.response.status, dict(asked.response.headers.items()), data)

    def send(self, account: Account, front: str, fault: str = "", **more: Any) -> Asked:
        """The same, without reading the answer."""
        number = f"contract-{next(_numbers)}"
        model = f"{account.name}@@{fault}" if fault else f"{account.name}/{MODEL}"
        body = msgspec.json.encode({"model": model, **question(front, more.pop("text", "Hello there")), **more})
        headers = {"Authorization": f"Bearer {self.gateway.key}", "Content-Type": "application/json", "X-Request-ID": number}
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=10)
        connection.request("POST", PATHS[front], body, headers)
        return Asked(number, connection, connection.getresponse())

    def seen(self, account: Account) -> list[Seen]:
        """What the provider was asked at the account's address, oldest first."""
        return [seen for seen in self.simulator.requests if seen.target.startswith(f"/{account.name}/")]

    def access(self, answered: Answered) -> dict[str, Any]:
        """The request's line in the access log."""
        end = time.monotonic() + 20.0
        while time.monotonic() < end:
            found = [line for line in self.gateway.access_lines() if line["request_id"] == answered.id]
            if found:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"no access line for {answered.id}")


@dataclass
class Asked:
    id: str
    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse


@dataclass
class Answered:
    id: str
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON documents of a stream's data lines."""
        lines = [line.removeprefix(b"data: ") for line in self.body.split(b"\n") if line.startswith(b"data: ")]
        return [msgspec.json.decode(line) for line in lines if line != b"[DONE]"]

    @property
    def complete(self) -> bool:
        """Whether the stream says that it is whole."""
        return self.body.endswith(b"data: [DONE]\n\n") or b"event: message_stop\n" in self.body


def question(front: str, text: str) -> dict[str, Any]:
    """The smallest request of a dialect."""
    match front:
        case "embeddings":
            return {"input": text}
        case "openai_completions":
            return {"prompt": text}
        case "anthropic_messages":
            return {"max_tokens": 500, "messages": [{"role": "user", "content": text}]}
        case _:
            return {"messages": [{"role": "user", "content": text}]}


def modules() -> dict[str, ModuleType]:
    """Each provider type that some module of providers/ makes, and that module."""
    found: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(llm_gateway.providers.__path__):
        module = import_module(f"llm_gateway.providers.{info.name}")
        for value in vars(module).values():
            if isinstance(value, ProviderType) and f'name="{value.name}"' in inspect.getsource(module):
                found[value.name] = module
    return found


@contextlib.contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """The simulator in a thread, the gateway in a process; `NAME@@FAULT` is an account's model with a fault, tried once."""
    every = [*accounts(), *declared_accounts()]
    options = SimulatorOptions(mounts=tuple(Mount(prefix=f"/{account.name}") for account in every), log_size=5000)
    variables = {account.kind.key_variable: account.api_key for account in every if account.from_variable}
    with running_simulator(options) as simulator:
        providers: dict[str, Any] = {}
        for account in every:
            given = {} if account.api_key is None or account.from_variable else {"api_key": account.api_key}
            base_url = f"{simulator.url}/{account.name}/v1" + "/v1" * (not account.kind.version)  # where one is taken off
            entry = {"type": account.kind.name, "base_url": base_url, **given, **account.extra}
            providers[account.name] = entry
            providers[account.name + APART] = entry  # an account that refuses our key is left alone for a while
        models = {
            f"{account.name}@@{fault}": {
                "deployments": [f"{account.name}{APART if fault == '401' else ''}/{MODEL}@@{fault}"],
                "retries": 0,
            }
            for account in every
            for fault in (*FAULTS, *BREAKS, STALL)
        }
        document = {"providers": providers, "models": models, "resilience": NO_GUARDS}
        with running_gateway(document, folder, environ=variables) as gateway:  # type: ignore[arg-type]
            yield World(simulator, gateway)
