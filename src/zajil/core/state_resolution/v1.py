"""State resolution of room version 1."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha1

from zajil.core.event_auth import auth_event_keys, check_event_auth
from zajil.core.events import Event, StateKey
from zajil.core.power_levels import CREATE_KEY
from zajil.core.room_rules import RoomRules
from zajil.core.state_resolution.event_source import EventSource

StateSet = Mapping[StateKey, str]

_AUTH_TYPES = ("m.room.power_levels", "m.room.join_rules", "m.room.member")
"""In the order in which conflicts between them are resolved."""


def resolve_v1(state_sets: Sequence[StateSet], rules: RoomRules, source: EventSource) -> dict[StateKey, str]:
    """Resolve at least two different states."""
    # Start with the union of the states, without what conflicts. (Here a key that a state lacks is no conflict.)
    values: dict[StateKey, set[str]] = {}
    for state in state_sets:
        for key, event_id in state.items():
            values.setdefault(key, set()).add(event_id)
    resolved = {key: min(event_ids) for key, event_ids in values.items() if len(event_ids) == 1}
    conflicts = {key: event_ids for key, event_ids in sorted(values.items()) if len(event_ids) > 1}
    found = source.get_many(sorted(event_id for event_ids in conflicts.values() for event_id in event_ids))
    candidates = {
        key: _sort_candidates(found[event_id] for event_id in event_ids if event_id in found)
        for key, event_ids in conflicts.items()
    }
    # Resolve conflicts between power levels, then between join rules, then between members.
    for event_type in _AUTH_TYPES:
        winners = {
            key: _choose_auth_event(events, resolved, rules, source)
            for key, events in candidates.items()
            if key[0] == event_type and events
        }
        resolved.update((key, event.event_id) for key, event in winners.items())
    # Nothing else affects the authorisation rules, so the order among the other conflicts does not matter.
    state = dict(resolved)
    for key, events in candidates.items():
        if key[0] not in _AUTH_TYPES and events:
            state[key] = _choose_event(events, resolved, rules, source).event_id
    return state


def _sort_candidates(events: Iterable[Event]) -> list[Event]:
    """By ascending depth, then by descending SHA-1 of the event ID."""
    by_hash = sorted(events, key=lambda event: _hash_id(event.event_id), reverse=True)
    return sorted(by_hash, key=lambda event: event.depth)


def _choose_auth_event(
    events: Sequence[Event], resolved: Mapping[StateKey, str], rules: RoomRules, source: EventSource
) -> Event:
    """Add the first event; then each that the state with its predecessor allows, up to the first that it does not."""
    state = _load_auth_state(events, resolved, rules, source)
    chosen = events[0]
    for event in events[1:]:
        state[chosen.key] = chosen
        if check_event_auth(event, state, rules) is not None:
            break
        chosen = event
    return chosen


def _choose_event(
    events: Sequence[Event], resolved: Mapping[StateKey, str], rules: RoomRules, source: EventSource
) -> Event:
    """The deepest event, with the lowest hash, that the state allows; if it allows none, the shallowest."""
    state = _load_auth_state(events, resolved, rules, source)
    for event in reversed(events):
        if check_event_auth(event, state, rules) is None:
            return event
    return events[0]


def _load_auth_state(
    events: Sequence[Event], resolved: Mapping[StateKey, str], rules: RoomRules, source: EventSource
) -> dict[StateKey, Event]:
    keys = {CREATE_KEY}
    for event in events:
        keys.update(auth_event_keys(event.type, event.state_key, event.sender, event.content, rules))
    found = source.get_many(resolved[key] for key in sorted(keys) if key in resolved)
    return {event.key: event for event in found.values()}


def _hash_id(event_id: str) -> bytes:
    # SHA-1 only breaks ties; the room version asks for it.
    return sha1(event_id.encode("utf-8"), usedforsecurity=False).digest()
