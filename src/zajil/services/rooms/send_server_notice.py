"""Telling one user something in the server's name (client-server API, "Server Notices")."""

from typing import Any, Final

from zajil.core.room_rules import DEFAULT_VERSION
from zajil.ports.database import Transaction
from zajil.services.accounts.store_account_data import TAG_TYPE, write_account_data
from zajil.services.app import App
from zajil.services.errors import not_found
from zajil.services.messages.append_events import Proposal, append, open_draft, store_draft
from zajil.services.messages.send_event import write_to_room
from zajil.services.rooms.build_member_content import build_member_content
from zajil.services.rooms.build_room import InitialState, Member, RoomRequest
from zajil.services.rooms.check_invite import blocks_invites
from zajil.services.rooms.create_room import Claim, load_member, make_room
from zajil.services.rooms.server_notices_user import build_notices_user_id
from zajil.services.rooms.set_membership import MEMBER

ROOM_NAME: Final = "Server notices"
TAG: Final = "m.server_notice"
SILENT_LEVEL: Final = -10  # the user reads, and answers nobody


async def send_server_notice(
    app: App, user_id: str, body: str, extra: dict[str, Any] | None = None, msgtype: str = "m.server_notice"
) -> str:
    """Send a notice to a local user; returns its event ID. The first one makes the user's room of server notices,
    later ones invite again who has left it. Raises M_NOT_FOUND for nobody's ID."""
    account = await app.stores.accounts.load_account(app.db.reader, user_id)
    if account is None or account.is_deactivated:
        raise not_found("There is no such user.")
    room_id = await _find_or_make_room(app, user_id)
    content = {**(extra or {}), "msgtype": msgtype, "body": body}

    async def item(tx: Transaction) -> str:
        draft = await open_draft(app, tx, room_id)
        sender = build_notices_user_id(app)
        membership = await draft.membership(app, tx, user_id)
        blocked = await blocks_invites(app, tx, user_id)
        if membership == "leave":
            invitation = await build_member_content(app, tx, user_id, "invite")
            await append(app, tx, draft, Proposal(MEMBER, sender, invitation, user_id))
            membership = "invite"
        if membership == "invite" and blocked:
            # Who refuses all invitations would never learn of the notice.
            joining = await build_member_content(app, tx, user_id, "join")
            await append(app, tx, draft, Proposal(MEMBER, user_id, joining, user_id))
        stored = await append(app, tx, draft, Proposal("m.room.message", sender, content))
        await store_draft(app, tx, draft)
        return stored.event.event_id

    return await write_to_room(app, room_id, item)


async def _find_or_make_room(app: App, user_id: str) -> str:
    known = await app.stores.directory.load_notice_room(app.db.reader, user_id)
    if known is not None:
        return known
    sender = Member(build_notices_user_id(app), {"displayname": ROOM_NAME})
    wanted = RoomRequest(
        version=DEFAULT_VERSION,
        name=ROOM_NAME,
        power_levels={"users_default": SILENT_LEVEL, "invite": 50},
        initial_state=(
            InitialState("m.room.history_visibility", "", {"history_visibility": "shared"}),
            InitialState("m.room.guest_access", "", {"guest_access": "forbidden"}),
        ),
    )
    invited = [await load_member(app, app.db.reader, user_id)]

    async def find(tx: Transaction) -> str | None:
        return await app.stores.directory.load_notice_room(tx, user_id)

    async def store(tx: Transaction, room_id: str) -> None:
        await app.stores.directory.store_notice_room(tx, user_id, room_id)
        await write_account_data(tx, app, user_id, room_id, TAG_TYPE, {"tags": {TAG: {}}})

    return await make_room(app, wanted, sender, invited, Claim(find, store))
