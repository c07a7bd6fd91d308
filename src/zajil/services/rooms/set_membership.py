"""Setting a user's membership in a room: what the endpoints for joining, inviting, leaving, kicking and banning have in common."""

from dataclasses import dataclass, field
from typing import Any, Final

from zajil.core.auth_rules_member import AUTHORISED_VIA
from zajil.core.identifiers import is_user_id, server_name_of
from zajil.core.power_levels import CREATE_KEY
from zajil.ports.database import Transaction
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.rooms import RoomRow
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, invalid_param
from zajil.services.federation.invite_remote_user import invite_remote_user
from zajil.services.federation.partial_rooms import wait_for_state
from zajil.services.messages.append_events import Proposal, RoomDraft, append, open_draft, store_draft
from zajil.services.messages.send_event import write_to_room
from zajil.services.requester import Requester
from zajil.services.rooms.authorise_restricted_join import find_authoriser
from zajil.services.rooms.build_member_content import build_member_content
from zajil.services.rooms.carry_over import carry_over
from zajil.services.rooms.check_invite import check_invite
from zajil.services.rooms.server_notices_user import check_may_decline

MEMBER: Final = "m.room.member"
MEMBERSHIPS: Final = frozenset({"join", "invite", "knock", "leave", "ban"})
COMING: Final = frozenset({"join", "invite", "knock"})


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a membership that somebody asks for."""

    room_id: str
    user_id: str
    membership: str
    content: dict[str, Any] = field(default_factory=dict)
    """What the member event says besides: a reason, or all that the client puts there."""
    from_memberships: frozenset[str] = MEMBERSHIPS
    """Where the user must stand before ("leave" for strangers)."""
    refusal: tuple[str, str] = ("M_FORBIDDEN", "The user is not in the room.")
    """Error code and sentence for users who stand elsewhere."""
    when_there: bool = False
    """The event that stands is answer enough for a user who has the membership already."""


async def set_membership(app: App, requester: Requester, step: Step) -> str:
    """Take the step; returns the ID of the member event in force. A step that changes nothing appends nothing.

    Raises M_FORBIDDEN as the room's rules have it, M_NOT_FOUND for unknown rooms, M_INVALID_PARAM, M_INVITE_BLOCKED,
    M_GUEST_ACCESS_FORBIDDEN.
    """
    if not is_user_id(step.user_id):
        raise invalid_param("This is not a user ID.")
    if step.membership != "leave" or step.user_id != requester.user_id:
        await wait_for_state(app, step.room_id)
    if step.membership == "invite" and server_name_of(step.user_id) != app.server_name:
        await check_invite(app, app.db.reader, step.user_id)
        return await invite_remote_user(app, step.room_id, requester.user_id, step.user_id, step.content)

    async def item(tx: Transaction) -> str:
        draft = await open_draft(app, tx, step.room_id)
        return await take_step(app, tx, draft, requester, step)

    return await write_to_room(app, step.room_id, item)


async def take_step(app: App, tx: Transaction, draft: RoomDraft, requester: Requester, step: Step) -> str:
    """The step, inside an item that has opened the draft."""
    standing = await draft.state(app, tx, (MEMBER, step.user_id))
    former = "leave" if standing is None else standing.event.membership or "leave"
    if standing is not None and step.when_there and former == step.membership:
        return standing.event.event_id
    if former not in step.from_memberships:
        raise MatrixError(403, step.refusal[0], step.refusal[1])
    if former == "invite" and step.membership == "leave" and step.user_id == requester.user_id:
        check_may_decline(app, draft)
    extra = {key: value for key, value in step.content.items() if key != AUTHORISED_VIA}
    if step.membership in COMING and former != step.membership:
        await check_may_come(app, tx, draft, requester, step)
    if step.membership == "join" and former not in ("join", "invite"):
        authoriser = await find_authoriser(app, tx, draft, step.user_id)
        if authoriser is not None:
            extra[AUTHORISED_VIA] = authoriser
    content = await build_member_content(app, tx, step.user_id, step.membership, extra)
    if standing is not None and _is_same(standing, requester, content):
        return standing.event.event_id
    proposal = Proposal(MEMBER, requester.user_id, content, step.user_id)
    stored = await append(app, tx, draft, proposal)
    if former == "invite" and standing is not None and step.user_id == requester.user_id:
        inviter, is_declined = standing.event.sender, step.membership == "leave"
        tx.on_commit(lambda: app.invitations.note_answer(inviter, is_declined=is_declined))
    if step.membership == "join" and former != "join":
        await carry_over(app, tx, draft, step.user_id)
    await store_draft(app, tx, draft)
    return stored.event.event_id


def _is_same(standing: StoredEvent, requester: Requester, content: dict[str, Any]) -> bool:
    event = standing.event
    return event.sender == requester.user_id and {**event.content, AUTHORISED_VIA: None} == {
        **content,
        AUTHORISED_VIA: None,
    }


def check_is_open(row: RoomRow) -> None:
    """Raises M_FORBIDDEN for a room into which the administrator lets nobody more."""
    if row.blocked_reason is not None:
        raise forbidden(f"This room has been closed by the server's administrator. {row.blocked_reason}".strip())


async def check_may_come(app: App, tx: Transaction, draft: RoomDraft, requester: Requester, step: Step) -> None:
    """What stands against somebody's joining, being invited or knocking, besides the room's authorisation rules."""
    check_is_open(draft.row)
    create = await draft.state(app, tx, CREATE_KEY)
    is_closed = create is not None and create.event.content.get("m.federate") is False
    if is_closed and not step.user_id.endswith(":" + app.server_name):
        raise forbidden("This room is closed to users of other servers.")
    if step.membership == "invite":
        if "third_party_invite" in step.content:
            raise MatrixError(403, "M_THREEPID_DENIED", "Invite users by their Matrix ID.")
        await check_invite(app, tx, step.user_id)
    elif requester.is_guest:
        access = await draft.state(app, tx, ("m.room.guest_access", ""))
        if access is None or access.event.content.get("guest_access") != "can_join":
            raise MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests cannot join this room. Register an account.")
