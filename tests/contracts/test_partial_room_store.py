"""The store of rooms that were joined with a part of their state, on every engine."""

from dataclasses import replace

from tests.contracts.test_room_stores import ROOM_NID, ROOMS, add_events, make_room
from tests.core.room_builder import RoomBuilder

from zajil.ports.database import Database, Transaction
from zajil.ports.stores.partial_rooms import PartialRoom, WaitingPdu
from zajil.storage.stores.partial_rooms import SqlPartialRoomStore

STORE = SqlPartialRoomStore()
ROOM = PartialRoom(ROOM_NID, 5, "one.test", ("one.test", "two.test"))


async def test_a_room_is_partial_until_it_is_complete(database: Database) -> None:
    builder = RoomBuilder("12")
    row = await make_room(database, builder)
    assert await STORE.load(database.reader, ROOM_NID) is None
    await database.write(lambda tx: STORE.store(tx, ROOM))
    await database.write(lambda tx: ROOMS.swap_head(tx, replace(row, head_version=1, partial_state=True), 0))
    assert await STORE.load(database.reader, ROOM_NID) == ROOM
    assert await STORE.load_unfinished(database.reader) == [row.room_id]
    found = await ROOMS.load_row(database.reader, row.room_id)
    assert found is not None and found.partial_state and found.completed_at is None

    async def complete(tx: Transaction) -> None:
        await STORE.complete(tx, ROOM_NID, 77)
        await ROOMS.swap_head(tx, replace(row, head_version=2, partial_state=False), 1)

    await database.write(complete)
    assert await STORE.load(database.reader, ROOM_NID) is None
    assert await STORE.load_unfinished(database.reader) == []
    found = await ROOMS.load_row(database.reader, row.room_id)
    assert found is not None and not found.partial_state and found.completed_at == 77
    again = replace(ROOM, join_nid=9, servers=())
    await database.write(lambda tx: STORE.store(tx, again))
    assert await STORE.load(database.reader, ROOM_NID) == again


async def test_snapshots_since_a_join_are_found_and_rewritten(database: Database) -> None:
    builder = RoomBuilder("12")
    await make_room(database, builder)
    events = await add_events(database, builder, 4)

    async def item(tx: Transaction) -> None:
        for number, stored in enumerate(events):
            await ROOMS.insert_event_snapshots(tx, stored.nid, 100 + number, 101 + number)
        await ROOMS.insert_branch_snapshots(tx, events[2].nid, 200, 201)
        await ROOMS.insert_branch_snapshots(tx, events[0].nid, 300, 301)
        await STORE.rewrite_snapshot(tx, 7, b"M" * 16, b"R" * 16)

    await database.write(item)
    join = events[1]
    found = await STORE.load_snapshots(database.reader, ROOM_NID, join.nid, join.history or 0)
    assert found == [101, 102, 103, 104, 200, 201]
    assert await STORE.load_snapshots(database.reader, ROOM_NID + 1, join.nid, 0) == []
    assert await ROOMS.load_snapshot(database.reader, 7) == (b"M" * 16, b"R" * 16)


async def test_events_wait_in_the_order_of_their_arrival(database: Database) -> None:
    row = await make_room(database, RoomBuilder("12"))
    pdus = [WaitingPdu(ROOM_NID, "one.test", f"${letter}", b"{}") for letter in "cab"]

    async def item(tx: Transaction) -> None:
        for number, pdu in enumerate(pdus):
            await STORE.insert_pdu(tx, pdu, number)
        await STORE.insert_pdu(tx, replace(pdus[0], origin="two.test"), 9)  # the same event again

    await database.write(item)
    assert await STORE.load_pdus(database.reader, ROOM_NID, 2) == pdus[:2]
    assert await STORE.count_pdus(database.reader, ROOM_NID) == 3
    assert await STORE.load_unfinished(database.reader) == [row.room_id]
    await database.write(lambda tx: STORE.delete_pdu(tx, ROOM_NID, "$c"))
    assert await STORE.load_pdus(database.reader, ROOM_NID, 9) == pdus[1:]
