"""The few kinds of columns there are."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Double, LargeBinary, MetaData, Text

metadata: Final = MetaData()


def text(name: str, *, primary: bool = False, unique: bool = False) -> Column[Any]:
    """Always there; empty where nothing is known."""
    return Column(name, Text, primary_key=primary, nullable=False, unique=unique)


def number(name: str, *, primary: bool = False) -> Column[Any]:
    """64 bits: counts, milliseconds, nano-dollars."""
    return Column(name, BigInteger, primary_key=primary, nullable=False, autoincrement=False)


def real(name: str) -> Column[Any]:
    return Column(name, Double, nullable=False)


def flag(name: str) -> Column[Any]:
    return Column(name, Boolean, nullable=False)


def blob(name: str, *, primary: bool = False, unique: bool = False) -> Column[Any]:
    return Column(name, LargeBinary, primary_key=primary, nullable=False, unique=unique)


def moment(name: str) -> Column[Any]:
    """Unix milliseconds, or NULL: never."""
    return Column(name, BigInteger, nullable=True)


def maybe_text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=True)
