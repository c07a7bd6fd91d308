"""Adding signatures to device keys and cross-signing keys (POST /keys/signatures/upload)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zajil.core.device_keys import is_same_key, parse_ed25519_key
from zajil.core.signing import find_signatures, verify_json_signature
from zajil.ports.database import Read, Transaction
from zajil.ports.stores.device_keys import KeySignature
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, too_large
from zajil.services.keys.announce_device_change import announce_device_change, announce_signature
from zajil.services.requester import Requester

KEYS_SIGNED_MAX: Final = 1000

Failures = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Target:
    """A key that may be signed: its JSON as stored, and who may sign it, as {key ID: public key}."""

    json: bytes
    signers: Mapping[str, bytes]


async def upload_signatures(app: App, requester: Requester, body: Mapping[str, Any]) -> Failures:
    """Store the requester's signatures {user ID: {key ID: signed object}}; returns what failed, in the same form.

    One's own devices are signed by one's self-signing key, one's own master key by one's devices, and others' master keys by one's
    user-signing key.
    """
    if sum(len(keys) for keys in body.values() if isinstance(keys, dict)) > KEYS_SIGNED_MAX:
        raise too_large(f"At most {KEYS_SIGNED_MAX} keys can be signed at once.")
    failures: Failures = {}
    accepted: dict[tuple[str, str], tuple[Target, list[KeySignature]]] = {}
    own_keys = await _load_own_targets(app, app.db.reader, requester.user_id)
    for user_id, keys in body.items():
        if not isinstance(keys, dict):
            raise bad_json("The body must map user IDs to objects of signed keys.")
        targets = own_keys if user_id == requester.user_id else await _load_master_target(app, requester, user_id)
        for key_id, signed in keys.items():
            try:
                target = targets.get(key_id)
                accepted[(user_id, key_id)] = _check(requester.user_id, user_id, key_id, signed, target)
            except MatrixError as error:
                failures.setdefault(user_id, {})[key_id] = error.body()
    if accepted:
        await _store(app, requester.user_id, accepted)
    return failures


async def _load_own_targets(app: App, tx: Read, user_id: str) -> dict[str, Target]:
    """The user's own devices and cross-signing keys."""
    targets: dict[str, Target] = {}
    cross_signing = {key.usage: key for key in await app.stores.device_keys.load_cross_signing_keys(tx, [user_id])}
    master, self_signing = cross_signing.get("master"), cross_signing.get("self_signing")
    device_signers: dict[str, bytes] = {}
    self_signers: dict[str, bytes] = {}
    if self_signing is not None:
        self_signers = _build_signer(self_signing.public_key)
    for device in await app.stores.device_keys.load_device_keys(tx, [user_id]):
        targets[device.device_id] = Target(device.json, self_signers)
        public_key = parse_ed25519_key(orjson.loads(device.json)["keys"].get(f"ed25519:{device.device_id}"))
        if public_key is not None:
            device_signers[f"ed25519:{device.device_id}"] = public_key
    if master is not None:
        targets[master.public_key] = Target(master.json, device_signers)
        for key in cross_signing.values():
            if key.usage != "master":
                targets[key.public_key] = Target(key.json, _build_signer(master.public_key))
    return targets


async def _load_master_target(app: App, requester: Requester, user_id: str) -> dict[str, Target]:
    """Another user's master key."""
    keys = await app.stores.device_keys.load_cross_signing_keys(app.db.reader, [user_id, requester.user_id])
    signers: dict[str, bytes] = {}
    for key in keys:
        if key.user_id == requester.user_id and key.usage == "user_signing":
            signers = _build_signer(key.public_key)
    return {
        key.public_key: Target(key.json, signers) for key in keys if key.user_id == user_id and key.usage == "master"
    }


def _build_signer(public_key: str) -> dict[str, bytes]:
    return {f"ed25519:{public_key}": parse_ed25519_key(public_key) or b""}


def _check(
    signer: str, user_id: str, key_id: str, signed: object, target: Target | None
) -> tuple[Target, list[KeySignature]]:
    """The new signatures on a key. Raises what is reported as its failure."""
    if not isinstance(signed, dict):
        raise bad_json("The signed key must be an object.")
    if target is None:
        raise MatrixError(404, "M_NOT_FOUND", "There is no such key that you could sign.")
    if not is_same_key(signed, orjson.loads(target.json)):
        raise MatrixError(400, "M_INVALID_PARAM", "The signed key is not the key that is published.")
    found = []
    for name, signature in find_signatures(signed, signer).items():
        # Signatures that the key has had before, by other keys, are sent along by some clients.
        if name not in target.signers:
            continue
        if not verify_json_signature(signed, signer, name, target.signers[name]):
            raise MatrixError(400, "M_INVALID_SIGNATURE", f"The signature by {name} is not valid.")
        found.append(KeySignature(user_id, key_id, signer, name, signature))
    if not found:
        raise MatrixError(400, "M_INVALID_SIGNATURE", "The key is not signed by a key that may sign it.")
    return target, found


async def _store(app: App, signer: str, accepted: Mapping[tuple[str, str], tuple[Target, list[KeySignature]]]) -> None:
    async def item(tx: Transaction) -> None:
        store = app.stores.device_keys
        own = await _load_own_targets(app, tx, signer)
        others = await store.load_cross_signing_keys(tx, sorted({user_id for user_id, _ in accepted}))
        current = {(key.user_id, key.public_key): key.json for key in others}
        signatures: list[KeySignature] = []
        for (user_id, key_id), (target, found) in accepted.items():
            # The key may have been replaced or deleted since the signature was checked.
            known = own.get(key_id)
            json = (known and known.json) if user_id == signer else current.get((user_id, key_id))
            if json == target.json:
                signatures += found
        if not signatures:
            return
        await store.store_signatures(tx, signatures)
        targets = {each.target_user_id for each in signatures}
        if signer in targets:
            await announce_device_change(tx, app, signer)
        if others_signed := targets - {signer}:
            await announce_signature(tx, app, signer, others_signed)

    await app.db.write(item)
