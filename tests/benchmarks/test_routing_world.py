"""What the simulation of routing is made of: its time, its traffic, its providers."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from benchmarks.routing import trace
from benchmarks.routing.measures import Row, percentile
from benchmarks.routing.providers import GRAIN, Profile, Provider, Trouble
from benchmarks.routing.report import HEAD, markdown
from benchmarks.routing.traffic import AGENTS, Conversation, Turn, bursts, conversations, diurnal, fingerprints, prompts_of
from benchmarks.routing.virtual import START, VirtualLoop, run

from llm_gateway.core.errors import UpstreamError
from llm_gateway.routing.prefix import of_parts


def inside(coroutine, loop: VirtualLoop | None = None):
    return run(coroutine, loop or VirtualLoop())


def test_sleep_takes_no_time() -> None:
    """An hour is over at once, timers fire in their order, and the clock stands where they say."""
    fired: list[int] = []
    loop = VirtualLoop()

    async def main() -> float:
        loop.call_later(3600, fired.append, 2)
        loop.call_later(1800, fired.append, 1)
        await asyncio.sleep(7200)
        return loop.time()

    assert inside(main(), loop) == pytest.approx(START + 7200)
    assert fired == [1, 2]


def test_waiting_for_nothing_is_an_error() -> None:
    """What would hang for ever in real time says so."""

    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        inside(main())


def test_a_failed_task_is_not_lost() -> None:
    """Nobody looks at it, and the run fails all the same."""

    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    with pytest.raises(RuntimeError, match="a task failed"):
        inside(main())


def test_fingerprints_are_alike_where_prompts_are() -> None:
    """Two prompts have as many in common as routing.prefix finds in bytes of that length with that beginning in common."""
    one, other = (Conversation(name, 0.0, 7, 3000, (Turn(1.0, 900, 100),) * 5) for name in ("a", "b"))
    texts = [bytes([65]) * 12_000 + bytes([letter]) * 20_000 for letter in (66, 67)]
    real = [of_parts([text[: 4 * one.prompts()[3]]]) for text in texts]
    ours = [fingerprints(who, one.prompts()[3]) for who in (one, other)]
    assert [len(found) for found in ours] == [len(found) for found in real]
    assert sum(map(int.__eq__, *ours)) == sum(map(int.__eq__, *real)) > 5
    assert fingerprints(one, one.prompts()[4])[: len(ours[0])] == ours[0]


def test_traffic_follows_its_rhythm() -> None:
    """Bursts have their share, a day its noon; a prompt holds all that was said before it."""
    burst = conversations(Random(1), 1000, bursts(1, 10, 100, 10), 10, AGENTS)
    assert sum(one.start % 100 < 10 for one in burst) / len(burst) == pytest.approx(100 / 190, abs=0.05)
    day = conversations(Random(1), 1000, diurnal(0, 4, 1000), 4, AGENTS)
    assert sum(250 < one.start < 750 for one in day) > 3 * sum(not 250 < one.start < 750 for one in day)
    two = Conversation("a", 0.0, 0, 100, (Turn(0.0, 10, 5), Turn(0.0, 20, 5)))
    assert two.prompts() == [110, 135]


def test_the_trace_is_the_one_that_is_drawn(tmp_path) -> None:
    """The file can be made again from this source; and it is what its source says it is."""
    trace.write(tmp_path / "trace.csv")
    assert (tmp_path / "trace.csv").read_text() == trace.FILE.read_text()
    several = trace.load()
    code = sorted(turn.output for one in several if 10 <= one.system < 20 for turn in one.turns)
    chat = sorted(turn.output for one in several if one.system < 10 for turn in one.turns)
    agents = sorted(prompts_of([one for one in several if one.system >= 20]))
    assert percentile(code, 0.5) == pytest.approx(13, rel=0.2)
    assert percentile(chat, 0.5) == pytest.approx(129, rel=0.2)
    assert percentile(agents, 0.5) == pytest.approx(6900, rel=0.2)
    assert percentile(sorted(prompts_of([one for one in several if one.system < 10])), 0.5) == pytest.approx(1020, rel=0.2)


TALK = Conversation("c", 0.0, 1, 2000, (Turn(1.0, 1000, 100), Turn(1.0, 1000, 100)))


def asked(provider: Provider, tokens: int, patience: float = 60.0):
    """The first token's usage, after the whole answer."""

    async def main():
        begun, said = await provider.begin(TALK, tokens, 100, patience)
        await provider.stream(begun)
        return begun.usage, said

    return main()


def test_caches_hold_what_was_sent_until_it_is_old() -> None:
    """In whole blocks; and cached tokens are cheaper and quicker."""
    loop = VirtualLoop()
    provider = Provider(Profile("p", keeps=60.0, finds=1.0), Random(1), START)

    async def main() -> list[int]:
        found = []
        for tokens, pause in ((3000, 1.0), (4100, 59.0 - 10), (4100, 61.0), (4100, 0.0)):
            usage, _ = await asked(provider, tokens)
            found.append(usage.cache_read)
            await asyncio.sleep(pause)
        return found

    assert inside(main(), loop) == [0, 3000 // GRAIN * GRAIN, 4099 // GRAIN * GRAIN, 0]
    book = provider.ledger
    fresh, cached = book.prompt - book.cached, book.cached
    assert book.cost == pytest.approx((fresh * 3.0 + cached * 0.3 + 400 * 15.0) / 1e6)


def test_troubles_and_limits_are_failures_as_the_gateway_knows_them() -> None:
    """With their reason words; a limit says when to come back, and how much was left before."""
    loop = VirtualLoop()
    dead = Provider(Profile("p", troubles=(Trouble(0, 10, fail=1.0, how="connect"),)), Random(1), START)
    limited = Provider(Profile("q", per_minute=4), Random(1), START)

    async def main() -> tuple[str, str, float | None, int]:
        with pytest.raises(UpstreamError) as refused:
            await asked(dead, 100)
        _, said = await limited.begin(TALK, 100, 100, 60.0)
        with pytest.raises(UpstreamError) as limit:
            await limited.begin(TALK, 100, 100, 60.0)
        return refused.value.reason, limit.value.reason, limit.value.retry_after, int(next(iter(said.headers.values())))

    first, second, pause, left = inside(main(), loop)
    assert (first, second, left) == ("connect", "rate_limited", 0)
    assert pause == pytest.approx(16.0, abs=1.0)


def test_who_lets_wait_too_long_timed_out() -> None:
    """And what was read for it is charged."""
    provider = Provider(Profile("p", ttft=5.0), Random(1), START)
    with pytest.raises(UpstreamError, match="simulated"):
        inside(asked(provider, 1000, patience=1.0))
    assert provider.ledger.wasted == provider.ledger.cost == pytest.approx(1000 * 3.0 / 1e6)
    assert provider.crowd() == 1.0


def test_the_report_has_every_row() -> None:
    """And says what does not hold."""
    row = Row("prefix", "sticky", 100, 0.5, 1.0, 0.0, 10.0, 0.5, 0.0, 1.0, 0.0, 0.0)
    races = [row._replace(scenario="2.0% slow", strategy="alone"), row._replace(scenario="2.0% slow", strategy="hedged", p99=0.5)]
    text = markdown([row], races, ["it is broken"], 2)
    assert "- it is broken" in text
    assert f"| {' | '.join(HEAD)} |" in text
    assert "| 2.0% slow | 1.00 | 0.50 | 50% | 0.00% | 0.00% |" in text
