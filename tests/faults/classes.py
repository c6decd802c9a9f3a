"""The classes of failure that gateways are compared on, and a gateway that has a model for each of them in every arrangement.

Each model has accounts of its own, so that what one test's failures do to a circuit is no other test's affair: circuits, the retry
budget and load shedding are on.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from faults.answers import Got
from faults.world import FRONTS, World, provider, running_world
from llm_gateway.simulator import RunningSimulator, refused_port

T = TypeVar("T")
WAYS = ("stream", "whole")
FILTERED = "400:message=Output%20blocked%20by%20content%20filtering%20policy"
TOKENS = 80
TOTAL = 10.0
"""Seconds: the deadline of every request."""
SHORT = {"connect": "250ms", "head": "300ms", "first_token": "350ms", "idle": "400ms"}
"""Of the deployments that stay silent; the others have the time that a busy machine may need."""
LONG = {"connect": "5s", "head": "9s", "first_token": "9s", "idle": "9s", "total": f"{TOTAL:g}s"}


class Failure(NamedTuple):
    """`fault`: the simulator's, by the dialect it speaks; `whole` is what it is for answers that are not streamed, if that
    differs. `where`: instead of a fault, an address where nobody answers. `status`: what a caller is told when there is nobody
    else, by his dialect; `code`: the same as OpenAI's clients see it. `reason`: the words for the attempt in logs, of which one is there (a
    name server may need longer to say no than a connection may take).
    `shown`: a stream has shown text when it strikes.
    """

    about: str
    status: tuple[int, int]
    code: str
    reason: str
    fault: str = ""
    anthropic: str = ""
    whole: str = ""
    where: str = ""
    shown: bool = False
    helps: bool = True
    """Whether another deployment is asked."""

    def spec(self, back: str, way: str) -> str:
        if way == "whole" and self.whole:
            return self.whole
        return self.anthropic if back == "anthropic" and self.anthropic else self.fault


FAILURES = {
    "refused": Failure("connection refused", (503, 529), "provider_unavailable", "connect", where="refused"),
    "dns": Failure("name not found", (503, 529), "provider_unavailable", "dns connect_timeout", where="dns"),
    "unreachable": Failure("connect timeout", (504, 504), "request_timeout", "connect_timeout", where="unreachable"),
    "500": Failure("500", (502, 502), "upstream_error", "server_error", "500"),
    "429": Failure("429, Retry-After: 1", (429, 429), "provider_quota_exceeded", "rate_limited", "429:retry_after=1"),
    "silent": Failure("silence before the head", (504, 504), "request_timeout", "head_timeout", "slow_headers:secs=20"),
    "slow": Failure(
        "a head, and no first token", (504, 504), "request_timeout", "first_token_timeout idle_timeout", "stall:after=0,secs=20",
        whole="stall:after=1,secs=20",
    ),
    "cut": Failure(
        "cut in the middle", (502, 502), "upstream_error", "reset", "reset_mid:after=1500", whole="reset_mid:after=100", shown=True
    ),
    "stall": Failure(
        "stalled in the middle", (504, 504), "request_timeout", "idle_timeout", "stall:after=1500,secs=20",
        whole="stall:after=100,secs=20", shown=True,
    ),
    "401": Failure("our key is refused (401)", (502, 502), "provider_authentication_failed", "credentials", "401"),
    "403": Failure("no access (403)", (502, 502), "provider_authentication_failed", "credentials", "403"),
    "quota": Failure(
        "quota exhausted", (429, 429), "insufficient_quota", "quota", "429:reason=insufficient_quota", anthropic="402"
    ),
    "529": Failure("overloaded (529)", (503, 529), "provider_unavailable", "overloaded", "529"),
    "503": Failure("unavailable (503)", (503, 529), "provider_unavailable", "overloaded", "503"),
    "filter": Failure(
        "content filter", (400, 400), "content_filter", "content_filter", "400:reason=content_filter", anthropic=FILTERED,
        helps=False,
    ),
    "malformed": Failure(
        "malformed JSON", (502, 502), "upstream_error", "malformed", "malformed_json", shown=True
    ),
}  # fmt: skip
ARRANGEMENTS = ("alone", "pair", "three", "other", "others")
"""alone: only the one that fails. pair: a second deployment of the same model. three: two that fail, and a third. other: one that
fails, and another model at a provider of the other dialect. others: two models that fail, and a third one."""


class Case(NamedTuple):
    """One request."""

    failure: str
    arrangement: str
    front: str
    back: str
    way: str

    @property
    def model(self) -> str:
        return "-".join(self)

    @property
    def stream(self) -> bool:
        return self.way == "stream"

    @property
    def failing(self) -> list[str]:
        """The accounts that fail."""
        return [f"{self.model}-{letter}" for letter in ("ab" if self.arrangement in ("three", "others") else "a")]

    @property
    def helper(self) -> str:
        """The account that can answer."""
        if self.arrangement in ("pair", "three"):
            return self.back
        return "anthropic" if self.back == "openai" else "openai"


@dataclass
class Dead:
    """Addresses where nobody answers."""

    refused: str
    unreachable: str
    dns: str = "http://nobody.invalid"

    def of(self, where: str) -> str:
        return {"refused": self.refused, "unreachable": self.unreachable, "dns": self.dns}[where]


def cases() -> Iterator[Case]:
    for parts in itertools.product(FAILURES, ARRANGEMENTS, FRONTS, FRONTS, WAYS):
        yield Case(*parts)


@contextlib.contextmanager
def dead() -> Iterator[Dead]:
    """A port that refuses, and one where connections are never made: its queue is full, and nobody takes anything from it."""
    port, holder = refused_port()
    with holder, contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full = listener.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full)
        yield Dead(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{full[1]}")


@contextlib.contextmanager
def running_classes(folder: Path) -> Iterator[World]:
    """A gateway with the models of all cases; the providers that can answer have shown so."""
    with dead() as addresses:

        def arrange(config: dict[str, Any], simulator: RunningSimulator) -> None:
            for case in cases():
                _add(config, case, simulator.url, addresses)
            config["resilience"] = {"health_check": {"interval": "10m"}}

        with running_world(folder, {}, arrange) as world:
            for back in FRONTS:
                world.well("openai", back)
            yield world


def _add(config: dict[str, Any], case: Case, url: str, addresses: Dead) -> None:
    failure = FAILURES[case.failure]
    fault = failure.spec(case.back, case.way)
    failing = []
    for name in case.failing:
        config["providers"][name] = provider(case.back, addresses.of(failure.where) if failure.where else url)
        timeouts = SHORT if "timeout" in failure.reason else {}
        failing.append({"model": f"{name}/sim-model" + (f"@@{fault}" if fault else ""), "timeouts": timeouts})
    alias: dict[str, Any] = {"deployments": failing, "retries": 1, "timeouts": LONG}
    if case.arrangement in ("pair", "three"):
        alias["deployments"] = [*failing, f"{case.back}/sim-model"]
    elif case.arrangement == "other":
        alias["fallback"] = [f"{case.helper}/sim-model"]
    elif case.arrangement == "others":
        second = f"{case.model}-second"
        config["models"][second] = {**alias, "deployments": failing[1:]}
        alias.update(deployments=failing[:1], fallback=[second, f"{case.helper}/sim-model"])
    if failure.shown and case.arrangement != "alone":
        alias["on_cut"] = "continue"
    config["models"][case.model] = alias


def together(ask: Callable[[T], object], asked: list[T]) -> None:
    """All of them at once; the first that fails a check fails the test, and is named."""
    with ThreadPoolExecutor(len(asked)) as pool:
        for one, done in [(one, pool.submit(ask, one)) for one in asked]:
            try:
                done.result()
            except AssertionError as error:
                error.add_note(f"in {one}")
                raise


def attempts(world: World, case: Case) -> list[tuple[str, str | None]]:
    """Who was asked, and how each attempt ended."""
    return [(attempt["provider"], attempt["error"]) for attempt in world.access(case.model)["attempts"]]


def retry_after(got: Got) -> int:
    said = got.header("retry-after")
    assert said is not None, got
    return int(said)
