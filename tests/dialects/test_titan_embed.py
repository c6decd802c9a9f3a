"""Amazon Titan's embeddings."""

from __future__ import annotations

import msgspec
import pytest

from llm_gateway.core.embeddings import EmbeddingsRequest
from llm_gateway.core.errors import Unsupported, UpstreamMalformed
from llm_gateway.core.usage import Usage
from llm_gateway.dialects.base import Target
from llm_gateway.dialects.titan_embed import TITAN_EMBED


def test_one_text():
    """With its size; what has no place is named."""
    request = EmbeddingsRequest("m", ("x",), dimensions=256, task="search_query", places={"task": "input_type"})
    made = TITAN_EMBED.render_request(request, Target("amazon.titan-embed-text-v2:0"))
    assert msgspec.json.decode(made.body) == {"inputText": "x", "dimensions": 256}
    assert made.dropped == ["input_type"]


def test_several_are_refused():
    """With the path of the second."""
    with pytest.raises(Unsupported) as caught:
        TITAN_EMBED.render_request(EmbeddingsRequest("m", ("x", "y")), Target("m"))
    assert caught.value.param == "input[1]"


def test_signs_where_they_were_asked_for():
    """Titan sends the floats beside them."""
    made = TITAN_EMBED.render_request(EmbeddingsRequest("m", ("x",), number_type="binary"), Target("m"))
    assert msgspec.json.decode(made.body)["embeddingTypes"] == ["binary"]
    reply = TITAN_EMBED.parse_reply(b'{"embedding":[0.5,1],"embeddingsByType":{"binary":[1,0]},"inputTextTokenCount":3}')
    assert (reply.vectors, reply.usage) == (((1, 0),), Usage(input=3))


@pytest.mark.parametrize("bad", [b"", b"{}", b'{"embedding":[]}', b'{"embedding":["x"]}'])
def test_what_is_no_answer_is_malformed(bad):
    """On either way."""
    for look in (TITAN_EMBED.check_reply, TITAN_EMBED.parse_reply):
        with pytest.raises(UpstreamMalformed):
            look(bad)
