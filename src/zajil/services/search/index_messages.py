"""Keeping the full-text index: a task in the background follows what is stored, off the write path, from where the last process was.

Edits put their text in the place of the original's, redactions take it out. Encrypted messages have no text here.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog

from zajil.core.events import Event
from zajil.core.relations import REPLACE, find_latest_replacement, is_valid_replacement, parse_relation
from zajil.core.search_text import tokenise
from zajil.ports.database import Read, Touch, Transaction
from zajil.ports.stores.events import OUTLIER, REJECTED, SOFT_FAILED, StoredEvent
from zajil.ports.stores.search import IndexedText, SearchKey
from zajil.services.app import App

REDACTION: Final = "m.room.redaction"
KEYS: Final[dict[str, SearchKey]] = {
    "m.room.message": "content.body",
    "m.sticker": "content.body",
    "m.room.name": "content.name",
    "m.room.topic": "content.topic",
}
TYPES: Final = (*KEYS, REDACTION)
GATHER_S: Final = 0.5
"""What is stored in this time is indexed together."""
BUSY_SHARE: Final = 0.1
"""Of the time of the event loop, at most so much goes into the index."""
EMPTY_STEPS_MAX: Final = 100
"""Steps with nothing to index before it is written down how far they went."""
RETRY_S: Final = 5.0

log = structlog.get_logger(__name__)


class Changes:
    """What one step does to the index."""

    def __init__(self) -> None:
        self.texts: dict[int, IndexedText] = {}
        self.gone: set[int] = set()
        self.edits: dict[int, int] = {}

    def put(self, stored: StoredEvent, content: dict[str, Any]) -> None:
        """The event has this content now."""
        text = build_text(stored, content)
        if text is None:
            self.remove(stored.nid)
        else:
            self.texts[stored.nid] = text
            self.gone.discard(stored.nid)

    def remove(self, nid: int) -> None:
        self.texts.pop(nid, None)
        self.gone.add(nid)

    def __bool__(self) -> bool:
        return bool(self.texts or self.gone or self.edits)


def build_text(stored: StoredEvent, content: dict[str, Any]) -> IndexedText | None:
    """What is to be found of an event; None when it has no words."""
    key = KEYS.get(stored.event.type)
    text = None if key is None else content.get(key.removeprefix("content."))
    words = tokenise(text) if isinstance(text, str) else []
    return IndexedText(stored.nid, stored.room_nid, key, words) if key is not None and words else None


class MessageIndex:
    """The task that follows the log."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._wanted = asyncio.Event()
        self._reached: int | None = None
        self._empty_steps = 0
        self._running: asyncio.Task[None] | None = None
        app.db.subscribe(self._hear)

    def start(self) -> None:
        """Begin, with what an earlier process left; needs a running loop."""
        self._wanted.set()
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def _hear(self, _position: int, _touches: Sequence[Touch]) -> None:
        self._wanted.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._wanted.wait()
            await asyncio.sleep(GATHER_S)
            self._wanted.clear()
            try:
                while True:
                    started_s = loop.time()
                    if not await self.step():
                        break
                    await asyncio.sleep((loop.time() - started_s) * (1 / BUSY_SHARE - 1))
            except Exception as error:
                log.warning("messages were not indexed", cause=str(error))
                self._reached = None
                await asyncio.sleep(RETRY_S)
                self._wanted.set()

    async def catch_up(self) -> None:
        """Index everything there is now."""
        while await self.step():
            pass

    async def step(self) -> bool:
        """Index the next stretch; False when there is nothing more."""
        app, tx, store = self._app, self._app.db.reader, self._app.stores.search
        before = await store.load_progress(tx)
        reached = max(before, self._reached or 0)
        end, events = await store.load_step(tx, reached, TYPES)
        self._reached = end
        changes = await find_changes(app, tx, events)
        self._empty_steps += 1
        if changes or (end > before and (end == reached or self._empty_steps >= EMPTY_STEPS_MAX)):
            self._empty_steps = 0
            await self._store(changes, before, end)
        return end > reached

    async def _store(self, changes: Changes, before: int, end: int) -> None:
        store = self._app.stores.search

        async def item(tx: Transaction) -> bool:
            if await store.load_progress(tx) != before or not await store.store_progress(tx, before, end):
                return False  # another process does the same work
            await store.delete_texts(tx, sorted(changes.gone))
            await store.store_texts(tx, list(changes.texts.values()))
            await store.store_edits(tx, sorted(changes.edits.items()))
            return True

        if not await self._app.db.write(item):
            self._reached = None


async def find_changes(app: App, tx: Read, events: Sequence[StoredEvent]) -> Changes:
    """What these events, in their order, do to the index."""
    changes = Changes()
    for stored in events:
        event = stored.event
        if stored.flags & (OUTLIER | REJECTED | SOFT_FAILED):
            continue
        if event.type == REDACTION:
            await _apply_redaction(app, tx, changes, event)
        elif stored.redacted_by is None:
            original = await _find_original(app, tx, stored)
            if original is None:
                changes.put(stored, event.content)
            else:
                changes.edits[stored.nid] = original.nid
                await _refresh(app, tx, changes, original)
    return changes


async def _apply_redaction(app: App, tx: Read, changes: Changes, event: Event) -> None:
    for target in await app.stores.events.load_by_ids(tx, [event.redacts or ""]):
        if target.redacted_by is None:
            continue  # the redaction was not allowed
        changes.remove(target.nid)
        original_nid = changes.edits.get(target.nid) or await app.stores.search.load_original(tx, target.nid)
        for original in await app.stores.events.load_by_nids(tx, [original_nid] if original_nid else []):
            await _refresh(app, tx, changes, original)


async def _find_original(app: App, tx: Read, stored: StoredEvent) -> StoredEvent | None:
    """The message that this event edits, if it is an edit."""
    relation = parse_relation(stored.event.content)
    if relation is None or relation.rel_type != REPLACE:
        return None
    for original in await app.stores.events.load_by_ids(tx, [relation.event_id]):
        if original.room_nid == stored.room_nid and is_valid_replacement(original.event, stored.event):
            return original
    return None


async def _refresh(app: App, tx: Read, changes: Changes, original: StoredEvent) -> None:
    """Index a message with the text of its latest edit."""
    if original.redacted_by is not None:
        changes.remove(original.nid)
        return
    edits = await app.stores.relations.load_replacements(tx, original.room_nid, [original.event.event_id])
    latest = find_latest_replacement(original.event, [edit.event for edit in edits])
    changes.put(original, original.event.content if latest is None else latest.content["m.new_content"])
