"""What was shown of an answer, whether it may be gone on with, and what its legs used."""

from __future__ import annotations

import pytest
from msgspec import Raw

from llm_gateway.core import events as ev
from llm_gateway.core.chat import Document, Message, ResponseFormat, Tool
from llm_gateway.core.errors import UpstreamError, UpstreamMalformed, UpstreamRejected
from llm_gateway.core.usage import Usage
from llm_gateway.providers.continuing.story import MAX_CHARS, MAX_SEAMS, Story, marked, why_never
from providers.legs import FRONTS, read, request_of, story_of, texts


def begun(**more):
    """A story whose first leg is being told."""
    story = story_of(**more)
    story.begin("a", "m", "first")
    return story


def told(story: Story, *events: ev.Event) -> list[ev.Event]:
    out: list[ev.Event] = []
    for event in events:
        story.tell(event, out)
    return out


def test_white_space_at_the_end_waits_for_more():
    """So that what was shown never ends with any, whatever it is made of."""
    story = begun()
    assert told(story, *texts("  one ", " \n\u00a0", "two\t")) == texts("  one", "  \n\u00a0two")
    assert story.shown == "  one  \n\u00a0two"
    assert told(story, ev.Finish("stop")) == [*texts("\t"), ev.Finish("stop")]


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (ev.ToolCallStart(0, "t", "f"), "tool_call"),
        (ev.ReasoningDelta("hm"), "thinking"),
        (ev.ReasoningSignature("s"), "thinking"),
        (ev.RedactedReasoning("x"), "thinking"),
        (ev.RefusalDelta("no"), "refusal"),
        (ev.AudioDelta("AAAA"), "audio"),
        (ev.CitationDelta({}), "citations"),
        (ev.OpaqueBlock("gemini", "k", Raw(b"{}")), "opaque"),
        (ev.Finish("stop"), "finished"),
        (ev.TextDelta("b", 1), "several_answers"),
        (ev.TextDelta("b", 0, Raw(b"{}")), "logprobs"),
    ],
)
def test_what_no_other_leg_goes_on_from(event, why):
    """The white space that waited is shown before it, the text is not kept any longer, and all else goes on as it comes."""
    story = begun()
    assert told(story, *texts("text "), event, *texts(" more ")) == [*texts("text", " "), event, *texts(" more ")]
    assert story.obstacle(UpstreamError("cut")) == why
    assert story.shown == ""


def test_thinking_before_the_text_is_no_obstacle():
    """It is over, and nobody has to think it again."""
    story = begun()
    thoughts = [ev.ReasoningDelta("hm"), ev.ReasoningSignature("s"), ev.RedactedReasoning("x")]
    assert told(story, *thoughts, *texts("so")) == [*thoughts, *texts("so")]
    assert story.obstacle(UpstreamError("cut")) == ""


def test_thinking_alone_is_nothing_to_go_on_from():
    """Nobody goes on with thoughts."""
    story = begun()
    told(story, ev.ReasoningDelta("hm"), *texts(" \n"))
    assert story.obstacle(UpstreamError("cut")) == "nothing_shown"


def test_only_so_much_is_kept():
    """A long answer goes on as it is, and is not continued."""
    story = begun()
    told(story, *texts("x" * MAX_CHARS))
    assert story.obstacle(UpstreamError("cut")) == ""
    assert told(story, *texts("y ")) == texts("y", " ")
    assert story.obstacle(UpstreamError("cut")) == "too_long"
    story = begun()
    assert told(story, *texts(" " * (MAX_CHARS + 1))) == texts(" " * (MAX_CHARS + 1))


@pytest.mark.parametrize("error", [UpstreamRejected("no"), ValueError("a bug")])
def test_a_failure_of_the_request_itself_is_final(error):
    """Another leg would only repeat it."""
    story = begun()
    told(story, *texts("text"))
    assert story.obstacle(error) == "refused"


def test_seams_are_counted():
    """So many, and no more."""
    story = begun()
    told(story, *texts("text"))
    for _ in range(MAX_SEAMS):
        assert story.obstacle(UpstreamMalformed("cut")) == ""
        story.cut()
        story.begin("b", "m", "verify")
    assert story.obstacle(UpstreamMalformed("cut")) == "seams"


@pytest.mark.parametrize(
    ("shown", "stopped"), [("so it", False), ("so it E", True), ("so it EN", True), ("END", False), ("so #", True)]
)
def test_a_stop_sequence_must_not_stand_across_a_seam(shown, stopped):
    """The next provider would not see its beginning."""
    story = begun(stop=("END", "##"))
    told(story, *texts(shown))
    assert story.obstacle(UpstreamError("cut")) == ("stop_sequence" if stopped else "")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, ""),
        ({"n": 1, "logprobs": False, "response_format": ResponseFormat("text"), "tools": (Tool("f"),)}, ""),
        ({"n": 2}, "several_answers"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 2}, "logprobs"),
        ({"response_format": ResponseFormat("json")}, "structured"),
        ({"response_format": ResponseFormat("schema")}, "structured"),
        ({"tools": (Tool("web_search", dialect="openai_chat", raw=Raw(b"{}")),)}, "server_tools"),
        ({"messages": (Message("user", (Document(text="x", citations=True),)),)}, "sources_asked"),
    ],
)
def test_requests_whose_answers_are_never_continued(more, why):
    """They are told as any other, and nothing of them is kept."""
    request = request_of("openai_chat", **more)
    assert why_never(request) == why
    story = Story(request, FRONTS["openai_chat"][0].stream_writer(request))
    story.begin("a", "m", "first")
    assert told(story, *texts("text ")) == texts("text " if why else "text")
    assert story.obstacle(UpstreamError("cut")) == why


def test_a_route_that_only_restarts_keeps_nothing():
    """Nor does it hold white space back."""
    story = begun(keeps=False)
    assert told(story, *texts("text ")) == texts("text ")
    assert (story.shown, story.barrier) == ("", "restart")


def test_usage_is_that_of_all_legs():
    """Told by one, estimated for one that broke before it told any; a leg that wrote nothing cost nothing."""
    story = begun()
    story.leg.chars = 40
    told(story, *texts("x" * 40))
    story.cut()
    story.begin("b", "m", "prefill")  # refused before its first word
    story.begin("c", "m", "prefill")
    story.leg.usage = Usage(input=30, cache_read=4, output=7)
    story.settle()
    assert [(leg.provider, leg.how, leg.estimated) for leg in story.legs] == [("a", "first", True), ("c", "prefill", False)]
    assert story.legs[0].usage == Usage(input=5, output=10)  # one message of one character, 40 characters
    assert story.usage == Usage(input=35, cache_read=4, output=17)


def test_a_prefill_counts_as_input_where_it_must_be_estimated():
    """It was given to that leg."""
    story = begun()
    told(story, *texts("x" * 40))
    story.cut()
    story.begin("b", "m", "prefill")
    story.leg.chars = 4
    story.settle()
    assert story.legs[-1].usage == Usage(input=5 + 10, output=1)


def test_usage_that_was_told_too_early_is_corrected():
    """Anthropic tells one output token at the beginning of a stream."""
    story = begun()
    story.leg.usage, story.leg.chars = Usage(input=9, output=1), 400
    story.settle()
    assert story.leg.usage == Usage(input=9, output=101)
    assert story.leg.estimated
    story.leg.usage, story.leg.estimated = Usage(input=9, reasoning=80, output=20), False
    story.settle()
    assert not story.leg.estimated


@pytest.mark.parametrize("front", FRONTS)
def test_the_first_that_a_leg_adds_carries_the_mark(front):
    """Once for each seam, in every dialect, where its readers pass over it."""
    story = begun(front=front)
    data = story.write([ev.Start("id", "m"), *texts("one ")])
    story.leg.chars = 4
    story.length = 4
    story.cut()
    story.begin("b", "large", "verify")
    added = story.write(texts("two ")) + story.write(texts("three"))
    assert b"x_gateway_continued" not in data
    assert (
        added.count(b'{"x_gateway_continued":{"provider":"b","model":"large","how":"verify","at":4,"seam":1,"estimated":true},')
        == 1
    )
    got = read(front, data + added + story.write([ev.Finish("stop"), ev.Done()]))
    assert (got.text, got.starts, got.complete) == ("one two three", 1, True)


def test_a_mark_needs_an_object():
    """Where there is none yet it waits."""
    assert marked(b"data: [DONE]\n\n", b'"x":1') == b"data: [DONE]\n\n"
    assert marked(b"{}\n", b'"x":1') == b'{"x":1}\n'


def test_what_could_not_be_written_is_not_gone_on_from():
    """Nobody knows how much of it was shown."""

    class Full:
        def feed(self, batch):
            raise UpstreamMalformed("too large")

    story = Story(request_of("openai_chat"), Full())
    told(story, *texts("text"))
    with pytest.raises(UpstreamMalformed):
        story.write(texts("text"))
    assert story.obstacle(UpstreamError("cut")) == "unwritable"
