"""The stores of events and rooms, on every engine."""

from dataclasses import replace
from typing import Any

import pytest
from tests.core.room_builder import ALICE, BOB, CAROL, RoomBuilder

from zajil.ports.database import Conflict, Database, Stream, Transaction
from zajil.ports.stores.events import OUTLIER, HistoryPoint, Relation, StoredEvent
from zajil.ports.stores.rooms import MembershipChange, MembershipRow, RoomRow
from zajil.storage.stores.events import SqlEventStore
from zajil.storage.stores.lists import LIST_VALUES_MAX
from zajil.storage.stores.rooms import SqlRoomStore

EVENTS, ROOMS = SqlEventStore(), SqlRoomStore()
ROOM_NID = 1
ROOTS = (b"m" * 16, b"r" * 16)


def build_row(builder: RoomBuilder, **changes: Any) -> RoomRow:
    row = RoomRow(
        room_nid=ROOM_NID,
        room_id=builder.create.room_id,
        room_version=builder.rules.version,
        creator=ALICE,
        created_ts_ms=1,
        head_version=0,
        extremities=["$a"],
        depth=1,
        snapshot_id=7,
        members_root=ROOTS[0],
        rest_root=ROOTS[1],
        joined_count=0,
        invited_count=0,
        is_public=False,
        partial_state=False,
        blocked_reason=None,
    )
    return replace(row, **changes)


async def make_room(database: Database, builder: RoomBuilder) -> RoomRow:
    row = build_row(builder)

    async def item(tx: Transaction) -> None:
        await ROOMS.insert_snapshot(tx, 7, *ROOTS)
        await ROOMS.insert_row(tx, row)

    await database.write(item)
    return row


async def add_events(database: Database, builder: RoomBuilder, count: int) -> list[StoredEvent]:
    """Announced messages, at positions from 1 on."""

    async def item(tx: Transaction) -> list[StoredEvent]:
        added = []
        for number in range(count):
            event = builder.event("m.room.message", ALICE, {"body": f"{number} \0 سلام"})
            position = await tx.append(Stream.EVENTS, event.room_id)
            nid = await tx.new_ids(1)
            stored = StoredEvent(event, nid=nid, room_nid=ROOM_NID, position=position, history=position)
            await EVENTS.insert(tx, stored)
            added.append(stored)
        return added

    return await database.write(item)


def ids(events: list[StoredEvent]) -> list[str]:
    return [stored.event.event_id for stored in events]


def describe(stored: StoredEvent) -> tuple[Any, ...]:
    fields = [name for name in StoredEvent.__slots__ if name not in ("event", "client_prefix")]
    return (stored.event.event_id, stored.event.json, *(getattr(stored, name) for name in fields))


@pytest.mark.parametrize("version", ["1", "6", "10", "12"])
async def test_an_event_comes_back_as_it_was(database: Database, version: str) -> None:
    builder = RoomBuilder(version)
    await make_room(database, builder)
    stored = StoredEvent(
        builder.create, nid=5, room_nid=ROOM_NID, position=3, history=3, history_minor=-2, flags=8,
        redacted_by="$r", replaces_nid=4, device_id="D", txn_id="t",
    )  # fmt: skip
    outlier = StoredEvent(
        builder.event("m.room.topic", BOB, {"topic": "x"}, ""),
        nid=6, room_nid=ROOM_NID, position=None, history=None, flags=OUTLIER,
    )  # fmt: skip

    async def item(tx: Transaction) -> None:
        await EVENTS.insert(tx, stored)
        await EVENTS.insert(tx, outlier, "5.3.5.2")

    await database.write(item)
    found = await EVENTS.load_by_ids(database.reader, [*ids([outlier, stored]), "$unknown"])
    assert sorted(map(describe, found)) == sorted(map(describe, [stored, outlier]))
    assert [describe(each) for each in await EVENTS.load_by_nids(database.reader, [6, 99])] == [describe(outlier)]
    with pytest.raises(Conflict):
        await database.write(lambda tx: EVENTS.insert(tx, stored))


async def test_many_events_are_loaded_in_pieces(database: Database) -> None:
    builder = RoomBuilder("12")
    await make_room(database, builder)
    added = await add_events(database, builder, LIST_VALUES_MAX + 3)
    assert sorted(ids(await EVENTS.load_by_ids(database.reader, ids(added)))) == sorted(ids(added))
    assert await EVENTS.load_by_ids(database.reader, []) == []


async def test_the_timeline_is_the_newest_of_a_window(database: Database) -> None:
    builder = RoomBuilder("12")
    await make_room(database, builder)
    added = await add_events(database, builder, 10)
    first = added[0].position or 0
    window = await EVENTS.load_timeline(database.reader, ROOM_NID, first + 1, first + 7, 3)
    assert ids(window) == ids(added[5:8])
    assert await EVENTS.load_timeline(database.reader, 99, 0, 1000, 10) == []


async def test_history_walks_both_ways_past_events_fetched_later(database: Database) -> None:
    builder = RoomBuilder("12")
    await make_room(database, builder)
    added = await add_events(database, builder, 4)
    third = added[2].position or 0

    async def backfill(tx: Transaction) -> list[StoredEvent]:
        """Two events that stand before the third."""
        fetched = []
        for minor in (-2, -1):
            event = builder.event("m.room.message", BOB, {"body": f"older {minor}"})
            nid = await tx.new_ids(1)
            stored = StoredEvent(event, nid=nid, room_nid=ROOM_NID, position=None, history=third, history_minor=minor)
            await EVENTS.insert(tx, stored)
            fetched.append(stored)
        return fetched

    older = await database.write(backfill)
    expected = ids([*added[:2], *older, *added[2:]])

    async def walk(major: int, minor: int = 0, **options: Any) -> list[str]:
        start = HistoryPoint(major, minor)
        return ids(await EVENTS.load_history(database.reader, ROOM_NID, start, **{"limit": 100, **options}))

    assert await walk(third + 5, backwards=True) == expected[::-1]
    assert await walk(0, backwards=False) == expected
    assert await walk(third, -1, backwards=True, limit=2) == expected[3:1:-1]
    assert await walk(third, -2, backwards=False) == expected[3:]
    assert await walk(third, backwards=True, end=HistoryPoint(third, -2)) == expected[4:2:-1]
    assert await walk(0, backwards=False, end=HistoryPoint(third, -2)) == expected[:3]
    announced = await EVENTS.load_timeline(database.reader, ROOM_NID, 0, third + 5, 100)
    assert ids(announced) == ids(added), "what is fetched later is not announced"


async def test_redaction_flags_and_relations(database: Database) -> None:
    builder = RoomBuilder("12")
    await make_room(database, builder)
    parent, child = await add_events(database, builder, 2)

    async def item(tx: Transaction) -> None:
        await EVENTS.redact(tx, child.nid, parent.event.json, "$redaction")
        await EVENTS.set_flags(tx, parent.nid, 8)
        await EVENTS.insert_auth(tx, child.nid, [parent.nid, parent.nid])
        relation = Relation(parent.event.event_id, "m.annotation", child.nid, "m.reaction", BOB, "👍")
        await EVENTS.insert_relation(tx, ROOM_NID, relation)
        await EVENTS.insert_relation(tx, ROOM_NID, relation)

    await database.write(item)
    loaded = {stored.nid: stored for stored in await EVENTS.load_by_nids(database.reader, [parent.nid, child.nid])}
    assert loaded[parent.nid].flags == 8
    assert (loaded[child.nid].redacted_by, loaded[child.nid].event.json) == ("$redaction", parent.event.json)
    count = "SELECT count(*) FROM relations WHERE event_nid = ?"
    assert await database.reader.fetch_value(count, child.nid) == 1
    await database.write(lambda tx: EVENTS.delete_relation(tx, child.nid))
    assert await database.reader.fetch_value(count, child.nid) == 0


async def test_a_transaction_id_is_remembered_per_device_and_scope(database: Database) -> None:
    day = 86_400_000
    now = 20_000 * day
    await database.write(lambda tx: EVENTS.insert_transaction(tx, ALICE, "D", "send !r", "1", "$a", now))
    reader = database.reader
    for later in (now, now + 30 * day):
        assert await EVENTS.load_transaction(reader, ALICE, "D", "send !r", "1", later) == "$a"
    others = (
        (BOB, "D", "send !r", "1"),
        (ALICE, "E", "send !r", "1"),
        (ALICE, "D", "send !s", "1"),
        (ALICE, "D", "send !r", "2"),
    )
    for other in others:
        assert await EVENTS.load_transaction(reader, *other, now) is None
    with pytest.raises(Conflict):
        await database.write(lambda tx: EVENTS.insert_transaction(tx, ALICE, "D", "send !r", "1", "$b", now))
    assert await database.write(lambda tx: EVENTS.delete_old_transactions(tx, now + 30 * day, 10)) == 0
    assert await database.write(lambda tx: EVENTS.delete_old_transactions(tx, now + 90 * day, 10)) == 1
    assert await EVENTS.load_transaction(reader, ALICE, "D", "send !r", "1", now) is None


async def test_a_room_comes_back_as_it_was(database: Database) -> None:
    builder = RoomBuilder("12")
    row = await make_room(database, builder)
    assert await ROOMS.load_row(database.reader, row.room_id) == row
    assert await ROOMS.load_row(database.reader, "!unknown") is None
    assert await ROOMS.load_head_version(database.reader, ROOM_NID) == 0
    with pytest.raises(Conflict):
        await database.write(lambda tx: ROOMS.insert_row(tx, replace(row, room_nid=2)))


async def test_a_head_is_swapped_only_on_its_version(database: Database) -> None:
    builder = RoomBuilder("12")
    row = await make_room(database, builder)
    moved = replace(row, head_version=1, extremities=["$b", "$c"], depth=2, joined_count=3, invited_count=1)

    async def swap(tx: Transaction) -> list[bool]:
        return [await ROOMS.swap_head(tx, moved, 0), await ROOMS.swap_head(tx, replace(moved, depth=9), 0)]

    assert await database.write(swap, rooms=(row.room_id,)) == [True, False]
    assert await ROOMS.load_row(database.reader, row.room_id) == moved


async def test_states(database: Database) -> None:
    nodes = {bytes([number // 256, number % 256]) * 8: b"node %d" % number for number in range(LIST_VALUES_MAX + 5)}

    async def item(tx: Transaction) -> None:
        await ROOMS.insert_nodes(tx, nodes)
        await ROOMS.insert_nodes(tx, dict(list(nodes.items())[:3]))
        await ROOMS.insert_snapshot(tx, 1, b"a" * 16, b"b" * 16)
        await ROOMS.insert_event_snapshots(tx, 5, 1, 2)

    await database.write(item)
    reader = database.reader
    assert await ROOMS.load_nodes(reader, [*nodes, b"unknown"]) == nodes
    assert await ROOMS.load_snapshot(reader, 1) == (b"a" * 16, b"b" * 16)
    assert await ROOMS.load_snapshot(reader, 2) is None
    assert await ROOMS.load_event_snapshots(reader, 5) == (1, 2)
    assert await ROOMS.load_event_snapshots(reader, 6) is None


async def test_the_current_state(database: Database) -> None:
    builder = RoomBuilder("12")
    await make_room(database, builder)
    old, new = await add_events(database, builder, 2)

    async def item(tx: Transaction) -> None:
        await ROOMS.store_current_state(tx, ROOM_NID, ("m.room.name", ""), old.nid, 1)
        await ROOMS.store_current_state(tx, ROOM_NID, ("m.room.name", ""), new.nid, 2)
        await ROOMS.store_current_state(tx, ROOM_NID, ("m.room.topic", ""), old.nid, 2)

    await database.write(item)
    assert sorted(ids(await ROOMS.load_current_state(database.reader, ROOM_NID))) == sorted(ids([old, new]))


async def test_memberships(database: Database) -> None:
    builder = RoomBuilder("12")
    row = await make_room(database, builder)
    events = await add_events(database, builder, 3)

    def member(user_id: str, membership: str, event: StoredEvent, name: str | None = None) -> MembershipRow:
        return MembershipRow(
            ROOM_NID, row.room_id, user_id, membership, event.nid, event.position or 0, False, name, None
        )

    alice, bob, carol = (
        member(ALICE, "join", events[0], "أليس"),
        member(BOB, "invite", events[1]),
        member(CAROL, "join", events[2]),
    )

    async def item(tx: Transaction) -> None:
        for each in (member(ALICE, "invite", events[0]), carol, bob, alice):
            await ROOMS.store_membership(tx, each)
        for position, membership in ((3, "invite"), (5, "join"), (9, "leave")):
            change = MembershipChange(position, ROOM_NID, row.room_id, membership, events[0].nid)
            await ROOMS.insert_membership_change(tx, ALICE, change)

    await database.write(item)
    reader = database.reader
    assert await ROOMS.load_membership(reader, ROOM_NID, ALICE) == alice
    assert await ROOMS.load_membership(reader, ROOM_NID, "@nobody:x") is None
    assert await ROOMS.load_members(reader, ROOM_NID, ["join", "invite"]) == [alice, bob, carol]
    assert await ROOMS.load_members(reader, ROOM_NID, ["join"], 1) == [alice]
    assert await ROOMS.load_memberships_of_user(reader, BOB, ["join", "invite"]) == [bob]
    assert await ROOMS.load_memberships_of_user(reader, BOB, ["join"]) == []
    event = await ROOMS.load_member_event(reader, ROOM_NID, CAROL)
    assert event is not None and event.nid == events[2].nid
    changes = await ROOMS.load_membership_changes(reader, ALICE, 3, 9)
    assert [change.membership for change in changes] == ["join", "leave"]
    at = await ROOMS.load_membership_at(reader, ROOM_NID, ALICE, 8)
    assert at is not None and (at.position, at.membership) == (5, "join")
    assert await ROOMS.load_membership_at(reader, ROOM_NID, ALICE, 2) is None
    await database.write(lambda tx: ROOMS.set_forgotten(tx, ROOM_NID, BOB))
    forgotten = await ROOMS.load_membership(reader, ROOM_NID, BOB)
    assert forgotten is not None and forgotten.forgotten


async def test_who_wrote_last_is_found_page_by_page(database: Database) -> None:
    builder = RoomBuilder("12")
    await make_room(database, builder)
    await add_events(database, builder, 7)
    found = await EVENTS.load_latest_written(database.reader, None, 4)
    assert len(found) == 4
    assert [each.nid for each in found] == sorted((each.nid for each in found), reverse=True)
    rest = await EVENTS.load_latest_written(database.reader, found[-1].nid, 100)
    assert {each.nid for each in rest}.isdisjoint(each.nid for each in found)
    assert max(each.nid for each in rest) < found[-1].nid
    assert {each.room_id for each in found} == {builder.create.room_id}
    assert {each.sender for each in found} == {ALICE}
    assert all(each.is_message for each in found)
