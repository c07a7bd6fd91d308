"""Searching messages (client-server API, "Server Side Search"): in the user's rooms, and only what the user may see."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from zajil.core.filters import EventFilter
from zajil.core.search_text import tokenise
from zajil.core.sync_tokens import ListToken, RoomToken, parse_list_token
from zajil.ports.database import Read
from zajil.ports.stores.events import HistoryPoint, StoredEvent
from zajil.ports.stores.search import Hit, SearchKey, SearchQuery
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.errors import invalid_param
from zajil.services.messages.read_messages import passes, read_messages, token_past
from zajil.services.messages.visible_events import filter_visible
from zajil.services.requester import Requester
from zajil.services.rooms.access_room import access_room

WORDS_MAX: Final = 32
ROOMS_MAX: Final = 1_000
"""Of a user with more rooms the ones changed last are searched."""
RESULTS_DEFAULT: Final = 10
RESULTS_MAX: Final = 100
HITS_PER_READ: Final = 100
READS_MAX: Final = 5
COUNT_MAX: Final = 1_000
CONTEXT_MAX: Final = 20
OFFSET_MAX: Final = 10_000
HIGHLIGHTS_MAX: Final = 50
HIGHLIGHTED_CHARACTERS_MAX: Final = 1_000
"""Of a text no more is looked through for words to highlight."""

Order = Literal["recent", "rank"]
Group = Literal["room_id", "sender"]
NEXT: Final = "search"
_PUNCTUATION = re.compile(r"[\s!-/:-@\[-`{-~«»،؛؟“”…]+")


@dataclass(frozen=True, slots=True)
class ContextWish:
    """How many events around each result are wanted."""

    before: int
    after: int
    with_profiles: bool


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """One search; `start` is where a former answer ended."""

    term: str
    keys: Sequence[SearchKey]
    order: Order
    filter: EventFilter
    context: ContextWish | None
    start: "SearchStart"

    @property
    def limit(self) -> int:
        return max(1, min(RESULTS_DEFAULT if self.filter.limit is None else self.filter.limit, RESULTS_MAX))


@dataclass(frozen=True, slots=True)
class SearchStart:
    """Where a search goes on: a number of an event (by time) or of hits passed over (by rank), and the group it is limited to."""

    at: int | None = None
    group: Group | None = None
    value: str = ""

    def build_token(self, order: Order) -> str:
        return str(ListToken(NEXT, (order, self.at or 0, self.group or "", self.value)))


def parse_start(text: str | None, order: Order) -> SearchStart:
    """`next_batch` of a former answer. Raises M_INVALID_PARAM."""
    if not text:
        return SearchStart()
    token = parse_list_token(text, NEXT)
    match token.key if token is not None else ():
        case (str(kind), int(at), str(group), str(value)) if kind == order and at >= 0:
            if order == "recent" or at <= OFFSET_MAX:
                if group == "room_id":
                    return SearchStart(at, "room_id", value)
                if group == "sender":
                    return SearchStart(at, "sender", value)
                if group == "":
                    return SearchStart(at)
    raise invalid_param("next_batch is not of such a search.")


@dataclass(slots=True)
class Surroundings:
    """What stands around a result; `before` walks backwards."""

    before: list[StoredEvent]
    after: list[StoredEvent]
    start: RoomToken
    end: RoomToken


@dataclass(slots=True)
class Result:
    """An event found."""

    stored: StoredEvent
    room_id: str
    rank: float
    next_at: int
    """Where a search that ends with this result goes on."""
    around: Surroundings | None = None


@dataclass(slots=True)
class SearchAnswer:
    """Results in order; `next_at` is None when there are no more."""

    results: list[Result]
    count: int
    highlights: list[str]
    next_at: int | None


async def search_messages(app: App, requester: Requester, request: SearchRequest) -> SearchAnswer:
    """POST /search. Raises `TooSlow` where a search would take too long."""
    tx = app.db.reader
    words = list(dict.fromkeys(tokenise(request.term)))[:WORDS_MAX]
    rooms = await _find_rooms(app, tx, requester.user_id, request)
    if not words or not rooms:
        return SearchAnswer([], 0, [], None)
    query = SearchQuery(words, list(rooms), list(request.keys))
    answer = await _collect(app, tx, requester, request, query, rooms)
    if answer.next_at is None and request.start.at is None:
        answer.count = len(answer.results)
    else:
        answer.count = await app.db.read_slowly(lambda slow: app.stores.search.count(slow, query, COUNT_MAX))
    highlights: set[str] = set()
    for result in answer.results:
        highlights |= find_highlights(words, result.stored.event.content)
        if request.context is not None:
            result.around = await _load_surroundings(app, tx, requester, result, request.context)
        await asyncio.sleep(0)
    answer.highlights = sorted(highlights)[:HIGHLIGHTS_MAX]
    return answer


async def _find_rooms(app: App, tx: Read, user_id: str, request: SearchRequest) -> dict[int, str]:
    """Room IDs by number: rooms the user is or was in, as the filter and the group allow."""
    rows = await app.stores.rooms.load_memberships_of_user(tx, user_id, ["join", "leave", "ban"])
    allowed = [row for row in rows if not row.forgotten and request.filter.matches_room(row.room_id)]
    if request.start.group == "room_id" and request.order == "recent":
        allowed = [row for row in allowed if row.room_id == request.start.value]
    newest = sorted(allowed, key=lambda row: row.position, reverse=True)[:ROOMS_MAX]
    return {row.room_nid: row.room_id for row in newest}


async def _collect(
    app: App, tx: Read, requester: Requester, request: SearchRequest, query: SearchQuery, rooms: dict[int, str]
) -> SearchAnswer:
    """Read hits until there are results enough, or too many hits that the user may not see."""
    found: list[Result] = []
    at = request.start.at
    for _ in range(READS_MAX):
        passed = at or 0
        hits = await _read_hits(app, request, query, at)
        shown = await _load_shown(app, tx, requester, request, rooms, hits)
        for place, hit in enumerate(hits, 1):
            at = hit.event_nid if request.order == "recent" else passed + place
            stored = shown.get(hit.event_nid)
            if stored is None:
                continue
            found.append(Result(stored, rooms[stored.room_nid], hit.rank, at))
            if len(found) == request.limit:
                return SearchAnswer(found, 0, [], at)
        if len(hits) < HITS_PER_READ or (request.order == "rank" and (at or 0) > OFFSET_MAX):
            return SearchAnswer(found, 0, [], None)
    return SearchAnswer(found, 0, [], at)


async def _read_hits(app: App, request: SearchRequest, query: SearchQuery, at: int | None) -> list[Hit]:
    search = app.stores.search
    if request.order == "recent":
        return await app.db.read_slowly(lambda slow: search.find_newest(slow, query, at, HITS_PER_READ))
    return await app.db.read_slowly(lambda slow: search.find_closest(slow, query, at or 0, HITS_PER_READ))


async def _load_shown(
    app: App, tx: Read, requester: Requester, request: SearchRequest, rooms: dict[int, str], hits: Sequence[Hit]
) -> dict[int, StoredEvent]:
    """Of the hits those that the filter lets through and that the user may see, by number."""
    ignored = await load_ignored_users(app, tx, requester.user_id)
    by_room: dict[int, list[StoredEvent]] = {}
    for stored in await app.stores.events.load_by_nids(tx, [hit.event_nid for hit in hits]):
        sender = stored.event.sender
        if stored.redacted_by is not None or sender in ignored:
            continue
        if request.start.group is not None and request.start.value != (
            sender if request.start.group == "sender" else rooms.get(stored.room_nid)
        ):
            continue
        by_room.setdefault(stored.room_nid, []).append(stored)
    shown: dict[int, StoredEvent] = {}
    for room_nid, events in by_room.items():
        head = await app.rooms.find(tx, rooms[room_nid], app.db.position) if room_nid in rooms else None
        if head is None:
            continue
        for stored in await filter_visible(app, tx, head, requester.user_id, events):
            if await passes(app, tx, head, request.filter, stored):
                shown[stored.nid] = stored
        await asyncio.sleep(0)
    return shown


async def _load_surroundings(
    app: App, tx: Read, requester: Requester, result: Result, wish: ContextWish
) -> Surroundings:
    access = await access_room(app, tx, requester.user_id, result.room_id)
    stored = result.stored

    async def read(point: HistoryPoint, limit: int, *, backwards: bool) -> list[StoredEvent]:
        if limit == 0:
            return []
        page = await read_messages(
            app, tx, requester, access, start=point, stop=None, backwards=backwards, limit=min(limit, CONTEXT_MAX),
            event_filter=EventFilter(),
        )  # fmt: skip
        return page.events

    here = HistoryPoint(stored.history or 0, stored.history_minor)
    just_before = HistoryPoint(here.major, here.minor - 1)
    before = await read(just_before, wish.before, backwards=True)
    after = await read(here, wish.after, backwards=False)
    return Surroundings(
        before,
        after,
        token_past((before or [stored])[-1], backwards=True),
        token_past((after or [stored])[-1], backwards=False),
    )


def find_highlights(words: Sequence[str], content: Mapping[str, Any]) -> set[str]:
    """The words of a result that were searched for, as they are written there."""
    wanted = set(words)
    texts = [text for field in ("body", "name", "topic") if isinstance(text := content.get(field), str)]
    written = {word for text in texts for word in _PUNCTUATION.split(text[:HIGHLIGHTED_CHARACTERS_MAX])}
    return {word for word in written if not wanted.isdisjoint(tokenise(word))}
