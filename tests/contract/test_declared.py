"""What every type that is a file in providers/declared/ passes: one whole answer, one stream, one error. The rest of the checks
run for one of them (`REPRESENTATIVE`): the same code serves all.
"""

from __future__ import annotations

import msgspec
import pytest

from contract.test_providers import leaks, shape, text_of
from contract.world import CHAT_FRONTS, MODEL, Account, World, declared_accounts
from llm_gateway.dialects.base import Operation
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.simulator.log import shown_headers

ACCOUNTS = [pytest.param(account, id=account.name) for account in declared_accounts()]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_it_answers_whole(world: World, account: Account) -> None:
    """In every chat dialect, at the path that the file names, with the credentials where it names them."""
    signed = account.kind.sign(account.api_key or "")
    wanted = shown_headers([(name.lower().encode(), value.encode()) for name, value in signed.items()])
    chats = {name: path for name, path in account.kind.endpoints.items() if DIALECTS[name].operation is Operation.CHAT}
    for front in CHAT_FRONTS:
        before = len(world.seen(account))
        answered = world.ask(account, front)
        assert answered.status == 200, answered.body
        assert shape(front, answered.document)
        (sent,) = world.seen(account)[before:]
        assert sent.path == "/v1" + str(chats.get(front, next(iter(chats.values()))))
        assert msgspec.json.decode(sent.body)["model"] == MODEL
        assert set(wanted) <= set(sent.headers)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_it_streams(world: World, account: Account) -> None:
    """The same text as the whole answer, with the end that says so."""
    whole = world.ask(account, "openai_chat", text="Say it twice").document
    streamed = world.ask(account, "openai_chat", text="Say it twice", stream=True)
    assert (streamed.status, streamed.complete) == (200, True)
    assert text_of("openai_chat", streamed.events) == text_of("openai_chat", [whole])


@pytest.mark.parametrize("account", ACCOUNTS)
def test_its_error_is_told(world: World, account: Account) -> None:
    """With the right status, and without the provider's credential."""
    answered = world.ask(account, "openai_chat", fault="401")
    assert answered.status == 502, answered.body
    assert not leaks(account, answered)
