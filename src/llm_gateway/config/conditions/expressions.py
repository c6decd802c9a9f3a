"""One line of text to a condition: `model starts_with "claude" and (tokens > 20000 or needs tools)`.

    condition = all { "or" all }            all = one { "and" one }
    one       = "not" one | "(" condition ")" | test
    test      = "stream" [ "==" ("true" | "false") ] | "needs" word
              | subject ("==" | "!=" | "<" | "<=" | ">" | ">=") value
              | subject ["not"] "in" (value | list)
              | subject ("starts_with" | "ends_with" | "contains" | "matches") (value | list)
              | subject "between" value "and" value
    subject   = field | field "(" text ")" | field "." name          list = "[" value { "," value } "]"
    value     = text in quotes | number | word | /regular expression/

Reading takes time in proportion to the text; nesting, length and the number of tests are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from llm_gateway.config.conditions.fields import (
    AT_LEAST,
    AT_MOST,
    BETWEEN,
    CONTAINS,
    ENDS,
    FIELDS,
    GLOB,
    IS,
    LESS,
    MORE,
    STARTS,
    Field,
    Kind,
)
from llm_gateway.config.conditions.tree import Condition, Not, Test, either, every
from llm_gateway.config.conditions.values import Given, Misfit, entry_of, make_test
from llm_gateway.config.errors import Where, did_you_mean, one_of, shown

LONGEST = 8192
"""Characters of a condition."""
DEEPEST = 32
"""Parentheses and negations inside each other."""
MOST_TESTS = 100

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<word>[A-Za-z_][A-Za-z0-9_-]*)
    |(?P<number>[0-9]+(?:\.[0-9]+)?)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<regex>/(?:[^/\\]|\\.)+/[A-Za-z]*)
    |(?P<sign>==|!=|<=|>=|[<>()\[\],.])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_OPERATORS: Mapping[str, str] = MappingProxyType(
    {
        "==": IS,
        "in": IS,
        "<": LESS,
        "<=": AT_MOST,
        ">": MORE,
        ">=": AT_LEAST,
        "starts_with": STARTS,
        "ends_with": ENDS,
        "contains": CONTAINS,
        "matches": GLOB,
        "between": BETWEEN,
    }
)
_KEYWORDS = frozenset({"and", "or", "not", "in", "between", "true", "false", "starts_with", "ends_with", "contains", "matches"})
_ALIKE: Mapping[str, str] = MappingProxyType({"=": "==", "&": "and", "|": "or", "!": "not"})


class _Token(NamedTuple):
    form: str
    text: str
    at: int


def parse(text: str, where: Callable[[int], Where]) -> Condition:
    """The condition that `text` writes. `where` gives the place of a character of it (from 0). Raises Misfit."""
    if len(text) > LONGEST:
        raise Misfit(where(0), f"is longer than {LONGEST} characters", "split the rule, or write it as YAML")
    parser = _Parser(_tokens(text, where), where)
    condition = parser.condition()
    parser.expect_end()
    return condition


def _tokens(text: str, where: Callable[[int], Where]) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _strange(text[at], where(at))
        form = match.lastgroup or ""
        if form != "space":
            tokens.append(_Token(form, match[0], at))
        at = match.end()
    tokens.append(_Token("end", "", at))
    return tokens


def _strange(char: str, where: Where) -> Misfit:
    if char in "\"'":
        return Misfit(where, "a text is not closed", f"it ends with {char}")
    if char == "/":
        return Misfit(where, "a regular expression is not closed", "it ends with /")
    hint = f"write {_ALIKE[char]}" if char in _ALIKE else ""
    return Misfit(where, f'"{shown(char)}" has no meaning here', hint)


class _Parser:
    def __init__(self, tokens: list[_Token], where: Callable[[int], Where]) -> None:
        self._tokens = tokens
        self._at = 0
        self._where_of = where
        self._depth = 0
        self._tests = 0

    def condition(self) -> Condition:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return either(*parts)

    def expect_end(self) -> None:
        token = self._peek()
        if token.form != "end":
            word = token.form == "word"
            hint = (word and did_you_mean(token.text, ("and", "or"))) or "join tests with and, or"
            raise self._wrong(token, f"the condition is complete before {self._shown(token)}", hint)

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return every(*parts)

    def _one(self) -> Condition:
        token = self._peek()
        if token.text not in ("not", "(") or token.form not in ("word", "sign"):
            return self._test()
        self._at += 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(token, f"is nested more than {DEEPEST} deep")
        if token.text == "not":
            inner: Condition = Not(self._one())
        else:
            inner = self.condition()
            if not self._take(")"):
                raise self._wrong(self._peek(), f"expected ) before {self._shown(self._peek())}", "a ( is not closed")
        self._depth -= 1
        return inner

    def _test(self) -> Condition:
        token = self._next()
        self._tests += 1
        if self._tests > MOST_TESTS:
            raise self._wrong(token, f"has more than {MOST_TESTS} tests")
        field = FIELDS.get(token.text) if token.form == "word" else None
        if field is None:
            raise self._not_a_field(token)
        entry = self._entry(field)
        where = self._where(token)
        if field.kind is Kind.YES:
            return self._yes(field, where)
        if field.name == "needs" and self._peek().form in ("word", "text") and self._peek().text not in _KEYWORDS:
            return make_test(field, "", CONTAINS, [self._value()], where)
        return self._compared(field, entry, where)

    def _yes(self, field: Field, where: Where) -> Condition:
        """`stream`, or that compared with true or false."""
        test = Test(field.name, IS, (1,), "", where)
        sign = next((sign for sign in ("==", "!=") if self._take(sign)), None)
        if sign is None:
            return test
        token = self._next()
        if token.text not in ("true", "false") or token.form != "word":
            raise self._wrong(token, f"{field.name} is true or false, not {self._shown(token)}")
        return test if (token.text == "true") == (sign == "==") else Not(test)

    def _compared(self, field: Field, entry: str, where: Where) -> Condition:
        token = self._next()
        negated = token.text == "!=" or (token.text == "not" and token.form == "word")
        if negated and token.text == "not":
            token = self._next()
            if token.text != "in":
                raise self._wrong(token, f"expected in behind not, found {self._shown(token)}", f"write not {field.name} ...")
        op = IS if token.text == "!=" else _OPERATORS.get(token.text)
        if op is None or token.form not in ("word", "sign"):
            hint = did_you_mean(token.text, _OPERATORS) if token.form == "word" else one_of(_OPERATORS)
            raise self._wrong(token, f"expected a comparison behind {field.name}, found {self._shown(token)}", hint)
        if field.kind is Kind.WORDS and token.text == "in":
            op = CONTAINS
        test = make_test(field, entry, op, self._values(op), where)
        return Not(test) if negated else test

    def _values(self, op: str) -> list[Given]:
        if op == BETWEEN:
            low = self._value()
            if not self._take("and"):
                raise self._wrong(self._peek(), f"expected and behind between, found {self._shown(self._peek())}")
            return [low, self._value()]
        if not self._take("["):
            return [self._value()]
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        if not self._take("]"):
            raise self._wrong(self._peek(), f"expected , or ] in the list, found {self._shown(self._peek())}")
        return values

    def _value(self) -> Given:
        token = self._next()
        where = self._where(token)
        match token.form:
            case "text":
                return Given(self._unquoted(token), "text", where)
            case "number" | "regex":
                return Given(token.text, token.form, where)
            case "word" if token.text not in _KEYWORDS:
                return Given(token.text, "word", where)
        raise self._wrong(token, f"expected a value, found {self._shown(token)}")

    def _entry(self, field: Field) -> str:
        """The name in `header("x-team")` or `metadata.team`."""
        if not field.named:
            return ""
        if self._take("."):
            name = self._next()
            if name.form == "word":
                return entry_of(field, name.text, self._where(name))
        elif self._take("("):
            name = self._next()
            if name.form == "text" and self._take(")"):
                return entry_of(field, self._unquoted(name), self._where(name))
        else:
            name = self._peek()
        example = 'header("x-team")' if field.name == "header" else "metadata.team"
        raise self._wrong(name, f"{field.name} needs the name of an entry", f"write {example}")

    def _unquoted(self, token: _Token) -> str:
        def plain(match: re.Match[str]) -> str:
            if match[1] not in "\\\"'":
                raise Misfit(
                    self._where_of(token.at + 1 + match.start()), f"there is no escape \\{shown(match[1])}", "write \\\\"
                )
            return match[1]

        return _ESCAPE.sub(plain, token.text[1:-1])

    def _not_a_field(self, token: _Token) -> Misfit:
        if token.form == "end":
            return self._wrong(token, "the condition breaks off", "a test is missing here")
        if token.form == "word" and token.text not in _KEYWORDS:
            hint = did_you_mean(token.text, (*FIELDS, "not")) or one_of(FIELDS)
            return self._wrong(token, f'there is no field "{shown(token.text[:64])}"', hint)
        return self._wrong(token, f"expected a field, found {self._shown(token)}", one_of(FIELDS))

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        if token.form != "end":
            self._at += 1
        return token

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token.text != text or token.form not in ("word", "sign"):
            return False
        self._at += 1
        return True

    def _where(self, token: _Token) -> Where:
        return self._where_of(token.at)

    def _wrong(self, token: _Token, message: str, suggestion: str = "") -> Misfit:
        return Misfit(self._where_of(token.at), message, suggestion)

    @staticmethod
    def _shown(token: _Token) -> str:
        return "the end" if token.form == "end" else shown(token.text[:64])
