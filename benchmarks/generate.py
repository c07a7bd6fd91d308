"""Restart time with a large database: `python -m benchmarks.generate --events 1000000`.

First the database is generated: a handful of accounts and rooms are made over the API of a running server; that server is
stopped, and real events (built, hashed, chained by prev_events) are appended to the rooms through the server's own stores
and group commit, in this process. Then the server is killed with SIGKILL under load and started again,
`--rounds` times; measured is the time from the start of the process to the first send acknowledged.

With `--folder DIR` the generated server stays there, and a second run only measures: generating needs minutes, measuring a quiet
machine. `--postgres` keeps the events in a PostgreSQL of the tests instead of SQLite (without fsync, which restarts do not wait for).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import aiohttp
from tests.conversations.account import Account, register_accounts
from tests.conversations.load import Load, Sender
from tests.postgres_server import run_postgres
from tests.servers import Server, build_zajil

from zajil.core.events import build_event
from zajil.main.composition import build_services
from zajil.ports.configuration import Config
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.messages.append_events import Proposal, build_authorised, open_draft, store_draft

ACCOUNTS = 8
ROOMS = 200
EVENTS_PER_COMMIT = 1000
CONTENT = {
    "algorithm": "m.megolm.v1.aes-sha2",
    "ciphertext": "A" * 700,
    "session_id": "s" * 43,
    "device_id": "GENERATED",
    "sender_key": "k" * 43,
}
BACK_SECONDS_MAX = 120.0
BAR_SECONDS = 1.0


async def make_rooms(server: Server, connections: aiohttp.ClientSession, rooms: int) -> Load:
    accounts = await register_accounts(server.base, connections, [f"member{number}" for number in range(ACCOUNTS)])
    room_ids = []
    for number in range(rooms):
        owner = accounts[number % ACCOUNTS]
        room_ids.append(await owner.create_room(preset="public_chat"))
        await accounts[(number + 1) % ACCOUNTS].join(room_ids[-1])
    senders = [Sender(account, room_ids[index::ACCOUNTS]) for index, account in enumerate(accounts)]
    return Load(senders, [], room_ids)


async def append_many(app: App, room_id: str, sender: str, count: int) -> None:
    """Append `count` encrypted messages in one commit: what the server does for each, without its checks and signature."""

    async def item(tx: Transaction) -> None:
        draft = await open_draft(app, tx, room_id)
        row = draft.row
        first = await build_authorised(
            app, tx, draft, Proposal(type="m.room.encrypted", sender=sender, content=CONTENT)
        )
        nid = await tx.new_ids(count)
        for number in range(count):
            row.depth += 1
            event = build_event(
                draft.rules,
                room_id=room_id,
                type="m.room.encrypted",
                sender=sender,
                content={**CONTENT, "n": number},
                prev_events=row.extremities,
                auth_events=first.auth_event_ids,
                depth=row.depth,
                origin_server_ts=first.origin_server_ts,
            )
            position = await tx.append(Stream.EVENTS, room_id)
            stored = StoredEvent(event, nid=nid + number, room_nid=row.room_nid, position=position, history=position)
            await app.stores.events.insert(tx, stored)
            await app.stores.rooms.insert_event_snapshots(tx, stored.nid, row.snapshot_id, row.snapshot_id)
            row.extremities = [event.event_id]
        await store_draft(app, tx, draft)

    await app.db.write(item, rooms=(room_id,))


def store_load(file: Path, load: Load) -> None:
    """Write down who may send where, for later runs."""
    known = [(sender.account.user_id, sender.account.token, sender.rooms) for sender in load.senders]
    file.write_text(json.dumps(known))


def restore_load(file: Path, server: Server, connections: aiohttp.ClientSession) -> Load:
    """The load of a former run. Its messages have other transaction IDs, so that none is taken for a retry."""
    senders = []
    for user_id, token, rooms in json.loads(file.read_text()):
        account = Account(server.base, connections)
        account.user_id, account.token = user_id, token
        senders.append(Sender(account, rooms))
    load = Load(senders, [], [room_id for sender in senders for room_id in sender.rooms])
    load.transaction_prefix = f"{time.time_ns()}-"
    return load


async def generate(config: Config, load: Load, events: int) -> float:
    """Append `events` messages, round robin over the rooms; returns the seconds it took."""
    app = build_services(config)
    app.db.start()
    began = last = time.monotonic()
    try:
        for number in range(-(-events // EVENTS_PER_COMMIT)):
            sender = load.senders[number % ACCOUNTS]
            room_id = sender.rooms[number // ACCOUNTS % len(sender.rooms)]
            await append_many(app, room_id, sender.account.user_id, EVENTS_PER_COMMIT)
            if time.monotonic() - last > 10:
                last = time.monotonic()
                done = (number + 1) * EVENTS_PER_COMMIT
                print(f"  {done:,} events, {done / (last - began):,.0f}/s", flush=True)
    finally:
        await app.db.close()
    return time.monotonic() - began


def empty_page_cache() -> None:
    """What the operating system remembers of files, gone as after a power cut; needs root."""
    subprocess.run(["sync"], check=True)
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


async def kill_and_restart(server: Server, load: Load, pause: float, *, is_cold: bool) -> float:
    """Kill the server under load; return the seconds from the next start to the first acknowledged send."""
    await asyncio.sleep(pause)
    server.kill()
    if is_cold:
        empty_page_cache()
    load.reset_first_acknowledgement()
    began = time.monotonic()
    server.launch()
    while not load.first_ack_at:
        load.check_running()
        if time.monotonic() - began > BACK_SECONDS_MAX:
            raise SystemExit(f"no send accepted within {BACK_SECONDS_MAX:.0f} s:\n{server.log_tail()}")
        await asyncio.sleep(0.002)
    return load.first_ack_at - began


async def prepare(server: Server, config: Config, connections: aiohttp.ClientSession, events: int, rooms: int) -> Load:
    """The load on a server with so many events: those of a former run in this folder, or new ones."""
    known = server.data.parent / f"load-{events}.json"
    if known.exists():
        return restore_load(known, server, connections)
    server.start()
    load = await make_rooms(server, connections, rooms)
    server.stop()
    seconds = await generate(config, load, events)
    size = sum(file.stat().st_size for file in server.data.rglob("*") if file.is_file())
    print(
        f"{events:,} events generated in {seconds:.0f} s ({events / seconds:,.0f}/s); {size / 2**20:,.0f} MiB in {server.data}"
    )
    store_load(known, load)
    return load


async def measure_restarts(
    folder: Path, events: int, rooms: int, rounds: int, seed: int, database: str | None, *, is_cold: bool
) -> list[float]:
    """Generate and measure; returns the seconds of each restart."""
    server = build_zajil(folder, **({"database": database} if database else {}))
    config = Config(data=server.data, server_name="localhost", database=database or "")
    chance = random.Random(seed)
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as connections:
            load = await prepare(server, config, connections, events, rooms)
            if not rounds:
                return []
            server.start()
            load.start()
            restarts = [
                await kill_and_restart(server, load, chance.uniform(0.2, 1.5), is_cold=is_cold) for _ in range(rounds)
            ]
            await load.finish()
            return restarts
    finally:
        server.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rooms", type=int, default=ROOMS)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the server here, and use what a former run has left")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--cold", action="store_true", help="empty the system's cache of files before each start")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zajil-generate-")))
        database = stack.enter_context(run_postgres()).make_database() if options.postgres else None
        restarts = asyncio.run(
            measure_restarts(
                folder, options.events, options.rooms, options.rounds, options.seed, database, is_cold=options.cold
            )
        )
    if not restarts:
        return
    worst, median = max(restarts), statistics.median(restarts)
    verdict = "pass" if worst <= BAR_SECONDS else "FAIL"
    print(
        f"kill -9 to the first accepted send with {options.events:,} events, {options.rounds} rounds: "
        f"median {median:.2f} s, slowest {worst:.2f} s; bar ≤ {BAR_SECONDS:g} s: {verdict}"
    )


if __name__ == "__main__":
    main()
