"""`zajil serve` as an operator sees it: ready, restarted, stopped, and never a second one on the same data."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.servers import Server, build_zajil, build_zajil_command, build_zajil_env

from zajil.main.announcement import build_warnings
from zajil.main.slot import BACK_OFF_S_MAX, build_back_off_s
from zajil.ports.configuration import Config

READY = "Zajil is ready at "
START_SECONDS_MAX = 2.0
METRICS = "for the number of parked polls"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, metrics_token=METRICS)
    server.start()
    yield server
    server.kill()


def wait_for(holds: Callable[[], Any], what: str, timeout_s: float = 300.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen within {timeout_s} s")


def find_worker(server: Server) -> psutil.Process | None:
    """The oldest one. Who watches the server is no worker."""
    for child in psutil.Process(server.pid).children():
        with contextlib.suppress(psutil.Error):
            if "zajil.main.worker" in child.cmdline():
                return child
    return None


def find_other_worker(server: Server, old: psutil.Process) -> psutil.Process | None:
    worker = find_worker(server)
    return worker if worker is not None and worker.pid != old.pid else None


def post(url: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_first_start_prints_a_link_that_makes_the_administrator_once(tmp_path: Path) -> None:
    server = build_zajil(tmp_path, registration="token", rate_limits="on").start()
    try:
        text = wait_for(lambda: READY in (log := server.log.read_text()) and "curl" in log and log, "the link")
        assert f"{READY}http://localhost:{server.port}" in text
        link = re.search(rf"^ +http://localhost:{server.port}/#/register\?token=(\w+)$", text, re.MULTILINE)
        assert link is not None
        shown = re.search(r"-d '(\{.*\})'", text)
        assert shown is not None
        body = json.loads(shown[1])
        assert body["auth"]["token"] == link[1]
        status, answer = post(f"{server.base}/_matrix/client/v3/register", body)
        assert (status, answer["user_id"]) == (200, "@admin:localhost")
        status, _ = post(f"{server.base}/_matrix/client/v3/register", {**body, "username": "second"})
        assert status == 401
    finally:
        server.stop()

    server.log.unlink()
    second = server.start()
    try:
        wait_for(lambda: READY in server.log.read_text(), "ready")
        assert "register?token=" not in server.log.read_text()
    finally:
        second.stop()


@pytest.mark.soak
def test_a_second_start_takes_two_seconds_at_most(server: Server) -> None:
    server.stop()
    assert server.start().start_seconds <= START_SECONDS_MAX


def test_a_killed_worker_is_replaced(server: Server) -> None:
    for _ in range(3):
        worker = wait_for(lambda: find_worker(server), "a worker")
        worker.kill()
        wait_for(lambda old=worker: find_other_worker(server, old), "a new worker")
        wait_for(server.answers, "an answer")
    log = server.log.read_text()
    assert log.count("was ended by SIGKILL") == 3
    assert "the next starts now" in log
    assert server.process is not None
    assert server.process.poll() is None


def test_reload_replaces_the_worker_and_refuses_no_connection(server: Server) -> None:
    worker = wait_for(lambda: find_worker(server), "a worker")
    command = build_zajil_command("reload", "--data", str(server.data))
    subprocess.run(command, check=True, env={**os.environ, **build_zajil_env()}, timeout=300)
    while find_other_worker(server, worker) is None:
        assert server.answers()
    assert server.answers()


def test_a_configuration_that_is_wrong_is_not_reloaded(tmp_path: Path) -> None:
    config = tmp_path / "zajil.toml"
    config.write_text("presence = true\n")
    server = build_zajil(tmp_path, config=str(config)).start()
    try:
        worker = wait_for(lambda: find_worker(server), "a worker")
        config.write_text("presense = true\n")
        os.kill(server.pid, signal.SIGHUP)
        wait_for(lambda: "not reloaded: " in server.log.read_text(), "the reason")
        assert find_worker(server) == worker
        assert server.answers()
    finally:
        server.stop()


def test_stops_at_sigterm_and_leaves_nothing_behind(server: Server) -> None:
    worker = wait_for(lambda: find_worker(server), "a worker")
    process = server.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert not worker.is_running()
    assert not server.answers()


def test_parked_polls_are_answered_when_it_stops(server: Server) -> None:
    body = {"username": "anna", "password": "correct horse", "auth": {"type": "m.login.dummy"}}
    token = post(f"{server.base}/_matrix/client/v3/register", body)[1]["access_token"]

    def sync(query: str) -> dict[str, Any]:
        request = urllib.request.Request(f"{server.base}/_matrix/client/v3/sync?{query}")
        request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=300) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def is_parked() -> bool:
        request = urllib.request.Request(f"{server.base}/metrics", headers={"Authorization": f"Bearer {METRICS}"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return b"\nzajil_syncs_parked 1.0\n" in answer.read()

    since = sync("timeout=0")["next_batch"]
    with ThreadPoolExecutor(1) as threads:
        began = time.monotonic()
        parked = threads.submit(sync, f"timeout=110000&since={since}")
        wait_for(is_parked, "the poll")
        server.stop()
        assert "next_batch" in parked.result(timeout=120)
        assert time.monotonic() - began < 105, "it was answered because its time was over"


def test_workers_end_with_a_killed_supervisor_and_the_data_is_free_again(server: Server) -> None:
    worker = wait_for(lambda: find_worker(server), "a worker")
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(120)
    server.start()
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        ({"registration": "opne"}, "'opne' is not one of open, token, closed", 78),
        ({"bind": "192.0.2.1:1"}, "Cannot listen on 192.0.2.1:1", 1),
        ({"database": "postgresql://zajil@127.0.0.1:1/zajil"}, "zajil: cannot connect to PostgreSQL", 1),
    ],
)
def test_says_why_it_cannot_start(tmp_path: Path, options: dict[str, str], said: str, code: int) -> None:
    server = build_zajil(tmp_path, **options)
    server.launch()
    assert server.process is not None
    assert server.process.wait(120) == code
    log = server.log.read_text()
    assert said in log and "Traceback" not in log


def test_refuses_bad_requests_without_ending(server: Server) -> None:
    import socket

    def ask(request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return answer

    assert ask(b"NONSENSE\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert b'"errcode"' in ask(b"\x00\xff\r\n\r\n")
    versions = b"GET /_matrix/client/versions HTTP/1.1\r\nConnection: close\r\n"
    assert ask(versions + b"X: " + b"a" * 70_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert ask(versions + b"X: y\r\n" * 300 + b"\r\n").startswith(b"HTTP/1.1 431 ")
    assert ask(versions + b"X: y\r\n" * 100 + b"\r\n").startswith(b"HTTP/1.1 200 ")
    assert ask(b"GET /" + b"a" * 70_000).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("switch", ["on", "off"])
def test_r0_can_be_switched_off(tmp_path: Path, switch: str) -> None:
    server = build_zajil(tmp_path, legacy_r0=switch).start()
    try:
        with urllib.request.urlopen(f"{server.base}/_matrix/client/versions", timeout=120) as answer:
            assert ("r0.6.1" in json.load(answer)["versions"]) == (switch == "on")
        assert post(f"{server.base}/_matrix/client/r0/login", {})[0] == (400 if switch == "on" else 404)
        assert post(f"{server.base}/_matrix/client/v3/login", {})[0] == 400
    finally:
        server.stop()


def test_back_off_grows_to_its_bound() -> None:
    delays = [build_back_off_s(failures) for failures in range(50)]
    assert delays[0] == 0
    assert delays == sorted(delays)
    assert delays[-1] == BACK_OFF_S_MAX


def test_warns_when_served_in_the_clear() -> None:
    assert build_warnings(Config()) == []
    assert "without TLS" in build_warnings(Config(bind=("0.0.0.0:8008",)))[0]
    behind = Config(bind=("10.0.0.1:80",), trusted_proxies=("10.0.0.2",), public_base_url="https://a.example")
    assert build_warnings(behind) == []
    tls = Config(bind=("0.0.0.0:443",), tls_certificate=Path("c"), tls_key=Path("k"))
    assert build_warnings(tls) == []
