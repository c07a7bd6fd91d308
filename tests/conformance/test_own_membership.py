"""`unsigned.membership`: what the asking user was in the room when an event was sent; clients explain with it why they cannot read something."""

from pathlib import Path
from typing import Any

from tests.client import Client, q, running_server

V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"


async def say(who: Client, room_id: str, text: str, **content: Any) -> str:
    path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{q(text)}"
    return (await who.put(path, {"msgtype": "m.text", "body": text, **content})).ok()["event_id"]


def read_memberships(events: list[dict[str, Any]]) -> dict[str, str]:
    """By the text of messages, and by membership of the member events of ben."""
    found = {}
    for event in events:
        if event["type"] == "m.room.message":
            found[event["content"]["body"]] = event["unsigned"]["membership"]
        elif event.get("state_key") == "@ben:localhost":
            found[event["content"]["membership"]] = event["unsigned"]["membership"]
    return found


async def test_membership_at_each_event(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, ben = await server.register("anna"), await server.register("ben")
        room_id = (await anna.post(f"{V3}/createRoom", {"preset": "private_chat"})).ok()["room_id"]
        room = f"{V3}/rooms/{q(room_id)}"
        since = (await ben.get(f"{V3}/sync")).ok()["next_batch"]
        first = await say(anna, room_id, "stranger")
        (await anna.post(f"{room}/invite", {"user_id": ben.user_id})).ok()
        await say(anna, room_id, "invited", **{"m.relates_to": {"rel_type": "m.reference", "event_id": first}})
        (await ben.post(f"{room}/join")).ok()
        await say(anna, room_id, "joined")
        expected = {"stranger": "leave", "invite": "invite", "invited": "invite", "join": "join", "joined": "join"}

        for path in (f"{V3}/sync", f"{V3}/sync?since={since}"):
            answer = (await ben.get(path)).ok()
            shown = read_memberships(answer["rooms"]["join"][room_id]["timeline"]["events"])
            assert shown == {key: expected[key] for key in shown}
            assert "joined" in shown and "invited" in shown
        since = answer["next_batch"]
        assert read_memberships((await ben.get(f"{room}/messages?dir=b&limit=50")).ok()["chunk"]) == expected
        context = (await ben.get(f"{room}/context/{q(first)}")).ok()
        assert read_memberships([context["event"], *context["events_after"]]) == expected
        assert (await ben.get(f"{room}/event/{q(first)}")).ok()["unsigned"]["membership"] == "leave"
        related = (await ben.get(f"{V1}/rooms/{q(room_id)}/relations/{q(first)}")).ok()["chunk"]
        assert read_memberships(related) == {"invited": "invite"}

        await say(anna, room_id, "last")
        (await anna.post(f"{room}/kick", {"user_id": ben.user_id})).ok()
        left = (await ben.get(f"{V3}/sync?since={since}")).ok()["rooms"]["leave"][room_id]["timeline"]["events"]
        assert read_memberships(left) == {"last": "join", "leave": "leave"}
        assert read_memberships((await ben.get(f"{room}/messages?dir=b&limit=2")).ok()["chunk"]) == {
            "last": "join",
            "leave": "leave",
        }
