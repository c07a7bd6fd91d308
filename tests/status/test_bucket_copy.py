"""The copy of the status pages in a real bucket: there, readable by anybody who hosts it, and up to date while the whole server is dead."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store
from tests.contracts.s3_server import S3Server, run_s3_server
from tests.status.watched_server import END_S_MAX, WatchedServer, run_watched

PREFIX = "status/zajil/"
TYPES = {
    "index.html": "text/html; charset=utf-8",
    "en.html": "text/html; charset=utf-8",
    "ar.html": "text/html; charset=utf-8",
    "status.json": "application/json",
    "status.atom": "application/atom+xml; charset=utf-8",
}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with run_s3_server() as server:
        yield server


def open_bucket(s3: S3Server) -> S3Store:
    return S3Store(
        s3.bucket,
        endpoint=s3.endpoint,
        region=s3.region,
        access_key_id=s3.access_key,
        secret_access_key=s3.secret_key,
        client_options={"allow_http": True},
    )


def list_names(bucket: S3Store) -> set[str]:
    return {each["path"] for batch in obstore.list(bucket, PREFIX) for each in batch}


def wait_for_as_of(watched: WatchedServer, after_ms: float) -> float:
    """The time on the copy, once that is later."""
    watched.wait_for(lambda status: status.get("as_of_ts", 0) > after_ms, END_S_MAX * 3)
    as_of: float = watched.read()["as_of_ts"]
    return as_of


def test_the_copy_in_a_bucket_tells_of_the_end_of_the_server(tmp_path: Path, s3: S3Server) -> None:
    bucket = open_bucket(s3)
    options = {
        "status_copy": f"s3://{s3.bucket}/{PREFIX.rstrip('/')}",
        "status_copy_s3_endpoint": s3.endpoint,
        "status_copy_s3_access_key": s3.access_key,
        "status_copy_s3_secret_key": s3.secret_key,
    }
    with run_watched(tmp_path, **options) as watched:

        def load(name: str) -> bytes:
            try:
                return bytes(obstore.get(bucket, PREFIX + name).bytes())
            except obstore.exceptions.NotFoundError:
                raise FileNotFoundError(name) from None

        watched.load = load
        watched.wait_for(lambda status: status["state"] == "operational", END_S_MAX)
        # They are written one after the other.
        watched.wait_for(lambda _: list_names(bucket) == {PREFIX + name for name in TYPES}, END_S_MAX)
        for name, kind in TYPES.items():
            attributes = obstore.get(bucket, PREFIX + name).attributes
            assert (attributes["Content-Type"], attributes["Cache-Control"]) == (kind, "no-cache")
        worker, supervisor, killed_at = watched.find_worker(), watched.server.process, time.time()
        assert worker is not None and supervisor is not None
        for pid in (supervisor.pid, worker):
            os.kill(pid, signal.SIGKILL)
        supervisor.wait()
        watched.wait_for_cause("worker_down")
        assert watched.read()["state"] == "outage"
        watched.wait_for(lambda _: "The server does not run" in load("en.html").decode(), END_S_MAX)
        watched.wait_for(lambda _: "الخادم لا يعمل" in load("ar.html").decode(), END_S_MAX)
        first = wait_for_as_of(watched, killed_at * 1000)
        wait_for_as_of(watched, first)  # and it goes on being renewed, with nothing of the server left
        watched.server.start()
        watched.wait_for_end("worker_down")


def test_a_bucket_that_is_away_is_only_a_line_in_the_log(tmp_path: Path, s3: S3Server) -> None:
    options = {"status_copy": "s3://nowhere/status", "status_copy_s3_endpoint": s3.endpoint, "status_copy_s3_access_key": "wrong"}
    with run_watched(tmp_path, **options, status_copy_s3_secret_key="wrong") as watched:
        while "was not written" not in watched.server.log.read_text():
            time.sleep(0.1)
        assert watched.is_well()
