"""State resolution of room version 1."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha1

from zajil.core.event_auth import auth_event_keys, check_event_auth
from zajil.core.events import Event, StateKey
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY
from zajil.core.room_rules import RoomRules
from zajil.core.state_resolution.conflicts import Conflicts
from zajil.core.state_resolution.known import JUDGE_STEPS, PAUSE, Steps, Work

State = dict[StateKey, int]
Candidates = dict[StateKey, list[tuple[int, Event]]]


def resolve_v1(conflicts: Conflicts, rules: RoomRules, work: Work) -> Steps[State]:
    """What becomes of the keys in conflict."""
    # Start with the union of the states, without what conflicts. (Here a key that a state lacks is no conflict.)
    resolved: State = {}
    in_conflict: dict[StateKey, list[int]] = {}
    for key, values in conflicts.values.items():
        nids = list(dict.fromkeys(nid for nid in values if nid is not None))
        if len(nids) == 1:
            resolved[key] = nids[0]
        else:
            in_conflict[key] = nids
        if work.spend(2):
            yield PAUSE
    candidates = yield from _load_candidates(in_conflict, work)
    resolved.update((yield from _load_auth_state(candidates, conflicts, rules, work)))
    # Resolve conflicts between power levels, then between join rules, then between members.
    for is_of_pass in (_is_power_levels, _is_join_rules, _is_member):
        winners: State = {}
        for key, events in candidates.items():
            if is_of_pass(key):
                winners[key] = yield from _choose_auth_event(events, resolved, rules, work)
        resolved.update(winners)
    # Nothing else affects the authorisation rules, so the order among the other conflicts does not matter.
    others: State = {}
    for key, events in candidates.items():
        if not (_is_power_levels(key) or _is_join_rules(key) or _is_member(key)):
            others[key] = yield from _choose_event(events, resolved, rules, work)
    return {**resolved, **others}


def _is_power_levels(key: StateKey) -> bool:
    return key == POWER_LEVELS_KEY


def _is_join_rules(key: StateKey) -> bool:
    return key[0] == "m.room.join_rules"


def _is_member(key: StateKey) -> bool:
    return key[0] == "m.room.member"


def _load_candidates(in_conflict: Mapping[StateKey, Sequence[int]], work: Work) -> Steps[Candidates]:
    """The events in conflict that can be had, by ascending depth, then by descending SHA-1 of the event ID."""
    wanted = [nid for nids in in_conflict.values() for nid in nids]
    work.check_events(len(wanted))
    yield from work.load_events(wanted)
    candidates: Candidates = {}
    for key, nids in in_conflict.items():
        found = [(nid, event) for nid in nids if (event := work.known.events[nid]) is not None]
        by_hash = sorted(found, key=lambda pair: _hash_id(pair[1].event_id), reverse=True)
        if by_hash:
            candidates[key] = sorted(by_hash, key=lambda pair: pair[1].depth)
        if work.spend(10 * len(nids)):
            yield PAUSE
    return candidates


def _load_auth_state(candidates: Candidates, conflicts: Conflicts, rules: RoomRules, work: Work) -> Steps[State]:
    """What the states agree on, as much as the candidates are judged by."""
    keys = dict.fromkeys([CREATE_KEY])
    for events in candidates.values():
        keys.update(dict.fromkeys(_auth_keys(events, rules)))
        if work.spend(2 * len(events)):
            yield PAUSE
    state = yield from conflicts.read_agreed(keys, work)
    # Keys that only some states have are no conflict and count as well.
    lonely = [nid for key in keys for nid in conflicts.values.get(key, ()) if nid is not None]
    yield from work.load_events([*state.values(), *lonely])
    return state


def _choose_auth_event(
    events: Sequence[tuple[int, Event]], resolved: State, rules: RoomRules, work: Work
) -> Steps[int]:
    """Add the first event; then each that the state with its predecessor allows, up to the first that it does not."""
    state = _build_auth_state(events, resolved, rules, work)
    chosen_nid, chosen = events[0]
    for nid, event in events[1:]:
        state[chosen.key] = chosen
        if check_event_auth(event, state, rules) is not None:
            break
        chosen_nid, chosen = nid, event
        if work.spend_on(event, JUDGE_STEPS):
            yield PAUSE
    return chosen_nid


def _choose_event(events: Sequence[tuple[int, Event]], resolved: State, rules: RoomRules, work: Work) -> Steps[int]:
    """The deepest event, with the lowest hash, that the state allows; if it allows none, the shallowest."""
    state = _build_auth_state(events, resolved, rules, work)
    for nid, event in reversed(events):
        if work.spend_on(event, JUDGE_STEPS):
            yield PAUSE
        if check_event_auth(event, state, rules) is None:
            return nid
    return events[0][0]


def _build_auth_state(
    events: Iterable[tuple[int, Event]], resolved: State, rules: RoomRules, work: Work
) -> dict[StateKey, Event]:
    found = ((key, work.known.events.get(resolved[key])) for key in _auth_keys(events, rules) if key in resolved)
    return {key: event for key, event in found if event is not None}


def _auth_keys(events: Iterable[tuple[int, Event]], rules: RoomRules) -> list[StateKey]:
    keys = dict.fromkeys([CREATE_KEY])
    for _, event in events:
        keys.update(dict.fromkeys(auth_event_keys(event.type, event.state_key, event.sender, event.content, rules)))
    return list(keys)


def _hash_id(event_id: str) -> bytes:
    # SHA-1 only breaks ties; the room version asks for it.
    return sha1(event_id.encode("utf-8"), usedforsecurity=False).digest()
