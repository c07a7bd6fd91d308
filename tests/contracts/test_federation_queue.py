"""The store of what is for other servers, on every engine: what several processes must agree about."""

from __future__ import annotations

import asyncio

from tests.contracts.conftest import OpenDatabase

from zajil.ports.database import Database
from zajil.storage.stores.events import SqlEventStore
from zajil.storage.stores.federation_queue import SqlFederationQueueStore

QUEUE = SqlFederationQueueStore()


async def test_of_two_who_move_at_once_one_has_moved(open_database: OpenDatabase) -> None:
    databases = [open_database(), open_database()]
    for each in databases:
        each.start()
    for moves in range(5):
        assert {await QUEUE.load_moves(each.reader) for each in databases} == {moves}
        counted = await asyncio.gather(
            *(each.write(lambda tx, moves=moves: QUEUE.count_move(tx, moves)) for each in databases)  # type: ignore[misc]
        )
        assert sorted(counted) == [False, True]
    for each in databases:
        await each.close()


async def test_a_turn_is_taken_from_its_owner_only(database: Database) -> None:
    async def take(instance: str, former: str | None) -> bool:
        return await database.write(lambda tx: QUEUE.take_turn(tx, "one.test", instance, former))

    assert await QUEUE.load_turn(database.reader, "one.test") is None
    assert await take("a", None)
    assert not await take("b", None)
    assert not await take("b", "c")
    assert await take("b", "a")
    assert await QUEUE.load_turn(database.reader, "one.test") == "b"
    for beat in (1, 2):
        await database.write(lambda tx, beat=beat: QUEUE.store_sender(tx, "b", beat))  # type: ignore[misc]
    assert await QUEUE.load_senders(database.reader) == {"b": 2}
    await database.write(lambda tx: QUEUE.delete_sender(tx, "b"))
    assert await QUEUE.load_senders(database.reader) == {}
    assert await QUEUE.load_turn(database.reader, "one.test") is None


async def test_an_event_id_that_no_column_can_hold_is_that_of_no_event(database: Database) -> None:
    assert await SqlEventStore().load_by_ids(database.reader, ["$a\0", "$b"]) == []
