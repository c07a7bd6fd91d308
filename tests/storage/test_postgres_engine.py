"""What only PostgreSQL has: lost connections, deadlocks, the log's table, placeholders."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.postgres_server import PostgresServer, run_postgres

from zajil.ports.database import Busy, Read, StorageUnavailable, Stream, TooSlow, Touch, Transaction
from zajil.storage.postgres import engine, reads, transaction
from zajil.storage.postgres.engine import PostgresDatabase
from zajil.storage.postgres.sql import find_target, translate
from zajil.storage.postgres.transaction import PostgresTransaction

INSERT = "INSERT INTO room_aliases (room_alias, room_nid, creator, created_ts_ms) VALUES (?, ?, ?, ?)"
HANG_S = 300.0
"""So long nothing takes, on the slowest machine either, but what hangs."""
UPSERT = f"{INSERT} ON CONFLICT (room_alias) DO UPDATE SET room_nid = excluded.room_nid"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    made = postgres.make_database()
    yield made
    postgres.drop_database(made)


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(url)
    opened.start()
    yield opened
    await opened.close()


async def append(tx: Transaction) -> int:
    return await tx.append(Stream.EVENTS, "!r:x")


async def kill_connections(url: str) -> None:
    other = await engine.connections.connect(url)
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()


def test_placeholders() -> None:
    assert translate("SELECT ?, '?', 'it''s ?' WHERE a = ?") == "SELECT $1, '?', 'it''s ?' WHERE a = $2"
    assert find_target("INSERT INTO events (a) VALUES (?)") == "events"
    assert find_target("UPDATE rooms SET a = 1") == "rooms"
    assert find_target("DELETE FROM relations WHERE a = 1") == "relations"
    assert find_target("WITH x AS (SELECT 1) DELETE FROM relations") == ""


async def test_lost_connections_are_replaced(database: PostgresDatabase, url: str) -> None:
    await database.write(append)
    assert await database.reader.fetch_value("SELECT count(*) FROM rooms") == 0
    await kill_connections(url)
    assert await database.reader.fetch_value("SELECT count(*) FROM rooms") == 0, "reads notice and ask again"
    assert await database.write(append) == 2, "nothing had been sent yet"


async def test_a_batch_whose_connection_is_lost_runs_again(database: PostgresDatabase, url: str) -> None:
    runs = 0

    async def item(tx: Transaction) -> int:
        nonlocal runs
        runs += 1
        await tx.execute(INSERT, "#a:x", 1, "@a:x", 0)
        if runs == 1:
            await kill_connections(url)
        return await append(tx)

    assert await database.write(item) == 1
    assert runs == 2
    assert await database.reader.fetch_value("SELECT count(*) FROM room_aliases") == 1


async def test_a_commit_whose_outcome_is_unknown_is_not_repeated(
    database: PostgresDatabase, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    database.subscribe(lambda *_: None, lambda position, _: heard.append(position))
    commit = PostgresTransaction.commit

    async def lose_the_answer(tx: PostgresTransaction) -> None:
        await commit(tx)
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(PostgresTransaction, "commit", lose_the_answer)
        with pytest.raises(StorageUnavailable):
            await database.write(append)
    async with asyncio.timeout(HANG_S):
        while not heard:
            await asyncio.sleep(0.01)
    assert heard == [1], "it did happen, and is told like another process' commit"
    assert await database.write(append) == 2


async def test_a_connection_lost_within_an_item_keeps_nothing(database: PostgresDatabase, url: str) -> None:
    async def item(tx: Transaction) -> None:
        await tx.execute(INSERT, "#a:x", 1, "@a:x", 0)
        await append(tx)
        await kill_connections(url)
        await tx.fetch("SELECT room_alias FROM room_aliases")

    with pytest.raises(StorageUnavailable):
        await database.write(item)
    assert await database.reader.fetch("SELECT room_alias FROM room_aliases") == []
    assert await database.write(append) == 1


async def test_a_server_that_is_away_is_unavailable(postgres: PostgresServer) -> None:
    with pytest.raises(StorageUnavailable):
        PostgresDatabase(postgres.url("nowhere"))


async def test_items_that_deadlock_run_again(database: PostgresDatabase, url: str) -> None:
    """Two nodes that append nothing lock rows in the order of their statements."""
    other = PostgresDatabase(url)
    both = asyncio.Barrier(2)
    waits = 2

    def crossing(first: str, second: str) -> Any:
        async def item(tx: Transaction) -> int:
            nonlocal waits
            await tx.execute_counting("UPDATE rooms SET depth = depth + 1 WHERE room_id = ?", first)
            if waits:
                waits -= 1
                await both.wait()
            return await tx.execute_counting("UPDATE rooms SET depth = depth + 1 WHERE room_id = ?", second)

        return item

    async def make_rooms(tx: Transaction) -> None:
        sql = "INSERT INTO rooms VALUES (?, ?, '12', '@a:x', 0, 0, '[]', 0, 0, 0, 0)"
        await tx.execute_many(sql, [(1, "!a:x"), (2, "!b:x")])

    await database.write(make_rooms)
    assert await asyncio.gather(database.write(crossing("!a:x", "!b:x")), other.write(crossing("!b:x", "!a:x"))) == [
        1,
        1,
    ]
    assert await database.reader.fetch_value("SELECT sum(depth) FROM rooms") == 4
    await other.close()


async def test_a_lock_that_is_never_released_makes_the_item_busy(
    database: PostgresDatabase, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "TRANSIENT_RETRIES_MAX", 1)
    other = await engine.connections.connect(url)
    await other.execute("SET idle_in_transaction_session_timeout = 0")
    await other.execute("BEGIN")
    await other.execute("SELECT * FROM zajil_lock_log(0)")
    with pytest.raises(Busy):
        await database.write(append)
    await other.execute("ROLLBACK")
    assert await database.write(append) == 1
    await other.close()


async def test_equal_writes_go_out_together(database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(transaction, "translate", lambda sql: sent.append(sql.split("(")[0]) or translate(sql))

    def item(number: int) -> Any:
        async def run(tx: Transaction) -> None:
            await append(tx)
            await tx.execute(INSERT, f"#{number}:x", number, "@a:x", 0)
            await tx.execute("INSERT INTO state_nodes (hash, body) VALUES (?, ?)", b"%d" % number, b"")

        return run

    await asyncio.gather(*(database.write(item(number)) for number in range(50)))
    assert [sql.strip() for sql in sent if sql.startswith("INSERT")] == [
        "INSERT INTO room_aliases",
        "INSERT INTO state_nodes",
    ]
    assert await database.reader.fetch_value("SELECT count(*) FROM room_aliases") == 50


async def test_a_row_written_twice_in_a_batch_keeps_the_last(database: PostgresDatabase) -> None:
    async def item(tx: Transaction) -> Any:
        await tx.execute(UPSERT, "#a:x", 1, "@a:x", 0)
        await tx.execute(UPSERT, "#a:x", 2, "@a:x", 0)
        return await tx.fetch_value("SELECT room_nid FROM room_aliases")

    assert await database.write(item) == 2


async def test_entries_of_the_log_that_are_gone_mean_everything(database: PostgresDatabase, url: str) -> None:
    other = PostgresDatabase(url)  # as if asleep until it is started
    heard: list[tuple[int, Sequence[Touch]]] = []
    other.subscribe(lambda *_: None, lambda position, touches: heard.append((position, touches)))
    for _ in range(3):
        await database.write(append)
    connection = await engine.connections.connect(url)
    await connection.execute("DELETE FROM log_commits WHERE position = 1")
    other.start()
    async with asyncio.timeout(HANG_S):
        while not heard:
            await asyncio.sleep(0.01)
    assert heard == [(3, [])]
    await connection.close()
    await other.close()


async def test_long_queries_end_at_their_deadline(database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    usual_s = reads.SLOW_READ_S_MAX
    monkeypatch.setattr(reads, "SLOW_READ_S_MAX", 0.2)
    with pytest.raises(TooSlow):
        await database.read_slowly(lambda read: read.fetch("SELECT pg_sleep(5)"))

    async def many_short(read: Read) -> None:
        while True:
            await read.fetch("SELECT 1")

    with pytest.raises(TooSlow):
        await database.read_slowly(many_short)
    monkeypatch.setattr(reads, "SLOW_READ_S_MAX", usual_s)
    assert await database.read_slowly(lambda read: read.fetch_value("SELECT 1")) == 1


async def test_nodes_that_start_together_make_the_tables_once(postgres: PostgresServer) -> None:
    postgres.run("CREATE DATABASE empty_one")
    opened = await asyncio.gather(*(asyncio.to_thread(PostgresDatabase, postgres.url("empty_one")) for _ in range(4)))
    assert [(each.epoch, each.position) for each in opened] == [(1, 0)] * 4
    assert await opened[0].write(append) == 1
    for each in opened:
        await each.close()
    postgres.run("DROP DATABASE empty_one")


class SilentProxy:
    """Between an engine and its server; `is_silent`: nothing passes any more and no connection ends, as when a machine loses its power."""

    def __init__(self, target: str, folder: Path) -> None:
        self._target = target
        self.folder = folder
        self.is_silent = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> "SilentProxy":
        self._server = await asyncio.start_unix_server(self._accept, self.folder / ".s.PGSQL.5432")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pass(source, sink))
            self._tasks.add(task)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            while self.is_silent:
                await asyncio.sleep(0.02)
            sink.write(data)
            await sink.drain()
        sink.close()


async def insist(attempt: Callable[[], Awaitable[Any]]) -> Any:
    """With limits as short as here a busy machine can be too slow for a moment."""
    while True:
        try:
            return await attempt()
        except (StorageUnavailable, Busy):
            await asyncio.sleep(0.1)


async def test_a_server_that_falls_silent_is_given_up_and_found_again(
    postgres: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a limit of its own a write would wait for TCP to give up, a quarter of an hour, and all others behind it."""
    monkeypatch.setattr(engine.connections, "COMMAND_S_MAX", 0.5)
    monkeypatch.setattr(engine.connections, "CONNECT_S_MAX", 0.5)
    parts = urlsplit(url)
    host = parse_qs(parts.query)["host"][0]
    socket = next(file for file in Path(host).glob(".s.PGSQL.*") if not file.name.endswith(".lock"))
    with tempfile.TemporaryDirectory() as folder:
        async with SilentProxy(str(socket), Path(folder)) as proxy:
            database = await asyncio.to_thread(PostgresDatabase, url)
            database._url = database._pool._url = f"postgresql://postgres@{parts.path}?host={folder}"
            await insist(lambda: database.write(append))
            await insist(lambda: database.reader.fetch_value("SELECT 1"))
            proxy.is_silent = True
            async with asyncio.timeout(HANG_S):
                with pytest.raises(StorageUnavailable):
                    await database.write(append)
                with pytest.raises(StorageUnavailable):
                    await database.reader.fetch_value("SELECT 1")
            proxy.is_silent = False
            async with asyncio.timeout(HANG_S):
                assert await insist(lambda: database.write(append)) >= 2
                assert await insist(lambda: database.reader.fetch_value("SELECT 1")) == 1
            await database.close()
