"""The store of incidents and of the status history, on every engine."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from zajil.core.health import Cause, Component, State
from zajil.core.incidents import Entry, Incident, Kind, close, open_incident
from zajil.core.status_history import HOUR_MS, MINUTE_MS, Cell
from zajil.ports.database import Database, Transaction
from zajil.storage.stores.incidents import SqlIncidentStore

STORE = SqlIncidentStore()


async def write(database: Database, method: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
    async def item(tx: Transaction) -> Any:
        return await method(tx, *args, **options)

    return await database.write(item)


def build_incident(number: int, ts_ms: int) -> Incident:
    return open_incident(f"i{number}", "node", Cause.ERRORS, ts_ms, {"errors": 7.0})


async def test_incidents_come_back_as_they_were(database: Database) -> None:
    first, second = build_incident(1, 1000), build_incident(2, 2000)
    for each in (first, second):
        await write(database, STORE.store, each)
    reader = database.reader
    assert await STORE.load(reader, "i1") == first
    assert await STORE.load(reader, "i3") is None
    assert await STORE.load_open(reader) == [first, second]
    closed = close(first, 5000)
    await write(database, STORE.store, closed)
    assert await STORE.load_open(reader) == [second]
    assert await STORE.load_recent(reader, 0, 10) == [closed, second]
    assert await STORE.load_recent(reader, 3000, 10) == [closed]
    assert await STORE.load_recent(reader, 0, 1) == [closed]


async def test_notes_of_two_writers_are_both_kept(database: Database) -> None:
    first = build_incident(1, 1000)
    await write(database, STORE.store, first)
    await write(database, STORE.store, first.add(Entry(2000, Kind.NOTE, Cause.ERRORS, {"en": "we look", "ar": "ننظر"})))
    await write(database, STORE.store, close(first, 3000))
    stored = await STORE.load(database.reader, "i1")
    assert stored is not None
    assert [each.kind for each in stored.entries] == [Kind.OPENED, Kind.NOTE, Kind.CLOSED]
    assert stored.closed_ts_ms == 3000


async def test_old_incidents_go_with_their_announcements(database: Database) -> None:
    for each in (close(build_incident(1, 1000), 2000), build_incident(2, 1000), close(build_incident(3, 1000), 9000)):
        await write(database, STORE.store, each)
        await write(database, STORE.claim_announcement, each.incident_id, "opened", "notices", 1000)
    await write(database, STORE.delete_before, 5000)
    left = await STORE.load_recent(database.reader, 0, 10)
    assert [each.incident_id for each in left] == ["i3", "i2"]
    undone = await STORE.load_undone(database.reader, "notices", 0)
    assert sorted(incident_id for incident_id, _, _ in undone) == ["i2", "i3"]


async def test_only_one_claims_an_announcement(database: Database) -> None:
    claim = ("i1", "opened", "announce", 1000)
    assert await write(database, STORE.claim_announcement, *claim)
    assert not await write(database, STORE.claim_announcement, *claim)
    assert await write(database, STORE.claim_announcement, "i1", "closed", "announce", 1000)
    assert await write(database, STORE.claim_announcement, "i1", "opened", "notices", 1000)
    announcement = ("i1", "opened", "notices")
    assert await write(database, STORE.store_progress, announcement, "", "@b:x", is_done=False)
    assert not await write(database, STORE.store_progress, announcement, "", "@b:x", is_done=False)
    reader = database.reader
    assert await STORE.load_undone(reader, "notices", 0) == [("i1", "opened", "@b:x")]
    assert await STORE.load_undone(reader, "notices", 2000) == []
    assert await STORE.has_announcement(reader, *announcement)
    assert not await STORE.has_announcement(reader, "i1", "closed", "notices")
    assert await write(database, STORE.store_progress, announcement, "@b:x", "@c:x", is_done=True)
    assert await STORE.load_undone(reader, "notices", 0) == []


async def test_cells_and_nodes(database: Database) -> None:
    cell = Cell(MINUTE_MS)
    cell.note_time(30.0, {Component.MEDIA: State.DEGRADED, Component.SIGN_IN: State.OUTAGE})
    cell.note_round(3.0, 12.0)
    later = replace(cell, start_ts_ms=2 * MINUTE_MS)
    await write(database, STORE.store_cells, "a", MINUTE_MS, [cell, later])
    await write(database, STORE.store_cells, "b", MINUTE_MS, [cell])
    await write(database, STORE.store_cells, "a", HOUR_MS, [Cell(0)])
    cell.note_round(None, None)
    await write(database, STORE.store_cells, "a", MINUTE_MS, [cell])
    reader = database.reader
    assert await STORE.load_cells(reader, "a", MINUTE_MS, 0) == [cell, later]
    assert await STORE.load_cells(reader, "a", MINUTE_MS, MINUTE_MS + 1) == [later]
    await write(database, STORE.delete_cells, MINUTE_MS, 2 * MINUTE_MS)
    assert await STORE.load_cells(reader, "a", MINUTE_MS, 0) == [later]
    assert await STORE.load_cells(reader, "b", MINUTE_MS, 0) == []
    assert await STORE.load_cells(reader, "a", HOUR_MS, 0) == [Cell(0)]
    for seen in (5, 9):
        await write(database, STORE.store_node, "a", seen)
    assert await STORE.load_nodes(reader) == {"a": 9}
