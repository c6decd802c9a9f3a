"""How much of a stream is there at its end, for whoever keeps it or looks at what it said."""

from __future__ import annotations

import pytest

from llm_gateway.providers.answer import SAMPLE_BYTES
from providers.one_stream import FINISH, Reply, fresh
from serving import run
from whole_gateway import DONE, piece

LONG = [piece(str(number) * 100) for number in range(SAMPLE_BYTES // 100)]
WHOLE = b"".join(LONG) + FINISH + DONE


@pytest.mark.parametrize("before", [1, 2, len(LONG)], ids=["first", "some", "all"])
@pytest.mark.parametrize("reads", ["one", "many"])
def test_all_is_remembered_whenever_it_came(before: int, reads: str):
    """Also what came before anybody asked for it, in one read or several: a quick provider's whole answer may have."""

    async def test() -> None:
        answer, reply = fresh(), Reply()
        for data in LONG[:before] if reads == "many" else [b"".join(LONG[:before])]:
            answer.feed(data)
        answer.remember(10 * len(WHOLE))
        answer.attach(reply)
        for data in (*LONG[before:], FINISH + DONE):
            answer.feed(data)
        assert answer.over.done()
        assert bytes(answer.sample) == b"".join(reply.writes) == WHOLE

    run(test)


def test_no_more_is_remembered_than_somebody_wants():
    """The beginning, for whoever wants little; the larger wish holds, whoever comes last."""

    async def test() -> None:
        for wishes, least in (((), SAMPLE_BYTES), ((2 * SAMPLE_BYTES, 10), 2 * SAMPLE_BYTES)):
            answer = fresh()
            answer.feed(b"".join(LONG))
            for wish in wishes:
                answer.remember(wish)
            answer.attach(Reply())
            for data in LONG * 5:
                answer.feed(data)
            assert least <= len(answer.sample) <= least + len(LONG[0])
            assert (b"".join(LONG) * 6).startswith(bytes(answer.sample))

    run(test)
