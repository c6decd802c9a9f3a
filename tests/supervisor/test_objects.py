"""What the API owned when the gateway ran last."""

from __future__ import annotations

from llm_gateway.channel.sealed import NAME, save
from llm_gateway.channel.snapshot import CONFIG, Snapshot
from llm_gateway.control.configuring.kinds import Made
from llm_gateway.control.configuring.overlay import PART, packed
from llm_gateway.supervisor.objects import kept_objects
from llm_gateway.worker.pepper import load_peppers

MADE = Made("model", "fast", {"deployments": ["a/x"]}, 1, 1, 1, "boss")


def test_objects_of_the_last_snapshot(tmp_path):
    """At their places; nothing where there was no snapshot, or none with objects."""
    assert kept_objects(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []  # who only looks makes no secret
    (secret, *_) = load_peppers(tmp_path)
    save(tmp_path, secret, Snapshot(1, 1, {CONFIG: b"x"}))
    assert kept_objects(tmp_path) == {}
    save(tmp_path, secret, Snapshot(2, 1, {CONFIG: b"x", PART: packed([MADE])}))
    assert kept_objects(tmp_path) == {("models", "fast"): {"deployments": ["a/x"]}}


def test_a_snapshot_that_cannot_be_read(tmp_path):
    """Is none: control reads the store."""
    (secret, *_) = load_peppers(tmp_path)
    save(tmp_path, secret, Snapshot(2, 1, {CONFIG: b"x", PART: packed([MADE])}))
    (tmp_path / NAME).write_bytes(b"damaged")
    assert kept_objects(tmp_path) == {}
