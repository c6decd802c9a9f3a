"""The cache of answers, as a worker opens and closes it."""

from __future__ import annotations

import asyncio

import pytest

from llm_gateway.cache.redis import RedisAnswers
from llm_gateway.cache.stage import Answers
from llm_gateway.core.clock import FakeClock
from llm_gateway.snapshot import NotServable
from llm_gateway.worker.cached import reach
from llm_gateway.worker.serving import Effective, Serving
from servers import RedisServer, free_port, redis_server
from serving import run
from whole_gateway import PEPPER, config_of, one_provider

__all__ = ["redis_server"]
pytestmark = pytest.mark.usefixtures("collector")
REDIS = {"backend": "redis", "enabled": True}


def document(cache: object, **redis: object):
    return {**one_provider("http://127.0.0.1:1"), "cache": cache, **({"redis": redis} if redis else {})}


def reached(made: dict, log: list[str] | None = None) -> Answers:
    """What a worker with this configuration has, closed again."""
    answers = Answers(FakeClock())

    async def story() -> None:
        await reach(answers, config_of(made), PEPPER, FakeClock(), lambda level, event, **more: (log or []).append(event))
        await answers.close()

    asyncio.run(story())
    return answers


def test_only_who_shares_is_connected(redis_server: RedisServer) -> None:
    """A Redis that counts limits is not given answers because it is there."""
    assert reached(document({"enabled": True}, url=redis_server.url)).far is None
    assert isinstance(reached(document(REDIS, url=redis_server.url)).far, RedisAnswers)


def test_redis_that_is_away_keeps_nobody_from_starting() -> None:
    """Answers are a convenience: the log says it, and the gateway serves."""
    log = ["begun"]
    assert reached(document(REDIS, url=f"redis://127.0.0.1:{free_port()}"), log).far is not None
    assert log == ["begun", "cache_redis_away"]


def test_settings_of_no_use_do() -> None:
    """A file of authorities that is not there is a mistake that somebody has to mend."""
    with pytest.raises(NotServable, match=r"redis: .*No such file"):
        reached(document(REDIS, url="rediss://127.0.0.1", ca_file="/nowhere/ca.pem"))


def test_a_worker_from_start_to_end(redis_server: RedisServer, tmp_path) -> None:
    """It has one connection for answers beside that for limits; a reload keeps it and says what needs a restart; it ends with it."""

    async def test() -> None:
        own = {"state": {"dir": str(tmp_path)}, "logging": {"access": "off"}, "server": {"port": 0}}
        config = config_of({**document(REDIS, url=redis_server.url), **own})
        serving = Serving(config, {})
        await serving.begin(Effective(config, {}, {}))
        far = serving.answers.far
        assert isinstance(far, RedisAnswers)
        assert far.link.up
        clients = redis_server.command("CLIENT", "LIST")
        assert isinstance(clients, bytes)
        assert clients.count(b"name=llm-gateway-cache-") == 1
        changed = config_of({**document({"enabled": True}, url=redis_server.url), **own})
        assert serving.swap(Effective(changed, {}, {})) == ["cache"]
        assert serving.answers.far is far
        await serving.stop(0)
        assert not far.link.up

    run(test)
