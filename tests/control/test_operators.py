"""What operators see of the workers, some of which may not answer."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from llm_gateway.channel.hub import Worker
from llm_gateway.channel.messages import Web, WebAnswer, plain
from llm_gateway.channel.peer import Failed, Unanswered
from llm_gateway.control.app import application
from llm_gateway.control.operators import Operators
from llm_gateway.control.statistics import Statistics
from llm_gateway.control.web import ask
from llm_gateway.core.clock import FakeClock
from llm_gateway.core.errors import Forbidden
from llm_gateway.core.ids import Ids
from llm_gateway.edge.health import Health

CLOSED = ["a/m", 0, "closed", 0.0, "", 0, 1, 1.0]
OPEN = ["b/m", 2, "open", 3.0, "circuit", 5, 0, 0.5]
SILENT = Unanswered("no answer to circuits within 2 s")


class Hub:
    """Workers, and what each says."""

    def __init__(self, *answers) -> None:
        self.answers = answers
        self.workers = [
            Worker(slot, 10 + slot, "r", 4, SimpleNamespace(ask=self._one(answer))) for slot, answer in enumerate(answers)
        ]

    def _one(self, answer):
        async def one(_method, _body, _seconds):
            if isinstance(answer, Exception):
                raise answer
            return answer

        return one

    async def someone(self, _seconds):
        return bool(self.workers)

    async def ask_all(self, _method, _body, _seconds):
        return list(zip(self.workers, self.answers, strict=True))


def asked(hub: Hub, method: str, path: bytes, *, allowed: bool = True):
    async def demand(_request, scope):
        if not allowed:
            raise Forbidden(f"needs {scope}")

    clock = FakeClock()
    health = Health(version="1", clock=clock, stats=Statistics(), providers={"p": "openai"})
    operators = Operators(hub, health, SimpleNamespace(demand=demand))
    app = application(operators.routes(), Ids(clock.now), print, fallback=operators.of_a_worker)
    answer = asyncio.run(ask(app, Web(method, path)))
    return answer.status, msgspec.json.decode(answer.body) if answer.body else None


def test_breakers_of_all_workers():
    """Each as its worst worker has it, those that are not closed first, and how it stands in each."""
    status, body = asked(Hub([CLOSED, [*OPEN[:1], 0, "closed", 0.0, "", 0, 2, 1.0]], [OPEN]), "GET", b"/admin/circuit-breakers")
    assert status == 200
    first, second = body["data"]
    assert first == {
        "id": "b/m",
        "state": "open",
        "consecutive_failures": 5,
        "success_rate": 0.5,
        "running": 2,
        "reason": "circuit",
        "seconds_left": 3.0,
        "workers": {"0": "closed", "1": "open"},
    }
    assert second["id"] == "a/m"
    assert "missing" not in body


def test_a_worker_that_does_not_answer_is_named():
    """The others' part is shown all the same."""
    status, body = asked(Hub([CLOSED], SILENT), "GET", b"/admin/circuit-breakers")
    assert (status, len(body["data"])) == (200, 1)
    assert body["missing"] == [{"worker": 1, "reason": str(SILENT)}]


@pytest.mark.parametrize(
    ("answers", "status"),
    [((True, True), 204), ((False, True), 204), ((True, SILENT), 200), ((False, False), 404), ((SILENT, SILENT), 503), ((), 503)],
)
def test_reset(answers, status):
    """Done if a worker knew the name; never told as done where nobody could be asked."""
    got, body = asked(Hub(*answers), "POST", b"/admin/circuit-breakers/b%2Fm/reset")
    assert got == status
    assert (body is not None and "missing" in body) is (status == 200)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", b"/admin/circuit-breakers"), ("POST", b"/admin/circuit-breakers/x/reset"), ("GET", b"/health/providers")],
)
def test_a_scope_is_needed(method, path):
    """For everything but whether we are alive."""
    assert asked(Hub([CLOSED]), method, path, allowed=False)[0] == 403
    assert asked(Hub([CLOSED]), "GET", b"/health/live", allowed=False)[0] == 200


def test_health_names_the_workers():
    """Who is there, and on which snapshot; nobody: not ready."""
    status, body = asked(Hub(True, True), "GET", b"/health/ready")
    assert (status, body["workers"][1]) == (200, {"slot": 1, "pid": 11, "snapshot": 4})
    assert asked(Hub(), "GET", b"/health/ready")[0] == 503


def test_a_worker_answers_for_the_rest():
    """The first that does; ours and what is more than a look go to none."""
    answer = plain(WebAnswer(200, [(b"Content-Type", b"application/json")], b"[1]"))
    assert asked(Hub(SILENT, answer), "GET", b"/v1/models") == (200, [1])
    assert asked(Hub(SILENT), "GET", b"/v1/models")[0] == 503
    assert asked(Hub(), "GET", b"/v1/models")[0] == 503
    assert asked(Hub(Failed("method", "no")), "POST", b"/v1/chat/completions")[0] == 404
    for path in (b"/admin/none", b"/metrics"):
        assert asked(Hub(answer), "GET", path)[0] == 404
