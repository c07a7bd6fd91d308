"""A small identity server over TLS (identity service API): it knows addresses, keeps invitations for those it does not know, and tells homeservers."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse
from urllib.request import Request, urlopen

from tests.federation.peers import Authority, TlsServer

from zajil.core.signing import SigningKey, encode_base64, sign_json

BASE = "/_matrix/identity/v2"


class IdentityServer:
    """`users` are those it knows by address; `pending` waits for an address to be bound."""

    def __init__(self, authority: Authority) -> None:
        self.key = SigningKey(bytes(range(32)), "ed25519:0")
        self.users: dict[str, str] = {}
        self.pending: dict[str, list[dict[str, Any]]] = {}
        self.is_key_valid = True
        self.validity_asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(outer.answer(self.path, {}))

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                self._answer(outer.answer(self.path, json.loads(self.rfile.read(length))))

            def _answer(self, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.certificate, authority.key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.name = f"localhost:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def offered_keys(self) -> list[dict[str, str]]:
        url = f"https://{self.name}{BASE}/pubkey/isvalid"
        return [{"public_key": encode_base64(self.key.public_key), "key_validity_url": url}]

    def answer(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        url = urlparse(path)
        match url.path.removeprefix(BASE):
            case "/hash_details":
                return {"algorithms": ["sha256"], "lookup_pepper": "pepper"}
            case "/lookup":
                known = {build_hash(address): user_id for address, user_id in self.users.items()}
                return {"mappings": {each: known[each] for each in content["addresses"] if each in known}}
            case "/store-invite":
                waiting = self.pending.setdefault(content["address"], [])
                token = f"token{len(waiting)}{content['address']}"
                waiting.append({**content, "token": token})
                return {"token": token, "public_keys": self.offered_keys, "display_name": "b...@e..."}
            case "/pubkey/isvalid":
                self.validity_asked += 1
                is_ours = parse_qs(url.query)["public_key"] == [encode_base64(self.key.public_key)]
                return {"valid": self.is_key_valid and is_ours}
        raise AssertionError(path)

    def bind(self, homeserver: TlsServer, address: str, user_id: str, key: SigningKey | None = None) -> None:
        """The address turns out to be this user's: tell their server, with all invitations that waited."""
        invites = []
        for each in self.pending.pop(address, []):
            signed = sign_json({"mxid": user_id, "token": each["token"]}, self.name, key or self.key)
            told = {name: each[name] for name in ("medium", "address", "room_id", "sender")}
            invites.append({**told, "mxid": user_id, "signed": signed})
        body = {"medium": "email", "address": address, "mxid": user_id, "invites": invites}
        request = Request(
            f"{homeserver.base}/_matrix/federation/v1/3pid/onbind",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        with urlopen(request, timeout=60, context=homeserver.context) as answer:
            assert json.load(answer) == {}


def build_hash(address: str) -> str:
    digest = hashlib.sha256(f"{address} email pepper".encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
