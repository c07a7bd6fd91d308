"""Changing the state of a room: its tries, the tables of what holds now, and the draft that everybody else in the batch sees."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zajil.core.event_auth import auth_event_keys
from zajil.core.events import Event
from zajil.core.state_map import StateKey
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.rooms import MembershipChange, MembershipRow
from zajil.services.app import App

if TYPE_CHECKING:
    from zajil.services.messages.append_events import RoomDraft


async def apply_state(app: App, tx: Transaction, draft: "RoomDraft", stored: StoredEvent) -> None:
    """A state event that was built on the draft takes effect."""
    event, row = stored.event, draft.row
    await app.stores.events.insert_auth(tx, stored.nid, await _find_auth_nids(app, tx, draft, event))
    if event.type == "m.room.member":
        row.members_root = await app.rooms.update_state(tx, row.members_root, event.key, stored.nid)
    else:
        row.rest_root = await app.rooms.update_state(tx, row.rest_root, event.key, stored.nid)
    await apply_change(app, tx, draft, event.key, stored, stored.position or 0)
    row.snapshot_id = await tx.new_ids(1)
    await app.stores.rooms.insert_snapshot(tx, row.snapshot_id, row.members_root, row.rest_root)


async def apply_changes(
    app: App, tx: Transaction, draft: "RoomDraft", changes: Mapping[StateKey, StoredEvent | None], position: int
) -> None:
    """What holds in the room changes in some keys, whoever brought that about; None takes a key away. The tries are the caller's."""
    for key, stored in changes.items():
        await apply_change(app, tx, draft, key, stored, position)


async def apply_change(
    app: App, tx: Transaction, draft: "RoomDraft", key: StateKey, stored: StoredEvent | None, position: int
) -> None:
    """One key."""
    if key[0] == "m.room.member":
        await _apply_membership(app, tx, draft, key[1], stored, position)
        if stored is not None:
            draft.changed_members[key[1]] = stored
    elif stored is not None:
        await app.stores.rooms.store_current_state(tx, draft.row.room_nid, key, stored.nid, position)
        draft.changed_rest[key] = stored
        if key == ("m.room.encryption", ""):
            tx.touch(Stream.DEVICE_LISTS, stored.event.sender)  # the members share an encrypted room now
    else:
        await app.stores.rooms.delete_current_state(tx, draft.row.room_nid, key)
    if stored is None:
        draft.changed_rest.pop(key, None)
        if key[0] == "m.room.member":
            draft.changed_members.pop(key[1], None)
        draft.removed.add(key)
    else:
        draft.removed.discard(key)


async def _find_auth_nids(app: App, tx: Transaction, draft: "RoomDraft", event: Event) -> list[int]:
    """The numbers of the event's auth events, nearly all of which are the room's state before it."""
    missing = set(event.auth_event_ids)
    nids = []
    for key in auth_event_keys(event.type, event.state_key, event.sender, event.content, draft.rules):
        stored = await draft.state(app, tx, key)
        if stored is not None and stored.event.event_id in missing:
            missing.discard(stored.event.event_id)
            nids.append(stored.nid)
    if missing:
        nids += [stored.nid for stored in await app.stores.events.load_by_ids(tx, sorted(missing))]
    return nids


async def _apply_membership(
    app: App, tx: Transaction, draft: "RoomDraft", user_id: str, stored: StoredEvent | None, position: int
) -> None:
    row = draft.row
    old, new = await draft.membership(app, tx, user_id), "leave"
    if stored is not None:
        new = stored.event.membership or "leave"
    row.joined_count += (new == "join") - (old == "join")
    row.invited_count += (new == "invite") - (old == "invite")
    is_local = user_id.endswith(":" + app.server_name)
    if not is_local:
        draft.head.has_remote_members = True
    if stored is None:
        await app.stores.rooms.delete_membership(tx, row.room_nid, user_id)
    else:
        content = stored.event.content
        name, avatar = content.get("displayname"), content.get("avatar_url")
        await app.stores.rooms.store_membership(
            tx,
            MembershipRow(
                room_nid=row.room_nid,
                room_id=row.room_id,
                user_id=user_id,
                membership=new,
                event_nid=stored.nid,
                position=position,
                forgotten=False,
                display_name=name if isinstance(name, str) else None,
                avatar_url=avatar if isinstance(avatar, str) else None,
            ),
        )
    if is_local:
        change = MembershipChange(position, row.room_nid, row.room_id, new, 0 if stored is None else stored.nid)
        await app.stores.rooms.insert_membership_change(tx, user_id, change)
    tx.touch(Stream.MEMBERSHIP, user_id)
