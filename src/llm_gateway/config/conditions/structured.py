"""YAML to a condition: a mapping of fields to what they must be, all of them at once; `any`, `all` and `not` hold further ones.

    {model: {starts_with: claude}, tokens: {gt: 20000}, header: {x-team: [ml, research]}, not: {tenant: acme}}

A bare value means equal to it (for `tags` and `needs`: holding it), a list one of its entries.
"""

from __future__ import annotations

from decimal import Decimal

from llm_gateway.config.conditions.fields import CONTAINS, FIELDS, IS, WRITTEN, Field, Kind
from llm_gateway.config.conditions.tree import Condition, Not, Test, either, every
from llm_gateway.config.conditions.values import Given, Misfit, entry_of, make_test
from llm_gateway.config.errors import Where, did_you_mean, one_of, shown
from llm_gateway.config.leaves import found
from llm_gateway.config.tree import Node

_JOINS = ("any", "all", "not")


def read(node: Node) -> Condition:
    """The condition that a mapping writes. Raises Misfit."""
    if not isinstance(node.value, dict):
        raise Misfit(node.where, f"expected a condition, found {found(node)}", "write a mapping such as {model: gpt-4o}")
    if not node.value:
        raise Misfit(node.where, "has no tests", "leave when out for a rule that always holds")
    return every(*(_part(key, child, node.keys.get(key, node.where)) for key, child in node.value.items()))


def _part(key: str, node: Node, where: Where) -> Condition:
    if key == "not":
        return Not(read(node))
    if key in _JOINS:
        if not isinstance(node.value, list) or not node.value:
            raise Misfit(node.where, f"{key} takes a list of conditions, found {found(node)}")
        return (either if key == "any" else every)(*map(read, node.value))
    field = FIELDS.get(key)
    if field is None:
        hint = did_you_mean(key, (*FIELDS, *_JOINS)) or one_of((*FIELDS, *_JOINS))
        raise Misfit(where, f'there is no field "{shown(key)}"', hint)
    if not field.named:
        return _tests(field, "", node, where)
    if not isinstance(node.value, dict) or not node.value:
        raise Misfit(node.where, f"{key} takes the names of entries, found {found(node)}", f"write {key}: {{x-team: ml}}")
    entries = ((entry_of(field, name, node.keys.get(name, node.where)), child) for name, child in node.value.items())
    return every(*(_tests(field, entry, child, where) for entry, child in entries))


def _tests(field: Field, entry: str, node: Node, where: Where) -> Condition:
    """What stands behind a field: a value, a list of them, or comparisons, which must all hold."""
    if field.kind is Kind.YES:
        if not isinstance(node.value, bool):
            raise Misfit(node.where, f"{field.name} is true or false, found {found(node)}")
        test = Test(field.name, IS, (1,), "", where)
        return test if node.value else Not(test)
    if not isinstance(node.value, dict):
        return make_test(field, entry, CONTAINS if field.kind is Kind.WORDS else IS, _given(node), where)
    if not node.value:
        raise Misfit(node.where, f"{field.name} has no comparison", one_of(WRITTEN))
    return every(*(_compared(field, entry, name, child, node.keys.get(name, where)) for name, child in node.value.items()))


def _compared(field: Field, entry: str, name: str, node: Node, where: Where) -> Condition:
    negated = name in ("not_equals", "not_in")
    op = WRITTEN.get(name.removeprefix("not_") if negated else name)
    if op is None:
        known = (*WRITTEN, "not_equals", "not_in")
        raise Misfit(where, f'there is no comparison "{shown(name)}"', did_you_mean(name, known) or one_of(known))
    if field.kind is Kind.WORDS and name in ("in", "not_in"):
        op = CONTAINS
    given = _given(node)
    if name == "matches":
        given = [one._replace(form="regex") if one.text.startswith("/") else one for one in given]
    test = make_test(field, entry, op, given, where)
    return Not(test) if negated else test


def _given(node: Node) -> list[Given]:
    return [_one(child) for child in node.value] if isinstance(node.value, list) else [_one(node)]


def _one(node: Node) -> Given:
    value = node.value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Misfit(node.where, f"expected a value, found {found(node)}", "put it in quotes" if value is not None else "")
    if isinstance(value, str):
        return Given(value, "text", node.where)
    text = str(value) if isinstance(value, int) else format(Decimal(str(value)), "f")  # 1e-06 written out
    return Given(text, "number", node.where)
