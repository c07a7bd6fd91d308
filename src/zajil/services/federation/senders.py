"""Which process sends to which server: several may work on one database, and only one of them at a time sends to a server.

A process that is alone (as far as the table of senders says) sends to all. As soon as there is another, each has to take a server's turn before it sends
to it, and moves its own number on (`beat`) so that the others see that it lives. Whose number has not moved for `MISSED_MAX` looks loses its turns to
whoever has something to send. No clock is compared with another's, and none of it is needed for correctness: what is sent twice is placed once.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from zajil.ports.database import Busy, StorageUnavailable, Stream, Touch, Transaction
from zajil.services.app import App

log = structlog.get_logger(__name__)

BEAT_S: Final = 0.5
MISSED_MAX: Final = 6
FRESH_S: Final = MISSED_MAX * BEAT_S / 2
"""A process that has not moved its number on for so long looks whether the others still know it before it sends."""
CHANGED: Final = " senders"
"""The key under which processes tell each other that one has begun or ended; no server has such a name."""


@dataclass(slots=True)
class Other:
    """Another process that sends."""

    beat: int
    missed: int
    """Looks since its number was seen to have moved, or since it was first seen."""
    is_aware: bool
    """It cannot think any more that it is alone."""


class Senders:
    """This process among those that send. `list_active` names the servers that it sends to at the moment; `on_change` is called when servers may have
    become free."""

    def __init__(self, app: App, list_active: Callable[[], list[str]], on_change: Callable[[], None]) -> None:
        self._app = app
        self._list_active = list_active
        self._on_change = on_change
        self._others: dict[str, Other] = {}
        self._mine: set[str] = set()
        self._beat = 0
        self._beaten_s = 0.0
        self._is_known = False
        """Whether the others can have heard of this process."""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_alone(self) -> bool:
        return not self._others

    def has_turn(self, server_name: str) -> bool:
        """Whether this process sends to the server, as far as it knows."""
        return self.is_alone or server_name in self._mine

    async def start(self) -> None:
        """Tell the others that there is one more: at once, or as soon as the database can be written."""
        try:
            await self._write_beat()
            await self._look(is_newcomer=True)
        except (StorageUnavailable, Busy):
            log.info("other processes cannot be told yet that this one sends")
            self._wake.set()
        self._app.db.subscribe(lambda position, touches: None, self._hear)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Leave everything to the others."""
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        app = self._app

        async def item(tx: Transaction) -> None:
            await app.stores.federation_queue.delete_sender(tx, app.instance)
            await tx.append(Stream.FEDERATION, CHANGED)

        try:
            await app.db.write(item)
        except (StorageUnavailable, Busy):
            log.info("other processes will notice only later that this one sends no more")

    async def is_others_turn(self, server_name: str) -> bool:
        """Whether another living process sends to the server."""
        if self.has_turn(server_name):
            return False
        return await self._app.stores.federation_queue.load_turn(self._app.db.reader, server_name) in self._others

    async def take(self, server_name: str) -> bool:
        """Have the server's turn, if it is free or its owner is dead."""
        if self.is_alone:
            return True
        app, store = self._app, self._app.stores.federation_queue
        if server_name in self._mine and asyncio.get_running_loop().time() - self._beaten_s < FRESH_S:
            return True
        self._mine.discard(server_name)

        async def item(tx: Transaction) -> bool:
            senders = await store.load_senders(tx)
            owner = await store.load_turn(tx, server_name)
            if app.instance not in senders or owner in senders.keys() - {app.instance}:
                return False
            if owner == app.instance:
                return True
            if not all(each.is_aware for each in self._others.values()):
                return False  # one may be sending to it, as if it were alone
            return await store.take_turn(tx, server_name, app.instance, owner)

        if not await app.db.write(item):
            return False
        self._mine.add(server_name)
        return True

    def _hear(self, _position: int, touches: Sequence[Touch]) -> None:
        if not touches or (Stream.FEDERATION, CHANGED) in touches:
            self._wake.set()

    async def _run(self) -> None:
        while True:
            is_due = False
            try:
                async with asyncio.timeout(None if self.is_alone else BEAT_S):
                    await self._wake.wait()
            except TimeoutError:
                is_due = True
            self._wake.clear()
            try:
                await self._look(is_due=is_due)
                if not (self._is_known and self.is_alone) and await self._write_beat():
                    await self._look(is_newcomer=True)
            except (StorageUnavailable, Busy):
                await asyncio.sleep(BEAT_S)
                self._wake.set()
            except Exception:
                log.exception("this process cannot tell the others that it sends")
                await asyncio.sleep(BEAT_S)
                self._wake.set()

    async def _write_beat(self) -> bool:
        """Move the number on; True if the others have never heard of this process, or have given it up."""
        app, store, active = self._app, self._app.stores.federation_queue, self._list_active()
        began_s, self._beat = asyncio.get_running_loop().time(), self._beat + 1

        async def item(tx: Transaction) -> bool:
            is_new = app.instance not in await store.load_senders(tx)
            await store.store_sender(tx, app.instance, self._beat)
            if is_new:
                await tx.append(Stream.FEDERATION, CHANGED)
                return True
            for server_name in active:
                # What this process does already it has done alone. The others wait until they have seen its number move.
                await store.take_turn(tx, server_name, app.instance, None)
            return False

        is_new = await app.db.write(item)
        self._beaten_s, self._is_known = began_s, True
        if is_new:
            self._mine.clear()
        return is_new

    async def _look(self, *, is_newcomer: bool = False, is_due: bool = False) -> None:
        """See who lives, and bury who does not. Of a newcomer those who are there have not heard yet."""
        app = self._app
        rows = await app.stores.federation_queue.load_senders(app.db.reader)
        rows.pop(app.instance, None)
        former, self._others = self._others, {}
        has_changed = bool(former.keys() - rows.keys())
        for instance, beat in rows.items():
            other = former.get(instance)
            if other is None:
                other = Other(beat, 0, is_aware=not is_newcomer)
            elif is_newcomer:
                other.is_aware = False
            elif other.beat != beat:
                has_changed = has_changed or not other.is_aware
                other = Other(beat, 0, is_aware=True)
            else:
                other.missed += is_due
            if other.missed <= MISSED_MAX:
                self._others[instance] = other
                continue
            log.info("another process does not send any more", instance=instance)
            await app.db.write(partial(app.stores.federation_queue.delete_sender, instance=instance))
            has_changed = True
        if has_changed:
            self._on_change()
