"""Whether a message may relate to the event it names (client-server API, "Forming relationships between events")."""

from zajil.core.relations import ANNOTATION, THREAD, check_relation, parse_relation
from zajil.ports.database import Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.messages.append_events import Proposal, RoomDraft


async def check_may_relate(app: App, tx: Transaction, draft: RoomDraft, proposal: Proposal) -> None:
    """Raises M_DUPLICATE_ANNOTATION for a reaction made before, M_UNKNOWN for a thread that cannot begin there."""
    relation = parse_relation(proposal.content)
    if relation is None:
        return
    room_nid, is_duplicate, target = draft.row.room_nid, False, None
    if relation.rel_type == ANNOTATION:
        is_duplicate = await app.stores.relations.has_annotation(
            tx, room_nid, relation.event_id, proposal.type, proposal.sender, relation.key or ""
        )
    elif relation.rel_type == THREAD:
        found = await app.stores.events.load_by_ids(tx, [relation.event_id])
        target = next((stored.event for stored in found if stored.room_nid == room_nid), None)
    if (failure := check_relation(relation, target, is_duplicate=is_duplicate)) is not None:
        raise MatrixError(400, failure.errcode, failure.message)
