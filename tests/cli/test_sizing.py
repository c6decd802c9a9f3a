"""`llm-gateway sizing`."""

from __future__ import annotations

import msgspec


def test_a_person_sees_pods_of_each_size(alone):
    """With processors, disk, and that costs are an estimate."""
    done = alone("sizing", "--rate", "1000")
    assert done.exit_code == 0, done.stderr
    for words in ("XS", "XL", "cores", "rows/s", "Redis", "estimate", "measured on"):
        assert words in done.stdout


def test_a_script_gets_everything(alone):
    """What was asked with its defaults, and what came of it; every option counts."""
    plain = alone("--json", "sizing", "--rate", "500")
    more = alone("--json", "sizing", "--rate", "500", "--streams", "0", "--no-redis", "--spare-pods", "3", "--keep-days", "30")
    few, many = (msgspec.json.decode(done.stdout) for done in (more, plain))
    assert many["load"]["requests_per_second"] == 500
    assert few["needs"]["cores"] < many["needs"]["cores"]
    assert few["needs"]["redis_commands_per_second"] == 0
    assert few["needs"]["database_gb_kept"] < many["needs"]["database_gb_kept"]


def test_a_rate_is_needed(alone):
    """Status 2, as for every command line that makes no sense."""
    assert alone("sizing").exit_code == 2
    assert alone("sizing", "--rate", "0").exit_code == 2
