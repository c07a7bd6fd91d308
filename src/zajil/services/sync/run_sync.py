"""Answering a sync: at once when there is news, else when some arrives or the time is over."""

import asyncio
from dataclasses import dataclass

import orjson

from zajil.core.sync_tokens import SyncToken
from zajil.ports.database import Read, Stream
from zajil.ports.stores.device_keys import KeyCounts
from zajil.ports.stores.rooms import MembershipChange, MembershipRow
from zajil.services.app import App
from zajil.services.keys.device_memory import load_key_counts
from zajil.services.keys.to_device import acknowledge
from zajil.services.sync.check_session import check_session_since
from zajil.services.sync.delivered_events import find_rooms_with_deliveries
from zajil.services.sync.device_sections import load_inbox
from zajil.services.sync.joined_room import build_joined_room
from zajil.services.sync.notifier import OnlineUser
from zajil.services.sync.other_rooms import build_invited_room, build_left_room
from zajil.services.sync.request import SyncRequest, Window
from zajil.services.sync.user_sections import find_rooms_with_account_data, load_user_sections

POSITION_MAX = 2**63 - 1
ROOMS_PER_SLICE = 20
"""After so many rooms a long answer lets others run."""


async def run_sync(app: App, sync: SyncRequest) -> bytes:
    """The answer's body. Waits up to `timeout_ms` for something new, unless it is a first sync or a full state is asked for."""
    tx = app.db.reader
    since = await find_position(app, sync.since)
    if since is None:
        app.lazy_members.forget_device(sync.device_key)
    else:
        await acknowledge(app, *sync.device_key, since)
        app.delivered.acknowledge(sync.user_id, since)
    deadline_s = app.clock.monotonic_s() + sync.timeout_ms / 1000
    must_answer = since is None or sync.full_state
    checked_at = sync.authorised_at
    while True:
        if not app.sync_turns.may_go_on():
            await app.sync_turns.wait()
        user = await app.notifier.find_or_load(tx, sync.user_id)
        checked_at = await check_session_since(app, sync.requester, user, checked_at)
        window = open_window(app, sync, since)
        sections: dict[bytes, bytes] = {}
        if must_answer or has_news(app, user, window):
            inbox, window = await load_inbox(app, sync, window)
            sections = {**inbox, **await build_sections(app, tx, sync, window, user)}
        counts = await load_key_counts(app, *sync.device_key)
        remaining_s = deadline_s - app.clock.monotonic_s()
        if sections or must_answer or counts.position > (since or 0) or remaining_s <= 0 or app.stopping:
            return render_answer(app, window, sections, counts)
        if user.last_touched <= window.up_to and user.last_ephemeral <= window.ephemeral_up_to:
            # else something came while this was put together
            await app.notifier.wait(user, remaining_s)


async def find_position(app: App, since: SyncToken | None) -> int | None:
    """The token's position, or None when it is of another epoch or ahead of the log: then the client starts anew.

    A token that another process gave out a moment ago may be ahead of what this one has heard of, which is a reason to look.
    """
    if since is None or since.epoch != app.db.epoch:
        return None
    if since.position > app.db.position:
        await app.db.catch_up()
    return since.position if since.position <= app.db.position else None


def open_window(app: App, sync: SyncRequest, since: int | None) -> Window:
    token = sync.since
    ephemeral_since = (
        token.ephemeral if token is not None and since is not None and token.instance == app.instance else -1
    )
    return Window(since, app.db.position, app.clock.now_ms(), ephemeral_since, app.ephemeral.counter)


def has_news(app: App, user: OnlineUser, window: Window) -> bool:
    """Whether anything may have happened for the user in the window; errs on the side of yes."""
    since = window.since
    if since is None or since < max(user.known_since, user.last_touched, app.notifier.unresolved):
        return True
    # Presence may have been noted without waking anybody; the token of an empty answer would pass it over.
    return max(user.last_ephemeral, user.last_presence) > window.ephemeral_since


def render_answer(app: App, window: Window, sections: dict[bytes, bytes], counts: KeyCounts) -> bytes:
    token = SyncToken(app.db.epoch, window.up_to, app.instance, window.ephemeral_up_to)
    parts = [b'"next_batch":"%b"' % str(token).encode(), counts.json]
    parts.extend(b'"%b":%b' % (name, value) for name, value in sections.items())
    return b"{" + b",".join(parts) + b"}"


async def build_sections(app: App, tx: Read, sync: SyncRequest, window: Window, user: OnlineUser) -> dict[bytes, bytes]:
    """The members of the answer, as JSON by name."""
    sections = await load_user_sections(app, tx, sync, window, user)
    rooms = await _build_rooms(app, tx, sync, window, user)
    if rooms:
        parts = [
            b'"%b":{%b}' % (kind, b",".join(orjson.dumps(room_id) + b":" + body for room_id, body in entries))
            for kind, entries in rooms.items()
        ]
        sections[b"rooms"] = b"{" + b",".join(parts) + b"}"
    return sections


async def _build_rooms(
    app: App, tx: Read, sync: SyncRequest, window: Window, user: OnlineUser
) -> dict[bytes, list[tuple[str, bytes]]]:
    rooms: dict[bytes, list[tuple[str, bytes]]] = {}
    for count, candidate in enumerate(await find_candidates(app, tx, sync, window, user)):
        if count % ROOMS_PER_SLICE == ROOMS_PER_SLICE - 1:
            await asyncio.sleep(0)
        head = await app.rooms.find(tx, candidate.room_id, app.db.position)
        if head is None or not sync.filter.matches_room(candidate.room_id):
            continue
        if candidate.membership == "join":
            if head.row.partial_state and not sync.filter.lazy_load_members:
                continue  # such a client would take the members that are known for all of them
            completed = window.since is not None and window.since < (head.row.completed_at or 0) <= window.up_to
            is_hidden = completed and not sync.filter.lazy_load_members
            newly = window.since is not None and (candidate.before != "join" or is_hidden)
            body = await build_joined_room(
                app,
                tx,
                head,
                sync,
                window,
                newly_joined=newly,
                came_back=candidate.came_back,
                completed=completed,
            )
            kind = b"join"
        elif candidate.membership in ("invite", "knock"):
            body = await build_invited_room(app, tx, head, sync.user_id)
            kind = candidate.membership.encode()
        else:
            body = await build_left_room(
                app,
                tx,
                head,
                sync,
                window,
                candidate.left_at,
                was_in=candidate.was_in,
                had_state=candidate.before == "join",
            )
            kind = b"leave"
        if body is not None:
            rooms.setdefault(kind, []).append((candidate.room_id, body))
    return rooms


@dataclass(frozen=True, slots=True)
class Candidate:
    """A room that may have a section in the answer."""

    room_id: str
    membership: str
    before: str
    """The membership at the start of the window."""
    came_back: bool = False
    """Joined at both ends of the window, but not all the time in between."""
    left_at: int = 0
    """Of a room that was left, where in the log the last stay ended; else where the membership began."""
    was_in: bool = False
    """Of a room that was left: the user was in it, at some time in the window or, on a first sync, ever."""


async def find_candidates(app: App, tx: Read, sync: SyncRequest, window: Window, user: OnlineUser) -> list[Candidate]:
    """Rooms to look at, in the order of their IDs."""
    since = window.since
    if since is None:
        wanted = ["join", "invite", "knock", *(["leave", "ban"] if sync.filter.include_leave else [])]
        rows = await app.stores.rooms.load_memberships_of_user(tx, sync.user_id, wanted)
        found = []
        for row in rows:
            if row.forgotten:
                continue
            if (
                row.position > window.up_to
            ):  # it changed while this answer was put together, which is for the next one to tell
                then = await app.stores.rooms.load_membership_at(tx, row.room_nid, sync.user_id, window.up_to)
                if then is None or then.membership != row.membership:
                    continue
            found.append(await _build_first(app, tx, row))
        return sorted(found, key=lambda each: each.room_id)
    touched = touched_rooms(user, window, everything=sync.full_state)
    if user.touched_since(Stream.ACCOUNT_DATA, since):
        touched.update(await find_rooms_with_account_data(app, tx, sync.user_id, since, window.up_to))
    if user.touched_since(Stream.NOTIFICATIONS, since):
        touched.update(await app.stores.receipts.load_rooms_read(tx, sync.user_id, since))
    if window.ephemeral_since < 0:
        touched.update(await find_rooms_with_deliveries(app, tx, sync.user_id, since))
    joined = {room_id for room_id in touched if room_id in user.rooms}
    moved, moved_later = await _find_moved(app, tx, sync, since, window.up_to, user)
    joined.difference_update(moved, (room_id for room_id, was_joined in moved_later.items() if not was_joined))
    joined.update(room_id for room_id, was_joined in moved_later.items() if was_joined)
    stayed = [Candidate(room_id, "join", "join") for room_id in joined]
    return sorted([*stayed, *moved.values()], key=lambda each: each.room_id)


async def _build_first(app: App, tx: Read, row: MembershipRow) -> Candidate:
    """A room on a first sync."""
    left = row.membership in ("leave", "ban")
    departure = await app.stores.rooms.load_departure(tx, row.room_nid, row.user_id) if left else None
    if departure is None:
        return Candidate(row.room_id, row.membership, "leave", left_at=row.position)
    return Candidate(row.room_id, row.membership, "leave", left_at=departure.position, was_in=True)


def touched_rooms(user: OnlineUser, window: Window, *, everything: bool) -> set[str]:
    """Rooms of the user that may have news; all of them when memory does not reach back that far."""
    since = window.since or 0
    is_forgotten = 0 <= window.ephemeral_since < user.ephemeral_since
    if everything or is_forgotten or since < user.known_since:
        return set(user.rooms)
    touched = {room_id for room_id, position in user.touched_rooms.items() if position > since}
    touched.update(room_id for room_id, position in user.receipts.items() if position > since)
    if user.last_ephemeral > window.ephemeral_since:
        touched.update(room_id for room_id, counter in user.typing.items() if counter > window.ephemeral_since)
        touched.update(room_id for room_id, counter in user.deliveries.items() if counter > window.ephemeral_since)
    return touched


async def _find_moved(
    app: App, tx: Read, sync: SyncRequest, since: int, up_to: int, user: OnlineUser
) -> tuple[dict[str, Candidate], dict[str, bool]]:
    """Rooms in which the user's own membership changed in the window, by room ID; and those in which it changed only after the
    window, while this answer was put together, with whether the user was joined all through the window. Memory may be as new as that.
    """
    if not user.touched_since(Stream.MEMBERSHIP, since):
        return {}, {}
    changes: dict[str, list[MembershipChange]] = {}
    for change in await app.stores.rooms.load_membership_changes(tx, sync.user_id, since, POSITION_MAX):
        changes.setdefault(change.room_id, []).append(change)
    moved: dict[str, Candidate] = {}
    moved_later: dict[str, bool] = {}
    for room_id, all_steps in changes.items():
        steps = [step for step in all_steps if step.position <= up_to]
        if not steps:
            former = await app.stores.rooms.load_membership_at(tx, all_steps[0].room_nid, sync.user_id, since)
            moved_later[room_id] = former is not None and former.membership == "join"
            continue
        former = await app.stores.rooms.load_membership_at(tx, steps[0].room_nid, sync.user_id, since)
        before = "leave" if former is None else former.membership
        if all(step.membership == "join" for step in steps) and before == "join":
            if len(all_steps) > len(steps):
                moved_later[room_id] = True
            continue  # a change of name or avatar
        row = await app.stores.rooms.load_membership(tx, steps[0].room_nid, sync.user_id)
        if row is None or row.forgotten:
            continue
        came_back = before == "join" and steps[-1].membership == "join"
        if came_back:
            before = "leave"  # what happened meanwhile may not be theirs to see
        stay_end = _find_stay_end(before, steps)
        left_at = steps[-1].position if stay_end is None else stay_end
        moved[room_id] = Candidate(room_id, steps[-1].membership, before, came_back, left_at, stay_end is not None)
    return moved, moved_later


def _find_stay_end(before: str, steps: list[MembershipChange]) -> int | None:
    """Where the user's last stay in the room ended; None for a user who was not in it, or still is."""
    end, is_in = None, before == "join"
    for step in steps:
        if is_in and step.membership != "join":
            end = step.position
        is_in = step.membership == "join"
    return None if is_in else end
