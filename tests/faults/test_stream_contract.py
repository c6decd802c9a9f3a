"""docs/STREAM-CONTRACT.md through the real stages: what a caller sees of a stream that breaks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from faults.breaking import ASKED, KINDS, NDJSON, SHOWN, WHOLE, World, ask, cut, full
from llm_gateway.core import events as ev
from llm_gateway.core.usage import Usage
from llm_gateway.simulator import SimulatorOptions, running_simulator
from llm_gateway.simulator.options import Mount
from providers.legs import read, stream, texts
from scripted_upstream import ASK, CLOSE, RESET
from scripted_upstream import Upstream as Server
from serving import connected, run, until
from whole_gateway import KEY, LAST, SSE_HEAD, answer, chat, chunk, request, whole_gateway

REST = WHOLE[len(SHOWN) :]


def error_of(world: World) -> dict[str, Any]:
    """The error that ends an OpenAI stream, and nothing that looks complete."""
    assert b"[DONE]" not in world.body
    return msgspec.json.decode(world.body.rstrip().rpartition(b"data: ")[2])["error"]


@pytest.mark.parametrize("how", [CLOSE, RESET])
def test_another_provider_goes_on(how):
    """One beginning, one end, every character once; the seam is marked, and both legs are counted and logged."""
    world = ask(cut(*texts("The sky ", "is blue "), how=how), full(*texts(WHOLE), usage=Usage(9, output=9)))
    got = read("openai_chat", world.body)
    assert (got.text, got.starts, got.complete) == (WHOLE, 1, True)
    mark = {"provider": "p1", "model": "real", "how": "verify", "at": len(SHOWN), "seam": 1, "estimated": True}
    assert world.body.count(b'"x_gateway_continued":' + msgspec.json.encode(mark)) == 1
    assert got.usage == Usage(9 + 5, output=9 + 4)
    assert world.line["outcome"] == "completed"
    assert world.line["tokens"] == {"input": 14, "output": 13, "cached": 0}
    assert world.line["seams"] == 1
    assert [(one["provider"], one.get("error")) for one in world.line["attempts"]] == [("p0", "reset"), ("p1", None)]


def test_a_provider_that_goes_on_from_the_text_is_given_it():
    """As it wants it; what it answers is appended."""
    world = ask(cut(*texts(SHOWN + " ")), full(*texts(REST)), kinds=("openai_compatible", "vllm"))
    assert read("openai_chat", world.body).text == WHOLE
    sent = world.asked(1)
    assert sent["messages"] == [{"role": "user", "content": "hi"}, {"role": "assistant", "content": SHOWN}]
    assert (sent["continue_final_message"], sent["add_generation_prompt"]) == (True, False)
    assert b'"how":"prefill"' in world.body


@pytest.mark.parametrize("front", ASKED)
@pytest.mark.parametrize("first", ["openai_chat", "anthropic_messages"])
@pytest.mark.parametrize("second", ["openai_chat", "anthropic_messages", "gemini"])
def test_any_dialect_goes_on_with_any(front, first, second):
    """In the caller's own, whoever begins and whoever ends."""
    world = ask(
        cut(*texts(SHOWN), back=first), full(*texts(WHOLE), back=second), front=front, kinds=(KINDS[first], KINDS[second])
    )
    got = read(front, world.body)
    assert (got.text, got.starts, got.complete, got.failed) == (WHOLE, 1, True, False)
    assert world.body.count(b"x_gateway_continued") == 1


def test_lines_go_on():
    """Ollama's."""
    lines = stream("ollama_chat", *texts(SHOWN), whole=False)
    world = ask(
        [ASK, NDJSON, chunk(lines), CLOSE],
        full(*texts(WHOLE)),
        front="ollama_chat",
        kinds=("ollama",),
        body=ASKED["ollama_chat"][1],
    )
    got = read("ollama_chat", world.body)
    assert (got.text, got.complete) == (WHOLE, True)


def test_an_array_goes_on():
    """Gemini's streams without alt=sse are one JSON document, to the end."""
    path, body = ASKED["gemini"]
    as_array = (path.partition("?")[0], body)

    async def main() -> None:
        async with Server(cut(*texts(SHOWN))) as one, Server(full(*texts(WHOLE))) as two:
            document = {
                "providers": {name: {"type": "openai_compatible", "base_url": at.url} for name, at in (("a", one), ("b", two))},
                "models": {"m": {"deployments": ["a/real", "b/real"], "on_cut": "continue"}},
                "auth": {"keys": [{"name": "tests", "key": KEY}]},
            }
            async with whole_gateway(document) as gateway:
                _, _, data = await gateway.post(*as_array)
                pieces = msgspec.json.decode(data)
                parts = [part for piece in pieces for part in piece["candidates"][0]["content"]["parts"]]
                assert "".join(part.get("text", "") for part in parts) == WHOLE
                assert sum("x_gateway_continued" in piece for piece in pieces) == 1

    run(main)


def test_an_answer_that_differs_is_a_typed_error():
    """Nothing of it is shown, and nothing looks complete."""
    world = ask(cut(*texts(SHOWN)), full(*texts("The sky is black.")))
    assert read("openai_chat", world.body).text == SHOWN
    error = error_of(world)
    assert (error["type"], error["code"]) == ("provider_error", "continuation_failed")
    assert error["details"] == {"not_continued": "differs"}
    assert world.line["outcome"] == "cut"
    assert [one.get("error") for one in world.line["attempts"]] == ["reset", "differs"]


def test_the_next_one_may_agree():
    """One that differs is passed over."""
    world = ask(cut(*texts(SHOWN)), full(*texts("Blue.")), full(*texts(WHOLE)))
    assert read("openai_chat", world.body).text == WHOLE


def test_one_that_differs_late_is_passed_over_too():
    """It had begun to agree: that was no new seam to the caller."""
    late = [ASK, SSE_HEAD, chunk(stream("openai_chat", *texts("The sky"), whole=False)), 0.05]
    world = ask(cut(*texts(SHOWN)), [*late, chunk(stream("openai_chat", *texts(" was")))], full(*texts(WHOLE)))
    got = read("openai_chat", world.body)
    assert (got.text, got.complete) == (WHOLE, True)
    assert world.body.count(b"x_gateway_continued") == 1


def test_the_second_leg_may_break_too():
    """What it added stays."""
    world = ask(cut(*texts(SHOWN)), cut(*texts(SHOWN + " because")), full(*texts(WHOLE)))
    got = read("openai_chat", world.body)
    assert (got.text, got.starts, got.complete) == (WHOLE, 1, True)
    assert world.body.count(b"x_gateway_continued") == 2
    assert world.line["seams"] == 2


def test_a_leg_that_breaks_in_the_read_it_began_in():
    """Its text is not lost with it."""
    both = stream("openai_chat", *texts(SHOWN + " because"), whole=False) + b'data: {"error":{"message":"no"}}\n\n'
    world = ask(cut(*texts(SHOWN)), [ASK, SSE_HEAD + chunk(both)], full(*texts(WHOLE)))
    assert read("openai_chat", world.body).text == WHOLE


def test_the_only_provider_goes_on_itself():
    """Where the route allows a retry."""
    world = ask([cut(*texts(SHOWN)), full(*texts(WHOLE))], retries=1)
    assert read("openai_chat", world.body).text == WHOLE
    assert len(world.line["attempts"]) == 2


def test_nobody_is_left():
    """The cut is told as ever, and that nobody was asked."""
    error = error_of(ask(cut(*texts(SHOWN))))
    assert error["code"] == "upstream_error"
    assert error["details"] == {"not_continued": "nobody"}


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([*texts("Let me see."), ev.ToolCallStart(0, "t1", "f"), ev.ToolCallDelta(0, '{"a"')], "tool_call"),
        ([*texts("Yes."), ev.ReasoningDelta("hm")], "thinking"),
    ],
)
def test_what_is_not_continued(events, why):
    """Nobody is asked; the error says why."""
    world = ask(cut(*events), full(*texts(WHOLE)))
    assert error_of(world)["details"] == {"not_continued": why}
    assert not world.providers[1].requests


def test_strict_json_is_not_continued():
    """It would be two halves of different documents."""
    asked = chat(stream=True, response_format={"type": "json_object"})
    world = ask(cut(*texts('{"a"')), full(*texts('{"a":1}')), body=asked)
    assert error_of(world)["details"] == {"not_continued": "structured"}


def test_an_error_in_the_stream_is_a_cut():
    """U31. A refusal of the request is none."""
    said = stream("openai_chat", *texts(SHOWN), whole=False)
    broken = [ASK, SSE_HEAD + chunk(said), 0.05, chunk(b'data: {"error":{"message":"no","type":"overloaded_error"}}\n\n')]
    assert read("openai_chat", ask(broken, full(*texts(WHOLE))).body).text == WHOLE
    filtered = [ASK, SSE_HEAD + chunk(said), 0.05, chunk(b'data: {"error":{"message":"no","code":"content_filter"}}\n\n')]
    assert error_of(ask(filtered, full(*texts(WHOLE))))["details"] == {"not_continued": "refused"}


def test_silence_is_a_cut():
    """After the idle timeout."""
    silent = [ASK, SSE_HEAD, chunk(stream("openai_chat", *texts(SHOWN), whole=False)), 5.0]
    world = ask(silent, full(*texts(WHOLE)), timeouts={"idle": "100ms"})
    assert read("openai_chat", world.body).text == WHOLE
    assert world.line["attempts"][0]["error"] == "idle_timeout"


def test_a_refused_prefill_is_verified():
    """At the next attempt, by the same provider if there is no other."""
    refused = [ASK, answer({"error": {"message": "no prefill"}}, "400 Bad")]
    world = ask([cut(*texts(SHOWN)), [*refused, *full(*texts(WHOLE))]], kinds=("vllm",), retries=2)
    assert read("openai_chat", world.body).text == WHOLE
    assert [one.get("error") for one in world.line["attempts"]] == ["reset", "prefill_refused", None]
    assert "continue_final_message" in world.asked(0, 1)
    assert "continue_final_message" not in world.asked(0, 2)


def test_a_prefill_that_ends_at_once_is_not_believed():
    """Or a cut answer would look complete."""
    world = ask(cut(*texts(SHOWN)), full(), full(*texts(WHOLE)), kinds=("openai_compatible", "vllm", "vllm"))
    assert read("openai_chat", world.body).text == WHOLE
    assert "continue_final_message" not in world.asked(2)


def test_thinking_that_breaks_is_begun_anew():
    """In `restart` nothing of it was shown; in `error` it was, and the caller is told."""
    thinking = [ASK, SSE_HEAD, chunk(stream("openai_chat", ev.ReasoningDelta("hm"), whole=False)), 0.05, CLOSE]
    other = full(ev.ReasoningDelta("aha"), *texts(WHOLE))
    world = ask(thinking, other, on_cut="restart")
    got = read("openai_chat", world.body)
    assert (got.thought, got.text, got.starts, got.complete) == ("aha", WHOLE, 1, True)
    assert b"x_gateway" not in world.body
    assert error_of(ask(thinking, other, on_cut="error"))["code"] == "upstream_error"


def test_restart_does_not_go_on():
    """Once the answer has begun a cut is an error, as in `error`."""
    world = ask(cut(*texts(SHOWN)), full(*texts(WHOLE)), on_cut="restart")
    error = error_of(world)
    assert error["code"] == "upstream_error"
    assert "not_continued" not in (error.get("details") or {})
    assert not world.providers[1].requests


def test_error_passes_every_byte_on():
    """The default pays nothing and changes nothing."""
    odd = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"vendor":1}]}\n\n'
    script = [ASK, SSE_HEAD + chunk(odd), 0.02, chunk(stream("openai_chat", *texts("b"))) + LAST]
    assert odd in ask(script, on_cut="error").body
    assert odd not in ask(script).body


def test_a_caller_that_leaves_takes_the_next_leg_along():
    """Its provider is not kept busy."""

    async def main() -> None:
        async with Server(cut(*texts(SHOWN))) as one, Server([ASK, 10.0]) as two:
            document = {
                "providers": {name: {"type": "openai_compatible", "base_url": at.url} for name, at in (("a", one), ("b", two))},
                "models": {"m": {"deployments": ["a/real", "b/real"], "on_cut": "continue"}},
                "auth": {"keys": [{"name": "tests", "key": KEY}]},
            }
            async with whole_gateway(document) as gateway, connected(gateway.port) as raw:
                raw.send(request(*ASKED["openai_chat"]))
                await until(lambda: bool(two.requests))
                raw.writer.close()
                await until(lambda: bool(gateway.access()))
                assert gateway.access()[-1]["outcome"] == "client_gone"

    run(main)


@pytest.mark.parametrize(
    ("front", "back"),
    [("openai_chat", "openai"), ("openai_chat", "anthropic"), ("anthropic_messages", "openai"), ("gemini", "openai")],
)
def test_simulated_providers_go_on(front, back):
    """Any cut of a real dialect's bytes: the text is that of the uncut answer, unless its end was all that was missing."""
    text = "Der Himmel ist blau, 空は青い 👍🏽 because of the air: " * 3
    cuts = range(300, 9000, 411)
    mounts = [Mount(prefix=f"/cut{after}", speaks=back, fault=f"close_mid:after={after}") for after in cuts]
    options = SimulatorOptions(replies={"hi": text}, mounts=(*mounts, Mount(prefix="/well", speaks=back)))
    path, body = ASKED[front]
    seams = 0

    async def main(url: str) -> None:
        nonlocal seams
        names = [mount.prefix[1:] for mount in options.mounts]
        document = {
            "providers": {name: {"type": back, "base_url": f"{url}/{name}/v1", "api_key": "k"} for name in names},
            "models": {f"m-{name}": {"deployments": [f"{name}/real", "well/real"], "on_cut": "continue"} for name in names[:-1]},
            "auth": {"keys": [{"name": "tests", "key": KEY}]},
        }
        async with whole_gateway(document) as gateway:
            for name in names[:-1]:
                model = f"m-{name}"
                _, _, data = await gateway.post(
                    path.replace("/m:", f"/{model}:"), body if front == "gemini" else body | {"model": model}
                )
                got = read(front, data)
                seams += b"x_gateway_continued" in data
                assert got.text.strip() == text.strip()
                assert got.complete or gateway.access()[-1]["outcome"] == "cut"

    with running_simulator(options) as simulator:
        run(lambda: main(simulator.url))
    assert seams > len(cuts) / 3
