"""Events as clients get them: the part that is the same for everybody is serialised once and kept, the rest is spliced in."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from zajil.core.events import build_client_json
from zajil.ports.database import Read
from zajil.ports.stores.events import StoredEvent
from zajil.services.app import App
from zajil.services.requester import Requester


async def prepare_events(app: App, tx: Read, events: Sequence[StoredEvent]) -> None:
    """Make every event ready for `render_event`: what a state event replaced and what redacted an event is looked up once."""
    unready = [stored for stored in events if stored.client_prefix is None]
    if not unready:
        return
    replaced_nids = [stored.replaces_nid for stored in unready if stored.replaces_nid is not None]
    redaction_ids = [stored.redacted_by for stored in unready if stored.redacted_by is not None]
    replaced = (
        {each.nid: each for each in await app.stores.events.load_by_nids(tx, replaced_nids)} if replaced_nids else {}
    )
    redactions = (
        {each.event.event_id: each for each in await app.stores.events.load_by_ids(tx, redaction_ids)}
        if redaction_ids
        else {}
    )
    for stored in unready:
        unsigned: dict[str, Any] = {}
        former = replaced.get(stored.replaces_nid or -1)
        if former is not None:
            unsigned["replaces_state"] = former.event.event_id
            unsigned["prev_content"] = former.event.content
            unsigned["prev_sender"] = former.event.sender
        redaction = redactions.get(stored.redacted_by or "")
        if redaction is not None:
            unsigned["redacted_because"] = build_client_json(redaction.event)
        _set_prefix(stored, unsigned)


def _set_prefix(stored: StoredEvent, unsigned: Mapping[str, Any]) -> bytes:
    prefix = orjson.dumps(build_client_json(stored.event))[:-1] + b',"unsigned":{'
    if unsigned:
        prefix += orjson.dumps(unsigned)[1:-1] + b","
    stored.client_prefix = prefix
    return prefix


def render_event(
    stored: StoredEvent,
    now_ms: int,
    requester: Requester | None = None,
    *,
    membership: str | None = None,
    extras: Mapping[str, Any] | None = None,
) -> bytes:
    """The event as JSON for one client; `prepare_events` comes first.

    `membership` is the requester's own at the event (`unsigned.membership`); `extras` are further fields of `unsigned`
    that differ between clients (`m.relations`).
    """
    prefix = stored.client_prefix or _set_prefix(stored, {})
    unsigned = b'"age":%d' % max(now_ms - stored.event.origin_server_ts, 0)
    if membership is not None:
        unsigned += b',"membership":"%s"' % membership.encode()
    if stored.txn_id is not None and requester is not None and _is_own(stored, requester):
        unsigned += b',"transaction_id":' + orjson.dumps(stored.txn_id)
    if extras:
        unsigned += b"," + orjson.dumps(extras)[1:-1]
    return prefix + unsigned + b"}}"


def _is_own(stored: StoredEvent, requester: Requester) -> bool:
    return stored.event.sender == requester.user_id and stored.device_id == requester.device_id


def render_list(events: Sequence[bytes]) -> bytes:
    """A JSON array of rendered events."""
    return b"[" + b",".join(events) + b"]"


def render_account_data(event_type: str, content: bytes) -> bytes:
    """One account data event; `content` is JSON."""
    return b'{"type":%b,"content":%b}' % (orjson.dumps(event_type), content)


def build_stripped_state(head_rest: Mapping[tuple[str, str], StoredEvent]) -> list[dict[str, Any]]:
    """What somebody invited may know of a room (client-server API, "Stripped state"): enough to recognise it."""
    shown = []
    for event_type in STRIPPED_TYPES:
        stored = head_rest.get((event_type, ""))
        if stored is not None:
            shown.append(strip_event(stored))
    return shown


STRIPPED_TYPES = (
    "m.room.create",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.avatar",
    "m.room.name",
    "m.room.encryption",
    "m.room.topic",
)


def strip_event(stored: StoredEvent) -> dict[str, Any]:
    """Type, state key, sender and content only."""
    event = stored.event
    return {"type": event.type, "state_key": event.state_key or "", "sender": event.sender, "content": event.content}
