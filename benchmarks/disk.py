"""Bytes on disk per message and per state change: `python -m benchmarks.disk`.

Measured on the database file of a stopped server (its write-ahead log folded in), before and after the work. The last
figure is the state of one large room with many membership changes, against the raw bytes of its events.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
from benchmarks.big_room import JOINS_AT_ONCE
from tests.conversations.account import Account
from tests.servers import Server, build_zajil

MESSAGES, STATE_CHANGES = 20_000, 5_000
BAR_STATE_RATIO = 2.0
CONTENT = {
    "algorithm": "m.megolm.v1.aes-sha2",
    "ciphertext": "A" * 700,
    "session_id": "s" * 43,
    "device_id": "DISKDEVICE",
}
# What state costs beyond the events themselves: tries, snapshots, and which snapshot holds where.
STATE_TABLES = ("state_nodes", "state_snapshots")


def measure_bytes(server: Server) -> int:
    """Pages in use of the database, whatever their file's size."""
    with sqlite3.connect(server.data / "zajil.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


async def grow(server: Server, work: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> int:
    """Bytes by which `work` makes the database larger."""
    before = measure_bytes(server)
    server.start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=JOINS_AT_ONCE * 2)) as connections:
            await work(connections)
    finally:
        server.stop()
    return measure_bytes(server) - before


async def run_many(count: int, one: Callable[[int], Awaitable[object]]) -> None:
    gate = asyncio.Semaphore(JOINS_AT_ONCE)

    async def bounded(number: int) -> None:
        async with gate:
            await one(number)

    await asyncio.gather(*(bounded(number) for number in range(count)))


async def measure_messages(server: Server, owner: Account, room_id: str) -> None:
    async def send(connections: aiohttp.ClientSession) -> None:
        owner.connections = connections
        await run_many(MESSAGES, lambda number: owner.send(room_id, CONTENT, "m.room.encrypted", f"m{number}"))

    async def change_state(connections: aiohttp.ClientSession) -> None:
        owner.connections = connections
        path = f"/rooms/{room_id}/state/org.example.n/"
        await run_many(STATE_CHANGES, lambda number: owner.call("PUT", f"{path}k{number % 100}", {"n": number}))

    print(f"{await grow(server, send) / MESSAGES:,.0f} bytes on disk per message (a Megolm text of 700 bytes)")
    print(f"{await grow(server, change_state) / STATE_CHANGES:,.0f} bytes on disk per state change")


async def measure_members(server: Server, owner: Account, members: int, changes: int) -> bool:
    """`members` join one room; `changes` membership events in all. True when state takes ≤ 2 × its events."""
    guests: list[Account] = []

    async def register(connections: aiohttp.ClientSession) -> None:
        async def one(_: int) -> None:
            guest = Account(server.base, connections)
            guest.token = (await guest.call("POST", "/register", {}, {"kind": "guest"}))["access_token"]
            guests.append(guest)

        await run_many(members, one)

    rooms: list[str] = []

    async def come_and_go(connections: aiohttp.ClientSession) -> None:
        owner.connections = connections
        guest_access = {"type": "m.room.guest_access", "state_key": "", "content": {"guest_access": "can_join"}}
        rooms.append(await owner.create_room(preset="public_chat", initial_state=[guest_access]))

        async def change(number: int) -> None:
            guest = guests[number % members]
            guest.connections = connections
            if number // members % 2 == 0:
                await guest.join(rooms[0])
            else:
                await guest.call("POST", f"/rooms/{rooms[0]}/leave", {})

        for start in range(0, changes, members):  # one change of each guest after the other
            await run_many(min(members, changes - start), lambda number, start=start: change(start + number))

    await grow(server, register)
    bytes_before = measure_tables(server)
    total = await grow(server, come_and_go)
    state = measure_tables(server) - bytes_before
    with sqlite3.connect(server.data / "zajil.db") as database:
        raw, count = database.execute(
            "SELECT sum(length(json)), count(*) FROM events WHERE type = 'm.room.member' AND room_nid ="
            " (SELECT room_nid FROM rooms WHERE room_id = ?)",
            rooms,
        ).fetchone()
    ratio = state / raw
    print(
        f"{members:,} members, {count:,} membership changes: {total / count:,.0f} bytes on disk a change in all, of which "
        f"{state / count:,.0f} of state beside {raw / count:,.0f} of event; state ÷ raw event bytes {ratio:.2f}; "
        f"bar ≤ {BAR_STATE_RATIO:g}: {'pass' if ratio <= BAR_STATE_RATIO else 'FAIL'}"
    )
    return ratio <= BAR_STATE_RATIO


def measure_tables(server: Server) -> int:
    """Bytes of the pages that hold state, indexes included."""
    with sqlite3.connect(server.data / "zajil.db") as database:
        try:
            marks = ",".join("?" * len(STATE_TABLES))
            found = database.execute(
                "SELECT sum(s.pgsize) FROM dbstat s JOIN sqlite_schema t ON t.name = s.name"
                f" WHERE t.tbl_name IN ({marks}) AND s.aggregate = TRUE",
                STATE_TABLES,
            ).fetchone()
        except sqlite3.OperationalError:  # this build of SQLite has no dbstat: count what the rows hold, and their keys
            found = database.execute(
                "SELECT (SELECT coalesce(sum(length(hash) + length(body) + 8), 0) FROM state_nodes)"
                " + (SELECT coalesce(sum(length(members_root) + length(rest_root) + 16), 0) FROM state_snapshots)"
            ).fetchone()
    return int(found[0] or 0)


async def measure(folder: Path, members: int, changes: int) -> bool:
    server = build_zajil(folder, guest_access="on").start()
    async with aiohttp.ClientSession() as connections:
        owner = await Account(server.base, connections).register("owner")
        room_id = await owner.create_room(preset="private_chat")
    server.stop()
    await measure_messages(server, owner, room_id)
    return await measure_members(server, owner, members, changes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zajil-disk-") as folder:
        asyncio.run(measure(Path(folder), options.members, options.changes))


if __name__ == "__main__":
    main()
