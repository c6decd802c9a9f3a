"""What can go wrong with the store. No text ever shows a password, a statement's values or a key."""

from __future__ import annotations


class StoreError(Exception):
    """The message is for operators."""


class StoreUnavailable(StoreError):
    """The database cannot be reached, is too busy, or was too slow. Later it may answer."""


class Conflict(StoreError):
    """Somebody else was there first: another version, or the same name."""


class NotThere(StoreError):
    """What should be changed does not exist."""


class WrongSchema(StoreError):
    """The database's schema is not one that this version can work with; the message says what to do."""


class TooMuch(StoreError):
    """The answer would be larger than anybody could read; the message says how to ask for less."""
