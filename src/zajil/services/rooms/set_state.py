"""PUT /rooms/{roomId}/state: what certain types of state need besides the room's authorisation rules."""

from typing import Any, Final

from zajil.core.auth_rules_member import AUTHORISED_VIA
from zajil.core.globs import compile_glob
from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError, bad_json, forbidden, invalid_param, not_found
from zajil.services.federation.locate_room import is_server_in_room
from zajil.services.messages.append_events import Proposal, append, open_draft, store_draft
from zajil.services.messages.send_event import write_to_room
from zajil.services.requester import Requester
from zajil.services.rooms.check_canonical_alias import check_canonical_alias
from zajil.services.rooms.join_room import join_room, knock_on_room
from zajil.services.rooms.leave_room import remove_guests
from zajil.services.rooms.set_membership import MEMBER, MEMBERSHIPS, Step, set_membership

ENTERING: Final = {"join": join_room, "knock": knock_on_room}
"""Memberships that somebody else has to grant when nobody of this server is in the room."""


async def set_state(
    app: App,
    requester: Requester,
    room_id: str,
    event_type: str,
    state_key: str,
    content: dict[str, Any],
    ts: int | None = None,
) -> str:
    """Set a state event; returns the event ID. Setting what already stands, by the same sender, returns the standing event."""
    if event_type == MEMBER:
        return await _set_member(app, requester, room_id, state_key, content)
    if event_type == "m.room.create":
        raise forbidden("A room is created once.")
    if event_type == "m.room.server_acl" and state_key == "":
        check_server_acl(app, content)
    proposal = Proposal(
        type=event_type, sender=requester.user_id, content=content, state_key=state_key, origin_server_ts=ts
    )

    async def item(tx: Transaction) -> str:
        draft = await open_draft(app, tx, room_id)
        standing = await draft.state(app, tx, (event_type, state_key))
        if (event_type, state_key) == ("m.room.canonical_alias", ""):
            before = {} if standing is None else standing.event.content
            await check_canonical_alias(app, tx, room_id, before, content)
        if standing is not None and standing.event.sender == requester.user_id and standing.event.content == content:
            return standing.event.event_id
        stored = await append(app, tx, draft, proposal)
        await store_draft(app, tx, draft)
        return stored.event.event_id

    event_id = await write_to_room(app, room_id, item)
    if event_type == "m.room.guest_access" and content.get("guest_access") != "can_join":
        await remove_guests(app, room_id)
    return event_id


async def _set_member(app: App, requester: Requester, room_id: str, user_id: str, content: dict[str, Any]) -> str:
    membership = content.get("membership")
    if not isinstance(membership, str) or membership not in MEMBERSHIPS:
        raise bad_json("The membership must be one of join, invite, knock, leave and ban.")
    for key in ("displayname", "avatar_url", "reason"):
        if not isinstance(content.get(key), str | None):
            raise bad_json(f"{key} must be a string.")
    if user_id == requester.user_id and membership in ENTERING and not await is_server_in_room(app, room_id):
        return await _enter(app, requester, room_id, content)
    return await set_membership(app, requester, Step(room_id, user_id, membership, content))


async def _enter(app: App, requester: Requester, room_id: str, content: dict[str, Any]) -> str:
    """Enter a room that goes on elsewhere; returns the ID of the member event.

    What this server remembers of it may be long out of date, and an event that builds on that would reach those only who were in the room then.
    """
    row = await app.stores.rooms.load_row(app.db.reader, room_id)
    if row is None:
        raise not_found("This server does not know that room.")
    if requester.is_guest:
        raise MatrixError(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests cannot join this room. Register an account.")
    enter = ENTERING[content["membership"]]
    await enter(app, requester, room_id, {key: value for key, value in content.items() if key != AUTHORISED_VIA})
    member = await app.stores.rooms.load_member_event(app.db.reader, row.room_nid, requester.user_id)
    if member is None:
        raise not_found("The membership has changed again.")
    return member.event.event_id


def check_server_acl(app: App, content: dict[str, Any]) -> None:
    """Raises M_BAD_JSON for lists that servers could not read, and M_INVALID_PARAM when this server would shut itself out."""
    lists: dict[str, list[str]] = {}
    for key in ("allow", "deny"):
        entries = content.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(each, str) for each in entries):
            raise bad_json(f"{key} must be a list of strings.")
        lists[key] = entries
    if not isinstance(content.get("allow_ip_literals", True), bool):
        raise bad_json("allow_ip_literals must be true or false.")
    own = app.server_name.rpartition(":")[0] if app.server_name.rpartition(":")[2].isdigit() else app.server_name

    def names_us(patterns: list[str]) -> bool:
        return any(compile_glob(pattern.lower())(own.lower()) for pattern in patterns)

    if not names_us(lists["allow"]) or names_us(lists["deny"]):
        raise invalid_param("This list would shut this server out of the room, and you with it.")
