"""What the API owned when the gateway ran last."""

from __future__ import annotations

from llm_gateway.channel.sealed import NAME, save
from llm_gateway.channel.snapshot import CONFIG, Snapshot
from llm_gateway.config.document import pack
from llm_gateway.config.load import load_tree
from llm_gateway.control.configuring.kinds import Made
from llm_gateway.control.configuring.overlay import PART, packed
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.providers.registry import option_names
from llm_gateway.supervisor.objects import kept_configuration, kept_objects
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


def test_the_configuration_of_the_last_snapshot(tmp_path):
    """Whole, with its secrets and the files that are to be watched; nothing where there is none that can be used."""
    assert kept_configuration(tmp_path, ()) is None
    (secret, *_) = load_peppers(tmp_path)
    file = tmp_path / "gateway.json"
    file.write_bytes(b'{"providers": {"a": {"type": "openai", "api_key": "sk-0123456789"}}, "models": {"m": "a/x"}}')
    loaded = load_tree(file, environ={}, provider_types=option_names(), dialects=DIALECTS)
    save(tmp_path, secret, Snapshot(1, 1, {CONFIG: pack(loaded.tree)}))
    kept = kept_configuration(tmp_path, ("here.yaml",))
    assert kept is not None
    assert kept.config.digest == loaded.config.digest
    assert kept.config.providers["a"].api_key.reveal() == "sk-0123456789"
    assert kept.config.sources == ("here.yaml",)
    assert pack(kept.tree) == pack(loaded.tree)
    save(tmp_path, secret, Snapshot(2, 1, {CONFIG: b"of another version"}))
    assert kept_configuration(tmp_path, ()) is None
