"""Events as clients get them: the part that is the same for everybody is serialised once and kept, the rest is spliced in."""

from collections.abc import Mapping
from typing import Any

import orjson

from zajil.core.events import build_client_json
from zajil.ports.stores.events import StoredEvent
from zajil.services.requester import Requester

Extras = Mapping[str, Any]


def client_prefix(stored: StoredEvent) -> bytes:
    """The event in client format without its last brace."""
    prefix = stored.client_prefix
    if prefix is None:
        prefix = stored.client_prefix = orjson.dumps(build_client_json(stored.event))[:-1]
    return prefix


def render_event(
    stored: StoredEvent,
    now_ms: int,
    requester: Requester | None = None,
    *,
    membership: str | None = None,
    extras: Extras | None = None,
) -> bytes:
    """The event as JSON for one client.

    `membership` is the requester's own at the event (`unsigned.membership`); `extras` are further fields of `unsigned`
    (`prev_content`, `m.relations`, `redacted_because`).
    """
    age = max(now_ms - stored.event.origin_server_ts, 0)
    unsigned = b',"unsigned":{"age":%d' % age
    if membership is not None:
        unsigned += b',"membership":"%s"' % membership.encode()
    if stored.txn_id is not None and requester is not None and _is_own(stored, requester):
        unsigned += b',"transaction_id":' + orjson.dumps(stored.txn_id)
    if extras:
        unsigned += b"," + orjson.dumps(extras)[1:-1]
    return client_prefix(stored) + unsigned + b"}}"


def _is_own(stored: StoredEvent, requester: Requester) -> bool:
    return stored.event.sender == requester.user_id and stored.device_id == requester.device_id


def render_list(events: list[bytes]) -> bytes:
    """A JSON array of rendered events."""
    return b"[" + b",".join(events) + b"]"
