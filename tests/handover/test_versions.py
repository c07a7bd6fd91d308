"""Two versions on one database at once, the schema between them changing: the next version is made from this one's source with steps more."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import apsw
import pytest
from tests.handover.traffic import Traffic
from tests.handover.versions import Installation
from tests.main.test_serve import find_worker, wait_for
from tests.postgres_server import shared_postgres
from tests.servers import Server, build_environment, build_zajil_command, find_place

from zajil.storage.schema_steps import Kind, load_steps

pytestmark = pytest.mark.skipif(os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="the schema of Zajil")

STEPS = "storage/schema/steps"
EXPAND = """
CREATE TABLE later_rooms (room_nid INTEGER PRIMARY KEY, note TEXT);
CREATE INDEX later_rooms_note ON later_rooms (note);
ALTER TABLE events ADD COLUMN later_mark INTEGER;
"""
BACKFILL = """-- estimate: SELECT count(*) FROM events WHERE later_mark IS NULL
UPDATE events SET later_mark = 1 WHERE event_nid IN (SELECT event_nid FROM events WHERE later_mark IS NULL LIMIT 50);
"""
CONTRACT = "DROP TABLE later_rooms;\n"
SEND_SECONDS_MAX = 0.5
HANG_SECONDS_MAX = 600.0


def write_next_version(installation: Installation, *, contract: bool = False) -> None:
    installation.write(f"{STEPS}/9001.expand.later.sql", EXPAND)
    installation.write(f"{STEPS}/9002.backfill.later_mark.sql", BACKFILL)
    if contract:
        installation.write(f"{STEPS}/9003.contract.later.sql", CONTRACT)


def run_command(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        build_zajil_command(*words, *find_place(server)),
        env=build_environment(server.env),
        capture_output=True,
        text=True,
        timeout=600,
    )


def read_value(server: Server, query: str) -> object:
    connection = apsw.Connection(str(server.data / "zajil.db"), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(60_000)
    try:
        return connection.execute(query).get
    finally:
        connection.close()


async def change_version(folder: Path, rate: float, clients: int, longest: float) -> None:
    """The next version's command changes the schema under the running one; then it takes over; all under traffic."""
    installation = Installation(folder / "version")
    server = installation.build_server(folder).start()
    try:
        traffic = await Traffic.prepare(server.base, server.port, clients)
        checked = ""

        async def work() -> None:
            nonlocal checked
            write_next_version(installation)
            checked = (await asyncio.to_thread(run_command, server, "upgrade", "--check")).stdout
            # Another process of the next version: it expands the schema, and works beside the version before.
            made = await asyncio.to_thread(run_command, server, "token", "create")
            assert made.returncode == 0, made.stderr
            assert read_value(server, "SELECT version FROM schema_state") == 9001
            await asyncio.sleep(1.0)
            upgraded = await asyncio.to_thread(run_command, server, "upgrade")
            assert upgraded.returncode == 0, upgraded.stderr
            await asyncio.sleep(1.0)

        await traffic.run(rate, work)
        print(f"change of version: {traffic.describe()}")
        traffic.judge()
        assert traffic.longest_seconds <= longest
        assert "9001 expand" in checked and "9002 backfill" in checked, checked
        # What the former version wrote after the expansion is backfilled too.
        wait_for(lambda: read_value(server, "SELECT version FROM schema_state") == 9002, "the backfill")
        again = run_command(server, "upgrade", "--check")
        assert again.returncode == 0 and "Nothing in it has to change." in again.stdout
    finally:
        server.stop()


async def test_a_version_with_another_schema_takes_over_under_traffic(tmp_path: Path) -> None:
    await change_version(tmp_path, 40, 20, HANG_SECONDS_MAX)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_version_with_another_schema_takes_over_under_full_traffic(tmp_path: Path) -> None:
    await change_version(tmp_path, 200, 200, SEND_SECONDS_MAX)


async def test_two_versions_serve_on_one_postgresql(tmp_path: Path) -> None:
    database = shared_postgres().make_database()
    old, new = (Installation(tmp_path / name) for name in ("old", "new"))
    write_next_version(new)
    first = old.build_server(tmp_path / "first", database=database).start()
    second = new.build_server(tmp_path / "second", database=database)
    second.data.mkdir(parents=True)
    shutil.copy(first.data / "signing.key", second.data / "signing.key")
    try:
        traffic = await Traffic.prepare(first.base, first.port, 12)

        async def work() -> None:
            await asyncio.to_thread(second.start)
            # Half of the clients, and every second send, now go to the other node.
            for client in traffic.clients[::2]:
                client.connection.port = second.port
            traffic.other_port = second.port
            await asyncio.sleep(2.0)

        await traffic.run(20, work)
        print(f"two versions: {traffic.describe()}")
        traffic.judge()
    finally:
        first.stop()
        second.stop()


def test_a_contract_step_waits_for_the_former_version_and_then_shuts_it_out(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "version")
    server = installation.build_server(tmp_path).start()
    wait_for(lambda: read_value(server, "SELECT count(*) FROM schema_nodes"), "the first version's mark")
    server.kill()  # leaves the mark: as far as anybody knows it may still run
    write_next_version(installation, contract=True)
    server.start()
    try:
        wait_for(lambda: read_value(server, "SELECT version FROM schema_state") == 9002, "the backfill")
        assert read_value(server, "SELECT minimum FROM schema_state") == 1
    finally:
        server.stop()
    connection = apsw.Connection(str(server.data / "zajil.db"))
    connection.execute("UPDATE schema_nodes SET seen_ts_ms = ?", (time.time_ns() // 1_000_000 - 601_000,))
    connection.close()
    server.start()
    try:
        wait_for(lambda: read_value(server, "SELECT minimum FROM schema_state") == 9003, "the contraction")
        assert read_value(server, "SELECT count(*) FROM sqlite_schema WHERE name = 'later_rooms'") == 0
    finally:
        server.stop()
    for step in ("9001.expand.later", "9002.backfill.later_mark", "9003.contract.later"):
        (installation.source / "zajil" / STEPS / f"{step}.sql").unlink()
    server.log.unlink()
    server.launch()
    assert server.process is not None and server.process.wait(300) != 0
    assert "of a newer version of Zajil (schema 9003" in server.log.read_text()
    refused = run_command(server, "upgrade", "--check")
    assert refused.returncode == 1 and "cannot be used" in refused.stdout


def test_an_option_that_the_new_version_refuses_is_named(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "version")
    config = tmp_path / "zajil.toml"
    config.write_text("presence = true\n")
    server = installation.build_server(tmp_path, config=str(config)).start()
    try:
        installation.replace("ports/configuration.py", "    presence: bool", "    presence_shown: bool")
        done = run_command(server, "upgrade", "--check", "--config", str(config))
        assert done.returncode == 2 and "'presence' is unknown" in done.stderr
        assert server.answers()
    finally:
        server.stop()


@pytest.mark.parametrize("place", ["file", "command line"])
def test_an_option_that_the_new_version_refuses_is_not_reloaded(tmp_path: Path, place: str) -> None:
    """Whoever asks for it, and without a word about where the configuration is."""
    installation = Installation(tmp_path / "version")
    config = tmp_path / "zajil.toml"
    config.write_text("presence = true\n" if place == "file" else "")
    options = {"config": str(config)} if place == "file" else {"config": str(config), "presence": "on"}
    server = installation.build_server(tmp_path, **options).start()
    try:
        worker = wait_for(lambda: find_worker(server), "a worker")
        installation.replace("ports/configuration.py", "    presence: bool", "    presence_shown: bool")
        reason = f"not reloaded: the configuration is refused: {config}: the key 'presence' is unknown"
        if place == "command line":
            reason = "not reloaded: the configuration is refused: the option '--presence' is unknown"
        os.kill(server.pid, signal.SIGHUP)
        wait_for(lambda: reason in server.log.read_text(), "the reason", 30)
        done = run_command(server, "reload")
        assert done.returncode == 1 and reason in done.stderr, done.stderr
        assert server.process is not None and server.process.poll() is None
        assert server.answers() and find_worker(server) == worker
    finally:
        server.stop()


def test_an_option_that_only_the_new_version_knows_is_reloaded(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "version")
    config = tmp_path / "zajil.toml"
    config.write_text("presence = true\n")
    server = installation.build_server(tmp_path, config=str(config)).start()
    try:
        option = "    presence_later: bool = option(False, 'Features', 'A switch of the next version.')\n"
        installation.replace("ports/configuration.py", "    presence: bool", f"{option}    presence: bool")
        config.write_text("presence = true\npresence_later = true\n")
        done = run_command(server, "reload")
        assert done.returncode == 0, done.stderr
        assert server.answers()
    finally:
        server.stop()


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_steps_are_of_the_kinds_that_take_no_time(engine: str) -> None:
    """Rules of storage/schema/steps/README.md that can be read off the statements."""
    for step in load_steps(engine):
        made = [text.split()[2] for text in step.statements if text.startswith("CREATE TABLE")]
        for text in step.statements:
            words = text.split()
            if step.kind is Kind.EXPAND:
                is_index = words[:2] == ["CREATE", "INDEX"] and words[words.index("ON") + 1] in made
                is_column = words[:2] == ["ALTER", "TABLE"] and words[3:5] == ["ADD", "COLUMN"]
                assert words[:2] == ["CREATE", "TABLE"] or is_index or is_column, text
        if step.kind is Kind.BACKFILL:
            assert len(step.statements) == 1 and "LIMIT" in step.statements[0], step.name
