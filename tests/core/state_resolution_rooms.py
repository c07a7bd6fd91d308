"""Rooms in memory, and the part of a caller of state resolution: it answers what a resolution asks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from zajil.core.event_auth import Rejection, auth_event_keys, check_event_auth
from zajil.core.events import Event, StateKey, build_event
from zajil.core.power_levels import CREATE_KEY
from zajil.core.room_rules import ROOM_RULES
from zajil.core.state_map import EMPTY_ROOT, LoadedNodes, child_names, items, update
from zajil.core.state_resolution import (
    Known,
    Limits,
    Links,
    NeedCiting,
    NeedEvents,
    NeedLinks,
    NeedNodes,
    Pause,
    Resolution,
    ResolutionRefused,
    StateRoots,
    WrittenState,
    is_member_key,
    resolve_states,
    write_resolution,
)
from zajil.core.state_resolution.known import Steps

USERS = [f"@{name}:example.org" for name in ("ali", "badr", "chams", "dina")]
State = dict[StateKey, str]
T = TypeVar("T")


class Room:
    """A room whose events are built and remembered here, numbered in the order in which they came."""

    def __init__(self, version: str, creator: str = USERS[0], create_content: Mapping[str, Any] | None = None) -> None:
        self.rules = ROOM_RULES[version]
        self.events: dict[str, Event] = {}
        self.nids: dict[str, int] = {}
        self.by_nid: dict[int, Event | None] = {}
        self.rejected: set[int] = set()
        self.nodes = LoadedNodes()
        self.server = creator.partition(":")[2]
        content = dict(create_content or {}) if self.rules.creator_is_sender else {"creator": creator}
        content.update(create_content or {})
        if version != "1":
            content["room_version"] = version
        self.room_id: str | None = None if self.rules.room_id_is_create_hash else f"!room:{self.server}"
        create = self.build("m.room.create", "", creator, content, {}, (), 1)
        self.add(create)
        self.room_id = create.room_id
        self.create_id = create.event_id
        self.state: State = {CREATE_KEY: create.event_id}

    def put(
        self,
        type_: str,
        state_key: str,
        sender: str,
        content: dict[str, Any],
        ts: int,
        state: State | None = None,
        prev_events: tuple[str, ...] = (),
    ) -> Event | None:
        """Add an event to a state (the room's first one by default), when the state allows it."""
        state = self.state if state is None else state
        if not prev_events:
            last = max((self.events[event_id] for event_id in state.values()), key=lambda event: event.depth)
            prev_events = (last.event_id,)
        event = self.build(type_, state_key, sender, content, state, prev_events, ts)
        if self.judges(event, state) is not None:
            return None
        self.add(event)
        state[event.key] = event.event_id
        return event

    def judges(self, event: Event, state: State) -> Rejection | None:
        keys = auth_event_keys(event.type, event.state_key, event.sender, event.content, self.rules)
        needed = {key: self.events[state[key]] for key in (CREATE_KEY, *keys) if key in state}
        return check_event_auth(event, needed, self.rules)

    def read_cited(self, event: Event) -> State:
        """The state that an event's auth events make."""
        cited = [self.events[event_id] for event_id in event.auth_event_ids]
        return {CREATE_KEY: self.create_id, **{found.key: found.event_id for found in cited}}

    def add(self, event: Event) -> None:
        if event.event_id not in self.nids:
            nid = self.nids[event.event_id] = len(self.nids) + 1
            self.events[event.event_id] = self.by_nid[nid] = event

    def build(
        self,
        type_: str,
        state_key: str,
        sender: str,
        content: dict[str, Any],
        state: State,
        prev_events: tuple[str, ...],
        ts: int,
    ) -> Event:
        keys = auth_event_keys(type_, state_key, sender, content, self.rules)
        return build_event(
            self.rules,
            room_id=self.room_id,
            type=type_,
            sender=sender,
            content=content,
            state_key=state_key,
            prev_events=prev_events,
            auth_events=[state[key] for key in keys if key in state],
            depth=1 + max((self.events[event_id].depth for event_id in prev_events), default=0),
            origin_server_ts=ts,
            event_id_v1=f"${len(self.events)}-{ts}:{self.server}" if self.rules.event_id_in_pdu else None,
        )

    def build_roots(self, state: State) -> StateRoots:
        """The tries of a state."""
        roots: list[bytes] = []
        for in_members in (True, False):
            part = {key: self.nids[value] for key, value in state.items() if is_member_key(key) == in_members}
            root, nodes = update(EMPTY_ROOT, part, self.nodes.load)
            self.nodes.update(nodes)
            roots.append(root)
        return StateRoots(*roots)

    def read_roots(self, roots: StateRoots) -> State:
        both = (*items(roots.members, self.nodes.load), *items(roots.rest, self.nodes.load))
        names = {nid: event_id for event_id, nid in self.nids.items()}
        return {key: names[nid] for key, nid in both}

    def find_nodes(self, roots: StateRoots) -> set[bytes]:
        """The names of a state's nodes."""
        found: set[bytes] = set()
        names = [roots.members, roots.rest]
        while names:
            name = names.pop()
            if name != EMPTY_ROOT:
                found.add(name)
                names += child_names(self.nodes.load(name))
        return found


@dataclass
class Caller:
    """Runs resolutions in a room, and counts what they ask for."""

    room: Room
    known: Known = field(default_factory=Known)
    whole_chains: bool = False
    limits: Limits = field(default_factory=Limits)
    asked: int = 0
    pauses: int = 0

    def __post_init__(self) -> None:
        self.links = {
            nid: Links(event.key, tuple(self.room.nids[auth_id] for auth_id in event.auth_event_ids))
            for event_id, event in self.room.events.items()
            if (nid := self.room.nids[event_id]) and event.is_state
        }
        self.citing: dict[int, tuple[int, ...]] = {}
        for nid, links in self.links.items():
            for auth_nid in links.auth_nids:
                self.citing[auth_nid] = (*self.citing.get(auth_nid, ()), nid)

    def start(self, roots: Sequence[StateRoots]) -> Steps[Resolution | ResolutionRefused]:
        create_nid = self.room.nids[self.room.create_id]
        return resolve_states(roots, create_nid, self.room.rules, self.known, self.limits)

    def run(self, roots: Sequence[StateRoots]) -> Resolution | ResolutionRefused:
        return self.drive(self.start(roots))

    def write(self, resolution: Resolution) -> WrittenState:
        written = self.drive(write_resolution(resolution, self.known, self.limits))
        self.room.nodes.update(written.new_nodes)
        return written

    def drive(self, steps: Steps[T]) -> T:
        while True:
            try:
                need = next(steps)
            except StopIteration as stop:
                result: T = stop.value
                return result
            self.answer(need)

    def answer(self, need: object) -> None:
        room, known = self.room, self.known
        self.asked += not isinstance(need, Pause)
        match need:
            case NeedNodes(names=names):
                assert names and not names & known.nodes.keys()
                known.nodes.update((name, room.nodes[name]) for name in names)
            case NeedLinks(nids):
                assert nids and not nids & known.links.keys()
                wanted = self.find_chains(nids) if self.whole_chains else nids
                known.links.update((nid, self.links[nid]) for nid in wanted)
            case NeedCiting(nids):
                assert nids and not nids & known.citing.keys()
                known.citing.update((nid, self.citing[nid]) for nid in nids if nid in self.citing)
            case NeedEvents(nids):
                assert nids and not nids & known.events.keys()
                known.events.update((nid, event) for nid in nids if (event := room.by_nid[nid]) is not None)
                known.rejected.update(nids & room.rejected)
            case Pause():
                self.pauses += 1
            case _:
                raise AssertionError(need)

    def find_chains(self, nids: Iterable[int]) -> set[int]:
        found, todo = set(nids), list(nids)
        while todo:
            for nid in self.links[todo.pop()].auth_nids:
                if nid not in found:
                    found.add(nid)
                    todo.append(nid)
        return found


def resolve(room: Room, states: Sequence[State], caller: Caller | None = None) -> State:
    """The resolution of some states, with nothing loaded before it is asked for."""
    caller = caller or Caller(room)
    result = caller.run([room.build_roots(state) for state in states])
    assert isinstance(result, Resolution), result
    return room.read_roots(caller.write(result).state)
