"""What a request will use, guessed before it is sent: from what earlier ones of the same caller and model used.

Reserving the most that a request may use would hold whole budgets for requests that use a hundredth of it; reserving too little
would let them overdraw. So the answer's tokens are guessed at the 90th percentile of the last hundred or so.
"""

from __future__ import annotations

from llm_gateway.core.estimate import CHARS_PER_TOKEN

UNSAID = 1000
"""Output tokens of an answer where no earlier ones tell."""
FLOOR = 32
"""Output tokens that a guess has at least."""
BEYOND = 0.1
"""The share of answers that are longer than the guess."""
WINDOW = 128
"""Answers after which the old ones count half."""
STEPS = 4
"""Buckets for each doubling: a guess is at most 19 % above what was seen."""
BUCKETS = 30 * STEPS
STREAM_BYTES = 200.0
"""Of a stream, for each token, where no earlier ones tell: an event of OpenAI's around one word."""
_FEW = 32
_SHORTEST = 32
"""Tokens of a prompt that tells something of their length."""
_MOST_RATIO = 64.0


class Quantile:
    """A percentile of positive numbers, of the last ones above all: a histogram with buckets that grow, in 120 bytes."""

    __slots__ = ("_above", "_counts", "_place", "_seen", "value")

    def __init__(self, value: float) -> None:
        """`value`: while nothing was seen."""
        self._counts = bytearray(BUCKETS)
        self._seen = 0
        self._place = 0
        self._above = 0
        """Numbers in the buckets behind that place."""
        self.value = int(value)

    def add(self, number: int) -> None:
        bucket = _bucket(number)
        self._counts[bucket] += 1
        self._seen += 1
        if bucket > self._place:
            self._above += 1
        if self._seen >= WINDOW:
            self._counts = bytearray(count >> 1 for count in self._counts)
            self._seen = sum(self._counts)
            self._above = sum(self._counts[self._place + 1 :])
        self._walk()

    def _walk(self) -> None:
        """To the first bucket that no more than a tenth is above of."""
        counts, place, above = self._counts, self._place, self._above
        most = self._seen * BEYOND
        while above > most:
            place += 1
            above -= counts[place]
        while place and above + counts[place] <= most:
            above += counts[place]
            place -= 1
        if place != self._place or not place:
            self._place, self._above = place, above
            self.value = _top(place)


def _bucket(number: int) -> int:
    """0 for nothing; then four for each doubling."""
    if number < STEPS:
        return max(number, 0)
    bits = number.bit_length()
    return min((bits - 2) * STEPS + ((number >> (bits - 3)) & (STEPS - 1)), BUCKETS - 1)


def _top(bucket: int) -> int:
    """The largest number of a bucket."""
    if bucket < STEPS:
        return bucket
    doubling, step = divmod(bucket, STEPS)
    return ((STEPS + step + 1) << (doubling - 1)) - 1


class ModelFacts:
    """What all callers' requests for a model have in common."""

    __slots__ = ("prompt_bytes", "stream_bytes")

    def __init__(self) -> None:
        self.prompt_bytes = float(CHARS_PER_TOKEN)
        """Bytes of a request for each token of its prompt."""
        self.stream_bytes = STREAM_BYTES
        """Bytes of a stream for each token of its answer."""

    def streamed(self, written: int, tokens: int) -> None:
        """A stream wrote so many bytes for so many tokens."""
        if tokens >= FLOOR and written:
            self.stream_bytes += 0.05 * (min(max(written / tokens, 1.0), 2000.0) - self.stream_bytes)


class Learned:
    """What is known of one caller's requests for one model."""

    __slots__ = ("_rest", "_seen", "cached", "cost", "facts", "output")

    def __init__(self, facts: ModelFacts, output: float = UNSAID) -> None:
        """`output`: tokens of answers as long as none was seen."""
        self.facts = facts
        self._seen = 0
        self._rest = 0
        """Requests that are not looked at before the next one is."""
        self.output = Quantile(output)
        self.cached = 0.0
        """The share of prompts that the provider's prompt cache had."""
        self.cost = 0.0
        """Nano-dollars of a request, quick to rise and slow to fall: for models whose prices are not those of tokens."""

    def saw(self, prompt: int, cached: int, output: int, cost: int, body: int) -> None:
        """One request's end: tokens of its prompt, those of them that a cache had, and of each of its answers; what it cost; and
        the bytes that it had (0: they do not tell). When enough were seen, one in four is looked at.
        """
        if self._rest:
            self._rest -= 1
            return
        if self._seen < _FEW:
            self._seen += 1
        else:
            self._rest = 3
        self.output.add(output)
        if prompt >= _SHORTEST:
            if cached or self.cached:
                self.cached += 0.2 * (cached / prompt - self.cached)
            if body:
                facts = self.facts
                ratio = body / prompt
                if 0.5 < ratio < _MOST_RATIO:
                    facts.prompt_bytes += 0.05 * (ratio - facts.prompt_bytes)
        self.cost += (0.5 if cost > self.cost else 0.05) * (cost - self.cost)


class Estimates:
    """What was learned, for a bounded number of pairs of callers and models: those that were used last. It outlives reloads."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._known: dict[tuple[str, str], Learned] = {}
        self._before: dict[tuple[str, str], Learned] = {}
        self._models: dict[str, ModelFacts] = {}
        self._models_before: dict[str, ModelFacts] = {}

    def of(self, caller: str, model: str, output: float = UNSAID) -> Learned:
        """`output`: as Learned has it."""
        key = caller, model
        found = self._known.get(key)
        if found is not None:
            return found
        made = self._before.get(key) or Learned(self._facts(model), output)
        if len(self._known) >= self._most // 2:  # the older half is forgotten, unless somebody asks for it
            self._before, self._known = self._known, {}
        self._known[key] = made
        return made

    def _facts(self, model: str) -> ModelFacts:
        found = self._models.get(model)
        if found is not None:
            return found
        made = self._models_before.get(model) or ModelFacts()
        if len(self._models) >= self._most // 2:
            self._models_before, self._models = self._models, {}
        self._models[model] = made
        return made
