"""Authorisation rule 10 of room version 12 (9 or 10 elsewhere): changing `m.room.power_levels`.

The step numbers in comments are those of room version 12.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from zajil.core.auth_rules_steps import Rejection
from zajil.core.events import Event
from zajil.core.identifiers import is_user_id
from zajil.core.power_levels import NAMED_LEVELS, PowerLevels, parse_level
from zajil.core.room_rules import RoomRules


def check_power_levels(
    event: Event, current: Event | None, power_levels: PowerLevels, rules: RoomRules
) -> Rejection | None:
    """Judge a power levels event against the `current` one (None in a room that has none yet)."""
    content = event.content
    rejection = _check_format(content, power_levels, rules)
    # 10.5. No previous m.room.power_levels event in the room: allow.
    if rejection is not None or current is None:
        return rejection
    sender_level = power_levels.user_level(event.sender)
    return (
        _check_named_levels(content, current.content, sender_level, rules)
        or _check_event_levels(content, current.content, sender_level, rules)
        or _check_user_levels(event, current.content, sender_level, rules)
    )  # 10.11. Otherwise, allow.


def _check_format(content: Mapping[str, Any], power_levels: PowerLevels, rules: RoomRules) -> Rejection | None:
    steps = rules.auth_steps
    if rules.integer_power_levels:
        # 10.1. The named levels are integers, where present.
        for name in NAMED_LEVELS:
            if name in content and parse_level(content[name], rules) is None:
                return Rejection(steps.levels_are_integers, f"The power level {name} is not an integer.")
        # 10.2. `events` and `notifications` are objects of integers, where present.
        for name in ("events", "notifications"):
            if name in content and not _are_levels(content[name], rules):
                return Rejection(steps.events_are_integers, f"{name} is not an object of integers.")
    # 10.3. `users` is an object of user IDs and integers.
    users = content.get("users", {})
    if not _are_levels(users, rules) or not all(is_user_id(user_id) for user_id in users):
        return Rejection(steps.users_are_valid, "users is not an object of user IDs and integers.")
    # 10.4. `users` does not name a creator.
    if rules.creators_have_infinite_power and any(user_id in users for user_id in power_levels.creators):
        return Rejection(steps.users_without_creators, "users names a creator, whose level cannot be set.")
    return None


def _are_levels(levels: object, rules: RoomRules) -> bool:
    return isinstance(levels, dict) and all(parse_level(level, rules) is not None for level in levels.values())


def _check_named_levels(
    new: Mapping[str, Any], current: Mapping[str, Any], sender_level: int, rules: RoomRules
) -> Rejection | None:
    # 10.6. For each of the named levels that was added, changed or removed:
    for name in NAMED_LEVELS:
        current_level = parse_level(current.get(name), rules)
        new_level = parse_level(new.get(name), rules)
        if name in new and new_level is None:
            return Rejection(rules.auth_steps.levels_altered, f"The power level {name} is not an integer.")
        if current_level == new_level:
            continue
        # 10.6.1. The current value is higher than the sender's level.
        if current_level is not None and current_level > sender_level:
            return Rejection(f"{rules.auth_steps.levels_altered}.1", f"You may not change the power level {name}.")
        # 10.6.2. The new value is higher than the sender's level.
        if new_level is not None and new_level > sender_level:
            return Rejection(f"{rules.auth_steps.levels_altered}.2", f"You may not set the power level {name} so high.")
    return None


def _find_levels(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    levels = content.get(name)
    return levels if isinstance(levels, dict) else {}


def _alterations(
    new: Mapping[str, Any], current: Mapping[str, Any], rules: RoomRules
) -> Iterable[tuple[str, int | None, int | None, bool]]:
    """(key, current level, new level, new level is malformed) of what was added, changed or removed."""
    for key in sorted(current.keys() | new.keys()):
        if key in new and key in current and type(new[key]) is type(current[key]) and new[key] == current[key]:
            continue
        current_level = parse_level(current.get(key), rules)
        new_level = parse_level(new.get(key), rules)
        malformed = key in new and new_level is None
        if malformed or current_level != new_level:
            yield key, current_level, new_level, malformed


def _check_event_levels(
    new: Mapping[str, Any], current: Mapping[str, Any], sender_level: int, rules: RoomRules
) -> Rejection | None:
    steps = rules.auth_steps
    for name in ("events", "notifications") if rules.notifications_power_levels else ("events",):
        if not isinstance(new.get(name, {}), dict):
            return Rejection(steps.events_new, f"{name} is not an object.")
        for key, current_level, new_level, malformed in _alterations(
            _find_levels(new, name), _find_levels(current, name), rules
        ):
            # 10.7.1. An entry changed or removed whose current value is greater than the sender's level.
            if current_level is not None and current_level > sender_level:
                return Rejection(f"{steps.events_current}.1", f"You may not change the power level of {key}.")
            # 10.8.1. An entry added or changed whose new value is greater than the sender's level.
            if malformed or (new_level is not None and new_level > sender_level):
                return Rejection(f"{steps.events_new}.1", f"You may not set the power level of {key} so high.")
    return None


def _check_user_levels(
    event: Event, current: Mapping[str, Any], sender_level: int, rules: RoomRules
) -> Rejection | None:
    steps = rules.auth_steps
    for user_id, current_level, new_level, _ in _alterations(
        _find_levels(event.content, "users"), _find_levels(current, "users"), rules
    ):
        # 10.9.1. An entry changed or removed, other than the sender's own, that is not below the sender's level.
        if user_id != event.sender and current_level is not None and current_level >= sender_level:
            return Rejection(f"{steps.users_current}.1", f"You may not change the power level of {user_id}.")
        # 10.10.1. An entry added or changed whose new value is greater than the sender's level.
        if new_level is not None and new_level > sender_level:
            return Rejection(f"{steps.users_new}.1", f"You may not set the power level of {user_id} so high.")
    return None
