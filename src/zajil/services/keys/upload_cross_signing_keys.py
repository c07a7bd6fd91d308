"""Publishing a user's cross-signing keys (POST /keys/device_signing/upload)."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from zajil.core.canonical_json import encode_canonical
from zajil.core.device_keys import check_cross_signing_key, parse_cross_signing_key, parse_ed25519_key
from zajil.core.signing import verify_json_signature
from zajil.ports.database import Read, Transaction
from zajil.ports.stores.device_keys import CrossSigningKey
from zajil.services.accounts.user_interactive_auth import confirm_identity
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, invalid_param, missing_param
from zajil.services.keys.announce_device_change import announce_device_change
from zajil.services.requester import Requester

USAGES: Final = ("master", "self_signing", "user_signing")
CHANGED_MEANWHILE_RETRIES_MAX: Final = 5

Keys = dict[str, CrossSigningKey]
"""By usage."""


async def upload_cross_signing_keys(
    app: App, requester: Requester, uploaded: Mapping[str, dict[str, Any]], auth: object
) -> None:
    """Store cross-signing keys {usage: key}.

    The first keys need no confirmation, nor does repeating what is stored; anything else needs user-interactive authentication.
    Raises M_MISSING_PARAM without a master key, M_INVALID_SIGNATURE when it has not signed the others, M_FORBIDDEN when a key
    is called like one of the user's devices.
    """
    keys = {usage: _parse(requester.user_id, usage, value) for usage, value in uploaded.items()}
    if len({key.public_key for key in keys.values()}) < len(keys):
        raise invalid_param("Each cross-signing key must be a different key.")
    for _ in range(CHANGED_MEANWHILE_RETRIES_MAX):
        stored = await _load(app, app.db.reader, requester.user_id)
        check_signed_by_master(requester.user_id, keys, stored)
        new_keys = {usage: key for usage, key in keys.items() if not _is_same(key, stored.get(usage))}
        if not new_keys:
            return
        if "master" in stored:
            await confirm_identity(app, requester, "keys/device_signing/upload", auth)
        if await _store(app, requester.user_id, stored, new_keys):
            return
    raise MatrixError(
        503, "M_UNKNOWN", "The cross-signing keys keep changing. Try again in a moment.", {"retry_after_ms": 1000}
    )


def _parse(user_id: str, usage: str, value: dict[str, Any]) -> CrossSigningKey:
    key = {name: item for name, item in value.items() if name != "unsigned"}
    reason = check_cross_signing_key(key, user_id, usage)
    public_key = parse_cross_signing_key(key)
    if reason is not None or public_key is None:
        raise invalid_param(f"The {usage}_key cannot be stored: {reason}.")
    if "signatures" in key:
        # Only the owner's signatures are for everybody to see.
        own = key["signatures"].get(user_id)
        key["signatures"] = {user_id: own} if own else {}
    return CrossSigningKey(user_id, usage, public_key[0], encode_canonical(key))


async def _load(app: App, tx: Read, user_id: str) -> Keys:
    return {key.usage: key for key in await app.stores.device_keys.load_cross_signing_keys(tx, [user_id])}


def check_signed_by_master(user_id: str, keys: Keys, stored: Keys) -> None:
    """Raises unless there is a master key, and it has signed the other keys of the upload."""
    master = keys.get("master") or stored.get("master")
    if master is None:
        raise missing_param("There is no master key. Upload one first, or together with the others.")
    public_key = parse_ed25519_key(master.public_key) or b""
    for usage, key in keys.items():
        if usage == "master":
            continue
        if not verify_json_signature(orjson.loads(key.json), user_id, f"ed25519:{master.public_key}", public_key):
            raise MatrixError(
                400, "M_INVALID_SIGNATURE", f"The {usage}_key does not carry a valid signature of the master key."
            )


def _is_same(key: CrossSigningKey, stored: CrossSigningKey | None) -> bool:
    return stored is not None and stored.public_key == key.public_key


async def _store(app: App, user_id: str, expected: Keys, new_keys: Keys) -> bool:
    """Returns False, and stores nothing, when the stored keys are no longer the expected ones."""

    async def item(tx: Transaction) -> bool:
        store = app.stores.device_keys
        stored = await _load(app, tx, user_id)
        if stored != expected:
            return False
        device_ids = await store.load_device_ids(tx, [user_id])
        if not {key.public_key for key in new_keys.values()}.isdisjoint(device_ids.get(user_id, [])):
            raise forbidden("A cross-signing key is called like one of your devices.")
        for usage, key in stored.items():
            # Keys of a former master key are worth nothing without it.
            if usage in new_keys or "master" in new_keys:
                await store.delete_cross_signing_key(tx, key)
        for key in new_keys.values():
            await store.store_cross_signing_key(tx, key)
        await announce_device_change(tx, app, user_id)
        return True

    return await app.db.write(item)
