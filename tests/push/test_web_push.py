"""Web Push: a browser's subscription, a real push service, and what the browser can decrypt."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import http_ece
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey
from tests.client import Client, InProcessServer, q, running_server
from tests.push.receiver import Hit, Receiver, running_receiver

from zajil.push import deliver_pushes
from zajil.push.web_push import parse_subscription

V3 = "/_matrix/client/v3"
GATEWAY = "/_matrix/push/v1/notify"
SUBJECT = "mailto:operator@example.org"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Browser:
    """What a browser keeps of its subscription."""

    key: ec.EllipticCurvePrivateKey
    auth: bytes

    @property
    def p256dh(self) -> str:
        point = serialization.PublicFormat.UncompressedPoint
        return encode(self.key.public_key().public_bytes(serialization.Encoding.X962, point))

    def read(self, hit: Hit) -> Any:
        plain = http_ece.decrypt(hit.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        return orjson.loads(plain)


@pytest.fixture
def browser() -> Browser:
    return Browser(ec.generate_private_key(ec.SECP256R1()), os.urandom(16))


@pytest.fixture
async def service() -> AsyncIterator[Receiver]:
    async with running_receiver() as opened:
        opened.status = 201
        yield opened


def open_server(data: Path) -> Any:
    return running_server(data, push_allow_private_networks=True, web_push_subject=SUBJECT)


async def subscribe(client: Client, browser: Browser, endpoint: str) -> None:
    key = (await client.server.client().get("/_zajil/web_push/key")).ok()
    assert key["app_id"] == "org.zajil.web"
    pusher = {
        "kind": "http",
        "app_id": key["app_id"],
        "pushkey": browser.p256dh,
        "app_display_name": "Zajil",
        "device_display_name": "Firefox",
        "lang": "en",
        "data": {"url": key["url"], "format": "event_id_only", "endpoint": endpoint, "auth": encode(browser.auth)},
    }
    (await client.post(f"{V3}/pushers/set", pusher)).ok()


async def open_chat(server: InProcessServer) -> tuple[Client, Client, str]:
    anna, bert = await server.register("anna"), await server.register("bert")
    body = {"preset": "private_chat", "invite": [bert.user_id], "name": "Secret plans"}
    room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
    (await bert.post(f"{V3}/join/{q(room_id)}")).ok()
    return anna, bert, room_id


async def send(client: Client, room_id: str, txn_id: str) -> str:
    path = f"{V3}/rooms/{q(room_id)}/send/m.room.message/{txn_id}"
    return str((await client.put(path, {"msgtype": "m.text", "body": "not for others"})).ok()["event_id"])


async def test_a_browser_is_told_which_event_and_nothing_else(
    tmp_path: Path, service: Receiver, browser: Browser
) -> None:
    async with open_server(tmp_path) as server:
        anna, bert, room_id = await open_chat(server)
        await subscribe(bert, browser, f"{service.base}/send/abc")
        event_id = await send(anna, room_id, "1")
        hit = (await service.wait(1))[0]
        assert browser.read(hit) == {"event_id": event_id, "room_id": room_id, "unread": 1}
        assert hit.path == "/send/abc"
        assert hit.headers["Content-Encoding"] == "aes128gcm"
        assert int(hit.headers["TTL"]) > 3600
        assert hit.headers["Urgency"] == "high"
        assert len(hit.headers["Topic"]) == 32


async def test_the_push_service_can_tell_who_sends(tmp_path: Path, service: Receiver, browser: Browser) -> None:
    async with open_server(tmp_path) as server:
        anna, bert, room_id = await open_chat(server)
        await subscribe(bert, browser, f"{service.base}/send/abc")
        await send(anna, room_id, "1")
        scheme, _, fields = (await service.wait(1))[0].headers["Authorization"].partition(" ")
        assert scheme == "vapid"
        token, key = (part.strip().partition("=")[2] for part in fields.split(","))
        assert key == (await anna.get("/_zajil/web_push/key")).ok()["key"]
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(key))
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        claims = jwt.decode(token, ECKey.import_key(pem), algorithms=["ES256"]).claims
        now_s = server.app.clock.now_ms() // 1000
        assert claims["aud"] == service.base
        assert claims["sub"] == SUBJECT
        assert now_s < claims["exp"] <= now_s + 24 * 3600


async def test_the_key_survives_a_restart(tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        async with open_server(tmp_path) as server:
            keys.append((await server.client().get("/_zajil/web_push/key")).ok()["key"])
    assert keys[0] == keys[1]
    assert len(decode(keys[0])) == 65


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_is_gone_ends_the_pusher(
    tmp_path: Path, service: Receiver, browser: Browser, status: int
) -> None:
    async with open_server(tmp_path) as server:
        anna, bert, room_id = await open_chat(server)
        await subscribe(bert, browser, f"{service.base}/send/abc")
        service.status = status
        await send(anna, room_id, "1")
        await service.wait(1)
        async with asyncio.timeout(20):
            while (await bert.get(f"{V3}/pushers")).ok()["pushers"]:
                await asyncio.sleep(0.02)


async def test_a_push_service_that_fails_is_tried_again(
    tmp_path: Path, service: Receiver, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver_pushes, "BACKOFF_MS", 20)
    async with open_server(tmp_path) as server:
        anna, bert, room_id = await open_chat(server)
        await subscribe(bert, browser, f"{service.base}/send/abc")
        service.status = 503
        event_id = await send(anna, room_id, "1")
        await service.wait(2)
        service.status = 201
        last = (await service.wait(len(service.hits) + 1))[-1]
        assert browser.read(last)["event_id"] == event_id


async def test_other_homeservers_may_use_the_gateway(tmp_path: Path, service: Receiver, browser: Browser) -> None:
    async with open_server(tmp_path) as server:
        device = {
            "app_id": "org.zajil.web",
            "pushkey": browser.p256dh,
            "data": {"endpoint": f"{service.base}/x", "auth": encode(browser.auth)},
        }
        notification = {"event_id": "$e", "room_id": "!r:elsewhere", "counts": {"unread": 7}, "prio": "low"}
        body = {"notification": {**notification, "content": {"body": "secret"}, "devices": [device]}}
        assert (await server.client().post(GATEWAY, body)).ok() == {"rejected": []}
        hit = service.hits[0]
        assert browser.read(hit) == {"event_id": "$e", "room_id": "!r:elsewhere", "unread": 7}
        assert hit.headers["Urgency"] == "low"
        foreign = {**device, "app_id": "com.example", "pushkey": "theirs"}
        body = {"notification": {**notification, "devices": [foreign]}}
        assert (await server.client().post(GATEWAY, body)).ok() == {"rejected": ["theirs"]}
        numbers_only = {"notification": {"counts": {"unread": 1}, "devices": [device]}}
        assert (await server.client().post(GATEWAY, numbers_only)).ok() == {"rejected": []}
        assert len(service.hits) == 1
        service.status = 500
        answer = await server.client().post(GATEWAY, {"notification": {**notification, "devices": [device]}})
        assert answer.status == 503


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"notification": []},
        {"notification": {}},
        {"notification": {"devices": {}}},
        {"notification": {"devices": [5]}},
        {"notification": {"devices": [{"app_id": "org.zajil.web"}]}},
        {"notification": {"devices": [{"pushkey": "x"}] * 101}},
    ],
)
async def test_what_is_no_notification_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    async with running_server(tmp_path) as server:
        answer = await server.client().post(GATEWAY, body)
        assert answer.status == 400
        assert answer.errcode in ("M_BAD_JSON", "M_MISSING_PARAM")


async def test_the_gateway_does_not_reach_into_the_network(tmp_path: Path, service: Receiver, browser: Browser) -> None:
    async with running_server(tmp_path) as server:
        for endpoint, status in ((f"{service.base}/x", 200), (service.base.replace("http", "https") + "/x", 503)):
            data = {"endpoint": endpoint, "auth": encode(browser.auth)}
            device = {"app_id": "org.zajil.web", "pushkey": browser.p256dh, "data": data}
            notification = {"event_id": "$e", "room_id": "!r:x", "devices": [device]}
            assert (await server.client().post(GATEWAY, {"notification": notification})).status == status
        assert service.hits == []


def test_subscriptions_are_checked(browser: Browser) -> None:
    data = {"endpoint": "https://push.example.org/x", "auth": encode(browser.auth)}
    found = parse_subscription(browser.p256dh, data)
    assert found is not None
    assert found.auth == browser.auth
    off_the_curve = encode(b"\x04" + b"\x01" * 64)
    wrong: list[tuple[Any, Any]] = [
        (off_the_curve, data),
        ("", data),
        (None, data),
        (encode(b"\x04" * 64), data),
        (browser.p256dh, None),
        (browser.p256dh, {**data, "auth": encode(b"short")}),
        (browser.p256dh, {**data, "auth": "é"}),
        (browser.p256dh, {**data, "endpoint": "http://push.example.org/x"}),
        (browser.p256dh, {**data, "endpoint": "https://"}),
        (browser.p256dh, {**data, "endpoint": "https://[::1/"}),
        (browser.p256dh, {**data, "endpoint": "https://push.example.org/" + "x" * 3000}),
    ]
    for pushkey, each in wrong:
        assert parse_subscription(pushkey, each) is None, (pushkey, each)
