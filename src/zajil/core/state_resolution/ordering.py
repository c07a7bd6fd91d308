"""The two orders in which conflicting events are tried."""

from collections.abc import Collection, Iterable
from heapq import heappop, heappush

from zajil.core.events import Event
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY, build_power_levels
from zajil.core.state_resolution.known import PAUSE, RANK_STEPS, SORT_STEPS, Steps, Work

_PowerKey = tuple[int, int, str, int]


def sort_by_power(nids: Collection[int], create_nid: int, work: Work) -> Steps[list[int]]:
    """The reverse topological power ordering, earliest event first. The events and their auth events are loaded."""
    within = set(nids)
    keys: dict[int, _PowerKey] = {}
    waiting: dict[int, int] = {}
    later: dict[int, list[int]] = {}
    # Kahn's algorithm, taking the smallest of the events that wait for nothing.
    ready: list[_PowerKey] = []
    for nid in nids:
        needed = [auth_nid for auth_nid in dict.fromkeys(work.known.links[nid].auth_nids) if auth_nid in within]
        keys[nid] = _build_power_key(nid, create_nid, work)
        waiting[nid] = len(needed)
        for auth_nid in needed:
            later.setdefault(auth_nid, []).append(nid)
        if not needed:
            heappush(ready, keys[nid])
        if work.spend(RANK_STEPS):
            yield PAUSE
    ordered: list[int] = []
    while ready:
        nid = heappop(ready)[-1]
        ordered.append(nid)
        for following in later.get(nid, ()):
            waiting[following] -= 1
            if not waiting[following]:
                heappush(ready, keys[following])
            if work.spend(SORT_STEPS):
                yield PAUSE
    # Only room version 2, whose event IDs are no hashes, can have cycles; those events go last.
    if len(ordered) < len(keys):
        ordered += [key[-1] for key in sorted(keys[nid] for nid, count in waiting.items() if count)]
    return ordered


def _build_power_key(nid: int, create_nid: int, work: Work) -> _PowerKey:
    event = work.known.events[nid]
    assert event is not None
    # The sender's power level as the event's own auth events have it.
    auth_events = find_auth_events(event, nid, create_nid, work)
    create = event if event.type == "m.room.create" else auth_events.get(CREATE_KEY)
    level = build_power_levels(create, auth_events.get(POWER_LEVELS_KEY)).user_level(event.sender)
    return (-level, event.origin_server_ts, event.event_id, nid)


def find_auth_events(event: Event, nid: int, create_nid: int, work: Work) -> dict[tuple[str, str], Event]:
    """An event's auth events by key, the create event included where the room ID stands for it."""
    known = work.known
    auth_nids = known.links[nid].auth_nids
    if event.rules.room_id_is_create_hash:
        auth_nids = (create_nid, *auth_nids)
    return {found.key: found for auth_nid in auth_nids if (found := known.events.get(auth_nid)) and found.is_state}


def sort_by_mainline(nids: Iterable[int], power_levels_nid: int | None, work: Work) -> Steps[list[int]]:
    """The mainline ordering based on a power levels event, earliest event first."""
    # Positions on the mainline, and off it of what has been walked over, so that each is walked over once.
    positions: dict[int, int] = {}
    current = power_levels_nid
    while current is not None and current not in positions:
        positions[current] = len(positions)
        current = yield from _find_power_levels_above(current, work)
    infinity = len(positions)
    ordered: list[tuple[int, int, str, int]] = []
    for nid in nids:
        path: list[int] = []
        above = yield from _find_power_levels_above(nid, work)
        while above is not None and above not in positions:
            positions[above] = infinity  # also ends a cycle
            path.append(above)
            above = yield from _find_power_levels_above(above, work)
        found = infinity if above is None else positions[above]
        positions.update(dict.fromkeys(path, found))
        event = work.known.events[nid]
        assert event is not None
        heappush(ordered, (-found, event.origin_server_ts, event.event_id, nid))
        if work.spend(SORT_STEPS):
            yield PAUSE
    sorted_nids: list[int] = []
    while ordered:
        sorted_nids.append(heappop(ordered)[-1])
        if work.spend(SORT_STEPS):
            yield PAUSE
    return sorted_nids


def _find_power_levels_above(nid: int, work: Work) -> Steps[int | None]:
    links = work.known.links
    if nid not in links:
        yield from work.load_links((nid,))
    auth_nids = links[nid].auth_nids
    if not all(auth_nid in links for auth_nid in auth_nids):
        yield from work.load_links(auth_nids)
    if work.spend(2):
        yield PAUSE
    return next((auth_nid for auth_nid in auth_nids if links[auth_nid].key == POWER_LEVELS_KEY), None)
