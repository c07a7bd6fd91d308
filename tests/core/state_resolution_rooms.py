"""Random rooms with forks, for tests of state resolution. Every event is allowed by the state before it."""

import random
from typing import Any

from zajil.core.event_auth import auth_event_keys, check_event_auth
from zajil.core.events import Event, StateKey, build_event
from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY
from zajil.core.room_rules import ROOM_RULES
from zajil.core.state_resolution import NeedEvents, ResolutionRefused, resolve_state

USERS = [f"@{name}:example.org" for name in ("ali", "badr", "chams", "dina")]
State = dict[StateKey, str]


class Room:
    """A room whose events are built and remembered here."""

    def __init__(self, version: str) -> None:
        self.rules = ROOM_RULES[version]
        self.events: dict[str, Event] = {}
        content = {"room_version": version} if self.rules.creator_is_sender else {"creator": USERS[0]}
        if version != "1":
            content["room_version"] = version
        self.room_id: str | None = None if self.rules.room_id_is_create_hash else "!room:example.org"
        create = self._build("m.room.create", "", USERS[0], content, {}, (), 1)
        self.room_id = create.room_id
        self.create_id = create.event_id
        self.state: State = {CREATE_KEY: create.event_id}
        levels = {} if self.rules.creators_have_infinite_power else {USERS[0]: 100}
        self.put("m.room.member", USERS[0], USERS[0], {"membership": "join"}, 2)
        self.put("m.room.power_levels", "", USERS[0], {"users": levels}, 3)
        self.put("m.room.join_rules", "", USERS[0], {"join_rule": "public"}, 4)

    def put(
        self, type_: str, state_key: str, sender: str, content: dict[str, Any], ts: int, state: State | None = None
    ) -> Event | None:
        """Add an event to a state (the room's first one by default), when the state allows it."""
        state = self.state if state is None else state
        last = max((self.events[event_id] for event_id in state.values()), key=lambda event: event.depth)
        event = self._build(type_, state_key, sender, content, state, (last.event_id,), ts)
        if check_event_auth(event, {key: self.events[event_id] for key, event_id in state.items()}, self.rules):
            del self.events[event.event_id]
            return None
        state[event.key] = event.event_id
        return event

    def _build(
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
        event = build_event(
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
            event_id_v1=f"${len(self.events)}-{ts}:example.org" if self.rules.event_id_in_pdu else None,
        )
        self.events[event.event_id] = event
        return event


def resolve(room: Room, states: list[State], loaded: dict[str, Event | None] | None = None) -> State:
    """Resolve some states, loading events when they are asked for."""
    loaded = {} if loaded is None else loaded
    for _ in range(1_000):
        result = resolve_state(states, room.rules, loaded)
        if not isinstance(result, NeedEvents):
            assert not isinstance(result, ResolutionRefused)
            return result
        assert result.event_ids
        assert not result.event_ids & loaded.keys()
        loaded.update((event_id, room.events.get(event_id)) for event_id in result.event_ids)
    raise AssertionError("the resolution never ends")


def grow(version: str, generator: random.Random, steps: int, branches: int) -> tuple[Room, list[State]]:
    """A room, and the states of its branches after some random events."""
    room = Room(version)
    for user in USERS[1:]:
        room.put("m.room.member", user, user, {"membership": "join"}, generator.randrange(5, 9))
    states = [dict(room.state) for _ in range(branches)]
    for _ in range(steps):
        state = generator.choice(states)
        sender, target = generator.choice(USERS), generator.choice(USERS)
        type_, state_key, content = _choose_event(room, state, sender, target, generator)
        room.put(type_, state_key, sender, content, generator.randrange(10, 30), state)
        if generator.random() < 0.08:
            other = generator.choice(states)
            merged = resolve(room, [state, other])
            state.clear()
            state.update(merged)
    return room, states


def _choose_event(
    room: Room, state: State, sender: str, target: str, generator: random.Random
) -> tuple[str, str, dict[str, Any]]:
    kind = generator.randrange(10)
    if kind < 3:
        # A resolution can leave a room without power levels.
        current = room.events[state.get(POWER_LEVELS_KEY, room.create_id)]
        levels = dict(current.content.get("users", {}))
        if not (room.rules.creators_have_infinite_power and target == USERS[0]):
            levels[target] = generator.choice([0, 25, 50, 75, 100])
        content = {"users": levels, "invite": generator.choice([0, 50]), "ban": generator.choice([25, 50])}
        return "m.room.power_levels", "", content
    if kind < 4:
        return "m.room.join_rules", "", {"join_rule": generator.choice(["public", "invite"])}
    if kind < 8:
        membership = generator.choice(["join", "leave", "leave", "ban", "invite"])
        return "m.room.member", sender if membership == "join" else target, {"membership": membership}
    return generator.choice(["m.room.topic", "m.room.name"]), "", {"text": str(generator.randrange(1_000))}
