"""State resolution of room versions 2 to 11 (v2) and 12 (v2.1). The steps are those of room version 12."""

from collections.abc import Iterable, Mapping, Sequence

from zajil.core.event_auth import auth_event_keys, check_event_auth
from zajil.core.events import Event, StateKey
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY
from zajil.core.room_rules import RoomRules
from zajil.core.state_resolution.auth_chains import (
    find_auth_difference,
    find_conflicted_subgraph,
    find_reachable_within,
    walk_auth_chains,
)
from zajil.core.state_resolution.event_source import EventSource
from zajil.core.state_resolution.ordering import sort_by_mainline, sort_by_power

StateSet = Mapping[StateKey, str]


def split_states(state_sets: Sequence[StateSet]) -> tuple[dict[StateKey, str], list[set[str]]]:
    """The unconflicted state map, and the conflicted events of each state. A key that a state lacks is conflicted."""
    first, *others = state_sets
    unconflicted = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    conflicted = [{value for key, value in state.items() if key not in unconflicted} for state in state_sets]
    return unconflicted, conflicted


def resolve_v2(
    state_sets: Sequence[StateSet], rules: RoomRules, source: EventSource, *, with_subgraph: bool
) -> dict[StateKey, str]:
    """Resolve at least two different states."""
    unconflicted, conflicted_sets = split_states(state_sets)
    conflicted = set[str]().union(*conflicted_sets)
    graph = walk_auth_chains(conflicted, source)
    # The full conflicted set.
    full = conflicted | find_auth_difference(conflicted_sets, unconflicted.values(), graph, source)
    if with_subgraph:
        full |= find_conflicted_subgraph(conflicted, graph)
    events = {event_id: event for event_id, event in source.get_many(sorted(full)).items() if event.is_state}
    if not with_subgraph:
        _load_auth_state(events.values(), unconflicted, rules, source)
    # 1. Take the power events, and of their auth chains what is in the full conflicted set, in power order.
    power_ids = (event_id for event_id, event in events.items() if _is_power_event(event))
    picked = find_reachable_within(power_ids, events)
    power_events = sort_by_power((events[event_id] for event_id in picked), source)
    # 2. Try them one after the other. (v2 starts from the unconflicted state map, v2.1 from an empty one.)
    state: dict[StateKey, str] = {} if with_subgraph else dict(unconflicted)
    _apply_allowed(power_events, state, rules, source)
    # 3. Order all others by the mainline of the power levels that are resolved now.
    others = (event for event_id, event in events.items() if event_id not in picked)
    ordered = sort_by_mainline(others, state.get(POWER_LEVELS_KEY), source)
    # 4. Try them one after the other.
    _apply_allowed(ordered, state, rules, source)
    # 5. What was not in conflict stays as it was.
    state.update(unconflicted)
    return state


def _is_power_event(event: Event) -> bool:
    """Whether it could remove somebody's ability to do something in the room."""
    if event.key in (POWER_LEVELS_KEY, ("m.room.join_rules", ""), CREATE_KEY):
        return True
    return event.type == "m.room.member" and event.membership in ("leave", "ban") and event.sender != event.state_key


def _load_auth_state(
    events: Iterable[Event], state: Mapping[StateKey, str], rules: RoomRules, source: EventSource
) -> None:
    """Ask at once for all events of a state that authorising some events takes."""
    keys = {CREATE_KEY, POWER_LEVELS_KEY}
    for event in events:
        keys.update(auth_event_keys(event.type, event.state_key, event.sender, event.content, rules))
    source.get_many(state[key] for key in sorted(keys) if key in state)


def _apply_allowed(events: Iterable[Event], state: dict[StateKey, str], rules: RoomRules, source: EventSource) -> None:
    """The iterative auth checks algorithm."""
    for event in events:
        # What the state lacks is taken from the event's own auth events, unless those were rejected.
        auth_state = {
            key: auth_event
            for key, auth_event in source.get_auth_events(event).items()
            if not source.is_rejected(auth_event.event_id)
        }
        keys = auth_event_keys(event.type, event.state_key, event.sender, event.content, rules)
        resolved = source.get_many(state[key] for key in (CREATE_KEY, *keys) if key in state)
        auth_state.update((found.key, found) for found in resolved.values())
        if check_event_auth(event, auth_state, rules) is None:
            state[event.key] = event.event_id
