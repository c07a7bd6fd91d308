"""Which push rule an event meets, and what follows from it (spec: Push Rules).

Rules are compiled once per distinct customisation, without the values that are a user's own. An event is then evaluated
once for all users with the same rules; `SharedVerdict` names the few for whom it must be evaluated on its own.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from zajil.core.globs import Match, compile_glob, compile_word_glob, contains_word
from zajil.core.property_path import ABSENT, Path, get_property, parse_path
from zajil.core.push_rules import PushRules, list_rules, parse_stored
from zajil.core.push_rules_predefined import KINDS, OWN_USER_ID

JsonObject = dict[str, Any]

COMPILED_MAX = 1_024
"""Compiled customisations kept."""
SELECTIONS_MAX = 512
"""Selections of rules by event type and room kept for each."""
BODY_CHARACTERS_MAX = 8_192
"""Of `content.body`, as far as patterns look into it."""
NOTIFICATION_LEVEL_DEFAULT = 50
UNTIL_TWEAK: Final = "org.zajil.until"
"""A rule with this tweak counts only for events sent before its value, in ms since 1970. Clients that mute a chat for a while
set it: the mute ends by itself, also while none of them is there to delete the rule. Others ignore tweaks they do not know."""

_BODY: Final = ("content", "body")
_COUNT = re.compile(r"(==|<=|>=|<|>)?([0-9]{1,15})")
_COMPARISONS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class EventView:
    """A client-formatted event (type, sender, room_id, content, origin_server_ts, state_key) with the values that rules looked up."""

    __slots__ = ("_texts", "_values", "event")

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.event = event
        self._values: dict[Path, Any] = {}
        self._texts: dict[Path, str | None] = {}

    def get_value(self, path: Path) -> Any:
        """The value at a path, or `ABSENT`, which is equal to nothing else."""
        value = self._values.get(path, self)
        if value is not self:
            return value
        value = self._values[path] = get_property(self.event, path)
        return value

    def get_text(self, path: Path) -> str | None:
        """The string at a path in lower case; None when there is none."""
        if path in self._texts:
            return self._texts[path]
        value = self.get_value(path)
        text = value[:BODY_CHARACTERS_MAX].lower() if isinstance(value, str) else None
        self._texts[path] = text
        return text


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """What rules ask about the room, at the event."""

    member_count: int | None
    """Joined members; None while nobody knows, and then no condition on their number holds."""
    sender_level: int
    """The sender's power level; a creator's is larger than any other."""
    notification_levels: Mapping[str, int] = field(default_factory=dict)
    """`notifications` of the power levels."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an event means for a user."""

    notify: bool
    highlight: bool
    sound: str | None
    actions: tuple[Any, ...]
    """As the rule has them, for `GET /notifications`."""
    tweaks: Mapping[str, Any] = field(default_factory=dict)
    """For the push gateway."""


NO_VERDICT: Final = Verdict(False, False, None, ())
"""No rule matched, or one without actions: no notification."""


@dataclass(frozen=True, slots=True)
class SharedVerdict:
    """The verdict for all users with the same rules, but for those who need one of their own."""

    verdict: Verdict
    individually: frozenset[str]
    """The IDs for which `evaluate` has to be asked."""
    everyone: bool
    """Every user has to be evaluated (a rule asks for display names)."""

    def holds_for(self, user_id: str) -> bool:
        return not self.everyone and user_id not in self.individually


Condition = Callable[[EventView, RoomFacts], bool]


@dataclass(frozen=True, slots=True)
class _Rule:
    verdict: Verdict
    conditions: tuple[Condition, ...]
    own_id_paths: tuple[tuple[Path, bool], ...]
    """The user's ID must be the string at each of these paths, or with True in the list there."""
    own_display_name: bool
    literals: Mapping[Path, str]
    """Texts the event must have (in lower case); they sort rules out before anything is evaluated."""

    def matches_event(self, event: EventView, facts: RoomFacts) -> bool:
        return all(condition(event, facts) for condition in self.conditions)

    def matches_user(self, event: EventView, user_id: str, display_name: str | None) -> bool:
        if any(user_id not in _list_ids(event, path, many) for path, many in self.own_id_paths):
            return False
        return not self.own_display_name or _has_display_name(event, display_name)


class CompiledRules:
    """Rules ready for evaluation; get them from `compile_rules`."""

    def __init__(self, rules: PushRules) -> None:
        listed = ((kind, rule) for kind in KINDS for rule in list_rules(rules, kind) if rule["enabled"])
        compiled = (_compile_rule(kind, rule) for kind, rule in listed)
        self._rules = tuple(rule for rule in compiled if rule is not None)
        self._types = frozenset(rule.literals[_TYPE] for rule in self._rules if _TYPE in rule.literals)
        self._rooms = frozenset(rule.literals[_ROOM] for rule in self._rules if _ROOM in rule.literals)
        self._selections: dict[tuple[str | None, str | None], tuple[_Rule, ...]] = {}

    def select(self, event: EventView) -> tuple[_Rule, ...]:
        """The rules that could match an event of this type in this room, the most important first."""
        type_, room_id = event.get_text(_TYPE), event.get_text(_ROOM)
        # Types and rooms that no rule names are all the same, which bounds the number of selections.
        key = (type_ if type_ in self._types else None, room_id if room_id in self._rooms else None)
        selected = self._selections.get(key)
        if selected is None:
            if len(self._selections) >= SELECTIONS_MAX:
                self._selections.clear()
            selected = tuple(
                rule
                for rule in self._rules
                if rule.literals.get(_TYPE, key[0]) == key[0] and rule.literals.get(_ROOM, key[1]) == key[1]
            )
            self._selections[key] = selected
        return selected


_TYPE: Final = ("type",)
_ROOM: Final = ("room_id",)
_SENDER: Final = ("sender",)
_SENT_AT: Final = ("origin_server_ts",)


@lru_cache(maxsize=COMPILED_MAX)
def compile_rules(stored: bytes) -> CompiledRules:
    """The compiled rules of a stored customisation; b"" are the predefined rules alone."""
    return CompiledRules(parse_stored(stored))


def evaluate(
    compiled: CompiledRules, event: EventView, facts: RoomFacts, user_id: str, display_name: str | None
) -> Verdict:
    """The verdict for one user; display_name is the user's own in this room."""
    if event.get_value(_SENDER) == user_id:
        return NO_VERDICT
    for rule in compiled.select(event):
        if rule.matches_user(event, user_id, display_name) and rule.matches_event(event, facts):
            return rule.verdict
    return NO_VERDICT


def evaluate_shared(compiled: CompiledRules, event: EventView, facts: RoomFacts) -> SharedVerdict:
    """The verdict for all users with these rules, and who needs one of their own: the mentioned, and the sender."""
    individually = frozenset(_list_ids(event, _SENDER, many=False))
    everyone = False
    for rule in compiled.select(event):
        if not rule.matches_event(event, facts):
            continue
        if rule.own_id_paths:
            named = [frozenset(_list_ids(event, path, many)) for path, many in rule.own_id_paths]
            individually |= frozenset.intersection(*named)
        elif rule.own_display_name:
            everyone = everyone or event.get_text(_BODY) is not None
        else:
            return SharedVerdict(rule.verdict, individually, everyone)
    return SharedVerdict(NO_VERDICT, individually, everyone)


def build_verdict(actions: Iterable[Any]) -> Verdict:
    """What a list of actions amounts to."""
    listed = tuple(actions)
    tweaks: dict[str, Any] = {}
    for action in listed:
        if isinstance(action, dict):
            # A highlight without a value is true; a sound without one says nothing.
            name, default = action["set_tweak"], True if action["set_tweak"] == "highlight" else None
            tweaks[name] = action.get("value", default)
    notify = "notify" in listed
    sound = tweaks.get("sound")
    return Verdict(
        notify=notify,
        highlight=notify and tweaks.get("highlight") is True,
        sound=sound if notify and isinstance(sound, str) else None,
        actions=listed,
        tweaks=tweaks if notify else {},
    )


def _compile_rule(kind: str, rule: JsonObject) -> _Rule | None:
    """None for a rule that can match nothing."""
    verdict = build_verdict(rule["actions"])
    until = _get_until(rule["actions"])
    conditions: list[Condition] = []
    own_id_paths: list[tuple[Path, bool]] = []
    own_display_name = False
    literals: dict[Path, str] = {}
    for condition in _list_conditions(kind, rule):
        key = condition.get("key")
        path = parse_path(key) if isinstance(key, str) else None
        if path and OWN_USER_ID in (condition.get("pattern"), condition.get("value")):
            own_id_paths.append((path, condition["kind"] == "event_property_contains"))
        elif condition["kind"] == "contains_display_name":
            own_display_name = True
        else:
            literal = _get_literal(condition)
            if path in (_TYPE, _ROOM) and literal is not None and literals.setdefault(path, literal) != literal:
                return None
            compiled = _compile_condition(condition, path)
            if compiled is None:
                return None
            conditions.append(compiled)
    if until is not None:
        conditions.append(lambda event, _: _was_sent_before(event, until))
    return _Rule(verdict, tuple(conditions), tuple(own_id_paths), own_display_name, literals)


def _get_until(actions: Iterable[Any]) -> int | None:
    values = [
        action.get("value") for action in actions if isinstance(action, dict) and action["set_tweak"] == UNTIL_TWEAK
    ]
    return next((value for value in values if type(value) is int), None)


def _was_sent_before(event: EventView, until: int) -> bool:
    sent_at = event.get_value(_SENT_AT)
    return not isinstance(sent_at, int) or sent_at < until


def _list_conditions(kind: str, rule: JsonObject) -> list[JsonObject]:
    if kind == "content":
        return [{"kind": "event_match", "key": "content.body", "pattern": rule["pattern"]}]
    if kind in ("room", "sender"):
        # IDs are compared exactly; a rule ID is no pattern.
        key = "room_id" if kind == "room" else "sender"
        return [{"kind": "event_property_is", "key": key, "value": rule["rule_id"]}]
    conditions: list[JsonObject] = rule["conditions"]
    return conditions


def _compile_condition(condition: JsonObject, path: Path | None) -> Condition | None:
    """None for a condition that is not understood, which matches nothing."""
    kind = condition["kind"]
    if kind == "room_member_count":
        return _compile_count(condition.get("is"))
    if kind == "sender_notification_permission":
        level_key = condition.get("key")
        return _compile_permission(level_key) if isinstance(level_key, str) else None
    if path is None:
        return None
    if kind == "event_match":
        pattern = condition.get("pattern")
        return _compile_match(path, pattern.lower()) if isinstance(pattern, str) else None
    value = condition.get("value", ABSENT)
    if not _is_scalar(value):
        return None
    if kind == "event_property_is":
        return lambda event, _: _is_same(event.get_value(path), value)
    if kind == "event_property_contains":
        return lambda event, _: any(_is_same(item, value) for item in _listed_values(event.get_value(path)))
    return None


def _compile_match(path: Path, pattern: str) -> Condition:
    test: Match = compile_word_glob(pattern) if path == _BODY else compile_glob(pattern)

    def holds(event: EventView, _: RoomFacts) -> bool:
        text = event.get_text(path)
        return text is not None and test(text)

    return holds


def _compile_count(comparison: object) -> Condition | None:
    match = _COUNT.fullmatch(comparison) if isinstance(comparison, str) else None
    if match is None:
        return None
    number = int(match[2])
    compare = _COMPARISONS[match[1] or "=="]
    return lambda _, facts: facts.member_count is not None and compare(facts.member_count, number)


def _compile_permission(key: str) -> Condition:
    return lambda _, facts: facts.sender_level >= facts.notification_levels.get(key, NOTIFICATION_LEVEL_DEFAULT)


def _has_display_name(event: EventView, display_name: str | None) -> bool:
    body = event.get_text(_BODY)
    return bool(display_name) and body is not None and contains_word(body, (display_name or "").lower())


def _get_literal(condition: JsonObject) -> str | None:
    """The text, in lower case, that a condition insists on."""
    if condition["kind"] == "event_match":
        pattern = condition.get("pattern")
        return pattern.lower() if isinstance(pattern, str) and "*" not in pattern and "?" not in pattern else None
    value = condition.get("value")
    return value.lower() if condition["kind"] == "event_property_is" and isinstance(value, str) else None


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | bool | int)


def _is_same(found: object, value: object) -> bool:
    # True is not 1.
    return type(found) is type(value) and found == value


def _listed_values(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _list_ids(event: EventView, path: Path, many: bool) -> list[str]:
    value = event.get_value(path)
    return [item for item in (_listed_values(value) if many else [value]) if isinstance(item, str)]
