"""What is read of a realtime session: its usage, and the way errors are told in it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.errors import InvalidRequest, RateLimited, TimedOut, UpstreamMalformed
from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.openai_realtime import OPENAI_REALTIME, Meter, RealtimeFront, Told

DONE = {
    "type": "response.done",
    "event_id": "e",
    "response": {
        "output": [{"content": [{"transcript": 'he said "usage" and "response.done"'}]}],
        "usage": {
            "total_tokens": 253,
            "input_tokens": 132,
            "output_tokens": 121,
            "input_token_details": {
                "text_tokens": 119,
                "audio_tokens": 13,
                "image_tokens": 0,
                "cached_tokens": 64,
                "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
        },
    },
}


def metered(*events: object) -> Meter:
    meter = Meter()
    for event in events:
        meter.look(event if isinstance(event, bytes) else msgspec.json.encode(event))
    return meter


def transcribed(usage: object) -> dict[str, object]:
    return {"type": "conversation.item.input_audio_transcription.completed", "transcript": "hi", "usage": usage}


def test_classes_do_not_overlap() -> None:
    """Cached audio is cached, not audio; the sums are the provider's."""
    usage = metered(DONE).usage
    assert usage == Usage(input=59, cache_read=64, output=30, audio_input=9, audio_output=91)
    assert (usage.prompt, usage.completion) == (132, 121)


def test_everything_is_summed() -> None:
    """Responses, and transcriptions by tokens; those by time are seconds."""
    tokens = {"type": "tokens", "input_tokens": 20, "output_tokens": 5, "input_token_details": {"audio_tokens": 20}}
    meter = metered(DONE, DONE, transcribed(tokens), transcribed({"type": "duration", "seconds": 2.5}))
    assert meter.usage == MediaUsage(input=118, cache_read=128, output=65, audio_input=38, audio_output=182, seconds=2.5)
    assert (meter.seconds, meter.responses, meter.running) == (2.5, 2, 0)


def test_each_event_tells_its_own_part() -> None:
    """What is charged when it comes: not the sum so far."""
    meter, event = Meter(), msgspec.json.encode(DONE)
    parts = [meter.look(event), meter.look(event), meter.look(b'{"type":"response.output_text.delta"}')]
    assert parts == [Told(metered(DONE).usage), Told(metered(DONE).usage), None]
    told = meter.look(msgspec.json.encode(transcribed({"type": "duration", "seconds": 2.5})))
    assert told == Told(MediaUsage(seconds=2.5), answer=False)
    assert meter.look(msgspec.json.encode(transcribed({"type": "duration", "seconds": -1}))) is None


CREATED = {"type": "response.created", "response": {"status": "in_progress", "usage": None}}
WORD = {"type": "response.output_text.delta", "delta": "hi"}
SOUND = b'{"type":"response.output_audio.delta","event_id":"e","delta":"%b"}' % (b"A" * 3100)


@pytest.mark.parametrize(
    ("events", "guess"),
    [
        ((), None),
        ((CREATED,), Told(None, guessed=True)),
        ((CREATED, WORD, DONE), None),
        ((CREATED, WORD, WORD, SOUND, SOUND), Told(Usage(output=2, audio_output=2), guessed=True)),
        ((CREATED, {"type": "response.output_audio.done"}, SOUND), Told(Usage(audio_output=1), guessed=True)),
        ((DONE, CREATED), Told(Usage(input=253), guessed=True)),
        ((CREATED, WORD, DONE, CREATED, WORD), Told(Usage(input=253, output=1), guessed=True)),
        ((CREATED, CREATED, WORD, DONE), Told(Usage(input=253, output=1), guessed=True)),
        ((DONE, CREATED, CREATED), Told(Usage(input=506), guessed=True)),
        ((DONE, WORD), None),
        (({"type": "session.updated", "session": {"output_audio_format": "g711_ulaw"}}, CREATED, SOUND), Told(Usage(audio_output=6), guessed=True)),
        (({"type": "response.created"}, WORD), Told(Usage(output=1), guessed=True)),
    ],
)  # fmt: skip
def test_an_answer_that_was_not_over(events: tuple[Any, ...], guess: Told | None) -> None:
    """Whoever leaves before its use is told has used it all the same: what was written, and what was said before it."""
    meter = metered(*events)
    before = meter.usage
    assert meter.rest() == guess
    assert (meter.usage == before) is (guess is None or guess.usage is None)


def test_a_provider_that_tells_no_use() -> None:
    """An answer that is complete is guessed at once; one that came to nothing used nothing."""
    meter = metered(CREATED, WORD, WORD)
    untold = {"type": "response.done", "response": {"status": "completed"}}
    assert meter.look(msgspec.json.encode(untold)) == Told(Usage(output=2), guessed=True)
    assert metered(CREATED, WORD).look(b'{"type":"response.done","response":{"status":"failed"}}') is None
    for event in (CREATED, WORD):
        meter.look(msgspec.json.encode(event))
    assert meter.look(msgspec.json.encode(untold)) == Told(Usage(input=2, output=1), guessed=True)
    assert (meter.usage, meter.rest(), meter.responses) == (Usage(input=2, output=3), None, 2)


@pytest.mark.parametrize(
    "event",
    [
        b'{"type":"response.output_text.delta","delta":"\\"usage\\" \\"response.done\\""}',
        b'{"type":"response.done","response":{"usage":null}}',
        b'{"type":"response.done","response":{"usage":{"input_tokens":-1,"output_tokens":2}}}',
        b'{"type":"response.done","response":{"usage":{"input_tokens":"many"}}}',
        b'{"type":"response.done","response":{"usage"',
        b'{"type":"other","x":"response.done","usage":{"input_tokens":5,"output_tokens":5}}',
        b'"response.done" "usage"',
        b"[" * 100_000 + b'"response.done" "usage"',
        b'{"type":"response.done","response":"usage"}',
    ],
)
def test_what_is_no_usage(event) -> None:
    """Nothing is counted, and nothing breaks."""
    assert metered(event).usage is None


@given(st.binary(max_size=60), st.integers(-5, 1 << 62), st.integers(-5, 1 << 62), st.integers(-5, 1 << 62))
def test_no_event_breaks_it(junk, cached, audio, total) -> None:
    """Whatever counts a provider gives, classes are never negative and add up to its sums."""
    meter = metered(b'"usage""response.done"' + junk)
    assert meter.usage is None
    details = {"cached_tokens": cached, "audio_tokens": audio, "cached_tokens_details": {"audio_tokens": audio // 2}}
    usage = {"input_tokens": total, "output_tokens": total, "input_token_details": details, "output_token_details": details}
    used = metered({"type": "response.done", "response": {"usage": usage}}).usage
    if total < 0:
        assert used is None
    else:
        assert used is not None
        assert min(msgspec.structs.astuple(used)) >= 0
        assert (used.prompt, used.completion) == (total, total)


def test_an_error_in_a_session_is_an_event() -> None:
    """In the API's shape, so that SDKs know it."""
    event = msgspec.json.decode(RealtimeFront("m").frame_error(TimedOut("late", code="session_idle"), "req_1"))
    assert (event["type"], event["event_id"]) == ("error", "req_1")
    assert event["error"] == {"type": "timeout_error", "code": "session_idle", "message": "late", "param": None, "event_id": None}
    told = RateLimited("full", details={"limit_name": "tokens_per_minute"})
    error = msgspec.json.decode(RealtimeFront("m").frame_error(told, "req_1"))["error"]
    assert (error["code"], error["details"]) == ("rate_limit_exceeded", {"limit_name": "tokens_per_minute"})


def test_the_url_must_name_a_model() -> None:
    """A provider might know a default; the gateway has none."""
    with pytest.raises(InvalidRequest) as caught:
        RealtimeFront("").view(b"")
    assert caught.value.param == "model"
    assert RealtimeFront("m").view(b"").model == "m"


def test_there_is_no_answer_of_http() -> None:
    """Nothing of a session is ever read as one."""
    for wrong in (lambda: OPENAI_REALTIME.check_reply(b"{}"), OPENAI_REALTIME.relay):
        with pytest.raises(UpstreamMalformed):
            wrong()
