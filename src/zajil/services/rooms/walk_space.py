"""The tree of rooms under a space, depth first (client-server API, "Spaces")."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.identifiers import is_room_id, server_name_of
from zajil.core.sync_tokens import ListToken, parse_list_token
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.errors import forbidden, invalid_param
from zajil.services.federation.locate_room import is_room_here
from zajil.services.federation.remote_spaces import RemoteSpace, may_show_remote
from zajil.services.messages.client_events import strip_event
from zajil.services.requester import Requester
from zajil.services.rooms.describe_room import build_summary, may_describe
from zajil.services.rooms.room_heads import RoomHead

ROOMS_PER_PAGE_MAX: Final = 50
DEPTH_MAX: Final = 100
ROOMS_WALKED_MAX: Final = 5_000
CHILDREN_MAX: Final = 1_000
ORDER_CHARACTERS_MAX: Final = 50
ROOMS_PER_SLICE: Final = 50
LIST_NAME: Final = "space"
CHILD: Final = "m.space.child"
SPACE: Final = "m.space"
OTHERS_ASKED_MAX: Final = 50
"""Rooms of one page that other servers are asked about."""
OTHERS_S_MAX: Final = 20.0
"""After so long no further server is asked for a page."""


@dataclass(frozen=True, slots=True)
class SpaceWalk:
    """Which part of the tree a client asks for."""

    room_id: str
    suggested_only: bool = False
    max_depth: int = DEPTH_MAX
    limit: int = ROOMS_PER_PAGE_MAX
    start: str | None = None


@dataclass(frozen=True, slots=True)
class SpaceRoom:
    """A room of the tree as it is shown, with its children as they are shown."""

    summary: dict[str, Any]
    children: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Pending:
    """A room to come: who may describe it, and what its parent's server has said of it."""

    room_id: str
    depth: int = 0
    via: Sequence[str] = ()
    parent: RemoteSpace | None = None


async def walk_space(app: App, requester: Requester, walk: SpaceWalk) -> dict[str, Any]:
    """A page of the tree. Raises M_FORBIDDEN when the requester may not see the space itself, M_INVALID_PARAM.

    A page is found by walking from the root again: the token says how many rooms were shown, so any process may answer.
    """
    skipped = _parse_start(walk)
    pending = [Pending(walk.room_id, via=[each for each in [server_name_of(walk.room_id)] if each])]
    seen: set[str] = set()
    shown: list[dict[str, Any]] = []
    count = 0
    outside = Outside(app, app.clock.monotonic_s() + OTHERS_S_MAX)
    while pending and len(seen) < ROOMS_WALKED_MAX:
        item = pending.pop()
        if item.room_id in seen:
            continue
        seen.add(item.room_id)
        if len(seen) % ROOMS_PER_SLICE == 0:
            await asyncio.sleep(0)
        room, remote = await describe_here(app, requester.user_id, item.room_id, walk), None
        if room is None:
            room, remote = await outside.describe(item, requester.user_id, walk)
        if room is None:
            if item.depth == 0:
                raise forbidden("You may not see this room, or it does not exist.")
            continue
        if item.depth < walk.max_depth:
            pending += [
                Pending(child["state_key"], item.depth + 1, child["content"]["via"], remote)
                for child in reversed(room.children)
            ]
        count += 1
        if count <= skipped:
            continue
        if len(shown) == walk.limit:
            return {"rooms": shown, "next_batch": _build_token(walk, count - 1)}
        shown.append({**room.summary, "children_state": room.children})
    return {"rooms": shown}


async def describe_here(app: App, user_id: str, room_id: str, walk: SpaceWalk) -> SpaceRoom | None:
    """A room that goes on here, if the user may see it."""
    tx = app.db.reader
    head = await app.rooms.find(tx, room_id, app.db.position)
    if head is None or not await is_room_here(app, tx, head) or not await may_describe(app, tx, head, user_id):
        return None
    children = list_children(head, suggested_only=walk.suggested_only)
    return SpaceRoom(build_summary(head), list(render_children(children)))


class Outside:
    """Rooms of the tree that other servers describe: so many requests for one page, and so much time."""

    def __init__(self, app: App, until_s: float) -> None:
        self._app = app
        self._until_s = until_s
        self._asked = 0

    async def describe(
        self, item: Pending, user_id: str, walk: SpaceWalk
    ) -> tuple[SpaceRoom | None, RemoteSpace | None]:
        """The room, if the user may see it, and the answer that tells of its children."""
        app, parent = self._app, item.parent
        if not app.config.federation or (parent is not None and item.room_id in parent.inaccessible):
            return None, None
        summary = None if parent is None else parent.children.get(item.room_id)
        space: RemoteSpace | None = None
        if summary is None or (summary.get("room_type") == SPACE and item.depth < walk.max_depth):
            if self._asked < OTHERS_ASKED_MAX and app.clock.monotonic_s() < self._until_s:
                self._asked += 1
                space = await app.remote_spaces.find(item.room_id, item.via)
            summary = summary if space is None else space.room
        if summary is None or not await may_show_remote(app, app.db.reader, summary, user_id):
            return None, None
        children = [] if space is None else space.children_state
        wanted = [each for each in children if not walk.suggested_only or each["content"].get("suggested") is True]
        return SpaceRoom(summary, sorted(wanted, key=_sort_shown)), space


def list_children(head: RoomHead, *, suggested_only: bool) -> list[StoredEvent]:
    """The valid m.space.child events of a space, in the order that the spec gives."""
    if head.content("m.room.create").get("type") != SPACE:
        return []
    children = [
        stored
        for (event_type, room_id), stored in head.rest.items()
        if event_type == CHILD
        and is_room_id(room_id)
        and _is_child(stored.event.content)
        and (not suggested_only or stored.event.content.get("suggested") is True)
    ]
    return sorted(children, key=_sort_key)[:CHILDREN_MAX]


def _is_child(content: dict[str, Any]) -> bool:
    via = content.get("via")
    return isinstance(via, list) and bool(via) and all(isinstance(each, str) for each in via)


def _sort_key(stored: StoredEvent) -> tuple[bool, str, int, str]:
    event = stored.event
    return _sort_order(event.content.get("order"), event.origin_server_ts, event.key[1])


def _sort_shown(child: dict[str, Any]) -> tuple[bool, str, int, str]:
    return _sort_order(child["content"].get("order"), child["origin_server_ts"], child["state_key"])


def _sort_order(order: object, sent_ts_ms: int, room_id: str) -> tuple[bool, str, int, str]:
    """By `order` where it is valid, then by age, then by room ID."""
    if (
        isinstance(order, str)
        and len(order) <= ORDER_CHARACTERS_MAX
        and all("\x20" <= each <= "\x7e" for each in order)
    ):
        return False, order, sent_ts_ms, room_id
    return True, "", sent_ts_ms, room_id


def render_children(children: list[StoredEvent]) -> Iterator[dict[str, Any]]:
    for stored in children:
        yield {**strip_event(stored), "origin_server_ts": stored.event.origin_server_ts}


def _parse_start(walk: SpaceWalk) -> int:
    """How many rooms earlier pages have shown."""
    if not walk.start:
        return 0
    token = parse_list_token(walk.start, LIST_NAME)
    if token is None or len(token.key) != 4 or token.key[0] != walk.room_id or not isinstance(token.key[3], int):
        raise invalid_param("The token is not one of this space.")
    if token.key[1:3] != (int(walk.suggested_only), walk.max_depth):
        raise invalid_param("suggested_only and max_depth cannot change from page to page.")
    return token.key[3]


def _build_token(walk: SpaceWalk, count: int) -> str:
    return str(ListToken(LIST_NAME, (walk.room_id, int(walk.suggested_only), walk.max_depth, count)))
