"""POST /createRoom: a room and its first state, in one item of the group commit."""

import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from zajil.core.identifiers import is_user_id, parse_room_alias, server_name_of
from zajil.core.room_rules import CREATABLE_VERSIONS, ROOM_RULES
from zajil.ports.database import Read, Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param
from zajil.services.federation.invite_remote_user import invite_remote_user
from zajil.services.messages.append_events import append_built, open_new_room, store_draft
from zajil.services.messages.send_event import write_to_room
from zajil.services.requester import Requester
from zajil.services.rooms.build_member_content import build_member_content
from zajil.services.rooms.build_room import Member, RoomRequest, build_room
from zajil.services.rooms.check_canonical_alias import check_canonical_alias
from zajil.services.rooms.check_invite import check_invite

log = structlog.get_logger(__name__)

INVITES_MAX: Final = 200
INITIAL_STATE_MAX: Final = 100
TIMESTAMPS_TRIED_MAX: Final = 100
NOT_INITIAL: Final = frozenset({"m.room.create", "m.room.member"})
"""What `initial_state` may not hold: the server makes the one, and `invite` is for the other."""


async def create_room(app: App, requester: Requester, wanted: RoomRequest) -> str:
    """Make the room with `requester` as its creator; returns its ID. All of its events are committed, or none.

    Raises M_UNSUPPORTED_ROOM_VERSION, M_INVALID_ROOM_STATE, M_ROOM_IN_USE, M_INVITE_BLOCKED, M_INVALID_PARAM.
    """
    check_room_request(app, wanted)
    reader = app.db.reader
    await _check_initial_aliases(app, reader, wanted)
    app.invitations.check(requester, len(wanted.invites))
    creator = await load_member(app, reader, requester.user_id)
    invited, remote = [], []
    for user_id in dict.fromkeys(wanted.invites):
        if user_id == requester.user_id:
            continue
        await check_invite(app, reader, user_id)
        if server_name_of(user_id) == app.server_name:
            invited.append(await load_member(app, reader, user_id))
        else:
            remote.append(user_id)
    room_id = await make_room(app, wanted, creator, invited)
    for user_id in remote:
        await _invite_remote(app, requester.user_id, room_id, user_id, is_direct=wanted.is_direct)
    return room_id


async def _invite_remote(app: App, sender: str, room_id: str, user_id: str, *, is_direct: bool) -> None:
    """The room is there, whether or not the user's server answers; the member list says who is invited."""
    try:
        await invite_remote_user(app, room_id, sender, user_id, {"is_direct": True} if is_direct else {})
    except MatrixError as error:
        log.info("an invitation into a new room has not arrived", server=server_name_of(user_id), cause=str(error))


@dataclass(frozen=True, slots=True)
class Claim:
    """What makes a room the only one of its kind, in the same commit as the room."""

    find: Callable[[Transaction], Awaitable[str | None]]
    """The room of this kind that is there already."""
    store: Callable[[Transaction, str], Awaitable[None]]


async def make_room(
    app: App, wanted: RoomRequest, creator: Member, invited: list[Member], claim: Claim | None = None
) -> str:
    """Make a room that nobody needs to be asked about any more, unless it is claimed already; returns its ID."""
    now_ms = app.clock.now_ms()
    # Where the room ID is a hash of the create event, two rooms made alike in the same millisecond would be one.
    for offset_ms in range(TIMESTAMPS_TRIED_MAX):
        room_id = await _try_create(app, wanted, creator, invited, now_ms + offset_ms, claim)
        if room_id is not None:
            return room_id
    raise MatrixError(503, "M_UNKNOWN", "Too many rooms are being made at once. Try again.", {"retry_after_ms": 1000})


async def _try_create(
    app: App, wanted: RoomRequest, creator: Member, invited: list[Member], origin_server_ts: int, claim: Claim | None
) -> str | None:
    events = build_room(app, wanted, creator, invited, origin_server_ts)
    room_id = events[0].room_id

    async def item(tx: Transaction) -> str | None:
        if claim is not None and (claimed := await claim.find(tx)) is not None:
            return claimed
        if wanted.room_alias is not None and await app.stores.directory.load_alias(tx, wanted.room_alias):
            raise MatrixError(400, "M_ROOM_IN_USE", f"The alias {wanted.room_alias} is taken.")
        if await app.stores.rooms.load_row(tx, room_id) is not None:
            return None
        draft = await open_new_room(app, tx, ROOM_RULES[wanted.version], events[0])
        for event in events[1:]:
            await append_built(app, tx, draft, event)
        await store_draft(app, tx, draft)
        room_nid = draft.row.room_nid
        if wanted.is_public:
            await app.stores.directory.set_published(tx, room_nid, True)
            draft.row.is_public = True
        if wanted.room_alias is not None:
            await app.stores.directory.store_alias(tx, wanted.room_alias, room_nid, creator.user_id, origin_server_ts)
        if claim is not None:
            await claim.store(tx, room_id)
        return room_id

    return await write_to_room(app, room_id, item)


def check_room_request(app: App, wanted: RoomRequest) -> None:
    """Raises what can be said without asking the database."""
    if wanted.version not in CREATABLE_VERSIONS:
        raise MatrixError(
            400,
            "M_UNSUPPORTED_ROOM_VERSION",
            f"This server makes rooms of the versions {', '.join(CREATABLE_VERSIONS)}.",
        )
    if len(wanted.invites) > INVITES_MAX:
        raise invalid_param(f"At most {INVITES_MAX} users can be invited at once.")
    if len(wanted.initial_state) > INITIAL_STATE_MAX:
        raise invalid_param(f"initial_state may have {INITIAL_STATE_MAX} events.")
    if not all(is_user_id(user_id) for user_id in wanted.invites):
        raise invalid_param("One of the invited is not a user ID.")
    if any(each.type in NOT_INITIAL for each in wanted.initial_state):
        raise MatrixError(
            400, "M_INVALID_ROOM_STATE", "initial_state cannot have m.room.create or m.room.member events."
        )
    if wanted.room_alias is not None:
        check_new_alias(app, wanted.room_alias)
    if not isinstance(wanted.creation_content.get("m.federate", True), bool):
        raise invalid_param("m.federate must be true or false.")


def check_new_alias(app: App, room_alias: str) -> None:
    """Raises M_INVALID_PARAM for what nobody could type, for what is no alias, and for aliases of other servers."""
    parsed = parse_room_alias(room_alias)
    if parsed is not None and parsed.server_name != app.server_name:
        raise invalid_param(f"Aliases made here end in :{app.server_name}.")
    if parsed is None or any(each.isspace() or unicodedata.category(each) == "Cc" for each in parsed.localpart):
        raise invalid_param("The alias is too long, or has characters that an alias cannot have.")


async def _check_initial_aliases(app: App, tx: Read, wanted: RoomRequest) -> None:
    for each in wanted.initial_state:
        if (each.type, each.state_key) == ("m.room.canonical_alias", ""):
            await check_canonical_alias(app, tx, None, {"alias": wanted.room_alias}, each.content)


async def load_member(app: App, tx: Read, user_id: str) -> Member:
    """A user with what their member events say of them."""
    content = await build_member_content(app, tx, user_id, "join")
    del content["membership"]
    return Member(user_id, content)
