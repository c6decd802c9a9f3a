"""What control asks of the answers that a worker keeps: figures, rows, and that some are forgotten."""

from __future__ import annotations

from typing import Any

from llm_gateway.cache.shown import CLEAR, FIGURES, ROWS, Clear, Page, figures, rows
from llm_gateway.cache.stage import Answers
from llm_gateway.channel.messages import plain, read
from llm_gateway.channel.peer import Answering


def cache_asked(answers: Answers) -> dict[str, Answering]:
    """Methods and what answers them."""

    async def figured(_peer: object, _body: Any) -> Any:
        return plain(figures(answers))

    async def listed(_peer: object, body: Any) -> Any:
        return [plain(row) for row in await rows(answers, read(body, Page))]

    async def cleared(_peer: object, body: Any) -> int:
        clear = read(body, Clear)
        return answers.clear(clear.model, clear.before)

    return {FIGURES: figured, ROWS: listed, CLEAR: cleared}
