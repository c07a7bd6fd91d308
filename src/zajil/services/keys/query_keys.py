"""Reading users' device keys and cross-signing keys (POST /keys/query)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from zajil.core.identifiers import is_user_id, server_name_of
from zajil.services.app import App
from zajil.services.errors import too_large

USERS_QUERIED_MAX: Final = 10_000
USERS_AT_A_TIME: Final = 50
REMOTE_TIMEOUT_MS: Final = 10_000
REMOTE_TIMEOUT_MS_MAX: Final = 60_000
PARTS: Final = ("device_keys", "master_keys", "self_signing_keys", "user_signing_keys")

_PART_OF_USAGE: Final = {
    "master": "master_keys",
    "self_signing": "self_signing_keys",
    "user_signing": "user_signing_keys",
}


async def query_keys(
    app: App, reader_id: str, wanted: Mapping[str, Sequence[str]], timeout_ms: int = REMOTE_TIMEOUT_MS
) -> dict[str, Any]:
    """The keys of the users in `wanted`, of the devices named or of all, as `reader_id` may see them.

    Every local user asked for gets an entry, whether the account exists or not: the answer tells nobody who is here.
    """
    if len(wanted) > USERS_QUERIED_MAX:
        raise too_large(f"The keys of at most {USERS_QUERIED_MAX} users can be queried at once.")
    local, remote = split_by_server(app, wanted)
    response: dict[str, Any] = {part: {} for part in PARTS}
    response["device_keys"] = {user_id: {} for user_id in local}
    for start in range(0, len(local), USERS_AT_A_TIME):
        await _add_local_keys(app, reader_id, wanted, local[start : start + USERS_AT_A_TIME], response)
        await asyncio.sleep(0)  # others want the event loop too
    failures: dict[str, Any] = {}
    if remote:
        answer = await app.remote_devices.query_keys(
            {user_id: wanted[user_id] for user_id in remote}, min(max(timeout_ms, 0), REMOTE_TIMEOUT_MS_MAX)
        )
        failures = answer.failures
        for part in PARTS[:-1]:
            response[part].update(answer.parts.get(part, {}))
    return {**response, "failures": failures}


def split_by_server(app: App, user_ids: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The user IDs of this server, and those of others; what is no user ID is nobody's."""
    local: list[str] = []
    remote: list[str] = []
    for user_id in user_ids:
        if is_user_id(user_id):
            (local if server_name_of(user_id) == app.server_name else remote).append(user_id)
    return local, remote


async def _add_local_keys(
    app: App, reader_id: str, wanted: Mapping[str, Sequence[str]], user_ids: Sequence[str], response: dict[str, Any]
) -> None:
    store, reader = app.stores.device_keys, app.db.reader
    signed: dict[tuple[str, str], dict[str, Any]] = {}
    for device in await store.load_device_keys(reader, user_ids):
        if wanted[device.user_id] and device.device_id not in wanted[device.user_id]:
            continue
        keys = orjson.loads(device.json)
        keys["unsigned"] = {} if device.display_name is None else {"device_display_name": device.display_name}
        response["device_keys"][device.user_id][device.device_id] = keys
        signed[(device.user_id, device.device_id)] = keys
    for key in await store.load_cross_signing_keys(reader, user_ids):
        if key.usage == "user_signing" and key.user_id != reader_id:
            continue
        keys = orjson.loads(key.json)
        response[_PART_OF_USAGE[key.usage]][key.user_id] = keys
        signed[(key.user_id, key.public_key)] = keys
    for signature in await store.load_signatures(reader, user_ids, reader_id):
        target = signed.get((signature.target_user_id, signature.target_key_id))
        if target is not None:
            of_signer = target.setdefault("signatures", {}).setdefault(signature.signer_user_id, {})
            of_signer[signature.signer_key_id] = signature.signature
