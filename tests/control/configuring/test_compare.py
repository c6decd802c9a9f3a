"""What differs, place by place."""

from __future__ import annotations

from llm_gateway.config.schema import Config, Provider
from llm_gateway.config.values import Secret
from llm_gateway.control.configuring.compare import differences, fingerprinted, hidden


def told(before, after):
    return [(one.path, one.change, one.before, one.after) for one in differences(before, after)]


def test_differences_are_told_at_their_places():
    """Added, removed, changed; what is the same is not there."""
    before = {"a": {"x": 1, "y": [1, 2]}, "b": 1, "same": {}}
    after = {"a": {"x": 2, "y": [1, 3]}, "c.d": None, "same": {}}
    assert told(before, after) == [
        ("a.x", "changed", 1, 2),
        ("a.y", "changed", [1, 2], [1, 3]),
        ("b", "removed", 1, None),
        ('["c.d"]', "added", None, None),
    ]


def test_entries_with_names_are_compared_by_these():
    """One that is put first makes no others differ; another order is told as such."""
    one, two, new = {"name": "one", "n": 1}, {"name": "two", "n": 2}, {"name": "new", "n": 3}
    assert told([one, two], [new, one, two]) == [("new", "added", None, new)]
    assert told([one, two], [two, one]) == [("", "reordered", ["one", "two"], ["two", "one"])]
    assert told([one], [{"name": "one", "n": 5}]) == [("one.n", "changed", 1, 5)]


def test_a_secret_can_be_compared_and_not_be_read():
    """Fingerprints under another key are others; shown they are stars."""

    def config(key: str) -> Config:
        return Config(providers={"a": Provider(type="openai", api_key=Secret(key))})

    first, same, other = (fingerprinted(config(key), b"k" * 32) for key in ("sk-1", "sk-1", "sk-2"))
    assert first == same
    assert told(first, other) == [("providers.a.api_key", "changed", "***", "***")]
    assert "sk-1" not in str(first)
    assert fingerprinted(config("sk-1"), b"x" * 32) != first
    assert hidden(first)["providers"]["a"]["api_key"] == "***"
