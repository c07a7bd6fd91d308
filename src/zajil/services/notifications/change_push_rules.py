"""Reading and changing a user's push rules (client-server API, "Push Rules: API")."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import orjson

from zajil.core.push_rules import PushRuleFailure, PushRules, build_ruleset, build_stored, parse_stored
from zajil.ports.database import Read, Stream, Transaction
from zajil.ports.stores.account_data import AccountData
from zajil.services.app import App
from zajil.services.errors import MatrixError

T = TypeVar("T")

TYPE: Final = "m.push_rules"
STATUSES: Final = {"M_NOT_FOUND": 404, "M_TOO_LARGE": 413}


async def load_push_rules(app: App, tx: Read, user_id: str) -> PushRules:
    """What the user has changed."""
    return parse_stored(await app.stores.push_rules.load(tx, user_id))


async def load_ruleset(app: App, tx: Read, user_id: str) -> dict[str, Any]:
    """The global ruleset as clients see it."""
    return build_ruleset(await load_push_rules(app, tx, user_id), user_id)


async def load_push_rules_content(app: App, tx: Read, user_id: str) -> bytes:
    """The content of the account data `m.push_rules`, as JSON."""
    return orjson.dumps({"global": await load_ruleset(app, tx, user_id)})


async def change_push_rules(app: App, user_id: str, change: Callable[[PushRules], PushRules | PushRuleFailure]) -> None:
    """Make a change and tell the user's clients. Raises the failure that `change` returns."""

    async def store(tx: Transaction) -> None:
        await write_push_rules(app, tx, user_id, change)

    await app.db.write(store)


async def write_push_rules(
    app: App, tx: Transaction, user_id: str, change: Callable[[PushRules], PushRules | PushRuleFailure]
) -> None:
    """The same inside a transaction."""
    stored = await app.stores.push_rules.load(tx, user_id)
    changed = build_stored(check_rules(change(parse_stored(stored))))
    if changed == stored:
        return
    position = await tx.append(Stream.ACCOUNT_DATA, user_id)
    await app.stores.push_rules.store(tx, user_id, changed)
    # Marks the place of the change in the log; the content is made from the rules whenever it is asked for.
    await app.stores.account_data.store(tx, user_id, AccountData("", TYPE, b"{}", position))
    tx.on_commit(lambda: _forget(app, user_id))


def _forget(app: App, user_id: str) -> None:
    app.push_rules.forget(user_id)
    app.unread_counts.forget_user(user_id)


def check_rules(outcome: T | PushRuleFailure) -> T:
    """The outcome, unless it is a failure, which is raised."""
    if isinstance(outcome, PushRuleFailure):
        raise MatrixError(STATUSES.get(outcome.errcode, 400), outcome.errcode, outcome.message)
    return outcome
