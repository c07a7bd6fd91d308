"""Every endpoint of the client-server API v1.19 that Zajil has: routed, guarded by a token, strict about methods, and open to whom the spec says.

A line is: method, path, whose requests it takes, and what suspended accounts may do with it.
`none` needs no token, `optional` takes one, `guest` serves guests too, `user` registered accounts only, `admin` administrators.
`!` marks what a suspended account must not do (client-server API, "Account suspension").
"""

import re
from pathlib import Path

import pytest
from tests.client import q, running_server

from zajil.http.client_api import load_routes
from zajil.http.router import Auth, Route

WITHOUT_R0 = """
GET  /_matrix/client/versions optional
GET  /.well-known/matrix/client none
GET  /.well-known/matrix/server none
GET  /.well-known/matrix/support none
GET  /.well-known/matrix/policy_server none
GET  /_matrix/federation/v1/openid/userinfo none
POST /_matrix/client/v3/refresh none
GET  /_matrix/client/v1/register/m.login.registration_token/validity none
POST /_matrix/client/v1/login/get_token user
GET  /_matrix/client/v1/admin/lock/{userId} admin
PUT  /_matrix/client/v1/admin/lock/{userId} admin
GET  /_matrix/client/v1/admin/suspend/{userId} admin
PUT  /_matrix/client/v1/admin/suspend/{userId} admin
GET  /_matrix/client/v1/rooms/{roomId}/relations/{eventId} guest
GET  /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType} guest
GET  /_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType} guest
GET  /_matrix/client/v1/rooms/{roomId}/threads guest
GET  /_matrix/client/v1/rooms/{roomId}/hierarchy user
GET  /_matrix/client/v1/rooms/{roomId}/timestamp_to_event user
GET  /_matrix/client/v1/room_summary/{roomIdOrAlias} optional
GET  /_matrix/client/v1/mutual_rooms user
GET  /_matrix/client/v1/media/config guest
GET  /_matrix/client/v1/media/preview_url user
GET  /_matrix/client/v1/media/download/{serverName}/{mediaId} guest
GET  /_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName} guest
GET  /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId} guest
POST /_matrix/client/v3/rooms/{roomId}/report user
POST /_matrix/client/v3/users/{userId}/report user
POST /_matrix/media/v1/create user !
PUT  /_matrix/media/v3/upload/{serverName}/{mediaId} user !
POST /_matrix/push/v1/notify none
POST /_matrix/client/unstable/org.zajil/rooms/{roomId}/invite_links user !
GET  /_matrix/client/unstable/org.zajil/rooms/{roomId}/invite_links user
DELETE /_matrix/client/unstable/org.zajil/rooms/{roomId}/invite_links/{linkId} user
POST /_matrix/client/unstable/org.zajil/rooms/{roomId}/preview_link user
POST /_matrix/client/unstable/org.zajil/rooms/{roomId}/join_by_link guest !
GET  /_synapse/admin/v1/register none
POST /_synapse/admin/v1/register none
"""

MEDIA_WITH_R0 = """
POST /upload user !
GET  /config guest
GET  /preview_url user
GET  /download/{serverName}/{mediaId} none
GET  /download/{serverName}/{mediaId}/{fileName} none
GET  /thumbnail/{serverName}/{mediaId} none
"""

WITH_R0 = """
GET  /capabilities guest
GET  /login none
POST /login none
POST /logout user
POST /logout/all user
POST /register none
GET  /register/available none
POST /register/email/requestToken none
POST /register/msisdn/requestToken none
GET  /auth/{type}/fallback/web none
POST /auth/{type}/fallback/web none
GET  /account/whoami guest
POST /account/password user
POST /account/password/email/requestToken none
POST /account/password/msisdn/requestToken none
POST /account/deactivate user
GET  /account/3pid user
POST /account/3pid user
POST /account/3pid/add user
POST /account/3pid/bind user
POST /account/3pid/delete user
POST /account/3pid/unbind user
POST /account/3pid/email/requestToken none
POST /account/3pid/msisdn/requestToken none
GET  /admin/whois/{userId} user
GET  /devices guest
GET  /devices/{deviceId} guest
PUT  /devices/{deviceId} guest
DELETE /devices/{deviceId} user
POST /delete_devices user
GET  /profile/{userId} optional
GET  /profile/{userId}/{keyName} optional
PUT  /profile/{userId}/{keyName} guest !
DELETE /profile/{userId}/{keyName} user !
POST /user_directory/search user
GET  /user/{userId}/account_data/{type} user
PUT  /user/{userId}/account_data/{type} user
GET  /user/{userId}/rooms/{roomId}/account_data/{type} user
PUT  /user/{userId}/rooms/{roomId}/account_data/{type} user
GET  /user/{userId}/rooms/{roomId}/tags user
PUT  /user/{userId}/rooms/{roomId}/tags/{tag} user
DELETE /user/{userId}/rooms/{roomId}/tags/{tag} user
POST /user/{userId}/filter user
GET  /user/{userId}/filter/{filterId} user
POST /user/{userId}/openid/request_token user
POST /createRoom user !
POST /join/{roomIdOrAlias} guest !
POST /knock/{roomIdOrAlias} user !
POST /rooms/{roomId}/join guest !
POST /rooms/{roomId}/invite user !
POST /rooms/{roomId}/leave guest
POST /rooms/{roomId}/forget user
POST /rooms/{roomId}/kick user !
POST /rooms/{roomId}/ban user !
POST /rooms/{roomId}/unban user !
POST /rooms/{roomId}/upgrade user !
GET  /joined_rooms user
GET  /rooms/{roomId}/state guest
GET  /rooms/{roomId}/state/{eventType} guest
GET  /rooms/{roomId}/state/{eventType}/{stateKey} guest
PUT  /rooms/{roomId}/state/{eventType} guest !
PUT  /rooms/{roomId}/state/{eventType}/{stateKey} guest !
GET  /rooms/{roomId}/members guest
GET  /rooms/{roomId}/joined_members user
GET  /rooms/{roomId}/messages guest
GET  /rooms/{roomId}/event/{eventId} guest
GET  /rooms/{roomId}/context/{eventId} guest
GET  /rooms/{roomId}/aliases user
GET  /rooms/{roomId}/initialSync guest
GET  /initialSync user
GET  /events guest
GET  /events/{eventId} user
PUT  /rooms/{roomId}/send/{eventType}/{txnId} guest !
PUT  /rooms/{roomId}/redact/{eventId}/{txnId} user
PUT  /rooms/{roomId}/typing/{userId} user !
POST /rooms/{roomId}/receipt/{receiptType}/{eventId} guest
POST /rooms/{roomId}/read_markers guest
POST /search user
GET  /pushers user
POST /pushers/set user
GET  /notifications user
GET  /pushrules user
GET  /pushrules/{scope} user
GET  /pushrules/{scope}/{kind} user
GET  /pushrules/{scope}/{kind}/{ruleId} user
PUT  /pushrules/{scope}/{kind}/{ruleId} user
DELETE /pushrules/{scope}/{kind}/{ruleId} user
GET  /pushrules/{scope}/{kind}/{ruleId}/enabled user
PUT  /pushrules/{scope}/{kind}/{ruleId}/enabled user
GET  /pushrules/{scope}/{kind}/{ruleId}/actions user
PUT  /pushrules/{scope}/{kind}/{ruleId}/actions user
POST /rooms/{roomId}/report/{eventId} user
GET  /directory/room/{roomAlias} optional
PUT  /directory/room/{roomAlias} user !
DELETE /directory/room/{roomAlias} user !
GET  /directory/list/room/{roomId} none
PUT  /directory/list/room/{roomId} user !
GET  /publicRooms optional
POST /publicRooms user
GET  /sync guest
GET  /presence/{userId}/status user
PUT  /presence/{userId}/status user
POST /keys/upload guest
POST /keys/query guest
POST /keys/claim guest
GET  /keys/changes guest
POST /keys/device_signing/upload user
POST /keys/signatures/upload user
POST /room_keys/version user
GET  /room_keys/version user
GET  /room_keys/version/{version} user
PUT  /room_keys/version/{version} user
DELETE /room_keys/version/{version} user
GET  /room_keys/keys user
PUT  /room_keys/keys user
DELETE /room_keys/keys user
GET  /room_keys/keys/{roomId} user
PUT  /room_keys/keys/{roomId} user
DELETE /room_keys/keys/{roomId} user
GET  /room_keys/keys/{roomId}/{sessionId} user
PUT  /room_keys/keys/{roomId}/{sessionId} user
DELETE /room_keys/keys/{roomId}/{sessionId} user
PUT  /sendToDevice/{eventType}/{txnId} guest
GET  /voip/turnServer guest
GET  /thirdparty/protocols user
GET  /thirdparty/protocol/{protocol} user
GET  /thirdparty/location user
GET  /thirdparty/location/{protocol} user
GET  /thirdparty/user user
GET  /thirdparty/user/{protocol} user
"""

LOCKED_MAY = {"/_matrix/client/v3/logout", "/_matrix/client/v3/logout/all"}
METHODS = ("GET", "POST", "PUT", "DELETE")


def read_table() -> list[tuple[str, str, str, bool]]:
    """(method, path, who, whether a suspended account may) of every expected route, the r0 aliases included."""
    lines = WITHOUT_R0.split("\n")
    for prefixes, table in (("client/v3", "client/r0"), WITH_R0), (("media/v3", "media/r0", "media/v1"), MEDIA_WITH_R0):
        for prefix in prefixes:
            lines += [line.replace(" /", f" /_matrix/{prefix}/", 1) for line in table.split("\n")]
    rows = [line.split() for line in lines if line]
    return [(row[0], row[1], row[2], "!" not in row[3:]) for row in rows]


EXPECTED = read_table()


def build_index() -> dict[tuple[str, str], Route]:
    return {(route.method, strip_names(route.path)): route for route in load_routes()}


def strip_names(path: str) -> str:
    """The path without the names of its parameters, which are nobody's business."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def fill(path: str) -> str:
    """A path of that form, which leads to nothing that exists."""
    return re.sub(r"\{[^}]*\}", "x", path.replace("{keyName}", "displayname"))


def test_every_endpoint_is_routed() -> None:
    index = build_index()
    assert [f"{method} {path}" for method, path, _, _ in EXPECTED if (method, strip_names(path)) not in index] == []


def test_every_route_is_in_the_table() -> None:
    known = {(method, strip_names(path)) for method, path, _, _ in EXPECTED}
    routed = [f"{route.method} {route.path}" for key, route in build_index().items() if key not in known]
    web_client = {"GET /", "GET /service_worker.js", "GET /manifest.webmanifest"}
    assert [each for each in routed if " /_zajil/" not in each and each not in web_client] == []


@pytest.mark.parametrize("kind", ["none", "optional", "guest", "user", "admin"])
def test_who_may_call(kind: str) -> None:
    index = build_index()
    for method, path, who, _ in EXPECTED:
        if who == kind:
            auth = index[method, strip_names(path)].auth
            is_logout = path.replace("/r0/", "/v3/") in LOCKED_MAY
            assert auth is (Auth.LOCKED if is_logout else Auth(kind)), (method, path, auth)


def test_what_suspended_accounts_may_call() -> None:
    index = build_index()
    for method, path, who, suspended_may in EXPECTED:
        if who not in ("none", "optional", "admin"):
            assert index[method, strip_names(path)].suspended_may is suspended_may, (method, path)


async def test_tokens_are_asked_for(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        nobody = server.client()
        stranger = server.client()
        stranger.access_token = "zat_unknown"
        for method, path, who, _ in EXPECTED:
            if who in ("guest", "user", "admin"):
                answer = await nobody.call(method, fill(path))
                assert (answer.status, answer.errcode) == (401, "M_MISSING_TOKEN"), (method, path, answer.raw)
                answer = await stranger.call(method, fill(path))
                assert (answer.status, answer.errcode) == (401, "M_UNKNOWN_TOKEN"), (method, path, answer.raw)
                assert answer.body["soft_logout"] is False


async def test_the_standing_of_accounts_counts_everywhere(tmp_path: Path) -> None:
    """Locked accounts may log out, suspended ones may not do what is marked, guests only what is theirs, and others are no administrators."""
    async with running_server(tmp_path, guest_access=True) as server:
        admin = await server.register_admin()
        locked, suspended, anna = [await server.register(name) for name in ("locked", "suspended", "anna")]
        guest = server.client()
        guest.access_token = (await guest.post("/_matrix/client/v3/register?kind=guest")).ok()["access_token"]
        for who, what in (locked, "lock"), (suspended, "suspend"):
            path = f"/_matrix/client/v1/admin/{what}/{q(who.user_id)}"
            (await admin.put(path, {f"{what}ed": True})).ok()
        for method, path, who, suspended_may in EXPECTED:
            if "/logout" in path or who in ("none", "optional"):
                continue
            answer = await locked.call(method, fill(path))
            assert (answer.status, answer.errcode) == (401, "M_USER_LOCKED"), (method, path)
            assert answer.body["soft_logout"] is True
            answer = await suspended.call(method, fill(path))
            assert (answer.errcode == "M_USER_SUSPENDED") is not suspended_may, (method, path, answer.raw)
            answer = await guest.call(method, fill(path))
            assert (answer.errcode == "M_GUEST_ACCESS_FORBIDDEN") is (who != "guest"), (method, path, answer.raw)
            if who == "admin":
                answer = await anna.call(method, fill(path))
                assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN"), (method, path)
        (await suspended.post("/_matrix/client/v3/logout")).ok()
        (await locked.post("/_matrix/client/v3/logout/all")).ok()


HOSTILE = (
    "%2F",
    "..",
    "%2E%2E%2F%2E%2E",
    "%00",
    "%FF",
    "%ED%A0%80",
    "%F0%9F%8E%BA",
    "@:",
    "!",
    "#",
    "%24",
    "a" * 5000,
    "%0D%0A",
)


async def test_hostile_parameters_break_nothing(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register_admin()
        for method, path, _, _ in EXPECTED:
            for value in HOSTILE if "{" in path and "/r0/" not in path and "logout" not in path else ():
                hostile = re.sub(r"\{[^}]*\}", value, path)
                answer = await anna.call(method, hostile, {} if method in ("PUT", "POST") else None)
                assert answer.status < 500, (method, hostile, answer.raw)
                if answer.status >= 400 and b"{" in answer.raw:
                    assert answer.errcode.startswith("M_") or "flows" in answer.body, (method, hostile, answer.raw)


async def test_wrong_methods_are_refused(tmp_path: Path) -> None:
    taken: dict[str, set[str]] = {}
    for route in load_routes():
        taken.setdefault(strip_names(route.path), set()).add(route.method)
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        for path in sorted({path for _, path, _, _ in EXPECTED}):
            wrong = next(method for method in (*METHODS, "PATCH") if method not in taken[strip_names(path)])
            answer = await anna.call(wrong, fill(path))
            assert (answer.status, answer.errcode) == (405, "M_UNRECOGNIZED"), (wrong, path, answer.raw)


async def test_preflights_are_answered_everywhere(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        for _, path, _, _ in EXPECTED:
            answer = await server.client().call("OPTIONS", fill(path))
            assert answer.status in (200, 204)
            assert answer.headers["access-control-allow-origin"] == "*"


async def test_unknown_paths(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        # No single sign-on and no OAuth 2.0: the spec asks for this answer (client-server API, "Authentication API discovery").
        for path in ("/_matrix/client/v1/auth_metadata", "/_matrix/client/v3/login/sso/redirect"):
            answer = await server.client().get(path)
            assert (answer.status, answer.errcode) == (404, "M_UNRECOGNIZED"), path
        for path in (
            "/_matrix/client/v3/nothing",
            "/_matrix/client/v2/sync",
            "/_matrix",
            "/x/%2F/..",
            "/.well-known/x",
        ):
            for who in (anna, server.client()):
                answer = await who.get(path)
                assert (answer.status, answer.errcode) == (404, "M_UNRECOGNIZED"), path


async def test_r0_can_be_switched_off(tmp_path: Path) -> None:
    async with running_server(tmp_path, legacy_r0=False) as server:
        anna = await server.register("anna")
        for method, path, _, _ in EXPECTED:
            if "/r0/" in path:
                answer = await anna.call(method, fill(path))
                assert (answer.status, answer.errcode) == (404, "M_UNRECOGNIZED"), (method, path)
        versions = (await anna.get("/_matrix/client/versions")).ok()["versions"]
        assert not any(version.startswith("r0") for version in versions)
        assert (await anna.get("/_matrix/client/v3/account/whoami")).status == 200


@pytest.mark.parametrize("is_on", [True, False])
async def test_the_token_in_the_query(tmp_path: Path, is_on: bool) -> None:
    async with running_server(tmp_path, legacy_access_token_query=is_on) as server:
        anna = await server.register("anna")
        answer = await server.client().get(f"/_matrix/client/v3/account/whoami?access_token={anna.access_token}")
        if is_on:
            assert answer.ok()["user_id"] == anna.user_id
        else:
            assert (answer.status, answer.errcode) == (401, "M_MISSING_TOKEN")


async def test_the_shared_secret_can_be_switched_off(tmp_path: Path) -> None:
    path = "/_synapse/admin/v1/register"
    for name, options in {
        "unset": {},
        "off": {"registration_shared_secret": "sesame", "synapse_admin_register": False},
    }.items():
        async with running_server(tmp_path / name, **options) as server:
            for answer in (await server.client().get(path), await server.client().post(path, {})):
                assert answer.status in (400, 403, 404), (name, answer.raw)
    async with running_server(tmp_path / "on", registration_shared_secret="sesame") as server:
        assert (await server.client().get(path)).ok()["nonce"]
