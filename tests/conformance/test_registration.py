"""Registration over the whole stack: its flows, its names, its tokens."""

import re
from pathlib import Path
from urllib.parse import urlencode

from tests.client import PASSWORD, Answer, Client, running_server

from zajil.services.accounts.administer_tokens import create_token

V3 = "/_matrix/client/v3"
TERMS = "privacy_policy 1.0 en https://example.org/privacy Privacy policy"


async def test_register_takes_the_dummy_flow(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anybody = server.client()
        first = await anybody.post(f"{V3}/register", {"username": "anna", "password": PASSWORD})
        assert first.status == 401
        assert "errcode" not in first.body
        assert {"stages": ["m.login.dummy"]} in first.body["flows"]
        auth = {"type": "m.login.dummy", "session": first.body["session"]}
        second = await anybody.post(f"{V3}/register", {"username": "anna", "password": PASSWORD, "auth": auth})
        answer = second.ok()
        assert answer["user_id"] == "@anna:localhost"
        assert re.fullmatch(r"[A-Z]{10}", answer["device_id"])
        again = await anybody.post(f"{V3}/register", {"username": "Anna", "password": PASSWORD})
        assert (again.status, again.errcode) == (400, "M_USER_IN_USE")


async def test_register_without_a_name_gives_an_anonymous_id(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        ids = {(await server.register()).user_id for _ in range(5)}
        assert len(ids) == 5
        assert all(re.fullmatch(r"@[a-hjkmnp-z2-9]{8}:localhost", each) for each in ids)


async def test_names_and_passwords_are_checked_before_anything_else(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:

        async def refused(**body: object) -> tuple[int, str]:
            answer = await server.client().post(f"{V3}/register", body)
            return answer.status, answer.errcode

        for name in ("a b", "anna:x", "é", "", "@anna:elsewhere.org", "x" * 250):
            assert await refused(username=name, password=PASSWORD) == (400, "M_INVALID_USERNAME"), name
        assert await refused(username="_bridge", password=PASSWORD) == (400, "M_EXCLUSIVE")
        assert await refused(username="anna", password="short") == (400, "M_WEAK_PASSWORD")
        assert await refused(username="anna", password="x" * 513) == (400, "M_INVALID_PARAM")
        assert await refused(username=7, password=PASSWORD) == (400, "M_BAD_JSON")
        assert await refused(auth="dummy") == (400, "M_BAD_JSON")
        assert await refused(device_id="a\nb") == (400, "M_INVALID_PARAM")
        assert await refused(auth={"type": "m.login.dummy"}) == (400, "M_MISSING_PARAM")
        wrong = await server.client().post(f"{V3}/register?kind=robot", {})
        assert wrong.errcode == "M_INVALID_PARAM"


async def test_available(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        await server.register("anna")
        path, nobody = f"{V3}/register/available", server.client()
        assert (await nobody.get(f"{path}?username=bert")).ok() == {"available": True}
        assert (await nobody.get(f"{path}?username=anna")).errcode == "M_USER_IN_USE"
        assert (await nobody.get(f"{path}?username=%2F%2F")).ok() == {"available": True}
        assert (await nobody.get(f"{path}?username=a%20b")).errcode == "M_INVALID_USERNAME"
        assert (await nobody.get(path)).errcode == "M_MISSING_PARAM"


async def test_inhibit_login(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        body = {"username": "anna", "password": PASSWORD, "inhibit_login": True, "auth": {"type": "m.login.dummy"}}
        answer = (await server.client().post(f"{V3}/register", body)).ok()
        assert set(answer) == {"user_id", "home_server"}
        assert (await server.login("anna")).user_id == "@anna:localhost"


async def register_with_token(client: Client, name: str, token: str, session: str | None = None) -> Answer:
    auth = {"type": "m.login.registration_token", "token": token, "session": session}
    return await client.post(f"{V3}/register", {"username": name, "password": PASSWORD, "auth": auth})


async def test_registration_by_token(tmp_path: Path) -> None:
    async with running_server(tmp_path, registration="token") as server:
        nobody = server.client()
        flows = (await nobody.post(f"{V3}/register", {})).body["flows"]
        assert flows == [{"stages": ["m.login.registration_token"]}]
        await create_token(server.app, token="invite", uses_max=1)
        validity = "/_matrix/client/v1/register/m.login.registration_token/validity"
        assert (await nobody.get(f"{validity}?token=invite")).ok() == {"valid": True}
        assert (await nobody.get(f"{validity}?token=other")).ok() == {"valid": False}
        wrong = await register_with_token(nobody, "anna", "other")
        assert (wrong.status, wrong.errcode) == (401, "M_FORBIDDEN")
        assert wrong.body["completed"] == []
        (await register_with_token(nobody, "anna", "invite")).ok()
        assert (await nobody.get(f"{validity}?token=invite")).ok() == {"valid": False}
        assert (await register_with_token(nobody, "bert", "invite")).status == 401
        dummy = {"username": "bert", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        assert (await nobody.post(f"{V3}/register", dummy)).errcode == "M_UNRECOGNIZED"


async def test_the_setup_token_makes_one_administrator(tmp_path: Path) -> None:
    async with running_server(tmp_path, registration="closed") as server:
        token = server.asgi.setup_token
        admin = (await register_with_token(server.client(), "admin", token)).ok()
        account = await server.app.stores.accounts.load_account(server.app.db.reader, admin["user_id"])
        assert account is not None and account.is_admin
        second = await register_with_token(server.client(), "second", token)
        assert (second.status, second.errcode) == (403, "M_FORBIDDEN")
    async with running_server(tmp_path, registration="closed") as server:
        assert server.asgi.setup_token == ""


async def test_an_unused_setup_token_stays(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        token = server.asgi.setup_token
        await server.register("anna")
    async with running_server(tmp_path) as server:
        assert server.asgi.setup_token == token != ""


async def test_stages_of_a_longer_flow_are_remembered(tmp_path: Path) -> None:
    async with running_server(tmp_path, registration="token", terms=(TERMS,)) as server:
        nobody, body = server.client(), {"username": "anna", "password": PASSWORD}
        await create_token(server.app, token="invite")
        first = (await nobody.post(f"{V3}/register", body)).body
        assert first["flows"] == [{"stages": ["m.login.registration_token", "m.login.terms"]}]
        policies = first["params"]["m.login.terms"]["policies"]
        english = {"name": "Privacy policy", "url": "https://example.org/privacy"}
        assert policies == {"privacy_policy": {"version": "1.0", "en": english}}
        session = first["session"]
        second = await register_with_token(nobody, "anna", "invite", session)
        assert second.status == 401
        assert second.body["completed"] == ["m.login.registration_token"]
        assert "errcode" not in second.body
        alone = {**body, "auth": {"type": "m.login.terms"}}
        assert (await nobody.post(f"{V3}/register", alone)).status == 401
        last = {**body, "auth": {"type": "m.login.terms", "session": session}}
        (await nobody.post(f"{V3}/register", last)).ok()
        replay = {**body, "username": "bert", "auth": {"session": session}}
        assert (await nobody.post(f"{V3}/register", replay)).status == 401


async def test_a_stage_in_the_browser(tmp_path: Path) -> None:
    async with running_server(tmp_path, terms=(TERMS,)) as server:
        nobody, body = server.client(), {"username": "anna", "password": PASSWORD}
        session = (await nobody.post(f"{V3}/register", body)).body["session"]
        path = f"{V3}/auth/m.login.terms/fallback/web"
        page = await nobody.get(f"{path}?session={session}")
        assert page.status == 200 and b"https://example.org/privacy" in page.raw
        evil = await nobody.get(f"{path}?session=%22%3E%3Cscript%3E")
        assert b"<script>" not in evil.raw
        forged = await nobody.post(path, urlencode({"session": "1.2.3"}).encode())
        assert forged.status == 403
        assert (await nobody.post(path, urlencode({"session": session}).encode())).status == 200
        (await nobody.post(f"{V3}/register", {**body, "auth": {"session": session}})).ok()
        assert (await nobody.get(f"{V3}/auth/m.login.sso/fallback/web?session=x")).status == 404


async def test_sessions_expire(tmp_path: Path) -> None:
    async with running_server(tmp_path, registration="token", terms=(TERMS,)) as server:
        nobody = server.client()
        await create_token(server.app, token="invite")
        session = (await nobody.post(f"{V3}/register", {})).body["session"]
        head, _, rest = session.partition(".")
        older = f"{int(head, 16) + 1:x}.{rest}"
        answer = await register_with_token(nobody, "anna", "invite", older)
        assert answer.body["session"] not in (session, older)


async def test_guests(tmp_path: Path) -> None:
    async with running_server(tmp_path, guest_access=True) as server:
        guest_answer = (await server.client().post(f"{V3}/register?kind=guest", {"username": "x"})).ok()
        guest = Client(server, guest_answer["access_token"], guest_answer["user_id"], guest_answer["device_id"])
        assert (await guest.get(f"{V3}/account/whoami")).ok()["is_guest"] is True
        forbidden = await guest.post(f"{V3}/createRoom", {})
        assert (forbidden.status, forbidden.errcode) == (403, "M_GUEST_ACCESS_FORBIDDEN")
        localpart = guest.user_id[1:].partition(":")[0]
        body = {
            "password": PASSWORD,
            "guest_access_token": guest.access_token,
            "auth": {"type": "m.login.dummy"},
        }
        assert (await guest.post(f"{V3}/register", {**body, "username": "other"})).errcode == "M_FORBIDDEN"
        user = (await guest.post(f"{V3}/register", {**body, "username": localpart})).ok()
        assert user["user_id"] == guest.user_id
        assert (await guest.get(f"{V3}/account/whoami")).errcode == "M_UNKNOWN_TOKEN"
        again = await server.login(guest.user_id)
        assert (await again.get(f"{V3}/account/whoami")).ok()["is_guest"] is False


async def test_guests_stay_out_unless_let_in(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        answer = await server.client().post(f"{V3}/register?kind=guest", {})
        assert (answer.status, answer.errcode) == (403, "M_GUEST_ACCESS_FORBIDDEN")
