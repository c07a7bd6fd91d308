"""Handing out one-time keys, each exactly once (POST /keys/claim)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from zajil.core.device_keys import compute_key_digest
from zajil.ports.database import Stream, Transaction
from zajil.ports.stores.device_keys import OneTimeKey
from zajil.services.app import App
from zajil.services.errors import too_large
from zajil.services.keys.query_keys import REMOTE_TIMEOUT_MS, REMOTE_TIMEOUT_MS_MAX, split_by_server

KEYS_CLAIMED_MAX: Final = 10_000
CLAIMS_PER_COMMIT: Final = 100

Claim = tuple[str, str, str]
"""User ID, device ID, algorithm."""


async def claim_keys(
    app: App, wanted: Mapping[str, Mapping[str, str]], timeout_ms: int = REMOTE_TIMEOUT_MS
) -> dict[str, Any]:
    """A key of each device in `wanted` {user ID: {device ID: algorithm}}; a fallback key where there is no other.

    A key is given out only once its removal is on disk. If the process dies in between, the key is lost and not reused.
    """
    if sum(len(devices) for devices in wanted.values()) > KEYS_CLAIMED_MAX:
        raise too_large(f"At most {KEYS_CLAIMED_MAX} keys can be claimed at once.")
    local, remote = split_by_server(app, wanted)
    claims = [(user_id, device_id, algorithm) for user_id in local for device_id, algorithm in wanted[user_id].items()]
    claimed: dict[str, dict[str, Any]] = {}
    for start in range(0, len(claims), CLAIMS_PER_COMMIT):
        for (user_id, device_id, algorithm), (key_id, json) in (
            await _claim_local(app, claims[start : start + CLAIMS_PER_COMMIT])
        ).items():
            claimed.setdefault(user_id, {})[device_id] = {f"{algorithm}:{key_id}": orjson.loads(json)}
    failures: dict[str, Any] = {}
    if remote:
        answer = await app.remote_devices.claim_keys(
            {user_id: wanted[user_id] for user_id in remote}, min(max(timeout_ms, 0), REMOTE_TIMEOUT_MS_MAX)
        )
        claimed.update(answer.parts.get("one_time_keys", {}))
        failures = answer.failures
    return {"one_time_keys": claimed, "failures": failures}


async def _claim_local(app: App, claims: Sequence[Claim]) -> dict[Claim, tuple[str, bytes]]:
    async def item(tx: Transaction) -> dict[Claim, tuple[str, bytes]]:
        taken: dict[Claim, tuple[str, bytes]] = {}
        changed: dict[str, set[str]] = {}
        for claim in claims:
            found = await _take(tx, app, claim)
            if found is not None:
                key_id, json, is_change = found
                taken[claim] = (key_id, json)
                if is_change:
                    changed.setdefault(claim[0], set()).add(claim[1])
        for user_id, device_ids in changed.items():
            position = await tx.append(Stream.ONE_TIME_KEYS, user_id)
            for device_id in sorted(device_ids):
                await app.stores.device_keys.store_key_count_change(tx, user_id, device_id, position)
        return taken

    return await app.db.write(item)


async def _take(tx: Transaction, app: App, claim: Claim) -> tuple[str, bytes, bool] | None:
    """A key's ID and JSON, and whether the device has to be told."""
    store = app.stores.device_keys
    user_id, device_id, algorithm = claim
    taken = await store.take_one_time_key(tx, user_id, device_id, algorithm)
    if taken is not None:
        key_id, json = taken
        digest = compute_key_digest(orjson.loads(json))
        await store.remember_claimed(tx, user_id, device_id, OneTimeKey(algorithm, key_id, json, digest))
        return key_id, json, True
    fallback = await store.load_fallback_key(tx, user_id, device_id, algorithm)
    if fallback is None:
        return None
    key, is_used = fallback
    if not is_used:
        await store.mark_fallback_key_used(tx, user_id, device_id, algorithm)
    return key.key_id, key.json, not is_used
