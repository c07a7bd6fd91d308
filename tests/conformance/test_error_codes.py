"""The error codes that the spec documents for each group of endpoints, as tables of requests that must fail, and how."""

import copy
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.client import Client, InProcessServer, q, running_server

V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"

BAD_JSON = (400, "M_BAD_JSON")
NOT_JSON = (400, "M_NOT_JSON")
INVALID = (400, "M_INVALID_PARAM")
MISSING = (400, "M_MISSING_PARAM")
UNKNOWN = (400, "M_UNKNOWN")
FORBIDDEN = (403, "M_FORBIDDEN")
NOT_FOUND = (404, "M_NOT_FOUND")
TOO_LARGE = (413, "M_TOO_LARGE")

Case = tuple[str, str, str, Any, tuple[int, str]]
"""Who, method, path, body, and what comes back. In paths and bodies {anna}, {room} and so on stand for what `Cast` has."""


@dataclass
class Cast:
    """Anna has a private room with Ben in it and a public one; Carl is in neither, Dora is banned from the first."""

    server: InProcessServer
    people: dict[str, Client]
    words: dict[str, str]

    def fill(self, value: Any) -> Any:
        if isinstance(value, str):
            for name, word in self.words.items():
                value = value.replace("{" + name + "}", word)
            return value
        if isinstance(value, dict):
            return {self.fill(key): self.fill(each) for key, each in value.items()}
        return [self.fill(each) for each in value] if isinstance(value, list) else value

    def fill_path(self, path: str) -> str:
        for name, word in self.words.items():
            path = path.replace("{" + name + "}", q(word))
        return path

    async def check(self, cases: list[Case]) -> None:
        wrong = []
        for who, method, path, body, expected in copy.deepcopy(cases):
            answer = await self.people[who].call(method, self.fill_path(path), self.fill(body))
            if (answer.status, answer.errcode) != expected:
                wrong.append((who, method, path, body, expected, answer.status, answer.raw))
            elif answer.status >= 400:
                assert len(answer.body["error"]) > 3
        assert wrong == [], "\n".join(map(repr, wrong))


@pytest.fixture
async def cast(tmp_path: Path) -> AsyncIterator[Cast]:
    async with running_server(tmp_path, guest_access=True) as server:
        admin = await server.register_admin()
        people = {name: await server.register(name) for name in ("anna", "ben", "carl", "dora")}
        guest, anna = server.client(), people["anna"]
        guest.access_token = (await guest.post(f"{V3}/register?kind=guest")).ok()["access_token"]
        people |= {"nobody": server.client(), "guest": guest, "admin": admin}
        words = {name: person.user_id for name, person in people.items()}
        room_id = (await anna.post(f"{V3}/createRoom", {"invite": [words["ben"]]})).ok()["room_id"]
        (await people["ben"].post(f"{V3}/join/{q(room_id)}")).ok()
        (await anna.post(f"{V3}/rooms/{q(room_id)}/ban", {"user_id": words["dora"]})).ok()
        body = {"preset": "public_chat", "room_alias_name": "public", "room_version": "11"}
        public = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
        event_id = (await anna.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/1", {"body": "x"})).ok()["event_id"]
        words |= {"room": room_id, "public": public, "event": event_id, "alias": "#public:localhost"}
        words |= {"no_room": "!nowhere:localhost", "no_event": "$nothing", "no_user": "@nobody:localhost"}
        words |= {
            "free": "#free:localhost",
            "far": "@far:elsewhere.example",
            "long": "x" * 256,
            "device": anna.device_id,
        }
        yield Cast(server, people, words)


async def test_bodies(cast: Cast) -> None:
    """What every endpoint with a body refuses."""
    put = [f"{V3}/user/{{anna}}/account_data/x", f"{V3}/rooms/{{room}}/send/m.x/1", f"{V3}/rooms/{{room}}/state/m.x"]
    post = [f"{V3}/createRoom", f"{V3}/keys/upload", f"{V3}/rooms/{{room}}/join", f"{V3}/user_directory/search"]
    cases: list[Case] = []
    for method, path in [*(("PUT", each) for each in put), *(("POST", each) for each in post)]:
        cases += [
            ("anna", method, path, b"{", NOT_JSON),
            ("anna", method, path, b"\xff\xfe", NOT_JSON),
            ("anna", method, path, b'{"a": NaN}', NOT_JSON),
            ("anna", method, path, b"[]", BAD_JSON),
            ("anna", method, path, b'"text"', BAD_JSON),
            ("anna", method, path, b'{"a": "\\u0000"}', BAD_JSON),
            ("anna", method, path, b'{"a": ' * 101 + b"1" + b"}" * 101, BAD_JSON),
            ("anna", method, path, b'{"a": "' + b"x" * (600 * 1024) + b'"}', TOO_LARGE),
        ]
    await cast.check(cases)


async def test_registration_and_login(cast: Cast) -> None:
    register, login = f"{V3}/register", f"{V3}/login"
    who = {"type": "m.id.user", "user": "anna"}
    await cast.check(
        [
            ("nobody", "POST", register, {"username": "anna"}, (400, "M_USER_IN_USE")),
            ("nobody", "POST", register, {"username": "a b"}, (400, "M_INVALID_USERNAME")),
            ("nobody", "POST", register, {"username": 5}, BAD_JSON),
            ("nobody", "POST", register, {"username": "eve", "password": "12"}, (400, "M_WEAK_PASSWORD")),
            ("nobody", "POST", f"{register}?kind=king", {}, INVALID),
            ("nobody", "GET", f"{register}/available?username=anna", None, (400, "M_USER_IN_USE")),
            ("nobody", "GET", f"{register}/available?username=a%20b", None, (400, "M_INVALID_USERNAME")),
            ("nobody", "GET", f"{register}/available", None, MISSING),
            ("nobody", "GET", f"{V1}/register/m.login.registration_token/validity", None, MISSING),
            ("nobody", "POST", f"{register}/email/requestToken", {}, (403, "M_THREEPID_DENIED")),
            ("nobody", "POST", login, {}, MISSING),
            ("nobody", "POST", login, {"type": "m.login.magic"}, UNKNOWN),
            ("nobody", "POST", login, {"type": "m.login.password", "identifier": who, "password": "no"}, FORBIDDEN),
            ("nobody", "POST", login, {"type": "m.login.token", "token": "no"}, FORBIDDEN),
            ("nobody", "POST", f"{V3}/refresh", {"refresh_token": "no"}, (401, "M_UNKNOWN_TOKEN")),
            ("nobody", "POST", f"{V3}/refresh", {}, MISSING),
        ]
    )


async def test_accounts_and_devices(cast: Cast) -> None:
    guest = (403, "M_GUEST_ACCESS_FORBIDDEN")
    await cast.check(
        [
            ("guest", "POST", f"{V3}/account/password", {}, guest),
            ("guest", "POST", f"{V3}/createRoom", {}, guest),
            ("guest", "PUT", f"{V3}/profile/{{guest}}/avatar_url", {"avatar_url": ""}, guest),
            ("anna", "POST", f"{V3}/account/3pid/add", {"sid": "1", "client_secret": "x"}, (403, "M_THREEPID_DENIED")),
            ("anna", "GET", f"{V3}/devices/none", None, NOT_FOUND),
            ("anna", "PUT", f"{V3}/devices/none", {"display_name": "x"}, NOT_FOUND),
            ("ben", "GET", f"{V3}/devices/{{device}}", None, NOT_FOUND),
            ("anna", "POST", f"{V3}/delete_devices", {}, MISSING),
            ("anna", "POST", f"{V3}/delete_devices", {"devices": "x"}, BAD_JSON),
            ("anna", "GET", f"{V3}/admin/whois/{{ben}}", None, FORBIDDEN),
            ("anna", "PUT", f"{V1}/admin/lock/{{ben}}", {"locked": True}, FORBIDDEN),
            ("anna", "GET", f"{V1}/admin/suspend/{{no_user}}", None, FORBIDDEN),
            ("admin", "PUT", f"{V1}/admin/lock/{{ben}}", {"locked": "yes"}, BAD_JSON),
            ("admin", "PUT", f"{V1}/admin/lock/{{ben}}", {}, MISSING),
            ("admin", "PUT", f"{V1}/admin/lock/{{admin}}", {"locked": True}, FORBIDDEN),
            ("admin", "PUT", f"{V1}/admin/suspend/{{far}}", {"suspended": True}, INVALID),
            ("admin", "GET", f"{V1}/admin/suspend/{{far}}", None, INVALID),
            ("admin", "GET", f"{V1}/admin/lock/{{no_user}}", None, NOT_FOUND),
            ("admin", "GET", f"{V1}/admin/lock/nonsense", None, INVALID),
        ]
    )


async def test_profiles_and_account_data(cast: Cast) -> None:
    name, data = f"{V3}/profile/{{anna}}/displayname", f"{V3}/user/{{anna}}/account_data"
    room_data = f"{V3}/user/{{anna}}/rooms/{{room}}"
    await cast.check(
        [
            ("nobody", "GET", f"{V3}/profile/{{no_user}}", None, NOT_FOUND),
            ("nobody", "GET", f"{V3}/profile/nonsense", None, INVALID),
            ("nobody", "GET", f"{V3}/profile/{{anna}}/org.example.none", None, NOT_FOUND),
            ("ben", "PUT", name, {"displayname": "x"}, FORBIDDEN),
            ("ben", "DELETE", name, {}, FORBIDDEN),
            ("anna", "PUT", name, {}, MISSING),
            ("anna", "PUT", name, {"displayname": 5}, BAD_JSON),
            ("anna", "PUT", f"{V3}/profile/{{anna}}/avatar_url", {"avatar_url": "http://x"}, INVALID),
            ("anna", "PUT", f"{V3}/profile/{{anna}}/Bad%20Key", {"Bad Key": 1}, INVALID),
            ("anna", "PUT", f"{V3}/profile/{{anna}}/{{long}}", {"{long}": 1}, (400, "M_KEY_TOO_LARGE")),
            ("anna", "PUT", f"{V3}/profile/{{anna}}/org.x", {"org.x": "x" * 70000}, (400, "M_PROFILE_TOO_LARGE")),
            ("ben", "PUT", f"{data}/x", {}, FORBIDDEN),
            ("ben", "GET", f"{data}/x", None, FORBIDDEN),
            ("anna", "GET", f"{data}/x", None, NOT_FOUND),
            ("anna", "PUT", f"{data}/m.fully_read", {}, (405, "M_BAD_JSON")),
            ("anna", "PUT", f"{data}/m.push_rules", {}, (405, "M_BAD_JSON")),
            ("anna", "PUT", f"{room_data}/account_data/m.fully_read", {}, (405, "M_BAD_JSON")),
            ("anna", "PUT", f"{V3}/user/{{anna}}/rooms/nonsense/account_data/x", {}, INVALID),
            ("anna", "GET", f"{V3}/user/{{anna}}/rooms/nonsense/account_data/x", None, INVALID),
            ("anna", "GET", f"{room_data}/account_data/x", None, NOT_FOUND),
            ("ben", "GET", f"{room_data}/tags", None, FORBIDDEN),
            ("anna", "PUT", f"{room_data}/tags/u.x", {"order": "first"}, BAD_JSON),
            ("anna", "PUT", f"{room_data}/tags/{{long}}", {}, INVALID),
            ("ben", "POST", f"{V3}/user/{{anna}}/filter", {}, FORBIDDEN),
            ("anna", "POST", f"{V3}/user/{{anna}}/filter", {"room": []}, BAD_JSON),
            ("anna", "GET", f"{V3}/user/{{anna}}/filter/none", None, NOT_FOUND),
            ("ben", "GET", f"{V3}/user/{{anna}}/filter/none", None, FORBIDDEN),
            ("ben", "POST", f"{V3}/user/{{anna}}/openid/request_token", {}, FORBIDDEN),
        ]
    )


async def test_creating_rooms(cast: Cast) -> None:
    create = f"{V3}/createRoom"
    await cast.check(
        [
            ("anna", "POST", create, {"room_version": "13"}, (400, "M_UNSUPPORTED_ROOM_VERSION")),
            ("anna", "POST", create, {"room_version": "9"}, (400, "M_UNSUPPORTED_ROOM_VERSION")),
            ("anna", "POST", create, {"room_alias_name": "public"}, (400, "M_ROOM_IN_USE")),
            ("anna", "POST", create, {"room_alias_name": "a b"}, INVALID),
            ("anna", "POST", create, {"preset": "party"}, BAD_JSON),
            ("anna", "POST", create, {"creation_content": {"a": [1.5]}}, BAD_JSON),
            ("anna", "POST", create, {"creation_content": {"a": 2**60}}, BAD_JSON),
            ("anna", "POST", create, {"initial_state": [{"type": "x", "content": {"a": 2**60}}]}, BAD_JSON),
            ("anna", "POST", create, {"invite": ["nonsense"]}, INVALID),
            ("anna", "POST", create, {"invite_3pid": [{"medium": "email"}]}, MISSING),
            (
                "anna",
                "POST",
                create,
                {"initial_state": [{"type": "m.room.power_levels", "content": {"users": {"{anna}": "x"}}}]},
                (400, "M_INVALID_ROOM_STATE"),
            ),
            ("anna", "POST", f"{V3}/rooms/{{public}}/upgrade", {}, MISSING),
            (
                "anna",
                "POST",
                f"{V3}/rooms/{{public}}/upgrade",
                {"new_version": "x"},
                (400, "M_UNSUPPORTED_ROOM_VERSION"),
            ),
            ("ben", "POST", f"{V3}/rooms/{{room}}/upgrade", {"new_version": "12"}, FORBIDDEN),
        ]
    )


async def test_membership(cast: Cast) -> None:
    room = f"{V3}/rooms/{{room}}"
    await cast.check(
        [
            ("carl", "POST", f"{room}/join", {}, FORBIDDEN),
            ("dora", "POST", f"{V3}/join/{{room}}", {}, FORBIDDEN),
            ("carl", "POST", f"{V3}/join/{{no_room}}", {}, NOT_FOUND),
            ("carl", "POST", f"{V3}/join/{{free}}", {}, NOT_FOUND),
            ("carl", "POST", f"{V3}/join/nonsense", {}, INVALID),
            ("carl", "POST", f"{V3}/knock/{{room}}", {}, FORBIDDEN),
            ("carl", "POST", f"{V3}/knock/{{no_room}}", {}, NOT_FOUND),
            ("guest", "POST", f"{V3}/join/{{public}}", {}, (403, "M_GUEST_ACCESS_FORBIDDEN")),
            ("anna", "POST", f"{room}/invite", {"user_id": "{dora}"}, FORBIDDEN),
            ("anna", "POST", f"{room}/invite", {"user_id": "{ben}"}, FORBIDDEN),
            ("anna", "POST", f"{room}/invite", {"user_id": 5}, BAD_JSON),
            ("anna", "POST", f"{room}/invite", {}, MISSING),
            ("carl", "POST", f"{room}/invite", {"user_id": "{carl}"}, FORBIDDEN),
            ("ben", "POST", f"{room}/kick", {"user_id": "{anna}"}, FORBIDDEN),
            ("anna", "POST", f"{room}/kick", {"user_id": "{carl}"}, FORBIDDEN),
            ("anna", "POST", f"{room}/kick", {}, MISSING),
            ("ben", "POST", f"{room}/ban", {"user_id": "{carl}"}, FORBIDDEN),
            ("anna", "POST", f"{room}/ban", {"user_id": "nonsense"}, INVALID),
            ("anna", "POST", f"{room}/unban", {"user_id": "{carl}"}, (403, "M_BAD_STATE")),
            ("ben", "POST", f"{room}/unban", {"user_id": "{dora}"}, FORBIDDEN),
            ("carl", "POST", f"{room}/leave", {}, FORBIDDEN),
            ("carl", "POST", f"{V3}/rooms/{{no_room}}/leave", {}, NOT_FOUND),
            ("anna", "POST", f"{room}/forget", {}, UNKNOWN),
        ]
    )


async def test_events(cast: Cast) -> None:
    room, no_room = f"{V3}/rooms/{{room}}", f"{V3}/rooms/{{no_room}}"
    reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": "{event}", "key": "+"}}
    thread = {"m.relates_to": {"rel_type": "m.thread", "event_id": "{event}"}}
    reply = {"body": "y", "m.relates_to": {"rel_type": "m.reference", "event_id": "{event}"}}
    path = cast.fill_path(f"{room}/send/m.room.message/0")
    cast.words["reply"] = (await cast.people["ben"].put(path, cast.fill(reply))).ok()["event_id"]
    nested = {"m.relates_to": {"rel_type": "m.thread", "event_id": "{reply}"}}
    cases: list[Case] = [
        ("carl", "PUT", f"{room}/send/m.room.message/1", {}, FORBIDDEN),
        ("carl", "PUT", f"{no_room}/send/m.room.message/1", {}, NOT_FOUND),
        ("anna", "PUT", f"{room}/send/m.room.message/2", {"n": 1.5}, BAD_JSON),
        ("anna", "PUT", f"{room}/send/m.room.message/3", {"n": 2**53}, BAD_JSON),
        ("anna", "PUT", f"{room}/send/m.room.message/4", {"body": "x" * 66000}, TOO_LARGE),
        ("anna", "PUT", f"{room}/send/{{long}}/5", {}, TOO_LARGE),
        ("anna", "PUT", f"{room}/send/m.reaction/6", reaction, (200, "")),
        ("anna", "PUT", f"{room}/send/m.reaction/7", reaction, (400, "M_DUPLICATE_ANNOTATION")),
        ("anna", "PUT", f"{room}/send/m.room.message/8", thread, (200, "")),
        ("anna", "PUT", f"{room}/send/m.room.message/9", nested, UNKNOWN),
        ("anna", "PUT", f"{room}/redact/{{no_event}}/1", {}, NOT_FOUND),
        ("anna", "PUT", f"{room}/send/m.room.redaction/10", {}, MISSING),
        ("anna", "PUT", f"{room}/send/m.room.redaction/11", {"redacts": 5}, MISSING),
        ("anna", "PUT", f"{room}/state/m.room.power_levels", {"users": {"{ben}": "50"}}, BAD_JSON),
        ("anna", "PUT", f"{room}/state/m.room.power_levels", {"ban": []}, BAD_JSON),
        ("anna", "PUT", f"{room}/state/m.room.power_levels", {"users": {"{anna}": 100}}, FORBIDDEN),
        ("ben", "PUT", f"{room}/redact/{{event}}/1", {}, FORBIDDEN),
        ("carl", "PUT", f"{room}/redact/{{event}}/1", {}, FORBIDDEN),
        ("ben", "PUT", f"{room}/state/m.room.name", {"name": "x"}, FORBIDDEN),
        ("anna", "PUT", f"{room}/state/m.room.create", {}, FORBIDDEN),
        ("anna", "PUT", f"{room}/state/m.room.member/{{ben}}", {"membership": "king"}, BAD_JSON),
        ("anna", "PUT", f"{room}/state/m.room.canonical_alias", {"alias": "nonsense"}, INVALID),
        ("anna", "PUT", f"{room}/state/m.room.canonical_alias", {"alias": "{alias}"}, (400, "M_BAD_ALIAS")),
        ("anna", "GET", f"{room}/state/m.none", None, NOT_FOUND),
        ("carl", "GET", f"{room}/state", None, FORBIDDEN),
        ("carl", "GET", f"{room}/state/m.room.name", None, FORBIDDEN),
        ("carl", "GET", f"{room}/members", None, FORBIDDEN),
        ("anna", "GET", f"{room}/members?membership=king", None, INVALID),
        ("carl", "GET", f"{room}/joined_members", None, FORBIDDEN),
        ("carl", "GET", f"{room}/messages?dir=b", None, FORBIDDEN),
        ("anna", "GET", f"{room}/messages?dir=x", None, INVALID),
        ("anna", "GET", f"{room}/messages?dir=b&from=nonsense", None, INVALID),
        ("anna", "GET", f"{room}/messages?dir=b&limit=ten", None, INVALID),
        ("anna", "GET", f"{room}/messages?dir=b&filter=%7B", None, NOT_JSON),
        ("carl", "GET", f"{room}/event/{{event}}", None, NOT_FOUND),
        ("anna", "GET", f"{room}/event/{{no_event}}", None, NOT_FOUND),
        ("carl", "GET", f"{room}/context/{{event}}", None, NOT_FOUND),
        ("anna", "GET", f"{V1}/rooms/{{room}}/timestamp_to_event?dir=b", None, MISSING),
        ("anna", "GET", f"{V1}/rooms/{{room}}/timestamp_to_event?dir=b&ts=0", None, NOT_FOUND),
        ("anna", "GET", f"{V1}/rooms/{{room}}/relations/{{no_event}}", None, NOT_FOUND),
        ("carl", "GET", f"{V1}/rooms/{{room}}/relations/{{event}}", None, NOT_FOUND),
        ("carl", "GET", f"{V1}/rooms/{{room}}/threads", None, FORBIDDEN),
        ("anna", "GET", f"{V1}/rooms/{{room}}/threads?include=none", None, INVALID),
        ("anna", "GET", f"{V3}/sync?since=nonsense", None, INVALID),
        ("anna", "GET", f"{V3}/sync?filter=none", None, INVALID),
        ("anna", "GET", f"{V3}/sync?filter=%7B", None, NOT_JSON),
        ("anna", "GET", f"{V3}/sync?timeout=x", None, INVALID),
        ("anna", "GET", f"{V3}/sync?full_state=maybe", None, INVALID),
        ("anna", "GET", f"{V3}/sync?set_presence=asleep", None, INVALID),
        ("anna", "GET", f"{V3}/sync?set_presence=%FF", None, INVALID),
    ]
    await cast.check(cases)


async def test_ephemeral(cast: Cast) -> None:
    room = f"{V3}/rooms/{{room}}"
    await cast.check(
        [
            ("anna", "PUT", f"{room}/typing/{{ben}}", {"typing": True}, FORBIDDEN),
            ("carl", "PUT", f"{room}/typing/{{carl}}", {"typing": True}, FORBIDDEN),
            ("anna", "PUT", f"{room}/typing/{{anna}}", {}, MISSING),
            ("anna", "PUT", f"{room}/typing/{{anna}}", {"typing": "yes"}, BAD_JSON),
            ("anna", "PUT", f"{V3}/presence/{{ben}}/status", {"presence": "online"}, FORBIDDEN),
            ("anna", "PUT", f"{V3}/presence/{{anna}}/status", {"presence": "asleep"}, BAD_JSON),
            ("anna", "GET", f"{V3}/presence/{{no_user}}/status", None, FORBIDDEN),
            ("carl", "GET", f"{V3}/presence/{{anna}}/status", None, FORBIDDEN),
            ("anna", "POST", f"{room}/receipt/m.seen/{{event}}", {}, INVALID),
            ("carl", "POST", f"{room}/receipt/m.read/{{event}}", {}, FORBIDDEN),
            ("anna", "POST", f"{room}/receipt/m.read/{{event}}", {"thread_id": ""}, INVALID),
            ("carl", "POST", f"{room}/read_markers", {"m.read": "{event}"}, FORBIDDEN),
        ]
    )


async def test_finding_rooms_and_people(cast: Cast) -> None:
    alias, listed = f"{V3}/directory/room", f"{V3}/directory/list/room"
    await cast.check(
        [
            ("nobody", "GET", f"{alias}/{{free}}", None, NOT_FOUND),
            ("nobody", "GET", f"{alias}/nonsense", None, INVALID),
            ("anna", "PUT", f"{alias}/{{alias}}", {"room_id": "{public}"}, (409, "M_UNKNOWN")),
            ("anna", "PUT", f"{alias}/{{free}}", {}, MISSING),
            ("anna", "PUT", f"{alias}/nonsense", {"room_id": "{public}"}, INVALID),
            ("anna", "DELETE", f"{alias}/{{free}}", None, NOT_FOUND),
            ("carl", "DELETE", f"{alias}/{{alias}}", None, FORBIDDEN),
            ("carl", "GET", f"{V3}/rooms/{{room}}/aliases", None, FORBIDDEN),
            ("nobody", "GET", f"{listed}/{{no_room}}", None, NOT_FOUND),
            ("ben", "PUT", f"{listed}/{{room}}", {"visibility": "public"}, FORBIDDEN),
            ("anna", "PUT", f"{listed}/{{no_room}}", {"visibility": "public"}, NOT_FOUND),
            ("anna", "PUT", f"{listed}/{{room}}", {"visibility": "secret"}, BAD_JSON),
            ("nobody", "GET", f"{V3}/publicRooms?limit=x", None, INVALID),
            ("nobody", "GET", f"{V3}/publicRooms?since=nonsense", None, INVALID),
            ("anna", "POST", f"{V3}/publicRooms", {"limit": "x"}, BAD_JSON),
            ("nobody", "GET", f"{V1}/room_summary/{{room}}", None, NOT_FOUND),
            ("carl", "GET", f"{V1}/room_summary/{{no_room}}", None, NOT_FOUND),
            ("carl", "GET", f"{V1}/rooms/{{room}}/hierarchy", None, FORBIDDEN),
            ("anna", "GET", f"{V1}/rooms/{{room}}/hierarchy?limit=0", None, INVALID),
            ("anna", "GET", f"{V1}/rooms/{{room}}/hierarchy?from=nonsense", None, INVALID),
            ("anna", "POST", f"{V3}/user_directory/search", {}, MISSING),
            ("anna", "POST", f"{V3}/user_directory/search", {"search_term": "x", "limit": -1}, BAD_JSON),
            ("anna", "GET", f"{V1}/mutual_rooms", None, MISSING),
            ("anna", "GET", f"{V1}/mutual_rooms?user_id=nonsense", None, INVALID),
            ("anna", "POST", f"{V3}/rooms/{{no_room}}/report", {"reason": "x"}, NOT_FOUND),
            ("carl", "POST", f"{V3}/rooms/{{room}}/report/{{event}}", {"reason": "x"}, NOT_FOUND),
            ("anna", "POST", f"{V3}/rooms/{{room}}/report/{{no_event}}", {}, NOT_FOUND),
            ("anna", "POST", f"{V3}/users/{{no_user}}/report", {"reason": "x"}, NOT_FOUND),
            ("anna", "POST", f"{V3}/search", {}, MISSING),
            ("anna", "GET", f"{V3}/thirdparty/protocol/irc", None, NOT_FOUND),
        ]
    )


async def test_keys(cast: Cast) -> None:
    backup = {"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "x"}}
    session = {"first_message_index": 0, "forwarded_count": 0, "is_verified": True, "session_data": {}}
    keys = f"{V3}/room_keys/keys"
    await cast.check(
        [
            ("anna", "POST", f"{V3}/keys/upload", {"device_keys": 5}, BAD_JSON),
            ("anna", "POST", f"{V3}/keys/upload", {"device_keys": {"user_id": "{ben}"}}, INVALID),
            ("anna", "POST", f"{V3}/keys/query", {}, MISSING),
            ("anna", "POST", f"{V3}/keys/query", {"device_keys": {"{ben}": "x"}}, BAD_JSON),
            ("anna", "POST", f"{V3}/keys/claim", {}, MISSING),
            ("anna", "GET", f"{V3}/keys/changes?from=nonsense&to=nonsense", None, INVALID),
            ("anna", "GET", f"{V3}/keys/changes", None, MISSING),
            ("anna", "POST", f"{V3}/keys/device_signing/upload", {"self_signing_key": {}}, INVALID),
            ("anna", "POST", f"{V3}/keys/device_signing/upload", {"master_key": 5}, BAD_JSON),
            ("anna", "PUT", f"{V3}/sendToDevice/m.x/1", {}, MISSING),
            ("anna", "PUT", f"{V3}/sendToDevice/m.x/1", {"messages": {"{ben}": {"*": 5}}}, BAD_JSON),
            ("anna", "GET", f"{V3}/room_keys/version", None, NOT_FOUND),
            ("anna", "POST", f"{V3}/room_keys/version", {}, MISSING),
            ("anna", "GET", f"{V3}/room_keys/version/7", None, NOT_FOUND),
            ("anna", "PUT", f"{V3}/room_keys/version/7", backup, NOT_FOUND),
            ("anna", "DELETE", f"{V3}/room_keys/version/7", None, NOT_FOUND),
            ("anna", "GET", keys, None, MISSING),
            ("anna", "GET", f"{keys}?version=7", None, NOT_FOUND),
            ("anna", "PUT", f"{keys}/{{room}}/s?version=7", session, NOT_FOUND),
            ("anna", "POST", f"{V3}/room_keys/version", backup, (200, "")),
            ("anna", "POST", f"{V3}/room_keys/version", backup, (200, "")),
            ("anna", "PUT", f"{keys}/{{room}}/s?version=1", session, (403, "M_WRONG_ROOM_KEYS_VERSION")),
            ("anna", "PUT", f"{keys}/{{room}}/s?version=2", {}, MISSING),
            ("anna", "GET", f"{keys}/{{room}}/s?version=2", None, NOT_FOUND),
            ("anna", "PUT", f"{V3}/room_keys/version/2", {**backup, "algorithm": "x"}, INVALID),
            ("anna", "PUT", f"{V3}/room_keys/version/2", {**backup, "version": "1"}, INVALID),
        ]
    )


async def test_push(cast: Cast) -> None:
    rules = f"{V3}/pushrules/global"
    pusher = {
        "kind": "http",
        "app_id": "org.example.app",
        "pushkey": "key",
        "app_display_name": "App",
        "device_display_name": "Telephone",
        "lang": "en",
        "data": {"url": "https://push.example.org/_matrix/push/v1/notify"},
    }
    await cast.check(
        [
            ("anna", "GET", f"{rules}/none/x", None, NOT_FOUND),
            ("anna", "GET", f"{rules}/room/{{room}}", None, NOT_FOUND),
            ("anna", "PUT", f"{rules}/override/.mine", {"actions": [], "conditions": []}, INVALID),
            ("anna", "PUT", f"{rules}/override/mine", {}, MISSING),
            ("anna", "PUT", f"{rules}/content/mine", {"actions": [], "pattern": 5}, INVALID),
            ("anna", "PUT", f"{rules}/override/mine?before=none", {"actions": [], "conditions": []}, UNKNOWN),
            ("anna", "DELETE", f"{rules}/override/none", None, NOT_FOUND),
            ("anna", "PUT", f"{rules}/override/none/enabled", {"enabled": True}, NOT_FOUND),
            ("anna", "PUT", f"{rules}/override/.m.rule.master/enabled", {}, MISSING),
            ("anna", "POST", f"{V3}/pushers/set", {}, MISSING),
            ("anna", "POST", f"{V3}/pushers/set", {"kind": "http", "app_id": "x", "pushkey": "y"}, MISSING),
            ("anna", "POST", f"{V3}/pushers/set", {**pusher, "pushkey": "x" * 513}, INVALID),
            ("anna", "POST", f"{V3}/pushers/set", {**pusher, "app_id": "x" * 65}, INVALID),
            ("anna", "POST", f"{V3}/pushers/set", {**pusher, "kind": "pigeon"}, INVALID),
            ("anna", "POST", f"{V3}/pushers/set", {**pusher, "data": {}}, MISSING),
            ("anna", "POST", f"{V3}/pushers/set", {**pusher, "data": {"url": "https://x.example/y"}}, INVALID),
            ("anna", "POST", f"{V3}/pushers/set", {**pusher, "data": {"url": 5}}, BAD_JSON),
            ("anna", "GET", f"{V3}/notifications?from=nonsense", None, INVALID),
            ("anna", "GET", f"{V3}/notifications?limit=x", None, INVALID),
        ]
    )


async def test_limits_say_when_to_come_back(tmp_path: Path) -> None:
    async with running_server(tmp_path, rate_limits=True) as server:
        anna = await server.register("anna")
        answer = None
        for _ in range(40):
            answer = await anna.post(f"{V3}/account/3pid/add", {})
            if answer.status == 429:
                break
        assert answer is not None
        assert (answer.status, answer.errcode) == (429, "M_LIMIT_EXCEEDED")
        wait_ms = answer.body["retry_after_ms"]
        assert wait_ms > 0
        assert int(answer.headers["retry-after"]) == -(-wait_ms // 1000)


async def test_a_reaction_taken_back_can_be_made_again(cast: Cast) -> None:
    reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": cast.words["event"], "key": "+"}}
    ben, room = cast.people["ben"], f"{V3}/rooms/{q(cast.words['room'])}"
    first = (await ben.put(f"{room}/send/m.reaction/1", reaction)).ok()["event_id"]
    assert (await ben.put(f"{room}/send/m.reaction/1", reaction)).ok()["event_id"] == first
    assert (await ben.put(f"{room}/send/m.reaction/2", reaction)).errcode == "M_DUPLICATE_ANNOTATION"
    (await ben.put(f"{room}/redact/{q(first)}/1")).ok()
    assert (await ben.put(f"{room}/send/m.reaction/3", reaction)).ok()["event_id"] != first
