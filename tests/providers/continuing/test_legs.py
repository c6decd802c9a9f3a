"""What an attempt is to an answer that several legs may tell."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llm_gateway.core import events as ev
from llm_gateway.core.errors import GatewayError, Unsupported, UpstreamError, UpstreamRejected
from llm_gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from llm_gateway.dialects.openai_chat import OPENAI_CHAT
from llm_gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from llm_gateway.dialects.openai_responses import OPENAI_RESPONSES
from llm_gateway.providers.continuing.legs import Attempted, attempted, broken_off, resume
from llm_gateway.providers.continuing.spliced import Spliced
from llm_gateway.providers.continuing.tracked import Tracked
from llm_gateway.providers.deployment import Upstream
from llm_gateway.providers.registry import PROVIDER_TYPES
from llm_gateway.providers.transform import Unframed
from providers.legs import read, stream, texts
from whole_gateway import said

CHAT = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


class Asked:
    """What an Exchange is to an attempt."""

    def __init__(self, front: Any = OPENAI_CHAT, on_cut: str = "continue", body: Any = CHAT, *, streamed: bool = True) -> None:
        self.front = front
        self.on_cut = on_cut
        self.stream = streamed
        self.story: Any = None
        self.request: Any = None
        self.body = msgspec.json.encode(body)


def attempt(asked: Asked, kind: str = "openai", model: str = "m") -> Attempted | None:
    deployment = Upstream("a", PROVIDER_TYPES[kind], "http://127.0.0.1:1/v1").deployment(model)
    return attempted(asked, deployment, deployment.lane(asked.front))


def broke_off(asked: Asked, shown: str = "The sky is") -> None:
    """A first leg told this much."""
    first = attempt(asked)
    transform = chosen(first, b"data: {}\n\n")
    transform.feed(stream("openai_chat", *texts(shown), whole=False))
    resume(asked, first.story, UpstreamError("cut"))


def chosen(one: Attempted, first: bytes) -> Any:
    return one.chooser(one._lane.back, "id", lambda: 0.0, 10.0)(first)


def test_a_first_leg_is_tracked():
    """In both modes; only one of them may go on."""
    goes_on = attempt(Asked())
    assert (goes_on.how, goes_on.prefill, goes_on.onward) == ("first", None, goes_on.story)
    assert isinstance(chosen(goes_on, b"data: {}\n\n"), Tracked)
    restarts = attempt(Asked(on_cut="restart"))
    assert restarts.onward is None
    assert restarts.story.barrier == "restart"


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (Asked(streamed=False), "openai"),
        (Asked(OPENAI_RESPONSES, body={"model": "m", "stream": True, "input": "hi"}), "openai"),
        (Asked(OPENAI_COMPLETIONS, body={"model": "m", "stream": True, "prompt": "hi"}), "openai"),
    ],
)
def test_answers_like_any_other(asked, kind):
    """Whole ones; and those that pass through because only their provider can tell them."""
    assert attempt(asked, kind) is None


def test_responses_of_others_are_tracked():
    """Their ids are ours."""
    body = {"model": "m", "stream": True, "input": "hi"}
    assert attempt(Asked(OPENAI_RESPONSES, body=body), "anthropic").how == "first"


def test_another_leg_goes_on():
    """By prefill where the deployment has it, at its own place; else it is verified."""
    asked = Asked()
    broke_off(asked)
    verified = attempt(asked)
    assert (verified.how, verified.target) == ("verify", b"/v1/chat/completions")
    assert isinstance(chosen(verified, b"data: {}\n\n"), Spliced)
    prefilled = attempt(asked, "deepseek", "deepseek-chat")
    assert (prefilled.how, prefilled.target) == ("prefill", b"/beta/chat/completions")
    asked.story.doubted = True
    assert attempt(asked, "deepseek", "deepseek-chat").how == "verify"


def test_the_framing_of_a_cloud_is_taken_off():
    """As of any other stream."""
    asked = Asked(ANTHROPIC_MESSAGES, body=CHAT | {"max_tokens": 9})
    one = attempt(asked, "bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0")
    assert isinstance(chosen(one, b"\0\0"), Unframed)


def test_a_deployment_that_cannot_go_on_is_passed_over():
    """One whose streams only pass through."""
    asked = Asked()
    broke_off(asked)
    asked.front = OPENAI_COMPLETIONS
    with pytest.raises(Unsupported):
        attempt(asked)


def test_a_whole_answer_may_verify():
    """Some servers answer a stream request with one document."""
    asked = Asked()
    broke_off(asked, "The sky")
    document = said("The sky is blue.").partition(b"\r\n\r\n")[2]
    transform = chosen(attempt(asked), document)
    assert transform.feed(document) == b""
    got = read("openai_chat", transform.end())
    assert (got.text, got.complete) == (" is blue.", True)
    assert transform.done


def test_a_refused_prefill_is_no_fault_of_the_request():
    """The whole question may still be asked, here or elsewhere."""
    asked = Asked()
    broke_off(asked)
    rejected = UpstreamRejected("this model does not support prefill")
    failed = UpstreamError("oops")
    prefilled, verified = attempt(asked, "vllm"), attempt(asked)
    assert prefilled.refused(failed) is failed
    assert verified.refused(rejected) is rejected
    assert not asked.story.doubted
    error = prefilled.refused(rejected)
    assert (error.reason, error.retryable) == ("prefill_refused", True)
    assert asked.story.doubted


def test_a_cut_that_nobody_may_mend_says_why():
    """In the error's details, beside its own words."""
    asked = Asked()
    first = attempt(asked)
    transform = chosen(first, b"data: {}\n\n")
    transform.feed(stream("openai_chat", *texts("a"), ev.ToolCallStart(0, "t", "f"), whole=False))
    with pytest.raises(UpstreamError) as caught:
        resume(asked, first.story, UpstreamError("cut", details={"a": 1}))
    assert caught.value.details == {"a": 1, "not_continued": "tool_call"}
    assert asked.story is None
    with pytest.raises(KeyError):
        resume(asked, first.story, KeyError("a bug"))


def test_what_a_stream_ends_with_that_nobody_went_on_with():
    """The cut itself if nobody was asked; else that legs were tried, and what the last one came to."""
    cut, failure = UpstreamError("cut"), UpstreamError("oops")
    failure.reason = "differs"
    assert broken_off(cut, cut) is cut
    assert cut.details == {"not_continued": "nobody"}
    error = broken_off(cut, failure)
    assert isinstance(error, GatewayError)
    assert (error.code, error.details) == ("continuation_failed", {"not_continued": "differs"})
    assert error.status == 502
