"""States of a room at places other than its head: the roots of their tries, what lies under a key, and their resolution."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zajil.core.events import Event
from zajil.core.room_rules import RoomRules
from zajil.core.state_map import EMPTY_ROOT, StateKey
from zajil.core.state_resolution import NeedEvents, ResolutionRefused, resolve_state
from zajil.ports.database import Read, Transaction
from zajil.ports.stores.events import REJECTED, StoredEvent
from zajil.services.app import App

LOADS_MAX: Final = 1_000
"""Times that one resolution may ask for events."""


@dataclass(frozen=True, slots=True)
class Roots:
    """A state: the roots of its two tries."""

    members: bytes
    rest: bytes


EMPTY: Final = Roots(EMPTY_ROOT, EMPTY_ROOT)


class StateUnknown(Exception):
    """This server does not know the state there, or cannot work it out."""


async def load_roots_after(app: App, tx: Read, event_ids: Iterable[str]) -> dict[str, Roots]:
    """The state after each event; events whose state is not known are left out."""
    found: dict[str, Roots] = {}
    for stored in await app.stores.events.load_by_ids(tx, list(event_ids)):
        snapshots = await app.stores.rooms.load_event_snapshots(tx, stored.nid)
        roots = None if snapshots is None else await app.stores.rooms.load_snapshot(tx, snapshots[1])
        if roots is not None:
            found[stored.event.event_id] = Roots(*roots)
    return found


async def load_state_events(app: App, tx: Read, roots: Roots, keys: Sequence[StateKey]) -> dict[StateKey, StoredEvent]:
    """The state events under some keys."""
    members = [key for key in keys if key[0] == "m.room.member"]
    rest = [key for key in keys if key[0] != "m.room.member"]
    nids: dict[StateKey, int] = {}
    if members:
        nids |= await app.rooms.read_state_keys(tx, roots.members, members)
    if rest:
        nids |= await app.rooms.read_state_keys(tx, roots.rest, rest)
    by_nid = {stored.nid: stored for stored in await app.stores.events.load_by_nids(tx, list(nids.values()))}
    return {key: by_nid[nid] for key, nid in nids.items() if nid in by_nid}


async def update_roots(app: App, tx: Transaction, roots: Roots, changes: Mapping[StateKey, int | None]) -> Roots:
    """Store the state that differs from `roots` in some keys; None takes one away."""
    members = {key: nid for key, nid in changes.items() if key[0] == "m.room.member"}
    rest = {key: nid for key, nid in changes.items() if key[0] != "m.room.member"}
    return Roots(
        await app.rooms.change_state(tx, roots.members, members) if members else roots.members,
        await app.rooms.change_state(tx, roots.rest, rest) if rest else roots.rest,
    )


async def diff_roots(app: App, tx: Read, old: Roots, new: Roots) -> dict[StateKey, tuple[int | None, int | None]]:
    """What differs between two states, by event numbers."""
    found: dict[StateKey, tuple[int | None, int | None]] = {}
    if old.members != new.members:
        found |= await app.rooms.diff_states(tx, old.members, new.members)
    if old.rest != new.rest:
        found |= await app.rooms.diff_states(tx, old.rest, new.rest)
    return found


@dataclass(frozen=True, slots=True)
class Resolved:
    """A resolution's outcome: a base state, and what differs from it, by event numbers."""

    base: Roots
    changes: Mapping[StateKey, int | None]


async def resolve_roots(app: App, tx: Read, states: Sequence[Roots], rules: RoomRules) -> Resolved:
    """Resolve several states into one (room version specification, "State resolution"). Raises StateUnknown."""
    distinct = list(dict.fromkeys(states))
    base = distinct[0]
    if len(distinct) == 1:
        return Resolved(base, {})
    # What all have in common stays as it is, but the algorithm needs to see it: conflicts are judged against it.
    whole = await _read_whole(app, tx, base)
    maps: list[dict[StateKey, int]] = [whole]
    for other in distinct[1:]:
        changed = dict(whole)
        for key, (_, nid) in (await diff_roots(app, tx, base, other)).items():
            if nid is None:
                changed.pop(key, None)
            else:
                changed[key] = nid
        maps.append(changed)
    ids, nids = await _name_events(app, tx, maps)
    sets = [{key: ids[nid] for key, nid in each.items()} for each in maps]
    resolved = await _run(app, tx, sets, rules)
    changes: dict[StateKey, int | None] = {}
    for key in sorted(set(whole) | set(resolved)):
        now = nids[resolved[key]] if key in resolved else None
        if whole.get(key) != now:
            changes[key] = now
    return Resolved(base, changes)


async def _read_whole(app: App, tx: Read, roots: Roots) -> dict[StateKey, int]:
    return {**await app.rooms.read_state(tx, roots.members), **await app.rooms.read_state(tx, roots.rest)}


async def _name_events(
    app: App, tx: Read, maps: Sequence[Mapping[StateKey, int]]
) -> tuple[dict[int, str], dict[str, int]]:
    ids = await app.stores.events.load_event_ids(tx, sorted({nid for each in maps for nid in each.values()}))
    return ids, {event_id: nid for nid, event_id in ids.items()}


async def _run(
    app: App, tx: Read, sets: Sequence[Mapping[StateKey, str]], rules: RoomRules
) -> dict[StateKey, str]:
    known: dict[str, Event | None] = {}
    rejected: set[str] = set()
    for _ in range(LOADS_MAX):
        result = resolve_state(sets, rules, known, rejected)
        if isinstance(result, ResolutionRefused):
            raise StateUnknown(result.reason)
        if not isinstance(result, NeedEvents):
            return result
        wanted = sorted(result.event_ids)
        loaded = await app.stores.events.load_by_ids(tx, wanted)
        if result.with_auth_chains:
            loaded += await app.stores.events.load_auth_chain(tx, [stored.nid for stored in loaded])
        known |= dict.fromkeys(wanted)
        for stored in loaded:
            known[stored.event.event_id] = stored.event
            if stored.flags & REJECTED:
                rejected.add(stored.event.event_id)
    raise StateUnknown("resolving the state asks for too many events")
