"""A poll that waits ends at once with the session it belongs to, and no other does."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.client import Answer, Client, InProcessServer, q, running_server

from zajil.services.accounts.administer_users import deactivate_user, set_standing, set_user_password
from zajil.services.accounts.log_out import log_out_everywhere

V3 = "/_matrix/client/v3"
PARK_MS = 20_000
SOON_S = 3.0

End = Callable[[InProcessServer, Client], Awaitable[object]]


async def log_out(server: InProcessServer, client: Client) -> None:
    (await client.post(f"{V3}/logout")).ok()


async def log_out_all(server: InProcessServer, client: Client) -> None:
    (await client.post(f"{V3}/logout/all")).ok()


async def delete_device(server: InProcessServer, client: Client) -> None:
    other = await server.login(client.user_id)
    path = f"{V3}/devices/{client.device_id}"
    session = (await other.delete(path, {})).body["session"]
    (await other.delete(path, {"auth": other.password_auth(session)})).ok()


async def change_password(server: InProcessServer, client: Client) -> None:
    other = await server.login(client.user_id)
    body = {"new_password": "another horse battery"}
    session = (await other.post(f"{V3}/account/password", body)).body["session"]
    (await other.post(f"{V3}/account/password", {**body, "auth": other.password_auth(session)})).ok()


async def deactivate(server: InProcessServer, client: Client) -> None:
    await deactivate_user(server.app, client.user_id, erase=False)


async def lose_sessions(server: InProcessServer, client: Client) -> None:
    await log_out_everywhere(server.app, client.user_id)


async def lock(server: InProcessServer, client: Client) -> None:
    await set_standing(server.app, client.user_id, is_locked=True)


async def sync(client: Client, since: str = "", timeout_ms: int = 0) -> Answer:
    return await client.get(f"{V3}/sync?timeout={timeout_ms}" + (f"&since={since}" if since else ""))


async def park(client: Client, path: str) -> "asyncio.Task[Answer]":
    """A poll of which nothing is to be told."""
    poll = asyncio.create_task(client.get(path))
    await asyncio.sleep(0.2)
    assert not poll.done(), poll.result()
    return poll


@pytest.mark.parametrize(
    ("end", "errcode"),
    [
        (log_out, "M_UNKNOWN_TOKEN"),
        (log_out_all, "M_UNKNOWN_TOKEN"),
        (delete_device, "M_UNKNOWN_TOKEN"),
        (change_password, "M_UNKNOWN_TOKEN"),
        (deactivate, "M_UNKNOWN_TOKEN"),
        (lose_sessions, "M_UNKNOWN_TOKEN"),
        (lock, "M_USER_LOCKED"),
    ],
)
async def test_a_parked_sync_ends_with_its_session(tmp_path: Path, end: End, errcode: str) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        since = (await sync(anna)).ok()["next_batch"]
        since = (await sync(anna, since)).ok()["next_batch"]
        polls = [
            await park(anna, f"{V3}/sync?timeout={PARK_MS}&since={since}"),
            await park(anna, f"{V3}/events?timeout={PARK_MS}&from={since}"),
        ]
        await end(server, anna)
        async with asyncio.timeout(SOON_S):
            answers = await asyncio.gather(*polls)
        assert [(answer.status, answer.errcode) for answer in answers] == [(401, errcode)] * 2


async def test_other_sessions_go_on(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = (await anna.post(f"{V3}/createRoom", {})).ok()["room_id"]
        phone = await server.login(anna.user_id)
        since = (await sync(anna)).ok()["next_batch"]
        poll = await park(anna, f"{V3}/sync?timeout={PARK_MS}&since={since}")
        (await phone.post(f"{V3}/logout")).ok()
        await set_user_password(server.app, anna.user_id, "another horse battery", logs_out=False)
        sent = (await anna.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/1", {"body": "x"})).ok()["event_id"]
        async with asyncio.timeout(SOON_S):
            answer = (await poll).ok()
        assert sent in str(answer) or "device_lists" in answer, "it goes on, and tells what came"
        assert (await sync(anna, answer["next_batch"])).status == 200
