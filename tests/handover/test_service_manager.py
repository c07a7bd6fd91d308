"""systemd, as far as it can be had without it: sockets it hands over, what it is told, and the unit files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.main.test_serve import wait_for
from tests.servers import ROOT, Server, build_environment, build_zajil, build_zajil_command

ACTIVATION_FD = 3
LAUNCH = (
    "import os, sys; os.environ['LISTEN_PID'] = str(os.getpid()); os.environ['LISTEN_FDS'] = '1'; "
    "os.execv(sys.argv[1], sys.argv[1:])"
)

pytestmark = pytest.mark.skipif(os.environ.get("ZAJIL_TEST_SERVER") == "synapse", reason="the unit of Zajil")


class ServiceManager:
    """Holds the listening socket and hears what the service says."""

    def __init__(self, folder: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.place = folder / "notify"
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(str(self.place))
        self.ear.setblocking(False)
        self.heard: list[str] = []

    def launch(self, server: Server) -> None:
        def hand_over() -> None:
            os.dup2(self.listener.fileno(), ACTIVATION_FD)

        command = [server.command[0], "-c", LAUNCH, *server.command]
        environment = {**build_environment(server.env), "NOTIFY_SOCKET": str(self.place)}
        with server.log.open("ab") as log:
            server.process = subprocess.Popen(
                command,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=hand_over,
                pass_fds=[ACTIVATION_FD],
            )

    def has_heard(self, line: str) -> bool:
        while True:
            try:
                self.heard += self.ear.recv(4096).decode().splitlines()
            except BlockingIOError:
                return line in self.heard


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    manager = ServiceManager(tmp_path)
    yield manager
    manager.listener.close()
    manager.ear.close()


def test_serves_on_the_socket_it_is_given_and_tells_how_it_is(tmp_path: Path, manager: ServiceManager) -> None:
    server = build_zajil(tmp_path)  # its own `bind` stays unused
    port = manager.listener.getsockname()[1]
    manager.launch(server)
    try:
        # A connection made before the server is there waits, and is served.
        early = socket.create_connection(("127.0.0.1", port), timeout=300)
        early.sendall(b"GET /_matrix/client/versions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert early.recv(65536).startswith(b"HTTP/1.1 200 ")
        early.close()
        wait_for(lambda: manager.has_heard("READY=1"), "READY=1")
        assert not server.answers(), "it listens on its own address too"
        server.port = port
        wait_for(lambda: manager.has_heard("WATCHDOG=1"), "WATCHDOG=1")
        manager.heard.clear()
        command = build_zajil_command("reload", "--data", str(server.data))
        done = subprocess.run(command, env=build_environment(server.env), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert manager.has_heard("READY=1") and manager.heard.index("RELOADING=1") < manager.heard.index("READY=1")
        assert server.answers()
        manager.heard.clear()
        wait_for(lambda: manager.has_heard("WATCHDOG=1"), "WATCHDOG=1 of the next version")
        assert server.process is not None
        server.process.terminate()
        assert server.process.wait(120) == 0
        assert manager.has_heard("STOPPING=1")
    finally:
        server.kill()


def test_the_units_are_right_and_keep_the_service_in(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed; as root: apt install systemd")
    for name in ("zajil.service", "zajil.socket"):
        text = (ROOT / "deploy" / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/zajil/.venv/bin/zajil", "/bin/true"))
    units = [str(tmp_path / name) for name in ("zajil.service", "zajil.socket")]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "zajil" in line]
    assert not said, said
    rated = subprocess.run([analyze, "security", "--offline=true", units[0]], capture_output=True, text=True)
    exposure = rated.stdout.strip().splitlines()[-1]
    assert float(exposure.split(":")[1].split()[0]) <= 2.5, exposure


def test_the_container_file_starts_what_exists() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text()
    for word in text.split("COPY ")[1:]:
        for source in word.splitlines()[0].split()[:-1]:
            assert source.startswith(("--from", "/opt")) or (ROOT / source).exists(), source
