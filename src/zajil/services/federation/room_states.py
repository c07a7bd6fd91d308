"""States of a room at places other than its head: the roots of their tries, what lies under a key, and their resolution."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zajil.core.room_rules import RoomRules
from zajil.core.state_map import EMPTY_ROOT, StateKey
from zajil.core.state_resolution import (
    Known,
    Links,
    NeedCiting,
    NeedLinks,
    NeedNodes,
    Pause,
    Resolution,
    ResolutionRefused,
    StateRoots,
    resolve_states,
)
from zajil.core.state_resolution.known import NO_LINKS, Need
from zajil.ports.database import Read, Transaction
from zajil.ports.stores.events import REJECTED, StoredEvent
from zajil.services.app import App

EVENTS_PER_SLICE: Final = 200
"""Read before others get their turn on the event loop: about 2 ms."""
STATE_INLINE_MAX: Final = 200
"""Events of a state that are read on the event loop."""


@dataclass(frozen=True, slots=True)
class Roots:
    """A state: the roots of its two tries."""

    members: bytes
    rest: bytes


EMPTY: Final = Roots(EMPTY_ROOT, EMPTY_ROOT)


class StateUnknown(Exception):
    """This server does not know the state there, or cannot work it out."""


async def load_room_events(app: App, tx: Read, room_nid: int, event_ids: Iterable[str]) -> dict[str, StoredEvent]:
    """Events of one room by ID; unknown ones and those of other rooms are left out."""
    loaded = await app.stores.events.load_by_ids(tx, list(dict.fromkeys(event_ids)))
    return {each.event.event_id: each for each in loaded if each.room_nid == room_nid}


async def find_unknown(app: App, room_nid: int, event_ids: Iterable[str]) -> list[str]:
    """Those of the events of a room that are not here; others get their turn meanwhile."""
    wanted, unknown = list(dict.fromkeys(event_ids)), []
    for start in range(0, len(wanted), EVENTS_PER_SLICE):
        part = wanted[start : start + EVENTS_PER_SLICE]
        found = await load_room_events(app, app.db.reader, room_nid, part)
        unknown += [event_id for event_id in part if event_id not in found]
        await asyncio.sleep(0)
    return unknown


async def load_roots_before(app: App, tx: Read, stored: StoredEvent) -> Roots | None:
    """The state before an event, if it is known."""
    snapshots = (await app.stores.rooms.load_branch_snapshots(tx, [stored.nid])).get(stored.nid)
    roots = None if snapshots is None else await app.stores.rooms.load_snapshot(tx, snapshots[0])
    return None if roots is None else Roots(*roots)


async def load_state_nids(app: App, tx: Read, roots: Roots) -> list[int]:
    """The numbers of all events of a state."""
    members, rest = await app.rooms.read_state(tx, roots.members), await app.rooms.read_state(tx, roots.rest)
    return sorted([*members.values(), *rest.values()])


async def load_with_auth_chain(
    app: App, nids: Sequence[int], chain_of: Sequence[int]
) -> tuple[Sequence[StoredEvent], Sequence[StoredEvent]]:
    """Events by number, and the auth chain of some; many of them are read off the event loop."""

    async def load(read: Read) -> tuple[Sequence[StoredEvent], Sequence[StoredEvent]]:
        events = app.stores.events
        return await events.load_by_nids(read, nids), await events.load_auth_chain(read, chain_of)

    return await (load(app.db.reader) if len(nids) <= STATE_INLINE_MAX else app.db.read_slowly(load))


async def load_roots_after(app: App, tx: Read, event_ids: Iterable[str]) -> dict[str, Roots]:
    """The state after each event; events whose state is not known are left out."""
    stored = {each.nid: each for each in await app.stores.events.load_by_ids(tx, list(event_ids))}
    found: dict[str, Roots] = {}
    for nid, (_, after) in (await app.stores.rooms.load_branch_snapshots(tx, sorted(stored))).items():
        roots = await app.stores.rooms.load_snapshot(tx, after)
        if roots is not None:
            found[stored[nid].event.event_id] = Roots(*roots)
    return found


async def load_state_events(app: App, tx: Read, roots: Roots, keys: Sequence[StateKey]) -> dict[StateKey, StoredEvent]:
    """The state events under some keys."""
    nids = await read_keys(app, tx, roots, keys)
    by_nid = {stored.nid: stored for stored in await app.stores.events.load_by_nids(tx, list(nids.values()))}
    return {key: by_nid[nid] for key, nid in nids.items() if nid in by_nid}


async def read_keys(app: App, tx: Read, roots: Roots, keys: Sequence[StateKey]) -> dict[StateKey, int]:
    """The numbers of the state events under some keys."""
    members = [key for key in keys if key[0] == "m.room.member"]
    rest = [key for key in keys if key[0] != "m.room.member"]
    nids: dict[StateKey, int] = {}
    if members:
        nids |= await app.rooms.read_state_keys(tx, roots.members, members)
    if rest:
        nids |= await app.rooms.read_state_keys(tx, roots.rest, rest)
    return nids


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


async def resolve_roots(app: App, tx: Read, states: Sequence[Roots], create_nid: int, rules: RoomRules) -> Resolved:
    """Resolve several states into one (room version specification, "State resolution"). Raises StateUnknown.

    Others get their turn between slices of about a millisecond.
    """
    known = Known()
    resolution = resolve_states([StateRoots(each.members, each.rest) for each in states], create_nid, rules, known)
    while True:
        try:
            need = next(resolution)
        except StopIteration as stop:
            result: Resolution | ResolutionRefused = stop.value
            break
        await _supply(app, tx, need, known)
    if isinstance(result, ResolutionRefused):
        raise StateUnknown(result.reason)
    return Resolved(Roots(result.base.members, result.base.rest), result.changes)


async def _supply(app: App, tx: Read, need: Need | Pause, known: Known) -> None:
    """Load what the resolution lacks. What is not there stands as such, so that it is not asked for again."""
    events = app.stores.events
    if isinstance(need, Pause):
        await asyncio.sleep(0)
    elif isinstance(need, NeedNodes):
        known.nodes.update(await app.rooms.load_nodes(tx, need.names))
    elif isinstance(need, NeedLinks):
        wanted = sorted(need.nids)
        known.links |= dict.fromkeys(wanted, NO_LINKS)
        for nid, (key, auth_nids) in (await events.load_links(tx, wanted)).items():
            known.links[nid] = Links(key, auth_nids)
    elif isinstance(need, NeedCiting):
        wanted = sorted(need.nids)
        known.citing |= dict.fromkeys(wanted, ())
        known.citing |= await events.load_citing(tx, wanted)
    else:
        wanted = sorted(need.nids)
        known.events |= dict.fromkeys(wanted)
        for stored in await events.load_by_nids(tx, wanted):
            known.events[stored.nid] = stored.event
            if stored.flags & REJECTED:
                known.rejected.add(stored.nid)
