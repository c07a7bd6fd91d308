"""Servers that talk with each other over TLS on loopback, under the names localhost:PORT, and people on them."""

from __future__ import annotations

import datetime
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.servers import (
    SYNAPSE_LOG_CONFIG,
    Server,
    ServerFailed,
    build_synapse_config,
    build_zajil,
    find_free_port,
    find_synapse_python,
)

WAIT_S_MAX = 60.0
DAY = datetime.timedelta(days=1)


@dataclass
class Authority:
    """A certificate authority of its own, and one certificate for localhost."""

    ca: Path
    certificate: Path
    key: Path


def make_authority(folder: Path) -> Authority:
    folder.mkdir(parents=True, exist_ok=True)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Zajil test authority")])
    now = datetime.datetime.now(datetime.UTC)
    ca = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(ca_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    made = Authority(folder / "ca.pem", folder / "localhost.pem", folder / "localhost.key")
    made.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


@dataclass
class TlsServer(Server):
    """A server that answers HTTPS."""

    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    known_as: str = ""
    """Its server name, if that does not come from its port."""

    @property
    def base(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def server_name(self) -> str:
        return self.known_as or f"localhost:{self.port}"

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(
                f"{self.base}/_matrix/client/versions", timeout=5, context=self.context
            ) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False


def build_peer(
    folder: Path, authority: Authority, known_as: str = "", *, port: int = 0, **options: str
) -> TlsServer:
    port = port or find_free_port()
    built = build_zajil(
        folder,
        port=port,
        server_name=known_as or f"localhost:{port}",
        tls_certificate=str(authority.certificate),
        tls_key=str(authority.key),
        federation_ca=str(authority.ca),
        federation_networks="127.0.0.0/8",
        **options,
    )
    context = ssl.create_default_context(cafile=str(authority.ca))
    return TlsServer(
        built.name, built.command, port, built.data, built.log, built.env, context=context, known_as=known_as
    )


@contextmanager
def run_both(one: TlsServer, two: TlsServer) -> Iterator[tuple[TlsServer, TlsServer]]:
    """Two servers while they run."""
    try:
        one.start()
        two.start()
        yield one, two
    finally:
        one.stop()
        two.stop()


def build_synapse_peer(folder: Path, authority: Authority, *, port: int = 0, **overrides: Any) -> TlsServer:
    """Synapse, with a federation listener like ours."""
    python = find_synapse_python()
    if python is None:
        raise ServerFailed("matrix-synapse is not installed: make .venv-synapse/.installed")
    port = port or find_free_port()
    data = folder / "synapse"
    data.mkdir(parents=True, exist_ok=True)
    config = {
        **build_synapse_config(data, port),
        "server_name": f"localhost:{port}",
        "public_baseurl": f"https://localhost:{port}/",
        "listeners": [
            {
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "type": "http",
                "tls": True,
                "resources": [{"names": ["client", "federation"]}],
            }
        ],
        "tls_certificate_path": str(authority.certificate),
        "tls_private_key_path": str(authority.key),
        "federation_custom_ca_list": [str(authority.ca)],
        "ip_range_blacklist": [],
        "ip_range_whitelist": ["127.0.0.1", "::1"],
        "allow_public_rooms_over_federation": True,
        "federation": {"destination_min_retry_interval": "1s", "destination_max_retry_interval": "2s"},
        "rc_federation": {"window_size": 1000, "sleep_limit": 100000, "reject_limit": 100000, "concurrent": 100},
        **overrides,
    }
    (data / "homeserver.yaml").write_text(json.dumps(config))
    (data / "log.yaml").write_text(json.dumps(SYNAPSE_LOG_CONFIG))
    (data / "signing.key").write_text("ed25519 a_test " + "A" * 42 + "A\n")
    command = [str(python), "-m", "synapse.app.homeserver", "-c", str(data / "homeserver.yaml")]
    context = ssl.create_default_context(cafile=str(authority.ca))
    return TlsServer("Synapse", command, port, data, folder / "synapse.log", context=context)


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.errcode = body.get("errcode", "") if isinstance(body, dict) else ""


@dataclass
class Person:
    """An account on a server, used through the client-server API."""

    server: TlsServer
    user_id: str
    token: str
    since: str = ""
    rooms: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    to_device: list[dict[str, Any]] = field(default_factory=list)
    ephemeral: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    invites: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    changed_devices: list[str] = field(default_factory=list)
    presence: list[dict[str, Any]] = field(default_factory=list)

    def call(self, method: str, path: str, content: Any = None, **query: Any) -> Any:
        url = f"{self.server.base}/_matrix/client/v3{path}"
        if query:
            url += "?" + urlencode(query, doseq=True)
        body = None if content is None else json.dumps(content).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.server.context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read()
            raise Refusal(error.code, json.loads(text) if text.startswith(b"{") else {}) from None

    def create_room(self, **content: Any) -> str:
        room_id: str = self.call("POST", "/createRoom", content)["room_id"]
        return room_id

    def join(self, room: str, *via: str) -> str:
        room_id: str = self.call("POST", f"/join/{quote(room, safe='')}", {}, via=list(via))["room_id"]
        return room_id

    def send(self, room_id: str, text: str) -> str:
        return self.send_event(room_id, "m.room.message", {"msgtype": "m.text", "body": text})

    def send_event(self, room_id: str, event_type: str, content: dict[str, Any]) -> str:
        txn_id = f"{time.monotonic_ns()}"
        path = f"/rooms/{quote(room_id, safe='')}/send/{event_type}/{txn_id}"
        event_id: str = self.call("PUT", path, content)["event_id"]
        return event_id

    def set_state(self, room_id: str, event_type: str, content: dict[str, Any], state_key: str = "") -> str:
        path = f"/rooms/{quote(room_id, safe='')}/state/{event_type}/{quote(state_key, safe='')}"
        event_id: str = self.call("PUT", path, content)["event_id"]
        return event_id

    def state(self, room_id: str) -> dict[tuple[str, str], str]:
        found = self.call("GET", f"/rooms/{quote(room_id, safe='')}/state")
        return {(each["type"], each["state_key"]): each["event_id"] for each in found}

    def sync(self, timeout_ms: int = 0) -> None:
        """Take in what is new."""
        whole = json.dumps({"room": {"timeline": {"limit": 500}}})
        query: dict[str, Any] = {"timeout": timeout_ms, "filter": whole}
        if self.since:
            query["since"] = self.since
        answer = self.call("GET", "/sync", None, **query)
        self.since = answer["next_batch"]
        for room_id, room in answer.get("rooms", {}).get("join", {}).items():
            self.invites.pop(room_id, None)
            self.seen.setdefault(room_id, []).extend(room.get("timeline", {}).get("events", []))
            self.ephemeral.setdefault(room_id, []).extend(room.get("ephemeral", {}).get("events", []))
        for room_id, room in answer.get("rooms", {}).get("invite", {}).items():
            self.invites[room_id] = room["invite_state"]["events"]
        self.left |= answer.get("rooms", {}).get("leave", {}).keys()
        self.to_device += answer.get("to_device", {}).get("events", [])
        self.changed_devices += answer.get("device_lists", {}).get("changed", [])
        self.presence += answer.get("presence", {}).get("events", [])

    def wait_for(self, what: str, test: Callable[[Person], Any]) -> Any:
        """Sync until `test` finds something."""
        until = time.monotonic() + WAIT_S_MAX
        while True:
            self.sync(500)
            found = test(self)
            if found:
                return found
            assert time.monotonic() < until, f"{self.user_id} never saw {what}\n{self.server.log_tail()}"

    def wait_for_text(self, room_id: str, text: str) -> dict[str, Any]:
        found: dict[str, Any] = self.wait_for(
            repr(text),
            lambda me: next(
                (each for each in me.seen.get(room_id, []) if each.get("content", {}).get("body") == text), None
            ),
        )
        return found

    def texts(self, room_id: str) -> list[str]:
        return [
            each["content"]["body"]
            for each in self.seen.get(room_id, [])
            if each["type"] == "m.room.message" and "body" in each["content"]
        ]


def register(server: TlsServer, name: str) -> Person:
    url = f"{server.base}/_matrix/client/v3/register"
    body = {"username": name, "password": "correct horse battery", "auth": {"type": "m.login.dummy"}}
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60, context=server.context) as answer:
        made = json.load(answer)
    return Person(server, made["user_id"], made["access_token"])
