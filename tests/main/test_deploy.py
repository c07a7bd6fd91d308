"""The proxy examples, run as they stand: only names, ports and certificates are replaced."""

import datetime
import http.client
import ipaddress
import json
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.servers import ROOT, Server, build_zajil, find_free_port

from zajil.main.tls import check_certificate

DEPLOY = ROOT / "deploy"
NOW = datetime.datetime.now(datetime.UTC)


def build_certificate(folder: Path, name: str = "localhost", days: int = 30) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=60))
        .not_valid_after(NOW + datetime.timedelta(days=days))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_path, key_path


class Connection:
    """A client that trusts just the test's certificate."""

    def __init__(self, port: int, certificate: Path) -> None:
        self.port = port
        self.context = ssl.create_default_context(cafile=str(certificate))

    def ask(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=120, context=self.context)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def check_served(connection: Connection) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            status, body = connection.ask("/_matrix/client/versions")
            break
        except (OSError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    assert status == 200
    assert b"v1.19" in body
    # The router sees %2F: the path is known and only the token is missing.
    status, body = connection.ask("/_matrix/client/v3/rooms/!a%2Fb/state/m.room.name/", "PUT")
    assert (status, b"M_MISSING_TOKEN" in body) == (401, True), body
    status, body = connection.ask("/_matrix/client/v3/rooms/!a/b/state/m.room.name/c/d", "PUT")
    assert (status, b"M_UNRECOGNIZED" in body) == (404, True), body
    status, body = connection.ask("/nowhere")
    assert (status, b"M_UNRECOGNIZED" in body) == (404, True), body


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, trusted_proxies="127.0.0.1", public_base_url="https://localhost")
    server.start()
    yield server
    server.stop()


def need(program: str, package: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{program} is not installed; as root: apt install {package}")
    return found


def test_nginx(server: Server, tmp_path: Path) -> None:
    nginx = need("nginx", "nginx-light")
    certificate, key = build_certificate(tmp_path)
    port, plain_port = find_free_port(), find_free_port()
    example = (DEPLOY / "nginx.conf").read_text()
    replacements = {
        "/etc/letsencrypt/live/chat.example.org/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/chat.example.org/privkey.pem": str(key),
        "chat.example.org": "localhost",
        "listen [::]:443 ssl http2;": "",
        "listen [::]:80;": "",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "server 127.0.0.1:8008;": f"server 127.0.0.1:{server.port};",
    }
    for old, new in replacements.items():
        assert old in example, old
        example = example.replace(old, new)
    folders = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log; worker_processes 1;\n"
        f"events {{}}\nhttp {{ access_log off;\n{folders}{example}}}\n"
    )
    process = subprocess.Popen([nginx, "-p", str(tmp_path), "-e", f"{tmp_path}/error.log", "-c", str(config)])
    try:
        check_served(Connection(port, certificate))
        redirect = http.client.HTTPConnection("localhost", plain_port, timeout=120)
        redirect.request("GET", "/a%2Fb", headers={"Host": "localhost"})
        answer = redirect.getresponse()
        assert (answer.status, answer.headers["location"]) == (301, "https://localhost/a%2Fb")
        redirect.close()
    finally:
        process.terminate()
        process.wait(10)


def test_caddy(server: Server, tmp_path: Path) -> None:
    caddy = need("caddy", "caddy")
    certificate, key = build_certificate(tmp_path)
    port = find_free_port()
    example = (DEPLOY / "Caddyfile").read_text()
    replacements = {
        "chat.example.org {": f"https://localhost:{port} {{\n\ttls {certificate} {key}",
        "127.0.0.1:8008": f"127.0.0.1:{server.port}",
    }
    for old, new in replacements.items():
        assert old in example, old
        example = example.replace(old, new)
    config = tmp_path / "Caddyfile"
    config.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + example)
    environment = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [caddy, "run", "--config", str(config), "--adapter", "caddyfile"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        check_served(Connection(port, certificate))
    finally:
        process.terminate()
        process.wait(10)


def test_tls_without_a_proxy(tmp_path: Path) -> None:
    certificate, key = build_certificate(tmp_path)
    server = build_zajil(tmp_path, tls_certificate=str(certificate), tls_key=str(key))
    server.launch()
    try:
        check_served(Connection(server.port, certificate))
    finally:
        server.stop()


@pytest.mark.parametrize(("trusted", "seen"), [("127.0.0.0/8", "203.0.113.0"), ("198.51.100.1", "127.0.0.1")])
def test_only_a_trusted_proxy_says_who_asks(tmp_path: Path, trusted: str, seen: str) -> None:
    server = build_zajil(tmp_path, trusted_proxies=trusted, public_base_url="https://localhost").start()

    def ask(method: str, path: str, token: str, body: str | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        # The first address is what a client made up, the last one what the proxy saw.
        headers = {"X-Forwarded-For": "192.0.2.66, 203.0.113.77", "Authorization": f"Bearer {token}"}
        connection.request(method, f"/_matrix/client/v3/{path}", body, headers)
        answer = connection.getresponse()
        assert answer.status == 200
        value: dict[str, Any] = json.loads(answer.read())
        connection.close()
        return value

    try:
        register = '{"username": "anna", "password": "correct horse", "auth": {"type": "m.login.dummy"}}'
        token = ask("POST", "register", "", register)["access_token"]
        ask("GET", "account/whoami", token)
        server.stop()  # which writes down when and where devices were seen
        server.start()
        assert [device["last_seen_ip"] for device in ask("GET", "devices", token)["devices"]] == [seen]
    finally:
        server.kill()


def test_certificates_are_judged(tmp_path: Path) -> None:
    certificate, key = build_certificate(tmp_path)
    assert check_certificate(certificate, key, "localhost", NOW) == []
    assert "does not name a.example" in check_certificate(certificate, key, "a.example", NOW)[0]
    assert "renew it now" in check_certificate(*build_certificate(tmp_path, "soon", 3), "soon", NOW)[0]
    assert "expired" in check_certificate(*build_certificate(tmp_path, "late", -3), "late", NOW)[0]
    other = build_certificate(tmp_path, "other")[1]
    assert "not a certificate and its key" in check_certificate(certificate, other, "localhost", NOW)[0]
    assert "cannot be read" in check_certificate(tmp_path / "none", key, "localhost", NOW)[0]
    wild = build_certificate(tmp_path, "*.example.org")
    assert check_certificate(*wild, "chat.example.org", NOW) == []
    assert check_certificate(*wild, "a.b.example.org", NOW)
