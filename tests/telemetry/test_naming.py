"""Only what means something becomes a label."""

from __future__ import annotations

import pytest

from llm_gateway.telemetry import naming as module
from llm_gateway.telemetry.naming import UNKNOWN, Naming, endpoint_of


@pytest.mark.parametrize(
    ("path", "endpoint", "operation"),
    [
        (b"/v1/chat/completions", "/v1/chat/completions", "chat"),
        (b"/v1/embeddings", "/v1/embeddings", "embeddings"),
        (b"/audio/speech", "/v1/audio/speech", "speech"),
        (b"/v1/files/file-123/content", "/v1/files", "files"),
        (b"/passthrough/openai/v1/x", "/passthrough", "passthrough"),
        (b"/v1beta/models/gemini-3:streamGenerateContent", "/v1beta/models/*:streamGenerateContent", "generate_content"),
        (b"/evil/models/x:generateContent", "other", "other"),
        (b"/v1beta/models/x:steal", "other", "other"),
        (b"/\xff\xfe", "other", "other"),
    ],
)
def test_an_endpoint_holds_nothing_of_a_callers(path, endpoint, operation):
    """Names of models, files and providers in a path are left out."""
    assert endpoint_of(path) == (endpoint, operation)


def test_a_model_must_be_known_or_have_answered(monkeypatch):
    """And only so many that nobody configured."""
    monkeypatch.setattr(module, "NEWCOMERS", 2)
    naming = Naming()
    naming.configure([("p", "known")], ["alias"], {"p": "bedrock"})
    assert naming.model("p", "known", answered=False) == "known"
    assert naming.model("p", "new", answered=False) == UNKNOWN
    assert [naming.model("p", name, answered=True) for name in ("new", "newer", "newest")] == ["new", "newer", "other"]
    assert naming.model("p", "new", answered=False) == "new"
    assert (naming.asked("alias"), naming.asked("p/known"), naming.alias("x")) == ("alias", UNKNOWN, "")
    assert (naming.system("p"), naming.system("q")) == ("aws.bedrock", "q")


def test_a_very_long_name_is_no_label():
    """Even if a provider answers for it."""
    naming = Naming()
    assert naming.model("p", "x" * 1000, answered=True) == "other"
