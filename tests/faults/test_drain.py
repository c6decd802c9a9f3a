"""SIGTERM with work in flight (C30): readiness fails first, what runs may finish, nothing is cut in silence, exit 0."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from faults.answers import TERMINAL, Got, well_ended
from faults.world import FRONTS, LANES, Row, World, eventually, question, running_world

ROWS = {
    "brisk": Row("rechunk:mode=event,delay=0.01"),
    "slow": Row("rechunk:mode=event,delay=0.1"),
    "late": Row("slow_headers:secs=0.6"),
}


@contextmanager
def draining_world(folder: pytest.TempPathFactory, grace: str) -> Iterator[World]:
    def within(config: dict, _simulator: object) -> None:
        config["server"] = {"drain": grace}

    with running_world(folder.mktemp("drain"), ROWS, within) as made:
        yield made


class InFlight:
    """Requests running in threads of their own; their answers, or what became of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: dict[str, Got | Exception] = {}
        self.asked: list[str] = []
        self.threads: list[threading.Thread] = []

    def ask(self, front: str, model: str, *, stream: bool, tokens: int = 0) -> None:
        text = question()
        self.asked.append(text)

        def run() -> None:
            try:
                self.answers[text] = self.world.ask(front, model, text, stream=stream, tokens=tokens)
            except Exception as error:  # noqa: BLE001 - looked at by the test
                self.answers[text] = error

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def begun(self) -> None:
        assert eventually(lambda: all(seen.sent or not seen.stream for text in self.asked for seen in self.world.seen(text)))
        assert eventually(lambda: all(self.world.seen(text) for text in self.asked))

    def over(self) -> list[Got]:
        for thread in self.threads:
            thread.join(20)
        wrong = [answer for answer in self.answers.values() if isinstance(answer, Exception)]
        assert not wrong, wrong
        return [answer for answer in self.answers.values() if isinstance(answer, Got)]


def ready(world: World) -> int | None:
    """Status of readiness; None: nobody listens any more."""
    connection = http.client.HTTPConnection("127.0.0.1", world.gateway.port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status
    except ConnectionError:
        return None
    finally:
        connection.close()


def test_c30_twenty_streams_finish(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Streams and whole answers in flight are completed within the grace time; nobody new is let in; the exit is clean."""
    with draining_world(tmp_path_factory, "10s") as world:
        work = InFlight(world)
        for number in range(20):
            front, back = LANES[number % 4]
            work.ask(front, f"{back}-brisk", stream=True, tokens=80)
        for front, back in LANES:
            work.ask(front, f"{back}-late", stream=False)
        work.begun()
        assert ready(world) == 200
        world.gateway.terminate()
        assert eventually(lambda: ready(world) != 200, 8)
        got = work.over()
        assert len(got) == 24
        for answer in got[:]:
            assert answer.status == 200
            assert answer.complete
            if answer.header("transfer-encoding"):
                well_ended(answer)
        assert world.gateway.process.wait(20) == 0


def test_c30_what_is_not_done_in_time_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    """When the grace is over a stream ends with an error event and a whole answer with 503: never cut, never complete."""
    with draining_world(tmp_path_factory, "300ms") as world:
        work = InFlight(world)
        for front, back in LANES:
            work.ask(front, f"{back}-slow", stream=True, tokens=200)
            work.ask(front, f"{back}-late", stream=False)
        work.begun()
        began = time.monotonic()
        world.gateway.terminate()
        got = work.over()
        assert time.monotonic() - began < 15  # the streams would take twenty
        assert len(got) == 8
        for answer in got:
            assert answer.complete, answer
            assert answer.error, answer
            assert TERMINAL[answer.front] not in answer.body
            if not answer.header("transfer-encoding"):
                assert answer.status == 503
        assert world.gateway.process.wait(20) == 0
        outcomes = {line["outcome"] for line in world.gateway.access_lines(8)}
        assert outcomes <= {"drained", "cut", "failed"}
        assert all(eventually(lambda s=seen: s.client_gone is not None) for text in work.asked for seen in world.seen(text))


@pytest.mark.parametrize("front", FRONTS)
def test_c30_a_kept_connection_is_told_to_close(tmp_path_factory: pytest.TempPathFactory, front: str) -> None:
    """An idle connection is closed at once; a busy one gets its answer with Connection: close."""
    with draining_world(tmp_path_factory, "5s") as world, world.client() as idle, world.client() as busy:
        assert idle.ask(front, f"{front}-well").status == 200
        answers: list[Got] = []
        thread = threading.Thread(target=lambda: answers.append(busy.ask(front, f"{front}-late", "busy one")))
        thread.start()
        assert eventually(lambda: bool(world.seen("busy one")))
        world.gateway.terminate()
        idle.connection.sock.settimeout(2)
        assert idle.connection.sock.recv(1) == b""
        thread.join(5)
        assert answers[0].status == 200
        assert answers[0].complete
        assert world.gateway.process.wait(20) == 0
