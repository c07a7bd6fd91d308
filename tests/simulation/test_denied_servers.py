"""A server that is kept out is told nothing, and told everything again once it is let in, whoever was in the room meanwhile."""

from pathlib import Path

import pytest
from tests.client import q
from tests.simulation.network import running_network

from zajil.services.federation.access_servers import is_server_allowed, set_server_rule

V3 = "/_matrix/client/v3"


@pytest.mark.parametrize("is_denied_first", [False, True])
async def test_the_rules_of_the_moment_hold_in_rooms_already_looked_at(tmp_path: Path, is_denied_first: bool) -> None:
    async with running_network(tmp_path, ["one.test", "two.test"]) as network:
        ali, sara = [await server.register("me") for server in network.servers.values()]
        room_id = (await ali.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        (await sara.post(f"{V3}/join/{q(room_id)}?via=one.test")).ok()
        await network.settle()
        app = ali.server.app

        async def decide(is_allowed: bool | None) -> None:
            await set_server_rule(app, "two.test", is_allowed=is_allowed)
            await app.server_rules.load()
            assert is_server_allowed(app, "two.test") is (is_allowed is not False)

        async def look() -> list[str]:
            head = await app.rooms.find(app.db.reader, room_id, app.db.position)
            assert head is not None
            return await app.destinations.find_servers(head)

        if is_denied_first:
            # Its members change, so that the room is looked at anew while the server is kept out.
            await decide(False)
            path = f"{V3}/rooms/{q(room_id)}/state/m.room.member/{q(ali.user_id)}"
            (await ali.put(path, {"membership": "join", "displayname": "Ali"})).ok()
            assert await look() == []
            await decide(None)
        assert await look() == ["two.test"]
        await decide(False)
        assert await look() == []
        await decide(None)
        assert await look() == ["two.test"]
