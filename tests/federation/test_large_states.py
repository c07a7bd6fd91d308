"""A large state is read off the event loop, and is the same as a small one read on it."""

from pathlib import Path

import pytest
from tests.client import q, running_server
from tests.federation.signed_client import SignedClient

from zajil.services.federation import room_states

V3 = "/_matrix/client/v3"


async def test_a_state_is_the_same_by_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_server(tmp_path) as server:
        other = await SignedClient(server, "other.test").introduce()
        anna = await server.register("anna")
        world = {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "world_readable"}}
        body = {"preset": "public_chat", "initial_state": [world]}
        room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
        for number in range(3):
            (await (await server.register(f"person{number}")).post(f"{V3}/join/{q(room_id)}")).ok()
        path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/1"
        event_id = (await anna.put(path, {"msgtype": "m.text", "body": "x"})).ok()["event_id"]
        for route in ("state", "state_ids"):
            asked = f"/_matrix/federation/v1/{route}/{q(room_id)}?event_id={q(event_id)}"
            monkeypatch.setattr(room_states, "STATE_INLINE_MAX", 200)
            inline = (await other.call("GET", asked)).ok()
            monkeypatch.setattr(room_states, "STATE_INLINE_MAX", 0)
            assert (await other.call("GET", asked)).ok() == inline
            assert len(inline["pdus" if route == "state" else "pdu_ids"]) >= 9
