"""The events that people of a forked room try to send, the illegal ones included."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.core.state_resolution_rooms import Room, State

from zajil.core.events import Event, build_event
from zajil.core.power_levels import CREATE_KEY, NAMED_LEVELS, POWER_LEVELS_KEY, find_power_levels
from zajil.core.signing import SigningKey, encode_base64, sign_json

T = TypeVar("T")
POWER = 50
JOIN_RULES = ("public", "public", "public", "invite", "knock", "restricted", "knock_restricted", "private")
FITTING = {
    "join": ("leave", "leave", "ban", "join"),
    "leave": ("join", "join", "invite", "ban", "knock"),
    "ban": ("leave", "leave", "ban"),
    "invite": ("join", "join", "leave", "invite"),
    "knock": ("invite", "leave", "knock"),
}
"""What memberships may become."""
IDENTITY_SERVER = "id.example"
IDENTITY_KEY = SigningKey(b"\x07" * 32, "ed25519:0")
WRONG_KEY = SigningKey(b"\x08" * 32, "ed25519:0")


class Choice:
    """Random choices made from `Random.random` alone."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator.random

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def number(self, low: int, high: int) -> int:
        """From `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._random() * len(options))]


@dataclass(frozen=True)
class AuthCase:
    """An event to be judged against a state, or with `state` None by the auth events that it lists."""

    event: Event
    state: tuple[str, ...] | None
    rejected: str | None = None


Content = dict[str, Any]
Proposal = tuple[str, str | None, Content]


class EventMaker:
    """Makes events that somebody in the room might send, whether or not they may."""

    def __init__(self, room: Room, users: Sequence[str], choice: Choice) -> None:
        self.room = room
        self.users = users
        self.choice = choice
        self.rules = room.rules
        # How often each kind comes up.
        self.kinds: list[Callable[[State, str, str], Proposal]] = (
            [self._power_levels] * 4
            + [self._join_rules] * 2
            + [self._membership] * 9
            + [self._special_membership] * 3
            + [self._simple] * 3
            + [self._odd] * 2
        )

    def make(self, state: State, cited: State, prev_events: tuple[str, ...]) -> Event:
        """An event after some others. `cited` is where its auth events are taken from."""
        choice = self.choice
        joined = [user for user in self.users if self._membership_of(state, user) == "join"]
        powerful = [user for user in joined if self._has_power(state, user)]
        sender = choice.pick(choice.pick((powerful, powerful, powerful, joined, self.users)) or self.users)
        target = self._pick_target(sender)
        type_, state_key, content = choice.pick(self.kinds)(state, sender, target)
        if type_ == "m.room.member" and content["membership"] in ("join", "knock") and choice.chance(0.95):
            sender = state_key or sender
        ts = choice.number(10, 40) if choice.chance(0.8) else choice.number(1, 1_000)
        if state_key is not None:
            return self.room.build(type_, state_key, sender, content, cited, prev_events, ts)
        return self._build_message(type_, sender, content, cited, prev_events, ts)

    def _build_message(
        self, type_: str, sender: str, content: Content, cited: State, prev_events: tuple[str, ...], ts: int
    ) -> Event:
        template = self.room.build(type_, "", sender, content, cited, prev_events, ts)
        redacts = self.choice.pick(sorted(self.room.events)) if type_ == "m.room.redaction" else None
        return build_event(
            self.rules,
            room_id=self.room.room_id,
            type=type_,
            sender=sender,
            content=content,
            prev_events=prev_events,
            auth_events=template.auth_event_ids,
            depth=template.depth,
            origin_server_ts=ts,
            redacts=redacts,
            event_id_v1=template.event_id if self.rules.event_id_in_pdu else None,
        )

    def _has_power(self, state: State, user: str) -> bool:
        keys = (CREATE_KEY, POWER_LEVELS_KEY)
        events = {key: self.room.events[state[key]] for key in keys if key in state}
        return find_power_levels(events).user_level(user) >= POWER

    def _pick_target(self, sender: str) -> str:
        """Mostly anybody. Synapse lets nobody of another server into a room that is closed to them, not even as the target of a local
        user's event, of which the specification says nothing (test_forked_rooms.py has that difference)."""
        create = self.room.events[self.room.create_id]
        server = create.sender.partition(":")[2]
        is_local = sender.partition(":")[2] == server
        users = [user for user in self.users if user.partition(":")[2] == server]
        return self.choice.pick(users if is_local and create.content.get("m.federate") is False else self.users)

    def _membership_of(self, state: State, user: str) -> str:
        event_id = state.get(("m.room.member", user))
        return "leave" if event_id is None else self.room.events[event_id].membership or "leave"

    def _content_of(self, state: State, type_: str) -> Content:
        event_id = state.get((type_, ""))
        return {} if event_id is None else self.room.events[event_id].content

    def _level(self, level: int) -> int | str:
        """Old room versions take text for a number."""
        if self.rules.integer_power_levels or not self.choice.chance(0.2):
            return level
        return self.choice.pick((f"{level}", f" {level} ", f"+{level}", f"00{level}"))

    def _power_levels(self, state: State, sender: str, target: str) -> Proposal:
        choice = self.choice
        content = dict(self._content_of(state, POWER_LEVELS_KEY[0]))
        users = dict(content.get("users", {}))
        creators = self.room.events[self.room.create_id]
        is_creator = target == creators.sender or target in creators.content.get("additional_creators", ())
        if not (self.rules.creators_have_infinite_power and is_creator) or choice.chance(0.05):
            if choice.chance(0.15):
                users.pop(target, None)
            else:
                users[target] = self._level(choice.pick((0, 25, 50, 50, 75, 100, 100)))
        content["users"] = users
        if choice.chance(0.4):
            name = choice.pick(NAMED_LEVELS)
            if choice.chance(0.2):
                content.pop(name, None)
            else:
                content[name] = self._level(choice.pick((0, 25, 50, 75) if name != "users_default" else (0, 0, 25)))
        if choice.chance(0.3):
            kind = choice.pick(("m.room.topic", "m.room.power_levels", "m.room.message", "m.room.join_rules"))
            content["events"] = {**content.get("events", {}), kind: self._level(choice.pick((0, 50, 75, 100)))}
        if choice.chance(0.1):
            content["notifications"] = {"room": self._level(choice.pick((20, 50, 100)))}
        if choice.chance(0.03):
            content["users"] = {**users, "not a user ID": 5}
        if self.rules.integer_power_levels and choice.chance(0.05):
            content[choice.pick(("ban", "events_default"))] = "50"
        return "m.room.power_levels", "", content

    def _join_rules(self, state: State, sender: str, target: str) -> Proposal:
        rule = self.choice.pick(JOIN_RULES)
        content: Content = {"join_rule": rule}
        if "restricted" in rule:
            content["allow"] = [{"type": "m.room_membership", "room_id": "!other:a.example"}]
        return "m.room.join_rules", "", content

    def _membership(self, state: State, sender: str, target: str) -> Proposal:
        choice = self.choice
        fitting = FITTING[self._membership_of(state, target)] if choice.chance(0.85) else tuple(FITTING)
        membership = choice.pick(fitting)
        content: Content = {"membership": membership}
        if membership == "join" and choice.chance(0.3):
            content["displayname"] = f"name {choice.number(1, 99)}"
        if membership == "leave" and choice.chance(0.3):
            target = sender
        if choice.chance(0.01):
            content["membership"] = "away"
        return "m.room.member", target, content

    def _special_membership(self, state: State, sender: str, target: str) -> Proposal:
        """Restricted joins, invites from third-party invites, and knocks."""
        choice = self.choice
        kind = choice.number(0, 3)
        if kind == 0:
            # A member's own name of before comes back with it.
            return "m.room.member", target, {"membership": "join", "displayname": "again"}
        if kind == 1:
            authoriser = self._pick_target(target)
            return "m.room.member", target, {"membership": "join", "join_authorised_via_users_server": authoriser}
        if kind == 2:
            return "m.room.third_party_invite", choice.pick(("token1", "token2")), _build_third_party_offer(choice)
        key = IDENTITY_KEY if choice.chance(0.8) else WRONG_KEY
        token = choice.pick(("token1", "token2"))
        mxid = target if choice.chance(0.9) else self._pick_target(sender)
        signed = sign_json({"mxid": mxid, "token": token}, IDENTITY_SERVER, key)
        return "m.room.member", target, {"membership": "invite", "third_party_invite": {"signed": signed}}

    def _simple(self, state: State, sender: str, target: str) -> Proposal:
        number = self.choice.number(1, 99)
        return self.choice.pick(
            (
                ("m.room.topic", "", {"topic": f"topic {number}"}),
                ("m.room.name", "", {"name": f"name {number}"}),
                ("m.room.server_acl", "", {"allow": ["*"], "deny": [f"{number}.example"]}),
                ("m.room.history_visibility", "", {"history_visibility": "shared"}),
                ("m.room.message", None, {"msgtype": "m.text", "body": f"{number}"}),
            )
        )

    def _odd(self, state: State, sender: str, target: str) -> Proposal:
        number = self.choice.number(1, 99)
        return self.choice.pick(
            (
                ("org.example.status", sender, {"number": number}),
                ("org.example.status", target, {"number": number}),
                ("m.room.aliases", sender.partition(":")[2], {"aliases": [f"#{number}:a.example"]}),
                ("m.room.aliases", "b.example", {"aliases": []}),
                ("m.room.redaction", None, {}),
                ("m.room.power_levels", "other", {"users": {sender: 100}}),
                ("m.room.tombstone", "", {"body": "", "replacement_room": "!next:a.example"}),
            )
        )


def _build_third_party_offer(choice: Choice) -> Content:
    public_key = encode_base64(IDENTITY_KEY.public_key)
    if choice.chance(0.3):
        return {"display_name": "x", "public_keys": [{"public_key": public_key}]}
    return {"display_name": "x", "public_key": public_key, "key_validity_url": "https://id.example/valid"}


def build_auth_list_cases(room: Room, choice: Choice) -> list[AuthCase]:
    """Events of the room with auth events added, doubled or left out, or one of these rejected."""
    events = [event for event in room.events.values() if event.type != "m.room.create"]
    state_events = [event for event in room.events.values() if event.is_state]
    cases: list[AuthCase] = []
    for _ in range(6):
        event = choice.pick(events)
        auth_ids = list(event.auth_event_ids)
        rejected = None
        kind = choice.number(0, 4)
        if kind == 0 and auth_ids:
            auth_ids.remove(choice.pick(auth_ids))
        elif kind == 1:
            auth_ids.append(choice.pick(state_events).event_id)
        elif kind == 2 and auth_ids:
            auth_ids.append(choice.pick(auth_ids))
        elif kind == 3 and auth_ids:
            rejected = choice.pick(auth_ids)
        changed = build_event(
            room.rules,
            room_id=room.room_id,
            type=event.type,
            sender=event.sender,
            content=event.content,
            state_key=event.state_key,
            prev_events=event.prev_event_ids,
            auth_events=auth_ids,
            depth=event.depth,
            origin_server_ts=event.origin_server_ts,
            event_id_v1=event.event_id if room.rules.event_id_in_pdu else None,
        )
        cases.append(AuthCase(changed, None, rejected))
    return cases


def build_create_cases(room: Room, choice: Choice) -> list[AuthCase]:
    """Create events, most of which are not allowed."""
    create = room.events[room.create_id]
    cases: list[AuthCase] = []
    for number in range(3):
        content = dict(create.content)
        prev_events = [choice.pick(sorted(room.events))] if choice.chance(0.2) else []
        sender = create.sender if choice.chance(0.7) else "@emir:c.example"
        kind = choice.number(0, 3)
        if kind == 0:
            content["room_version"] = choice.pick(("nonsense", "0"))
        elif kind == 1:
            content.pop("creator", None)
        elif kind == 2:
            content["additional_creators"] = choice.pick(([sender], ["nobody"], [5], "@badr:a.example", []))
        event = build_event(
            room.rules,
            room_id=None if room.rules.room_id_is_create_hash else room.room_id,
            type="m.room.create",
            sender=sender,
            content=content,
            state_key="",
            prev_events=prev_events,
            auth_events=[],
            depth=1,
            origin_server_ts=number,
            event_id_v1=f"$create{number}:a.example" if room.rules.event_id_in_pdu else None,
        )
        cases.append(AuthCase(event, None))
    return cases
