"""What an operator says, by command, over the network and on a page; and who hears of it, how often."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.status.watched_server import WatchedServer, run_watched

from zajil.core.health import Cause
from zajil.status.operate import OperationRefused, operate

V3 = "/_matrix/client/v3"
TEXTS = ["--en", "We move house.", "--ar", "ننتقل إلى مقر جديد."]
TITLES = ["--title-en", "Removal", "--title-ar", "انتقال"]


class Listener:
    """Takes announcements, and refuses the first of them."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.refusals = 1
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if listener.refusals:
                    listener.refusals -= 1
                    self.send_response(500)
                else:
                    listener.heard.append(json.loads(body))
                    self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def titles(self) -> list[str]:
        return [each["title"] for each in self.heard]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.server.shutdown()


@pytest.fixture(scope="module")
def watched(listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedServer]:
    url = f"json://127.0.0.1:{listener.server.server_port}/"
    folder = tmp_path_factory.mktemp("operator")
    with run_watched(folder, status_announce=url, status_notices="on") as watched:
        yield watched


def call(watched: WatchedServer, path: str, body: Any = None, token: str = "", method: str = "") -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(watched.server.base + path, data, headers, method=method or None)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def register(watched: WatchedServer, name: str, auth: dict[str, str] | None = None) -> dict[str, Any]:
    body = {"username": name, "password": "long enough to be one", "auth": auth or {"type": "m.login.dummy"}}
    answer: dict[str, Any] = call(watched, f"{V3}/register", body)
    return answer


@pytest.fixture(scope="module")
def admin(watched: WatchedServer) -> str:
    """An administrator's access token."""
    token: str = register(watched, "boss")["access_token"]
    watched.command("user", "admin", "boss")
    return token


def wait_until(holds: Any, wait_s: float = 300) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < wait_s
        time.sleep(0.1)


def find_operators(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The operator's incidents: on a slow machine Zajil may have something to say of its own."""
    return [each for each in answer["incidents"] if each["cause"] == "operator"]


def find_notices(watched: WatchedServer, token: str) -> list[str]:
    """The bodies of all server notices of a user."""
    rooms = call(watched, f"{V3}/sync", token=token).get("rooms", {})
    for room_id in rooms.get("invite", {}):
        call(watched, f"{V3}/rooms/{urllib.parse.quote(room_id)}/join", {}, token)
        rooms = call(watched, f"{V3}/sync", token=token).get("rooms", {})
    events = [event for room in rooms.get("join", {}).values() for event in room["timeline"]["events"]]
    return [each["content"]["body"] for each in events if each["content"].get("msgtype") == "m.server_notice"]


def test_by_command_and_everybody_hears_once(watched: WatchedServer, listener: Listener) -> None:
    anna, bert = register(watched, "anna"), register(watched, "bert")
    switch = f"{V3}/user/{urllib.parse.quote(bert['user_id'])}/account_data/org.zajil.status_notices"
    call(watched, switch, {"enabled": False}, bert["access_token"], "PUT")
    incident = watched.command("incident", "open", *TITLES, *TEXTS, "--state", "outage").strip()
    watched.wait_for(lambda status: status["state"] == "outage", 300)
    assert incident in watched.command("incident", "list")
    watched.command("incident", "update", incident, *TEXTS)
    watched.wait_for(lambda status: [len(each["timeline"]) for each in find_operators(status)] == [2], 300)
    wait_until(lambda: len(listener.heard) == 1)
    wait_until(lambda: len(find_notices(watched, anna["access_token"])) == 1)
    # Another watcher takes over; nobody is told again.
    watched.command("reload")
    time.sleep(3)
    closed = watched.command("incident", "close", incident).strip()
    assert closed == incident
    watched.wait_for(lambda status: status["state"] == "operational", 300)
    wait_until(lambda: len(listener.heard) == 2)
    wait_until(lambda: len(find_notices(watched, anna["access_token"])) == 2)
    time.sleep(1)
    assert len(listener.heard) == 2
    assert "Removal" in listener.titles[0]
    assert "انتقال" in listener.titles[0]
    assert "We move house." in listener.heard[0]["message"]
    assert find_notices(watched, bert["access_token"]) == []
    told = find_notices(watched, anna["access_token"])
    assert "Removal" in told[0]
    assert "ننتقل" in told[0]


def test_over_the_network(watched: WatchedServer, admin: str) -> None:
    path = "/_zajil/admin/v1/incidents"
    body = {
        "title": {"en": "Slow pictures", "ar": "صور بطيئة"},
        "text": {"en": "Wait.", "ar": "انتظروا."},
        "components": ["media"],
    }
    for token in ("", register(watched, "carl")["access_token"]):
        with pytest.raises(urllib.error.HTTPError) as refused:
            call(watched, path, body, token)
        assert refused.value.code in (401, 403)
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(watched, path, {**body, "title": {"en": "only English"}}, admin)
    assert refused.value.code == 400
    incident = call(watched, path, body, admin)["incident"]
    assert [each["id"] for each in find_operators(call(watched, path, token=admin))] == [incident["id"]]
    call(watched, f"{path}/{incident['id']}/update", {"text": {"en": "Soon.", "ar": "قريبًا."}}, admin)
    call(watched, f"{path}/{incident['id']}/close", {}, admin)
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(watched, f"{path}/{incident['id']}/close", {}, admin)
    assert refused.value.code == 400
    assert len(call(watched, f"{path}?all=true", token=admin)["incidents"]) >= 2


def test_on_a_page(watched: WatchedServer, admin: str) -> None:
    fields = {
        "action": "open", "state": "degraded", "component": "sign_in", "title_en": "A <b>party</b>", "title_ar": "حفلة",
        "text_en": "Line one\r\nline two", "text_ar": "سطر",
    }  # fmt: skip

    def post(token: str) -> tuple[int, str]:
        data = urllib.parse.urlencode({**fields, "token": token}).encode()
        request = urllib.request.Request(f"{watched.server.base}/_zajil/status/operator?lang=ar", data)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    with watched.fetch("/_zajil/status/operator") as answer:
        assert "Write on the status page" in answer.read().decode()
    status, page = post("wrong")
    assert (status, "ليس رمز وصول مشرف" in page, 'value="حفلة"' in page) == (400, True, True)
    status, page = post(admin)
    assert (status, "نُشر." in page) == (200, True)
    watched.wait_for(lambda told: told["components"]["sign_in"] == "degraded", 300)
    page = watched.wait_for_page("A &lt;b&gt;party&lt;/b&gt;")
    assert "Line one\nline two" in page
    [party] = find_operators(call(watched, "/_zajil/admin/v1/incidents", token=admin))
    assert party["title"]["en"] == fields["title_en"]
    watched.command("incident", "close", party["id"])


def test_which_incident_is_said_if_it_is_not_the_only_one() -> None:
    texts = dict.fromkeys(("en", "ar"), "Removal")
    question = {"operator": "open", "title": texts, "text": texts}
    first, second = (operate((), question, "", 1000, incident_id)[1] for incident_id in ("first", "second"))
    assert operate([first], {"operator": "close"}, "", 2000, "")[1].incident_id == "first"
    with pytest.raises(OperationRefused, match="which incident"):
        operate([first, second], {"operator": "close"}, "", 2000, "")
    own = [replace(each, cause=Cause.SLOW_COMMITS) for each in (first, second)]
    assert operate([own[0], second], {"operator": "close"}, "", 2000, "")[1].incident_id == "second"
    assert operate([own[0]], {"operator": "update", "text": texts}, "", 2000, "")[1].incident_id == "first"
    with pytest.raises(OperationRefused, match="which incident"):
        operate(own, {"operator": "update", "text": texts}, "", 2000, "")


def test_without_a_running_server(tmp_path: Path) -> None:
    with run_watched(tmp_path) as watched:
        watched.server.stop()
        incident = watched.command("incident", "open", *TITLES, *TEXTS).strip()
        assert incident in watched.command("incident", "list", "--json")
        watched.server.start()
        watched.wait_for(lambda status: [each["id"] for each in find_operators(status)] == [incident], 300)
