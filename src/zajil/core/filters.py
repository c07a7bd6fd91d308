"""Filters of /sync, /messages, /context and /search (spec: Filtering)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zajil.core.globs import compile_glob
from zajil.core.property_path import Path, parse_path, project

LIST_ENTRIES_MAX = 1_000
ENTRY_CHARACTERS_MAX = 255
"""No identifier or event type is longer."""
EVENT_FIELDS_MAX = 100
LIMIT_MAX = 1_000
"""Larger limits mean this one."""
TIMELINE_LIMIT_DEFAULT = 10


@dataclass(frozen=True, slots=True)
class FilterFailure:
    """Why a filter is refused, with status 400."""

    message: str
    errcode: str = "M_BAD_JSON"


def _match_any(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class EventFilter:
    """An EventFilter or RoomEventFilter of the spec; None in a list's place lets everything pass."""

    limit: int | None = None
    types: tuple[str, ...] | None = None
    not_types: tuple[str, ...] = ()
    senders: frozenset[str] | None = None
    not_senders: frozenset[str] = frozenset()
    rooms: frozenset[str] | None = None
    not_rooms: frozenset[str] = frozenset()
    contains_url: bool | None = None
    related_by_senders: frozenset[str] | None = None
    related_by_rel_types: frozenset[str] | None = None
    lazy_load_members: bool = False
    include_redundant_members: bool = False
    unread_thread_notifications: bool = False
    matches_type: Callable[[str], bool] = field(default=_match_any, compare=False)
    """Whether events of a type can pass."""

    @property
    def passes_everything(self) -> bool:
        """No event is held back, so none has to be looked at."""
        open_lists = self.types is None and self.senders is None and self.rooms is None
        open_rest = self.contains_url is None and not self.asks_for_relations
        return open_lists and open_rest and not (self.not_types or self.not_senders or self.not_rooms)

    @property
    def asks_for_relations(self) -> bool:
        """Events must also pass `matches_relations`."""
        return self.related_by_senders is not None or self.related_by_rel_types is not None

    def matches_room(self, room_id: str) -> bool:
        return room_id not in self.not_rooms and (self.rooms is None or room_id in self.rooms)

    def matches_sender(self, sender: str | None) -> bool:
        """sender is None for what has none, such as typing and account data."""
        return sender not in self.not_senders and (self.senders is None or sender in self.senders)

    def matches(self, type_: str, sender: str | None, content: Mapping[str, Any], room_id: str | None = None) -> bool:
        """Whether an event passes, except for what it asks about relations."""
        if not self.matches_type(type_) or not self.matches_sender(sender):
            return False
        if room_id is not None and not self.matches_room(room_id):
            return False
        return self.contains_url is None or self.contains_url == ("url" in content)

    def matches_relations(self, relations: Iterable[tuple[str, str]]) -> bool:
        """Whether one of the events that relate to an event, as (sender, rel_type), is one asked for."""
        if not self.asks_for_relations:
            return True
        return any(
            (self.related_by_senders is None or sender in self.related_by_senders)
            and (self.related_by_rel_types is None or rel_type in self.related_by_rel_types)
            for sender, rel_type in relations
        )


OPEN_FILTER: Final = EventFilter()


@dataclass(frozen=True, slots=True)
class SyncFilter:
    """A Filter of the spec, as `POST /user/{userId}/filter` and `/sync` take it."""

    event_fields: tuple[Path, ...] | None = None
    event_format: str = "client"
    presence: EventFilter = OPEN_FILTER
    account_data: EventFilter = OPEN_FILTER
    rooms: frozenset[str] | None = None
    not_rooms: frozenset[str] = frozenset()
    include_leave: bool = False
    ephemeral: EventFilter = OPEN_FILTER
    state: EventFilter = OPEN_FILTER
    timeline: EventFilter = OPEN_FILTER
    room_account_data: EventFilter = OPEN_FILTER

    @property
    def timeline_limit(self) -> int:
        return TIMELINE_LIMIT_DEFAULT if self.timeline.limit is None else self.timeline.limit

    @property
    def lazy_load_members(self) -> bool:
        return self.state.lazy_load_members

    @property
    def unread_thread_notifications(self) -> bool:
        return self.timeline.unread_thread_notifications

    def matches_room(self, room_id: str) -> bool:
        """Whether a room appears at all; the filters inside can still exclude it from their part."""
        return room_id not in self.not_rooms and (self.rooms is None or room_id in self.rooms)

    def project(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """Only the fields of an event that were asked for."""
        return event if self.event_fields is None else project(event, self.event_fields)


class _Refused(Exception):
    """Carries the sentence from the place in the filter that is wrong up to the parser's caller."""


def parse_sync_filter(data: object) -> SyncFilter | FilterFailure:
    """Parse a filter's JSON; unknown keys are ignored."""
    try:
        return _read_sync_filter(_Reader(data, "The filter"))
    except _Refused as refused:
        return FilterFailure(str(refused))


def parse_room_event_filter(data: object) -> EventFilter | FilterFailure:
    """Parse the JSON of a RoomEventFilter, as /messages, /context and /search take it."""
    try:
        return _read_event_filter(_Reader(data, "The filter"), in_room=True)
    except _Refused as refused:
        return FilterFailure(str(refused))


class _Reader:
    """Typed access to a JSON object; what is wrong raises `_Refused` with a sentence that names the place."""

    def __init__(self, data: object, place: str) -> None:
        if not isinstance(data, dict):
            raise _Refused(f"{place} must be a JSON object.")
        self._data = data
        self._place = place

    def get_object(self, key: str) -> "_Reader":
        return _Reader(self._data.get(key, {}), self._name(key))

    def get_bool(self, key: str) -> bool | None:
        value = self._data.get(key)
        if value is not None and not isinstance(value, bool):
            raise _Refused(f"{self._name(key)} must be true or false.")
        return value

    def get_limit(self) -> int | None:
        value = self._data.get("limit")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _Refused(f"{self._name('limit')} must be a whole number that is not negative.")
        return min(value, LIMIT_MAX)

    def get_list(self, key: str, entries_max: int = LIST_ENTRIES_MAX) -> tuple[str, ...] | None:
        value = self._data.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > entries_max:
            raise _Refused(f"{self._name(key)} must be a list of at most {entries_max} strings.")
        if not all(isinstance(entry, str) and len(entry) <= ENTRY_CHARACTERS_MAX for entry in value):
            raise _Refused(f"{self._name(key)} must have only strings of at most {ENTRY_CHARACTERS_MAX} characters.")
        return tuple(value)

    def get_users(self, key: str) -> frozenset[str] | None:
        entries = self.get_list(key)
        if any(not entry.startswith("@") or ":" not in entry for entry in entries or ()):
            raise _Refused(f"{self._name(key)} must have only user IDs.")
        return None if entries is None else frozenset(entries)

    def get_rooms(self, key: str) -> frozenset[str] | None:
        entries = self.get_list(key)
        if any(not entry.startswith("!") for entry in entries or ()):
            raise _Refused(f"{self._name(key)} must have only room IDs.")
        return None if entries is None else frozenset(entries)

    def get_choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._data.get(key, choices[0])
        if value not in choices:
            raise _Refused(f"{self._name(key)} must be one of {', '.join(choices)}.")
        return str(value)

    def _name(self, key: str) -> str:
        return f"{key} in {self._place[0].lower() + self._place[1:]}"


def _read_sync_filter(data: _Reader) -> SyncFilter:
    room = data.get_object("room")
    fields = data.get_list("event_fields", EVENT_FIELDS_MAX)
    return SyncFilter(
        event_fields=None if fields is None else tuple(parse_path(entry) for entry in fields),
        event_format=data.get_choice("event_format", ("client", "federation")),
        presence=_read_event_filter(data.get_object("presence"), in_room=False),
        account_data=_read_event_filter(data.get_object("account_data"), in_room=False),
        rooms=room.get_rooms("rooms"),
        not_rooms=room.get_rooms("not_rooms") or frozenset(),
        include_leave=room.get_bool("include_leave") or False,
        ephemeral=_read_event_filter(room.get_object("ephemeral"), in_room=True),
        state=_read_event_filter(room.get_object("state"), in_room=True),
        timeline=_read_event_filter(room.get_object("timeline"), in_room=True),
        room_account_data=_read_event_filter(room.get_object("account_data"), in_room=True),
    )


def _read_event_filter(data: _Reader, in_room: bool) -> EventFilter:
    types, not_types = data.get_list("types"), data.get_list("not_types") or ()
    senders, not_senders = data.get_users("senders"), data.get_users("not_senders") or frozenset()
    matches_type = _compile_types(types, not_types)
    limit = data.get_limit()
    if not in_room:
        return EventFilter(limit, types, not_types, senders, not_senders, matches_type=matches_type)
    rel_types = data.get_list("related_by_rel_types")
    return EventFilter(
        limit=limit,
        types=types,
        not_types=not_types,
        senders=senders,
        not_senders=not_senders,
        rooms=data.get_rooms("rooms"),
        not_rooms=data.get_rooms("not_rooms") or frozenset(),
        contains_url=data.get_bool("contains_url"),
        related_by_senders=data.get_users("related_by_senders"),
        related_by_rel_types=None if rel_types is None else frozenset(rel_types),
        lazy_load_members=data.get_bool("lazy_load_members") or False,
        include_redundant_members=data.get_bool("include_redundant_members") or False,
        unread_thread_notifications=data.get_bool("unread_thread_notifications") or False,
        matches_type=matches_type,
    )


def _compile_types(types: tuple[str, ...] | None, not_types: tuple[str, ...]) -> Callable[[str], bool]:
    if types is None and not not_types:
        return _match_any
    listed = _match_any if types is None else _compile_list(types)
    excluded = _compile_list(not_types)
    return lambda type_: listed(type_) and not excluded(type_)


def _compile_list(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    exact = frozenset(pattern for pattern in patterns if "*" not in pattern)
    globs = [compile_glob(pattern, question_mark=False) for pattern in patterns if "*" in pattern]
    return lambda type_: type_ in exact or any(matches(type_) for matches in globs)
