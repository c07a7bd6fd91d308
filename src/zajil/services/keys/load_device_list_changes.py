"""Whose devices a user has to look up again (client-server API, "Tracking the device list for a user")."""

from typing import Final

from zajil.core.identifiers import server_name_of
from zajil.ports.database import Read
from zajil.services.app import App

QUICK_CHANGES_MAX: Final = 100
"""So many changes are looked through on the event loop; more of them elsewhere."""

Changes = tuple[list[str], list[str]]


async def load_device_list_changes(app: App, user_id: str, since: int, up_to: int) -> Changes:
    """(changed, left) for the user between two positions of the log.

    `changed`: users with whom any room is shared now and whose devices or cross-signing keys changed; users met in an encrypted room
    since; the user, if it is their own devices; users whose master key the user has signed. `left`: users with whom an encrypted room
    was shared, and none is any more. Memberships written after `up_to` may already count.
    """
    if not app.device_memory.has_list_news(user_id, since):
        return [], []

    async def query(tx: Read) -> Changes:
        return await _load(tx, app, user_id, since, up_to)

    if await app.stores.device_lists.count_changes(app.db.reader, since, QUICK_CHANGES_MAX) < QUICK_CHANGES_MAX:
        return await query(app.db.reader)
    return await app.db.read_slowly(query)


async def _load(tx: Read, app: App, user_id: str, since: int, up_to: int) -> Changes:
    lists = app.stores.device_lists
    changed = set(await lists.load_changed_users(tx, user_id, since, up_to))
    changed.update(await lists.load_signed_users(tx, user_id, since, up_to))
    entered, quit_rooms = await _load_own_moves(tx, app, user_id, since)
    new_rooms = [*entered, *await lists.load_newly_encrypted_rooms(tx, user_id, since)]
    met: set[str] = set()
    if new_rooms:
        met = await lists.load_joined_users(tx, await lists.load_encrypted_rooms(tx, new_rooms))
    gone: list[tuple[int, str]] = []
    for room_nid, other_id, membership in await lists.load_moved_members(tx, user_id, since):
        was_joined = await _was_joined(tx, app, room_nid, other_id, since)
        if membership == "join" and was_joined is not True:
            met.add(other_id)
        elif membership != "join" and was_joined is not False and room_nid not in entered:
            gone.append((room_nid, other_id))
    met.discard(user_id)
    left = await _load_left(tx, app, user_id, since, quit_rooms, gone)
    return sorted(changed | met), sorted(left)


async def _load_left(
    tx: Read, app: App, user_id: str, since: int, quit_rooms: list[int], gone: list[tuple[int, str]]
) -> set[str]:
    """Of those whom the user parted from, by leaving rooms or by their going, the ones who share no encrypted room any more."""
    if not quit_rooms and not gone:
        return set()
    lists = app.stores.device_lists
    rooms = sorted({*quit_rooms, *(room_nid for room_nid, _ in gone)})
    encrypted = set(await lists.load_rooms_encrypted_at(tx, rooms, since))
    parted = {other_id for room_nid, other_id in gone if room_nid in encrypted}
    if quit_rooms := [room_nid for room_nid in quit_rooms if room_nid in encrypted]:
        parted |= await lists.load_joined_users(tx, quit_rooms, since)
        for room_nid, other_id in await lists.load_moved_users(tx, quit_rooms, since):
            if await _was_joined(tx, app, room_nid, other_id, since) is not False:
                parted.add(other_id)
    parted.discard(user_id)
    return parted - await lists.load_sharing_users(tx, user_id, sorted(parted)) if parted else parted


async def _load_own_moves(tx: Read, app: App, user_id: str, since: int) -> tuple[list[int], list[int]]:
    """Rooms the user is in and was not at `since`, and rooms the user was in and is not."""
    moves = await app.stores.rooms.load_membership_changes(tx, user_id, since, app.db.position)
    if not moves:
        return [], []
    joined = {row.room_nid for row in await app.stores.rooms.load_memberships_of_user(tx, user_id, ["join"])}
    entered: list[int] = []
    quit_rooms: list[int] = []
    for room_nid in dict.fromkeys(move.room_nid for move in moves):
        before = await app.stores.rooms.load_membership_at(tx, room_nid, user_id, since)
        was_joined = before is not None and before.membership == "join"
        if was_joined != (room_nid in joined):
            (quit_rooms if was_joined else entered).append(room_nid)
    return entered, quit_rooms


async def _was_joined(tx: Read, app: App, room_nid: int, user_id: str, position: int) -> bool | None:
    """Whether somebody was in the room at a position; None for users of other servers, of whom no history is kept."""
    if server_name_of(user_id) != app.server_name:
        return None
    before = await app.stores.rooms.load_membership_at(tx, room_nid, user_id, position)
    return before is not None and before.membership == "join"
