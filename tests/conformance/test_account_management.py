"""Passwords, devices, deactivation, locking and suspension over the whole stack."""

from pathlib import Path

from tests.client import PASSWORD, Client, q, running_server

from zajil.ports.database import Transaction

V3 = "/_matrix/client/v3"
V1 = "/_matrix/client/v1"


async def test_whoami(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        assert (await anna.get(f"{V3}/account/whoami")).ok() == {
            "user_id": "@anna:localhost",
            "device_id": anna.device_id,
            "is_guest": False,
        }
        nobody = await server.client().get(f"{V3}/account/whoami")
        assert (nobody.status, nobody.errcode) == (401, "M_MISSING_TOKEN")


async def test_password_change_ends_other_sessions(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, phone = await server.register("anna"), await server.login("anna")
        path, body = f"{V3}/account/password", {"new_password": "another one entirely"}
        challenge = await anna.post(path, body)
        assert challenge.status == 401
        assert challenge.body["flows"] == [{"stages": ["m.login.password"]}]
        session = challenge.body["session"]
        wrong = await anna.post(path, {**body, "auth": anna.password_auth(session, "wrong")})
        assert (wrong.status, wrong.errcode, wrong.body["session"]) == (401, "M_FORBIDDEN", session)
        assert (await anna.post(path, {"new_password": "short"})).errcode == "M_WEAK_PASSWORD"
        (await anna.post(path, {**body, "auth": anna.password_auth(session)})).ok()
        assert (await anna.get(f"{V3}/account/whoami")).status == 200
        assert (await phone.get(f"{V3}/account/whoami")).errcode == "M_UNKNOWN_TOKEN"
        identifier = {"type": "m.id.user", "user": "anna"}
        login = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
        assert (await server.client().post(f"{V3}/login", login)).errcode == "M_FORBIDDEN"
        (await server.client().post(f"{V3}/login", {**login, "password": "another one entirely"})).ok()


async def test_a_session_of_one_operation_is_none_of_another(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        session = (await anna.post(f"{V3}/account/password", {"new_password": "x" * 12})).body["session"]
        answer = await anna.post(f"{V3}/account/deactivate", {"auth": {"session": session}})
        assert answer.status == 401
        assert answer.body["session"] != session


async def test_devices(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna", device_id="LAPTOP", initial_device_display_name="Laptop")
        phone = await server.login("anna", device_id="PHONE")
        listed = (await anna.get(f"{V3}/devices")).ok()["devices"]
        assert [(each["device_id"], each.get("display_name")) for each in listed] == [
            ("LAPTOP", "Laptop"),
            ("PHONE", None),
        ]
        (await anna.put(f"{V3}/devices/PHONE", {"display_name": "Phone"})).ok()
        assert (await anna.get(f"{V3}/devices/PHONE")).ok()["display_name"] == "Phone"
        assert (await anna.get(f"{V3}/devices/OTHER")).errcode == "M_NOT_FOUND"
        assert (await anna.put(f"{V3}/devices/OTHER", {})).errcode == "M_NOT_FOUND"
        assert (await anna.delete(f"{V3}/devices/PHONE")).status == 401
        (await anna.delete(f"{V3}/devices/PHONE", {"auth": anna.password_auth()})).ok()
        assert (await phone.get(f"{V3}/devices")).errcode == "M_UNKNOWN_TOKEN"
        bert = await server.register("bert")
        assert (await bert.get(f"{V3}/devices/LAPTOP")).errcode == "M_NOT_FOUND"
        foreign = await bert.post(f"{V3}/delete_devices", {"devices": ["LAPTOP"], "auth": anna.password_auth()})
        assert (foreign.status, foreign.errcode) == (401, "M_FORBIDDEN")
        (await bert.post(f"{V3}/delete_devices", {"devices": ["LAPTOP"], "auth": bert.password_auth()})).ok()
        assert (await anna.get(f"{V3}/devices/LAPTOP")).status == 200


async def test_last_seen_is_coarse(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        anna.ip = "203.0.113.77"
        assert "last_seen_ts" not in (await anna.get(f"{V3}/devices/{anna.device_id}")).ok()
        await server.app.sightings.flush()
        device = (await anna.get(f"{V3}/devices/{anna.device_id}")).ok()
        assert device["last_seen_ip"] == "203.0.113.0"
        assert device["last_seen_ts"] % (15 * 60 * 1000) == 0


async def test_deactivation_is_for_good(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        room_id = (await anna.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        (await bert.post(f"{V3}/join/{q(room_id)}")).ok()
        (await anna.put(f"{V3}/profile/{q(anna.user_id)}/displayname", {"displayname": "Anna"})).ok()
        gone: list[str] = []

        async def note(_tx: Transaction, user_id: str) -> None:
            gone.append(user_id)

        server.app.device_hooks.account_deactivated.append(note)
        path = f"{V3}/account/deactivate"
        assert (await anna.post(path)).status == 401
        answer = await anna.post(path, {"erase": True, "auth": anna.password_auth()})
        assert answer.ok() == {"id_server_unbind_result": "success"}
        assert gone == [anna.user_id]
        assert (await anna.get(f"{V3}/account/whoami")).errcode == "M_UNKNOWN_TOKEN"
        assert (await bert.get(f"{V3}/profile/{q(anna.user_id)}")).errcode == "M_NOT_FOUND"
        taken = await server.client().post(f"{V3}/register", {"username": "anna", "password": PASSWORD})
        assert taken.errcode == "M_USER_IN_USE"
        identifier = {"type": "m.id.user", "user": "anna"}
        login = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
        refused = await server.client().post(f"{V3}/login", login)
        assert (refused.status, refused.errcode) == (403, "M_USER_DEACTIVATED")
        await server.app.account_tasks.finish()
        reader = server.app.db.reader
        left = await server.app.stores.rooms.load_memberships_of_user(reader, anna.user_id, ["join", "leave"])
        assert [row.membership for row in left] == ["leave"]
        account = await server.app.stores.accounts.load_account(reader, anna.user_id)
        assert account is not None and account.erased_position and account.password_hash is None


async def test_lock(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        admin, anna = await server.register_admin(), await server.register("anna")
        path = f"{V1}/admin/lock/{q(anna.user_id)}"
        assert (await anna.get(path)).errcode == "M_FORBIDDEN"
        assert (await admin.get(path)).ok() == {"locked": False}
        assert (await admin.put(path, {"locked": True})).ok() == {"locked": True}
        locked = await anna.get(f"{V3}/account/whoami")
        assert (locked.status, locked.errcode, locked.body["soft_logout"]) == (401, "M_USER_LOCKED", True)
        (await admin.put(path, {"locked": False})).ok()
        (await anna.get(f"{V3}/account/whoami")).ok()
        (await admin.put(path, {"locked": True})).ok()
        (await anna.post(f"{V3}/logout")).ok()


async def test_suspension(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        admin, anna = await server.register_admin(), await server.register("anna")
        path = f"{V1}/admin/suspend/{q(anna.user_id)}"
        assert (await admin.put(path, {"suspended": True})).ok() == {"suspended": True}
        assert (await admin.get(path)).ok() == {"suspended": True}
        (await anna.get(f"{V3}/account/whoami")).ok()
        name = await anna.put(f"{V3}/profile/{q(anna.user_id)}/displayname", {"displayname": "x"})
        assert (name.status, name.errcode) == (403, "M_USER_SUSPENDED")


async def test_who_may_be_locked(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        admin = await server.register_admin()

        async def lock(user_id: str) -> tuple[int, str]:
            answer = await admin.put(f"{V1}/admin/lock/{q(user_id)}", {"locked": True})
            return answer.status, answer.errcode

        assert await lock(admin.user_id) == (403, "M_FORBIDDEN")
        assert await lock("@anna:elsewhere.org") == (400, "M_INVALID_PARAM")
        assert await lock("@nobody:localhost") == (404, "M_NOT_FOUND")
        assert (await admin.put(f"{V1}/admin/lock/{q('@x:localhost')}", {"locked": "yes"})).errcode == "M_BAD_JSON"


async def test_third_party_identifiers_are_not_kept(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        assert (await anna.get(f"{V3}/account/3pid")).ok() == {"threepids": []}
        for path in ("/account/3pid", "/account/3pid/email/requestToken", "/register/msisdn/requestToken"):
            answer = await anna.post(f"{V3}{path}", {})
            assert (answer.status, answer.errcode) == (403, "M_THREEPID_DENIED")


async def test_erased_messages_are_redacted_for_who_comes_later(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert, dora = [await server.register(name) for name in ("anna", "bert", "dora")]
        room_id = (await anna.post(f"{V3}/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        room = f"{V3}/rooms/{q(room_id)}"
        (await anna.put(f"{room}/send/m.room.message/1", {"msgtype": "m.text", "body": "hello"})).ok()
        (await bert.post(f"{V3}/join/{q(room_id)}")).ok()

        async def read(client: Client) -> list[dict[str, object]]:
            page = (await client.get(f"{room}/messages?dir=b&limit=50")).ok()["chunk"]
            return [each["content"] for each in page if each["type"] == "m.room.message"]

        whole = [{"msgtype": "m.text", "body": "hello"}]
        assert await read(bert) == whole
        (await anna.post(f"{V3}/account/deactivate", {"erase": True, "auth": anna.password_auth()})).ok()
        (await dora.post(f"{V3}/join/{q(room_id)}")).ok()
        assert await read(dora) == [{}]
        assert await read(bert) == whole


async def test_privacy_settings_are_checked(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, app = await server.register("anna"), server.app
        path = f"{V3}/user/{q(anna.user_id)}/account_data/org.zajil.privacy"
        for wrong in ({"last_seen": "friends"}, {"read_receipts": 1}, {"delivered": "no"}):
            assert (await anna.put(path, wrong)).errcode == "M_BAD_JSON"
        assert (await app.privacy.load(app.db.reader, anna.user_id)).last_seen == "everyone"
        (await anna.put(path, {"last_seen": "nobody", "read_receipts": False})).ok()
        settings = await app.privacy.load(app.db.reader, anna.user_id)
        assert (settings.last_seen, settings.read_receipts, settings.delivered) == ("nobody", False, True)
