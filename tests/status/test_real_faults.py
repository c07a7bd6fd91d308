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
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from tests.contracts.s3_server import run_s3_server
from tests.postgres_server import run_postgres
from tests.servers import find_free_port
from tests.status.cut_proxy import CutProxy, run_proxy
from tests.status.watched_server import END_S_MAX, WatchedServer, run_watched

SOURCE = Path(__file__).with_name("faults.c")
COMPILE_S_MAX = 900
DISK_RESERVE_MIB = 100
DISK_LOW_MIB = 80
SLOW_S = 2.3
"""Each way to the server: slow, and not yet too slow."""
CAPACITY = 20
WRITERS = 150
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
    options = {"push_allow_private_networks": "on", "status_disk_reserve": f"{DISK_RESERVE_MIB}M"}
    with run_watched(tmp_path_factory.mktemp("server"), env=env, **options) as watched:
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


def test_disk_that_is_getting_full(watched: WatchedServer, faults: Path) -> None:
    faults.write_text(f"free {DISK_LOW_MIB}")
    watched.wait_for_cause("disk_low")
    assert watched.read()["components"]["messaging"] == "operational"
    faults.write_text("")
    watched.wait_for_end("disk_low")


def test_little_memory_left(watched: WatchedServer, faults: Path) -> None:
    faults.write_text("memory 20")
    watched.wait_for_cause("memory_pressure")
    assert watched.read()["state"] == "degraded"
    faults.write_text("")
    watched.wait_for_end("memory_pressure")


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
    until = time.monotonic() + 300  # on a busy machine a worker takes its time to come back
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
    killed_at = time.time()
    for pid in (watched.server.pid, worker):
        os.kill(pid, signal.SIGKILL)
    watched.wait_for_cause("worker_down")
    as_of = watched.read()["as_of_ts"]
    assert as_of > killed_at * 1000
    assert watched.read()["state"] == "outage"
    for name, told in (("ar.html", "الخادم لا يعمل"), ("en.html", "The server does not run")):
        # The files are written one after the other.
        watched.wait_for(lambda _, name=name, told=told: told in (watched.copy / name).read_text(), 60)  # type: ignore[misc]
    watched.server.process.wait()  # type: ignore[union-attr]
    watched.server.start()
    watched.wait_for_end("worker_down")
    watched.server.process.terminate()  # type: ignore[union-attr]
    watched.server.process.wait(20)  # type: ignore[union-attr]
    assert [each["cause"] for each in watched.read()["incidents"]] == ["stopped"]


@dataclass(frozen=True)
class Remote:
    """A server whose database and media store, and whose users, are at the other end of wires that can be cut."""

    watched: WatchedServer
    database: CutProxy
    media: CutProxy
    front: CutProxy


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    own_port = find_free_port()
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
        front = stack.enter_context(run_proxy(("127.0.0.1", own_port)))
        options["status_canary_url"] = f"http://127.0.0.1:{front.port}"
        watched = stack.enter_context(run_watched(tmp_path_factory.mktemp("remote"), port=own_port, **options))
        yield Remote(watched, database, media, front)


def test_database_cut_off(remote: Remote) -> None:
    watched, database = remote.watched, remote.database
    database.cut()
    watched.wait_for_cause("database_unreachable")
    watched.wait_for_page("تعذّر الوصول إلى قاعدة البيانات", **{"accept-language": "ar"})
    database.mend()
    watched.wait_for_end("database_unreachable")


def test_media_cut_off(remote: Remote) -> None:
    watched, media = remote.watched, remote.media
    media.cut()
    watched.wait_for_cause("media_unreachable")
    assert watched.read()["components"]["media"] == "outage"
    assert watched.read()["components"]["messaging"] == "operational"
    media.mend()
    watched.wait_for_end("media_unreachable")


def test_network_to_the_users_cut_off(remote: Remote) -> None:
    remote.front.cut()
    remote.watched.wait_for_cause("unreachable")
    assert remote.watched.read()["state"] == "outage"
    remote.front.mend()
    remote.watched.wait_for_end("unreachable")


@pytest.mark.soak
def test_network_to_the_users_slow(remote: Remote) -> None:
    remote.front.delay_s = SLOW_S
    remote.watched.wait_for_cause("slow_delivery")
    assert remote.watched.read()["state"] == "degraded"
    remote.front.delay_s = 0.0
    remote.watched.wait_for_end("slow_delivery")


@pytest.mark.soak
def test_more_messages_than_the_server_takes(tmp_path: Path) -> None:
    """Ten accounts write, each from many places and without a pause, to a server that begins 20 requests in a second."""
    with run_watched(tmp_path, capacity_max=str(CAPACITY)) as watched:
        people = [watched.register(f"person{number}") for number in range(10)]
        rooms = [watched.call("POST", f"{V3}/createRoom", {}, each["access_token"])["room_id"] for each in people]
        is_over = threading.Event()

        def write(writer: int) -> None:
            number = writer % len(people)
            for message in count():
                if is_over.is_set():
                    return
                path = f"{V3}/rooms/{quote(rooms[number])}/send/m.room.message/{writer}-{message}"
                with suppress(OSError):  # refused, as it should be
                    watched.call("PUT", path, {"msgtype": "m.text", "body": "again"}, people[number]["access_token"])

        writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
        for each in writers:
            each.start()
        try:
            watched.wait_for_cause("overloaded")
        finally:
            is_over.set()
            for each in writers:
                each.join()
        # So many writers on one machine may have left a second cause behind them.
        watched.wait_for(lambda status: not status["incidents"] and status["past_incidents"], END_S_MAX)
