"""Answers that go on after a cut: the modes restart and continue of docs/STREAM-CONTRACT.md.

- story.py: what was shown of an answer, whether another leg may go on, what all legs used; outlives them.
- tracked.py: the first leg; thinking is held back until the answer begins.
- spliced.py: a further leg, which adds to what was shown or is not believed.
- asking.py: the request of a further leg.
- legs.py: which of these an attempt is, for providers/ask.py; `resume`, for whoever dispatches.
"""
