"""Builds small rooms of any version for the tests of the core."""

from typing import Any

from zajil.core.event_auth import check_event_auth
from zajil.core.events import Event, StateKey, build_event
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.core.signing import Signer, SigningKey, parse_base64

SPEC_SEED = parse_base64("YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1") or b""
KEY = SigningKey(SPEC_SEED, "ed25519:1")
ALICE, BOB, CAROL, DAVE = "@alice:here", "@bob:here", "@carol:here", "@dave:there"
ALL_VERSIONS = list(ROOM_RULES)


def versions(*, first: int = 1, last: int = 12) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


class RoomBuilder:
    """A room of Alice's, as a state that tests fill."""

    def __init__(self, version: str, create: dict[str, Any] | None = None, creator: str = ALICE) -> None:
        self.rules: RoomRules = ROOM_RULES[version]
        self.state: dict[StateKey, Event] = {}
        self.count = 0
        content: dict[str, Any] = {"room_version": version, **(create or {})}
        if not self.rules.creator_is_sender:
            content.setdefault("creator", creator)
        self.create = self.event("m.room.create", creator, content, "", prev_events=[], is_create=True)
        self.state[self.create.key] = self.create

    def reference(self, name: str = "p") -> str:
        return f"${name}:here" if self.rules.event_id_in_pdu else "$" + name.ljust(43, "0")

    def event(
        self,
        type: str,
        sender: str,
        content: dict[str, Any],
        state_key: str | None = None,
        *,
        prev_events: list[str] | None = None,
        auth_events: list[str] | None = None,
        redacts: str | None = None,
        is_create: bool = False,
        room_id: str | None = None,
        sign: Signer | None = None,
        event_id_v1: str | None = None,
    ) -> Event:
        self.count += 1
        if room_id is None and not (is_create and self.rules.room_id_is_create_hash):
            room_id = "!room:here" if is_create else self.create.room_id
        return build_event(
            self.rules,
            room_id=room_id,
            type=type,
            sender=sender,
            content=content,
            state_key=state_key,
            prev_events=[self.reference()] if prev_events is None else prev_events,
            auth_events=auth_events or [],
            depth=self.count,
            origin_server_ts=1_700_000_000_000 + self.count,
            redacts=redacts,
            event_id_v1=(event_id_v1 or f"${self.count}:here") if self.rules.event_id_in_pdu else None,
            sign=sign or KEY.build_signer("here"),
        )

    def put(self, type: str, sender: str, content: dict[str, Any], state_key: str = "") -> Event:
        event = self.event(type, sender, content, state_key)
        self.state[event.key] = event
        return event

    def member(self, user_id: str, membership: str = "join") -> Event:
        return self.put("m.room.member", user_id, {"membership": membership}, user_id)

    def power_levels(self, **content: Any) -> Event:
        return self.put("m.room.power_levels", ALICE, content)

    def join_rule(self, join_rule: str) -> Event:
        return self.put("m.room.join_rules", ALICE, {"join_rule": join_rule})


def judge(room: RoomBuilder, event: Event, **options: Any) -> str | None:
    """The number of the rule that rejects the event, or None."""
    rejection = check_event_auth(event, room.state, room.rules, **options)
    assert rejection is None or rejection.reason.endswith(".")
    return None if rejection is None else rejection.rule


def build_room(version: str, **create: Any) -> RoomBuilder:
    """Alice's room, which she has joined."""
    room = RoomBuilder(version, create)
    room.member(ALICE)
    return room


def member(room: RoomBuilder, sender: str, target: str, membership: str, **content: Any) -> Event:
    return room.event("m.room.member", sender, {"membership": membership, **content}, target)
