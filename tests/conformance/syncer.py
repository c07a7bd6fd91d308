"""Clients that sync step by step, and people who share a room."""

from typing import Any

from tests.client import Client, InProcessServer, q

V3 = "/_matrix/client/v3"


async def meet(host: Client, *guests: Client) -> str:
    """A room with all of them."""
    room_id = (await host.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
    for guest in guests:
        (await guest.post(f"{V3}/join/{q(room_id)}")).ok()
    return room_id


class Syncer:
    """A client that goes on where its last sync ended."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.since = ""

    async def sync(self, timeout: int = 0, **query: str) -> dict[str, Any]:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        answer = (await self.client.get(f"{V3}/sync?since={self.since}&timeout={timeout}{more}")).ok()
        self.since = answer["next_batch"]
        return answer

    async def heard(self, **query: str) -> dict[str, dict[str, Any]]:
        """Contents of presence events by sender."""
        events = (await self.sync(**query)).get("presence", {}).get("events", [])
        assert all(event["type"] == "m.presence" for event in events)
        return {event["sender"]: event["content"] for event in events}


async def meet_two(server: InProcessServer) -> tuple[str, Syncer, Syncer]:
    """Anna and Ben, new here, who share a room; neither has synced."""
    anna, ben = await server.register("anna"), await server.register("ben")
    return await meet(anna, ben), Syncer(anna), Syncer(ben)
