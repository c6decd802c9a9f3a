"""What a worker reads off a configuration."""

from __future__ import annotations

from llm_gateway.worker.facts import known_models, provider_types, restart_needed
from whole_gateway import config_of, one_provider


def test_what_a_reload_cannot_change_is_named():
    """Listener, log and state need a restart."""
    one = config_of(one_provider("http://127.0.0.1:1"))
    other = config_of({**one_provider("http://127.0.0.1:2"), "server": {"port": 1}, "logging": {"access": "off"}})
    assert restart_needed(one, other) == ["server", "logging"]
    assert restart_needed(one, one) == []


def test_level_and_form_of_the_log_need_no_restart():
    """They hold from the reload on."""
    one = config_of(one_provider("http://127.0.0.1:1"))
    other = config_of({**one_provider("http://127.0.0.1:1"), "logging": {"level": "error", "format": "text"}})
    assert restart_needed(one, other) == []


def test_who_may_reach_the_admin_port_needs_no_restart_but_where_it_is_does():
    """Lists hold with the reload; a socket is bound once."""
    one = config_of(one_provider("http://127.0.0.1:1"))
    lists = {"access": {"allow": ["10.0.0.0/8"]}, "allowed_hosts": ["x.example"]}
    changed = [{"admin": lists}, {"admin": {**lists, "port": 9191}}, {"admin": False}]
    others = [config_of({**one_provider("http://127.0.0.1:1"), "server": server}) for server in changed]
    assert [restart_needed(one, other) for other in others] == [[], ["server"], ["server"]]


def test_what_is_configured_is_known():
    """The pairs that statistics always keep, and the types that health shows."""
    document = one_provider("http://127.0.0.1:1", deployments=["a/real", "a/org/two"])
    document["providers"]["off"] = {"type": "openai", "enabled": False}
    config = config_of(document)
    assert known_models(config) == [("a", "real"), ("a", "org/two")]
    assert provider_types(config) == {"a": "openai_compatible"}


def test_where_answers_are_kept_needs_a_restart_and_nothing_else_of_the_cache():
    """A worker opens the way to Redis once; how long answers are kept holds with the reload."""
    made = {**one_provider("http://127.0.0.1:1"), "redis": {"url": "redis://127.0.0.1"}}
    one, *others = (config_of({**made, "cache": cache}) for cache in ({}, {"enabled": True, "ttl": "5m"}, {"backend": "redis"}))
    assert [restart_needed(one, other) for other in others] == [[], ["cache"]]
