"""Publishing a device's identity keys, one-time keys and fallback keys (POST /keys/upload)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zajil.core.canonical_json import encode_canonical
from zajil.core.device_keys import check_device_keys, check_one_time_key, compute_key_digest, split_key_name
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.device_keys import KeyCounts, OneTimeKey
from zajil.services.accounts.sessions import unknown_token
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.keys.announce_device_change import announce_device_change
from zajil.services.requester import Requester

ONE_TIME_KEYS_MAX: Final = 1000
CLAIMED_REMEMBERED_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Upload:
    """A checked upload."""

    device_keys: bytes | None
    one_time_keys: list[OneTimeKey]
    fallback_keys: list[OneTimeKey]


async def upload_keys(
    app: App,
    requester: Requester,
    device_keys: dict[str, Any] | None,
    one_time_keys: Mapping[str, Any] | None,
    fallback_keys: Mapping[str, Any] | None,
) -> KeyCounts:
    """Store what is new and return the device's counts. Repeating an upload changes nothing.

    Raises M_INVALID_PARAM for a malformed key, for a key ID that already has another key, and for too many keys.
    """
    upload = Upload(
        _parse_device_keys(requester, device_keys),
        [_parse_key(name, key) for name, key in (one_time_keys or {}).items()],
        [_parse_key(name, key) for name, key in (fallback_keys or {}).items()],
    )
    if len(upload.one_time_keys) > ONE_TIME_KEYS_MAX:
        raise invalid_param(f"A device may have at most {ONE_TIME_KEYS_MAX} one-time keys.")
    if len({key.algorithm for key in upload.fallback_keys}) < len(upload.fallback_keys):
        raise invalid_param("There can be only one fallback key for each algorithm.")

    async def item(tx: Transaction) -> KeyCounts:
        return await _store(tx, app, requester, upload)

    return await app.db.write(item)


def _parse_device_keys(requester: Requester, value: dict[str, Any] | None) -> bytes | None:
    if value is None:
        return None
    keys = {name: item for name, item in value.items() if name != "unsigned"}
    if (reason := check_device_keys(keys, requester.user_id, requester.device_id)) is not None:
        raise invalid_param(f"The device_keys cannot be stored: {reason}.")
    return encode_canonical(keys)


def _parse_key(name: str, value: object) -> OneTimeKey:
    parts = split_key_name(name)
    reason = check_one_time_key(name, value)
    if reason is not None or parts is None:
        raise invalid_param(f"The key {name[:100]!r} cannot be stored: {reason}.")
    return OneTimeKey(parts[0], parts[1], encode_canonical(value), compute_key_digest(value))


async def _store(tx: Transaction, app: App, requester: Requester, upload: Upload) -> KeyCounts:
    store, user_id, device_id = app.stores.device_keys, requester.user_id, requester.device_id
    if await app.stores.devices.load_device(tx, user_id, device_id) is None:
        raise unknown_token("This device has been logged out.")
    new_keys = await _choose_new_keys(tx, app, requester, upload.one_time_keys)
    new_fallback_keys = []
    for key in upload.fallback_keys:
        known = await store.load_fallback_key(tx, user_id, device_id, key.algorithm)
        if known is None or known[0].key_id != key.key_id or _digest(known[0].json) != key.digest:
            new_fallback_keys.append(key)
    if upload.device_keys is not None and upload.device_keys != await store.load_device_key(tx, user_id, device_id):
        await store.store_device_key(tx, user_id, device_id, upload.device_keys)
        await announce_device_change(tx, app, user_id)
    if new_keys:
        await store.insert_one_time_keys(tx, user_id, device_id, new_keys, CLAIMED_REMEMBERED_MAX)
    for key in new_fallback_keys:
        await store.store_fallback_key(tx, user_id, device_id, key)
    if new_keys or new_fallback_keys:
        position = await tx.append(Stream.ONE_TIME_KEYS, user_id)
        await store.store_key_count_change(tx, user_id, device_id, position)
    return await store.load_key_counts(tx, user_id, device_id)


async def _choose_new_keys(
    tx: Transaction, app: App, requester: Requester, uploaded: list[OneTimeKey]
) -> list[OneTimeKey]:
    """The keys that are neither here nor were handed out already."""
    if not uploaded:
        return []
    store, user_id, device_id = app.stores.device_keys, requester.user_id, requester.device_id
    stored = await store.load_one_time_keys(tx, user_id, device_id)
    claimed = await store.load_claimed_keys(tx, user_id, device_id)
    new_keys = []
    for key in uploaded:
        name = (key.algorithm, key.key_id)
        if name in stored:
            if _digest(stored[name]) != key.digest:
                raise invalid_param(
                    f"One time key {key.algorithm}:{key.key_id} already exists, and the uploaded one is different."
                )
        elif claimed.get(name) != key.digest:
            new_keys.append(key)
    if len(stored) + len(new_keys) > ONE_TIME_KEYS_MAX:
        raise invalid_param(f"A device may have at most {ONE_TIME_KEYS_MAX} one-time keys.")
    return new_keys


def _digest(json: bytes) -> bytes:
    return compute_key_digest(orjson.loads(json))
