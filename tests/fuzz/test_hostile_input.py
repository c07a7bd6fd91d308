"""Bad input to every route, through real HTTP: the right error, quickly, and never a server error or a stalled event loop."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from tests.client import Answer, Client, q
from tests.fuzz.loopback import Loopback, errcode_of, running_loopback

from zajil.http.router import Auth, Route

STALL_S_MAX = 0.05
STALL_RETRIES_MAX = 3
"""On a busy machine even CPU time has outliers; what always takes long is the server's fault."""
V3 = "/_matrix/client/v3"
NOT_CALLED = re.compile(r"/logout|/account/deactivate|/sync$|/media/.*/?create$")
"""These end the session, wait, or are of another test."""

BAD_SEGMENTS = [
    "%2F", "..", "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd", "%00", "%FF%FE", "%ED%A0%80", "%F0%9F%95%8A", "%0A%0D", "%25", "%", "%zz",
    "'", "%22%27%3B--", "{}", "*", "-1", "1_000", "%D9%A3", "@", "@:", "!", "!:", "$", "%23", "@a:b:c", "a" * 9000, "%C3%A9" * 300, "",
]  # fmt: skip
BAD_VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 2**53, 2**63, "", "x", "😀", "x" * 70_000, [], {}, [None], [[]], {"a": 1}, {"": {}}, ["x"] * 3_000,
    {"@a:b": {"x": []}}, {"!a:b": {"sessions": {"x": 1}}}, {str(n): {} for n in range(2_000)},
]  # fmt: skip
BAD_BODIES = {
    "nothing": b" ",
    "cut": b'{"a":',
    "list": b"[]",
    "text": b'"x"',
    "number": b"1",
    "null": b"null",
    "NaN": b'{"a":NaN}',
    "invalid UTF-8": b'{"a":"\xff"}',
    "mark of byte order": b"\xef\xbb\xbf{}",
    "NUL": b'{"a":"\\u0000"}',
    "NUL in a name": b'{"\\u0000":1}',
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "half a surrogate pair as a name": b'{"\\udfff":"x"}',
    "huge number": b'{"a":' + b"9" * 400 + b"}",
    "more than infinite": b'{"a":1e400}',
    "long number": b'{"a":0.' + b"1" * 10_000 + b"}",
    "deep lists": b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "deeper than the limit": b'{"a":' + b"[" * 101 + b"]" * 101 + b"}",
    "twice the same name": b'{"a":1,"a":2}',
    "many names": b"{" + b",".join(b'"k%d":0' % n for n in range(20_000)) + b"}",
    "many small lists": b'{"a":[' + b",".join([b"[]"] * 100_000) + b"]}",
    "a long text": b'{"a":"' + b"x" * 400_000 + b'"}',
}
NOT_JSON = {"nothing", "cut", "NaN", "invalid UTF-8", "half a surrogate pair", "half a surrogate pair as a name"} | {
    "more than infinite",
    "deep lists",
    "deep objects",
    "mark of byte order",
}


@pytest.fixture
async def loopback(tmp_path: Path) -> AsyncIterator[Loopback]:
    async with running_loopback(tmp_path, sync_timeout_s_max=1) as running:
        yield running


class Attack:
    """Requests with somebody's token, and what went wrong."""

    def __init__(self, loopback: Loopback, person: Client, room_id: str, event_id: str) -> None:
        self.loopback = loopback
        self.person = person
        self.names = {
            "userId": person.user_id, "user_id": person.user_id, "roomId": room_id, "room_id": room_id, "room": room_id, "room_alias": "#fuzz:localhost",
            "eventId": event_id, "event_id": event_id, "deviceId": person.device_id, "event_type": "m.room.message", "type": "m.tag",
            "keyName": "displayname", "receipt_type": "m.read", "scope": "global", "kind": "override", "server_name": "localhost",
        }  # fmt: skip
        self.count = 0
        self.failures: list[str] = []

    @classmethod
    async def begin(cls, loopback: Loopback) -> Attack:
        person = await loopback.register("mallory")
        room = (await person.post(f"{V3}/createRoom", {"preset": "public_chat", "room_alias_name": "fuzz"})).ok()
        path = f"{V3}/rooms/{q(room['room_id'])}/send/m.room.message/1"
        sent = (await person.put(path, {"msgtype": "m.text", "body": "x"})).ok()
        loopback.stalls.take()
        return cls(loopback, person, room["room_id"], sent["event_id"])

    def routes(self, *, methods: str = "GET POST PUT DELETE") -> Iterator[Route]:
        """Every endpoint once; `/r0/` is the same as `/v3/`."""
        for route in self.loopback.server.asgi.routes:
            if "/r0/" not in route.path and not NOT_CALLED.search(route.path) and route.method in methods.split():
                yield route

    def fill(self, route: Route, **segments: str) -> str:
        """The route's path, with these segments as they are and good ones elsewhere."""
        return re.sub(
            r"\{(\w+)\}",
            lambda each: (
                segments.get(each[1]) or q(self.names.get(each[1], "x"))
                if each[1] not in segments
                else segments[each[1]]
            ),
            route.path,
        )

    async def send(self, route: Route, target: str, body: bytes | None = None, what: str = "") -> Answer:
        """Send, and note every answer that nobody should get."""
        answer = await self.loopback.request(route.method, target, body, self.person.access_token)
        self.count += 1
        stall_s = self.loopback.stalls.take()
        for _ in range(STALL_RETRIES_MAX):
            if stall_s <= STALL_S_MAX:
                break
            await self.loopback.request(route.method, target, body, self.person.access_token)
            stall_s = min(stall_s, self.loopback.stalls.take())
        name = f"{route.method} {target[:160]} {what or (body or b'')[:80]!r}"
        # 502: another server was asked for, and there is none of that name.
        if not 200 <= answer.status < 500 and answer.status != 502:
            self.failures.append(f"{answer.status} {answer.raw[:100]!r}: {name}")
        elif answer.status >= 400 and not self.is_refusal(answer):
            self.failures.append(f"{answer.status} without an error code {answer.raw[:100]!r}: {name}")
        if stall_s > STALL_S_MAX:
            self.failures.append(f"{stall_s * 1000:.0f} ms of stall: {name}")
        if answer.status == 401 and errcode_of(answer) == "M_UNKNOWN_TOKEN":
            self.person = await self.loopback.server.login(self.person.user_id)
        return answer

    @staticmethod
    def is_refusal(answer: Answer) -> bool:
        if answer.raw.startswith(b"<!doctype html>"):
            return b"Traceback" not in answer.raw  # a page for people says it in its own words
        body = orjson.loads(answer.raw) if answer.raw else {}
        return bool(body.get("errcode") and body.get("error")) or (answer.status == 401 and "flows" in body)

    def expect(self, answer: Answer, what: str, *expected: tuple[int, str]) -> None:
        found = (answer.status, errcode_of(answer))
        if found not in expected:
            self.failures.append(f"{found} instead of {expected}: {what}")

    def check(self) -> None:
        assert not self.failures, "\n".join([f"{len(self.failures)} of {self.count}", *self.failures[:100]])


async def test_bad_segments_in_every_path(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    for route in attack.routes():
        body = None if route.method == "GET" else b"{}"
        for name in re.findall(r"\{(\w+)\}", route.path):
            for segment in BAD_SEGMENTS:
                answer = await attack.send(route, attack.fill(route, **{name: segment}), body)
                if segment in ("%00", "%FF%FE", "%ED%A0%80") and route.auth is not Auth.ADMIN:
                    attack.expect(answer, f"{route.method} {route.path} {name}={segment}", (400, "M_INVALID_PARAM"))
    attack.check()


async def test_bad_bodies_to_every_route(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    for route in attack.routes(methods="POST PUT"):
        if route.streams_body:
            continue
        target = attack.fill(route)
        for what, body in BAD_BODIES.items():
            answer = await attack.send(route, target, body, what)
            if what in NOT_JSON and route.body is not None and route.auth is Auth.USER and answer.status < 400:
                attack.failures.append(f"{answer.status} for {what}: {route.method} {target}")
        too_long = b'{"a":"' + b"x" * route.body_bytes_max + b'"}'
        answer = await attack.send(route, target, too_long, "too long")
        if route.auth is not Auth.ADMIN:
            # Of a server that has not signed no body is read.
            refusal = (401, "M_UNAUTHORIZED") if route.auth is Auth.SERVER else (413, "M_TOO_LARGE")
            attack.expect(answer, f"too long: {target}", refusal)
    attack.check()


def build_plausible(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Every required field of a body with a value of its type."""
    schema = msgspec.json.schema(shape)
    described = schema["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    values = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    properties = described.get("properties", {})
    return {name: values.get(properties[name].get("type", ""), {}) for name in described.get("required", [])}


async def test_bad_values_in_every_field(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    for route in attack.routes(methods="POST PUT DELETE"):
        if route.body is None:
            continue
        base, target = build_plausible(route.body), attack.fill(route)
        for field in msgspec.structs.fields(route.body):
            for value in BAD_VALUES:
                body = orjson.dumps({**base, field.encode_name: value})
                await attack.send(route, target, body, f"{field.encode_name}={value!r}"[:100])
    attack.check()


BAD_QUERIES = [
    "", "%00", "%FF", "%ED%A0%80", "-1", "1.5", "1_000", "%D9%A3", "99999999999999999999999999", "true", "[]", "{}", "%7B%7D", "x" * 20_000,
    "%7B%22a%22%3A" + "%5B" * 3_000, "s1_1_x_1", "t1_1", "s-1_1_x_1", "s99999999999999999999_1_x_1", "%22", "null", "NaN",
]  # fmt: skip


async def test_bad_queries_to_every_route(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    routes = [*attack.routes(), *(route for route in loopback.server.asgi.routes if route.path == f"{V3}/sync")]
    for route in routes:
        body, target = None if route.method == "GET" else b"{}", attack.fill(route)
        for name in (*route.query, "nonsense"):
            for value in BAD_QUERIES:
                await attack.send(route, f"{target}?{name}={value}", body)
        for query in ("&" * 5_000, "a=1&" * 1_000, "=", "%", "?", "a" * 40_000):
            await attack.send(route, f"{target}?{query}", body)
    attack.check()


async def test_tokens_methods_and_unknown_paths(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    all_routes = list(loopback.server.asgi.routes)
    known: dict[str, set[str]] = {}
    for route in all_routes:
        known.setdefault(attack.fill(route), set()).add(route.method)
    for route in all_routes:
        target = attack.fill(route)
        needs_token = route.auth not in (Auth.NONE, Auth.OPTIONAL)
        for token, errcode in (
            (None, "M_MISSING_TOKEN"),
            ("wrong", "M_UNKNOWN_TOKEN"),
            ("x" * 5000, "M_UNKNOWN_TOKEN"),
        ):
            if route.auth is Auth.SERVER:
                errcode = "M_UNAUTHORIZED"
            if needs_token:
                answer = await loopback.request(route.method, target, b"{}", token)
                attack.expect(answer, f"{route.method} {target} with {str(token)[:9]}", (401, errcode))
        for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "TRACE", "PROPFIND", "M-SEARCH"):
            if method not in known[target]:
                answer = await loopback.request(method, target, None, attack.person.access_token)
                attack.expect(answer, f"{method} {target}", (405, "M_UNRECOGNIZED"))
        answer = await loopback.request(
            route.method, f"{target}/nothing/at/all/here/x", None, attack.person.access_token
        )
        attack.expect(answer, f"{route.method} {target}/nothing…", (404, "M_UNRECOGNIZED"))
    for path in (
        "/_matrix",
        "/_matrix/client/v3/",
        "/_matrix/client/v9/sync",
        "/..",
        "/%2e%2e/",
        "/_matrix/client/v3/..",
        "/%00",
        "/%FF",
        "/x" * 200,
    ):
        attack.expect(await loopback.request("GET", path), path, (404, "M_UNRECOGNIZED"))
    attack.check()


async def test_events(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    room = q(attack.names["room_id"])
    refused = {
        b'{"a":1.5}': (400, "M_BAD_JSON"),
        b'{"a":1e3}': (400, "M_BAD_JSON"),
        b'{"a":9007199254740992}': (400, "M_BAD_JSON"),
        b'{"a":-9007199254740992}': (400, "M_BAD_JSON"),
        b'{"a":18446744073709551616}': (400, "M_BAD_JSON"),
        b'{"a":[{"b":[0.1]}]}': (400, "M_BAD_JSON"),
        b'{"a":"\\u0000"}': (400, "M_BAD_JSON"),
        b'{"a":"' + b"x" * 65_536 + b'"}': (413, "M_TOO_LARGE"),
        b'{"a":"' + b"\xd8\xa7" * 32_700 + b'"}': (413, "M_TOO_LARGE"),
        b'{"a":' + b"[" * 101 + b"]" * 101 + b"}": (400, "M_BAD_JSON"),
    }
    targets = [f"{V3}/rooms/{room}/send/m.room.message/e{{}}", f"{V3}/rooms/{room}/state/org.example.x/k{{}}"]
    for target in targets:
        for number, (body, expected) in enumerate(refused.items()):
            answer = await loopback.request("PUT", target.format(number), body, attack.person.access_token)
            attack.expect(answer, f"{target} {body[:40]!r}", expected)
        for number, body in enumerate(
            (
                b'{"a":9007199254740991,"b":-9007199254740991}',
                b'{"a":1,"a":2}',
                b"{}",
                b'{"a":' + b"[" * 90 + b"]" * 90 + b"}",
            )
        ):
            answer = await loopback.request("PUT", target.format(f"good{number}"), body, attack.person.access_token)
            attack.expect(answer, f"{target} {body[:40]!r}", (200, ""))
    for target in (
        f"{V3}/rooms/{room}/send/{'x' * 256}/1",
        f"{V3}/rooms/{room}/state/m.x/{'x' * 256}",
        f"{V3}/rooms/{room}/send/m.x/{'t' * 300}",
    ):
        answer = await loopback.request("PUT", target, b"{}", attack.person.access_token)
        assert answer.status in (400, 413), (target[:80], answer)
    events = (await attack.person.get(f"{V3}/rooms/{room}/messages?dir=b&limit=100")).ok()["chunk"]
    found = [event["content"].get("a") for event in events if event["type"] == "m.room.message"]
    assert 2 in found
    assert 2**53 - 1 in found
    attack.check()


@pytest.mark.parametrize("number", [b"0.5", b"1e300", b"9007199254740992", b"-1e-9"])
async def test_numbers_that_cannot_be_signed(loopback: Loopback, number: bytes) -> None:
    attack = await Attack.begin(loopback)
    user, device = attack.person.user_id.encode(), attack.person.device_id.encode()
    room = q(attack.names["room_id"])
    device_keys = b'{"user_id":"%b","device_id":"%b","algorithms":[],"keys":{},"signatures":{},"x":[%b]}' % (
        user,
        device,
        number,
    )
    bodies = [
        ("POST", "/createRoom", b'{"creation_content":{"x":{"y":[%b]}}}'),
        ("POST", "/createRoom", b'{"power_level_content_override":{"x":%b}}'),
        ("POST", "/createRoom", b'{"initial_state":[{"type":"m.x","state_key":"","content":{"x":%b}}]}'),
        ("POST", f"/rooms/{room}/invite", b'{"user_id":"@x:localhost","reason":%b}'),
        ("POST", f"/rooms/{room}/upgrade", b'{"new_version":"12","additional_creators":[%b]}'),
        ("POST", "/keys/upload", b'{"device_keys":' + device_keys.replace(b"%", b"%%").replace(number, b"%b") + b"}"),
        ("POST", "/keys/upload", b'{"one_time_keys":{"signed_curve25519:A":{"key":"x","signatures":{},"x":%b}}}'),
        ("POST", "/keys/signatures/upload", b'{"%b":{"X":{"x":%%b}}}' % user),
        ("PUT", f"/rooms/{room}/redact/$x/{len(number)}", b'{"reason":%b}'),
    ]
    for method, path, body in bodies:
        answer = await loopback.request(method, V3 + path, body % number, attack.person.access_token)
        if path == "/createRoom":
            attack.expect(answer, f"{path} {body!r}", (400, "M_BAD_JSON"), (400, "M_INVALID_ROOM_STATE"))
        assert answer.status < 500, (path, body, answer)
    attack.check()


async def test_what_belongs_to_others(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    victim, outsider = await loopback.register("victim"), attack.person
    room_id = (await victim.post(f"{V3}/createRoom", {})).ok()["room_id"]
    user, device, room = q(victim.user_id), q(victim.device_id), q(room_id)
    refused = [
        ("GET", f"/devices/{device}", None, (404, "M_NOT_FOUND")),
        ("PUT", f"/devices/{device}", b'{"display_name":"x"}', (404, "M_NOT_FOUND")),
        ("GET", f"/user/{user}/account_data/m.direct", None, (403, "M_FORBIDDEN")),
        ("PUT", f"/user/{user}/account_data/m.direct", b"{}", (403, "M_FORBIDDEN")),
        ("GET", f"/user/{user}/rooms/{room}/account_data/m.x", None, (403, "M_FORBIDDEN")),
        ("PUT", f"/user/{user}/rooms/{room}/account_data/m.x", b"{}", (403, "M_FORBIDDEN")),
        ("GET", f"/user/{user}/rooms/{room}/tags", None, (403, "M_FORBIDDEN")),
        ("PUT", f"/user/{user}/rooms/{room}/tags/x", b"{}", (403, "M_FORBIDDEN")),
        ("DELETE", f"/user/{user}/rooms/{room}/tags/x", b"{}", (403, "M_FORBIDDEN")),
        ("POST", f"/user/{user}/filter", b"{}", (403, "M_FORBIDDEN")),
        ("GET", f"/user/{user}/filter/0", None, (403, "M_FORBIDDEN")),
        ("POST", f"/user/{user}/openid/request_token", b"{}", (403, "M_FORBIDDEN")),
        ("PUT", f"/presence/{user}/status", b'{"presence":"online"}', (403, "M_FORBIDDEN")),
        ("GET", f"/presence/{user}/status", None, (403, "M_FORBIDDEN")),
        ("PUT", f"/profile/{user}/displayname", b'{"displayname":"x"}', (403, "M_FORBIDDEN")),
        ("DELETE", f"/profile/{user}/displayname", b"{}", (403, "M_FORBIDDEN")),
        ("PUT", f"/rooms/{room}/typing/{user}", b'{"typing":true}', (403, "M_FORBIDDEN")),
        ("PUT", f"/rooms/{room}/send/m.room.message/1", b"{}", (403, "M_FORBIDDEN")),
        ("PUT", f"/rooms/{room}/state/m.room.name", b'{"name":"x"}', (403, "M_FORBIDDEN")),
        ("GET", f"/rooms/{room}/state", None, (403, "M_FORBIDDEN")),
        ("GET", f"/rooms/{room}/members", None, (403, "M_FORBIDDEN")),
        ("GET", f"/rooms/{room}/messages?dir=b", None, (403, "M_FORBIDDEN")),
        ("POST", f"/rooms/{room}/invite", orjson.dumps({"user_id": outsider.user_id}), (403, "M_FORBIDDEN")),
        ("POST", f"/rooms/{room}/receipt/m.read/$x", b"{}", (403, "M_FORBIDDEN")),
        ("GET", f"/admin/whois/{user}", None, (403, "M_FORBIDDEN")),
    ]
    for method, path, body, expected in refused:
        answer = await loopback.request(method, V3 + path, body, outsider.access_token)
        attack.expect(answer, f"{method} {path}", expected)
    unlocked = await loopback.request(
        "PUT", f"/_matrix/client/v1/admin/lock/{user}", b'{"locked":true}', outsider.access_token
    )
    attack.expect(unlocked, "lock", (403, "M_FORBIDDEN"))
    auth = outsider.password_auth()
    answer = await outsider.post(f"{V3}/delete_devices", {"devices": [victim.device_id], "auth": auth})
    assert answer.status in (200, 401)
    assert (await victim.get(f"{V3}/account/whoami")).status == 200
    keys = {"user_id": victim.user_id, "device_id": victim.device_id, "algorithms": [], "keys": {}, "signatures": {}}
    assert (await outsider.post(f"{V3}/keys/upload", {"device_keys": keys})).status == 400
    attack.check()


async def test_the_transport(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    path, token = f"{V3}/account/whoami", attack.person.access_token
    flood = "".join(f"X-Header-{number}: value\r\n" for number in range(5_000))
    host = "Host: localhost\r\nConnection: close\r\n"
    refused = {
        "many headers": (f"GET {path} HTTP/1.1\r\n{host}{flood}\r\n".encode(), {431}),
        "one long header": (f"GET {path} HTTP/1.1\r\n{host}X: {'x' * 200_000}\r\n\r\n".encode(), {431}),
        "a long path": (f"GET /{'x' * 200_000} HTTP/1.1\r\n{host}\r\n".encode(), {414, 431}),
        "a filter of a megabyte": (f"GET {V3}/sync?filter={'%7B' * 350_000} HTTP/1.1\r\n{host}\r\n".encode(), {414, 431}),
        "no request": (b"\x00\x01\x02\r\n\r\n", {400}),
        "two lengths": (f"POST {V3}/login HTTP/1.1\r\n{host}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}".encode(), {400}),
        "a negative length": (f"POST {V3}/login HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n".encode(), {400}),
        "a length and chunks": (
            f"POST {V3}/login HTTP/1.1\r\n{host}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode(), {400},
        ),
        "a long body in advance": (f"POST {V3}/login HTTP/1.1\r\n{host}Content-Length: 99999999999\r\n\r\n".encode(), {413}),
        "a length beyond numbers": (f"POST {V3}/login HTTP/1.1\r\n{host}Content-Length: {'9' * 40}\r\n\r\n".encode(), {400, 413}),
        "endless chunks": (
            f"POST {V3}/login HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n".encode() + (b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 80, {413},
        ),
        "a bad chunk": (f"POST {V3}/login HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nzz\r\n".encode(), {0, 400}),
        "a token with a NUL": (f"GET {path} HTTP/1.1\r\n{host}Authorization: Bearer a\x00b\r\n\r\n".encode(), {400, 401}),
        "a token of other letters": (f"GET {path} HTTP/1.1\r\n{host}Authorization: Bearer \u0663\u00ff\r\n\r\n".encode(), {401}),
        "a scheme of its own": (f"GET {path} HTTP/1.1\r\n{host}Authorization: Basic {token}\r\n\r\n".encode(), {401}),
        "no token": (f"GET {path} HTTP/1.1\r\n{host}Authorization: Bearer\r\n\r\n".encode(), {401}),
    }  # fmt: skip
    for what, (raw, statuses) in refused.items():
        answer = await loopback.send(raw)
        stall_s = loopback.stalls.take()
        if answer.status not in statuses or (answer.status and not errcode_of(answer)):
            attack.failures.append(f"{what}: {answer.status} {answer.raw[:200]!r}")
        if stall_s > STALL_S_MAX:
            attack.failures.append(f"{what}: {stall_s * 1000:.0f} ms of stall")
    assert (await loopback.request("GET", path, None, token)).status == 200
    attack.check()


async def test_megabyte_filters(loopback: Loopback) -> None:
    attack = await Attack.begin(loopback)
    user = q(attack.person.user_id)
    texts = ["x" * 255] * 1_000
    filters: dict[str, Any] = {
        "long lists": {"room": {"timeline": {"types": texts}, "state": {"not_types": ["*" * 50 + "a"] * 1_000}}},
        "too long lists": {"room": {"rooms": [f"!{number}:x" for number in range(50_000)]}},
        "wildcards": {"room": {"timeline": {"types": ["*a" * 100 + "b"] * 900}}},
        "fields": {"event_fields": ["a." * 100 + "b"] * 100},
        "too many fields": {"event_fields": ["a"] * 100_000},
        "deep": {"room": {"timeline": {"a": orjson.loads(b"[" * 90 + b"]" * 90)}}},
        "unknown": {"x" * 1000: {"y": ["z"] * 50_000}},
    }
    room = q(attack.names["room_id"])
    for number in range(30):
        body = orjson.dumps({"msgtype": "m.text", "body": "x"})
        await loopback.request("PUT", f"{V3}/rooms/{room}/send/{'a' * 200}b/{number}", body, attack.person.access_token)
    loopback.stalls.take()
    for what, wanted in filters.items():
        answer = await loopback.request(
            "POST", f"{V3}/user/{user}/filter", orjson.dumps(wanted), attack.person.access_token
        )
        assert answer.status in (200, 400, 413), (what, answer)
        if answer.status == 200:
            target = f"{V3}/sync?filter={answer.body['filter_id']}"
            assert (await loopback.request("GET", target, None, attack.person.access_token)).status == 200, what
        if (stall_s := loopback.stalls.take()) > STALL_S_MAX:
            attack.failures.append(f"{what}: {stall_s * 1000:.0f} ms of stall")
    attack.check()
