"""The stores of receipts, push rules and pushers, on every engine."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.contracts.test_room_stores import ROOM_NID, ROOMS, add_events, make_room
from tests.core.room_builder import ALICE, BOB, RoomBuilder

from zajil.ports.database import Database, Transaction
from zajil.ports.stores.pushers import BADGE_ONLY, Pusher, PusherStore
from zajil.ports.stores.receipts import Receipt, UnreadCheckpoint
from zajil.ports.stores.rooms import MembershipRow
from zajil.storage.postgres.pushers import PostgresPusherStore
from zajil.storage.sqlite.engine import SqliteDatabase
from zajil.storage.sqlite.pushers import SqlitePusherStore
from zajil.storage.stores.receipts import SqlPushRuleStore, SqlReceiptStore

RECEIPTS, RULES = SqlReceiptStore(), SqlPushRuleStore()


@pytest.fixture
def pushers(database: Database) -> PusherStore:
    return SqlitePusherStore() if isinstance(database, SqliteDatabase) else PostgresPusherStore()


async def write(database: Database, *items: Callable[[Transaction], Awaitable[Any]]) -> list[Any]:
    async def item(tx: Transaction) -> list[Any]:
        return [await each(tx) for each in items]

    return await database.write(item)


def receipt(user_id: str, position: int, history: int = 1, thread: str = "", kind: str = "m.read") -> Receipt:
    return Receipt(user_id, kind, thread, f"$e{history}", history, 0, 1_000 + position, position)


async def test_receipts_replace_one_another(database: Database) -> None:
    listed = [
        receipt(ALICE, 1, 5),
        receipt(BOB, 2, 3),
        receipt(ALICE, 3, 9),
        receipt(ALICE, 4, 2, thread="main"),
        receipt(ALICE, 5, 7, kind="m.read.private"),
    ]
    await write(database, *[lambda tx, each=each: RECEIPTS.store(tx, ROOM_NID, each) for each in listed])
    tx = database.reader
    assert await RECEIPTS.load(tx, ROOM_NID, ALICE, "m.read", "") == listed[2]
    assert await RECEIPTS.load(tx, ROOM_NID, BOB, "m.read", "main") is None
    assert await RECEIPTS.load_newest(tx, ROOM_NID, 10) == listed[1:]
    assert await RECEIPTS.load_newest(tx, ROOM_NID, 2) == listed[3:]
    assert await RECEIPTS.load_newest(tx, ROOM_NID + 1, 10) == []
    assert await RECEIPTS.load_changes(tx, ROOM_NID, 3, 10) == listed[3:]
    assert await RECEIPTS.load_from_history(tx, ROOM_NID, 7, 10) == [listed[2], listed[4]]
    assert await RECEIPTS.load_of_user(tx, ROOM_NID, BOB, 10) == [listed[1]]


async def test_rooms_with_receipts_and_their_end(database: Database) -> None:
    row = await make_room(database, RoomBuilder("12"))
    checkpoint = UnreadCheckpoint(ALICE, ROOM_NID, 4, b"{}")
    later = UnreadCheckpoint(ALICE, ROOM_NID, 8, b"[1]")
    await write(
        database,
        lambda tx: RECEIPTS.store(tx, ROOM_NID, receipt(ALICE, 6)),
        lambda tx: RECEIPTS.store_checkpoints(tx, [checkpoint]),
        lambda tx: RECEIPTS.store_checkpoints(tx, [later]),
        lambda tx: RULES.store(tx, ALICE, b"stored"),
    )
    tx = database.reader
    assert await RECEIPTS.load_rooms_read(tx, ALICE, 5) == [row.room_id]
    assert await RECEIPTS.load_rooms_read(tx, ALICE, 6) == []
    assert await RECEIPTS.load_checkpoint(tx, ALICE, ROOM_NID) == later
    assert await RECEIPTS.load_checkpoint(tx, BOB, ROOM_NID) is None
    await write(database, lambda tx: RECEIPTS.delete_user(tx, ALICE))
    assert await RECEIPTS.load_newest(tx, ROOM_NID, 10) == []
    assert await RECEIPTS.load_checkpoint(tx, ALICE, ROOM_NID) is None
    assert await RULES.load(tx, ALICE) == b""


async def test_push_rules(database: Database) -> None:
    tx = database.reader
    assert await RULES.load(tx, ALICE) == b""
    for stored in (b"one", b"two", b"", b""):
        await write(database, lambda tx, stored=stored: RULES.store(tx, ALICE, stored))
        assert await RULES.load(tx, ALICE) == stored


def pusher(nid: int, user_id: str = ALICE, pushkey: str = "key", **changes: Any) -> Pusher:
    fields: dict[str, Any] = {"device_id": "PHONE", "json": b"{}", "set_ts_ms": 1, "position": nid, **changes}
    return Pusher(nid, user_id, "app", pushkey, **fields)


async def test_pushers_are_kept_by_user_app_and_key(database: Database, pushers: PusherStore) -> None:
    tx = database.reader
    assert not await pushers.has_any(tx)
    await write(database, lambda tx: pushers.store(tx, pusher(1)), lambda tx: pushers.store(tx, pusher(2, pushkey="x")))
    assert await pushers.has_any(tx)
    await write(database, lambda tx: pushers.store(tx, pusher(3, json=b"[]", device_id="LAPTOP", set_ts_ms=9)))
    expected = [pusher(1, json=b"[]", device_id="LAPTOP", set_ts_ms=9), pusher(2, pushkey="x")]
    assert await pushers.load_of_user(tx, ALICE) == expected
    await write(database, lambda tx: pushers.store(tx, pusher(4, BOB)))
    await write(database, lambda tx: pushers.delete_others(tx, "app", "key", BOB))
    assert await pushers.load_of_user(tx, ALICE) == [pusher(2, pushkey="x")]
    await write(database, lambda tx: pushers.delete_device(tx, ALICE, "PHONE"))
    assert await pushers.load_of_user(tx, ALICE) == []
    assert await write(database, lambda tx: pushers.delete_key(tx, BOB, "app", "other")) == [False]
    assert await write(database, lambda tx: pushers.delete_key(tx, BOB, "app", "key")) == [True]
    await write(database, lambda tx: pushers.store(tx, pusher(5)), lambda tx: pushers.delete_user(tx, ALICE))
    assert not await pushers.has_any(tx)


async def test_pushers_of_members(database: Database, pushers: PusherStore) -> None:
    row = await make_room(database, RoomBuilder("12"))

    def member(user_id: str, membership: str) -> MembershipRow:
        return MembershipRow(ROOM_NID, row.room_id, user_id, membership, 1, 1, False, None, None)

    await write(
        database,
        lambda tx: ROOMS.store_membership(tx, member(ALICE, "join")),
        lambda tx: ROOMS.store_membership(tx, member(BOB, "leave")),
        lambda tx: pushers.store(tx, pusher(1)),
        lambda tx: pushers.store(tx, pusher(2, BOB)),
    )
    assert await pushers.load_of_members(database.reader, ROOM_NID) == [pusher(1)]


async def test_the_log_is_walked_in_steps_up_to_what_is_announced(database: Database, pushers: PusherStore) -> None:
    builder = RoomBuilder("12")
    await make_room(database, builder)
    events = await add_events(database, builder, 6)
    tx = database.reader
    start = await pushers.load_progress(tx)
    last = events[3].position or 0
    found, reached = [], start
    while True:
        end, step = await pushers.load_step(tx, reached, last)
        found += [stored.event.event_id for stored in step]
        if end == reached:
            break
        reached = end
    assert found == [stored.event.event_id for stored in events[:4]]
    end, step = await pushers.load_step(tx, reached, events[5].position or 0)
    assert [stored.event.event_id for stored in step] == [stored.event.event_id for stored in events[4:]]
    assert end == await pushers.load_end(tx)
    assert await write(database, lambda tx: pushers.store_progress(tx, start, end)) == [True]
    assert await write(database, lambda tx: pushers.store_progress(tx, start, end + 1)) == [False]
    assert await pushers.load_progress(tx) == end


async def test_what_waits_is_claimed_once_and_settled(database: Database, pushers: PusherStore) -> None:
    tx = database.reader
    await write(database, *[lambda tx, nid=nid: pushers.store(tx, pusher(nid, pushkey=f"k{nid}")) for nid in (1, 2)])
    assert await pushers.load_next_due(tx) is None
    # 9 is a pusher that has gone meanwhile.
    await write(database, lambda tx: pushers.insert_waiting(tx, [(1, 11), (1, 10), (2, 10), (9, 10), (1, 11)], 100))
    assert await pushers.load_waiting(tx, 1, 10) == [10, 11]
    assert await pushers.load_waiting(tx, 9, 10) == []
    assert await pushers.load_next_due(tx) == 100
    assert await write(database, lambda tx: pushers.claim_due(tx, 99, 500, 10)) == [[]]
    [[claimed]] = await write(database, lambda tx: pushers.claim_due(tx, 100, 500, 1))
    [[other]] = await write(database, lambda tx: pushers.claim_due(tx, 100, 600, 10))
    assert {claimed.pusher_nid, other.pusher_nid} == {1, 2}
    assert await write(database, lambda tx: pushers.claim_due(tx, 100, 500, 10)) == [[]]
    await write(database, lambda tx: pushers.delete_waiting(tx, 2, [10]), lambda tx: pushers.settle(tx, 2, 200))
    await write(database, lambda tx: pushers.delete_waiting(tx, 1, [10]), lambda tx: pushers.settle(tx, 1, 200))
    assert await pushers.load_next_due(tx) == 200
    assert await pushers.load_waiting(tx, 1, 10) == [11]
    await write(database, lambda tx: pushers.claim_due(tx, 200, 900, 10), lambda tx: pushers.release(tx, [1, 2], 300))
    [[claimed]] = await write(database, lambda tx: pushers.claim_due(tx, 300, 900, 10))
    assert claimed.pusher_nid == 1


async def test_a_failing_pusher_is_postponed_and_what_waits_bounded(database: Database, pushers: PusherStore) -> None:
    tx = database.reader
    await write(database, lambda tx: pushers.store(tx, pusher(1)))
    await write(database, lambda tx: pushers.insert_waiting(tx, [(1, nid) for nid in range(10, 16)], 100))
    await write(database, lambda tx: pushers.delete_oldest(tx, 1, 4), lambda tx: pushers.postpone(tx, 1, 3, 50, 700))
    assert await pushers.load_waiting(tx, 1, 10) == [12, 13, 14, 15]
    assert await pushers.load_waiting(tx, 1, 2) == [12, 13]
    assert await pushers.load_next_due(tx) == 700
    # More to tell does not make it due earlier; setting it anew does.
    await write(database, lambda tx: pushers.insert_badge(tx, ALICE, 200, except_app_id="other"))
    assert await pushers.load_next_due(tx) == 700
    assert await pushers.load_waiting(tx, 1, 1) == [BADGE_ONLY]
    [[claimed]] = await write(database, lambda tx: pushers.claim_due(tx, 700, 700, 1))
    assert (claimed.failures, claimed.failing_since_ts_ms) == (3, 50)
    await write(database, lambda tx: pushers.store(tx, pusher(2, set_ts_ms=300)))
    assert await pushers.load_next_due(tx) == 300
    await write(database, lambda tx: pushers.delete_oldest(tx, 1, 0), lambda tx: pushers.settle(tx, 1, 400))
    assert await pushers.load_next_due(tx) is None
    await write(database, lambda tx: pushers.insert_badge(tx, ALICE, 500, except_app_id="app"))
    assert await pushers.load_next_due(tx) is None


async def test_a_pusher_goes_with_what_waits_for_it(database: Database, pushers: PusherStore) -> None:
    await write(
        database,
        lambda tx: pushers.store(tx, pusher(1)),
        lambda tx: pushers.insert_waiting(tx, [(1, 10)], 100),
        lambda tx: pushers.delete(tx, 1),
    )
    assert await pushers.load_waiting(database.reader, 1, 10) == []
    assert await pushers.load_next_due(database.reader) is None
