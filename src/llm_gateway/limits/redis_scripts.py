"""The scripts that Redis runs, each with its digest: they are called by that, and sent whole where Redis does not know them."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha1
from importlib.resources import files

from llm_gateway.redis.words import bulk, whole


class Script:
    """`scripts/NAME.lua`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = files("llm_gateway.limits").joinpath("scripts", f"{name}.lua").read_text("ascii")
        self._whole = b"$4\r\nEVAL\r\n" + bulk(self.text)
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        self._short = b"$7\r\nEVALSHA\r\n" + bulk(self.digest)
        self.head = lru_cache(maxsize=256)(self._head)

    def _head(self, keys: int, values: int, text: bool = False) -> bytes:
        """The beginning of a command: behind it come so many keys and values, each a word. `text`: with the whole script."""
        return b"*%d\r\n%b%b" % (3 + keys + values, self._whole if text else self._short, whole(keys))


TAKE, APPLY, SEED, BEAT = Script("take"), Script("apply"), Script("seed"), Script("beat")
