"""A further leg: what it adds is shown, what it repeats is not, and what cannot be believed ends it."""

from __future__ import annotations

import pytest

from llm_gateway.core import events as ev
from llm_gateway.core.errors import UpstreamError
from llm_gateway.core.usage import Usage
from llm_gateway.providers.continuing.spliced import ANEW_CHARS, Spliced
from providers.legs import FRONTS, read, story_of, texts
from providers.test_transform import Reader

SHOWN = "The sky is blue because of"
REST = " the air."
END = (ev.Finish("stop"), ev.Done())


class World:
    """A story with one leg that broke off, and a second one that is fed batches of events."""

    def __init__(
        self, how: str = "verify", *, shown: str = SHOWN, repeats: bool | None = None, front: str = "openai_chat"
    ) -> None:
        story = self.story = story_of(front)
        story.begin("a", "m", "first")
        out: list[ev.Event] = [ev.Start("id", "m")]
        story.tell(ev.TextDelta(shown), out)
        story.leg.chars = len(shown)
        self.data = story.write(out)
        story.cut()
        story.begin("b", "m", how)
        self.reader = Reader()
        self.leg = Spliced(self.reader, story, repeats=how == "verify" if repeats is None else repeats)

    def feed(self, *events: ev.Event) -> bytes:
        self.reader.batches.append(list(events))
        data = self.leg.feed(b"x")
        self.data += data
        return data

    def differs(self, *events: ev.Event) -> str:
        """The leg is not believed, and nothing of it was shown."""
        before = self.data
        with pytest.raises(UpstreamError) as caught:
            self.feed(*events)
        assert caught.value.reason == "differs"
        assert caught.value.code == "continuation_failed"
        assert caught.value.details == {"not_continued": "differs"}
        assert self.data == before
        return caught.value.message


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("how", ["prefill", "verify"])
def test_one_answer_is_made_of_two(how, front):
    """One beginning, one end, every character once; usage is the sum."""
    world = World(how, front=front)
    if how == "verify":
        assert world.feed(ev.Start("other", "other"), *texts("The sky", " is blue because", " of")) == b""
        assert world.leg.committed
    world.feed(ev.UsageUpdate(Usage(9, output=3)), *texts(REST), *END)
    got = read(front, world.data)
    assert (got.text, got.starts, got.complete) == (SHOWN + REST, 1, True)
    assert world.leg.usage == Usage(5 + 9, output=7 + 3)
    if got.usage is not None:
        assert (got.usage.prompt, got.usage.completion) == (14, 10)


def test_a_piece_may_stand_across_the_seam():
    """Only its new part is shown."""
    world = World()
    world.feed(*texts(SHOWN[:5], SHOWN[5:] + REST))
    assert read("openai_chat", world.data).text == SHOWN + REST


@pytest.mark.parametrize("at", [0, 7, len(SHOWN) - 1])
def test_an_answer_that_differs_is_not_shown(at):
    """Not a character of it, wherever it differs."""
    other = SHOWN[:at] + "X" + SHOWN[at + 1 :]
    World().differs(*texts(other[:3], other[3:]))


def test_the_same_in_other_characters_differs():
    """Character by character: composed and decomposed letters are not the same."""
    World(shown="caf\u00e9").differs(*texts("cafe\u0301 au lait"))


def test_an_answer_that_ends_before_differs():
    """What is shown could not have come of it."""
    World().differs(*texts(SHOWN[:9]), *END)
    world = World()
    world.feed(*texts(SHOWN[:9]))
    world.differs(ev.ToolCallStart(0, "t", "f"))


def test_a_verified_answer_may_be_over():
    """All of it had been shown; only its end had not."""
    world = World()
    world.feed(*texts(SHOWN), *END)
    got = read("openai_chat", world.data)
    assert (got.text, got.complete) == (SHOWN, True)


@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize("events", [(), texts(""), texts(" \n")])
def test_a_prefill_that_adds_nothing_is_not_believed(events, repeats):
    """A server that ends at once would make a cut answer look complete: from now on legs are verified."""
    world = World("prefill", repeats=repeats)
    if repeats:
        world.feed(*texts(SHOWN))
    assert "nothing" in world.differs(*events, *END)
    assert world.story.doubted


def test_a_prefill_that_begins_anew_is_not_believed():
    """Its text would stand there twice. It is held as long as it could be that."""
    world = World("prefill")
    assert world.feed(*texts(SHOWN[:10], SHOWN[10:20])) == b""
    assert not world.leg.committed
    assert "anew" in world.differs(*texts(SHOWN[20:] + " the"))
    assert world.story.doubted


def test_a_prefill_may_begin_like_the_answer():
    """Until it goes its own way; nothing of it is lost."""
    world = World("prefill")
    assert world.feed(*texts(" The"[1:])) == b""
    world.feed(*texts(" sky above", "."), *END)
    assert read("openai_chat", world.data).text == SHOWN + "The sky above."
    world = World("prefill")
    world.feed(*texts("The"), *END)
    assert read("openai_chat", world.data).text == SHOWN + "The"


def test_a_short_text_may_be_said_twice():
    """Ha, ha."""
    world = World("prefill", shown="h" * (ANEW_CHARS - 1))
    world.feed(*texts("h" * 50), *END)
    assert read("openai_chat", world.data).text == "h" * (ANEW_CHARS + 49)


def test_a_repeated_prefill_is_verified():
    """Mistral's."""
    world = World("prefill", repeats=True)
    world.feed(*texts(SHOWN), *texts(REST), *END)
    assert read("openai_chat", world.data).text == SHOWN + REST
    World("prefill", repeats=True).differs(*texts(REST))


@pytest.mark.parametrize("how", ["prefill", "verify"])
def test_thinking_is_not_shown_again(how):
    """It was, before the text."""
    world = World(how)
    world.feed(ev.ReasoningDelta("hm"), ev.ReasoningSignature("s"), ev.RedactedReasoning("x"))
    world.feed(*texts(SHOWN + REST if how == "verify" else REST), *END)
    got = read("openai_chat", world.data)
    assert (got.text, got.thought) == (SHOWN + REST, "")


def test_the_rest_may_hold_a_call():
    """Nobody goes on from there."""
    world = World()
    world.feed(*texts(SHOWN), ev.ToolCallStart(0, "t", "f"), ev.ToolCallDelta(0, "{}"), ev.Finish("tool_calls"), ev.Done())
    got = read("openai_chat", world.data)
    assert (got.text, got.calls, got.complete) == (SHOWN, 1, True)
    assert world.story.barrier == "tool_call"


@pytest.mark.parametrize("event", [ev.RefusalDelta("no"), ev.AudioDelta("AAAA"), ev.CitationDelta({}), ev.TextDelta("b", 1)])
def test_what_no_text_is_spliced_with(event):
    """It ends the leg. What it had added before stays, and the next leg goes on from there."""
    World("prefill").differs(event)
    world = World("prefill")
    assert world.feed(*texts(REST), event)
    assert not world.leg.done
    assert world.story.shown == SHOWN + REST
    world.differs(*texts("more"))
    world = World("prefill")
    world.feed(*texts(REST), event)
    with pytest.raises(UpstreamError):
        world.leg.end()


def test_a_leg_that_tells_no_usage_is_estimated():
    """The caller is told a sum in any case."""
    world = World("prefill")
    world.feed(*texts(REST), *END)
    assert world.leg.usage == Usage(5 + 5 + len(SHOWN) // 4, output=7 + 3)
    assert read("openai_chat", world.data).usage == world.leg.usage
