"""The directory store and the rooms it points to, on every engine."""

from typing import Any

import pytest

from zajil.core.state_map import EMPTY_ROOT
from zajil.ports.database import Conflict, Database, Transaction
from zajil.ports.stores.directory import Alias, PublishedRoom
from zajil.ports.stores.rooms import RoomRow
from zajil.storage.stores.directory import SqlDirectoryStore
from zajil.storage.stores.rooms import SqlRoomStore

STORE, ROOMS = SqlDirectoryStore(), SqlRoomStore()


async def make_rooms(database: Database, counts: dict[str, int]) -> dict[str, int]:
    """Rooms with so many members; returns their numbers."""

    async def item(tx: Transaction) -> dict[str, int]:
        numbers = {}
        for room_id, joined_count in counts.items():
            nid = await tx.new_ids(1)
            await ROOMS.insert_snapshot(tx, nid, EMPTY_ROOT, EMPTY_ROOT)
            row = RoomRow(
                nid,
                room_id,
                "12",
                "@a:x",
                1,
                1,
                [],
                1,
                nid,
                EMPTY_ROOT,
                EMPTY_ROOT,
                joined_count,
                0,
                False,
                False,
                None,
            )
            await ROOMS.insert_row(tx, row)
            numbers[room_id] = nid
        return numbers

    return await database.write(item)


async def write(database: Database, method: Any, *args: Any) -> None:
    async def item(tx: Transaction) -> None:
        await method(tx, *args)

    await database.write(item)


async def test_aliases(database: Database) -> None:
    nids = await make_rooms(database, {"!a": 1, "!b": 1})
    for name, room_id in (("#two:x", "!a"), ("#one:x", "!a"), ("#three:x", "!b")):
        await write(database, STORE.store_alias, name, nids[room_id], "@a:x", 5)
    reader = database.reader
    assert await STORE.load_alias(reader, "#one:x") == Alias("#one:x", "!a", nids["!a"], "@a:x")
    assert await STORE.load_alias(reader, "#four:x") is None
    assert [each.room_alias for each in await STORE.load_aliases(reader, nids["!a"])] == ["#one:x", "#two:x"]
    with pytest.raises(Conflict):
        await write(database, STORE.store_alias, "#one:x", nids["!b"], "@a:x", 5)
    await write(database, STORE.delete_alias, "#one:x")
    assert await STORE.count_aliases(reader, nids["!a"]) == 1
    await write(database, STORE.move_aliases, nids["!a"], nids["!b"])
    assert await STORE.count_aliases(reader, nids["!a"]) == 0
    assert [each.room_alias for each in await STORE.load_aliases(reader, nids["!b"])] == ["#three:x", "#two:x"]


async def test_published_rooms_in_order(database: Database) -> None:
    counts = {"!a": 2, "!b": 5, "!c": 2, "!empty": 0, "!private": 9}
    nids = await make_rooms(database, counts)
    for room_id in ("!a", "!b", "!c", "!empty"):
        await write(database, STORE.set_published, nids[room_id], True)
    reader = database.reader
    b, c, a = PublishedRoom(5, "!b"), PublishedRoom(2, "!c"), PublishedRoom(2, "!a")
    assert await STORE.load_published(reader, None, backwards=False, limit=9) == [b, c, a]
    assert await STORE.load_published(reader, None, backwards=False, limit=2) == [b, c]
    assert await STORE.load_published(reader, c, backwards=False, limit=9) == [a]
    assert await STORE.load_published(reader, a, backwards=True, limit=9) == [c, b]
    assert await STORE.count_published(reader) == 3
    await write(database, STORE.set_published, nids["!b"], False)
    assert await STORE.load_published(reader, None, backwards=False, limit=9) == [c, a]
    row = await ROOMS.load_row(reader, "!c")
    assert row is not None
    assert row.is_public


async def test_invite_states_and_notice_rooms(database: Database) -> None:
    nid = (await make_rooms(database, {"!a": 1}))["!a"]
    reader = database.reader
    assert await STORE.load_invite_state(reader, nid, "@b:x") is None
    for stripped in ([{"type": "m.room.name"}], []):
        await write(database, STORE.store_invite_state, nid, "@b:x", stripped)
        assert await STORE.load_invite_state(reader, nid, "@b:x") == stripped
    await write(database, STORE.delete_invite_state, nid, "@b:x")
    assert await STORE.load_invite_state(reader, nid, "@b:x") is None
    assert await STORE.load_notice_room(reader, "@b:x") is None
    for room_id in ("!a", "!b"):
        await write(database, STORE.store_notice_room, "@b:x", room_id)
        assert await STORE.load_notice_room(reader, "@b:x") == room_id
