"""Push rules: the predefined ones, a user's changes, and what events amount to."""

import json
import re
import timeit
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.core import push_rules_predefined
from zajil.core.globs import compile_glob, compile_word_glob, contains_word
from zajil.core.push_rules import (
    RULES_MAX,
    PushRuleFailure,
    PushRules,
    build_ruleset,
    build_stored,
    delete_rule,
    get_rule,
    parse_stored,
    put_rule,
    set_actions,
    set_enabled,
)
from zajil.core.push_rules_evaluation import (
    NO_VERDICT,
    EventView,
    RoomFacts,
    Verdict,
    build_verdict,
    compile_rules,
    evaluate,
    evaluate_shared,
)

ALICE, BOB, ROOM = "@alice:example.org", "@bob:example.org", "!room:example.org"
GROUP = RoomFacts(member_count=10, sender_level=0)
PAIR = RoomFacts(member_count=2, sender_level=0)


def message(content: dict[str, Any], **changes: Any) -> EventView:
    return EventView({"type": "m.room.message", "sender": BOB, "room_id": ROOM, "content": content, **changes})


def judge(
    event: EventView, rules: PushRules | None = None, facts: RoomFacts = GROUP, user: str = ALICE, name: str = "Alice"
) -> Verdict:
    compiled = compile_rules(build_stored(rules or PushRules()))
    verdict = evaluate(compiled, event, facts, user, name)
    shared = evaluate_shared(compiled, event, facts)
    assert not shared.holds_for(user) or shared.verdict == verdict
    return verdict


def put(rules: PushRules, kind: str, rule_id: str, body: dict[str, Any], **place: str) -> PushRules:
    changed = put_rule(rules, kind, rule_id, body, **place)
    assert isinstance(changed, PushRules), changed
    assert parse_stored(build_stored(changed)) == changed
    return changed


def rule_with(*conditions: dict[str, Any], actions: tuple[Any, ...] = ("notify",)) -> PushRules:
    return put(PushRules(), "override", "own", {"conditions": list(conditions), "actions": list(actions)})


# The predefined rules


def test_predefined_rules_are_those_of_the_spec() -> None:
    ruleset = build_ruleset(PushRules(), ALICE)
    assert list(ruleset) == ["override", "content", "room", "sender", "underride"]
    assert [rule["rule_id"].removeprefix(".m.rule.") for kind in ruleset.values() for rule in kind] == [
        *("master", "suppress_notices", "invite_for_me", "member_event", "is_user_mention", "is_room_mention"),
        *("tombstone", "reaction", "room.server_acl", "suppress_edits"),
        *("call", "encrypted_room_one_to_one", "room_one_to_one", "message", "encrypted"),
    ]
    assert push_rules_predefined.OWN_USER_ID not in json.dumps(ruleset).replace("\\u0000", "\x00")
    assert ruleset["override"][2]["conditions"][2] == {"kind": "event_match", "key": "state_key", "pattern": ALICE}
    assert ruleset["override"][4]["conditions"] == [
        {"kind": "event_property_contains", "key": "content.m\\.mentions.user_ids", "value": ALICE}
    ]
    assert [rule["enabled"] for rule in ruleset["override"]] == [False] + [True] * 9


@pytest.mark.parametrize(
    ("event", "facts", "notify", "highlight", "sound"),
    [
        (message({"body": "hi", "msgtype": "m.text"}), GROUP, True, False, None),
        (message({"body": "hi", "msgtype": "m.text"}), PAIR, True, False, "default"),
        (message({}, type="m.room.encrypted"), GROUP, True, False, None),
        (message({}, type="m.room.encrypted"), PAIR, True, False, "default"),
        (message({"msgtype": "m.notice", "m.mentions": {"user_ids": [ALICE]}}), PAIR, False, False, None),
        (message({"m.mentions": {"user_ids": [ALICE]}}), GROUP, True, True, "default"),
        (message({"m.mentions": {"user_ids": ALICE}}), GROUP, True, False, None),
        (message({"m.mentions": {"user_ids": [1, None, BOB]}}), GROUP, True, False, None),
        (message({"m.mentions": {"room": True}}), RoomFacts(9, 50), True, True, None),
        (message({"m.mentions": {"room": True}}), RoomFacts(9, 49), True, False, None),
        (message({"m.mentions": {"room": True}}), RoomFacts(9, 49, {"room": 20}), True, True, None),
        (message({"m.mentions": {"room": 1}}), RoomFacts(9, 50), True, False, None),
        (message({"m.relates_to": {"rel_type": "m.replace"}}), PAIR, False, False, None),
        (message({"membership": "invite"}, type="m.room.member", state_key=ALICE), PAIR, True, False, "default"),
        (message({"membership": "invite"}, type="m.room.member", state_key=BOB), PAIR, False, False, None),
        (message({"membership": "join"}, type="m.room.member", state_key=ALICE), PAIR, False, False, None),
        (message({}, type="m.room.tombstone", state_key=""), GROUP, True, True, None),
        (message({}, type="m.room.tombstone"), GROUP, False, False, None),
        (message({}, type="m.reaction"), PAIR, False, False, None),
        (message({}, type="m.room.server_acl", state_key=""), PAIR, False, False, None),
        (message({}, type="m.call.invite"), GROUP, True, False, "ring"),
        (message({}, type="org.example.other"), PAIR, False, False, None),
        (message({"body": "Alice @room alice"}), RoomFacts(9, 100), True, False, None),
        (message({"m.mentions": {"user_ids": [ALICE]}}, sender=ALICE), GROUP, False, False, None),
        (EventView({}), GROUP, False, False, None),
        (message("no object"), GROUP, True, False, None),  # type: ignore[arg-type]
    ],
)
def test_predefined_rules_decide(
    event: EventView, facts: RoomFacts, notify: bool, highlight: bool, sound: str | None
) -> None:
    verdict = judge(event, facts=facts)
    assert (verdict.notify, verdict.highlight, verdict.sound) == (notify, highlight, sound)


def test_the_master_rule_silences_own_rules_too() -> None:
    rules = rule_with()
    assert judge(message({}), rules).notify
    silenced = set_enabled(rules, "override", ".m.rule.master", {"enabled": True})
    assert isinstance(silenced, PushRules)
    assert judge(message({}), silenced) == Verdict(False, False, None, ())
    again = set_enabled(silenced, "override", ".m.rule.master", {"enabled": False})
    assert again == rules


# Conditions


@pytest.mark.parametrize(
    ("condition", "content", "holds"),
    [
        ({"kind": "event_match", "key": "content.topic", "pattern": "lunc?*"}, {"topic": "Lunch plans"}, True),
        ({"kind": "event_match", "key": "content.topic", "pattern": "lunc?*"}, {"topic": " lunch"}, False),
        ({"kind": "event_match", "key": "content.topic", "pattern": "lunc?*"}, {"topic": "lunc"}, False),
        ({"kind": "event_match", "key": "content.topic", "pattern": "*"}, {"topic": None}, False),
        ({"kind": "event_match", "key": "content.body", "pattern": "ex*ple"}, {"body": "An example event."}, True),
        ({"kind": "event_match", "key": "content.body", "pattern": "ex*ple"}, {"body": "exciting triple-w"}, True),
        ({"kind": "event_match", "key": "content.body", "pattern": "cake"}, {"body": "pancake"}, False),
        ({"kind": "event_match", "key": "content.body", "pattern": "كعك"}, {"body": "أحب كعك التفاح"}, True),
        ({"kind": "event_match", "key": "content.body"}, {"body": ""}, False),
        ({"kind": "event_match", "pattern": "*"}, {"body": ""}, False),
        ({"kind": "event_property_is", "key": r"content.m\.federate", "value": True}, {"m.federate": True}, True),
        ({"kind": "event_property_is", "key": r"content.m\.federate", "value": True}, {"m.federate": 1}, False),
        ({"kind": "event_property_is", "key": r"content.m\.federate", "value": True}, {"m.federate": "true"}, False),
        ({"kind": "event_property_is", "key": "content.a", "value": None}, {"a": None}, True),
        ({"kind": "event_property_is", "key": "content.a", "value": None}, {}, False),
        ({"kind": "event_property_is", "key": "content.a", "value": []}, {"a": []}, False),
        ({"kind": "event_property_is", "key": "content.a"}, {"a": None}, False),
        ({"kind": "event_property_contains", "key": "content.a", "value": 1}, {"a": [True, 2, 1]}, True),
        ({"kind": "event_property_contains", "key": "content.a", "value": 1}, {"a": [True, "1"]}, False),
        ({"kind": "event_property_contains", "key": "content.a", "value": "x"}, {"a": "x"}, False),
        ({"kind": "contains_display_name"}, {"body": "well, ALICE!"}, True),
        ({"kind": "contains_display_name"}, {"body": "malice"}, False),
        ({"kind": "contains_display_name"}, {}, False),
        ({"kind": "room_member_count", "is": "10"}, {}, True),
        ({"kind": "room_member_count", "is": "==10"}, {}, True),
        ({"kind": "room_member_count", "is": "<10"}, {}, False),
        ({"kind": "room_member_count", "is": "<=10"}, {}, True),
        ({"kind": "room_member_count", "is": ">9"}, {}, True),
        ({"kind": "room_member_count", "is": ">=11"}, {}, False),
        ({"kind": "room_member_count", "is": "1_0"}, {}, False),
        ({"kind": "room_member_count", "is": 10}, {}, False),
        ({"kind": "sender_notification_permission", "key": "room"}, {}, False),
        ({"kind": "sender_notification_permission"}, {}, False),
        ({"kind": "org.example.unknown"}, {}, False),
        ({"kind": "event_match", "key": "type", "pattern": "M.ROOM.*"}, {}, True),
        ({"kind": "event_match", "key": "type", "pattern": "M.room.Message"}, {}, True),
        ({"kind": "event_match", "key": "room_id", "pattern": "!other:example.org"}, {}, False),
    ],
)
def test_conditions(condition: dict[str, Any], content: dict[str, Any], holds: bool) -> None:
    loud = {"set_tweak": "sound", "value": "own"}
    verdict = judge(message(content), rule_with(condition, actions=("notify", loud)))
    assert (verdict.sound == "own") == holds


@pytest.mark.parametrize("comparison", ["2", "==2", "<3", "<=2", ">1", ">=2", "0"])
def test_a_number_of_members_that_nobody_knows_meets_no_condition(comparison: str) -> None:
    loud = {"set_tweak": "sound", "value": "own"}
    rules = rule_with({"kind": "room_member_count", "is": comparison}, actions=("notify", loud))
    assert (judge(message({}), rules, PAIR).sound == "own") == (comparison != "0")
    assert judge(message({}), rules, RoomFacts(member_count=None, sender_level=0)).sound is None


def test_two_types_never_match() -> None:
    both = [{"kind": "event_match", "key": "type", "pattern": pattern} for pattern in ("m.room.message", "m.reaction")]
    assert judge(message({}), rule_with(*both, actions=())).notify


def test_kinds_are_checked_in_order() -> None:
    def sound(value: str) -> dict[str, Any]:
        return {"actions": ["notify", {"set_tweak": "sound", "value": value}], "pattern": "cake"}

    rules = PushRules()
    for kind, rule_id in (("underride", "u"), ("sender", BOB), ("room", ROOM), ("content", "c"), ("override", "o")):
        rules = put(rules, kind, rule_id, sound(kind))
    for kind, rule_id in (("override", "o"), ("content", "c"), ("room", ROOM), ("sender", BOB), ("underride", "u")):
        assert judge(message({"body": "cake"}), rules).sound == kind
        disabled = set_enabled(rules, kind, rule_id, {"enabled": False})
        assert isinstance(disabled, PushRules)
        rules = disabled
    assert judge(message({"body": "cake"}), rules) == build_verdict(["notify"])


def test_room_and_sender_rules_are_no_patterns() -> None:
    rules = put(PushRules(), "room", "!*", {"actions": []})
    rules = put(rules, "sender", "@b?b:example.org", {"actions": []})
    rules = put(rules, "room", ROOM.upper(), {"actions": []})
    assert judge(message({}), rules).notify
    assert not judge(message({}), put(rules, "room", ROOM, {"actions": []})).notify


def test_tweaks() -> None:
    verdict = build_verdict(
        ["notify", {"set_tweak": "highlight"}, {"set_tweak": "sound"}, {"set_tweak": "x", "value": 1}]
    )
    assert (verdict.highlight, verdict.sound, verdict.tweaks) == (
        True,
        None,
        {"highlight": True, "sound": None, "x": 1},
    )
    assert not build_verdict(["notify", {"set_tweak": "highlight", "value": False}]).highlight
    assert build_verdict([{"set_tweak": "highlight"}]).highlight is False
    assert build_verdict([]) == NO_VERDICT


def test_a_rule_ends_at_its_time() -> None:
    until = {"set_tweak": "org.zajil.until", "value": 1_000}
    conditions = [{"kind": "event_match", "key": "room_id", "pattern": ROOM}]
    rules = put(PushRules(), "override", ROOM, {"conditions": conditions, "actions": [until]})
    assert not judge(message({}, origin_server_ts=999), rules).notify
    assert judge(message({}, origin_server_ts=1_000), rules).notify
    assert not judge(message({}), rules).notify
    assert judge(message({}, room_id="!other:example.org", origin_server_ts=999), rules).notify
    for value in ("1000", None, True, 1.5):
        for_good = put(rules, "override", ROOM, {"conditions": conditions, "actions": [{**until, "value": value}]})
        assert not judge(message({}, origin_server_ts=2_000), for_good).notify


# Globs


GLOBS = st.text(alphabet="ab_ -?*é\\.", max_size=8)
TEXTS = st.text(alphabet="ab_ -?é\\.\n", max_size=12)


@given(GLOBS, TEXTS)
@settings(max_examples=1000)
def test_globs_do_what_a_backtracking_pattern_would(glob: str, text: str) -> None:
    pattern = re.escape(glob).replace(r"\*", ".*").replace(r"\?", ".")
    word = "[A-Za-z0-9_]"
    start, end = f"(?:(?<!{word})|(?!{word}))", f"(?:(?!{word})|(?<!{word}))"
    assert compile_glob(glob)(text) == bool(re.fullmatch(pattern, text, re.DOTALL))
    assert compile_word_glob(glob)(text) == bool(re.search(start + pattern + end, text, re.DOTALL))


@given(st.text(alphabet="ab_ -?*.", min_size=1, max_size=4), TEXTS)
def test_words_are_globs_without_wildcards(word: str, text: str) -> None:
    glob_free = word.replace("*", "-").replace("?", "-")
    assert contains_word(text, glob_free) == compile_word_glob(glob_free)(text)


def test_hostile_globs_take_no_time() -> None:
    for glob in ("*a" * 120 + "b", "a" * 250 + "?", "?" * 256, "a*" * 128):
        for compiled in (compile_glob(glob), compile_word_glob(glob)):
            assert timeit.timeit(lambda compiled=compiled: compiled("a" * 8_000), number=1) < 0.5


# Changes


def ids(rules: PushRules, kind: str) -> list[str]:
    return [rule["rule_id"] for rule in build_ruleset(rules, ALICE)[kind] if not rule["default"]]


def test_the_order_of_own_rules() -> None:
    rules = PushRules()
    for rule_id in "abc":
        rules = put(rules, "content", rule_id, {"actions": [], "pattern": rule_id})
    assert ids(rules, "content") == ["c", "b", "a"]
    rules = put(rules, "content", "d", {"actions": [], "pattern": "d"}, before="b")
    assert ids(rules, "content") == ["c", "d", "b", "a"]
    rules = put(rules, "content", "e", {"actions": [], "pattern": "e"}, after="b")
    assert ids(rules, "content") == ["c", "d", "b", "e", "a"]
    rules = put(rules, "content", "a", {"actions": [], "pattern": "a"}, before="d", after="e")
    assert ids(rules, "content") == ["c", "a", "d", "b", "e"]
    rules = put(rules, "content", "d", {"actions": ["notify"], "pattern": "new"})
    assert ids(rules, "content") == ["c", "a", "d", "b", "e"]
    for neighbour in ("x", "d", ".m.rule.message"):
        failure = put_rule(rules, "content", "d", {"actions": [], "pattern": "d"}, before=neighbour)
        assert isinstance(failure, PushRuleFailure)
        assert failure.errcode == "M_UNKNOWN"
    deleted = delete_rule(rules, "content", "a")
    assert isinstance(deleted, PushRules)
    assert ids(deleted, "content") == ["c", "d", "b", "e"]
    override = put(PushRules(), "override", "own", {"actions": []})
    assert [r["rule_id"] for r in build_ruleset(override, ALICE)["override"]][:3] == [
        ".m.rule.master",
        "own",
        ".m.rule.suppress_notices",
    ]


def test_an_update_keeps_a_rule_disabled() -> None:
    rules = put(PushRules(), "room", ROOM, {"actions": []})
    disabled = set_enabled(rules, "room", ROOM, {"enabled": False})
    assert isinstance(disabled, PushRules)
    rules = put(disabled, "room", ROOM, {"actions": ["notify"]})
    assert get_rule(rules, "room", ROOM, ALICE) == {
        "rule_id": ROOM,
        "default": False,
        "enabled": False,
        "actions": ["notify"],
    }


def test_changed_predefined_rules() -> None:
    rules = set_actions(PushRules(), "underride", ".m.rule.message", {"actions": ["dont_notify", "coalesce"]})
    assert isinstance(rules, PushRules)
    assert not judge(message({}), rules).notify
    rule = get_rule(rules, "underride", ".m.rule.message", ALICE)
    assert isinstance(rule, dict)
    assert rule["actions"] == []
    assert parse_stored(build_stored(rules)) == rules
    reset = set_actions(rules, "underride", ".m.rule.message", {"actions": ["notify"]})
    assert isinstance(reset, PushRules)
    assert build_stored(reset) == b""


@pytest.mark.parametrize(
    ("kind", "rule_id", "body", "errcode"),
    [
        ("override", ".m.rule.message", {"actions": []}, "M_INVALID_PARAM"),
        ("override", "a/b", {"actions": []}, "M_INVALID_PARAM"),
        ("override", "a\\b", {"actions": []}, "M_INVALID_PARAM"),
        ("override", "", {"actions": []}, "M_INVALID_PARAM"),
        ("override", "a" * 513, {"actions": []}, "M_INVALID_PARAM"),
        ("nonsense", "a", {"actions": []}, "M_INVALID_PARAM"),
        ("override", "a", [], "M_BAD_JSON"),
        ("override", "a", {}, "M_MISSING_PARAM"),
        ("override", "a", {"actions": "notify"}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": ["shout"]}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": [True]}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": [{"set_tweak": 1}]}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": ["notify"] * 17}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": [{"set_tweak": "x", "value": 10**30}]}, "M_BAD_JSON"),
        ("override", "a", {"actions": [{"set_tweak": "x", "value": "x" * 9000}]}, "M_TOO_LARGE"),
        ("override", "a", {"actions": [{"set_tweak": "x", "value": "\x00user_id"}]}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": [], "conditions": {}}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": [], "conditions": [{}]}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": [], "conditions": [{"kind": "x", "pattern": 1}]}, "M_INVALID_PARAM"),
        ("override", "a", {"actions": [], "conditions": [{"kind": "x"}] * 33}, "M_INVALID_PARAM"),
        ("content", "a", {"actions": []}, "M_MISSING_PARAM"),
        ("content", "a", {"actions": [], "pattern": None}, "M_INVALID_PARAM"),
        ("content", "a", {"actions": [], "pattern": "a" * 257}, "M_INVALID_PARAM"),
    ],
)
def test_refused_rules(kind: str, rule_id: str, body: Any, errcode: str) -> None:
    failure = put_rule(PushRules(), kind, rule_id, body)
    assert isinstance(failure, PushRuleFailure)
    assert failure.errcode == errcode
    assert failure.message.endswith(".")


def test_backslashes_before_zeros_are_no_nul() -> None:
    put(PushRules(), "content", "a", {"actions": [], "pattern": "\\u0000"})


def test_missing_rules() -> None:
    for failure in (
        get_rule(PushRules(), "content", "x", ALICE),
        get_rule(PushRules(), "nonsense", "x", ALICE),
        delete_rule(PushRules(), "content", "x"),
        set_enabled(PushRules(), "content", "x", {"enabled": True}),
        set_actions(PushRules(), "nonsense", ".m.rule.master", {"actions": []}),
    ):
        assert isinstance(failure, PushRuleFailure)
        assert failure.errcode == "M_NOT_FOUND"
    for body in ({"enabled": 1}, {}, None):
        assert isinstance(set_enabled(PushRules(), "override", ".m.rule.master", body), PushRuleFailure)


def test_bounds_of_all_rules_together() -> None:
    own = tuple(
        {"rule_id": f"r{n}", "default": False, "enabled": True, "actions": [], "pattern": "x"} for n in range(RULES_MAX)
    )
    full = PushRules({"content": own})
    assert isinstance(put_rule(full, "content", "r5", {"actions": [], "pattern": "y"}), PushRules)
    assert isinstance(put_rule(full, "content", "new", {"actions": [], "pattern": "y"}), PushRuleFailure)
    rules = PushRules()
    for n in range(4):
        rules = put(rules, "content", f"r{n}", {"actions": [], "pattern": "?" * 256})
    assert isinstance(put_rule(rules, "content", "r4", {"actions": [], "pattern": "?"}), PushRuleFailure)


# Sharing


USERS = [f"@user{n}:example.org" for n in range(6)]
CONTENTS = st.fixed_dictionaries(
    {},
    optional={
        "body": st.sampled_from(["cake", "user1", "ok"]),
        "msgtype": st.sampled_from(["m.text", "m.notice"]),
        "membership": st.sampled_from(["invite", "join"]),
        "m.mentions": st.fixed_dictionaries(
            {}, optional={"user_ids": st.lists(st.sampled_from([*USERS, 3]), max_size=3), "room": st.booleans()}
        ),
    },
)
OWN_CONDITIONS = st.sampled_from(
    [
        {"kind": "contains_display_name"},
        {"kind": "event_match", "key": "content.body", "pattern": "cake"},
        {"kind": "room_member_count", "is": "2"},
        {"kind": "event_match", "key": "room_id", "pattern": ROOM},
    ]
)


@given(
    st.sampled_from(["m.room.message", "m.room.member", "m.room.encrypted"]),
    CONTENTS,
    st.sampled_from(USERS),
    st.lists(st.tuples(OWN_CONDITIONS, st.booleans()), max_size=3),
    st.integers(2, 3),
)
def test_the_shared_verdict_is_everybodys(
    type_: str, content: dict[str, Any], who: str, own: list[tuple[dict[str, Any], bool]], member_count: int
) -> None:
    rules = PushRules()
    for number, (condition, notify) in enumerate(own):
        actions = ["notify"] if notify else []
        rules = put(rules, "override", f"r{number}", {"conditions": [condition], "actions": actions})
    event = EventView({"type": type_, "sender": USERS[0], "room_id": ROOM, "state_key": who, "content": content})
    compiled, facts = compile_rules(build_stored(rules)), RoomFacts(member_count, 100)
    shared = evaluate_shared(compiled, event, facts)
    for user in USERS:
        if shared.holds_for(user):
            assert shared.verdict == evaluate(compiled, event, facts, user, user[1:6])


def test_ten_thousand_users_with_predefined_rules_cost_microseconds_each() -> None:
    users = [f"@user{n}:example.org" for n in range(10_000)]
    compiled = compile_rules(b"")

    def run() -> int:
        event = message({"ciphertext": "x", "m.mentions": {"user_ids": users[:2]}}, type="m.room.encrypted")
        shared = evaluate_shared(compiled, event, GROUP)
        highlights = 0
        for user in users:
            verdict = shared.verdict if shared.holds_for(user) else evaluate(compiled, event, GROUP, user, None)
            highlights += verdict.highlight
        return highlights

    assert run() == 2
    per_user_us = min(timeit.repeat(run, number=1, repeat=5)) / len(users) * 1e6
    event = message({}, type="m.room.encrypted")
    alone_us = min(timeit.repeat(lambda: evaluate(compiled, event, GROUP, ALICE, None), number=1000, repeat=5)) * 1e3
    print(f"{per_user_us:.2f} µs a user shared, {alone_us:.1f} µs alone")
    assert per_user_us < 2
