"""The provider answers with a status of failure (U16, U17, U36, U38)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.world import LANES, Row, World, apart, payload, question, refused, running_world
from llm_gateway.simulator import running_simulator

BUSY = (500, 502, 503, 504, 529)
REJECTED = (400, 404, 413, 422)
SECRET = "sk-live-0123456789abcdefghij"
ROWS = (
    {f"once-{code}": Row(f"{code}:times=1", retries=1) for code in BUSY}
    | {f"always-{code}": Row(f"{code}", retries=2) for code in (*BUSY, *REJECTED)}
    | {f"always-{code}": Row(f"{code}", retries=2, apart=True) for code in (401, 403)}
    | {f"else-{code}": Row(f"{code}", then=True, retries=2, apart=True) for code in (400, 401, 403, 422)}
    | {
        "echoed-key": Row(f"401:message=Incorrect%20API%20key%20provided:%20{SECRET}.", in_path=True, apart=True),
        "quoting": Row(f"400:message=Your%20key%20{SECRET}%20may%20not%20use%20this.", in_path=True, apart=True),
        "early": Row("413+early_response", in_path=True),
        "early-400": Row("400+early_response", in_path=True),
    }
)
lanes = pytest.mark.parametrize(("front", "back"), LANES)
both_ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_simulator() as elsewhere:

        def with_redirect(config: dict, _simulator: object) -> None:
            to = elsewhere.url.replace("/", "%252F")
            for back in ("openai", "anthropic"):
                provider = dict(config["providers"][back])
                provider["base_url"] += f"/f/redirect%3Ato={to}"
                config["providers"][f"{back}-moved"] = provider
                config["models"][f"{back}-moved"] = {"deployments": [f"{back}-moved/sim-model"], "retries": 0}

        with running_world(tmp_path_factory.mktemp("status"), ROWS, with_redirect) as made:
            made.elsewhere = elsewhere  # type: ignore[attr-defined]
            yield made


def told(front: str, code: int) -> tuple[int, str]:
    """Status and type of the error that a client of `front` gets when a provider says `code`."""
    openai, anthropic = {
        503: ((503, "provider_error"), (529, "overloaded_error")),
        529: ((503, "provider_error"), (529, "overloaded_error")),
        504: ((504, "timeout_error"), (504, "timeout_error")),
    }.get(code, ((502, "provider_error"), (502, "api_error")))
    return openai if front == "openai" else anthropic


@lanes
@both_ways
@pytest.mark.parametrize("code", BUSY)
def test_u16_a_failure_that_passes(world: World, front: str, back: str, stream: bool, code: int) -> None:
    """Repeated once, and answered."""
    world.simulator.reset()
    asked = question()
    got = world.ask(front, f"{back}-once-{code}", asked, stream=stream)
    assert got.status == 200
    assert asked in got.text
    assert [seen.status for seen in world.seen(asked)] == [code, 200]
    assert got.header("x-gateway-retries") == "1"


@lanes
@both_ways
@pytest.mark.parametrize("code", BUSY)
def test_u16_a_failure_that_stays(world: World, front: str, back: str, stream: bool, code: int) -> None:
    """As many attempts as configured, with pauses that grow; then the error in the front's own terms."""
    asked = question()
    got = world.ask(front, f"{back}-always-{code}", asked, stream=stream)
    status, kind = told(front, code)
    refused(world, got, status)
    assert got.error["type"] == kind
    first, second, third = world.seen(asked)
    assert second.at - first.at >= 0.07  # 0.1 s, give or take a quarter
    assert third.at - second.at >= 0.14  # twice that
    assert got.seconds < 10


@lanes
@both_ways
@pytest.mark.parametrize("code", REJECTED)
def test_u17_the_request_is_at_fault(world: World, front: str, back: str, stream: bool, code: int) -> None:
    """Told as it is, with the provider's words; not repeated, and the model is asked again for the next request."""
    asked = question()
    got = world.ask(front, f"{back}-always-{code}", asked, stream=stream)
    refused(world, got, code)
    assert f"simulated error {code}" in got.error["message"]
    assert len(world.seen(asked)) == 1
    for _ in range(5):
        world.ask(front, f"{back}-always-{code}", stream=stream)
    world.well(front, back)


@lanes
@both_ways
@pytest.mark.parametrize("code", [401, 403])
def test_u17_the_gateway_s_key_is_refused(world: World, front: str, back: str, stream: bool, code: int) -> None:
    """The caller's key is right, so he is not told 401; repeating with the same key would be useless."""
    asked = question()
    got = world.ask(front, apart(front, back, f"always-{code}", stream=stream), asked, stream=stream)
    refused(world, got, 502)
    assert "www-authenticate" not in dict(got.headers)
    assert got.error["type"] in {"provider_error", "api_error"}
    assert len(world.seen(asked)) == 1


@lanes
@pytest.mark.parametrize(("code", "tries"), [(400, 1), (422, 1), (401, 2), (403, 2)])
def test_u17_what_another_deployment_can_help_with(world: World, front: str, back: str, code: int, tries: int) -> None:
    """Refused credentials: yes. A request that is wrong: it would be wrong there too."""
    asked = question()
    got = world.ask(front, apart(front, back, f"else-{code}", stream=False), asked)
    assert got.status == (200 if tries == 2 else code)
    assert len(world.seen(asked)) == tries


@lanes
@both_ways
@pytest.mark.parametrize("model", ["echoed-key", "quoting"])
def test_u17_a_provider_that_repeats_a_key(world: World, front: str, back: str, stream: bool, model: str) -> None:
    """Whatever looks like a credential in the provider's words is masked, in every lane and in the log."""
    name = apart(front, back, model, stream=stream)
    got = world.ask(front, name, stream=stream)
    refused(world, got, 400, 502)
    assert SECRET not in repr(got)
    world.access(name)
    assert SECRET not in (world.gateway.folder / "access.log").read_text() + world.gateway.events()


@lanes
@both_ways
def test_u36_a_redirect_is_not_followed(world: World, front: str, back: str, stream: bool) -> None:
    """A provider's key goes to no host that nobody configured; the address is not shown either."""
    got = world.ask(front, f"{back}-moved", stream=stream)
    refused(world, got, 502)
    assert got.header("location") is None
    assert world.elsewhere.requests == ()  # type: ignore[attr-defined]
    assert world.elsewhere.stats()["connections_total"] == 0  # type: ignore[attr-defined]
    world.well(front, back)


@lanes
@pytest.mark.parametrize(("model", "status"), [("early", 413), ("early-400", 400)])
def test_u38_an_answer_before_the_body_was_read(world: World, front: str, back: str, model: str, status: int) -> None:
    """Megabytes are still on their way when the provider refuses: its answer is passed on, nothing waits for ever."""
    large = payload(front, f"{back}-{model}", "x" * (9 << 20))
    with world.client() as client:
        got = client.send(front, large)
        refused(world, got, status)
        assert got.seconds < 15
        asked = question()
        assert asked in client.send(front, payload(front, f"{back}-well", asked)).text  # the connection is in order
    world.well(front, back)
