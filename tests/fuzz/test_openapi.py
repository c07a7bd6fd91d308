"""Schemathesis against our own OpenAPI description, through real HTTP: no answer is a server error, and every refusal is one of Matrix's."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from tests.servers import Server, start_zajil

from zajil.http.client_api import load_routes
from zajil.http.openapi import PATH, build_description
from zajil.http.pages import ROUTES as PAGES
from zajil.http.web_client import ROUTES as WEB_CLIENT

EXAMPLES_MAX = 12
REAL_IN = 3
"""One in so many identifiers is made up; the others are real, so that requests get past the first look-up."""
NOT_JSON = ("/media/download", "/media/thumbnail", "/_zajil/pages", "/fallback/web")
PAGE_PATHS = {route.path for route in [*PAGES, *WEB_CLIENT]}

schema = schemathesis.openapi.from_dict(build_description([*load_routes(legacy_r0=False), *PAGES, *WEB_CLIENT]))


class World:
    """The server, and somebody on it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.names: dict[str, str] = {}
        self.register()
        room = self.call("POST", "/_matrix/client/v3/createRoom", {"preset": "public_chat", "room_alias_name": "fuzz"})
        path = f"/_matrix/client/v3/rooms/{quote(room['room_id'])}/send/m.room.message/1"
        sent = self.call("PUT", path, {"msgtype": "m.text", "body": "hello"})
        self.names |= {
            "room_id": room["room_id"],
            "roomId": room["room_id"],
            "room": room["room_id"],
            "room_alias": "#fuzz:localhost",
            "event_id": sent["event_id"],
            "eventId": sent["event_id"],
            "event_type": "m.room.message",
            "rel_type": "m.thread",
            "receipt_type": "m.read",
            "scope": "global",
            "kind": "override",
            "type": "m.room.name",
            "keyName": "displayname",
        }

    def register(self) -> None:
        """A new account; the last one's token may be worth nothing any more."""
        answer = self.call(
            "POST", "/_matrix/client/v3/register", {"auth": {"type": "m.login.dummy"}, "password": "x y z 1 2 3"}
        )
        self.token = answer["access_token"]
        self.names |= {
            "userId": answer["user_id"],
            "user_id": answer["user_id"],
            "deviceId": answer["device_id"],
        }

    def call(self, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}
        request = urllib.request.Request(self.server.base + path, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())


world: World | None = None


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[World]:
    global world
    with tempfile.TemporaryDirectory() as folder:
        server = start_zajil(Path(folder), sync_timeout_s_max="1")
        try:
            world = World(server)
            yield world
            assert "unexpected error" not in server.log.read_text()
        finally:
            world = None
            server.stop()


@schema.hook
def map_path_parameters(_context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    if path_parameters and world is not None:
        for name, value in path_parameters.items():
            if sum(map(ord, str(value))) % REAL_IN and name in world.names:
                path_parameters[name] = world.names[name]
    return path_parameters


OPERATIONS = {operation.label: operation for operation in (result.ok() for result in schema.get_all_operations())}


@pytest.mark.parametrize("label", OPERATIONS)
def test_every_answer_is_of_the_protocol(label: str) -> None:
    # Not through schemathesis' own collection: with pytest-xdist its failures are lost.
    @given(case=OPERATIONS[label].as_strategy())
    @settings(
        max_examples=EXAMPLES_MAX,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: schemathesis.Case) -> None:
        check_answer(case)

    run()


def check_answer(case: schemathesis.Case) -> None:
    """Send a request and look at what comes back."""
    assert world is not None
    response = case.call(base_url=world.server.base, headers={"Authorization": f"Bearer {world.token}"}, timeout=30)
    # 502: another server was asked for, and there is none of that name.
    assert response.status_code < 500 or response.status_code == 502, (case.as_curl_command(), response.text)
    if response.status_code >= 400:
        error = response.json()
        asks_for_more = response.status_code == 401 and error.get("flows")  # user-interactive authentication
        assert asks_for_more or (isinstance(error["errcode"], str) and error["error"]), response.text
    elif response.content and not any(part in case.path for part in NOT_JSON) and case.path not in PAGE_PATHS:
        assert response.headers["content-type"] == ["application/json"]
        response.json()
    if response.status_code == 401 and response.json().get("errcode") == "M_UNKNOWN_TOKEN":
        world.register()


def test_the_description_is_served(running: World) -> None:
    with urllib.request.urlopen(running.server.base + PATH, timeout=10) as answer:
        described = json.loads(answer.read())
    assert described["openapi"] == "3.1.0"
    assert described["paths"]["/_matrix/client/v3/sync"]["get"]["security"]
    assert described["paths"]["/_matrix/client/v3/presence/{userId}/status"]["put"]["requestBody"]
