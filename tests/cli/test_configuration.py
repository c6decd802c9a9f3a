"""`llm-gateway config`: show, info, generate."""

from __future__ import annotations

import msgspec
import yaml

FILE = "providers: {a: {type: openai, api_key: sk-very-secret-0123}}\nmodels: {m: a/x}\nrouting: {strategy: round_robin}\n"


def test_show(alone, tmp_path):
    """All of it as YAML that is the same configuration, secrets hidden; one section; as JSON; a section that is none."""
    (tmp_path / "gateway.yaml").write_text(FILE)
    done = alone("config", "show", "-c", "gateway.yaml")
    tree = yaml.safe_load(done.stdout)
    assert tree["providers"]["a"]["api_key"] == "***"
    assert tree["server"]["port"] == 8080
    assert "sk-very-secret" not in done.stdout
    assert yaml.safe_load(alone("config", "show", "routing", "-c", "gateway.yaml").stdout).keys() == {"routing"}
    assert msgspec.json.decode(alone("--json", "config", "show", "-c", "gateway.yaml").stdout) == tree
    assert alone("config", "show", "rooting", "-c", "gateway.yaml").exit_code == 2


def test_show_of_a_running_gateway(asking):
    """What it acts on, whatever files are here."""
    tree = yaml.safe_load(asking("config", "show", "--running").stdout)
    assert set(tree["providers"]) >= {"sim", "gone"}


def test_info(alone, tmp_path):
    """Where it comes from and how much is in it; names with --detailed."""
    (tmp_path / "gateway.yaml").write_text(FILE)
    facts = msgspec.json.decode(alone("--json", "config", "info", "-c", "gateway.yaml").stdout)
    assert (facts["providers"], facts["models"], facts["database"]) == (1, 1, "SQLite")
    detailed = alone("config", "info", "--detailed", "-c", "gateway.yaml").stdout
    assert "providers a" in detailed
    assert alone("config", "info", "-c", "nowhere.yaml").exit_code == 2


def test_generate(alone, tmp_path):
    """What it writes is right, but for the keys that it names; nothing that is there is overwritten."""
    assert alone("config", "generate", "-o", "new.yaml").exit_code == 0
    done = alone("config", "check", "new.yaml", OPENAI_API_KEY="sk-x", APP_KEY="sk-gateway-0123456789")
    again = alone("config", "generate", "-o", "new.yaml")
    assert again.exit_code == 1
    assert "Nothing was written" in again.stderr
    assert alone("config", "generate").stdout == (tmp_path / "new.yaml").read_text()
    assert done.exit_code == 0, done.stderr
