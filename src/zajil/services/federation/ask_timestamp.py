"""The event nearest to a time in a room whose history is only partly here (server-server API, GET /timestamp_to_event)."""

from dataclasses import dataclass
from typing import Final

from zajil.core.canonical_json import parse_canonical_integer
from zajil.core.identifiers import is_event_id
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.errors import MatrixError, not_found
from zajil.services.federation.fetch_events import federation_path
from zajil.services.federation.room_states import load_room_events
from zajil.services.messages.read_messages import find_event_at
from zajil.services.requester import Requester
from zajil.services.rooms.room_heads import RoomHead

ANSWER_TIMEOUT_MS: Final = 5_000
ANSWER_BYTES_MAX: Final = 64 * 1024
SERVERS_TRIED_MAX: Final = 3
BACKFILLS_MAX: Final = 10
BACKFILLS_S_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class Moment:
    """A time and a direction in a room."""

    room_id: str
    timestamp_ms: int
    backwards: bool

    def distance_ms(self, sent_ts_ms: int) -> int | None:
        """How far an event is from here; None for one on the other side."""
        distance = self.timestamp_ms - sent_ts_ms if self.backwards else sent_ts_ms - self.timestamp_ms
        return distance if distance >= 0 else None


async def find_event_anywhere(app: App, requester: Requester, moment: Moment) -> StoredEvent:
    """GET /rooms/{room_id}/timestamp_to_event. Raises M_FORBIDDEN, M_NOT_FOUND.

    Where older events are missing here, other servers are asked; what is nearer there is fetched with all that lies between, so that it
    can be read in its place. What is too far away to be fetched now is not told of.
    """
    nearest = await _find_here(app, requester, moment)
    head = await app.rooms.find(app.db.reader, moment.room_id, app.db.position)
    if head is not None and await _has_gaps(app, head):
        event_id = await _ask_servers(app, head, moment, nearest)
        if event_id is not None and await _fetch_back_to(app, head, event_id):
            nearest = await _find_here(app, requester, moment)
    if nearest is None:
        raise not_found("There is no event on that side of this time.")
    return nearest


async def _find_here(app: App, requester: Requester, moment: Moment) -> StoredEvent | None:
    try:
        return await find_event_at(
            app, app.db.reader, requester, moment.room_id, moment.timestamp_ms, backwards=moment.backwards
        )
    except MatrixError as error:
        if error.errcode != "M_NOT_FOUND":
            raise
        return None


async def _has_gaps(app: App, head: RoomHead) -> bool:
    if head.has_remote_members is False or not app.config.federation:
        return False
    return bool(await app.stores.events.load_backward_extremities(app.db.reader, head.row.room_nid))


async def _ask_servers(app: App, head: RoomHead, moment: Moment, nearest: StoredEvent | None) -> str | None:
    """An event that is nearer than what is here, as the first server says that answers at all."""
    query = [("ts", str(moment.timestamp_ms)), ("dir", "b" if moment.backwards else "f")]
    for server in (await app.destinations.find_servers(head))[:SERVERS_TRIED_MAX]:
        request = FederationRequest(
            server,
            "GET",
            federation_path("v1", "timestamp_to_event", head.room_id),
            query=query,
            timeout_ms=ANSWER_TIMEOUT_MS,
            body_bytes_max=ANSWER_BYTES_MAX,
        )
        try:
            answer = await app.federation.request(request)
        except FederationFailed:
            continue
        event_id = answer.get("event_id") if isinstance(answer, dict) else None
        sent = parse_canonical_integer(answer.get("origin_server_ts")) if isinstance(answer, dict) else None
        if not isinstance(event_id, str) or not is_event_id(event_id) or sent is None:
            continue
        there = moment.distance_ms(sent)
        here = None if nearest is None else moment.distance_ms(nearest.event.origin_server_ts)
        return event_id if there is not None and (here is None or there < here) else None
    return None


async def _fetch_back_to(app: App, head: RoomHead, event_id: str) -> bool:
    """Fetch older events until this one is among them; False when nothing was fetched."""
    until_s = app.clock.monotonic_s() + BACKFILLS_S_MAX
    fetched = False
    for _ in range(BACKFILLS_MAX):
        stored = (await load_room_events(app, app.db.reader, head.row.room_nid, [event_id])).get(event_id)
        if (stored is not None and stored.history is not None) or app.clock.monotonic_s() >= until_s:
            break
        if not await app.backfills.fill(head, [], is_end=True):
            break
        fetched = True
    return fetched
