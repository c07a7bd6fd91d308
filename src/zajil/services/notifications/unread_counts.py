"""Unread notifications and highlights per user, room and thread (client-server API, "Receiving notifications").

Nothing is written when an event is sent. A count is what the user's push rules say today of the room's events after what the user has read;
it is worked out when somebody asks, goes on in memory event by event, and is kept in a checkpoint off the path of requests. What the user
sends marks its own thread as read, up to the event sent.
"""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import orjson

from zajil.core.push_rules_evaluation import CompiledRules, SharedVerdict
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.receipts import UnreadCheckpoint
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.notifications.event_notices import MAIN_THREAD, EventNotice, load_display_name, prepare_notices
from zajil.services.rooms.room_heads import RoomHead

EVENTS_COUNTED_MAX: Final = 1_000
"""Of the room's newest ones, when a count is worked out."""
COUNT_MAX: Final = 100_000
THREADS_MAX: Final = 500
"""Threads with unread events that are counted apart; beyond them the one that was quiet longest is forgotten."""
RECEIPTS_READ_MAX: Final = 1_000
USERS_REMEMBERED_MAX: Final = 50_000
TALLIES_MAX: Final = 250_000
CHECKPOINT_EVENTS: Final = 64
"""A count that took so many events is worth keeping."""
UNTHREADED: Final = ""

Point = tuple[int, int]
Threads = dict[str, list[int]]


class Tally:
    """One user's unread events in one room."""

    __slots__ = ("counted_to", "first_counted", "joined_at", "pending", "read_to", "reads", "rules_name", "threads")

    def __init__(
        self, joined_at: int, rules_name: str, counted_to: int, threads: Threads, reads: dict[str, Point]
    ) -> None:
        self.joined_at = joined_at
        self.rules_name = rules_name
        self.counted_to = counted_to
        self.threads = threads
        """[notifications, highlights] by thread, where there are any."""
        self.reads = reads
        """How far the user has read, by thread; "" for all threads."""
        self.read_to = max((point[0] for point in reads.values()), default=0)
        """Nothing after this position has been read."""
        self.pending: dict[str, Point] = {}
        """Threads to be counted again from a point on; "" for all."""
        self.first_counted = 0
        """No event before this position is in the counts."""

    def totals(self) -> tuple[int, int]:
        """(notifications, highlights) of the room, all threads together."""
        notifications = highlights = 0
        for each in self.threads.values():
            notifications += each[0]
            highlights += each[1]
        return notifications, highlights

    def note_read(self, thread: str, point: Point) -> None:
        """The user has read a thread (or everything) up to a point in the room's history."""
        if point <= self.reads.get(thread, (-1, 0)):
            return
        self.reads[thread] = point
        self.read_to = max(self.read_to, point[0])
        if thread == UNTHREADED:
            self.threads.clear()
        else:
            self.threads.pop(thread, None)
        if point[0] < self.counted_to:
            self.pending[thread] = point

    def covers(self, stored: StoredEvent, thread: str) -> bool:
        """Whether the user has read the event, or was not there yet."""
        point = (stored.history or 0, stored.history_minor)
        if (stored.position or 0) <= self.joined_at or point <= self.reads.get(UNTHREADED, (-1, 0)):
            return True
        return point <= self.reads.get(thread, (-1, 0))

    def is_read(self, stored: StoredEvent, thread: str) -> bool:
        """Whether the event is none of those counted, as far as the tally knows."""
        is_counted = thread in self.threads and (stored.position or 0) >= self.first_counted
        return not is_counted or self.covers(stored, thread)

    def reset(self, thread: str) -> None:
        self.threads.pop(thread, None)

    def add(self, thread: str, position: int, *, highlight: bool) -> None:
        if not self.threads or position < self.first_counted:
            self.first_counted = position
        counts = self.threads.pop(thread, None) or [0, 0]
        self.threads[thread] = counts
        if len(self.threads) > THREADS_MAX:
            del self.threads[next(iter(self.threads))]
        counts[0] = min(counts[0] + 1, COUNT_MAX)
        if highlight:
            counts[1] = min(counts[1] + 1, COUNT_MAX)


class UserTallies:
    """One user's counts, with the rules by which they were counted."""

    __slots__ = ("rooms", "rules")

    def __init__(self, rules: CompiledRules) -> None:
        self.rules = rules
        self.rooms: dict[str, Tally] = {}


class UnreadCounts:
    """This process's memory of unread counts."""

    def __init__(self, app: App) -> None:
        self.users: OrderedDict[str, UserTallies] = OrderedDict()
        self.tallies = 0
        self._counting: dict[tuple[str, str], list[object]] = {}
        """Counts under way; what a receipt or a change of rules makes out of date is taken from it."""
        self.unsaved: dict[tuple[str, str], None] = {}
        """(user, room) of counts worth a checkpoint."""
        app.notifier.foreign.append(self.forget_all)
        app.notifier.committed.append(self._hear_committed)

    def forget_all(self) -> None:
        self._counting.clear()
        self.users.clear()
        self.tallies = 0

    def forget_user(self, user_id: str) -> None:
        """The user's rules have changed."""
        for key in [key for key in self._counting if key[0] == user_id]:
            del self._counting[key]
        user = self.users.pop(user_id, None)
        if user is not None:
            self.tallies -= len(user.rooms)

    def _hear_committed(self, head: RoomHead, events: list[StoredEvent]) -> None:
        for stored in events:
            if stored.event.membership is not None:
                self._counting.pop((stored.event.key[1], head.room_id), None)
                self._take(stored.event.key[1], head.room_id)

    def note_read(self, user_id: str, room_id: str, thread: str, point: Point) -> None:
        """A receipt is on disk."""
        self._counting.pop((user_id, room_id), None)
        user = self.users.get(user_id)
        tally = None if user is None else user.rooms.get(room_id)
        if tally is not None:
            tally.note_read(thread, point)

    def _take(self, user_id: str, room_id: str) -> Tally | None:
        user = self.users.get(user_id)
        tally = None if user is None else user.rooms.pop(room_id, None)
        self.tallies -= tally is not None
        return tally

    def begin(self, user_id: str, room_id: str) -> tuple[Tally | None, object]:
        """Take out the tally that is to be changed; what comes with it is to be given back to `put`."""
        started = object()
        self._counting.setdefault((user_id, room_id), []).append(started)
        return self._take(user_id, room_id), started

    def put(self, user_id: str, room_id: str, tally: Tally, rules: CompiledRules, started: object) -> bool:
        """Remember a tally, unless something has made it out of date since `begin`."""
        under_way = self._counting.get((user_id, room_id), [])
        if started not in under_way:
            return False
        under_way.remove(started)
        if not under_way:
            del self._counting[(user_id, room_id)]
        user = self.users.get(user_id)
        if user is None:
            user = self.users[user_id] = UserTallies(rules)
        self.tallies += room_id not in user.rooms
        user.rooms[room_id] = tally
        self.users.move_to_end(user_id)
        while len(self.users) > 1 and (len(self.users) > USERS_REMEMBERED_MAX or self.tallies > TALLIES_MAX):
            _, forgotten = self.users.popitem(last=False)
            self.tallies -= len(forgotten.rooms)
        return True

    def give_up(self, user_id: str, room_id: str) -> None:
        """A count failed."""
        self._counting.pop((user_id, room_id), None)


async def load_unread(app: App, tx: Read, head: RoomHead, user_id: str) -> Tally:
    """The unread counts of a user who is in the room, as of its newest event."""
    user = app.unread_counts.users.get(user_id)
    tally = None if user is None else user.rooms.get(head.room_id)
    if user is None or tally is None or tally.pending:
        return await _count(app, tx, head, user_id)
    recent = head.recent
    newest = recent[-1].position or 0 if recent else head.recent_after
    if newest <= tally.counted_to:
        return tally
    ignored = app.ignored_users.known.get(user_id)
    if ignored is None or tally.counted_to < head.recent_after or not _add_known(tally, head, user, user_id, ignored):
        return await _count(app, tx, head, user_id)
    tally.counted_to = newest
    return tally


def _add_known(tally: Tally, head: RoomHead, user: UserTallies, user_id: str, ignored: frozenset[str]) -> bool:
    """Add new events that other members have looked at already, the case to be quick about. False: nothing done, look closer."""
    rules, counted_to = user.rules, tally.counted_to
    fresh: list[tuple[StoredEvent, EventNotice, SharedVerdict]] = []
    for stored in reversed(head.recent):
        if (stored.position or 0) <= counted_to:
            break
        notice: EventNotice = stored.notice
        if notice is None or not notice.is_plain:
            return False
        shared = notice.verdicts.get(rules) or notice.find_shared(rules)
        if shared.everyone:
            return False
        fresh.append((stored, notice, shared))
    for stored, notice, shared in reversed(fresh):
        sender = notice.sender
        if sender == user_id or user_id in shared.individually or (stored.position or 0) <= tally.read_to:
            count_event(tally, stored, rules, user_id, ignored, None)
        elif shared.verdict.notify and sender not in ignored:
            tally.add(notice.thread, stored.position or 0, highlight=shared.verdict.highlight)
    return True


def count_event(
    tally: Tally,
    stored: StoredEvent,
    rules: CompiledRules,
    user_id: str,
    ignored: frozenset[str],
    display_name: str | None,
) -> None:
    """Add one event to a count; events come in the order of the log."""
    notice: EventNotice = stored.notice
    if notice.sender == user_id:
        if not notice.is_state:
            tally.reset(notice.thread)
        return
    if notice.is_redacted or notice.sender in ignored or tally.covers(stored, notice.thread):
        return
    verdict = notice.find_verdict(rules, user_id, display_name)
    if verdict.notify:
        tally.add(notice.thread, stored.position or 0, highlight=verdict.highlight)


async def _count(app: App, tx: Read, head: RoomHead, user_id: str) -> Tally:
    """Bring a count up to date, whatever that takes, and remember it."""
    memory = app.unread_counts
    tally, started = memory.begin(user_id, head.room_id)
    try:
        rules = await app.push_rules.load(tx, user_id)
        ignored = await load_ignored_users(app, tx, user_id)
        tally = tally or await _load_tally(app, tx, head, user_id)
        looked_at = await _advance(app, tx, head, user_id, tally, rules, ignored)
    except BaseException:
        memory.give_up(user_id, head.room_id)
        raise
    if memory.put(user_id, head.room_id, tally, rules, started) and looked_at >= CHECKPOINT_EVENTS:
        memory.unsaved[(user_id, head.room_id)] = None
    return tally


async def _advance(
    app: App,
    tx: Read,
    head: RoomHead,
    user_id: str,
    tally: Tally,
    rules: CompiledRules,
    ignored: frozenset[str],
) -> int:
    """Count what is new or to be counted again; returns how many events were looked at."""
    pending, tally.pending = tally.pending, {}
    complete_to = head.recent_after
    start = min([tally.counted_to, *(_last_position(point) for point in pending.values())])
    events = await load_events_after(app, tx, head, start)
    redacted_from = await _find_redacted(app, tx, tally, events)
    if redacted_from is not None:
        # Something that was counted is gone.
        pending[UNTHREADED] = (redacted_from, -1)
        tally.threads.clear()
        if redacted_from <= start:
            events = await load_events_after(app, tx, head, redacted_from - 1)
    looked_at = len(events)
    events = _leave_out_answered(events, user_id)
    await prepare_notices(app, tx, head, events)
    # What the user sends resets its thread, so nothing before the last such event needs a verdict.
    last_sent = {
        stored.notice.thread: index
        for index, stored in enumerate(events)
        if stored.event.sender == user_id and not stored.event.is_state
    }
    counted_to = tally.counted_to
    for index, stored in enumerate(events):
        position, thread = stored.position or 0, stored.notice.thread
        wanted = position > counted_to or UNTHREADED in pending or thread in pending
        if wanted and index >= last_sent.get(thread, 0):
            name = await load_display_name(app, tx, head, stored, rules, user_id)
            count_event(tally, stored, rules, user_id, ignored, name)
        tally.counted_to = max(tally.counted_to, position)
    tally.counted_to = max(tally.counted_to, complete_to)
    return looked_at


def _leave_out_answered(events: list[StoredEvent], user_id: str) -> list[StoredEvent]:
    """The events from the user's own last message on: it resets the main thread. With other threads before it, all of them."""
    for index in range(len(events) - 1, 0, -1):
        event = events[index].event
        if event.sender == user_id and not event.is_state and "m.relates_to" not in event.content:
            threaded = any("m.relates_to" in earlier.event.content for earlier in events[:index])
            return events if threaded else events[index:]
    return events


def _last_position(point: Point) -> int:
    """The last position of the log that is not after a point of history. Events fetched later stand before the one they lead to."""
    return point[0] if point[1] >= 0 else point[0] - 1


async def load_events_after(app: App, tx: Read, head: RoomHead, after: int) -> list[StoredEvent]:
    """A room's announced events after a position, oldest first: the newest, if they are too many."""
    known = head.events_after(after)
    if known is not None:
        return known
    # What is committed but not yet announced is in memory.
    up_to = max(app.db.position, head.recent[-1].position or 0 if head.recent else 0)
    return await app.stores.events.load_timeline(tx, head.row.room_nid, after, up_to, EVENTS_COUNTED_MAX)


async def _find_redacted(app: App, tx: Read, tally: Tally, events: Sequence[StoredEvent]) -> int | None:
    """The position from which to count again because one of `events` redacts what has been counted; None if there is no need."""
    if not tally.threads:
        return None
    targets = [each.event.redacts for each in events if each.event.redacts and (each.position or 0) > tally.counted_to]
    for target in await app.stores.events.load_by_ids(tx, targets) if targets else []:
        if target.redacted_by is not None and tally.first_counted <= (target.position or 0) <= tally.counted_to:
            return tally.first_counted
    return None


async def _load_tally(app: App, tx: Read, head: RoomHead, user_id: str) -> Tally:
    """A count to go on from: the checkpoint, or none."""
    joined_at = await app.rooms.joined_at(tx, head, user_id) or 0
    reads: dict[str, Point] = {}
    for receipt in await app.stores.receipts.load_of_user(tx, head.row.room_nid, user_id, RECEIPTS_READ_MAX):
        reads[receipt.thread_id] = max(receipt.point, reads.get(receipt.thread_id, (-1, 0)))
    rules_name = build_rules_name(await app.stores.push_rules.load(tx, user_id))
    checkpoint = await app.stores.receipts.load_checkpoint(tx, user_id, head.row.room_nid)
    tally = None if checkpoint is None else parse_checkpoint(checkpoint)
    if tally is None or (tally.joined_at, tally.rules_name) != (joined_at, rules_name):
        start = max(joined_at, _last_position(reads.get(UNTHREADED, (0, 0))))
        return Tally(joined_at, rules_name, start, {}, reads)
    for thread, point in reads.items():
        tally.note_read(thread, point)
    return tally


def build_rules_name(stored: bytes) -> str:
    """A short name for a customisation of push rules: counts made by other rules are of no use."""
    return blake2b(stored, digest_size=12).hexdigest() if stored else ""


def build_checkpoint(user_id: str, room_nid: int, tally: Tally) -> UnreadCheckpoint:
    """What `parse_checkpoint` turns into the tally again."""
    body = {
        "joined_at": tally.joined_at,
        "rules": tally.rules_name,
        "first_counted": tally.first_counted,
        "reads": tally.reads,
        "threads": tally.threads,
    }
    return UnreadCheckpoint(user_id, room_nid, tally.counted_to, orjson.dumps(body))


def parse_checkpoint(checkpoint: UnreadCheckpoint) -> Tally:
    """The tally as it was."""
    body = orjson.loads(checkpoint.body)
    reads = {thread: (point[0], point[1]) for thread, point in body["reads"].items()}
    tally = Tally(body["joined_at"], body["rules"], checkpoint.counted_to, body["threads"], reads)
    tally.first_counted = body["first_counted"]
    return tally


def render_unread(tally: Tally, *, by_thread: bool) -> dict[bytes, bytes]:
    """`unread_notifications`, and with `by_thread` `unread_thread_notifications`, as JSON by name."""
    if not by_thread:
        return {b"unread_notifications": _render_counts(*tally.totals())}
    main = tally.threads.get(MAIN_THREAD, (0, 0))
    sections = {b"unread_notifications": _render_counts(main[0], main[1])}
    threads = [
        orjson.dumps(thread) + b":" + _render_counts(counts[0], counts[1])
        for thread, counts in tally.threads.items()
        if thread != MAIN_THREAD
    ]
    if threads:
        sections[b"unread_thread_notifications"] = b"{" + b",".join(threads) + b"}"
    return sections


def _render_counts(notifications: int, highlights: int) -> bytes:
    return b'{"highlight_count":%d,"notification_count":%d}' % (highlights, notifications)
