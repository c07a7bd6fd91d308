"""Everything in which room versions differ, in one frozen table. Nothing else in the project compares versions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from zajil.core.auth_rules_steps import AuthSteps, build_auth_steps

StateResolution = Literal["v1", "v2", "v2.1"]

CREATABLE_VERSIONS: Final = ("10", "11", "12")
DEFAULT_VERSION: Final = "12"


@dataclass(frozen=True, slots=True)
class RedactionRules:
    """What a redaction leaves of an event (room version specification, "Redactions")."""

    top_level_keys: frozenset[str]
    content_keys: Mapping[str, frozenset[str]]  # by event type; other types keep nothing
    keeps_create_content: bool
    keeps_third_party_invite_signed: bool


@dataclass(frozen=True, slots=True)
class RoomRules:
    """The rules of one room version. Fields are named for what is true when they are True."""

    version: str
    stable: bool

    # Event format and identifiers
    event_id_in_pdu: bool  # 1, 2: `event_id` is a field of the PDU, references are [ID, hashes] pairs
    event_id_url_safe: bool  # 4 and later: URL-safe base64
    room_id_is_create_hash: bool  # 12: the room ID is the create event's ID with `!`, which is no auth event
    strict_canonical_json: bool  # 6 and later: no floats, 53-bit integers
    enforce_key_validity: bool  # 5 and later: signing keys must be valid at origin_server_ts
    redacts_in_content: bool  # 11 and later
    redaction: RedactionRules

    # State resolution
    state_resolution: StateResolution

    # Authorisation
    auth_steps: AuthSteps
    creator_is_sender: bool  # 11 and later: `content.creator` is gone
    creators_have_infinite_power: bool  # 12: the sender of the create event and `additional_creators`
    aliases_rule: bool  # 1 to 5
    redaction_rule: bool  # 1, 2
    notifications_power_levels: bool  # 6 and later: `notifications` is checked like `events`
    integer_power_levels: bool  # 10 and later: strings are refused
    knock: bool  # 7 and later
    restricted_joins: bool  # 8 and later
    knock_restricted: bool  # 10 and later


def _redaction(
    *, aliases: bool = False, allow: bool = False, authorised: bool = False, modern: bool = False
) -> RedactionRules:
    top_level = {
        "event_id",
        "type",
        "room_id",
        "sender",
        "state_key",
        "content",
        "hashes",
        "signatures",
        "depth",
        "prev_events",
        "auth_events",
        "origin_server_ts",
    }
    power_levels = {"ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"}
    content = {
        "m.room.member": {"membership"} | ({"join_authorised_via_users_server"} if authorised else set()),
        "m.room.create": set() if modern else {"creator"},
        "m.room.join_rules": {"join_rule"} | ({"allow"} if allow else set()),
        "m.room.power_levels": power_levels | ({"invite"} if modern else set()),
        "m.room.history_visibility": {"history_visibility"},
    }
    if aliases:
        content["m.room.aliases"] = {"aliases"}
    if modern:
        content["m.room.redaction"] = {"redacts"}
    else:
        top_level |= {"prev_state", "origin", "membership"}
    return RedactionRules(
        top_level_keys=frozenset(top_level),
        content_keys=MappingProxyType({kind: frozenset(keys) for kind, keys in content.items()}),
        keeps_create_content=modern,
        keeps_third_party_invite_signed=modern,
    )


def _with_steps(rules: RoomRules) -> RoomRules:
    steps = build_auth_steps(
        aliases=rules.aliases_rule,
        restricted=rules.restricted_joins,
        knock=rules.knock,
        integer_power_levels=rules.integer_power_levels,
        room_id_is_create_hash=rules.room_id_is_create_hash,
        redaction=rules.redaction_rule,
    )
    return replace(rules, auth_steps=steps)


def _build_room_rules() -> dict[str, RoomRules]:
    v1 = RoomRules(
        version="1",
        stable=True,
        event_id_in_pdu=True,
        event_id_url_safe=False,
        room_id_is_create_hash=False,
        strict_canonical_json=False,
        enforce_key_validity=False,
        redacts_in_content=False,
        redaction=_redaction(aliases=True),
        state_resolution="v1",
        auth_steps=build_auth_steps(
            aliases=True,
            restricted=False,
            knock=False,
            integer_power_levels=False,
            room_id_is_create_hash=False,
            redaction=True,
        ),
        creator_is_sender=False,
        creators_have_infinite_power=False,
        aliases_rule=True,
        redaction_rule=True,
        notifications_power_levels=False,
        integer_power_levels=False,
        knock=False,
        restricted_joins=False,
        knock_restricted=False,
    )
    v2 = replace(v1, version="2", state_resolution="v2")
    v3 = replace(v2, version="3", event_id_in_pdu=False, redaction_rule=False)
    v4 = replace(v3, version="4", event_id_url_safe=True)
    v5 = replace(v4, version="5", enforce_key_validity=True)
    v6 = replace(
        v5,
        version="6",
        strict_canonical_json=True,
        aliases_rule=False,
        notifications_power_levels=True,
        redaction=_redaction(),
    )
    v7 = replace(v6, version="7", knock=True)
    v8 = replace(v7, version="8", restricted_joins=True, redaction=_redaction(allow=True))
    v9 = replace(v8, version="9", redaction=_redaction(allow=True, authorised=True))
    v10 = replace(v9, version="10", integer_power_levels=True, knock_restricted=True)
    v11 = replace(
        v10,
        version="11",
        creator_is_sender=True,
        redacts_in_content=True,
        redaction=_redaction(allow=True, authorised=True, modern=True),
    )
    v12 = replace(
        v11,
        version="12",
        state_resolution="v2.1",
        room_id_is_create_hash=True,
        creators_have_infinite_power=True,
    )
    versions = (v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12)
    return {rules.version: _with_steps(rules) for rules in versions}


ROOM_RULES: Final[Mapping[str, RoomRules]] = MappingProxyType(_build_room_rules())
