"""What was promised and what came of it: every message of a drill, every delivery, and the judgement. Pure: times are seconds of one clock."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(slots=True)
class Message:
    """One message somebody wanted to send."""

    number: int
    sender: str
    room_id: str
    due_s: float
    """When it was to be sent, whatever held the sender up: latency counts from here, so a stalled server is not forgiven (no coordinated omission)."""
    body: str
    event_id: str | None = None
    acked_s: float | None = None
    tried_s: float = 0.0
    """When the last attempt was begun."""
    failures: int = 0
    """Attempts that got no answer or an error."""
    is_live: bool = True
    """Part of a two-way conversation, not of the flood."""

    @property
    def latency_s(self) -> float | None:
        return None if self.acked_s is None else self.acked_s - self.due_s


@dataclass(frozen=True)
class Window:
    """A stretch of the drill."""

    name: str
    began_s: float
    ended_s: float

    def covers(self, at_s: float) -> bool:
        return self.began_s <= at_s < self.ended_s


@dataclass
class Ledger:
    """Every message, and what each reader got in each room, in the order of its arrival."""

    messages: list[Message] = field(default_factory=list)
    received: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """(user ID, room ID): event IDs."""

    def intend(self, sender: str, room_id: str, due_s: float, *, is_live: bool = True) -> Message:
        number = len(self.messages)
        message = Message(number, sender, room_id, due_s, f"drill {number}", is_live=is_live)
        self.messages.append(message)
        return message

    def receive(self, user_id: str, room_id: str, event_ids: Iterable[str]) -> None:
        self.received.setdefault((user_id, room_id), []).extend(event_ids)

    @property
    def acknowledged(self) -> list[Message]:
        return [message for message in self.messages if message.event_id is not None]


@dataclass(frozen=True)
class Verdict:
    """What was broken, as sentences' worth of facts: each list names messages or (reader, room, event)."""

    missing: tuple[str, ...]
    """Acknowledged, and not in the room's history."""
    undelivered: tuple[tuple[str, str, str], ...]
    """In the history, and never given to a member who read all along."""
    duplicated: tuple[str, ...]
    """One message under two event IDs."""
    delivered_twice: tuple[tuple[str, str, str], ...]
    reordered: tuple[tuple[str, str, str], ...]
    """Given to a reader in another order than the room's."""
    unanswered: tuple[str, ...]
    """Never acknowledged although the server was up again."""
    lost_at_s: tuple[float, ...] = ()
    """When each of what is lost was due; so for the other two."""
    doubled_at_s: tuple[float, ...] = ()
    reordered_at_s: tuple[float, ...] = ()

    @property
    def wrongs(self) -> dict[str, Sequence[str | tuple[str, ...]]]:
        """What was found, by the name of its kind; empty when nothing was."""
        kinds: dict[str, Sequence[str | tuple[str, ...]]] = {
            "missing": self.missing,
            "undelivered": self.undelivered,
            "stored_twice": self.duplicated,
            "delivered_twice": self.delivered_twice,
            "out_of_order": self.reordered,
            "unanswered": self.unanswered,
        }
        return {kind: found for kind, found in kinds.items() if found}

    @property
    def lost(self) -> int:
        return len(self.missing) + len(self.undelivered)

    @property
    def doubled(self) -> int:
        return len(self.duplicated) + len(self.delivered_twice)

    def count_in(self, window: Window) -> tuple[int, int, int]:
        """How much of what was due in the window is lost, duplicated and out of order."""
        lost, doubled, reordered = (
            sum(map(window.covers, times)) for times in (self.lost_at_s, self.doubled_at_s, self.reordered_at_s)
        )
        return lost, doubled, reordered


def judge(
    ledger: Ledger, histories: Mapping[str, Sequence[tuple[str, str]]], members: Mapping[str, Sequence[str]]
) -> Verdict:
    """Hold what happened against what was promised.

    `histories`: (event ID, body) of each room, oldest first, read from the server at the end. `members`: who read each room from before the first message on.
    """
    missing: list[Message] = []
    duplicated: list[tuple[str, str]] = []
    for room_id, history in histories.items():
        counts = Counter(body for _, body in history)
        duplicated += [(body, room_id) for body, count in counts.items() if count > 1 and body.startswith("drill ")]
    known = {room_id: {event_id for event_id, _ in history} for room_id, history in histories.items()}
    for message in ledger.acknowledged:
        if message.event_id not in known.get(message.room_id, ()):
            missing.append(message)
    undelivered, twice, reordered = [], [], []
    for room_id, readers in members.items():
        places = {event_id: place for place, (event_id, _) in enumerate(histories.get(room_id, ()))}
        promised = [
            each.event_id for each in ledger.acknowledged if each.room_id == room_id and each.event_id is not None
        ]
        for reader in readers:
            got = [each for each in ledger.received.get((reader, room_id), ()) if each in places]
            counts = Counter(got)
            undelivered += [(reader, room_id, each) for each in promised if each in places and each not in counts]
            twice += [(reader, room_id, each) for each, count in counts.items() if count > 1]
            reordered += [(reader, room_id, after) for before, after in pairwise(got) if places[after] < places[before]]
    due_s = {each.body: each.due_s for each in ledger.messages}
    due_s |= {event_id: due_s[body] for each in histories.values() for event_id, body in each if body in due_s}
    never = float("-inf")
    return Verdict(
        tuple(f"{each.event_id} in {each.room_id}" for each in missing),
        tuple(undelivered),
        tuple(f"{body} in {room_id}" for body, room_id in duplicated),
        tuple(twice),
        tuple(reordered),
        tuple(f"{each.body} in {each.room_id}" for each in ledger.messages if each.event_id is None and each.is_live),
        lost_at_s=(*(each.due_s for each in missing), *(due_s.get(each, never) for _, _, each in undelivered)),
        doubled_at_s=tuple(
            due_s.get(each, never) for each in [body for body, _ in duplicated] + [each for _, _, each in twice]
        ),
        reordered_at_s=tuple(due_s.get(each, never) for _, _, each in reordered),
    )


def find_percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


@dataclass(frozen=True)
class Figures:
    """A window in numbers; latencies in milliseconds."""

    window: Window
    sends: int
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    longest_ms: float | None
    failures: int
    downtime_ms: float
    """The longest time in which messages were due and none was acknowledged."""


def summarise(messages: Sequence[Message], window: Window) -> Figures:
    """Figures of the live messages that were due in the window."""
    due = [each for each in messages if each.is_live and window.covers(each.due_s)]
    latencies = [each.latency_s * 1000 for each in due if each.latency_s is not None]

    def rounded(share: float) -> float | None:
        value = find_percentile(latencies, share)
        return None if value is None else round(value, 1)

    return Figures(
        window,
        len(due),
        rounded(0.5),
        rounded(0.99),
        rounded(0.999),
        round(max(latencies), 1) if latencies else None,
        sum(each.failures for each in due),
        round(find_downtime_s(due) * 1000, 1),
    )


def find_downtime_s(messages: Sequence[Message]) -> float:
    """The longest stretch in which something was due or under way all the time and nothing was acknowledged."""
    marks = sorted(
        [(each.due_s, 1) for each in messages if each.acked_s is not None]
        + [(each.acked_s, -1) for each in messages if each.acked_s is not None]
    )
    longest = 0.0
    waiting, since = 0, 0.0
    for at_s, change in marks:
        if change > 0:
            if waiting == 0:
                since = at_s
            waiting += 1
        else:
            longest = max(longest, at_s - since)
            waiting -= 1
            since = at_s
    return longest
