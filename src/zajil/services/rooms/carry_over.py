"""What a user keeps on moving from a room to its replacement: tags, push rules, that it is a direct chat (client-server API,
"Room Upgrades"), and the links they made."""

import contextlib
from typing import Any, Final

from zajil.core.power_levels import CREATE_KEY
from zajil.core.push_rules import PushRuleFailure, PushRules, put_rule
from zajil.ports.database import Transaction
from zajil.services.accounts.store_account_data import TAG_TYPE, write_account_data
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.messages.append_events import RoomDraft, peek_room
from zajil.services.notifications.change_push_rules import write_push_rules

DIRECT: Final = "m.direct"
TOMBSTONE_KEY: Final = ("m.room.tombstone", "")


async def carry_over(app: App, tx: Transaction, draft: RoomDraft, user_id: str) -> None:
    """Carry a local user's settings over from the room that `draft` replaces, if it replaces one they are in."""
    former = await _find_former(app, tx, draft)
    if former is None or not user_id.endswith(":" + app.server_name):
        return
    if await former.membership(app, tx, user_id) != "join":
        return
    former_id, room_id = former.row.room_id, draft.row.room_id
    for carry in (_carry_tags, _carry_direct, _carry_push_rules, _carry_links):
        with contextlib.suppress(MatrixError):  # a full account data store keeps nobody out of a room
            await carry(app, tx, user_id, former_id, room_id)


async def _carry_tags(app: App, tx: Transaction, user_id: str, former_id: str, room_id: str) -> None:
    store = app.stores.account_data
    tags = await store.load(tx, user_id, former_id, TAG_TYPE)
    if tags and await store.load(tx, user_id, room_id, TAG_TYPE) is None:
        await write_account_data(tx, app, user_id, room_id, TAG_TYPE, tags)


async def _carry_direct(app: App, tx: Transaction, user_id: str, former_id: str, room_id: str) -> None:
    direct = await app.stores.account_data.load(tx, user_id, "", DIRECT)
    if direct and (changed := add_room(direct, former_id, room_id)) != direct:
        await write_account_data(tx, app, user_id, "", DIRECT, changed)


async def _carry_push_rules(app: App, tx: Transaction, user_id: str, former_id: str, room_id: str) -> None:
    await write_push_rules(app, tx, user_id, lambda rules: add_rules(rules, former_id, room_id))


async def _carry_links(app: App, tx: Transaction, user_id: str, former_id: str, room_id: str) -> None:
    await app.stores.invite_links.move(tx, former_id, room_id, user_id)


async def find_successor(app: App, tx: Transaction, draft: RoomDraft) -> RoomDraft | None:
    """The room that replaces this one, if this server knows it and both say so: a tombstone can name any room."""
    tombstone = await draft.state(app, tx, TOMBSTONE_KEY)
    successor_id = None if tombstone is None else tombstone.event.content.get("replacement_room")
    successor = await peek_room(app, tx, successor_id) if isinstance(successor_id, str) else None
    former = None if successor is None else await _find_former(app, tx, successor)
    return successor if former is not None and former.row.room_id == draft.row.room_id else None


async def _find_former(app: App, tx: Transaction, draft: RoomDraft) -> RoomDraft | None:
    """The room that this one replaces. Both must say so: anybody can name any predecessor."""
    create = await draft.state(app, tx, CREATE_KEY)
    predecessor = None if create is None else create.event.content.get("predecessor")
    former_id = predecessor.get("room_id") if isinstance(predecessor, dict) else None
    former = await peek_room(app, tx, former_id) if isinstance(former_id, str) else None
    tombstone = None if former is None else await former.state(app, tx, TOMBSTONE_KEY)
    if tombstone is None or tombstone.event.content.get("replacement_room") != draft.row.room_id:
        return None
    return former


def add_room(direct: dict[str, Any], former_id: str, room_id: str) -> dict[str, Any]:
    """`m.direct` with the new room wherever the former one stands."""
    return {
        user_id: [*rooms, room_id] if isinstance(rooms, list) and former_id in rooms and room_id not in rooms else rooms
        for user_id, rooms in direct.items()
    }


def add_rules(rules: PushRules, former_id: str, room_id: str) -> PushRules:
    """The rules with those for the former room, the one that mutes it included, repeated for the new one."""
    for kind in ("override", "room"):
        for rule in rules.own.get(kind, ()):
            if rule["rule_id"] != former_id:
                continue
            body = {**rule, "conditions": [_rename(each, former_id, room_id) for each in rule.get("conditions", ())]}
            added = put_rule(rules, kind, room_id, body)
            if not isinstance(added, PushRuleFailure):
                rules = added
    return rules


def _rename(condition: dict[str, Any], former_id: str, room_id: str) -> dict[str, Any]:
    return {key: room_id if value == former_id else value for key, value in condition.items()}
