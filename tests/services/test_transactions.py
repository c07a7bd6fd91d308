"""Transaction IDs: a retry gets the same answer, also after a restart and a month later, and old ones are forgotten."""

from pathlib import Path

from tests.client import Client, InProcessServer, q, running_server

from zajil.services.messages.clean_transactions import clean_transactions

DAY_MS = 86_400_000


class ShiftedClock:
    """The real clock, some days ahead."""

    def __init__(self, clock: object, days: int) -> None:
        self._clock = clock
        self.shift_ms = days * DAY_MS

    def now_ms(self) -> int:
        return self._clock.now_ms() + self.shift_ms  # type: ignore[attr-defined]

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()  # type: ignore[attr-defined]


async def create_room(client: Client) -> str:
    return (await client.post("/_matrix/client/v3/createRoom", {})).ok()["room_id"]


async def send(client: Client, room_id: str, txn_id: str) -> str:
    path = f"/_matrix/client/v3/rooms/{q(room_id)}/send/m.room.message/{txn_id}"
    return (await client.put(path, {"msgtype": "m.text", "body": "hello"})).ok()["event_id"]


async def count_messages(client: Client, room_id: str) -> int:
    page = (await client.get(f"/_matrix/client/v3/rooms/{q(room_id)}/messages?dir=b&limit=100")).ok()
    return sum(event["type"] == "m.room.message" for event in page["chunk"])


async def test_a_retry_gets_the_same_event_after_a_restart(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create_room(anna)
        first = await send(anna, room_id, "t1")
        assert await send(anna, room_id, "t1") == first
        assert await send(anna, room_id, "t2") != first
    async with running_server(tmp_path) as server:
        anna = Client(server, anna.access_token, anna.user_id, anna.device_id)
        assert await send(anna, room_id, "t1") == first
        assert await count_messages(anna, room_id) == 2


async def test_another_device_may_use_the_same_transaction_id(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        room_id = await create_room(anna)
        phone = await server.login(anna.user_id)
        assert await send(anna, room_id, "t1") != await send(phone, room_id, "t1")


async def forgotten_after(server: InProcessServer, days: int) -> bool:
    anna = await server.register(f"anna{days}")
    room_id = await create_room(anna)
    first = await send(anna, room_id, "t1")
    real = server.app.clock
    server.app.clock = ShiftedClock(real, days)
    try:
        await clean_transactions(server.app)
        return await send(anna, room_id, "t1") != first
    finally:
        server.app.clock = real


async def test_transaction_ids_are_kept_for_thirty_days_and_not_for_ever(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        assert not await forgotten_after(server, 29)
        assert await forgotten_after(server, 61)
        left = await server.app.db.reader.fetch_value("SELECT COUNT(*) FROM transactions")
        assert left == 1  # the retry of the last line
