"""State resolution of room versions 2 to 11 (v2) and 12 (v2.1). The steps are those of room version 12."""

from collections.abc import Collection, Iterable

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
from zajil.core.state_resolution.conflicts import Conflicts
from zajil.core.state_resolution.known import JUDGE_STEPS, PAUSE, Steps, Work
from zajil.core.state_resolution.ordering import sort_by_mainline, sort_by_power

State = dict[StateKey, int]


def resolve_v2(conflicts: Conflicts, create_nid: int, rules: RoomRules, work: Work) -> Steps[State]:
    """What becomes of the keys in conflict. With v2.1 it may name other keys too, which stay as they were."""
    with_subgraph = rules.state_resolution == "v2.1"
    full = yield from _find_full_conflicted_set(conflicts, with_subgraph, work)
    events = yield from _load_events(full, create_nid, work)
    # v2 starts from the unconflicted state map, v2.1 from an empty one.
    state: State = {} if with_subgraph else (yield from _load_unconflicted(events.values(), conflicts, rules, work))
    # 1. Take the power events, and of their auth chains what is in the full conflicted set, in power order.
    power_nids = yield from work.select(events, lambda nid: _is_power_event(events[nid]))
    picked = yield from find_reachable_within(power_nids, events, work)
    power_events = yield from sort_by_power(picked, create_nid, work)
    # 2. Try them one after the other.
    yield from _apply_allowed(power_events, state, create_nid, rules, work)
    # 3. Order all others by the mainline of the power levels that are resolved now.
    others = yield from work.select(events, lambda nid: nid not in picked)
    ordered = yield from sort_by_mainline(others, state.get(POWER_LEVELS_KEY), work)
    # 4. Try them one after the other.
    yield from _apply_allowed(ordered, state, create_nid, rules, work)
    # 5. What was not in conflict stays as it was: the caller's part.
    return state


def _find_full_conflicted_set(conflicts: Conflicts, with_subgraph: bool, work: Work) -> Steps[set[int]]:
    graph = yield from walk_auth_chains(conflicts.masks, work)
    full = yield from find_auth_difference(conflicts, graph, work)
    full.update(conflicts.masks)
    if with_subgraph:
        full |= yield from find_conflicted_subgraph(conflicts.masks, graph, work)
    work.check_events(len(full))
    return full


def _load_events(nids: Collection[int], create_nid: int, work: Work) -> Steps[dict[int, Event]]:
    """Those of some events that can be had. Loads their auth events too, which they are judged by."""
    known = work.known
    needed = {create_nid: None}
    for nid in nids:
        needed[nid] = None
        needed.update(dict.fromkeys(known.links[nid].auth_nids))
        if work.spend():
            yield PAUSE
    yield from work.load_events(needed)
    yield from work.load_links((create_nid,))
    events: dict[int, Event] = {}
    for nid in nids:
        event = known.events[nid]
        if event is not None and event.is_state:
            events[nid] = event
            if work.spend_on(event, 1):
                yield PAUSE
    return events


def _load_unconflicted(events: Iterable[Event], conflicts: Conflicts, rules: RoomRules, work: Work) -> Steps[State]:
    """As much of the unconflicted state map as matters to some events."""
    keys = dict.fromkeys((CREATE_KEY, POWER_LEVELS_KEY))
    for event in events:
        keys.update(dict.fromkeys(_auth_keys(event, rules)))
        if work.spend(2):
            yield PAUSE
    state = yield from conflicts.read_agreed(keys, work)
    yield from work.load_events(state.values())
    return state


def _auth_keys(event: Event, rules: RoomRules) -> list[StateKey]:
    return auth_event_keys(event.type, event.state_key, event.sender, event.content, rules)


def _is_power_event(event: Event) -> bool:
    """Whether it could remove somebody's ability to do something in the room."""
    if event.key in (POWER_LEVELS_KEY, ("m.room.join_rules", ""), CREATE_KEY):
        return True
    return event.type == "m.room.member" and event.membership in ("leave", "ban") and event.sender != event.state_key


def _apply_allowed(nids: Iterable[int], state: State, create_nid: int, rules: RoomRules, work: Work) -> Steps[None]:
    """The iterative auth checks algorithm."""
    known = work.known
    for nid in nids:
        event = known.events[nid]
        assert event is not None
        # What the state lacks is taken from the event's own auth events, unless those were rejected.
        auth_nids = known.links[nid].auth_nids
        if rules.room_id_is_create_hash:
            auth_nids = (create_nid, *auth_nids)
        chosen = {known.links[auth_nid].key: auth_nid for auth_nid in auth_nids if auth_nid not in known.rejected}
        for key in (CREATE_KEY, *_auth_keys(event, rules)):
            if key in state:
                chosen[key] = state[key]
        auth_state = {key: found for key, value in chosen.items() if (found := known.events.get(value)) is not None}
        if check_event_auth(event, auth_state, rules) is None:
            state[event.key] = nid
        if work.spend_on(event, JUDGE_STEPS):
            yield PAUSE
