"""The rules inside each section."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.helpers_config import loaded, told
from llm_gateway.config.schema import RouteTimeouts, TimeoutOverrides
from llm_gateway.config.values import Duration


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("server: {port: -1}", "server.port: expected a whole number from 0 to 65535"),
        ("server: {port: 80.0}", "server.port: expected a whole number from 0 to 65535, found a number"),
        ("server: {port: true}", "server.port: expected a whole number from 0 to 65535, found true or false"),
        ("server: {port: }", "server.port: has no value; leave the key out for its default"),
        ("server: {host: ''}", "server.host: is empty"),
        ("server: {host: true}", "server.host: expected text, found true or false; put it in quotes"),
        ("server: {workers: 0}", "server.workers: expected auto, or a number from 1 to 256"),
        ("server: {reuse_port: yes}", "server.reuse_port: expected true or false, found text"),
        ("server: {admin: {port: 8080}}", "server.admin: must not have the address of the main listener"),
        ("server: {limits: {body: 0}}", "server.limits.body: must be more than 0"),
        ("server: {limits: {body: 1GB}}", "server.limits.buffered: must be at least limits.body (1GB)"),
        ("server: {limits: {url: 64KB}}", "server.limits.head: must be at least limits.url (64KB)"),
        ("server: {timeouts: {head: 0s}}", "server.timeouts.head: must be more than 0"),
        ("server: {timeouts: [1]}", "server.timeouts: expected a mapping, found a list"),
        ("server: {drain: [1]}", "server.drain: expected a duration, found a list"),
        ("server: {tls: {cert: a, key: b, client_auth: required}}", "server.tls.client_auth: required needs client_ca"),
        ("server: {tls: {cert: a, key: b, client_ca: c}}", "server.tls.client_ca: has no effect while client_auth is none"),
        ("server: {tls: {cert: a, key: b, minimum: 1.1}}", 'server.tls.minimum: expected 1.2 or 1.3, found "1.1"; did you mean "1.3"?'),
        ("server: {cors: {origins: ['*'], credentials: true}}", 'server.cors.origins: "*" is not allowed together with credentials: true; name the origins'),
        ("server: {cors: {origins: ['https://a', example.com/]}}", 'server.cors.origins: entry 1 must be a lower-case scheme://host[:port] without a path, or "*"'),
        ("network: {proxy: 'socks5://p'}", "network.proxy: expected env, none or http://host:port (https origins are tunnelled through it)"),
        ("providers: {gpu-1: {}}", 'providers.gpu-1: the name is not a provider type "gpu-1"; say which it is with type; known here: anthropic, local, openai, simulator, vllm'),
        ("providers: {a b: {type: openai}}", 'providers["a b"]: is not a usable provider name; use letters, digits, \'.\', \'_\' and \'-\', 64 at most'),
        ("providers: {vllm: {fault: '503'}}", "providers.vllm.fault: unknown key; only providers of type simulator know it"),
        ("providers: {simulator: {fautl: '503'}}", 'providers.simulator.fautl: unknown key; did you mean "fault"?'),
        ("providers: {simulator: {tokens_per_second: 0}}", "providers.simulator.tokens_per_second: expected a number above 0, 1000000 at most"),
        ("providers: {simulator: {options: {}}}", "providers.simulator.options: unknown key; known here: api_key, api_version, base_url, enabled, fault, headers, max_concurrent, max_connections, models, organization, passthrough, project, propagate, proxy, rate_limit, region, seed, speaks, tls, tokens_per_second, ..."),
        ("providers: {openai: {base_url: 'api.openai.com'}}", "providers.openai.base_url: expected a URL such as https://host/v1"),
        ("providers: {openai: {base_url: 'https://h:x/'}}", "providers.openai.base_url: expected a URL such as https://host/v1"),
        ("providers: {openai: {headers: {Content-Length: '5'}}}", "providers.openai.headers: must not hold Content-Length: the gateway sets it"),
        ("providers: {openai: {headers: {'a b': '5'}}}", "providers.openai.headers: holds a name that is not an HTTP header name"),
        ("providers: {openai: {headers: {a: ''}}}", "providers.openai.headers.a: is empty"),
        ("providers: {openai: {tls: {key: k}}}", "providers.openai.tls.key: needs cert"),
        ("api: {versions: {v2: {}}}", "api.versions.v2: unknown key; known here: v1"),
        ("api: {versions: {v1: {deprecated: 2027-02-01, sunset: 2027-01-01}}}", "api.versions.v1.sunset: lies before deprecated"),
        ("api: {versions: {v1: {sunset: soon}}}", "api.versions.v1.sunset: expected a day such as 2027-01-31"),
        ("api: {versions: {v1: {guide: docs}}}", "api.versions.v1.guide: expected a URL"),
        ("logging: {access: 'log.txt'}", "logging.access: expected stdout, stderr, off or a path with a slash"),
        ("logging: {level: warn}", 'logging.level: expected debug, error, info or warning, found "warn"; did you mean "warning"?'),
        ("state: ./state", "state: expected a mapping, found text"),
        ("limit: {}", 'limit: unknown key; did you mean "limits"?'),
    ],
)  # fmt: skip
def test_each_rule_has_its_words(tmp_path: Path, text: str, message: str) -> None:
    """One mistake gives one line, which says what to do."""
    (line,) = told(tmp_path, text)
    assert line.split(": ", 1)[1] == message


def test_values_that_look_like_others_are_read_as_meant(tmp_path: Path) -> None:
    """1.3 is a TLS version, off is where the access log goes, a number is an organization."""
    text = "server: {tls: {cert: a, key: b, minimum: 1.3}}\nlogging: {access: off}\nproviders: {openai: {organization: 0123, api_key: 0001234}}\n"
    config = loaded(tmp_path, text)
    assert config.server.tls is not None
    assert (config.server.tls.minimum, config.logging.access, config.providers["openai"].organization) == ("1.3", "off", "0123")
    assert config.providers["openai"].api_key is not None
    assert config.providers["openai"].api_key.reveal() == "0001234"


def test_header_values_are_secrets(tmp_path: Path) -> None:
    """They often carry credentials."""
    config = loaded(tmp_path, "providers: {openai: {headers: {X-Token: abc-hidden}}}")
    assert "hidden" not in repr(config)
    assert config.providers["openai"].headers["X-Token"].reveal() == "abc-hidden"


def test_a_deployment_overrides_single_timeouts() -> None:
    """What it does not say is as the alias says."""
    base = RouteTimeouts(connect=Duration(1), head=Duration(2))
    assert TimeoutOverrides(head=Duration(9)).over(base) == RouteTimeouts(connect=Duration(1), head=Duration(9))
    assert TimeoutOverrides().over(base) == base


def test_a_model_name_may_have_slashes(tmp_path: Path) -> None:
    """The provider ends at the first one."""
    config = loaded(tmp_path, "providers: {openai: {}}\nmodels: {a: openai/meta-llama/Llama-3}\n")
    deployment = config.models["a"].deployments[0]
    assert (deployment.provider, deployment.name) == ("openai", "meta-llama/Llama-3")
