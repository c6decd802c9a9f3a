"""Text embeddings of Vertex AI."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.core.embeddings import EmbeddingsRequest
from llm_gateway.core.errors import UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.vertex_embed import VERTEX_EMBED


def test_an_instance_for_each_text():
    """With what the vectors are for, in Google's words."""
    request = EmbeddingsRequest("m", ("x", "y"), task="code_query", title="t", dimensions=3, truncate="none")
    made = VERTEX_EMBED.render_request(request, Target("text-embedding-005"))
    shared = {"title": "t", "task_type": "CODE_RETRIEVAL_QUERY"}
    assert msgspec.json.decode(made.body) == {
        "instances": [{"content": "x", **shared}, {"content": "y", **shared}],
        "parameters": {"outputDimensionality": 3, "autoTruncate": False},
    }
    assert made.dropped == []


@pytest.mark.parametrize(("counts", "usage"), [((2, 3.0), Usage(input=5)), ((2, None), None), ((-1, 3), None), ((1e30, 3), None)])
def test_tokens_are_known_if_all_are(counts, usage):
    """A sum without one of them would say too little."""
    predictions = [{"embeddings": {"values": [1.5], "statistics": {"token_count": count}}} for count in counts]
    body = msgspec.json.encode({"predictions": predictions})
    assert VERTEX_EMBED.parse_reply(body).usage == VERTEX_EMBED.check_reply(body).usage == usage


@pytest.mark.parametrize("bad", [b"", b"{}", b'{"predictions":[]}', b'{"predictions":[{}]}', b'{"error":{"message":"no"}}'])
def test_what_is_no_answer_is_malformed(bad):
    """On either way."""
    for look in (VERTEX_EMBED.check_reply, VERTEX_EMBED.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(bad)


def test_googles_errors():
    """With gRPC's name."""
    fault = VERTEX_EMBED.parse_error(400, b'{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}')
    assert (fault.message, fault.type) == ("no", "INVALID_ARGUMENT")
