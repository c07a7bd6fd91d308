"""The events a resolution reads, and what it does when it lacks one."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from zajil.core.events import Event, StateKey

EVENTS_MAX: Final = 100_000
"""Events one resolution looks at: the conflicts and the auth chains below them."""


@dataclass(frozen=True, slots=True)
class NeedEvents:
    """The resolution lacks these events: load them and ask again."""

    event_ids: frozenset[str]
    with_auth_chains: bool
    """Their whole auth chains will be asked for next; loading them along saves round trips."""


@dataclass(frozen=True, slots=True)
class ResolutionRefused:
    """The resolution is beyond the server's limits."""

    reason: str


class MissingEventsError(Exception):
    """Unwinds a resolution that cannot go on."""

    def __init__(self, need: NeedEvents) -> None:
        super().__init__(f"{len(need.event_ids)} events are missing")
        self.need = need


class TooManyEventsError(Exception):
    """Unwinds a resolution that has looked at `EVENTS_MAX` events."""


class EventSource:
    """The loaded events; None, when reading, stands for one that cannot be had."""

    def __init__(self, events: Mapping[str, Event | None], rejected_event_ids: Collection[str]) -> None:
        self._events = events
        self._rejected = frozenset(rejected_event_ids)
        self._seen: set[str] = set()

    def get(self, event_id: str) -> Event | None:
        return self.get_many((event_id,)).get(event_id)

    def get_many(self, event_ids: Iterable[str], with_auth_chains: bool = False) -> dict[str, Event]:
        """Those of the events that can be had. Asks for all that are missing at once."""
        wanted = list(event_ids)
        self._seen.update(wanted)
        if len(self._seen) > EVENTS_MAX:
            raise TooManyEventsError
        missing = [event_id for event_id in wanted if event_id not in self._events]
        if missing:
            raise MissingEventsError(NeedEvents(frozenset(missing), with_auth_chains))
        return {event_id: event for event_id in wanted if (event := self._events[event_id]) is not None}

    def is_rejected(self, event_id: str) -> bool:
        return event_id in self._rejected

    def get_auth_events(self, event: Event) -> dict[StateKey, Event]:
        """An event's auth events by key, the create event included where the room ID stands for it."""
        event_ids = event.auth_event_ids
        if event.rules.room_id_is_create_hash and event.type != "m.room.create":
            event_ids = ("$" + event.room_id[1:], *event_ids)
        return {found.key: found for found in self.get_many(event_ids).values() if found.is_state}
