"""Asking other servers for events of a room: those that are missing, their auth events, and the state at a place (server-server API, "Retrieving events")."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import quote

from zajil.core.events import Event
from zajil.core.room_rules import RoomRules
from zajil.ports.federation import FederationFailed, FederationRequest
from zajil.services.app import App
from zajil.services.federation.check_pdus import Refused, check_pdus

MISSING_EVENTS_MAX: Final = 20
"""Asked for at once, as the other servers do."""
STATE_BYTES_MAX: Final = 256 * 1024 * 1024
STATE_TIMEOUT_MS: Final = 120_000
EVENTS_ASKED_MAX: Final = 200
"""Single events fetched for one place in a room; beyond that its whole state is asked for."""


def federation_path(version: str, *segments: str) -> str:
    """A path below /_matrix/federation, its segments encoded."""
    return f"/_matrix/federation/{version}/" + "/".join(quote(segment, safe="") for segment in segments)


async def check_answer(app: App, pdus: object, rules: RoomRules, room_id: str) -> list[Event]:
    """The good events of one room among the PDUs of an answer."""
    listed = pdus if isinstance(pdus, list) else []
    checked = await check_pdus(app, listed, rules)
    return [each for each in checked if not isinstance(each, Refused) and each.room_id == room_id]


async def fetch_missing_events(
    app: App,
    server: str,
    room_id: str,
    rules: RoomRules,
    earliest: Sequence[str],
    latest: Sequence[str],
    min_depth: int,
) -> list[Event]:
    """POST get_missing_events: what lies between what we have and what has come, oldest first. Raises FederationFailed."""
    content = {
        "earliest_events": list(earliest),
        "latest_events": list(latest),
        "limit": MISSING_EVENTS_MAX,
        "min_depth": min_depth,
    }
    path = federation_path("v1", "get_missing_events", room_id)
    answer = await app.federation.request(FederationRequest(server, "POST", path, content=content))
    events = await check_answer(app, _part(answer, "events"), rules, room_id)
    return sorted(events[:MISSING_EVENTS_MAX], key=lambda event: event.depth)


async def fetch_event(app: App, server: str, room_id: str, rules: RoomRules, event_id: str) -> Event | None:
    """GET event; None if the server does not give it. Raises FederationFailed when there is no answer at all."""
    try:
        answer = await app.federation.request(
            FederationRequest(server, "GET", federation_path("v1", "event", event_id))
        )
    except FederationFailed as failure:
        if failure.is_refusal:
            return None
        raise
    events = await check_answer(app, _part(answer, "pdus"), rules, room_id)
    return next((event for event in events if event.event_id == event_id), None)


async def fetch_auth_chain(app: App, server: str, room_id: str, rules: RoomRules, event_id: str) -> list[Event]:
    """GET event_auth: all events that an event's right to be there depends on. Raises FederationFailed."""
    path = federation_path("v1", "event_auth", room_id, event_id)
    request = FederationRequest(
        server, "GET", path, body_bytes_max=STATE_BYTES_MAX, timeout_ms=STATE_TIMEOUT_MS, splits_lists=True
    )
    return await check_answer(app, _part(await app.federation.request(request), "auth_chain"), rules, room_id)


async def fetch_state_ids(app: App, server: str, room_id: str, event_id: str) -> tuple[list[str], list[str]]:
    """GET state_ids: the state before an event, and its auth chain. Raises FederationFailed."""
    answer = await _fetch_before(app, server, "state_ids", room_id, event_id)
    return _ids(_part(answer, "pdu_ids")), _ids(_part(answer, "auth_chain_ids"))


async def fetch_state(
    app: App, server: str, room_id: str, rules: RoomRules, event_id: str
) -> tuple[list[Event], list[Event]]:
    """GET state: the state before an event and its auth chain, whole. Raises FederationFailed."""
    answer = await _fetch_before(app, server, "state", room_id, event_id)
    state = await check_answer(app, _part(answer, "pdus"), rules, room_id)
    return state, await check_answer(app, _part(answer, "auth_chain"), rules, room_id)


async def _fetch_before(app: App, server: str, endpoint: str, room_id: str, event_id: str) -> Any:
    request = FederationRequest(
        server,
        "GET",
        federation_path("v1", endpoint, room_id),
        query=[("event_id", event_id)],
        body_bytes_max=STATE_BYTES_MAX,
        timeout_ms=STATE_TIMEOUT_MS,
        splits_lists=True,
    )
    return await app.federation.request(request)


async def fetch_backfill(
    app: App, server: str, room_id: str, rules: RoomRules, event_ids: Iterable[str], limit: int
) -> list[Event]:
    """GET backfill: some events and what came before them. Raises FederationFailed."""
    query = [*(("v", event_id) for event_id in event_ids), ("limit", str(limit))]
    request = FederationRequest(server, "GET", federation_path("v1", "backfill", room_id), query=query)
    return await check_answer(app, _part(await app.federation.request(request), "pdus"), rules, room_id)


def _part(answer: Any, name: str) -> object:
    return answer.get(name) if isinstance(answer, dict) else None


def _ids(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
