"""Registration and log-in over the whole stack."""

import re
from pathlib import Path

from tests.client import PASSWORD, running_server

V3 = "/_matrix/client/v3"


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


async def test_login_with_password_and_logout(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        phone = await server.login("anna", device_id="PHONE")
        assert phone.device_id == "PHONE"
        assert phone.access_token != anna.access_token
        assert (await phone.post(f"{V3}/logout")).ok() == {}
        after = await phone.post(f"{V3}/logout")
        assert (after.status, after.errcode) == (401, "M_UNKNOWN_TOKEN")
        assert after.body["soft_logout"] is False
        assert (await anna.post(f"{V3}/logout/all")).ok() == {}
        assert (await anna.post(f"{V3}/logout")).status == 401
