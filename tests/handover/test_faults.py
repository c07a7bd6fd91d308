"""Full disk, read-only disk, damaged tail, jumping clock, no files left, no memory left: what can be served is, and nothing acknowledged is lost."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
from tests.main.test_serve import find_worker, wait_for
from tests.servers import Server, build_environment, build_zajil, build_zajil_command

MIB = 1024 * 1024
DISK_MIB = 64
DAY_S = 86_400
MANY_AT_ONCE = 24
COMPILE_SECONDS_MAX = 900
SOURCE = Path(__file__).with_name("faults.c")

pytestmark = pytest.mark.skipif(
    bool({"ZAJIL_TEST_SERVER", "ZAJIL_TEST_DATABASE"} & set(os.environ)), reason="faults of Zajil's own disk"
)


class Person:
    """Somebody who sends, reads, and remembers what was acknowledged."""

    def __init__(self, server: Server, name: str = "anna") -> None:
        self.server = server
        self.token = ""
        self.acknowledged: list[str] = []
        self._numbers = itertools.count()
        body = {"username": name, "password": "correct horse", "auth": {"type": "m.login.dummy"}}
        self.token = self.call("POST", "register", body)[1]["access_token"]
        self.room_id = self.call("POST", "createRoom", {})[1]["room_id"]

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any, Any]:
        request = urllib.request.Request(f"{self.server.base}/_matrix/client/v3/{path}", method=method)
        request.data = None if body is None else json.dumps(body).encode()
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), error.headers

    def send(self, text: str = "hello") -> tuple[int, Any, Any]:
        path = f"rooms/{quote(self.room_id)}/send/m.room.message/t{next(self._numbers)}"
        outcome = self.call("PUT", path, {"msgtype": "m.text", "body": text})
        if outcome[0] == 200:
            self.acknowledged.append(outcome[1]["event_id"])
        return outcome

    def read(self) -> list[dict[str, Any]]:
        """The messages of the room, oldest first."""
        status, page, _ = self.call("GET", f"rooms/{quote(self.room_id)}/messages?dir=b&limit=1000")
        assert status == 200, page
        return [event for event in page["chunk"] if event["type"] == "m.room.message"][::-1]

    def check(self) -> None:
        """Everything acknowledged is there, once and in order."""
        assert [event["event_id"] for event in self.read() if event["event_id"] in set(self.acknowledged)] == (
            self.acknowledged
        )

    def sends_again(self) -> bool:
        return self.send("again")[0] == 200


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of the test's own."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root may mount a disk of its own")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def upload(person: Person, size: int) -> int:
    """The status of an upload."""
    request = urllib.request.Request(f"{person.server.base}/_matrix/media/v3/upload", bytes(size), method="POST")
    request.add_header("Authorization", f"Bearer {person.token}")
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def fill(place: Path) -> Path:
    """Write until nothing more goes in."""
    filler = place / "filler"
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))
    return filler


def test_on_a_full_disk_reading_goes_on_and_nothing_acknowledged_is_lost(disk: Path) -> None:
    server = build_zajil(disk).start()
    server.log = disk.parent / "zajil.log"
    try:
        anna = Person(server)
        assert anna.send()[0] == 200
        wait_for(lambda: (server.data / "zajil.reserve").exists(), "the reserve")
        filler = fill(disk)
        # Whatever the watch has not seen yet, the database finds out by itself; none of it may be acknowledged and lost.
        wait_for(lambda: anna.send("x" * 30_000)[0] != 200, "a refusal")
        status, body, headers = anna.send()
        assert status == 503 and "disk is full" in body["error"] and int(headers["Retry-After"]) > 0
        assert not (server.data / "zajil.reserve").exists()
        assert upload(anna, 8 * MIB) in (503, 507)
        anna.check()
        assert anna.call("GET", "sync?timeout=0")[0] == 200
        # What the operator needs goes on: commands, and ending a session.
        made = subprocess.run(
            build_zajil_command("token", "create", "--data", str(server.data)),
            env=build_environment(server.env),
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        # Even a crash now is survived, and the server comes back on the full disk.
        server.kill()
        server.start()
        anna.check()
        assert anna.send()[0] == 503
        filler.unlink()
        wait_for(anna.sends_again, "sending")
        wait_for(lambda: (server.data / "zajil.reserve").exists(), "the reserve")
        anna.check()
    finally:
        server.kill()


def test_a_server_starts_on_a_read_only_disk_and_serves_what_it_has(disk: Path) -> None:
    server = build_zajil(disk)
    server.log = disk.parent / "zajil.log"
    server.start()
    try:
        anna = Person(server)
        anna.send()
        for end in (server.stop, server.kill):  # with the log emptied, and with messages that are only in the log
            anna.send()
            end()
            # Busy until the last process of the server is gone.
            wait_for(lambda: subprocess.run(["mount", "-o", "remount,ro", str(disk)]).returncode == 0, "read-only")
            server.start()
            anna.check()
            status, _, headers = anna.send()
            assert status == 503 and headers["Retry-After"]
            assert "is read-only: messages can be read but none can be sent" in server.log.read_text()
            server.kill()
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            server.start()
            assert anna.sends_again()
            anna.check()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    command = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS_MAX)
    assert done.returncode == 0, f"the shim does not compile:\n{done.stderr}"
    return library


@pytest.fixture
def faulty(tmp_path: Path, shim: Path) -> Iterator[tuple[Server, Path]]:
    """A server, and the folder in which a file switches a fault on."""
    faults = tmp_path / "faults"
    faults.mkdir()
    server = build_zajil(tmp_path, env={"LD_PRELOAD": str(shim), "FAULTS_DIR": str(faults)}).start()
    yield server, faults
    server.kill()


def test_a_disk_that_becomes_read_only_is_served_from_and_used_again_when_it_recovers(
    faulty: tuple[Server, Path],
) -> None:
    server, faults = faulty
    anna = Person(server)
    assert anna.send()[0] == 200
    (faults / "read-only").touch()
    began = time.monotonic()
    for _ in range(3):
        status, body, headers = anna.send()
        assert status == 503 and "was not stored" in body["error"] and headers["Retry-After"]
        anna.check()
    log = server.log.read_text()
    told_max = 2 + (time.monotonic() - began) // 10
    assert 1 <= log.count("storage unavailable") <= told_max, "once in ten seconds, and not for every request"
    (faults / "read-only").unlink()
    assert anna.send()[0] == 200
    anna.check()
    assert len(anna.read()) == 2, "what was refused is not there"


@pytest.mark.parametrize("jump_s", [-DAY_S, 10 * 365 * DAY_S])
def test_a_clock_that_jumps_for_a_moment_is_not_followed(faulty: tuple[Server, Path], jump_s: int) -> None:
    server, faults = faulty
    anna = Person(server)
    since = anna.call("GET", "sync?timeout=0")[1]["next_batch"]
    assert anna.send("before")[0] == 200
    (faults / "clock").write_text(str(jump_s))
    assert anna.send("during")[0] == 200
    assert "clock has jumped" in server.log.read_text()
    began = time.monotonic()
    status, answer, _ = anna.call("GET", f"sync?timeout=500&since={since}")
    assert status == 200 and anna.room_id in answer["rooms"]["join"]
    assert anna.call("GET", f"sync?timeout=500&since={answer['next_batch']}")[0] == 200
    assert time.monotonic() - began < 300, "a poll waits by the steady clock"
    (faults / "clock").unlink()
    assert anna.send("after")[0] == 200
    stamps = [event["origin_server_ts"] for event in anna.read()]
    assert stamps == sorted(stamps) and stamps[-1] - stamps[0] < DAY_S * 500
    anna.check()


def test_a_damaged_tail_of_the_log_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    server = build_zajil(tmp_path).start()
    try:
        anna = Person(server)
        for damage in (b"\xff" * 5000, bytes(12_345), os.urandom(4120), b"half a frame"):
            for _ in range(5):
                assert anna.send()[0] == 200
            server.kill()
            with (server.data / "zajil.db-wal").open("ab") as wal:
                wal.write(damage)
            server.start()
            anna.check()
    finally:
        server.kill()


def test_with_a_damaged_database_what_is_sound_is_served_and_doctor_says_what_to_do(tmp_path: Path) -> None:
    server = build_zajil(tmp_path).start()
    try:
        anna = Person(server)
        for _ in range(200):
            anna.send("x" * 2000)
        server.stop()  # which puts everything into the database file
        database = server.data / "zajil.db"
        with database.open("r+b") as file:
            file.seek(-64 * 4096, os.SEEK_END)
            file.write(os.urandom(32 * 4096))
        server.start()
        assert server.answers()
        statuses = {anna.call("GET", path)[0] for path in ("account/whoami", "capabilities", "pushrules/")}
        assert 200 in statuses and statuses <= {200, 503}
        done = subprocess.run(
            build_zajil_command("doctor", "--data", str(server.data)),
            env=build_environment(server.env),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1 and "is damaged" in done.stdout
    finally:
        server.kill()


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def read_refusal(connection: socket.socket) -> bool:
    """Whether 503 is what comes, or nothing any more: who writes into a connection that is being closed may lose the answer."""
    with contextlib.suppress(ConnectionError):
        return connection.recv(65536)[:12] in (b"HTTP/1.1 503", b"")
    return True


def test_connections_beyond_the_files_get_503_and_the_server_recovers(tmp_path: Path) -> None:
    server = build_zajil(tmp_path, connections_max="60").start()
    crowd: list[socket.socket] = []
    try:
        anna = Person(server)
        for _ in range(150):
            crowd.append(socket.create_connection(("127.0.0.1", server.port), timeout=120))
        assert crowd[-1].recv(65536).startswith(b"HTTP/1.1 503 ")
        for each in crowd[60:]:  # some of them may ask for the status, which is off here, and for nothing else
            with contextlib.suppress(OSError):
                each.sendall(b"GET /_matrix/client/versions HTTP/1.1\r\nHost: a\r\n\r\n")
        refused = [each for each in crowd[60:] if read_refusal(each)]
        assert len(refused) == 90
        for each in crowd:
            each.close()
        wait_for(anna.sends_again, "sending")
        anna.check()
    finally:
        server.kill()


def test_without_any_file_left_the_worker_neither_spins_nor_dies(tmp_path: Path) -> None:
    server = build_zajil(tmp_path).start()
    crowd: list[socket.socket] = []
    try:
        anna = Person(server)
        worker = find_worker(server)
        assert worker is not None
        before = worker.rlimit(psutil.RLIMIT_NOFILE)
        worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds() + 5, before[1]))
        for _ in range(40):
            crowd.append(socket.create_connection(("127.0.0.1", server.port), timeout=120))
        time.sleep(0.5)
        used, began = cpu_seconds(worker), time.monotonic()
        time.sleep(1.0)
        assert (cpu_seconds(worker) - used) / (time.monotonic() - began) < 0.7, "it spins"
        for each in crowd:
            each.close()
        worker.rlimit(psutil.RLIMIT_NOFILE, before)
        wait_for(lambda: server.answers() and anna.sends_again(), "sending")
        assert find_worker(server) == worker
        anna.check()
    finally:
        server.kill()


def test_out_of_memory_refuses_requests_and_loses_nothing(tmp_path: Path) -> None:
    server = build_zajil(tmp_path).start()
    try:
        anna = Person(server)
        worker = find_worker(server)
        assert worker is not None
        before = worker.rlimit(psutil.RLIMIT_AS)
        room = f"rooms/{quote(anna.room_id)}"
        statuses = set()
        limit = worker.memory_info().vms
        worker.rlimit(psutil.RLIMIT_AS, (limit, before[1]))
        deep = {"msgtype": "m.text", "body": "x", "filler": [{"n": number, "t": "y" * 60} for number in range(4000)]}

        def send_deep(number: int) -> None:
            with contextlib.suppress(OSError):
                status, told, _ = anna.call("PUT", f"{room}/send/m.room.message/big{number}", deep)
                statuses.add((status, told.get("error", "")))

        def was_short() -> bool:
            return any("short of memory" in told for _, told in statuses)

        numbers = itertools.count()
        # There may be too little left for any answer at all, or enough for all: then it becomes more, and more and more come at once.
        for count in (*itertools.repeat(1, 30), *range(2, MANY_AT_ONCE)):
            if count > 1 and was_short():
                break
            if count > 1 and worker.is_running():
                worker.rlimit(psutil.RLIMIT_AS, (limit + count * MIB, before[1]))
            with ThreadPoolExecutor(count) as together:
                list(together.map(send_deep, itertools.islice(numbers, count)))
            with contextlib.suppress(OSError):
                status, told, _ = anna.send("x" * 40_000)
                statuses.add((status, told.get("error", "")))
        print(f"answers without memory: {statuses}")
        if worker.is_running():
            worker.rlimit(psutil.RLIMIT_AS, before)
        assert {status for status, _ in statuses} <= {200, 413, 503}
        assert was_short(), "there was memory enough: this shows nothing"
        wait_for(lambda: server.answers() and anna.sends_again(), "sending")
        anna.check()
    finally:
        server.kill()


def test_the_limit_of_open_files_leaves_files_for_the_database(tmp_path: Path) -> None:
    from zajil.main.server import raise_files_limit

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (120, before[1]))
        allowed = raise_files_limit(10)
        assert allowed == 10
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
