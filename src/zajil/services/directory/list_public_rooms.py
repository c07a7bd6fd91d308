"""The list of published rooms, largest first, with search (client-server API, "Published room directory")."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from zajil.core.search_text import normalise
from zajil.core.sync_tokens import ListToken, parse_list_token
from zajil.ports.stores.directory import PublishedRoom
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.rooms.describe_room import build_entry

ROOMS_MAX: Final = 500
ROOMS_READ_MAX: Final = 5_000
"""After so many rooms that a search does not want, the page ends; its token goes on from there."""
ROOMS_PER_PAGE: Final = 100
LIST_NAME: Final = "rooms"
FORWARDS, BACKWARDS = 0, 1


@dataclass(frozen=True, slots=True)
class RoomSearch:
    """What a client looks for."""

    limit: int = ROOMS_MAX
    since: str | None = None
    server: str | None = None
    term: str = ""
    room_types: frozenset[str | None] | None = None
    """Only rooms of these types, None standing for rooms without one."""


async def list_public_rooms(app: App, search: RoomSearch) -> dict[str, Any]:
    """A page of this server's list. Raises M_INVALID_PARAM for foreign tokens."""
    start, backwards = _parse_since(search.since)
    limit = min(search.limit or ROOMS_MAX, ROOMS_MAX)
    found, last_read = await _collect(app, search, start, limit + 1, backwards=backwards)
    more = len(found) > limit or last_read is not None
    found = found[:limit]
    nearest = found[0][0] if found else start
    farthest = (last_read if len(found) < limit else None) or (found[-1][0] if found else start)
    if backwards:
        found.reverse()
    answer: dict[str, Any] = {
        "chunk": [entry for _, entry in found],
        "total_room_count_estimate": await app.stores.directory.count_published(app.db.reader),
    }
    after, before = (nearest, farthest) if backwards else (farthest, nearest)
    if after is not None and (more or backwards):
        answer["next_batch"] = _build_token(after, FORWARDS)
    if before is not None and ((start is not None and not backwards) or (backwards and more)):
        answer["prev_batch"] = _build_token(before, BACKWARDS)
    return answer


async def _collect(
    app: App, search: RoomSearch, start: PublishedRoom | None, wanted: int, *, backwards: bool
) -> tuple[list[tuple[PublishedRoom, dict[str, Any]]], PublishedRoom | None]:
    """Up to `wanted` matching rooms from `start` on, and the room at which reading was given up, if it was."""
    words = normalise(search.term).split()
    found: list[tuple[PublishedRoom, dict[str, Any]]] = []
    tx, point = app.db.reader, start
    for _ in range(0, ROOMS_READ_MAX, ROOMS_PER_PAGE):
        page = await app.stores.directory.load_published(tx, point, backwards=backwards, limit=ROOMS_PER_PAGE)
        for room in page:
            head = await app.rooms.find(tx, room.room_id, app.db.position)
            if head is None or head.row.blocked_reason is not None:
                continue
            entry = build_entry(head)
            if _matches(entry, words, search.room_types):
                found.append((room, entry))
                if len(found) == wanted:
                    return found, None
        if len(page) < ROOMS_PER_PAGE:
            return found, None
        point = page[-1]
        await asyncio.sleep(0)
    return found, point


def _matches(entry: dict[str, Any], words: list[str], room_types: frozenset[str | None] | None) -> bool:
    if room_types is not None and entry.get("room_type") not in room_types:
        return False
    if not words:
        return True
    text = normalise(" ".join(entry.get(key, "") for key in ("name", "topic", "canonical_alias")))
    return all(word in text for word in words)


def _parse_since(since: str | None) -> tuple[PublishedRoom | None, bool]:
    if not since:
        return None, False
    token = parse_list_token(since, LIST_NAME)
    if token is not None and len(token.key) == 3:
        direction, joined_count, room_id = token.key
        if direction in (FORWARDS, BACKWARDS) and isinstance(joined_count, int) and isinstance(room_id, str):
            return PublishedRoom(joined_count, room_id), direction == BACKWARDS
    raise invalid_param("The token is not one of this list.")


def _build_token(room: PublishedRoom, direction: int) -> str:
    return str(ListToken(LIST_NAME, (direction, room.joined_count, room.room_id)))
