"""`m.room.power_levels`: one strict parser, and who may do what (client-server API, "m.room.power_levels")."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zajil.core.events import Event, StateKey
from zajil.core.room_rules import RoomRules

CREATE_KEY: Final = ("m.room.create", "")
POWER_LEVELS_KEY: Final = ("m.room.power_levels", "")

CREATOR_LEVEL: Final = 2**53
"""Stands for infinity: above every level that canonical JSON can express."""
SOLE_CREATOR_LEVEL: Final = 100  # of the creator, in a room without m.room.power_levels
LEVEL_CHARACTERS_MAX: Final = 4096

_LEVEL_TEXT: Final = re.compile(r"[ \t\n\r\f\v]*([+-]?[0-9]+)[ \t\n\r\f\v]*")
_NO_LEVELS: Final[dict[str, int]] = {}


def parse_level(value: object, rules: RoomRules) -> int | None:
    """The one parser of a power level, or None when it is none.

    Integers; before room version 10 also text such as " +050 "; where floats are legal JSON (versions 1 to 5) also
    those, cut to integers.
    """
    if type(value) is int:
        return value
    if rules.integer_power_levels:
        return None
    if isinstance(value, str):
        match = _LEVEL_TEXT.fullmatch(value) if len(value) <= LEVEL_CHARACTERS_MAX else None
        return int(match[1]) if match is not None else None
    if isinstance(value, float) and not rules.strict_canonical_json and math.isfinite(value):
        return int(value)
    return None


@dataclass(frozen=True, slots=True)
class PowerLevelsContent:
    """The content of a power levels event, with the defaults for what it does not say."""

    users: Mapping[str, int] = field(default_factory=dict)
    users_default: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    events_default: int = 0
    state_default: int = 50
    ban: int = 50
    kick: int = 50
    redact: int = 50
    invite: int = 0
    notifications: Mapping[str, int] = field(default_factory=dict)


NAMED_LEVELS: Final = ("users_default", "events_default", "state_default", "ban", "redact", "kick", "invite")
"""In the order in which the authorisation rules list them."""
NOTIFY_LEVEL_DEFAULT: Final = 50
_NO_POWER_LEVELS: Final = PowerLevelsContent()


def parse_power_levels(content: Mapping[str, Any], rules: RoomRules) -> PowerLevelsContent:
    """Read the content of an accepted power levels event. What is malformed counts as absent.

    (Old room versions accept events with malformed levels; every later event of the room is judged by them.)
    """
    named: dict[str, int] = {}
    for name in NAMED_LEVELS:
        level = parse_level(content.get(name), rules)
        if level is not None:
            named[name] = level
    return PowerLevelsContent(
        users=_parse_levels(content.get("users"), rules),
        events=_parse_levels(content.get("events"), rules),
        notifications=_parse_levels(content.get("notifications"), rules),
        **named,
    )


def _parse_levels(levels: object, rules: RoomRules) -> Mapping[str, int]:
    if not isinstance(levels, dict):
        return _NO_LEVELS
    return {key: level for key, value in levels.items() if (level := parse_level(value, rules)) is not None}


def build_creators(create: Event) -> frozenset[str]:
    """The room's creators: one user, or from room version 12 also `additional_creators`."""
    derived: frozenset[str] | None = create.derived
    if derived is not None:
        return derived
    if create.rules.creator_is_sender:
        creators = {create.sender}
    else:
        creator = create.content.get("creator")
        creators = {creator} if isinstance(creator, str) else set()
    if create.rules.creators_have_infinite_power:
        additional = create.content.get("additional_creators")
        if isinstance(additional, list):
            creators.update(user_id for user_id in additional if isinstance(user_id, str))
    derived = create.derived = frozenset(creators)
    return derived


class PowerLevels:
    """Who may do what in a room, at one state."""

    __slots__ = ("content", "creators", "creators_are_infinite", "is_explicit")

    def __init__(
        self, content: PowerLevelsContent, creators: frozenset[str], *, is_explicit: bool, creators_are_infinite: bool
    ) -> None:
        self.content = content
        self.creators = creators
        self.is_explicit = is_explicit
        """Whether the room has a power levels event."""
        self.creators_are_infinite = creators_are_infinite

    def user_level(self, user_id: str) -> int:
        """The user's power level; CREATOR_LEVEL where creators outrank everybody."""
        if (self.creators_are_infinite or not self.is_explicit) and user_id in self.creators:
            return CREATOR_LEVEL if self.creators_are_infinite else SOLE_CREATOR_LEVEL
        return self.content.users.get(user_id, self.content.users_default)

    def required_level(self, event_type: str, *, is_state: bool) -> int:
        """The level needed to send an event of this type."""
        level = self.content.events.get(event_type)
        if level is not None:
            return level
        return self.content.state_default if is_state else self.content.events_default

    def can_send(self, user_id: str, event_type: str, *, is_state: bool) -> bool:
        """Whether the user's level suffices to send such an event (membership is not looked at, here and below)."""
        return self.user_level(user_id) >= self.required_level(event_type, is_state=is_state)

    def can_invite(self, user_id: str) -> bool:
        """Whether the user's level reaches the invite level."""
        return self.user_level(user_id) >= self.content.invite

    def can_kick(self, user_id: str, target_user_id: str) -> bool:
        """Whether the user's level reaches the kick level and is above the target's."""
        level = self.user_level(user_id)
        return level >= self.content.kick and level > self.user_level(target_user_id)

    def can_ban(self, user_id: str, target_user_id: str) -> bool:
        """Whether the user's level reaches the ban level and is above the target's."""
        level = self.user_level(user_id)
        return level >= self.content.ban and level > self.user_level(target_user_id)

    def can_redact_others(self, user_id: str) -> bool:
        """Whether the user may redact events of other users."""
        return self.user_level(user_id) >= self.content.redact

    def can_notify(self, user_id: str, kind: str = "room") -> bool:
        """Whether the user may notify everybody (`@room`)."""
        return self.user_level(user_id) >= self.content.notifications.get(kind, NOTIFY_LEVEL_DEFAULT)


def build_power_levels(create: Event | None, power_levels: Event | None) -> PowerLevels:
    """The power levels of a room from its create event and its power levels event, if any."""
    content: PowerLevelsContent | None = _NO_POWER_LEVELS if power_levels is None else power_levels.derived
    if power_levels is not None and content is None:
        content = power_levels.derived = parse_power_levels(power_levels.content, power_levels.rules)
    return PowerLevels(
        content or _NO_POWER_LEVELS,
        build_creators(create) if create is not None else frozenset(),
        is_explicit=power_levels is not None,
        creators_are_infinite=create is not None and create.rules.creators_have_infinite_power,
    )


def find_power_levels(state: Mapping[StateKey, Event]) -> PowerLevels:
    """The power levels of a room at a state."""
    return build_power_levels(state.get(CREATE_KEY), state.get(POWER_LEVELS_KEY))
