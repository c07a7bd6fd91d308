"""`zajil reload` under traffic: nothing fails, nothing is lost or comes twice, and nobody waits long (issue 4, bar 1)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.handover.traffic import Traffic, reload
from tests.handover.versions import Installation
from tests.main.test_deploy import build_certificate, need
from tests.main.test_serve import find_worker, wait_for
from tests.postgres_server import shared_postgres
from tests.servers import Server, build_environment, build_zajil, build_zajil_command, build_zajil_env, find_free_port

SEND_SECONDS_MAX = 0.5
SILENT = 300

pytestmark = pytest.mark.skipif(os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="a command of Zajil")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path).start()
    yield server
    server.stop()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Server]:
    """As operators have it: with the process that watches the server, which is handed over too."""
    server = build_zajil(tmp_path, status="on").start()
    yield server
    server.stop()


def ask_to_reload(server: Server) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        build_zajil_command("reload", "--data", str(server.data)),
        env=build_environment(build_zajil_env()),
        capture_output=True,
        text=True,
        timeout=600,
    )


async def reload_under_traffic(server: Server, reloads: int, rate: float, clients: int) -> Traffic:
    traffic = await Traffic.prepare(server.base, server.port, clients)
    seconds = []

    async def work() -> None:
        for _ in range(reloads):
            seconds.append(await reload(server.data))
            await asyncio.sleep(0.5)

    await traffic.run(rate, work)
    print(f"{reloads} reloads in {[round(each, 2) for each in seconds]} s: {traffic.describe()}")
    traffic.judge()
    return traffic


async def test_reloads_under_traffic_go_unnoticed(watched: Server) -> None:
    supervisor, worker = watched.pid, find_worker(watched)
    await reload_under_traffic(watched, reloads=3, rate=60, clients=40)
    assert watched.process is not None and watched.process.poll() is None and watched.pid == supervisor
    wait_for(lambda: find_worker(watched) not in (worker, None), "the former worker's end")


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_twenty_reloads_under_full_traffic_go_unnoticed(watched: Server) -> None:
    traffic = await reload_under_traffic(watched, reloads=20, rate=200, clients=200)
    assert traffic.longest_seconds <= SEND_SECONDS_MAX


async def test_workers_on_postgresql_are_replaced_one_by_one(tmp_path: Path) -> None:
    server = build_zajil(tmp_path, database=shared_postgres().make_database(), workers="2", database_pool_max="4")
    server.start()
    try:
        wait_for(lambda: len(psutil.Process(server.pid).children()) == 2, "two workers")
        before = {process.pid for process in psutil.Process(server.pid).children()}
        await reload_under_traffic(server, reloads=1, rate=30, clients=16)
        wait_for(lambda: len(psutil.Process(server.pid).children()) == 2, "two workers again")
        assert not before & {process.pid for process in psutil.Process(server.pid).children()}
    finally:
        server.stop()


async def test_fewer_workers_after_a_reload(tmp_path: Path) -> None:
    config = tmp_path / "zajil.toml"
    config.write_text("workers = 3")
    server = build_zajil(
        tmp_path, config=str(config), database=shared_postgres().make_database(), database_pool_max="4"
    ).start()
    try:
        wait_for(lambda: len(psutil.Process(server.pid).children()) == 3, "three workers")
        config.write_text("workers = 1")
        await reload_under_traffic(server, reloads=1, rate=30, clients=16)
        wait_for(lambda: len(psutil.Process(server.pid).children()) == 1, "the last worker")
    finally:
        server.stop()


NGINX = """daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream zajil {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://zajil; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
      proxy_next_upstream off; proxy_read_timeout 120s;
    }}
  }}
}}
"""


async def test_behind_a_proxy_that_never_asks_twice_nothing_fails_either(server: Server, tmp_path: Path) -> None:
    """nginx keeps connections and would repeat a request that met a closed one; here it may not."""
    nginx = need("nginx", "nginx-light")
    port = find_free_port()
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(folder=tmp_path, upstream=server.port, port=port))
    proxy = subprocess.Popen([nginx, "-p", str(tmp_path), "-e", f"{tmp_path}/error.log", "-c", str(config)])
    try:
        wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "nginx")
        traffic = await Traffic.prepare(server.base, port, clients=24)

        async def work() -> None:
            for _ in range(2):
                await reload(server.data)
                await asyncio.sleep(0.5)

        await traffic.run(60, work)
        print(f"through nginx: {traffic.describe()}")
        traffic.judge()
    finally:
        proxy.terminate()
        proxy.wait(10)


async def test_sighup_reloads_too(server: Server) -> None:
    worker = find_worker(server)
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: "the new workers serve" in server.log.read_text(), "a reload")
    wait_for(lambda: find_worker(server) not in (worker, None), "the former worker's end")
    assert server.answers()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("main/server.py", "before it answered"),  # the worker does not start
        ("main/supervisor.py", "the new version does not start"),  # nor would the supervisor
    ],
)
def test_a_broken_version_leaves_the_old_one_serving(tmp_path: Path, broken: str, said: str) -> None:
    installation = Installation(tmp_path / "version")
    server = installation.build_server(tmp_path).start()
    try:
        worker = find_worker(server)
        sound = installation.read(broken)
        installation.write(broken, "raise RuntimeError('broken')\n" + sound)
        done = ask_to_reload(server)
        assert done.returncode == 1 and said in done.stderr, done.stderr
        assert server.answers() and find_worker(server) == worker
        installation.write(broken, sound)
        assert ask_to_reload(server).returncode == 0
        wait_for(lambda: find_worker(server) not in (worker, None), "the former worker's end")
        assert server.answers()
    finally:
        server.stop()


def launch_reload(server: Server) -> subprocess.Popen[str]:
    return subprocess.Popen(
        build_zajil_command("reload", "--data", str(server.data)),
        env=build_environment(build_zajil_env()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_several_may_ask_at_once(server: Server) -> None:
    asked = [launch_reload(server) for _ in range(4)]
    outcomes = [(each.wait(600), each.stdout.read() if each.stdout else "") for each in asked]
    assert all(code == 0 for code, _ in outcomes), outcomes
    assert server.answers()


def test_it_stops_when_told_to_in_the_middle_of_a_reload(tmp_path: Path) -> None:
    """At whatever point: while the next version is rehearsed, executed, or brings up its worker."""
    for number, pause_s in enumerate((0.15, 0.3, 0.45, 0.6)):
        server = build_zajil(tmp_path / str(number)).start()
        asked = launch_reload(server)
        time.sleep(pause_s)
        family = psutil.Process(server.pid).children(recursive=True)
        assert server.process is not None
        server.process.terminate()
        assert server.process.wait(300) == 0, server.log_tail()
        asked.wait(600)
        _, left = psutil.wait_procs(family, timeout=120)
        assert not left
        server.kill()


def find_successor(server: Server) -> psutil.Process | None:
    """The worker that is about to take over. Other children may end while we look."""
    for each in psutil.Process(server.pid).children():
        with contextlib.suppress(psutil.Error):
            if "--take" in each.cmdline():
                return each
    return None


def test_a_new_worker_that_is_killed_leaves_the_old_one_serving(server: Server) -> None:
    code = 0
    while code == 0:  # it may have taken over before it was killed: then once more
        old = wait_for(lambda: find_worker(server), "a worker")
        asked = launch_reload(server)
        new = wait_for(lambda: find_successor(server) or asked.poll() is not None, "it")  # noqa: B023
        if isinstance(new, psutil.Process):
            with contextlib.suppress(psutil.NoSuchProcess):
                new.kill()
        code = asked.wait(600)
        wait_for(server.answers, "an answer")
    assert code == 1 and asked.stdout is not None and "was ended by SIGKILL" in asked.stdout.read()
    assert server.answers() and find_worker(server) == old


def test_reload_without_a_server_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    command = build_zajil_command("reload", "--data", str(tmp_path / "data"))
    done = subprocess.run(command, env=build_environment(build_zajil_env()), capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "no server is running" in done.stderr


def test_a_kept_connection_goes_on_with_the_new_worker(server: Server) -> None:
    """Even one on which half a request has been sent, and one that says nothing for a while."""
    head = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: a\r\n"
    silent, half = (socket.create_connection(("127.0.0.1", server.port), timeout=300) for _ in range(2))
    for each in (silent, half):
        each.sendall(head + b"\r\n")
        assert each.recv(65536).startswith(b"HTTP/1.1 200")
    half.sendall(head)
    time.sleep(0.1)
    assert ask_to_reload(server).returncode == 0
    half.sendall(b"\r\n")
    assert half.recv(65536).startswith(b"HTTP/1.1 200")
    wait_for(lambda: len(psutil.Process(server.pid).children()) == 1, "the former worker's end")
    for each in (silent, half):
        each.sendall(head + b"\r\n")
        answer = each.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200") and b"connection: close" not in answer.lower()
        each.close()


def test_hundreds_of_silent_connections_move_and_none_is_closed(server: Server) -> None:
    request = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: a\r\n\r\n"
    crowd = [socket.create_connection(("127.0.0.1", server.port), timeout=300) for _ in range(SILENT)]
    for each in crowd[::2]:  # the others have not asked for anything yet
        each.sendall(request)
        assert each.recv(65536).startswith(b"HTTP/1.1 200")
    assert ask_to_reload(server).returncode == 0
    wait_for(lambda: f"connections={SILENT}" in server.log.read_text(), "the move")
    for each in crowd:
        each.sendall(request)
        assert each.recv(65536).startswith(b"HTTP/1.1 200")
        each.close()


def ask_until_told_to_close(kept: socket.socket, request: bytes) -> bytes:
    """The last answer on a connection; nothing when it was closed without a word. The reload may be over a moment before the former worker knows."""
    with kept, contextlib.suppress(OSError):
        for _ in range(100):
            kept.sendall(request)
            answer = kept.recv(65536)
            if not answer or b"connection: close" in answer.lower():
                return answer
            time.sleep(0.02)
    return b""


def test_with_tls_kept_connections_are_told_to_close(tmp_path: Path) -> None:
    """What the kernel does not know of cannot move: the next answer is the last one, and says so."""
    certificate, key = build_certificate(tmp_path)
    server = build_zajil(tmp_path, tls_certificate=str(certificate), tls_key=str(key))
    server.launch()
    try:
        wait_for(lambda: "Zajil is ready" in server.log.read_text(), "ready")
        context = ssl.create_default_context(cafile=str(certificate))
        request = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: a\r\n\r\n"
        last = b""
        for _ in range(5):  # closed for its silence, when this machine took longer than that: once more
            plain = socket.create_connection(("127.0.0.1", server.port), timeout=300)
            kept = context.wrap_socket(plain, server_hostname="localhost")
            kept.sendall(request)
            assert b"connection: close" not in kept.recv(65536).lower()
            assert ask_to_reload(server).returncode == 0
            if last := ask_until_told_to_close(kept, request):
                break
        assert last.startswith(b"HTTP/1.1 200") and b"connection: close" in last.lower()
    finally:
        server.stop()
