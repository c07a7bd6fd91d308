"""The log names nobody: no user, no room, no address, whatever happens."""

import logging
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.client import q, running_server

V3 = "/_matrix/client/v3"


async def test_nobody_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with structlog.testing.capture_logs() as lines:
        async with running_server(tmp_path) as server:
            anna, bert = await server.register("annagram"), await server.register("bertrand")
            anna.ip = "203.0.113.77"
            invite = {"invite": [bert.user_id]}
            room_id = (await anna.post(f"{V3}/createRoom", invite)).ok()["room_id"]
            (await bert.post(f"{V3}/rooms/{q(room_id)}/join")).ok()
            path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/1"
            (await anna.put(path, {"msgtype": "m.text", "body": "a secret"})).ok()
            (await bert.get(f"{V3}/sync")).ok()
            wrong = {
                "type": "m.login.password",
                "password": "wrong",
                "identifier": {"type": "m.id.user", "user": "annagram"},
            }
            assert (await anna.post(f"{V3}/login", wrong)).status == 403

            async def broken(*_: object, **__: object) -> Any:
                raise RuntimeError("a mistake of ours")

            server.app.stores.rooms.load_row = broken  # type: ignore[method-assign]
            server.app.stores.profiles.load = broken  # type: ignore[method-assign]
            assert (await anna.get(f"{V3}/profile/{q(bert.user_id)}")).status == 500
    told = [str(each) for each in lines if each["log_level"] != "debug"] + [
        each.getMessage() for each in caplog.records
    ]
    assert any("unexpected error" in each for each in told)
    for secret in ("annagram", "bertrand", room_id, "a secret", "203.0.113", anna.access_token or ""):
        assert not [each for each in told if secret in each], secret
