"""Bodies that look like keys and are not: always a Matrix error, never a mistake of the server."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client import Client, running_server
from tests.services.key_material import V3, CrossSigning, DeviceMaterial

scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=6)
names = st.sampled_from(
    [
        "user_id",
        "device_id",
        "keys",
        "key",
        "usage",
        "signatures",
        "algorithms",
        "a:b",
        "ed25519:x",
        ":",
        "",
        "😀",
    ]
)
json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)


def mutate(value: Any, path: list[int], replacement: Any) -> Any:
    """The value with one place in it, found by `path`, replaced."""
    if not path or not isinstance(value, dict) or not value:
        return replacement
    key = sorted(value)[path[0] % len(value)]
    return {**value, key: mutate(value[key], path[1:], replacement)}


async def shapes(client: Client) -> list[tuple[str, str, dict[str, Any]]]:
    """Requests that are right, to be spoilt."""
    device, keys = DeviceMaterial(client), CrossSigning(client.user_id)
    session = {"first_message_index": 0, "forwarded_count": 0, "is_verified": True, "session_data": {"a": "b"}}
    version = (await client.post(f"{V3}/room_keys/version", {"algorithm": "a", "auth_data": {}})).ok()["version"]
    device_keys = device.device_keys()
    signatures = {client.user_id: {client.device_id: device_keys, "x": keys.master_key()}}
    return [
        ("POST", "/keys/upload", {"device_keys": device_keys, "one_time_keys": device.one_time_keys(range(2))}),
        ("POST", "/keys/upload", {"fallback_keys": device.one_time_keys(range(1))}),
        ("POST", "/keys/query", {"device_keys": {client.user_id: [client.device_id]}, "timeout": 1}),
        ("POST", "/keys/claim", {"one_time_keys": {client.user_id: {client.device_id: "a"}}}),
        ("POST", "/keys/device_signing/upload", keys.body()),
        ("POST", "/keys/signatures/upload", signatures),
        ("PUT", "/sendToDevice/m.x/t", {"messages": {client.user_id: {"*": {"a": 1}}}}),
        ("POST", "/room_keys/version", {"algorithm": "a", "auth_data": {"b": 1}}),
        ("PUT", f"/room_keys/version/{version}", {"algorithm": "a", "auth_data": {"b": 1}, "version": version}),
        ("PUT", f"/room_keys/keys?version={version}", {"rooms": {"!r": {"sessions": {"s": session}}}}),
        ("PUT", f"/room_keys/keys/!r?version={version}", {"sessions": {"s": session}}),
        ("PUT", f"/room_keys/keys/!r/s?version={version}", session),
    ]


@settings(max_examples=8, deadline=None, print_blob=True)
@given(st.lists(st.tuples(st.integers(0, 11), st.lists(st.integers(0, 9), max_size=6), json), min_size=20, max_size=60))
def test_spoilt_requests_are_answered_with_matrix_errors(spoilt: list[tuple[int, list[int], Any]]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with running_server(Path(folder)) as server:
                anna = await server.register("anna")
                requests = await shapes(anna)
                for number, path, replacement in spoilt:
                    method, address, body = requests[number]
                    answer = await anna.call(method, f"{V3}{address}", mutate(body, path, replacement))
                    assert answer.status < 500, (method, address, path, replacement, answer.raw)
                    if answer.status != 200:
                        assert answer.errcode or "flows" in answer.body
                    reads = [
                        await anna.post(f"{V3}/keys/query", {"device_keys": {anna.user_id: []}}),
                        await anna.get(f"{V3}/sync"),
                    ]
                    assert [each.status for each in reads] == [200, 200]

    asyncio.run(run())
