"""Every statement of every store: both engines understand it, and none of them walks through a table that grows with use."""

import re
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from tests.postgres_server import run_postgres
from tests.storage.statements import UNKNOWN, Statement, find_statements

from zajil.storage.postgres import connections
from zajil.storage.postgres.sql import translate
from zajil.storage.sqlite import files

SMALL_TABLES = {
    "account_tasks": "work that is deleted when done",
    "log_head": "one row",
    "password_reset_tokens": "a few open resets, deleted when they expire",
    "registration_tokens": "made by hand",
    "federation_rules": "made by hand",
    "server_secrets": "a handful",
    "status_nodes": "one row a machine",
}
SCANS_ALLOWED = {
    "federation_queue.count_waiting": "when an operator asks",
    "federation_queue.load_destinations": "when an operator asks",
    "federation_queue.load_senders": "a row for each process",
    "federation_queue.load_outbox": "the first rows of a table that is emptied at once",
    "accounts.has_admin": "an index of administrators only",
    "directory.count_published": "an index of public rooms only",
    "directory.load_published": "the same index in its order, with LIMIT",
    "device_keys.delete_all_one_time_keys": "when a backup is restored",
    "device_lists.count_changes": "a subquery with LIMIT",
    "incidents.load_open": "an index of open incidents only",
    "partial_rooms.load_unfinished": "an index of rooms that are not complete only",
    "pushers.has_any": "one row",
    "pushers.load_next_due": "the first of an index of pushers that wait",
}

STATEMENTS = sorted(set(find_statements()), key=lambda each: (each.place, each.sql))


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[apsw.Connection]:
    opened = files.open_connection(Path(tmp_path_factory.mktemp("statements")) / "zajil.db")
    files.prepare(opened)
    yield opened
    opened.close()


def find_scans(connection: apsw.Connection, statement: Statement) -> list[str]:
    """Steps of the plan that walk through a whole table or index."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.sql}", ("",) * statement.sql.count("?"))
    scans = []
    for *_, step in plan:
        scanned = re.match(r"SCAN (\w+)", str(step))
        if scanned and scanned.group(1) not in SMALL_TABLES and scanned.group(1) != "CONSTANT":
            scans.append(str(step))
    return scans


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) > 200
    assert [each for each in STATEMENTS if UNKNOWN in each.sql] == []


def test_a_scan_is_recognised(connection: apsw.Connection) -> None:
    assert find_scans(connection, Statement("", "SELECT * FROM events e WHERE e.sender = ?"))
    assert find_scans(connection, Statement("", "SELECT count(*) FROM memberships"))
    assert not find_scans(connection, Statement("", "SELECT * FROM events WHERE event_id = ?"))


def test_no_statement_walks_through_a_table(connection: apsw.Connection) -> None:
    found = {
        (each.place, scan, each.sql)
        for each in STATEMENTS
        if each.place not in SCANS_ALLOWED
        for scan in find_scans(connection, each)
    }
    assert not found


def count_compilations(connection: apsw.Connection, sql: str, *, runs: int) -> int:
    """How often SQLite compiles the statement when it is run with other values each time."""
    compiled = 0

    def authorise(*_: object) -> int:
        nonlocal compiled
        compiled += 1
        return apsw.SQLITE_OK

    connection.authorizer = authorise
    connection.execute(sql, ("0",) * sql.count("?")).fetchall()
    once, compiled = compiled, 0
    for run in range(1, runs):
        connection.execute(sql, (str(run),) * sql.count("?")).fetchall()
    connection.authorizer = None
    assert compiled % once == 0
    return 1 + compiled // once


def test_no_query_is_compiled_again_for_other_values(connection: apsw.Connection) -> None:
    queries = {each.sql for each in STATEMENTS if each.sql.startswith("SELECT ")}
    assert len(queries) > 100
    assert {sql for sql in queries if count_compilations(connection, sql, runs=3) > 1} == set()
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 0)
    assert {sql for sql in queries if count_compilations(connection, sql, runs=3) > 1}
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)


async def test_postgresql_understands_every_statement() -> None:
    with run_postgres() as server:
        url = server.make_database()
        opened = await connections.connect(url)
        misunderstood = {}
        for each in STATEMENTS:
            try:
                await opened.prepare(translate(each.sql))
            except connections.asyncpg.PostgresError as error:
                misunderstood[each] = str(error)
        await opened.close()
    assert not misunderstood
