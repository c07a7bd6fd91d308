"""Real faults of a real server: each opens an incident that names its cause, and closes it by itself when it is over.

Waiting times are shortened to a fifth (`status_pace_percent`); with ZAJIL_TEST_STATUS_PACE=100 they are those that operators have.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from tests.contracts.s3_server import run_s3_server
from tests.postgres_server import run_postgres
from tests.status.cut_proxy import CutProxy, run_proxy
from tests.status.watched_server import WatchedServer, run_watched

SOURCE = Path(__file__).with_name("faults.c")
COMPILE_S_MAX = 240
V3 = "/_matrix/client/v3"


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    command = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_S_MAX, check=False)
    assert done.returncode == 0, done.stderr
    return library


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("faults") / "now"
    file.write_text("")
    return file


@pytest.fixture(scope="module")
def watched(shim: Path, faults: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedServer]:
    env = {"LD_PRELOAD": str(shim), "FAULTS_FILE": str(faults)}
    with run_watched(tmp_path_factory.mktemp("server"), env=env, push_allow_private_networks="on") as watched:
        yield watched


@pytest.fixture(autouse=True)
def mended(faults: Path) -> Iterator[None]:
    yield
    faults.write_text("")


def test_slow_disk(watched: WatchedServer, faults: Path) -> None:
    faults.write_text("slow 700")
    watched.wait_for_cause("slow_commits")
    faults.write_text("")
    watched.wait_for_end("slow_commits")


def test_full_disk(watched: WatchedServer, faults: Path) -> None:
    faults.write_text("full")
    watched.wait_for_cause("disk_full")
    assert watched.read()["state"] == "outage"
    with watched.fetch("/status.json") as answer:
        assert answer.status == 200
    faults.write_text("")
    watched.wait_for_end("disk_full")


@pytest.mark.soak  # two jumps, there and back; test_decisions.py has one on a simulated clock
def test_clock_jump(watched: WatchedServer, faults: Path) -> None:
    faults.write_text("clock 3600")
    watched.wait_for_cause("clock_jump")
    watched.wait_for_end("clock_jump")
    faults.write_text("")
    time.sleep(2)
    watched.wait_for_end("clock_jump")


def test_blocked_event_loop(watched: WatchedServer) -> None:
    worker = watched.find_worker()
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    try:
        watched.wait_for_cause("loop_blocked")
    finally:
        os.kill(worker, signal.SIGCONT)
    watched.wait_for_end("loop_blocked")


def test_no_files_left(watched: WatchedServer) -> None:
    worker = watched.find_worker()
    assert worker is not None
    before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    open_files = len(os.listdir(f"/proc/{worker}/fd"))
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (open_files + 1, before[1]))
    try:
        watched.wait_for_cause("files_exhausted")
    finally:
        resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
    watched.wait_for_end("files_exhausted")


def test_canary_locked_out(watched: WatchedServer) -> None:
    watched.command("user", "lock", "_canary")
    watched.wait_for_cause("canary_login")
    assert watched.read()["components"]["sign_in"] == "outage"
    watched.command("user", "lock", "_canary", "--undo")
    watched.wait_for_end("canary_login")


class Gateway:
    """A push gateway of our own, that works or does not."""

    def __init__(self) -> None:
        self.status = 502
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(gateway.status)
                self.send_header("content-length", "15")
                self.end_headers()
                self.wfile.write(b'{"rejected":[]}')

            def log_message(self, format: str, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/_matrix/push/v1/notify"


def test_push_gateway_down(watched: WatchedServer) -> None:
    gateway = Gateway()
    sender = watched.register("sender")
    readers = [watched.register(f"reader{number}") for number in range(3)]
    for number, reader in enumerate(readers):
        pusher = {
            "kind": "http", "app_id": "x", "pushkey": f"k{number}", "app_display_name": "x", "device_display_name": "x",
            "lang": "en", "data": {"url": gateway.url},
        }  # fmt: skip
        watched.call("POST", f"{V3}/pushers/set", pusher, reader["access_token"])
    invited = {"invite": [each["user_id"] for each in readers], "preset": "private_chat"}
    room_id = watched.call("POST", f"{V3}/createRoom", invited, sender["access_token"])["room_id"]
    for reader in readers:
        watched.call("POST", f"{V3}/join/{quote(room_id)}", {}, reader["access_token"])
    text = {"msgtype": "m.text", "body": "hello reader0"}
    watched.call("PUT", f"{V3}/rooms/{quote(room_id)}/send/m.room.message/1", text, sender["access_token"])
    watched.wait_for_cause("push_failing")
    gateway.status = 200
    watched.wait_for_end("push_failing")
    gateway.server.shutdown()


def test_worker_killed_again_and_again(watched: WatchedServer) -> None:
    until = time.monotonic() + 45  # on a busy machine a worker takes its time to come back
    while time.monotonic() < until and not any(
        each["cause"] == "worker_restarts" for each in watched.read()["incidents"]
    ):
        if watched.server.answers() and (worker := watched.find_worker()) is not None:
            os.kill(worker, signal.SIGKILL)
        time.sleep(0.3)
    watched.wait_for_cause("worker_restarts")
    watched.wait_for_end("worker_restarts")


def test_the_copy_is_up_to_date_while_the_server_is_dead(watched: WatchedServer) -> None:
    """The supervisor and all workers are killed at once; who watches is what is left."""
    worker = watched.find_worker()
    assert worker is not None
    for pid in (watched.server.pid, worker):
        os.kill(pid, signal.SIGKILL)
    watched.wait_for_cause("worker_down")
    as_of = watched.read()["as_of_ts"]
    assert watched.read()["state"] == "outage"
    assert time.time() * 1000 - as_of < 5000
    page = (watched.copy / "ar.html").read_text()
    assert "الخادم لا يعمل" in page
    assert "The server does not run" in (watched.copy / "en.html").read_text()
    watched.server.process.wait()  # type: ignore[union-attr]
    watched.server.start()
    watched.wait_for_end("worker_down")
    watched.server.process.terminate()  # type: ignore[union-attr]
    watched.server.process.wait(20)  # type: ignore[union-attr]
    assert [each["cause"] for each in watched.read()["incidents"]] == ["stopped"]


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WatchedServer, CutProxy, CutProxy]]:
    """A server whose database and media store are at the other end of wires that can be cut."""
    with ExitStack() as stack:
        postgres = stack.enter_context(run_postgres())
        url = urlsplit(postgres.make_database())
        folder = parse_qs(url.query)["host"][0]
        port = parse_qs(url.query).get("port", ["5432"])[0]
        database = stack.enter_context(run_proxy(f"{folder}/.s.PGSQL.{port}"))
        s3 = stack.enter_context(run_s3_server())
        host, _, s3_port = s3.endpoint.removeprefix("http://").partition(":")
        media = stack.enter_context(run_proxy((host, int(s3_port))))
        options = {
            "database": f"postgresql://postgres@127.0.0.1:{database.port}{url.path}",
            "media_s3_bucket": s3.bucket,
            "media_s3_endpoint": f"http://127.0.0.1:{media.port}",
            "media_s3_access_key": s3.access_key,
            "media_s3_secret_key": s3.secret_key,
        }
        watched = stack.enter_context(run_watched(tmp_path_factory.mktemp("remote"), **options))
        yield watched, database, media


def test_database_cut_off(remote: tuple[WatchedServer, CutProxy, CutProxy]) -> None:
    watched, database, _ = remote
    database.cut()
    watched.wait_for_cause("database_unreachable")
    with watched.fetch("/status", **{"accept-language": "ar"}) as answer:
        assert "تعذّر الوصول إلى قاعدة البيانات" in answer.read().decode()
    database.mend()
    watched.wait_for_end("database_unreachable")


def test_media_cut_off(remote: tuple[WatchedServer, CutProxy, CutProxy]) -> None:
    watched, _, media = remote
    media.cut()
    watched.wait_for_cause("media_unreachable")
    assert watched.read()["components"]["media"] == "outage"
    assert watched.read()["components"]["messaging"] == "operational"
    media.mend()
    watched.wait_for_end("media_unreachable")
