"""Rooms and spaces that are on other servers, as these describe them (server-server API, GET /hierarchy)."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from zajil.ports.database import Read
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.services.app import App
from zajil.services.federation.access_servers import is_server_allowed
from zajil.services.federation.check_room_summary import (
    CHILDREN_MAX,
    build_checked_children,
    build_checked_summary,
)
from zajil.services.federation.fetch_events import federation_path
from zajil.services.rooms.authorise_restricted_join import RESTRICTED
from zajil.services.rooms.describe_room import JOIN_RULES_OPEN

ANSWER_TIMEOUT_MS: Final = 5_000
ANSWER_BYTES_MAX: Final = 2 * 1024 * 1024
SERVERS_TRIED_MAX: Final = 3
REMEMBERED_S: Final = 300.0
FAILURE_REMEMBERED_S: Final = 60.0
REMEMBERED_MAX: Final = 1_000
REMEMBERED_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RemoteSpace:
    """What a server says of a room and of the rooms below it."""

    room: dict[str, Any]
    children_state: list[dict[str, Any]]
    children: Mapping[str, dict[str, Any]]
    inaccessible: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Remembered:
    until_s: float
    size: int
    space: RemoteSpace | None


class RemoteSpaces:
    """Asks, and remembers for a while what each server has said: no server answers for what another one said."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._remembered: OrderedDict[tuple[str, str], _Remembered] = OrderedDict()
        self._size = 0

    async def find(self, room_id: str, servers: Sequence[str]) -> RemoteSpace | None:
        """The room as the first of these servers describes it that does; None when none of them does."""
        app, tried = self._app, 0
        for server_name in dict.fromkeys(servers):
            if server_name == app.server_name or not is_server_allowed(app, server_name):
                continue
            known = self._remembered.get((room_id, server_name))
            if known is None or known.until_s <= app.clock.monotonic_s():
                tried += 1
                if tried > SERVERS_TRIED_MAX:
                    return None
                known = self._remember(room_id, server_name, *await self._ask(room_id, server_name))
            if known.space is not None:
                return known.space
        return None

    async def _ask(self, room_id: str, server_name: str) -> tuple[RemoteSpace | None, int]:
        request = FederationRequest(
            server_name,
            "GET",
            federation_path("v1", "hierarchy", room_id),
            query=[("suggested_only", "false")],
            timeout_ms=ANSWER_TIMEOUT_MS,
            body_bytes_max=ANSWER_BYTES_MAX,
        )
        try:
            space = build_checked_space(room_id, await self._app.federation.request(request))
        except FederationFailed:
            space = None
        return space, 0 if space is None else measure(space)

    def _remember(self, room_id: str, server_name: str, space: RemoteSpace | None, size: int) -> _Remembered:
        kept_s = FAILURE_REMEMBERED_S if space is None else REMEMBERED_S
        made = _Remembered(self._app.clock.monotonic_s() + kept_s, size, space)
        old = self._remembered.pop((room_id, server_name), None)
        self._size += size - (0 if old is None else old.size)
        self._remembered[room_id, server_name] = made
        while len(self._remembered) > REMEMBERED_MAX or self._size > REMEMBERED_BYTES_MAX:
            self._size -= self._remembered.popitem(last=False)[1].size
        return made


def build_checked_space(room_id: str, answer: object) -> RemoteSpace | None:
    """The answer of GET /hierarchy with all left out that is not as it should be; None when it says nothing of the room."""
    if not isinstance(answer, dict):
        return None
    room = build_checked_summary(answer.get("room"))
    if room is None or room["room_id"] != room_id:
        return None
    described = answer["room"]
    is_space = room.get("room_type") == "m.space"
    children_state = build_checked_children(described.get("children_state")) if is_space else []
    below = {child["state_key"] for child in children_state}
    listed, hidden = answer.get("children"), answer.get("inaccessible_children")
    summaries = [build_checked_summary(each) for each in (listed if isinstance(listed, list) else [])[:CHILDREN_MAX]]
    return RemoteSpace(
        room,
        children_state,
        {each["room_id"]: each for each in summaries if each is not None and each["room_id"] in below},
        frozenset(
            each
            for each in (hidden if isinstance(hidden, list) else [])[:CHILDREN_MAX]
            if isinstance(each, str) and each in below
        ),
    )


def measure(space: RemoteSpace) -> int:
    """About how many bytes it takes."""
    return len(orjson.dumps([space.room, space.children_state, list(space.children.values())]))


async def may_show_remote(app: App, tx: Read, summary: Mapping[str, Any], user_id: str) -> bool:
    """Whether a user could enter or read a room of which only other servers know."""
    rule = summary["join_rule"]
    if rule in JOIN_RULES_OPEN or summary["world_readable"]:
        return True
    if await _has_membership(app, tx, summary["room_id"], user_id, ("join", "invite", "knock")):
        return True
    if rule not in RESTRICTED:
        return False
    for room_id in summary.get("allowed_room_ids", ()):
        if await _has_membership(app, tx, room_id, user_id, ("join",)):
            return True
    return False


async def _has_membership(app: App, tx: Read, room_id: str, user_id: str, memberships: Sequence[str]) -> bool:
    row = await app.stores.rooms.load_row(tx, room_id)
    member = None if row is None else await app.stores.rooms.load_membership(tx, row.room_nid, user_id)
    return member is not None and member.membership in memberships
