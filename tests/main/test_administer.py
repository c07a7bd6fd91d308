"""What the operator does from the command line takes effect in the server that is running."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.servers import Server, build_zajil, build_zajil_command, build_zajil_env

PASSWORD = "correct horse"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, registration="token").start()
    yield server
    server.stop()


def run_zajil(server: Server, *arguments: str, typed: str = "", code: int = 0) -> str:
    """Run a command on the server's data; returns what it printed."""
    done = subprocess.run(
        build_zajil_command(*arguments, "--data", str(server.data)),
        env={**os.environ, **build_zajil_env()},
        input=typed,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=server.data,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def call(
    server: Server, method: str, path: str, body: dict[str, Any] | None = None, token: str | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.base}{path}", data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def log_in(server: Server, user: str, password: str = PASSWORD) -> tuple[int, dict[str, Any]]:
    body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password}
    return call(server, "POST", "/_matrix/client/v3/login", body)


def whoami(server: Server, token: str) -> tuple[int, str]:
    status, body = call(server, "GET", "/_matrix/client/v3/account/whoami", token=token)
    return status, body.get("errcode", "")


def wait_for(observe: Callable[[], Any], wanted: Any) -> None:
    """A running server notices what a command has written within a tenth of a second; a busy machine may take longer."""
    deadline = time.monotonic() + 120
    while (seen := observe()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen == wanted


def register(server: Server, name: str, code: str) -> int:
    auth = {"type": "m.login.registration_token", "token": code}
    body = {"username": name, "password": PASSWORD, "auth": auth}
    return call(server, "POST", "/_matrix/client/v3/register", body)[0]


def test_accounts(server: Server) -> None:
    assert run_zajil(server, "user", "create", "anna", "--admin", "--password", PASSWORD) == "@anna:localhost\n"
    assert run_zajil(server, "user", "create", "badr", typed=f"{PASSWORD}\n") == "@badr:localhost\n"
    user_id, password = run_zajil(server, "user", "create", "@cora:localhost", "--random-password").split()
    assert user_id == "@cora:localhost"
    assert log_in(server, "cora", password)[0] == 200
    assert "taken" in run_zajil(server, "user", "create", "anna", "--password", PASSWORD, code=1)
    assert "at least 8" in run_zajil(server, "user", "create", "dina", "--password", "short", code=1)
    listed = run_zajil(server, "user", "list").splitlines()
    assert [line.split()[0] for line in listed] == ["@anna:localhost", "@badr:localhost", "@cora:localhost"]
    assert "administrator" in listed[0]

    status, session = log_in(server, "badr")
    assert status == 200
    token = session["access_token"]
    wait_for(lambda: whoami(server, token), (200, ""))
    run_zajil(server, "user", "lock", "badr")
    wait_for(lambda: whoami(server, token), (401, "M_USER_LOCKED"))
    run_zajil(server, "user", "lock", "badr", "--undo")
    wait_for(lambda: whoami(server, token), (200, ""))
    run_zajil(server, "user", "suspend", "badr")
    profile = "/_matrix/client/v3/profile/@badr:localhost/displayname"

    def rename() -> tuple[int, str]:
        status, body = call(server, "PUT", profile, {"displayname": "Badr"}, token)
        return status, body.get("errcode", "")

    wait_for(rename, (403, "M_USER_SUSPENDED"))
    run_zajil(server, "user", "suspend", "badr", "--undo")
    run_zajil(server, "user", "password", "badr", "--password", "another horse")
    wait_for(lambda: whoami(server, token), (401, "M_UNKNOWN_TOKEN"))
    assert log_in(server, "badr")[0] == 403
    assert log_in(server, "badr", "another horse")[0] == 200

    link = run_zajil(server, "user", "reset-link", "@badr:localhost").strip()
    assert link.startswith("http://localhost:8008/#/reset-password?token=")
    change = {"token": link.partition("token=")[2], "new_password": "third horse"}
    assert call(server, "POST", "/_zajil/account/reset_password", change)[0] == 200
    assert call(server, "POST", "/_zajil/account/reset_password", change)[0] == 403
    status, session = log_in(server, "badr", "third horse")
    assert status == 200

    run_zajil(server, "user", "deactivate", "badr", typed="n\n", code=1)
    wait_for(lambda: whoami(server, session["access_token"]), (200, ""))
    run_zajil(server, "user", "deactivate", "badr", "--yes")
    wait_for(lambda: whoami(server, session["access_token"])[0], 401)
    assert log_in(server, "badr", "third horse")[0] == 403
    assert "no such account" in run_zajil(server, "user", "password", "nobody", "--password", PASSWORD, code=1)
    assert "not a user of this server" in run_zajil(server, "user", "lock", "@anna:elsewhere.example", code=1)


def test_invitation_codes(server: Server) -> None:
    code = run_zajil(server, "token", "create", "--uses", "2").strip()
    assert [register(server, name, code) for name in ("anna", "badr", "cora")] == [200, 200, 401]
    assert f"{code}  2 of 2 used" in run_zajil(server, "token", "list")
    named = run_zajil(server, "token", "create", "--token", "summer", "--uses", "0", "--days", "1").strip()
    assert named == "summer"
    assert register(server, "cora", "summer") == 200
    assert "any number" in run_zajil(server, "token", "list")
    run_zajil(server, "token", "delete", "summer")
    assert register(server, "dina", "summer") == 401
    assert "no such token" in run_zajil(server, "token", "delete", "summer", code=1)


def test_reports(server: Server) -> None:
    run_zajil(server, "user", "create", "anna", "--password", PASSWORD)
    run_zajil(server, "user", "create", "badr", "--password", PASSWORD)
    token = log_in(server, "anna")[1]["access_token"]
    report = {"reason": "spam\u001b[31m\nand more"}
    assert call(server, "POST", "/_matrix/client/v3/users/@badr:localhost/report", report, token)[0] == 200
    listed = run_zajil(server, "report", "list")
    assert "@anna:localhost reports @badr:localhost" in listed
    assert "spam [31m and more" in listed
    number = listed.split()[0]
    run_zajil(server, "report", "resolve", number)
    assert run_zajil(server, "report", "list") == ""
    assert "resolved" in run_zajil(server, "report", "list", "--all")
    assert "no open report" in run_zajil(server, "report", "resolve", number, code=1)


def test_another_server_name_is_refused(server: Server) -> None:
    said = run_zajil(server, "user", "list", "--server-name", "other.example", code=2)
    assert "belongs to 'localhost'" in said


def test_a_notice_reaches_its_user_while_the_server_runs(server: Server) -> None:
    run_zajil(server, "user", "create", "anna", typed=f"{PASSWORD}\n{PASSWORD}\n")
    token = log_in(server, "anna")[1]["access_token"]
    since = call(server, "GET", "/_matrix/client/v3/sync", token=token)[1]["next_batch"]
    assert "is sent" in run_zajil(server, "user", "notice", "anna", "صيانة الليلة")
    invited: list[str] = []
    while not invited:
        path = f"/_matrix/client/v3/sync?timeout=30000&since={since}"
        answer = call(server, "GET", path, token=token)[1]
        since, invited = answer["next_batch"], list(answer.get("rooms", {}).get("invite", {}))
    assert len(invited) == 1
    assert call(server, "POST", f"/_matrix/client/v3/join/{quote(invited[0])}", {}, token)[0] == 200
    messages = call(server, "GET", f"/_matrix/client/v3/rooms/{quote(invited[0])}/messages?dir=b", token=token)[1]
    said = [event["content"]["body"] for event in messages["chunk"] if event["type"] == "m.room.message"]
    assert said == ["صيانة الليلة"]
    assert "no such user" in run_zajil(server, "user", "notice", "nobody", "text", code=1)
