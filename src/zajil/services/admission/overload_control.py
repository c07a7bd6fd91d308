"""What one process knows for deciding who goes first, put together."""

from typing import Final

from zajil.core.admission import Admission
from zajil.core.admission_rank import Ranks
from zajil.ports.stores.events import StoredEvent
from zajil.services.admission.invitations import Invitations
from zajil.services.admission.new_rooms import NewRooms
from zajil.services.app import App
from zajil.services.rooms.room_heads import RoomHead

CHANCES: Final = 1 << 30


def attach_overload_control(app: App) -> None:
    """Give `app` its admission, its memory of who writes where, and the limits that stand on that."""
    config = app.config
    app.ranks = Ranks()
    app.admission = Admission(lambda: app.randomness.below(CHANCES) / CHANCES, capacity_max=config.capacity_max)
    exempt = config.rate_limits_exempt
    app.new_rooms = NewRooms(app.clock, app.ranks, is_on=config.rate_limits, exempt=exempt)
    app.invitations = Invitations(app.clock, is_on=config.rate_limits, exempt=exempt)


def observe_rooms(app: App) -> None:
    """Remember who writes, from the commits of this process; needs the notifier."""
    ranks, now_s = app.ranks, app.clock.monotonic_s

    def note(head: RoomHead, events: list[StoredEvent]) -> None:
        for stored in events:
            if stored.event.state_key is None:
                ranks.wrote(stored.event.sender, head.room_id, now_s())

    app.notifier.committed.append(note)
