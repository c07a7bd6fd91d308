"""The user directory, mutual rooms, reports, and discovery over the whole stack."""

import hashlib
import hmac
from pathlib import Path

from tests.client import Client, InProcessServer, q, running_server

from zajil.services.accounts.report_content import list_reports, resolve_report

V3 = "/_matrix/client/v3"


async def make_room(owner: Client, *members: Client, preset: str = "public_chat") -> str:
    room_id: str = (await owner.post(f"{V3}/createRoom", {"preset": preset})).ok()["room_id"]
    for member in members:
        (await member.post(f"{V3}/join/{q(room_id)}")).ok()
    return room_id


async def search(client: Client, term: str, limit: int = 10) -> list[str]:
    body = {"search_term": term, "limit": limit}
    answer = (await client.post(f"{V3}/user_directory/search", body)).ok()
    return [each["user_id"] for each in answer["results"]]


async def test_directory_shows_only_who_is_visible(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert, dora = [await server.register(name) for name in ("anna", "bert", "dora")]
        (await bert.put(f"{V3}/profile/{q(bert.user_id)}/displayname", {"displayname": "أحمد السعيد"})).ok()
        assert await search(anna, "bert") == []
        await make_room(bert, preset="private_chat")
        assert await search(anna, "bert") == []
        await make_room(bert)
        assert await search(anna, "be") == ["@bert:localhost"]
        assert await search(anna, "احمد") == ["@bert:localhost"]
        assert await search(anna, "السعيد احمد") == ["@bert:localhost"]
        assert await search(anna, "@bert:localhost") == ["@bert:localhost"]
        assert await search(anna, "dora") == await search(bert, "bert") == await search(anna, "") == []
        assert dora.user_id == "@dora:localhost"


async def test_mutual_rooms(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        rooms = sorted([await make_room(anna, bert) for _ in range(2)])
        await make_room(anna)
        path = "/_matrix/client/v1/mutual_rooms"
        answer = (await anna.get(f"{path}?user_id={q(bert.user_id)}")).ok()
        assert answer == {"joined": rooms, "count": 2}
        assert (await anna.get(f"{path}?user_id={q('@x:localhost')}")).ok() == {"joined": [], "count": 0}
        assert (await anna.get(f"{path}?user_id=nonsense")).errcode == "M_INVALID_PARAM"
        assert (await anna.get(path)).errcode == "M_MISSING_PARAM"


async def test_reports_reach_the_operator(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        room_id = await make_room(bert)
        send = f"{V3}/rooms/{q(room_id)}/send/m.room.message/1"
        event_id = (await bert.put(send, {"msgtype": "m.text", "body": "x"})).ok()["event_id"]
        (await anna.post(f"{V3}/users/{q(bert.user_id)}/report", {"reason": "rude"})).ok()
        (await anna.post(f"{V3}/rooms/{q(room_id)}/report", {})).ok()
        event = f"{V3}/rooms/{q(room_id)}/report/{q(event_id)}"
        assert (await anna.post(event, {"score": -100})).errcode == "M_NOT_FOUND"
        (await anna.post(f"{V3}/join/{q(room_id)}")).ok()
        (await anna.post(event, {"score": -100})).ok()
        assert (await anna.post(event, {"reason": 5})).errcode == "M_BAD_JSON"
        assert (await anna.post(f"{V3}/users/{q('@x:localhost')}/report", {})).errcode == "M_NOT_FOUND"
        reports = await list_reports(server.app)
        assert [(each.user_id, each.room_id, each.event_id) for each in reports] == [
            (bert.user_id, None, None),
            (None, room_id, None),
            (None, room_id, event_id),
        ]
        await resolve_report(server.app, reports[0].report_id)
        assert len(await list_reports(server.app)) == 2
        assert len(await list_reports(server.app, with_resolved=True)) == 3


async def test_discovery(tmp_path: Path) -> None:
    options = {
        "public_base_url": "https://chat.example.org",
        "admin_contact": "help@example.org",
        "turn_uris": ("turn:turn.example.org",),
        "turn_secret": "s",
    }
    async with running_server(tmp_path, **options) as server:
        nobody, anna = server.client(), await server.register("anna")
        assert "v1.19" in (await nobody.get("/_matrix/client/versions")).ok()["versions"]
        well_known = "/.well-known/matrix"
        base = {"m.homeserver": {"base_url": "https://chat.example.org"}}
        assert (await nobody.get(f"{well_known}/client")).ok() == base
        assert (await nobody.get(f"{well_known}/server")).ok() == {"m.server": "chat.example.org:443"}
        contact = {"email_address": "help@example.org", "role": "m.role.admin"}
        assert (await nobody.get(f"{well_known}/support")).ok() == {"contacts": [contact]}
        capabilities = (await anna.get(f"{V3}/capabilities")).ok()["capabilities"]
        assert capabilities["m.room_versions"]["default"] == "12"
        assert "m.account_moderation" not in capabilities
        turn = (await anna.get(f"{V3}/voip/turnServer")).ok()
        assert "anna" not in turn["username"] and turn["uris"] == ["turn:turn.example.org"]
        assert (await anna.get(f"{V3}/thirdparty/protocols")).ok() == {}
        assert (await anna.get(f"{V3}/thirdparty/user")).ok() == []


async def test_openid(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        path = f"{V3}/user/{q(anna.user_id)}/openid/request_token"
        assert (await bert.post(path)).errcode == "M_FORBIDDEN"
        token = (await anna.post(path)).ok()["access_token"]
        userinfo = "/_matrix/federation/v1/openid/userinfo"
        assert (await server.client().get(f"{userinfo}?access_token={token}")).ok() == {"sub": anna.user_id}
        assert (await server.client().get(f"{userinfo}?access_token=x")).errcode == "M_UNKNOWN_TOKEN"
        # It is no access token.
        anna.access_token = token
        assert (await anna.get(f"{V3}/account/whoami")).errcode == "M_UNKNOWN_TOKEN"


def build_mac(secret: str, *parts: str) -> str:
    return hmac.new(secret.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()


async def register_with_secret(server: InProcessServer, nonce: str, secret: str) -> tuple[int, str]:
    mac = build_mac(secret, nonce, "tool", "pw", "admin")
    body = {"nonce": nonce, "username": "tool", "password": "pw", "admin": True, "mac": mac}
    answer = await server.client().post("/_synapse/admin/v1/register", body)
    return answer.status, answer.errcode


async def test_shared_secret_registration(tmp_path: Path) -> None:
    async with running_server(tmp_path, registration="closed", registration_shared_secret="s3") as server:
        nonce = (await server.client().get("/_synapse/admin/v1/register")).ok()["nonce"]
        assert await register_with_secret(server, nonce, "wrong") == (403, "M_FORBIDDEN")
        assert await register_with_secret(server, "1.2.3", "s3") == (400, "M_UNKNOWN")
        assert await register_with_secret(server, nonce, "s3") == (200, "")
        assert (await register_with_secret(server, nonce, "s3"))[0] == 400
        account = await server.app.stores.accounts.load_account(server.app.db.reader, "@tool:localhost")
        assert account is not None and account.is_admin


async def test_shared_secret_registration_is_unknown_without_a_secret(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        answer = await server.client().get("/_synapse/admin/v1/register")
        assert (answer.status, answer.errcode) == (404, "M_UNRECOGNIZED")
