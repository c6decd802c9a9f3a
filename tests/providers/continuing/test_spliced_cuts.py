"""Answers cut anywhere, two thousand in every run and ten thousand where everything is tried: no character is lost or doubled, and nothing that is cut looks complete."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from amount import EVERYTHING
from llm_gateway.core.errors import GatewayError, UpstreamError
from llm_gateway.dialects.base import Prefill
from llm_gateway.providers.continuing.asking import continued_request, way
from llm_gateway.providers.continuing.legs import resume
from llm_gateway.providers.continuing.spliced import ANEW_CHARS
from providers.legs import FRONTS, Caller, Feed, leg, read, story_of, stream, texts

CUTS = 10_000 if EVERYTHING else 2_000
PARTS = 4
_LETTERS = 'abcde ABé ñü 中文字 日本 👍🏽 👨‍👩‍👧 \u0301\u200d \n\n\t  \u00a0{}"\\[]:,data: \r'
_PROVIDER = Prefill(frozenset({"openai_chat"}))
_BACKS = ("openai_chat", "openai_chat", "anthropic_messages", "ollama_chat", "gemini")


class Sent:
    """Only what `resume` wants of an Exchange."""

    story = None


def a_text(draw: random.Random) -> str:
    """Sometimes one that repeats itself."""
    text = "".join(draw.choice(_LETTERS) for _ in range(draw.randint(1, 60)))
    return text * draw.randint(2, 4) if draw.random() < 0.1 else text


def pieces(draw: random.Random, text: str) -> list[str]:
    """`text` as a model says it."""
    out = []
    while text:
        size = draw.randint(1, 12)
        out.append(text[:size])
        text = text[size:]
    return out


def reads(draw: random.Random, data: bytes) -> list[bytes]:
    """`data` as it comes from the network."""
    longest = draw.choice((7, 200, 200, 1000, 1000, 4000, 4000, 9000, 9000))
    out = []
    while data:
        size = draw.randint(1, longest)
        out.append(data[:size])
        data = data[size:]
    return out


class Case:
    """One answer: its caller, its legs and what it should have been."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.front = draw.choice(list(FRONTS))
        self.truth = a_text(draw)
        self.caller = Caller()
        self.story = story_of(self.front)
        self.seen: Counter[str] = Counter()

    def source(self, back: str, text: str, cut: float) -> Feed:
        """A provider's answer, cut with this probability."""
        draw = self.draw
        data = stream(back, *texts(*pieces(draw, text)))
        if draw.random() < cut:
            data = data[: draw.randrange(len(data))]
        return Feed(reads(draw, data), reset=draw.random() < 0.5, early=draw.choice((0, 0, 1, 5, 1000)))

    async def told(self) -> bool:
        """Whether it was told to its end. Every failure is a typed error."""
        back = self.draw.choice(_BACKS)
        try:
            answer = await leg(self.story, self.caller, self.source(back, self.truth, 0.9), back=back)
        except UpstreamError:
            assert not self.caller.data  # another candidate would be asked
            return False
        sent = Sent()
        while answer.error is not None:
            try:
                resume(sent, self.story, answer.error)
            except GatewayError as error:
                self.seen[error.details["not_continued"]] += 1
                self.caller.data += FRONTS[self.front][0].frame_error(error, "id")  # as the edge ends it
                return False
            answer = await self.onward() or answer
        return True

    async def onward(self):
        """The next leg, or None when it failed before it added anything."""
        draw, story, shown = self.draw, self.story, self.story.shown
        assert shown
        assert shown == shown.rstrip()
        assert self.truth.startswith(shown)
        how = way(story, _PROVIDER if draw.random() < 0.5 else None)
        other = a_text(draw) if draw.random() < 0.1 else ""
        back = draw.choice(_BACKS)
        repeats = how == "verify" or draw.random() < 0.2
        anew = not repeats and len(shown) >= ANEW_CHARS and draw.random() < 0.1  # it passes over what it was given
        if how == "prefill":
            given = continued_request(story.request, shown, how).messages[-1]
            assert (given.role, given.parts[0].text) == ("assistant", shown)
            said = self.truth if repeats or anew else self.truth[len(shown) :]
        else:
            said = self.truth
            if other:  # it goes another way somewhere
                at = draw.randint(0, len(said))
                said = said[:at] + other
        before = self.caller.data
        try:
            answer = await leg(story, self.caller, self.source(back, said, 0.5), how, back, repeats=repeats)
        except UpstreamError as error:
            self.seen[error.reason] += 1
            assert self.caller.data == before
            return None
        self.seen[how] += 1
        if anew:
            assert answer.error is not None
            self.truth = shown + said  # it was cut before it could be told from an answer that goes on
        elif how == "verify" and said.startswith(shown):
            self.truth = said
        elif how == "verify":  # it agreed at first
            assert self.caller.data == before
            assert answer.error is not None
        return answer


async def many(count: int, seed: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    for number in range(count):
        case = Case(random.Random(f"{seed}-{number}"))
        complete = await case.told()
        got = read(case.front, case.caller.data)
        assert got.complete is complete, number
        assert got.starts <= 1, number
        if complete:
            assert got.text == case.truth, number
            seen["complete"] += 1
            assert case.caller.data.count(b"x_gateway_continued") <= case.story.seams, number
            seen["spliced"] += case.story.seams > 0
        else:
            assert case.truth.startswith(got.text), number
            seen["incomplete"] += 1
        seen += case.seen
    return seen


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(PARTS))
def test_no_character_is_lost_or_doubled(seed):
    """Texts of many scripts, any reads, any cuts, up to three seams, prefilled and verified, all dialects before four others."""
    count = CUTS // PARTS
    seen = asyncio.run(many(count, seed))
    assert seen["spliced"] > count / 5
    assert seen["prefill"] > count / 10
    assert seen["verify"] > count / 10
    assert seen["differs"] > count / 100
