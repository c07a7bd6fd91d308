"""What guests can do (client-server API, "Guest Access"): every call that the spec opens to them works, in a room that takes guests."""

from pathlib import Path

from tests.client import Client, InProcessServer, q, running_server

V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"


async def register_guest(server: InProcessServer) -> Client:
    answer = (await server.client().post(f"{V3}/register?kind=guest", {"initial_device_display_name": "Kiosk"})).ok()
    return Client(server, answer["access_token"], answer["user_id"], answer["device_id"])


async def test_all_that_is_open_to_guests(tmp_path: Path) -> None:
    async with running_server(tmp_path, guest_access=True) as server:
        anna, guest = await server.register("anna"), await register_guest(server)
        access = {"type": "m.room.guest_access", "state_key": "", "content": {"guest_access": "can_join"}}
        level = {"users_default": 50}
        body = {"preset": "public_chat", "initial_state": [access], "power_level_content_override": level}
        room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
        room = f"{V3}/rooms/{q(room_id)}"
        image = (await anna.call("POST", "/_matrix/media/v3/upload?filename=a.txt", b"hello")).ok()["content_uri"]
        since = (await guest.get(f"{V3}/sync")).ok()["next_batch"]

        (await guest.post(f"{room}/join")).ok()
        sent = await guest.put(f"{room}/send/m.room.message/1", {"msgtype": "m.text", "body": "hi"})
        event_id = q(sent.ok()["event_id"])
        (await guest.put(f"{room}/send/org.example.anything/2", {})).ok()
        (await guest.put(f"{room}/state/org.example.state/key", {"a": 1})).ok()
        to_device = {"messages": {anna.user_id: {"*": {"hello": 1}}}}
        (await guest.put(f"{V3}/sendToDevice/org.example/1", to_device)).ok()
        name = f"{V3}/profile/{q(guest.user_id)}/displayname"
        (await guest.put(name, {"displayname": "Visitor"})).ok()
        own = f"{V3}/devices/{q(guest.device_id)}"
        (await guest.put(own, {"display_name": "Telephone"})).ok()
        assert (await guest.get(own)).ok()["display_name"] == "Telephone"
        (await guest.post(f"{V3}/keys/upload", {})).ok()
        (await guest.post(f"{V3}/keys/query", {"device_keys": {anna.user_id: []}})).ok()
        (await guest.post(f"{V3}/keys/claim", {"one_time_keys": {}})).ok()
        for path in (
            f"{V3}/devices",
            f"{V3}/account/whoami",
            f"{V3}/events",
            f"{room}/state",
            f"{room}/state/org.example.state/key",
            f"{room}/members",
            f"{room}/messages?dir=b",
            f"{room}/initialSync",
            f"{room}/event/{event_id}",
            f"{room}/context/{event_id}",
            name,
        ):
            (await guest.get(path)).ok()
        media = image.removeprefix("mxc://")
        for path in (f"/media/download/{media}", f"/media/download/{media}/b.txt"):
            assert (await guest.get(V1 + path)).raw == b"hello"
        news = (await guest.get(f"{V3}/sync?since={since}")).ok()
        assert news["rooms"]["join"][room_id]["timeline"]["events"][-1]["type"] in (
            "org.example.state",
            "m.room.member",
        )
        (await guest.post(f"{room}/leave")).ok()


async def test_guests_who_are_invited_need_the_rooms_consent_too(tmp_path: Path) -> None:
    async with running_server(tmp_path, guest_access=True) as server:
        anna, guest = await server.register("anna"), await register_guest(server)
        body = {"preset": "public_chat", "invite": [guest.user_id]}
        room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
        refused = await guest.post(f"{V3}/join/{q(room_id)}")
        assert (refused.status, refused.errcode) == (403, "M_GUEST_ACCESS_FORBIDDEN")
        own = f"{V3}/rooms/{q(room_id)}/state/m.room.member/{q(guest.user_id)}"
        refused = await guest.put(own, {"membership": "join"})
        assert (refused.status, refused.errcode) == (403, "M_GUEST_ACCESS_FORBIDDEN")
        (await guest.post(f"{V3}/rooms/{q(room_id)}/leave")).ok()
