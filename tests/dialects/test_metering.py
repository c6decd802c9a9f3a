"""Use read from the two ends of an answer that is not read otherwise."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.core.usage import MediaUsage, Usage
from llm_gateway.dialects.metering import Meter


def metered(*pieces: bytes, images: bool = False) -> Usage | None:
    meter = Meter(counts_images=images)
    for piece in pieces:
        meter.feed(piece)
    return meter.usage()


def test_a_text_that_repeats_the_word():
    """Costs no more than one that says it once: this was fifteen seconds for everyone."""
    began = time.process_time()
    assert metered(b'"usage":{' * 20_000, b'{"usage":{"input_tokens":3,"output_tokens":2}}') == Usage(input=3, output=2)
    assert time.process_time() - began < 0.2


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}', Usage(input=3, output=2)),
        (b'{"usage": {"input_tokens":3,"output_tokens":2,"total_tokens":5}}', Usage(input=3, output=2)),
        (b'{"usage":{"input_tokens":3,"output_tokens":2,"cache_read_input_tokens":7}}', Usage(input=3, output=2, cache_read=7)),
        (b'{"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}', Usage(input=3, output=2)),
        (b'\0\0{"metrics":{},"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}\xff', Usage(input=3, output=2)),
        (b'{"text":"x","usage":{"type":"duration","seconds":7}}', MediaUsage(seconds=7.0)),
        (b'{"task":"transcribe","duration":"2.5","text":"x"}', MediaUsage(seconds=2.5)),
        (b'{"pages":[],"usage_info":{"pages_processed":4,"doc_size_bytes":9}}', MediaUsage(pages=4)),
        (b'{"text":"say \\"usage\\":{\\"input_tokens\\":9}"}', None),
        (b'{"usage":null}', None),
        (b'{"usage":{"input_tokens":"many"}}', None),
        (b'{"usage":{"prompt_tokens":-4,"completion_tokens":1}}', None),
        (b'{"usage":{', None),
        (b"", None),
    ],
)
def test_each_makers_words(answer, usage):
    """In whichever dialect it is told; nothing where nothing, or nothing possible, is said."""
    assert metered(answer) == usage


def test_anthropics_stream_says_it_at_both_ends():
    """The input in the first event, the output in the last."""
    first = (
        b'event: message_start\ndata: {"message":{"usage":{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":1}}}\n\n'
    )
    last = b'event: message_delta\ndata: {"usage":{"output_tokens":30}}\n\n'
    assert metered(first, b"x" * 100_000, last) == Usage(input=9, cache_read=4, output=30)


@pytest.mark.parametrize(
    ("made_up", "last"),
    [
        (
            b'{"content":[{"type":"tool_use","input":{"usage":{"prompt_tokens":1,"completion_tokens":1,"cost":1e-9}}}],',
            b'"usage":{"input_tokens":3000,"output_tokens":2000}}',
        ),
        (
            b'{"candidates":[{"args":{"usageMetadata":{"cachedContentTokenCount":2999,"inputTokens":1,"cost":1e-9}}}],',
            b'"usageMetadata":{"promptTokenCount":3000,"candidatesTokenCount":2000}}',
        ),
        (
            b'data: {"args":{"usage":{"prompt_tokens":1,"completion_tokens":1,"cost":1e-9,"seconds":1,"input_tokens":1}}}\n\n',
            b'data: {"usage":{"input_tokens":3000,"output_tokens":2000}}\n\n',
        ),
    ],
)
def test_what_the_caller_had_a_model_say_is_no_use(made_up, last):
    """A tool's arguments are objects like any other: who has them named `usage` neither lowers his counts nor sets his price."""
    assert metered(made_up, last) == Usage(input=3000, output=2000)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20))
def test_pictures_are_counted_however_they_come(cuts):
    """A name that is cut in two counts once."""
    answer = (
        b'{"data":[' + b",".join([b'{"b64_json":"' + b"A" * 50 + b'"}'] * 3) + b'],"usage":{"input_tokens":1,"output_tokens":2}}'
    )
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(answer[at : at + cut])
        at += cut
    assert metered(*pieces, answer[at:], images=True) == MediaUsage(input=1, output=2, images=3, image_output=2)


@pytest.mark.parametrize(
    ("details", "seen", "made"),
    [
        ("", 0, 300),
        (',"input_tokens_details":{"text_tokens":10,"image_tokens":90}', 90, 300),
        (',"output_tokens_details":{"text_tokens":20,"image_tokens":280}', 0, 280),
        (',"output_tokens_details":{"text_tokens":300,"image_tokens":0}', 0, 0),
        (',"input_tokens_details":{"image_tokens":9999},"output_tokens_details":{"image_tokens":"x"}', 100, 300),
    ],
)
def test_tokens_of_pictures(details, seen, made):
    """What comes out is pictures unless it is told apart, what went in is text unless it is; never more than there are."""
    answer = '{"data":[{"b64_json":"AA"}],"usage":{"input_tokens":100,"output_tokens":300' + details + "}}"
    found = metered(answer.encode(), images=True)
    assert found == MediaUsage(input=100, output=300, images=1, image_input=seen, image_output=made)


def test_a_large_answer_is_not_kept():
    """Only its ends are."""
    meter = Meter()
    for _ in range(50):
        meter.feed(b"x" * 100_000)
    assert len(meter.tail) <= 32 * 1024


def test_what_a_provider_says_it_costs() -> None:
    """Beside counts of any kind, or alone: pictures of xAI tell nothing else."""
    meter = Meter(counts_images=True)
    meter.feed(b'{"data":[{"url":"https://x"}],"usage":{"cost_in_usd_ticks":200000000}}')
    assert meter.usage() == MediaUsage(images=1, cost=20_000_000)
    meter = Meter()
    meter.feed(b'{"usage":{"cost_in_usd_ticks":200000000}}')
    assert meter.usage() == MediaUsage(cost=20_000_000)
