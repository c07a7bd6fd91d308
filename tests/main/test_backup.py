"""A backup of a live server, restored elsewhere: nothing acknowledged before it is lost, and clients go on as they were."""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.postgres_server import PostgresServer, run_postgres
from tests.servers import Server, build_zajil, build_zajil_command, build_zajil_env

PASSWORD = "correct horse"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest) -> tuple[dict[str, str], dict[str, str]]:
    """The option --database of the first and of the second server."""
    if request.param == "sqlite":
        return {}, {}
    server: PostgresServer = request.getfixturevalue("postgres")
    return {"database": server.make_database()}, {"database": server.make_database()}


@dataclass
class Client:
    server: Server
    user_id: str = ""
    token: str = ""

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        request = urllib.request.Request(f"{self.server.base}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            content = answer.read()
            return json.loads(content) if answer.headers["Content-Type"] == "application/json" else content

    def register(self, name: str) -> "Client":
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        session = self.ask("POST", "/_matrix/client/v3/register", body)
        self.user_id, self.token = session["user_id"], session["access_token"]
        return self

    def say(self, room_id: str, text: str) -> str:
        path = f"/_matrix/client/v3/rooms/{urllib.parse.quote(room_id)}/send/m.room.message/{text}"
        return str(self.ask("PUT", path, {"msgtype": "m.text", "body": text})["event_id"])

    def sync(self, since: str = "") -> dict[str, Any]:
        limit = urllib.parse.quote(json.dumps({"room": {"timeline": {"limit": 50}}}))
        answer: dict[str, Any] = self.ask("GET", f"/_matrix/client/v3/sync?filter={limit}&since={since}")
        return answer

    def read_all(self, room_id: str) -> list[str]:
        texts: list[str] = []
        start = ""
        while True:
            path = f"/_matrix/client/v3/rooms/{urllib.parse.quote(room_id)}/messages?dir=b&limit=100{start}"
            page = self.ask("GET", path)
            texts += [event["content"]["body"] for event in page["chunk"] if event["type"] == "m.room.message"]
            if "end" not in page:
                return texts[::-1]
            start = f"&from={page['end']}"


def run_zajil(*arguments: str, code: int = 0) -> str:
    environment = {**os.environ, **build_zajil_env()}
    done = subprocess.run(build_zajil_command(*arguments), env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def place(server_data: Path, database: dict[str, str]) -> list[str]:
    return ["--data", str(server_data), *(part for name, value in database.items() for part in (f"--{name}", value))]


class Talker(threading.Thread):
    """Sends message after message and remembers which were acknowledged."""

    def __init__(self, client: Client, room_id: str) -> None:
        super().__init__()
        self.client, self.room_id = client, room_id
        self.acknowledged: list[str] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        for number in count():
            if self.stopping.is_set():
                return
            self.client.say(self.room_id, f"m{number}")
            self.acknowledged.append(f"m{number}")


def build_one_time_keys(numbers: range) -> dict[str, Any]:
    return {"one_time_keys": {f"curve25519:k{number}": "A" * 42 + f"{number:x}" for number in numbers}}


def test_a_live_server_is_restored_elsewhere(tmp_path: Path, databases: tuple[dict[str, str], dict[str, str]]) -> None:
    first = build_zajil(tmp_path / "first", **databases[0]).start()
    second = build_zajil(tmp_path / "second", port=first.port, **databases[1])
    folder = tmp_path / "backup"
    try:
        anna, badr = Client(first).register("anna"), Client(first).register("badr")
        room_id = anna.ask("POST", "/_matrix/client/v3/createRoom", {"preset": "public_chat"})["room_id"]
        badr.ask("POST", f"/_matrix/client/v3/join/{urllib.parse.quote(room_id)}", {})
        uri = anna.ask("POST", "/_matrix/media/v3/upload?filename=a.png", PICTURE, "image/png")["content_uri"]
        fallback = {"fallback_keys": {"curve25519:f": {"key": "A" * 43, "fallback": True}}}
        anna.ask("POST", "/_matrix/client/v3/keys/upload", build_one_time_keys(range(5)) | fallback)
        assert anna.sync()["device_unused_fallback_key_types"] == ["curve25519"]
        assert badr.sync()["next_batch"]
        talker = Talker(anna, room_id)
        talker.start()
        while len(talker.acknowledged) < 20:
            time.sleep(0.01)
        before = list(talker.acknowledged)
        run_zajil("backup", str(folder), *place(first.data, databases[0]))
        during = len(talker.acknowledged)
        assert during > len(before), "nothing was sent during the backup"
        late_picture = anna.ask("POST", "/_matrix/media/v3/upload", PICTURE[:5000], "image/png")["content_uri"]
        run_zajil("backup", str(folder), *place(first.data, databases[0]))
        saved = list(talker.acknowledged)
        talker.stopping.set()
        talker.join()
        claim = {"one_time_keys": {anna.user_id: {anna.ask("GET", WHOAMI)["device_id"]: "curve25519"}}}
        assert badr.ask("POST", "/_matrix/client/v3/keys/claim", claim)["one_time_keys"]
        for number in range(30):
            anna.say(room_id, f"lost{number}")
        ahead = badr.sync()["next_batch"]
        first.kill()

        run_zajil("restore", str(folder), *place(second.data, databases[1]))
        second.start()
        anna.server = badr.server = second
        texts = badr.read_all(room_id)
        assert texts[: len(before)] == before
        assert texts == [f"m{number}" for number in range(len(texts))]
        assert len(texts) <= len(saved) + 1
        again = badr.sync(ahead)
        timeline = again["rooms"]["join"][room_id]["timeline"]
        assert [event["content"].get("body") for event in timeline["events"]][-1] == texts[-1]
        new = anna.say(room_id, "new")
        fresh = badr.sync(again["next_batch"])["rooms"]["join"][room_id]["timeline"]["events"]
        assert [event["event_id"] for event in fresh] == [new]
        for picture, content in ((uri, PICTURE), (late_picture, PICTURE[:5000])):
            assert anna.ask("GET", f"/_matrix/client/v1/media/download/{picture.removeprefix('mxc://')}") == content
        assert anna.sync()["device_one_time_keys_count"].get("curve25519", 0) == 0
        assert anna.sync()["device_unused_fallback_key_types"] == [], "it may have been given out since the backup"
        claimed = badr.ask("POST", "/_matrix/client/v3/keys/claim", claim)["one_time_keys"][anna.user_id]
        assert [list(key) for key in claimed.values()] == [["curve25519:f"]]
        anna.ask("POST", "/_matrix/client/v3/keys/upload", build_one_time_keys(range(5, 7)))
        assert anna.sync()["device_one_time_keys_count"]["curve25519"] == 2
    finally:
        first.kill()
        second.kill()


WHOAMI = "/_matrix/client/v3/account/whoami"


def test_a_backup_that_is_killed_leaves_the_one_before(tmp_path: Path) -> None:
    server = build_zajil(tmp_path).start()
    folder = tmp_path / "backup"
    try:
        anna = Client(server).register("anna")
        room_id = anna.ask("POST", "/_matrix/client/v3/createRoom", {})["room_id"]
        anna.say(room_id, "one")
        run_zajil("backup", str(folder), *place(server.data, {}))
        anna.say(room_id, "two")
        command = build_zajil_command("backup", str(folder), *place(server.data, {}))
        for delay_s in (0.7, 0.8, 0.9, 1.0, 1.1):
            process = subprocess.Popen(command, env={**os.environ, **build_zajil_env()}, stdout=subprocess.DEVNULL)
            time.sleep(delay_s)
            process.send_signal(signal.SIGKILL)
            process.wait()
            anna.say(room_id, f"after-{delay_s}")
        server.kill()
        other = build_zajil(tmp_path / "other")
        run_zajil("restore", str(folder), *place(other.data, {}))
        other.start()
        anna.server = other
        assert anna.read_all(room_id)[0] == "one"
        other.stop()
    finally:
        server.kill()


def test_a_damaged_backup_is_refused(tmp_path: Path, databases: tuple[dict[str, str], dict[str, str]]) -> None:
    server = build_zajil(tmp_path, **databases[0]).start()
    server.stop()
    folder = tmp_path / "backup"
    run_zajil("backup", str(folder), *place(server.data, databases[0]))
    database = folder / json.loads((folder / "backup.json").read_text())["database"]
    damaged = database / "accounts" if database.is_dir() else database
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.write_bytes(content)
    other = tmp_path / "other"
    assert "is damaged" in run_zajil("restore", str(folder), *place(other, databases[1]), code=1)
    assert not (other / "zajil.db").exists()


def test_damaged_media_are_refused(tmp_path: Path) -> None:
    server = build_zajil(tmp_path).start()
    folder = tmp_path / "backup"
    try:
        anna = Client(server).register("anna")
        uri = anna.ask("POST", "/_matrix/media/v3/upload", PICTURE, "image/png")["content_uri"]
        anna.ask("POST", "/_matrix/media/v3/upload", PICTURE[:9000], "image/png")
        run_zajil("backup", str(folder), *place(server.data, {}))
        run_zajil("backup", str(folder), *place(server.data, {}))
    finally:
        server.stop()
    copy = next(file for file in (folder / "media").rglob("*") if file.is_file() and file.read_bytes() == PICTURE)
    copy.write_bytes(PICTURE[:-1] + b"!")
    refused = run_zajil("restore", str(folder), *place(tmp_path / "changed", {}), code=1)
    assert "is damaged" in refused and copy.name in refused
    copy.unlink()
    assert "is missing" in run_zajil("restore", str(folder), *place(tmp_path / "missing", {}), code=1)
    copy.write_bytes(PICTURE)
    good = build_zajil(tmp_path / "good")
    run_zajil("restore", str(folder), *place(good.data, {}))
    anna.server = good.start()
    try:
        assert anna.ask("GET", f"/_matrix/client/v1/media/download/{uri.removeprefix('mxc://')}") == PICTURE
    finally:
        good.stop()


def test_what_is_refused(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    assert "no database" in run_zajil("backup", str(tmp_path / "b"), "--data", str(nothing), code=1)
    server = build_zajil(tmp_path).start()
    try:
        data = str(server.data)
        full = tmp_path / "full"
        full.mkdir()
        (full / "letter.txt").write_text("dear")
        assert "no backup" in run_zajil("backup", str(full), "--data", data, code=1)
        folder = str(tmp_path / "backup")
        run_zajil("backup", folder, "--data", data)
        named = ["--server-name", "other.example"]
        assert "backup of localhost" in run_zajil("backup", folder, "--data", data, *named, code=1)
        new = str(tmp_path / "new")
        assert "not a finished backup" in run_zajil("restore", str(full), "--data", new, code=1)
        assert "backup of localhost" in run_zajil("restore", folder, "--data", new, *named, code=1)
        assert "already running" in run_zajil("restore", folder, "--data", data, code=1)
    finally:
        server.stop()
    assert "has a server in it" in run_zajil("restore", folder, "--data", data, code=1)
    assert os.stat(folder).st_mode & 0o077 == 0
    assert os.stat(f"{folder}/signing.key").st_mode & 0o077 == 0
