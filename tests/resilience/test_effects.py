"""Which failure says what, about whom."""

from __future__ import annotations

import ast
import inspect

import pytest

from llm_gateway.core import errors
from llm_gateway.providers import answer, faults
from llm_gateway.providers.deployment import Patience
from llm_gateway.resilience.effects import EFFECTS, MODEL_FAILED, effect, in_haste
from resilience_support import failure


def test_every_reason_of_faults_and_errors_is_in_the_table() -> None:
    """A reason that nobody thought of would count as the model's failure in silence."""
    said: set[str] = set()
    for module in (faults, errors, answer):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_named":
                said.add(node.args[1].value)  # type: ignore[attr-defined]
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    names = target.elts if isinstance(target, ast.Tuple) else [target]
                    values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                    for name, value in zip(names, values, strict=False):
                        called = getattr(name, "attr", getattr(name, "id", ""))
                        if called == "reason" and isinstance(value, ast.Constant) and isinstance(value.value, str):
                            said.add(value.value)
    assert {"tls", "quota", "credentials", "cut", "head_timeout", "rejected"} <= said
    assert said - {"error"} - set(EFFECTS) == set()


def test_what_nobody_knows_is_the_models_failure() -> None:
    """It failed, after all."""
    assert effect(failure("something new")) is MODEL_FAILED


@pytest.mark.parametrize(
    ("reason", "elapsed", "stream", "hasty"),
    [
        ("head_timeout", 2.0, True, True),
        ("head_timeout", 30.0, True, False),
        ("head_timeout", 30.0, False, True),
        ("head_timeout", 600.0, False, False),
        ("first_token_timeout", 29.0, True, False),
        ("first_token_timeout", 3.0, True, True),
        ("connect_timeout", 0.5, False, True),
        ("connect_timeout", 5.0, False, False),
        ("deadline", 10.0, False, True),
        ("deadline", 600.0, False, False),
        ("idle_timeout", 0.1, False, False),
        ("server_error", 0.0, False, False),
    ],
)
def test_a_short_deadline_is_not_the_providers_fault(reason: str, elapsed: float, stream: bool, hasty: bool) -> None:
    """A timeout counts only when the deployment had the time that it is given."""
    assert in_haste(reason, Patience(), elapsed, stream=stream) is hasty


def test_a_head_timeout_of_its_own_is_the_measure() -> None:
    """Where the configuration gives whole answers less time to begin."""
    assert not in_haste("head_timeout", Patience(head=5.0), 5.0, stream=False)
    assert in_haste("head_timeout", Patience(head=5.0), 3.0, stream=False)
