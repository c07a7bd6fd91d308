"""A user's push rules: the predefined ones with the user's changes, and the user's own (spec: Push Rules).

`PushRules` is only what differs from the predefined rules; it is stored as `build_stored` writes it, and users with the
same customisation share one compiled set (see push_rules_evaluation).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from zajil.core.push_rules_predefined import KINDS, MASTER, OWN_USER_ID, PREDEFINED

JsonObject = dict[str, Any]

RULES_MAX = 1_000
"""Own rules of one user, of all kinds together."""
CONDITIONS_MAX = 32
ACTIONS_MAX = 16
RULE_ID_CHARACTERS_MAX = 512
RULE_BYTES_MAX = 8_192
PATTERN_CHARACTERS_MAX = 256
WILDCARD_PATTERN_CHARACTERS_MAX = 1_024
"""Of all of a user's patterns with a `?` together: these are the ones whose cost grows with both their length and the
message's."""

_ACTIONS_IGNORED = frozenset({"dont_notify", "coalesce"})


@dataclass(frozen=True, slots=True)
class PushRuleFailure:
    """Why a change of push rules is refused; `M_NOT_FOUND` is status 404, everything else 400."""

    errcode: str
    message: str


@dataclass(frozen=True, slots=True)
class PushRules:
    """What a user changed. Rules are JSON objects as the client-server API has them, never modified in place."""

    own: Mapping[str, tuple[JsonObject, ...]] = field(default_factory=dict)
    """The user's own rules by kind, the most important first."""
    changed: Mapping[str, JsonObject] = field(default_factory=dict)
    """The `enabled` and `actions` that differ from the predefined rule with this ID."""


def parse_stored(stored: bytes) -> PushRules:
    """Parse what `build_stored` wrote; no bytes are no changes."""
    if not stored:
        return PushRules()
    data = orjson.loads(stored)
    return PushRules({kind: tuple(own) for kind, own in data["own"].items()}, data["changed"])


def build_stored(rules: PushRules) -> bytes:
    """One spelling for each customisation; none at all is no bytes."""
    own = {kind: list(listed) for kind, listed in rules.own.items() if listed}
    if not own and not rules.changed:
        return b""
    return orjson.dumps({"own": own, "changed": dict(rules.changed)}, option=orjson.OPT_SORT_KEYS)


def list_rules(rules: PushRules, kind: str) -> list[JsonObject]:
    """All rules of a kind, the most important first, with `OWN_USER_ID` still in place."""
    predefined = [{**rule, **rules.changed.get(rule["rule_id"], {})} for rule in PREDEFINED[kind]]
    own = list(rules.own.get(kind, ()))
    if predefined and predefined[0]["rule_id"] == MASTER:
        return [predefined[0], *own, *predefined[1:]]
    return own + predefined


def build_ruleset(rules: PushRules, user_id: str) -> JsonObject:
    """The global ruleset as clients see it: the content of `m.push_rules` is {"global": this}."""
    return {kind: [_name_user(rule, user_id) for rule in list_rules(rules, kind)] for kind in KINDS}


def get_rule(rules: PushRules, kind: str, rule_id: str, user_id: str) -> JsonObject | PushRuleFailure:
    """One rule as clients see it."""
    rule = _find(rules, kind, rule_id)
    return _name_user(rule, user_id) if rule else _not_found()


def put_rule(
    rules: PushRules, kind: str, rule_id: str, body: object, before: str | None = None, after: str | None = None
) -> PushRules | PushRuleFailure:
    """Add or change one of the user's own rules."""
    failure = _check_rule_id(kind, rule_id)
    if failure:
        return failure
    old = _find(rules, kind, rule_id)
    built = _build_rule(kind, rule_id, body, enabled=old["enabled"] if old else True)
    if isinstance(built, PushRuleFailure):
        return built
    own = rules.own.get(kind, ())
    others = [rule for rule in own if rule["rule_id"] != rule_id]
    at = 0
    if before is not None or after is not None:
        # With both, `before` decides.
        neighbour = before if before is not None else after
        found = [index for index, rule in enumerate(others) if rule["rule_id"] == neighbour]
        if not found:
            return PushRuleFailure("M_UNKNOWN", f"before/after rule not found: {neighbour}")
        at = found[0] if before is not None else found[0] + 1
    elif old:
        at = own.index(old)
    others.insert(at, built)
    changed = replace(rules, own={**rules.own, kind: tuple(others)})
    return _check_totals(changed) or changed


def delete_rule(rules: PushRules, kind: str, rule_id: str) -> PushRules | PushRuleFailure:
    """Remove one of the user's own rules."""
    if rule_id.startswith("."):
        return PushRuleFailure("M_INVALID_PARAM", "Predefined push rules can be disabled, but not deleted.")
    own = rules.own.get(kind, ())
    kept = tuple(rule for rule in own if rule["rule_id"] != rule_id)
    if len(kept) == len(own):
        return _not_found()
    return replace(rules, own={**rules.own, kind: kept})


def set_enabled(rules: PushRules, kind: str, rule_id: str, body: object) -> PushRules | PushRuleFailure:
    """Enable or disable a rule."""
    if not isinstance(body, dict):
        return PushRuleFailure("M_BAD_JSON", "The body must be a JSON object.")
    if "enabled" not in body:
        return PushRuleFailure("M_MISSING_PARAM", "The key enabled is missing.")
    if not isinstance(body["enabled"], bool):
        return PushRuleFailure("M_INVALID_PARAM", "The key enabled must be true or false.")
    return _change(rules, kind, rule_id, "enabled", body["enabled"])


def set_actions(rules: PushRules, kind: str, rule_id: str, body: object) -> PushRules | PushRuleFailure:
    """Change what a rule does."""
    if not isinstance(body, dict):
        return PushRuleFailure("M_BAD_JSON", "The body must be a JSON object.")
    actions = _parse_actions(body)
    if isinstance(actions, PushRuleFailure):
        return actions
    return _change(rules, kind, rule_id, "actions", actions)


def _change(rules: PushRules, kind: str, rule_id: str, key: str, value: Any) -> PushRules | PushRuleFailure:
    rule = _find(rules, kind, rule_id)
    if rule is None:
        return _not_found()
    if not rule["default"]:
        own = tuple({**rule, key: value} if rule["rule_id"] == rule_id else rule for rule in rules.own[kind])
        return replace(rules, own={**rules.own, kind: own})
    original = next(rule for rule in PREDEFINED[kind] if rule["rule_id"] == rule_id)
    differences = {k: v for k, v in rules.changed.get(rule_id, {}).items() if k != key}
    if value != original[key]:
        differences[key] = value
    changed = {k: v for k, v in rules.changed.items() if k != rule_id}
    if differences:
        changed[rule_id] = differences
    return replace(rules, changed=changed)


def _find(rules: PushRules, kind: str, rule_id: str) -> JsonObject | None:
    if kind not in KINDS:
        return None
    return next((rule for rule in list_rules(rules, kind) if rule["rule_id"] == rule_id), None)


def _not_found() -> PushRuleFailure:
    return PushRuleFailure("M_NOT_FOUND", "There is no such push rule.")


def _name_user(rule: JsonObject, user_id: str) -> JsonObject:
    if not rule["default"] or "conditions" not in rule:
        return rule
    conditions = [
        {key: user_id if value == OWN_USER_ID else value for key, value in condition.items()}
        for condition in rule["conditions"]
    ]
    return {**rule, "conditions": conditions}


def _check_rule_id(kind: str, rule_id: str) -> PushRuleFailure | None:
    if kind not in KINDS:
        return PushRuleFailure("M_INVALID_PARAM", f"Push rules are of one of the kinds {', '.join(KINDS)}.")
    if rule_id.startswith("."):
        return PushRuleFailure("M_INVALID_PARAM", "A rule ID that starts with a dot is reserved for predefined rules.")
    if "/" in rule_id or "\\" in rule_id or "\x00" in rule_id:
        return PushRuleFailure("M_INVALID_PARAM", "A rule ID must not contain slashes, backslashes or NULs.")
    if not 1 <= len(rule_id) <= RULE_ID_CHARACTERS_MAX:
        return PushRuleFailure("M_INVALID_PARAM", f"A rule ID has 1 to {RULE_ID_CHARACTERS_MAX} characters.")
    return None


def _build_rule(kind: str, rule_id: str, body: object, enabled: bool) -> JsonObject | PushRuleFailure:
    if not isinstance(body, dict):
        return PushRuleFailure("M_BAD_JSON", "The body must be a JSON object.")
    actions = _parse_actions(body)
    if isinstance(actions, PushRuleFailure):
        return actions
    rule: JsonObject = {"rule_id": rule_id, "default": False, "enabled": enabled, "actions": actions}
    if kind == "content":
        if "pattern" not in body:
            return PushRuleFailure("M_MISSING_PARAM", "A content rule needs a pattern.")
        failure = _check_pattern(body["pattern"])
        rule["pattern"] = body["pattern"]
    elif kind in ("override", "underride"):
        rule["conditions"] = body.get("conditions", [])
        failure = _check_conditions(rule["conditions"])
    else:
        failure = None
    return failure or _check_size(rule) or rule


def _parse_actions(body: JsonObject) -> list[str | JsonObject] | PushRuleFailure:
    if "actions" not in body:
        return PushRuleFailure("M_MISSING_PARAM", "The key actions is missing.")
    actions = body["actions"]
    if not isinstance(actions, list) or len(actions) > ACTIONS_MAX:
        return PushRuleFailure("M_INVALID_PARAM", f"The key actions must be a list of at most {ACTIONS_MAX} actions.")
    kept: list[str | JsonObject] = []
    for action in actions:
        if isinstance(action, str) and action in _ACTIONS_IGNORED:
            continue
        if action != "notify" and not (isinstance(action, dict) and isinstance(action.get("set_tweak"), str)):
            return PushRuleFailure("M_INVALID_PARAM", 'An action is "notify" or an object with a set_tweak.')
        kept.append(action)
    return _check_size({"actions": kept}) or kept


def _check_conditions(conditions: object) -> PushRuleFailure | None:
    if not isinstance(conditions, list) or len(conditions) > CONDITIONS_MAX:
        message = f"The key conditions must be a list of at most {CONDITIONS_MAX} conditions."
        return PushRuleFailure("M_INVALID_PARAM", message)
    for condition in conditions:
        if not isinstance(condition, dict) or not isinstance(condition.get("kind"), str):
            return PushRuleFailure("M_INVALID_PARAM", "A condition is an object with a kind.")
        # Conditions of unknown kinds, or without their parameters, may be stored; they match nothing.
        failure = _check_pattern(condition["pattern"]) if "pattern" in condition else None
        if failure:
            return failure
    return None


def _check_pattern(pattern: object) -> PushRuleFailure | None:
    if not isinstance(pattern, str) or len(pattern) > PATTERN_CHARACTERS_MAX:
        message = f"A pattern must be a string of at most {PATTERN_CHARACTERS_MAX} characters."
        return PushRuleFailure("M_INVALID_PARAM", message)
    return None


def _check_size(rule: JsonObject) -> PushRuleFailure | None:
    try:
        encoded = orjson.dumps(rule)
    except TypeError:
        return PushRuleFailure("M_BAD_JSON", "The rule has numbers out of range, invalid text, or is too deep.")
    if len(encoded) > RULE_BYTES_MAX:
        return PushRuleFailure("M_TOO_LARGE", f"A push rule has at most {RULE_BYTES_MAX} bytes.")
    # orjson writes NUL in this form only, and no other character of a string begins with a lone backslash and u0000.
    if b"\\u0000" in encoded.replace(rb"\\", b""):
        return PushRuleFailure("M_INVALID_PARAM", "A push rule must not contain NULs.")
    return None


def _check_totals(rules: PushRules) -> PushRuleFailure | None:
    own = [rule for listed in rules.own.values() for rule in listed]
    if len(own) > RULES_MAX:
        return PushRuleFailure("M_INVALID_PARAM", f"There can be at most {RULES_MAX} push rules.")
    patterns = [part.get("pattern", "") for rule in own for part in (rule, *rule.get("conditions", ()))]
    if sum(len(pattern) for pattern in patterns if "?" in pattern) > WILDCARD_PATTERN_CHARACTERS_MAX:
        return PushRuleFailure("M_INVALID_PARAM", "The push rules have too many long patterns with question marks.")
    return None
