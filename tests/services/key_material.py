"""Devices' and users' keys, made and signed as clients do it, and the requests that publish them."""

from __future__ import annotations

from typing import Any

from nacl.signing import SigningKey
from tests.client import Client

from zajil.core.canonical_json import encode_canonical
from zajil.core.signing import encode_base64

V3 = "/_matrix/client/v3"


def public(key: SigningKey) -> str:
    return encode_base64(bytes(key.verify_key))


def sign(value: dict[str, Any], user_id: str, key_name: str, key: SigningKey) -> dict[str, Any]:
    """A copy with one signature added."""
    message = encode_canonical({name: item for name, item in value.items() if name not in ("signatures", "unsigned")})
    signatures = {signer: dict(of) for signer, of in value.get("signatures", {}).items()}
    signatures.setdefault(user_id, {})[f"ed25519:{key_name}"] = encode_base64(key.sign(message).signature)
    return {**value, "signatures": signatures}


class DeviceMaterial:
    """The keys of a logged-in device."""

    def __init__(self, client: Client, seed: int = 1) -> None:
        self.client = client
        self.key = SigningKey(bytes([seed]) * 32)

    def device_keys(self) -> dict[str, Any]:
        user_id, device_id = self.client.user_id, self.client.device_id
        keys = {
            "user_id": user_id,
            "device_id": device_id,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {f"curve25519:{device_id}": public(self.key), f"ed25519:{device_id}": public(self.key)},
        }
        return sign(keys, user_id, device_id, self.key)

    def one_time_key(self, number: int, **fields: Any) -> dict[str, Any]:
        key = {"key": encode_base64(number.to_bytes(32, "big")), **fields}
        return sign(key, self.client.user_id, self.client.device_id, self.key)

    def one_time_keys(self, numbers: range) -> dict[str, Any]:
        return {f"signed_curve25519:K{number:04}": self.one_time_key(number) for number in numbers}

    async def upload(self, **body: Any) -> dict[str, int]:
        return (await self.client.post(f"{V3}/keys/upload", body)).ok()["one_time_key_counts"]  # type: ignore[no-any-return]

    async def publish(self) -> bool:
        """Upload the device keys; says whether they are new."""
        user_id, device_id = self.client.user_id, self.client.device_id
        found = (await self.client.post(f"{V3}/keys/query", {"device_keys": {user_id: [device_id]}})).ok()
        keys = self.device_keys()
        await self.upload(device_keys=keys)
        return found["device_keys"][user_id].get(device_id, {}).get("keys") != keys["keys"]


class CrossSigning:
    """The three keys of a user."""

    def __init__(self, user_id: str, seed: int = 100) -> None:
        self.user_id = user_id
        self.master = SigningKey(bytes([seed]) * 32)
        self.self_signing = SigningKey(bytes([seed + 1]) * 32)
        self.user_signing = SigningKey(bytes([seed + 2]) * 32)

    def _key(self, usage: str, key: SigningKey) -> dict[str, Any]:
        return {"user_id": self.user_id, "usage": [usage], "keys": {f"ed25519:{public(key)}": public(key)}}

    def master_key(self) -> dict[str, Any]:
        return self._key("master", self.master)

    def self_signing_key(self) -> dict[str, Any]:
        return sign(self._key("self_signing", self.self_signing), self.user_id, public(self.master), self.master)

    def user_signing_key(self) -> dict[str, Any]:
        return sign(self._key("user_signing", self.user_signing), self.user_id, public(self.master), self.master)

    def body(self) -> dict[str, Any]:
        return {
            "master_key": self.master_key(),
            "self_signing_key": self.self_signing_key(),
            "user_signing_key": self.user_signing_key(),
        }
