"""Server-side key backups."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client import Client, InProcessServer, q, running_server
from tests.services.key_material import V3

from zajil.services.keys import back_up_keys

ALGORITHM = "m.megolm_backup.v1.curve25519-aes-sha2"
KEYS = f"{V3}/room_keys/keys"
VERSION = f"{V3}/room_keys/version"
ROOM = "!room:localhost"


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[InProcessServer]:
    async with running_server(tmp_path) as running:
        yield running


def session(index: int = 0, forwarded: int = 0, verified: bool = False, data: str = "x") -> dict[str, Any]:
    return {
        "first_message_index": index,
        "forwarded_count": forwarded,
        "is_verified": verified,
        "session_data": {"ciphertext": data, "ephemeral": "e", "mac": "m"},
    }


async def create(client: Client, **fields: Any) -> str:
    body = {"algorithm": ALGORITHM, "auth_data": {"public_key": "abc", "signatures": {}}, **fields}
    version: str = (await client.post(VERSION, body)).ok()["version"]
    return version


async def test_versions(server: InProcessServer) -> None:
    anna = await server.register("anna")
    assert (await anna.get(VERSION)).errcode == "M_NOT_FOUND"
    first = await create(anna)
    expected = {
        "algorithm": ALGORITHM,
        "auth_data": {"public_key": "abc", "signatures": {}},
        "count": 0,
        "etag": "0",
        "version": first,
    }
    assert (await anna.get(VERSION)).ok() == expected
    second = await create(anna)
    assert second != first
    assert (await anna.get(VERSION)).ok()["version"] == second
    assert (await anna.get(f"{VERSION}/{first}")).ok() == expected
    changed = {"algorithm": ALGORITHM, "auth_data": {"public_key": "new"}, "version": first}
    (await anna.put(f"{VERSION}/{first}", changed)).ok()
    assert (await anna.get(f"{VERSION}/{first}")).ok()["auth_data"] == {"public_key": "new"}
    assert (await anna.put(f"{VERSION}/{first}", {**changed, "algorithm": "other"})).errcode == "M_INVALID_PARAM"
    assert (await anna.put(f"{VERSION}/{second}", changed)).errcode == "M_INVALID_PARAM"
    (await anna.delete(f"{VERSION}/{second}")).ok()
    (await anna.delete(f"{VERSION}/{second}")).ok()
    assert (await anna.get(f"{VERSION}/{second}")).errcode == "M_NOT_FOUND"
    assert (await anna.get(VERSION)).ok()["version"] == first
    assert await create(anna) not in (first, second)


@pytest.mark.parametrize("version", ["0", "-1", "99", "abc", "1_0", "٣", "01", "9" * 40])
async def test_versions_that_never_were(server: InProcessServer, version: str) -> None:
    anna = await server.register("anna")
    await create(anna)
    path = f"{VERSION}/{q(version)}"
    body = {"algorithm": ALGORITHM, "auth_data": {}}
    for answer in (await anna.get(path), await anna.delete(path), await anna.put(path, body)):
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")
    for answer in (await anna.get(f"{KEYS}?version={q(version)}"), await anna.delete(f"{KEYS}?version={q(version)}")):
        assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")
    answer = await anna.put(f"{KEYS}?version={q(version)}", {"rooms": {}})
    assert (answer.status, answer.errcode) == (403, "M_WRONG_ROOM_KEYS_VERSION")


async def test_sessions_in_all_three_granularities(server: InProcessServer) -> None:
    anna, bert = await server.register("anna"), await server.register("bert")
    version = await create(anna)
    odd = "base64/with+signs"
    one = await anna.put(f"{KEYS}/{q(ROOM)}/{q(odd)}?version={version}", session(data="one"))
    assert one.ok() == {"count": 1, "etag": "1"}
    two = await anna.put(f"{KEYS}/{q(ROOM)}?version={version}", {"sessions": {"s2": session(data="two")}})
    assert two.ok() == {"count": 2, "etag": "2"}
    rooms = {"!other:localhost": {"sessions": {"s3": session(data="three"), "s4": session(data="four")}}}
    assert (await anna.put(f"{KEYS}?version={version}", {"rooms": rooms})).ok() == {"count": 4, "etag": "3"}

    in_room = {"sessions": {odd: session(data="one"), "s2": session(data="two")}}
    assert (await anna.get(f"{KEYS}?version={version}")).ok() == {"rooms": {ROOM: in_room, **rooms}}
    assert (await anna.get(f"{KEYS}/{q(ROOM)}?version={version}")).ok() == in_room
    assert (await anna.get(f"{KEYS}/{q(ROOM)}/{q(odd)}?version={version}")).ok() == session(data="one")
    assert (await anna.get(f"{KEYS}/!none:x?version={version}")).ok() == {"sessions": {}}
    assert (await anna.get(f"{KEYS}/{q(ROOM)}/none?version={version}")).errcode == "M_NOT_FOUND"
    assert (await bert.get(f"{KEYS}?version={version}")).errcode == "M_NOT_FOUND"

    assert (await anna.delete(f"{KEYS}/{q(ROOM)}/{q(odd)}?version={version}")).ok() == {"count": 3, "etag": "4"}
    assert (await anna.delete(f"{KEYS}/{q(ROOM)}/{q(odd)}?version={version}")).ok() == {"count": 3, "etag": "4"}
    assert (await anna.delete(f"{KEYS}/!other:localhost?version={version}")).ok() == {"count": 1, "etag": "5"}
    assert (await anna.delete(f"{KEYS}?version={version}")).ok() == {"count": 0, "etag": "6"}
    assert (await anna.get(f"{KEYS}?version={version}")).ok() == {"rooms": {}}
    size = await server.app.db.reader.fetch_value("SELECT bytes FROM key_backups")
    assert size == 0


async def test_only_the_current_version_takes_sessions(server: InProcessServer) -> None:
    anna = await server.register("anna")
    body = {"rooms": {ROOM: {"sessions": {"s": session()}}}}
    assert (await anna.put(f"{KEYS}?version=1", body)).errcode == "M_NOT_FOUND"
    first = await create(anna)
    (await anna.put(f"{KEYS}?version={first}", body)).ok()
    second = await create(anna)
    answer = await anna.put(f"{KEYS}?version={first}", body)
    assert (answer.status, answer.errcode) == (403, "M_WRONG_ROOM_KEYS_VERSION")
    assert answer.body["current_version"] == second
    assert (await anna.get(f"{KEYS}?version={first}")).ok() == body
    assert (await anna.put(KEYS, body)).errcode == "M_MISSING_PARAM"
    (await anna.delete(f"{VERSION}/{first}")).ok()
    left = await server.app.db.reader.fetch_value("SELECT COUNT(*) FROM key_backup_sessions")
    assert left == 0


@pytest.mark.parametrize(
    "change",
    [
        {"first_message_index": -1},
        {"first_message_index": True},
        {"first_message_index": 1.5},
        {"first_message_index": "1"},
        {"first_message_index": 2**53},
        {"forwarded_count": None},
        {"is_verified": 1},
        {"session_data": "text"},
    ],
)
async def test_malformed_sessions(server: InProcessServer, change: dict[str, Any]) -> None:
    anna = await server.register("anna")
    version = await create(anna)
    answer = await anna.put(f"{KEYS}/{q(ROOM)}/s?version={version}", {**session(), **change})
    assert (answer.status, answer.errcode) == (400, "M_BAD_JSON")


async def test_limits(server: InProcessServer, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = await server.register("anna")
    version = await create(anna)
    big = session(data="x" * back_up_keys.SESSION_DATA_BYTES_MAX)
    assert (await anna.put(f"{KEYS}/{q(ROOM)}/s?version={version}", big)).errcode == "M_TOO_LARGE"
    many = {"sessions": {str(number): session() for number in range(back_up_keys.SESSIONS_PER_REQUEST_MAX + 1)}}
    assert (await anna.put(f"{KEYS}/{q(ROOM)}?version={version}", many)).errcode == "M_TOO_LARGE"
    assert (await anna.put(f"{KEYS}/{q(ROOM)}/{'s' * 256}?version={version}", session())).errcode == "M_INVALID_PARAM"
    monkeypatch.setattr(back_up_keys, "SESSIONS_MAX", 3)
    four = {"sessions": {str(number): session() for number in range(4)}}
    assert (await anna.put(f"{KEYS}/{q(ROOM)}?version={version}", four)).errcode == "M_TOO_LARGE"
    monkeypatch.setattr(back_up_keys, "BACKUPS_MAX", 1)
    body = {"algorithm": ALGORITHM, "auth_data": {}}
    assert (await anna.post(VERSION, body)).errcode == "M_USER_LIMIT_EXCEEDED"


async def test_a_big_backup_is_read_and_deleted_in_pieces(server: InProcessServer) -> None:
    anna = await server.register("anna")
    version = await create(anna)
    rooms = {
        f"!r{room}:x": {"sessions": {f"s{number}": session(number) for number in range(100)}} for room in range(12)
    }
    assert (await anna.put(f"{KEYS}?version={version}", {"rooms": rooms})).ok()["count"] == 1200
    assert (await anna.get(f"{KEYS}?version={version}")).ok() == {"rooms": rooms}
    assert (await anna.delete(f"{KEYS}?version={version}")).ok()["count"] == 0
    (await anna.put(f"{KEYS}?version={version}", {"rooms": rooms})).ok()
    (await anna.delete(f"{VERSION}/{version}")).ok()
    assert await server.app.db.reader.fetch_value("SELECT COUNT(*) FROM key_backup_sessions") == 0


async def test_a_deactivated_account_leaves_no_keys(server: InProcessServer) -> None:
    anna = await server.register("anna")
    version = await create(anna)
    rooms = {ROOM: {"sessions": {f"s{number}": session(number) for number in range(500)}}}
    (await anna.put(f"{KEYS}?version={version}", {"rooms": rooms})).ok()
    (await anna.post(f"{V3}/keys/upload", {"one_time_keys": {"curve25519:A": "a"}})).ok()
    (await anna.post(f"{V3}/account/deactivate", {"auth": anna.password_auth()})).ok()
    for table in ("key_backups", "key_backup_sessions", "key_backup_versions", "one_time_keys"):
        assert await server.app.db.reader.fetch_value(f"SELECT COUNT(*) FROM {table}") == 0, table


rank = st.builds(session, st.integers(0, 2), st.integers(0, 2), st.booleans(), st.sampled_from("abc"))


def order(value: dict[str, Any]) -> tuple[bool, int, int]:
    """The spec's rules, written as a sort key: the least is kept."""
    return not value["is_verified"], value["first_message_index"], value["forwarded_count"]


@settings(max_examples=25, deadline=None, print_blob=True)
@given(st.lists(st.lists(st.tuples(st.sampled_from(["r1", "r2"]), st.sampled_from(["s1", "s2"]), rank), max_size=4)))
def test_the_better_session_is_kept_whatever_the_order(uploads: list[list[tuple[str, str, dict[str, Any]]]]) -> None:
    """Against a model: the first of the best-ranked uploads of each session; the etag changes exactly when the content does."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with running_server(Path(folder)) as server:
                anna = await server.register("anna")
                version = await create(anna)
                model: dict[tuple[str, str], dict[str, Any]] = {}
                etag = "0"
                for upload in uploads:
                    body: dict[str, Any] = {"rooms": {}}
                    for room, name, value in upload:
                        body["rooms"].setdefault(room, {"sessions": {}})["sessions"][name] = value
                    before = dict(model)
                    for room, content in body["rooms"].items():
                        for name, value in content["sessions"].items():
                            old = model.get((room, name))
                            if old is None or order(value) < order(old):
                                model[(room, name)] = value
                    totals = (await anna.put(f"{KEYS}?version={version}", body)).ok()
                    assert totals["count"] == len(model)
                    assert (totals["etag"] != etag) == (model != before)
                    etag = totals["etag"]
                stored = (await anna.get(f"{KEYS}?version={version}")).ok()["rooms"]
                flat = {(room, name): each for room in stored for name, each in stored[room]["sessions"].items()}
                assert flat == model

    asyncio.run(run())
