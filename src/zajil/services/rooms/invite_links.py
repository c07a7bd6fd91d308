"""Links into rooms: made by a member who may invite, and good for as long as that member may (docs/decisions/invite-links.md)."""

import hashlib
import hmac
from typing import Any, Final

from zajil.core.power_levels import CREATE_KEY, POWER_LEVELS_KEY, PowerLevels, build_power_levels
from zajil.ports.database import Transaction
from zajil.ports.stores.invite_links import InviteLink
from zajil.services.app import App
from zajil.services.errors import MatrixError, forbidden, invalid_param, not_found, user_limit_exceeded
from zajil.services.messages.append_events import Proposal, RoomDraft, append, open_draft, peek_room, store_draft
from zajil.services.messages.send_event import write_to_room
from zajil.services.requester import Requester
from zajil.services.rooms.build_member_content import build_member_content
from zajil.services.rooms.carry_over import carry_over, find_successor
from zajil.services.rooms.describe_room import build_summary
from zajil.services.rooms.set_membership import MEMBER, Step, check_may_come

TOKEN_ALPHABET: Final = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105
TOKEN_CHARACTERS: Final = 24  # 139 bits: nobody guesses one, so a plain hash protects it at rest
LINK_ID_CHARACTERS: Final = 12
TOKEN_CHARACTERS_MAX: Final = 128
LINKS_MAX: Final = 100  # of one room
LIFETIME_MS_MAX: Final = 366 * 86_400_000
USES_MAX: Final = 1_000_000
SUCCESSORS_MAX: Final = 10  # upgrades of a room that an old link is led through
JOIN_RULES: Final = "m.room.join_rules"


async def make_link(
    app: App, requester: Requester, room_id: str, *, lifetime_ms: int | None, uses_max: int | None
) -> dict[str, Any]:
    """Make a link; the answer is the only place where its token ever stands.

    Raises M_FORBIDDEN for who may not invite, M_INVALID_PARAM, M_USER_LIMIT_EXCEEDED.
    """
    if lifetime_ms is not None and not 1 <= lifetime_ms <= LIFETIME_MS_MAX:
        raise invalid_param(f"lifetime_ms must be between 1 and {LIFETIME_MS_MAX}.")
    if uses_max is not None and not 1 <= uses_max <= USES_MAX:
        raise invalid_param(f"uses_max must be between 1 and {USES_MAX}.")
    token = app.randomness.letters(TOKEN_CHARACTERS, TOKEN_ALPHABET)
    link_id = app.randomness.letters(LINK_ID_CHARACTERS, TOKEN_ALPHABET)

    async def item(tx: Transaction) -> InviteLink:
        draft = await _peek_as_member(app, tx, requester, room_id)
        if not (await _load_power(app, tx, draft)).can_invite(requester.user_id):
            raise forbidden("You may not invite people to this room.")
        now_ms = app.clock.now_ms()
        known = await app.stores.invite_links.load(tx, room_id)
        if sum(not link.is_expired(now_ms) for link in known) >= LINKS_MAX:
            raise user_limit_exceeded(app.config, f"This room has {LINKS_MAX} links. Revoke one first.")
        expires_ts_ms = None if lifetime_ms is None else now_ms + lifetime_ms
        link = InviteLink(
            link_id, room_id, requester.user_id, hash_token(token), now_ms, expires_ts_ms, uses_max, uses=0
        )
        await app.stores.invite_links.delete_expired(tx, room_id, now_ms)
        await app.stores.invite_links.store(tx, link)
        return link

    return {"token": token, **describe_link(await app.db.write(item))}


async def list_links(app: App, requester: Requester, room_id: str) -> list[dict[str, Any]]:
    """One's own links into a room; all of them for who may change its join rules. Raises M_FORBIDDEN for strangers."""

    async def item(tx: Transaction) -> list[dict[str, Any]]:
        draft = await _peek_as_member(app, tx, requester, room_id)
        sees_all = (await _load_power(app, tx, draft)).can_send(requester.user_id, JOIN_RULES, is_state=True)
        now_ms = app.clock.now_ms()
        return [
            describe_link(link)
            for link in await app.stores.invite_links.load(tx, room_id)
            if (sees_all or link.maker == requester.user_id) and not link.is_expired(now_ms)
        ]

    return await app.db.write(item)


async def revoke_link(app: App, requester: Requester, room_id: str, link_id: str) -> None:
    """End a link: one's own, or anybody's for who may change the room's join rules. Raises M_NOT_FOUND, also for links of others."""

    async def item(tx: Transaction) -> None:
        draft = await _peek_as_member(app, tx, requester, room_id)
        may_all = (await _load_power(app, tx, draft)).can_send(requester.user_id, JOIN_RULES, is_state=True)
        for link in await app.stores.invite_links.load(tx, room_id):
            if link.link_id == link_id and (may_all or link.maker == requester.user_id):
                return await app.stores.invite_links.delete(tx, room_id, link_id)
        raise not_found("There is no such link.")

    await app.db.write(item)


async def preview_link(app: App, requester: Requester, room_id: str, token: str) -> dict[str, Any]:
    """What whoever has a link may know of the room before joining. Raises what joining would."""

    async def item(tx: Transaction) -> RoomDraft:
        lineage = await _list_lineage(app, tx, room_id)
        draft = await _peek(app, tx, lineage[-1])
        if await draft.membership(app, tx, requester.user_id) != "join":
            await _find_good_link(app, tx, draft, lineage, requester, token)
        return draft

    return build_summary((await app.db.write(item)).head)


async def join_by_link(
    app: App, requester: Requester, room_id: str, token: str, content: dict[str, Any]
) -> dict[str, Any]:
    """Invite the requester in the name of the link's maker, and join them, in one commit. Members stay what they are.

    A room that was upgraded leads to its successor, which the answer names.

    Raises M_NOT_FOUND for an unknown room, token or a revoked link; M_FORBIDDEN for banned users and, with
    `org.zajil.reason` `expired`, `used_up` or `maker`, for a link that is good no longer.
    """
    lineage = await app.db.write(lambda tx: _list_lineage(app, tx, room_id))
    target_id = lineage[-1]

    async def item(tx: Transaction) -> dict[str, Any]:
        draft = await _open(app, tx, target_id)
        membership = await draft.membership(app, tx, requester.user_id)
        if membership == "join":
            return {"room_id": target_id}
        link = await _find_good_link(app, tx, draft, lineage, requester, token)
        await check_may_come(app, tx, draft, requester, Step(target_id, requester.user_id, "join"))
        # The person asks to be let in: that they refuse invitations of others is no reason not to send this one.
        if membership != "invite":
            invited = await build_member_content(app, tx, requester.user_id, "invite")
            await append(app, tx, draft, Proposal(MEMBER, link.maker, invited, requester.user_id))
        joined = await build_member_content(app, tx, requester.user_id, "join", content)
        await append(app, tx, draft, Proposal(MEMBER, requester.user_id, joined, requester.user_id))
        await carry_over(app, tx, draft, requester.user_id)
        await store_draft(app, tx, draft)
        await app.stores.invite_links.count_use(tx, link.link_id)
        return {"room_id": target_id}

    return await write_to_room(app, target_id, item)


def hash_token(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def describe_link(link: InviteLink) -> dict[str, Any]:
    """A link as its maker and the room's moderators see it."""
    return {
        "link_id": link.link_id,
        "maker": link.maker,
        "created_at": link.created_ts_ms,
        "expires_at": link.expires_ts_ms,
        "uses_max": link.uses_max,
        "uses": link.uses,
    }


def _no_link() -> MatrixError:
    return not_found("This link leads nowhere: it is wrong, or was revoked.")


def _ended(reason: str, sentence: str) -> MatrixError:
    return MatrixError(403, "M_FORBIDDEN", sentence, {"org.zajil.reason": reason})


async def _open(app: App, tx: Transaction, room_id: str) -> RoomDraft:
    try:
        return await open_draft(app, tx, room_id)
    except MatrixError:
        raise _no_link() from None


async def _peek(app: App, tx: Transaction, room_id: str) -> RoomDraft:
    draft = await peek_room(app, tx, room_id)
    if draft is None:
        raise _no_link()
    return draft


async def _peek_as_member(app: App, tx: Transaction, requester: Requester, room_id: str) -> RoomDraft:
    draft = await peek_room(app, tx, room_id)
    if draft is None or await draft.membership(app, tx, requester.user_id) != "join":
        raise forbidden("You are not in this room, or it does not exist.")
    return draft


async def _load_power(app: App, tx: Transaction, draft: RoomDraft) -> PowerLevels:
    create = await draft.state(app, tx, CREATE_KEY)
    levels = await draft.state(app, tx, POWER_LEVELS_KEY)
    return build_power_levels(None if create is None else create.event, None if levels is None else levels.event)


async def _list_lineage(app: App, tx: Transaction, room_id: str) -> list[str]:
    """The room, and those that have replaced it one after the other."""
    lineage = [room_id]
    draft = await peek_room(app, tx, room_id)
    while draft is not None and len(lineage) <= SUCCESSORS_MAX:
        draft = await find_successor(app, tx, draft)
        if draft is not None:
            lineage.append(draft.row.room_id)
    return lineage


async def _find_good_link(
    app: App, tx: Transaction, draft: RoomDraft, lineage: list[str], requester: Requester, token: str
) -> InviteLink:
    """The link that the token opens, if it still lets this user into the newest room of the lineage.

    A link stays with the room it was made for until its maker has moved on.
    """
    wanted = hash_token(token[:TOKEN_CHARACTERS_MAX])
    found: InviteLink | None = None
    # Every link of the rooms is compared, each in constant time: how long it takes tells nothing of what is stored.
    for room_id in lineage:
        for link in await app.stores.invite_links.load(tx, room_id):
            if hmac.compare_digest(link.token_hash, wanted):
                found = link
    if found is None:
        raise _no_link()
    if await draft.membership(app, tx, requester.user_id) == "ban":
        raise forbidden("You are banned from this room.")
    if found.is_expired(app.clock.now_ms()):
        raise _ended("expired", "This link has expired.")
    if found.is_used_up():
        raise _ended("used_up", "This link has been used as often as it may.")
    account = await app.stores.accounts.load_account(tx, found.maker)
    is_in_order = account is not None and not (account.is_locked or account.is_suspended or account.is_deactivated)
    is_member = await draft.membership(app, tx, found.maker) == "join"
    if not (is_in_order and is_member and (await _load_power(app, tx, draft)).can_invite(found.maker)):
        raise _ended("maker", "Whoever made this link may not invite people to the room any more.")
    return found
