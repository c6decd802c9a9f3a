"""The one way in which a framing fails."""

from __future__ import annotations


class FramingError(ValueError):
    """The peer's bytes are not a well-formed stream, or one piece of it is longer than we hold.

    The reader that raised it is finished: pieces completed by the same `feed` are lost with it, and feeding it again
    has no meaning. The message names the rule that was broken and carries none of the peer's bytes.
    """
