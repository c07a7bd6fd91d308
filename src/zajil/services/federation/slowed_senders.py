"""The breaker (services/admission/new_rooms.py) for users of other servers: who writes to many silent rooms here is slowed, and nothing is lost.

A message to one more silent room is acknowledged, as the answer is one for all that its server sends, and waits in the database until its turn
(at most ten minutes). It is placed at once when anybody else writes there, or anything but messages of the same sender comes for the room.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from zajil.core.events import Event
from zajil.core.identifiers import server_name_of
from zajil.ports.database import Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.partial_rooms import WaitingPdu
from zajil.services.admission.new_rooms import MEMORY_S, NewRooms
from zajil.services.app import App
from zajil.services.federation.complete_state import complete_room
from zajil.services.rooms.room_heads import RoomHead

LOOK_S: Final = 1.0
FORGOTTEN_LOOK_S: Final = MEMORY_S
"""So often what another process has left waiting is looked for."""
ROOMS_MAX: Final = 10_000
MESSAGES_MAX: Final = 100
"""Of one room; one more lets all of them go on."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Held:
    """What waits in a room: messages of one sender."""

    sender: str
    due_s: float
    count: int = 0


class SlowedSenders:
    """The rooms in which this process lets messages wait."""

    def __init__(self, app: App) -> None:
        config = app.config
        self._app = app
        self.new_rooms = NewRooms(app.clock, app.ranks, is_on=config.rate_limits, exempt=config.rate_limits_exempt)
        self.delayed = 0
        self._held: dict[str, Held] = {}
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """What waited when a process ended is placed by `PartialRooms` as one begins."""
        if self._app.config.federation:
            self._app.notifier.committed.append(self._note)
            self._looking = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def hold(self, origin: str, head: RoomHead, events: Sequence[Event]) -> Sequence[Event]:
        """Keep what must wait. Returns what is to be placed now."""
        if not events:
            return events
        room_id, held = head.room_id, self._held.get(head.room_id)
        sender = find_only_writer(self._app, events)
        if held is None:
            held = None if sender is None else self._slow(head, sender, events[0])
        elif held.sender != sender or held.count >= MESSAGES_MAX:
            await self._place(room_id)
            held = None
        if held is None:
            return events
        held.count += len(events)
        self.delayed += len(events)
        pdus = [WaitingPdu(head.row.room_nid, origin, each.event_id, each.json) for each in events]

        async def item(tx: Transaction) -> None:
            for pdu in pdus:
                await self._app.stores.partial_rooms.insert_pdu(tx, pdu, await tx.new_ids(1))

        await self._app.db.write(item)
        # If their turn has come meanwhile, these came too late for it.
        self._held.setdefault(room_id, held)
        return []

    def _slow(self, head: RoomHead, sender: str, first: Event) -> Held | None:
        """Begin to let messages wait in the room; None if they need not."""
        app = self._app
        if head.row.partial_state or app.stopping or len(self._held) >= ROOMS_MAX:
            return None
        # What was written some time ago has waited already, as all that comes after a server could not be reached.
        age_s = max(0, app.clock.now_ms() - first.origin_server_ts) / 1000
        # A server that lies about the time could invent senders as well; against whole servers there is their own budget (core/origin_budget.py).
        wait_s = self.new_rooms.find_delay_s(sender, head.room_id, age_s)
        if not wait_s:
            return None
        held = self._held[head.room_id] = Held(sender, app.clock.monotonic_s() + wait_s)
        return held

    def release_due(self) -> None:
        """Let go on whose turn has come."""
        now_s = self._app.clock.monotonic_s()
        for room_id in [room_id for room_id, held in self._held.items() if held.due_s <= now_s]:
            self._release(room_id)

    async def release_forgotten(self) -> None:
        """Let go on what no process knows of any more, or another one may still."""
        app = self._app
        for room_id in await app.stores.partial_rooms.load_unfinished(app.db.reader):
            head = await app.rooms.find(app.db.reader, room_id, app.db.position)
            if head is not None and not head.row.partial_state and room_id not in self._held:
                app.partial_rooms.begin(room_id)

    def _release(self, room_id: str) -> None:
        del self._held[room_id]
        self._app.partial_rooms.begin(room_id)

    async def _place(self, room_id: str) -> None:
        """At once: what comes now may follow it."""
        del self._held[room_id]
        is_done = False
        try:
            is_done = await complete_room(self._app, room_id)
        finally:
            if not is_done:
                self._app.partial_rooms.begin(room_id)

    def _note(self, head: RoomHead, _: list[StoredEvent]) -> None:
        """Something is new in a room: it is not silent."""
        if head.room_id in self._held:
            self._release(head.room_id)

    async def _run(self) -> None:
        next_s = self._app.clock.monotonic_s() + FORGOTTEN_LOOK_S
        while True:
            await asyncio.sleep(LOOK_S)
            self.release_due()
            if self._app.clock.monotonic_s() >= next_s:
                next_s = self._app.clock.monotonic_s() + FORGOTTEN_LOOK_S
                try:
                    await self.release_forgotten()
                except Exception:
                    log.exception("messages that wait cannot be looked for")


def find_only_writer(app: App, events: Sequence[Event]) -> str | None:
    """Of whom all of the events are messages; None if there is anything else among them, or the sender is ours. What takes something away never waits."""
    senders = {each.sender for each in events}
    if len(senders) != 1 or any(each.state_key is not None or each.type == "m.room.redaction" for each in events):
        return None
    sender = senders.pop()
    return None if server_name_of(sender) == app.server_name else sender
