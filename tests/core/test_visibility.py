"""History visibility: all four settings, all memberships, and the special cases."""

from typing import Any

import pytest

from zajil.core.events import Event, build_event
from zajil.core.room_rules import ROOM_RULES
from zajil.core.visibility import HISTORY_VISIBILITIES, Access, access_event, parse_history_visibility

ALICE, BOB = "@alice:example.org", "@bob:example.org"


def event(type_: str = "m.room.message", content: dict[str, Any] | None = None, state_key: str | None = None) -> Event:
    return build_event(
        ROOM_RULES["11"],
        room_id="!room:example.org",
        type=type_,
        sender=BOB,
        content=content or {},
        state_key=state_key,
        prev_events=[],
        auth_events=[],
        depth=1,
        origin_server_ts=1,
    )


MESSAGE = event()


@pytest.mark.parametrize("visibility", HISTORY_VISIBILITIES)
@pytest.mark.parametrize("membership", [None, "invite", "join", "leave", "ban", "knock"])
@pytest.mark.parametrize("joined_later", [False, True])
def test_messages(visibility: str, membership: str | None, joined_later: bool) -> None:
    seen = (
        visibility == "world_readable"
        or membership == "join"
        or (visibility == "shared" and joined_later)
        or (visibility == "invited" and membership == "invite")
    )
    access = access_event(
        MESSAGE, ALICE, history_visibility=visibility, membership=membership, joined_later=joined_later
    )
    assert access == (Access.SHOWN if seen else Access.HIDDEN)


@pytest.mark.parametrize(
    ("before", "after", "membership", "joined_later", "seen"),
    [
        ("world_readable", "joined", None, False, True),
        ("joined", "world_readable", None, False, True),
        ("joined", "invited", "invite", False, True),
        ("joined", "shared", None, True, True),
        ("joined", "shared", None, False, False),
        ("joined", "nonsense", None, True, True),
        ("joined", "invited", "leave", True, False),
    ],
)
def test_changes_of_the_setting(
    before: str, after: str, membership: str | None, joined_later: bool, seen: bool
) -> None:
    change = event("m.room.history_visibility", {"history_visibility": after}, "")
    access = access_event(change, ALICE, history_visibility=before, membership=membership, joined_later=joined_later)
    assert (access is Access.SHOWN) == seen


def test_what_only_looks_like_a_change_of_the_setting() -> None:
    for fake in (
        event("m.room.history_visibility", {"history_visibility": "world_readable"}),
        event("m.room.history_visibility", {"history_visibility": "world_readable"}, "x"),
    ):
        access = access_event(fake, ALICE, history_visibility="joined", membership=None, joined_later=True)
        assert access is Access.HIDDEN


@pytest.mark.parametrize(
    ("before", "after", "visibility", "seen"),
    [
        (None, "join", "joined", True),
        ("invite", "join", "joined", True),
        ("join", "leave", "joined", True),
        ("join", "ban", "joined", True),
        ("invite", "leave", "joined", True),
        ("invite", "ban", "joined", True),
        ("knock", "leave", "shared", True),
        (None, "invite", "invited", True),
        (None, "invite", "joined", False),
        (None, "knock", "shared", False),
        ("leave", "ban", "shared", False),
        ("ban", "leave", "shared", False),
    ],
)
def test_own_membership(before: str | None, after: str, visibility: str, seen: bool) -> None:
    def see(user_id: str) -> bool:
        change = event("m.room.member", {"membership": after}, user_id)
        access = access_event(change, ALICE, history_visibility=visibility, membership=before, joined_later=False)
        return access is Access.SHOWN

    assert see(ALICE) == seen
    assert see("@carol:example.org") == (before == "join" or (before == "invite" and visibility == "invited"))


@pytest.mark.parametrize(
    ("user", "membership", "access"),
    [
        (ALICE, "join", Access.SHOWN),
        (ALICE, "invite", Access.REDACTED),
        (ALICE, None, Access.REDACTED),
        (BOB, None, Access.SHOWN),
    ],
)
def test_erased_senders(user: str, membership: str | None, access: Access) -> None:
    assert access == access_event(
        MESSAGE, user, history_visibility="shared", membership=membership, joined_later=True, sender_erased=True
    )
    hidden = access_event(
        MESSAGE, ALICE, history_visibility="joined", membership=None, joined_later=True, sender_erased=True
    )
    assert hidden is Access.HIDDEN


def test_parsing() -> None:
    assert parse_history_visibility(None) == "shared"
    assert parse_history_visibility({}) == "shared"
    assert parse_history_visibility({"history_visibility": ["joined"]}) == "shared"
    assert parse_history_visibility({"history_visibility": "open"}) == "shared"
    for visibility in HISTORY_VISIBILITIES:
        assert parse_history_visibility({"history_visibility": visibility}) == visibility
