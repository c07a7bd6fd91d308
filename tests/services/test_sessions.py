"""The memory of access tokens: bounded, and never wrong for longer than a commit."""

from pathlib import Path

import pytest
from tests.client import Client, running_server

from zajil.services.accounts import sessions
from zajil.services.accounts.administer_users import set_standing
from zajil.services.accounts.log_out import delete_devices
from zajil.services.accounts.note_sightings import coarsen_address
from zajil.services.accounts.run_account_tasks import LEAVE
from zajil.services.accounts.set_profile import set_profile_field

WHOAMI = "/_matrix/client/v3/account/whoami"


async def test_memory_is_bounded_and_forgets_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "KNOWN_MAX", 3)
    async with running_server(tmp_path) as server:
        clients = [await server.register(f"user{number}", refresh_token=number % 2 == 1) for number in range(6)]
        for client in clients:
            (await client.get(WHOAMI)).ok()
            known = server.app.sessions
            assert len(known.known) + len(known._expiring) <= 3
            assert sum(map(len, known._tokens.values())) <= 3
        for client in clients:
            (await client.get(WHOAMI)).ok()


async def test_a_change_of_standing_is_seen_at_once(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        (await anna.get(WHOAMI)).ok()
        (await bert.get(WHOAMI)).ok()
        assert bert.access_token in server.app.sessions.known
        await set_standing(server.app, anna.user_id, is_locked=True)
        assert (await anna.get(WHOAMI)).errcode == "M_USER_LOCKED"
        # Others' tokens stay in memory.
        assert bert.access_token in server.app.sessions.known
        await delete_devices(server.app, bert.user_id, [bert.device_id])
        assert (await bert.get(WHOAMI)).errcode == "M_UNKNOWN_TOKEN"


async def test_hostile_tokens(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        for token in ("x", "x" * 10_000, "\u00ff" * 20, "zat_"):
            client = Client(server)
            client.headers["authorization"] = f"Bearer {token}"
            assert (await client.get(WHOAMI)).errcode == "M_UNKNOWN_TOKEN"
        for header in ("Bearer", "Bearer ", "Basic abc", ""):
            client = Client(server)
            client.headers["authorization"] = header
            assert (await client.get(WHOAMI)).errcode == "M_MISSING_TOKEN"


async def test_what_a_process_left_undone_the_next_one_does(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = (await anna.post("/_matrix/client/v3/createRoom", {"preset": "public_chat"})).ok()["room_id"]
        await server.app.account_tasks.stop()
        await set_profile_field(server.app, anna.user_id, anna.user_id, "displayname", {"displayname": "Anna"})
        [task] = await server.app.stores.accounts.load_tasks(server.app.db.reader, 10)
        assert (task.user_id, task.task != LEAVE) == (anna.user_id, True)
    async with running_server(tmp_path) as server:
        await server.app.account_tasks.finish()
        rooms = server.app.stores.rooms
        [row] = await rooms.load_memberships_of_user(server.app.db.reader, anna.user_id, ["join"])
        assert (row.room_id, row.display_name) == (room_id, "Anna")
        assert await server.app.stores.accounts.load_tasks(server.app.db.reader, 10) == []


def test_addresses_are_coarsened() -> None:
    assert coarsen_address("203.0.113.77") == "203.0.113.0"
    assert coarsen_address("2001:db8:1:2:3::4") == "2001:db8:1::"
    assert coarsen_address("::ffff:203.0.113.77") == "203.0.113.0"
    assert coarsen_address("fe80::1%eth0") == "fe80::"
    assert coarsen_address("127.0.0.1") == "127.0.0.1"
    assert coarsen_address("unix:") == ""
