"""The first leg: thinking is held back until the answer itself begins."""

from __future__ import annotations

import pytest
from msgspec import Raw

from llm_gateway.core import events as ev
from llm_gateway.core.usage import Usage
from llm_gateway.providers.continuing.tracked import HOLD_CHARS, HOLD_SECONDS, Tracked
from providers.legs import FRONTS, read, story_of, texts
from providers.test_transform import Reader

START = ev.Start("id", "m")
THOUGHT = ev.ReasoningDelta("hm")


class World:
    """A leg that is fed batches of events."""

    def __init__(self, *, keeps: bool = False, latest: float = 1000.0) -> None:
        self.now = 0.0
        self.reader = Reader()
        self.story = story_of(keeps=keeps)
        self.story.begin("a", "m", "first")
        self.leg = Tracked(self.reader, self.story, lambda: self.now, latest, "model", "ident")

    def feed(self, *events: ev.Event) -> bytes:
        self.reader.batches.append(list(events))
        return self.leg.feed(b"x")

    def end(self, *events: ev.Event) -> bytes:
        self.reader.batches.append(list(events))
        return self.leg.end()


def test_thinking_is_held_until_the_answer_begins():
    """Then it comes, whole and in order, before the first word."""
    world = World()
    assert world.feed(START, THOUGHT) == b""
    assert world.feed(ev.ReasoningDelta("mm"), ev.ReasoningSignature("sig"), ev.UsageUpdate(Usage(3))) == b""
    assert world.feed(*texts("\n")) == b""
    assert not world.leg.committed
    got = read("openai_chat", world.feed(*texts("so")))
    assert world.leg.committed
    assert (got.thought, got.text, got.starts) == ("hmmm", "\nso", 1)
    assert b"ah" in world.feed(ev.ReasoningDelta("ah"))


@pytest.mark.parametrize(
    "event",
    [
        ev.TextDelta("a"),
        ev.RefusalDelta("no"),
        ev.ToolCallStart(0, "t", "f"),
        ev.AudioDelta("AAAA"),
        ev.OpaqueBlock("openai_chat", "k", Raw(b"{}")),
        ev.Finish("stop"),
    ],
)
def test_what_the_answer_begins_with(event):
    """Whatever a caller would act on."""
    world = World()
    world.feed(START, THOUGHT, event)
    assert world.leg.committed


@pytest.mark.parametrize(
    "event", [START, THOUGHT, ev.ReasoningSignature("s"), ev.RedactedReasoning("x"), ev.TextDelta(" \n"), ev.TextDelta("")]
)
def test_what_it_does_not_begin_with(event):
    """Nothing is lost yet if the stream breaks here (U07)."""
    world = World()
    assert world.feed(START, event) == b""
    assert not world.leg.committed


def test_only_so_much_is_held():
    """A model that thinks without an end is shown while it does."""
    world = World()
    assert world.feed(START, ev.ReasoningDelta("x" * HOLD_CHARS)) == b""
    assert len(world.feed(THOUGHT)) > HOLD_CHARS
    assert world.leg.committed
    world = World()
    world.feed(START, ev.RedactedReasoning("x" * (HOLD_CHARS + 1)))
    assert world.leg.committed
    world = World()
    world.feed(START, ev.TextDelta(" " * (HOLD_CHARS + 1)))
    assert world.leg.committed


def test_nor_for_long():
    """From the first thought, and never longer than the attempt allows."""
    world = World()
    world.now = 5.0
    world.feed(START, THOUGHT)
    world.now += HOLD_SECONDS - 0.1
    assert world.feed(THOUGHT) == b""
    world.now += 0.1
    assert world.feed(THOUGHT)
    world = World(latest=3.0)
    world.feed(START, THOUGHT)
    world.now = 3.0
    assert world.feed(THOUGHT)


def test_what_the_provider_does_not_name_is_named():
    """As every client's type demands."""
    data = World().feed(ev.Start("", ""), *texts("a"))
    assert b'"id":"ident"' in data
    assert b'"model":"model"' in data


def test_a_failure_while_it_thinks_shows_nothing():
    """Another candidate is asked then."""
    world = World()
    assert world.feed(START, THOUGHT, ev.Failure("oops", "overloaded_error", "c"), *texts("a")) == b""
    assert (world.leg.failure.message, world.leg.failure.type) == ("oops", "overloaded_error")
    assert not world.leg.committed


def test_an_answer_is_told_to_its_end():
    """As it is without a story; usage is kept, and nothing follows the end."""
    world = World(keeps=True)
    data = world.feed(START, *texts("a ", "b"), ev.Finish("stop"), ev.UsageUpdate(Usage(3, output=2)), ev.Done(), *texts("c"))
    data += world.feed() + world.end()
    got = read("openai_chat", data)
    assert (got.text, got.complete, got.usage) == ("a b", True, Usage(3, output=2))
    assert world.leg.usage == Usage(3, output=2)
    assert world.story.leg.chars == 3


def test_the_end_of_the_upstream_may_end_the_answer():
    """Where only the marker was missing."""
    world = World()
    world.feed(START, *texts("a"), ev.Finish("stop"))
    assert world.end(ev.Done()) == b"data: [DONE]\n\n"
    assert world.leg.done


@pytest.mark.parametrize("front", FRONTS)
def test_every_front_reads_what_was_held(front):
    """Thinking first, then the text."""
    story = story_of(front)
    story.begin("a", "m", "first")
    leg = Tracked(Reader([START, THOUGHT], [*texts("so"), ev.Finish("stop"), ev.Done()]), story, lambda: 0.0, 10.0)
    assert leg.feed(b"x") == b""
    got = read(front, leg.feed(b"x"))
    assert (got.thought, got.text, got.complete) == ("hm", "so", True)
