"""Logging in, tokens and their ends, over the whole stack."""

import asyncio
from pathlib import Path

import pytest
from tests.client import PASSWORD, Client, InProcessServer, q, running_server

from zajil.services.accounts.administer_users import set_standing
from zajil.services.rate_limits import LIMITS, Limit

V3 = "/_matrix/client/v3"
V1 = "/_matrix/client/v1"


def password_body(user: str, password: str = PASSWORD) -> dict[str, object]:
    return {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password}


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


async def test_every_way_to_name_a_user(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        await server.register("anna")
        nobody = server.client()
        for user in ("anna", "Anna", "@anna:localhost"):
            assert (await nobody.post(f"{V3}/login", password_body(user))).ok()["user_id"] == "@anna:localhost"
        old = {"type": "m.login.password", "user": "anna", "password": PASSWORD}
        assert (await nobody.post("/_matrix/client/r0/login", old)).status == 200


async def test_login_refuses(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        await server.register("anna")

        async def refused(body: object) -> tuple[int, str]:
            answer = await server.client().post(f"{V3}/login", body)
            return answer.status, answer.errcode

        assert await refused(password_body("anna", "wrong password")) == (403, "M_FORBIDDEN")
        assert await refused(password_body("nobody")) == (403, "M_FORBIDDEN")
        assert await refused(password_body("@anna:elsewhere.org")) == (403, "M_FORBIDDEN")
        assert await refused(password_body("anna", "x" * 100_000)) == (403, "M_FORBIDDEN")
        mail = {"type": "m.id.thirdparty", "medium": "email", "address": "a@b"}
        assert await refused({**password_body("x"), "identifier": mail}) == (403, "M_FORBIDDEN")
        assert await refused({**password_body("x"), "identifier": {"type": "m.id.x"}}) == (400, "M_UNKNOWN")
        assert await refused({**password_body("x"), "identifier": {"type": "m.id.user", "user": 1}}) == (
            400,
            "M_BAD_JSON",
        )
        assert await refused({"type": "m.login.sso"}) == (400, "M_UNKNOWN")
        assert await refused({}) == (400, "M_MISSING_PARAM")
        assert await refused({"type": "m.login.password", "user": "anna"}) == (400, "M_MISSING_PARAM")
        assert await refused(b"not json") == (400, "M_NOT_JSON")
        assert await refused(b'{"type":"m.login.password","user":"a\\u0000","password":"x"}') == (400, "M_BAD_JSON")


async def test_flows(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        flows = (await server.client().get(f"{V3}/login")).ok()["flows"]
        assert {"type": "m.login.password"} in flows
        assert {"type": "m.login.token", "get_login_token": True} in flows


async def test_a_known_device_gets_new_tokens_and_keeps_its_name(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        first = await server.register("anna", device_id="PHONE", initial_device_display_name="Old")
        second = await server.login("anna", device_id="PHONE", initial_device_display_name="New")
        assert (await first.get(f"{V3}/account/whoami")).errcode == "M_UNKNOWN_TOKEN"
        assert (await second.get(f"{V3}/devices/PHONE")).ok()["display_name"] == "Old"


async def test_login_tokens_work_once(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        assert (await anna.post(f"{V1}/login/get_token")).status == 401
        got = (await anna.post(f"{V1}/login/get_token", {"auth": anna.password_auth()})).ok()
        assert got["expires_in_ms"] <= 120_000
        body = {"type": "m.login.token", "token": got["login_token"]}
        assert (await server.client().post(f"{V3}/login", body)).ok()["user_id"] == anna.user_id
        again = await server.client().post(f"{V3}/login", body)
        assert (again.status, again.errcode) == (403, "M_FORBIDDEN")


async def refresh(client: Client) -> Client:
    answer = (await client.server.client().post(f"{V3}/refresh", {"refresh_token": client.refresh_token})).ok()
    return Client(client.server, answer["access_token"], client.user_id, client.device_id, answer["refresh_token"])


async def whoami(client: Client) -> str:
    return (await client.get(f"{V3}/account/whoami")).errcode


async def test_refresh_can_be_repeated_until_its_answer_is_used(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        first = await server.register("anna", refresh_token=True)
        assert await whoami(first) == ""
        lost = await refresh(first)
        second = await refresh(first)
        assert await whoami(lost) == "M_UNKNOWN_TOKEN"
        assert await whoami(first) == ""
        assert await whoami(second) == ""
        # From here on the tokens before the second pair are dead.
        assert await whoami(first) == "M_UNKNOWN_TOKEN"
        dead = await server.client().post(f"{V3}/refresh", {"refresh_token": first.refresh_token})
        assert (dead.status, dead.errcode) == (401, "M_UNKNOWN_TOKEN")
        third = await refresh(second)
        fourth = await refresh(third)
        assert await whoami(fourth) == ""
        assert await whoami(third) == "M_UNKNOWN_TOKEN"
        (await fourth.post(f"{V3}/logout")).ok()
        gone = await server.client().post(f"{V3}/refresh", {"refresh_token": fourth.refresh_token})
        assert gone.status == 401


async def test_expired_tokens_are_a_soft_logout(tmp_path: Path) -> None:
    async with running_server(tmp_path, access_token_lifetime_s=30) as server:
        anna = await server.register("anna", refresh_token=True)
        assert await whoami(anna) == ""
        clock = server.app.clock
        server.app.clock = Later(clock.now_ms() + 31_000)  # type: ignore[assignment]
        expired = await anna.get(f"{V3}/account/whoami")
        assert (expired.status, expired.errcode, expired.body["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", True)
        assert await whoami(await refresh(anna)) == ""


class Later:
    """A clock that stands still."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_s(self) -> float:
        return self._now_ms / 1000


async def test_locked_accounts_cannot_log_in_or_refresh(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna", refresh_token=True)
        await set_standing(server.app, anna.user_id, is_locked=True)
        for path, body in (
            ("/login", password_body("anna")),
            ("/refresh", {"refresh_token": anna.refresh_token}),
        ):
            answer = await server.client().post(f"{V3}{path}", body)
            assert (answer.status, answer.errcode) == (401, "M_USER_LOCKED")


async def test_the_command_line_in_another_process_is_noticed(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, running_server(tmp_path) as other:
        anna = await server.register("anna")
        assert await whoami(anna) == ""
        assert await whoami(Client(other, anna.access_token)) == ""
        await set_standing(other.app, anna.user_id, is_locked=True)
        for _ in range(100):
            if await whoami(anna) == "M_USER_LOCKED":
                break
            await asyncio.sleep(0.02)
        assert await whoami(anna) == "M_USER_LOCKED"


async def test_wrong_passwords_are_limited_per_account_and_network(tmp_path: Path) -> None:
    async with running_server(tmp_path, rate_limits=True) as server:
        await server.register("anna")
        await server.register("bert")

        async def attempt(password: str, ip: str, user: str = "anna") -> tuple[int, str]:
            answer = await server.client(ip).post(f"{V3}/login", password_body(user, password))
            return answer.status, answer.headers.get("retry-after", "")

        outcomes = [await attempt("wrong", f"2001:db8::{number}") for number in range(12)]
        assert outcomes[:10] == [(403, "")] * 10
        status, retry_after = outcomes[10]
        assert status == 429 and int(retry_after) > 0
        assert (await attempt(PASSWORD, "2001:db8::1"))[0] == 429
        # The owner elsewhere, and others in the same network, are not shut out.
        assert (await attempt(PASSWORD, "192.0.2.99"))[0] == 200
        assert (await attempt(PASSWORD, "2001:db8::1", "bert"))[0] == 200


async def test_guessing_from_everywhere_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "failed_login_anywhere", Limit(60, 3))
    async with running_server(tmp_path, rate_limits=True) as server:
        await server.register("anna")
        login = f"{V3}/login"
        body = password_body("anna", "wrong")
        statuses = [(await server.client(f"192.0.2.{number}").post(login, body)).status for number in range(5)]
        assert statuses == [403, 403, 403, 429, 429]


async def test_tokens_are_stored_as_hashes_only(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna", refresh_token=True)
        assert anna.access_token is not None and len(anna.access_token) >= 36
        await assert_not_in_database(server, anna.access_token, anna.refresh_token or "-")
    files = b"".join(path.read_bytes() for path in tmp_path.glob("zajil.db*"))
    if not files:
        return  # another engine keeps its files elsewhere
    assert anna.access_token.encode() not in files
    assert b"$argon2id$" in files


async def assert_not_in_database(server: InProcessServer, *secrets: str) -> None:
    for table in ("access_tokens", "refresh_tokens"):
        for row in await server.app.db.reader.fetch(f"SELECT * FROM {table}"):
            for secret in secrets:
                assert secret not in row and secret.encode() not in row


async def test_old_clients_may_send_the_token_in_the_query(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        path = f"{V3}/account/whoami?access_token={q(anna.access_token or '')}"
        assert (await server.client().get(path)).status == 200
        assert (await server.client().get(f"{V3}/account/whoami?access_token=x")).errcode == "M_UNKNOWN_TOKEN"
        long = await Client(server, "x" * 5000).get(f"{V3}/account/whoami")
        assert (long.status, long.errcode) == (401, "M_UNKNOWN_TOKEN")
