"""Numbers of the authorisation rules. The steps are the same from version to version, their numbers move."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an event is not authorised: the step in its room version's rules ("5.3.5.2") and a sentence."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class AuthSteps:
    """The number of each step in one room version's authorisation rules."""

    create: str
    room_id: str
    auth_events: str
    federate: str
    aliases: str
    member: str
    authorised_join: str
    join: str
    join_restricted: str
    join_public: str
    join_otherwise: str
    invite: str
    leave: str
    ban: str
    knock: str
    membership_unknown: str
    sender_joined: str
    third_party_invite: str
    required_level: str
    user_state_key: str
    power_levels: str
    redaction: str
    levels_are_integers: str
    events_are_integers: str
    users_are_valid: str
    users_without_creators: str
    levels_altered: str
    events_current: str
    events_new: str
    users_current: str
    users_new: str


def build_auth_steps(
    *,
    aliases: bool,
    restricted: bool,
    knock: bool,
    integer_power_levels: bool,
    room_id_is_create_hash: bool,
    redaction: bool,
) -> AuthSteps:
    """Number the steps of a room version. A step that the version does not have gets the number ""."""
    first = 2 + room_id_is_create_hash
    member = first + 2 + aliases
    m = f"{member}."
    join = 2 + restricted
    levels = member + 5
    p = f"{levels}."
    users = 3 if integer_power_levels else 1
    altered = users + 2 + room_id_is_create_hash
    return AuthSteps(
        create="1",
        room_id="2" if room_id_is_create_hash else "",
        auth_events=str(first),
        federate=str(first + 1),
        aliases=str(first + 2) if aliases else "",
        member=str(member),
        authorised_join=f"{m}2" if restricted else "",
        join=f"{m}{join}",
        join_restricted=f"{m}{join}.5" if restricted else "",
        join_public=f"{m}{join}.{5 + restricted}",
        join_otherwise=f"{m}{join}.{6 + restricted}",
        invite=f"{m}{join + 1}",
        leave=f"{m}{join + 2}",
        ban=f"{m}{join + 3}",
        knock=f"{m}{join + 4}" if knock else "",
        membership_unknown=f"{m}{join + 4 + knock}",
        sender_joined=str(member + 1),
        third_party_invite=str(member + 2),
        required_level=str(member + 3),
        user_state_key=str(member + 4),
        power_levels=str(levels),
        redaction=str(levels + 1) if redaction else "",
        levels_are_integers=f"{p}1" if integer_power_levels else "",
        events_are_integers=f"{p}2" if integer_power_levels else "",
        users_are_valid=f"{p}{users}",
        users_without_creators=f"{p}{users + 1}" if room_id_is_create_hash else "",
        levels_altered=f"{p}{altered}",
        events_current=f"{p}{altered + 1}",
        events_new=f"{p}{altered + 2}",
        users_current=f"{p}{altered + 3}",
        users_new=f"{p}{altered + 4}",
    )
