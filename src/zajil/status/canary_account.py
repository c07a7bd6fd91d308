"""The account in whose name the server sends messages to itself. Nobody can register its name, and no directory lists it.

Its room is one for ever: old messages are deleted, so that it stays as small as it was after a few minutes.
"""

from typing import Any, Final

from zajil.core.room_rules import DEFAULT_VERSION
from zajil.ports.database import Transaction
from zajil.ports.stores.accounts import Account
from zajil.ports.stores.events import HistoryPoint
from zajil.services.accounts.start_session import DeviceRequest, start_session
from zajil.services.accounts.store_account_data import write_account_data
from zajil.services.app import App
from zajil.services.rooms.build_room import InitialState, Member, RoomRequest
from zajil.services.rooms.create_room import Claim, make_room

LOCALPART: Final = "_canary"
ROOM_TYPE: Final = "org.zajil.canary"
MESSAGES_KEPT: Final = 30
TRIMMED_PER_STEP: Final = 200


def build_canary_id(app: App) -> str:
    """The canary's user ID."""
    return f"@{LOCALPART}:{app.server_name}"


async def log_canary_in(app: App, node: str) -> dict[str, str]:
    """A new access token for the canary of one machine, and the room; whatever is missing is made. Its former token is void."""
    user_id = build_canary_id(app)

    async def store(tx: Transaction) -> dict[str, Any]:
        if await app.stores.accounts.load_account(tx, user_id) is None:
            await app.stores.accounts.store_account(tx, Account(user_id, app.clock.now_ms()))
        return await start_session(tx, app, user_id, DeviceRequest(f"CANARY{node.upper()}", None, can_refresh=False))

    session = await app.db.write(store)
    room_id = await _find_or_make_room(app, user_id)
    return {"user_id": user_id, "access_token": session["access_token"], "room_id": room_id}


async def _find_room(app: App, tx: Any, user_id: str) -> str | None:
    stored = await app.stores.account_data.load(tx, user_id, "", ROOM_TYPE)
    return stored.get("room_id") if stored else None


async def _find_or_make_room(app: App, user_id: str) -> str:
    known = await _find_room(app, app.db.reader, user_id)
    if known is not None:
        return known
    wanted = RoomRequest(
        version=DEFAULT_VERSION,
        creation_content={"m.federate": False},
        initial_state=(InitialState("m.room.encryption", "", {"algorithm": "m.megolm.v1.aes-sha2"}),),
    )

    async def find(tx: Transaction) -> str | None:
        return await _find_room(app, tx, user_id)

    async def store(tx: Transaction, room_id: str) -> None:
        await write_account_data(tx, app, user_id, "", ROOM_TYPE, {"room_id": room_id})

    return await make_room(app, wanted, Member(user_id, {}), [], Claim(find, store))


async def trim_canary_room(app: App) -> int:
    """Delete all but the newest messages of the canary's room; returns how many went."""
    reader = app.db.reader
    room_id = await _find_room(app, reader, build_canary_id(app))
    row = None if room_id is None else await app.stores.rooms.load_row(reader, room_id)
    if row is None:
        return 0
    room_nid, newest = row.room_nid, HistoryPoint(2**62, 0)
    events = await app.stores.events.load_history(reader, room_nid, newest, backwards=True, limit=MESSAGES_KEPT)
    if len(events) < MESSAGES_KEPT or events[-1].history is None:
        return 0
    before, total = events[-1].history, 0

    async def step(tx: Transaction) -> int:
        return await app.stores.incidents.trim_room(tx, room_nid, before, TRIMMED_PER_STEP)

    while count := await app.db.write(step):
        total += count
    now_ms = app.clock.now_ms()
    await app.db.write(lambda tx: app.stores.incidents.forget_transactions(tx, build_canary_id(app), now_ms))
    return total
