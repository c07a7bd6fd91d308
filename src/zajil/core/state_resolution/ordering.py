"""The two orders in which conflicting events are tried."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from zajil.core.events import Event
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY, build_power_levels
from zajil.core.state_resolution.event_source import EventSource

_PowerKey = tuple[int, int, str]


def sort_by_power(events: Iterable[Event], source: EventSource) -> list[Event]:
    """The reverse topological power ordering, earliest event first."""
    by_id = {event.event_id: event for event in events}
    keys = {event_id: _build_power_key(event, source) for event_id, event in by_id.items()}
    waiting: dict[str, set[str]] = {}
    later: dict[str, list[str]] = {}
    for event_id, event in sorted(by_id.items()):
        waiting[event_id] = {auth_id for auth_id in event.auth_event_ids if auth_id in by_id}
        for auth_id in sorted(waiting[event_id]):
            later.setdefault(auth_id, []).append(event_id)
    # Kahn's algorithm, taking the smallest of the events that wait for nothing.
    ready = [keys[event_id] for event_id, needed in waiting.items() if not needed]
    heapify(ready)
    ordered: list[str] = []
    while ready:
        event_id = heappop(ready)[2]
        ordered.append(event_id)
        for following in later.get(event_id, ()):
            waiting[following].remove(event_id)
            if not waiting[following]:
                heappush(ready, keys[following])
    # Only room versions 1 and 2, whose event IDs are no hashes, can have cycles; those events go last.
    rest = sorted(keys[event_id] for event_id in by_id.keys() - set(ordered))
    return [by_id[event_id] for event_id in (*ordered, *(key[2] for key in rest))]


def sort_by_mainline(events: Iterable[Event], power_levels_id: str | None, source: EventSource) -> list[Event]:
    """The mainline ordering based on a power levels event, earliest event first."""
    position: dict[str, int] = {}
    current = source.get(power_levels_id) if power_levels_id is not None else None
    while current is not None and current.event_id not in position:
        position[current.event_id] = len(position)
        current = source.get_auth_events(current).get(POWER_LEVELS_KEY)
    infinity = len(position)
    # Positions of power levels events off the mainline, so that each is walked over once.
    known = dict(position)

    def find_position(event: Event) -> int:
        path: list[str] = []
        above = source.get_auth_events(event).get(POWER_LEVELS_KEY)
        while above is not None and above.event_id not in known:
            known[above.event_id] = infinity  # also ends a cycle
            path.append(above.event_id)
            above = source.get_auth_events(above).get(POWER_LEVELS_KEY)
        found = infinity if above is None else known[above.event_id]
        known.update(dict.fromkeys(path, found))
        return found

    return sorted(events, key=lambda event: (-find_position(event), event.origin_server_ts, event.event_id))


def _build_power_key(event: Event, source: EventSource) -> _PowerKey:
    # The sender's power level as the event's own auth events have it.
    auth_events = source.get_auth_events(event)
    create = event if event.type == "m.room.create" else auth_events.get(CREATE_KEY)
    level = build_power_levels(create, auth_events.get(POWER_LEVELS_KEY)).user_level(event.sender)
    return (-level, event.origin_server_ts, event.event_id)
