"""The tree of rooms under a space, depth first (client-server API, "Spaces")."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.identifiers import is_room_id
from zajil.core.sync_tokens import ListToken, parse_list_token
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.errors import forbidden, invalid_param
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


@dataclass(frozen=True, slots=True)
class SpaceWalk:
    """Which part of the tree a client asks for."""

    room_id: str
    suggested_only: bool = False
    max_depth: int = DEPTH_MAX
    limit: int = ROOMS_PER_PAGE_MAX
    start: str | None = None


async def walk_space(app: App, requester: Requester, walk: SpaceWalk) -> dict[str, Any]:
    """A page of the tree. Raises M_FORBIDDEN when the requester may not see the space itself, M_INVALID_PARAM.

    A page is found by walking from the root again: the token says how many rooms were shown, so any process may answer.
    """
    skipped = _parse_start(walk)
    tx = app.db.reader
    pending: list[tuple[str, int]] = [(walk.room_id, 0)]
    seen: set[str] = set()
    shown: list[dict[str, Any]] = []
    count = 0
    while pending and len(seen) < ROOMS_WALKED_MAX:
        room_id, depth = pending.pop()
        if room_id in seen:
            continue
        seen.add(room_id)
        if len(seen) % ROOMS_PER_SLICE == 0:
            await asyncio.sleep(0)
        head = await app.rooms.find(tx, room_id, app.db.position)
        if head is None or not await may_describe(app, tx, head, requester.user_id):
            if depth == 0:
                raise forbidden("You may not see this room, or it does not exist.")
            continue
        children = list_children(head, suggested_only=walk.suggested_only)
        if depth < walk.max_depth:
            pending += [(stored.event.key[1], depth + 1) for stored in reversed(children)]
        count += 1
        if count <= skipped:
            continue
        if len(shown) == walk.limit:
            return {"rooms": shown, "next_batch": _build_token(walk, count - 1)}
        shown.append({**build_summary(head), "children_state": list(_render_children(children))})
    return {"rooms": shown}


def list_children(head: RoomHead, *, suggested_only: bool) -> list[StoredEvent]:
    """The valid m.space.child events of a space, in the order that the spec gives."""
    if head.content("m.room.create").get("type") != "m.space":
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
    """By `order` where it is valid, then by age, then by room ID."""
    event = stored.event
    order = event.content.get("order")
    if (
        isinstance(order, str)
        and len(order) <= ORDER_CHARACTERS_MAX
        and all("\x20" <= each <= "\x7e" for each in order)
    ):
        return False, order, event.origin_server_ts, event.key[1]
    return True, "", event.origin_server_ts, event.key[1]


def _render_children(children: list[StoredEvent]) -> Iterator[dict[str, Any]]:
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
