"""Account data, tags included (client-server API, "Client Config" and "Room Tagging")."""

from typing import Any, Final

import orjson

from zajil.core.identifiers import is_room_id
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.account_data import AccountData
from zajil.services.accounts.privacy_settings import PRIVACY_TYPE, check_privacy
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, invalid_param, not_found, too_large, user_limit_exceeded
from zajil.services.notifications.change_push_rules import TYPE as PUSH_RULES
from zajil.services.notifications.change_push_rules import load_ruleset

CONTENT_BYTES_MAX: Final = 256 * 1024
TYPE_CHARACTERS_MAX: Final = 255
ENTRIES_MAX: Final = 20_000
TAGS_MAX: Final = 100
TAG_BYTES_MAX: Final = 255
TAG_TYPE: Final = "m.tag"
SERVER_MANAGED: Final = frozenset({"m.fully_read", PUSH_RULES})
"""Types that have endpoints of their own."""


async def store_account_data(app: App, user_id: str, room_id: str, type: str, content: dict[str, Any]) -> None:
    """PUT …/account_data/{type}; `room_id` is empty for the global kind. Raises 405 for what the server manages itself."""
    check_type(type)
    if type in SERVER_MANAGED:
        raise MatrixError(405, "M_BAD_JSON", f"{type} is not set through account data; it has an endpoint of its own.")
    check_room(room_id)
    if type == PRIVACY_TYPE and not room_id and (problem := check_privacy(content)) is not None:
        raise bad_json(problem)

    async def store(tx: Transaction) -> None:
        await write_account_data(tx, app, user_id, room_id, type, content)

    await app.db.write(store)


async def write_account_data(
    tx: Transaction, app: App, user_id: str, room_id: str, type: str, content: dict[str, Any]
) -> None:
    """Set account data inside a transaction, and tell the user's clients. Raises M_TOO_LARGE, M_USER_LIMIT_EXCEEDED."""
    encoded = orjson.dumps(content)
    if len(encoded) > CONTENT_BYTES_MAX:
        raise too_large(f"Account data may have {CONTENT_BYTES_MAX} bytes.")
    store = app.stores.account_data
    if await store.load(tx, user_id, room_id, type) is None and await store.count(tx, user_id) >= ENTRIES_MAX:
        raise user_limit_exceeded(app.config, f"An account may have {ENTRIES_MAX} events of account data.")
    position = await tx.append(Stream.ACCOUNT_DATA, user_id)
    await store.store(tx, user_id, AccountData(room_id, type, encoded, position))


async def load_account_data(app: App, user_id: str, room_id: str, type: str) -> dict[str, Any]:
    """GET …/account_data/{type}. Raises M_NOT_FOUND."""
    check_type(type)
    check_room(room_id)
    if type == PUSH_RULES and not room_id:
        return {"global": await load_ruleset(app, app.db.reader, user_id)}
    content = await app.stores.account_data.load(app.db.reader, user_id, room_id, type)
    if content is None:
        raise not_found("There is no account data of this type.")
    return content


async def load_tags(app: App, user_id: str, room_id: str) -> dict[str, Any]:
    """GET …/tags."""
    check_room(room_id)
    content = await app.stores.account_data.load(app.db.reader, user_id, room_id, TAG_TYPE)
    return {"tags": _tags(content)}


async def store_tag(app: App, user_id: str, room_id: str, tag: str, info: dict[str, Any]) -> None:
    """PUT …/tags/{tag}."""
    check_room(room_id)
    if not tag or len(tag.encode("utf-8", "surrogatepass")) > TAG_BYTES_MAX:
        raise invalid_param(f"A tag has 1 to {TAG_BYTES_MAX} bytes.")
    order = info.get("order")
    if order is not None and (type(order) not in (int, float) or not 0 <= order <= 1):
        raise bad_json("order must be a number between 0 and 1.")

    async def store(tx: Transaction) -> None:
        tags = _tags(await app.stores.account_data.load(tx, user_id, room_id, TAG_TYPE))
        tags[tag] = info
        if len(tags) > TAGS_MAX:
            raise too_large(f"A room may have {TAGS_MAX} tags.")
        await write_account_data(tx, app, user_id, room_id, TAG_TYPE, {"tags": tags})

    await app.db.write(store)


async def delete_tag(app: App, user_id: str, room_id: str, tag: str) -> None:
    """DELETE …/tags/{tag}; a tag that is not there is no error."""
    check_room(room_id)

    async def delete(tx: Transaction) -> None:
        tags = _tags(await app.stores.account_data.load(tx, user_id, room_id, TAG_TYPE))
        if tags.pop(tag, None) is not None:
            await write_account_data(tx, app, user_id, room_id, TAG_TYPE, {"tags": tags})

    await app.db.write(delete)


def check_type(type: str) -> None:
    if not type or len(type) > TYPE_CHARACTERS_MAX:
        raise invalid_param(f"A type of account data has 1 to {TYPE_CHARACTERS_MAX} characters.")


def check_room(room_id: str) -> None:
    if room_id and not is_room_id(room_id):
        raise invalid_param("This is not a room ID.")


def _tags(content: dict[str, Any] | None) -> dict[str, Any]:
    tags = content.get("tags") if content else None
    return dict(tags) if isinstance(tags, dict) else {}
