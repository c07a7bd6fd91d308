"""What goes out to other servers: put down when it is made, given to each server's queue, sent in order until it has arrived.

Nothing here is only in memory but typing, presence and receipts. Every server has its own queue and its own task, so one that is slow, dead or
hostile delays nobody else.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any, Final

import orjson
import structlog

from zajil.core.identifiers import server_name_of
from zajil.ports.database import Busy, StorageUnavailable, Stream, Touch, Transaction
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.federation_queue import DestinationRow, QueuedEdu, QueuedPdu
from zajil.services.app import App
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.federation.fetch_events import federation_path
from zajil.services.federation.partial_rooms import load_named_servers
from zajil.services.federation.senders import CHANGED, Senders
from zajil.services.federation.supersede_pdus import find_superseded
from zajil.services.rooms.room_heads import RoomHead
from zajil.services.signals.node_signals import Signal

log = structlog.get_logger(__name__)

PDUS_MAX: Final = 50
EDUS_MAX: Final = 100
OUTBOX_MAX: Final = 200
SEND_TIMEOUT_MS: Final = 60_000
RETRY_S: Final = 2.0
RETRY_S_MAX: Final = 3_600.0
ASKED_TO_WAIT_MS_MAX: Final = 60_000
"""A server that asks for a longer pause counts as one that cannot be reached."""
HAND_OVER_S: Final = 5.0
HAND_OVER_LOOK_S: Final = 0.02
CATCH_UP_AFTER_S: Final = 3_600.0
"""A server that was away longer gets each room's newest event first, and asks for what lies between."""
FLEETING_MAX: Final = 500
"""Typing, presence and receipts that wait for one server; the oldest go."""
DESTINATIONS_REMEMBERED_MAX: Final = 20_000
ROOMS_REMEMBERED_MAX: Final = 2_000
SWEEP_S: Final = 30.0
"""When nothing was heard for so long, the queues are looked at: another process may have put something in as it ended."""
RECEIPT: Final = "m.receipt"


@dataclass(slots=True)
class Destination:
    """One server as it is seen from here."""

    row: DestinationRow
    task: asyncio.Task[None] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    fleeting: OrderedDict[tuple[str, str], dict[str, Any]] = field(default_factory=OrderedDict)
    """EDUs by type and subject: a newer one takes the place of the older."""


class Destinations:
    """The queues of all servers."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._known: OrderedDict[str, Destination] = OrderedDict()
        self._servers_of_rooms: OrderedDict[int, tuple[bytes, list[str]]] = OrderedDict()
        """By room: the root of its members, and their servers."""
        self._outbox_wake = asyncio.Event()
        self._outbox: asyncio.Task[None] | None = None
        self._is_sweep_due = True
        self._reload: asyncio.Task[None] | None = None
        self._stopping = False
        self.senders = Senders(app, self._list_active, self._wake_waiting)

    async def start(self) -> None:
        """Go on where the last process stopped."""
        if not self._app.config.federation:
            return
        self._app.node_signals.listen(Signal.OTHER_SERVER, self._hear_signal)
        await self.senders.start()
        self._outbox_wake.set()
        self._app.db.subscribe(lambda position, touches: None, self._hear_of_others)
        self._outbox = asyncio.create_task(self._run_outbox())

    def _hear_of_others(self, position: int, touches: Sequence[Touch]) -> None:
        """Another process may have appended events of ours, or an operator has decided something."""
        self._is_sweep_due = self._is_sweep_due or not touches or (Stream.FEDERATION, CHANGED) in touches
        self.wake_outbox()
        names = {key for stream, key in touches if stream is Stream.FEDERATION} - {CHANGED}
        if not touches or names:
            self._reload = asyncio.create_task(self._reload_decisions(names))

    async def _reload_decisions(self, names: Iterable[str]) -> None:
        """The rules, and which servers are to be tried at once; or another process has put something into the queue of one of `names`."""
        app = self._app
        for name in names:
            if name and self.senders.has_turn(name):
                self.wake(name)
        await app.server_rules.load()
        for name, destination in list(self._known.items()):
            if destination.row.failures:
                row = await app.stores.federation_queue.load_destination(app.db.reader, name)
                if row is not None and row.retry_ts < destination.row.retry_ts:
                    destination.row = row
                    self.wake(name)

    async def stop(self) -> None:
        """End all sending; what is on its way is sent again by the next process, and placed once by the receivers."""
        if self._stopping:
            return
        self._stopping = True
        tasks = [each.task for each in self._known.values() if each.task is not None]
        if self._outbox is not None:
            tasks.append(self._outbox)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.senders.stop()

    def _list_active(self) -> list[str]:
        return [name for name, each in self._known.items() if each.task is not None]

    def _wake_waiting(self) -> None:
        """Another process sends no more: what waits may be ours now."""
        self._is_sweep_due = True
        self._outbox_wake.set()

    async def _load_waiting(self) -> None:
        for server_name in await self._app.stores.federation_queue.load_waiting_servers(self._app.db.reader):
            if await self.senders.is_others_turn(server_name):
                continue
            if server_name not in self._known:
                await self._load_row(self._find(server_name))
            self.wake(server_name)

    async def _load_row(self, destination: Destination) -> None:
        """How the server has answered another process."""
        name = destination.row.server_name
        row = await self._app.stores.federation_queue.load_destination(self._app.db.reader, name)
        if row is not None:
            destination.row = row

    def wake_outbox(self) -> None:
        """Events of ours have been appended in rooms with other servers."""
        self._outbox_wake.set()

    def note_waiting(self, tx: Transaction, server_name: str) -> None:
        """Something was put into the server's queue in this transaction."""
        tx.on_commit(partial(self.wake, server_name))
        if self._stopping:  # whoever sends from now on has to look
            tx.touch(Stream.FEDERATION, CHANGED)

    def wake(self, server_name: str) -> None:
        """Something waits for the server, or it has been heard of."""
        if self._stopping or not is_server_allowed(self._app, server_name):
            return
        destination = self._find(server_name)
        destination.wake.set()
        if destination.task is None:
            destination.task = asyncio.create_task(self._run(destination))

    def retry_now(self) -> None:
        """Try all servers that have failed without waiting any longer."""
        for server_name in list(self._known):
            self.note_alive(server_name)

    def note_alive(self, server_name: str) -> None:
        """The server has sent us something: it is there, whatever failed before."""
        if not self.senders.has_turn(server_name):
            self._app.node_signals.publish(Signal.OTHER_SERVER, [server_name, []])
            return
        destination = self._known.get(server_name)
        if destination is not None and destination.row.failures:
            destination.row = replace(destination.row, retry_ts=0)
            self.wake(server_name)

    async def hand_over(self, server_name: str) -> None:
        """Send what waits for a server now, and wait until it is there, the server fails, or a few seconds have passed.

        Who enters a room anew through a server that has not heard yet of how they left it would be in the room by one account and out by the other.
        """
        # An attempt that is under way began before, and may fail for something that is over: then it is tried once more.
        known = self._known.get(server_name)
        tries_left = 1 if known is None or known.task is None else 2
        last, failures = self._app.db.position, -1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HAND_OVER_S):
                while await self._has_waiting(server_name, last):
                    destination = self._find(server_name)
                    if destination.row.failures > failures:
                        if not tries_left:
                            return
                        failures, tries_left = destination.row.failures, tries_left - 1
                        self.note_alive(server_name)
                    await asyncio.sleep(HAND_OVER_LOOK_S)

    async def _has_waiting(self, server_name: str, last: int) -> bool:
        """Whether an event up to this position may still be on its way to the server."""
        store, reader = self._app.stores.federation_queue, self._app.db.reader
        if any(row.position <= last for row in await store.load_outbox(reader, 1)):
            return True
        return any(row.position <= last for row in await store.load_pdus(reader, server_name, 1))

    def send_fleeting(self, server_name: str, edu_type: str, subject: str, content: dict[str, Any]) -> None:
        """Send an EDU that nobody misses if it is lost. A newer one on the same subject takes its place."""
        destination = self._find(server_name)
        if destination.row.failures:
            return
        destination.fleeting[edu_type, subject] = {"edu_type": edu_type, "content": content}
        destination.fleeting.move_to_end((edu_type, subject))
        if len(destination.fleeting) > FLEETING_MAX:
            destination.fleeting.popitem(last=False)
        self.wake(server_name)

    def _hear_signal(self, content: tuple[str, list[tuple[str, str, dict[str, Any]]]]) -> None:
        """Another process has heard of a server, or has news for it."""
        server_name, edus = content
        if self.senders.is_alone or not self.senders.has_turn(server_name):
            return
        if not edus:
            self.note_alive(server_name)
        for edu_type, subject, edu in edus:
            self.send_fleeting(server_name, edu_type, subject, edu)

    def _find(self, server_name: str) -> Destination:
        destination = self._known.get(server_name)
        if destination is None:
            row = DestinationRow(server_name, 0, self._app.clock.now_ms(), 0, "")
            destination = self._known[server_name] = Destination(row)
            if len(self._known) > DESTINATIONS_REMEMBERED_MAX:
                self._drop_idle()
        return destination

    def _drop_idle(self) -> None:
        for name, each in list(self._known.items()):
            if each.task is None and not each.row.failures:
                del self._known[name]
                return

    async def _run_outbox(self) -> None:
        """Give what was appended to the queues of the servers that it is for."""
        while True:
            try:
                async with asyncio.timeout(SWEEP_S):
                    await self._outbox_wake.wait()
            except TimeoutError:
                self._is_sweep_due = True
            self._outbox_wake.clear()
            try:
                if self._is_sweep_due:
                    self._is_sweep_due = False
                    await self._load_waiting()
                while await self._fan_out():
                    pass
            except (StorageUnavailable, Busy):
                await asyncio.sleep(1)
                self._outbox_wake.set()
            except Exception:
                log.exception("events cannot be given to the queues of other servers")
                await asyncio.sleep(5)
                self._outbox_wake.set()

    async def _fan_out(self) -> bool:
        """One portion; False when there is nothing (more) to do."""
        app = self._app
        moves = await app.stores.federation_queue.load_moves(app.db.reader)
        rows = await app.stores.federation_queue.load_outbox(app.db.reader, OUTBOX_MAX)
        if not rows:
            return False
        loaded = {
            each.nid: each
            for each in await app.stores.events.load_by_nids(app.db.reader, [row.event_nid for row in rows])
        }
        queued: list[tuple[str, QueuedPdu]] = []
        for row in rows:
            stored = loaded.get(row.event_nid)
            if stored is not None:
                pdu = QueuedPdu(row.position, row.event_nid, stored.room_nid)
                queued += [(server_name, pdu) for server_name in await self._find_receivers(stored)]

        async def item(tx: Transaction) -> bool:
            # What another process has moved meanwhile may have been sent already, and would come into the queue again.
            if not await app.stores.federation_queue.count_move(tx, moves):
                return False
            await app.stores.federation_queue.insert_pdus(tx, queued)
            await app.stores.federation_queue.delete_outbox(tx, [row.position for row in rows])
            return True

        if not await app.db.write(item):
            return True
        for server_name in {server_name for server_name, _ in queued}:
            self.wake(server_name)
        return len(rows) == OUTBOX_MAX

    async def find_servers(self, head: RoomHead) -> list[str]:
        """The other servers in a room that this one talks with."""
        app, room_nid = self._app, head.row.room_nid
        known = self._servers_of_rooms.get(room_nid)
        if known is None or known[0] != head.row.members_root:
            found = await app.stores.federation_queue.load_joined_servers(app.db.reader, room_nid)
            others = sorted(name for name in found if name != app.server_name)
            known = self._servers_of_rooms[room_nid] = head.row.members_root, others
            if len(self._servers_of_rooms) > ROOMS_REMEMBERED_MAX:
                self._servers_of_rooms.popitem(last=False)
        named = [name for name in await load_named_servers(app, head) if name != app.server_name]
        return [name for name in dict.fromkeys([*known[1], *named]) if is_server_allowed(app, name)]

    async def _find_receivers(self, stored: StoredEvent) -> list[str]:
        """The servers that are to get an event: those in its room, and that of a user whose membership it sets."""
        app, event = self._app, stored.event
        head = await app.rooms.find(app.db.reader, event.room_id, app.db.position)
        servers = set() if head is None else set(await self.find_servers(head))
        if event.type == "m.room.member" and event.state_key is not None:
            its_own = server_name_of(event.state_key) or ""
            if is_server_allowed(app, its_own):
                servers.add(its_own)
        # The server of the sender has it if it has signed it: either we are that, or it gave us the event to pass on. An invitation by a third party is made
        # in the name of who asked for it, by whichever server hears of it.
        its_own = server_name_of(event.sender) or ""
        has_it = {its_own} if its_own in event.pdu["signatures"] else set()
        return sorted(servers - {app.server_name, ""} - has_it)

    async def _run(self, destination: Destination) -> None:
        """Send to one server until nothing waits any more."""
        try:
            while not self._stopping:
                destination.wake.clear()
                wait_s = (destination.row.retry_ts - self._app.clock.now_ms()) / 1000
                if wait_s > 0:
                    await self._pause(destination, wait_s)
                    continue
                if not await self._take(destination):
                    goes_on = False
                elif destination.row.retry_ts > self._app.clock.now_ms():
                    continue  # another process has tried already
                else:
                    goes_on = await self._send_once(destination)
                if not goes_on and not destination.wake.is_set():
                    return
        except (StorageUnavailable, Busy):
            await asyncio.sleep(1)
            asyncio.get_running_loop().call_soon(self.wake, destination.row.server_name)
        except Exception:
            log.exception("sending to a server has failed", server=destination.row.server_name)
        finally:
            destination.task = None

    async def _take(self, destination: Destination) -> bool:
        """Have the server's turn, or tell the process that has it that something waits."""
        name, had = destination.row.server_name, self.senders.has_turn(destination.row.server_name)
        if await self.senders.take(name):
            if not had:
                await self._load_row(destination)
            return True
        app, fleeting = self._app, list(destination.fleeting.items())
        destination.fleeting.clear()
        if app.node_signals.is_on:
            told = [[edu_type, subject, edu["content"]] for (edu_type, subject), edu in fleeting]
            if told:
                app.node_signals.publish(Signal.OTHER_SERVER, [name, told])
            fleeting = []

        async def item(tx: Transaction) -> None:
            for (edu_type, _), edu in fleeting:
                if edu_type == RECEIPT:  # the others mean nothing when they come late
                    content = orjson.dumps(edu["content"])
                    await app.stores.federation_queue.insert_edu(tx, name, QueuedEdu(await tx.new_ids(1), edu_type, content))
            await tx.append(Stream.FEDERATION, name)

        await app.db.write(item)
        return False

    async def _pause(self, destination: Destination, wait_s: float) -> None:
        """Wait for the next attempt, or until the server is heard of."""
        try:
            async with asyncio.timeout(min(wait_s, RETRY_S_MAX)):
                while destination.row.retry_ts > self._app.clock.now_ms():
                    destination.wake.clear()
                    await destination.wake.wait()
        except TimeoutError:
            pass

    async def _send_once(self, destination: Destination) -> bool:
        """Send one transaction; False when there was nothing to send."""
        app, name = self._app, destination.row.server_name
        store, reader = app.stores.federation_queue, app.db.reader
        rows = await store.load_pdus(reader, name, PDUS_MAX)
        edus = await store.load_edus(reader, name, EDUS_MAX)
        fleeting = list(destination.fleeting.items())[: EDUS_MAX - len(edus)]
        if not rows and not edus and not fleeting:
            return False
        loaded = {
            each.nid: each for each in await app.stores.events.load_by_nids(reader, [row.event_nid for row in rows])
        }
        content = {
            "origin": app.server_name,
            "origin_server_ts": app.clock.now_ms(),
            "pdus": [loaded[row.event_nid].event.pdu for row in rows if row.event_nid in loaded],
            "edus": [
                *({"edu_type": edu.edu_type, "content": orjson.loads(edu.content)} for edu in edus),
                *(edu for _, edu in fleeting),
            ],
        }
        try:
            await app.federation.request(
                FederationRequest(
                    name,
                    "PUT",
                    federation_path("v1", "send", build_txn_id(app.db.epoch, rows, edus, fleeting)),
                    content=content,
                    timeout_ms=SEND_TIMEOUT_MS,
                )
            )
        except FederationFailed as failure:
            app.measurements.federation.transactions["failed"] += 1
            await self._note_failure(destination, failure)
            return True
        app.measurements.federation.transactions["sent"] += 1
        for key, edu in fleeting:
            if destination.fleeting.get(key) is edu:
                del destination.fleeting[key]
        await self._note_success(destination, rows, edus)
        return True

    async def _note_success(self, destination: Destination, rows: list[QueuedPdu], edus: list[QueuedEdu]) -> None:
        app, name = self._app, destination.row.server_name
        had_failed = destination.row.failures > 0
        row = DestinationRow(name, 0, app.clock.now_ms(), 0, "")
        if not rows and not edus and not had_failed:
            destination.row = row
            return

        async def item(tx: Transaction) -> None:
            await app.stores.federation_queue.delete_pdus(tx, name, rows)
            await app.stores.federation_queue.delete_edus(tx, name, edus)
            if had_failed:
                await app.stores.federation_queue.store_destination(tx, row)

        await app.db.write(item)
        destination.row = row

    async def _note_failure(self, destination: Destination, failure: FederationFailed) -> None:
        """Wait longer after each failure, with jitter, so that servers do not all come back at once."""
        app, former = self._app, destination.row
        now_ms = app.clock.now_ms()
        if failure.status == 429 and 0 < (failure.retry_after_ms or 0) <= ASKED_TO_WAIT_MS_MAX:
            # It is there, and says when it has time again.
            destination.row = replace(former, retry_ts=now_ms + (failure.retry_after_ms or 0))
            return
        pause_s = min(RETRY_S * 2 ** min(former.failures, 20), RETRY_S_MAX)
        pause_ms = int(pause_s * 1000 * (0.5 + app.randomness.below(1000) / 1000))
        pause_ms = max(pause_ms, failure.retry_after_ms or 0)
        since_ts = former.since_ts if former.failures else now_ms
        row = DestinationRow(former.server_name, former.failures + 1, since_ts, now_ms + pause_ms, str(failure)[:500])
        destination.fleeting.clear()

        is_long = now_ms - since_ts > CATCH_UP_AFTER_S * 1000
        superseded = await find_superseded(app, row.server_name) if is_long else []

        async def item(tx: Transaction) -> None:
            await app.stores.federation_queue.store_destination(tx, row)
            await app.stores.federation_queue.delete_pdus(tx, row.server_name, superseded)

        await app.db.write(item)
        destination.row = row
        if former.failures == 0:
            log.info("a server cannot be reached", server=row.server_name, cause=row.cause)


def build_txn_id(
    epoch: int,
    rows: Iterable[QueuedPdu],
    edus: Iterable[QueuedEdu],
    fleeting: Iterable[tuple[tuple[str, str], dict[str, Any]]],
) -> str:
    """The same content gets the same ID, so that a receiver which has it already knows."""
    digest = sha256(b"%d " % epoch)
    for row in rows:
        digest.update(b"p%d " % row.event_nid)
    for edu in edus:
        digest.update(b"e%d " % edu.edu_nid)
    for _, content in fleeting:
        digest.update(orjson.dumps(content))
    return digest.hexdigest()[:32]


async def queue_edu(app: App, tx: Transaction, server_name: str, edu_type: str, content: Mapping[str, Any]) -> None:
    """Queue an EDU that must arrive, in the transaction of what it tells of."""
    if server_name == app.server_name or not is_server_allowed(app, server_name):
        return
    edu = QueuedEdu(await tx.new_ids(1), edu_type, orjson.dumps(content))
    await app.stores.federation_queue.insert_edu(tx, server_name, edu)
    app.destinations.note_waiting(tx, server_name)
