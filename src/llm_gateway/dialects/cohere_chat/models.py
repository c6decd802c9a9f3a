"""Which of Cohere's models think (https://docs.cohere.com/docs/reasoning).

Those do it in blocks of content, and refuse the older way, `tool_plan`, in what is sent back to them. A name that is not known to
be of the older kind is taken for a new one.
"""

from __future__ import annotations

import re

_OLDER = re.compile(r"command-r(?!eason)|command-a-(?:03|vision|translate)|command(?:-light)?(?:-nightly)?$|(?:c4ai-)?aya")


def thinks(model: str) -> bool:
    return _OLDER.match(model.rpartition("/")[2]) is None
