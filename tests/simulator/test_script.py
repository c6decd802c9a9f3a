"""What the simulated models say."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.simulator.script import Ask, Script, Tool, cached_tokens

TOOLS = (
    Tool(name="weather", schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}),
    Tool(name="clock", schema=None),
)


def say(text="hi", script=None, **fields):
    return (script or Script()).say(Ask(model="m", text=text, prompt_tokens=10, earlier_tokens=6, **fields), "digest")


def text_of(answer):
    return "".join(answer.text)


def test_echo():
    """Without a wish the model names itself and repeats what was said."""
    assert text_of(say("good day")) == "I am a simulated model, m. You said: good day"
    assert "I see 2 images and 1 file." in text_of(say(images=2, files=1))


@pytest.mark.parametrize(
    ("text", "choice", "parallel", "names"),
    [
        ("call weather", "auto", True, ["weather"]),
        ("please call clock and call weather", "auto", True, ["weather", "clock"]),
        ("call clock, call weather", "auto", False, ["weather"]),
        ("hello", "auto", True, []),
        ("call weather", "none", True, []),
        ("hello", "any", True, ["weather"]),
        ("call clock", "any", True, ["clock"]),
        ("hello", "clock", True, ["clock"]),
    ],
)
def test_calls(text, choice, parallel, names):
    """Tools are called when the text says so or the choice forces it."""
    answer = say(text, tools=TOOLS, choice=choice, parallel=parallel)
    assert [call.name for call in answer.calls] == names
    assert (answer.finish == "tool") is bool(names)
    assert len({call.id for call in answer.calls}) == len(names)


def test_arguments_fit_the_schema():
    """Arguments are an instance of the tool's schema."""
    assert msgspec.json.decode(say("call weather", tools=TOOLS).calls[0].arguments) == {"city": "simulated"}


def test_results_end_the_loop():
    """After a tool's result the model speaks instead of calling again."""
    answer = say("call weather", tools=TOOLS, results=("sunny",))
    assert (answer.calls, text_of(answer)) == ((), "The tool said: sunny")


def test_stop_and_limit():
    """A stop sequence cuts the text, a limit counts thinking first, and the finish says which."""
    stopped = say("x", stop=("You", "model"))
    assert (text_of(stopped), stopped.finish, stopped.stop) == ("I am a simulated ", "sequence", "model")
    short = say("x", limit=3)
    assert (len(short.text), short.finish) == (3, "length")
    thinking = say("x", limit=3, thinking=True)
    assert (len(thinking.thinking), thinking.text, thinking.finish) == (3, (), "length")
    assert say("x", limit=10_000).finish == "stop"


def test_structured_output():
    """A schema is met, JSON mode gives an object, and neither is padded."""
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]}
    assert msgspec.json.decode(text_of(say(schema=schema, script=Script(tokens=500)))) == {"n": 3}
    assert msgspec.json.decode(text_of(say("x", json_mode=True)))["you_said"] == "x"


def test_length_by_option_and_by_request():
    """The option sets the length of answers, a request overrides it."""
    assert len(say("x", Script(tokens=40)).text) == 40
    assert len(say("x [tokens=7]", Script(tokens=40)).text) == 7


def test_refusal_and_replies():
    """[refuse] refuses; a scripted reply is found by a part of the text."""
    assert say("[refuse]").finish == "refusal"
    assert text_of(say("what is the capital?", Script(replies={"capital": "Paris"}))) == "Paris"


def test_cached():
    """[cached] is all but the last message, [cached=N] is N and never more than the prompt."""
    tokens = [
        cached_tokens(Ask(model="m", text=t, prompt_tokens=10, earlier_tokens=6))
        for t in ("", "[cached]", "[cached=4]", "[cached=99]")
    ]
    assert tokens == [0, 6, 4, 10]


def test_digest_is_of_what_is_asked():
    """The seed and the question decide; how the answer is to travel and the order of fields do not."""
    one = Script(seed=1).digest({"a": 1, "b": 2})
    assert one == Script(seed=1).digest({"b": 2, "a": 1, "stream": True, "stream_options": {}})
    assert one != Script(seed=2).digest({"a": 1, "b": 2})
    assert one != Script(seed=1).digest({"a": 1, "b": 3})
