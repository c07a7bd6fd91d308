"""Who writes to how many rooms, and which rooms are conversations: what a server that reads nothing can know of a chain letter.

In memory only, of the last half hour at most, and bounded: 64 rooms of an account, and so many accounts and rooms.
"""

from collections import OrderedDict
from itertools import islice
from typing import Any, Final

from zajil.core.admission_work import Work

RANK_WINDOW_S: Final = 600.0
OTHER_WROTE_S_MAX: Final = 900.0
SELF_WROTE_S_MAX: Final = 1800.0
ROOMS_PER_ACCOUNT_MAX: Final = 64
ACCOUNTS_MAX: Final = 50_000
ROOMS_MAX: Final = 50_000

RANK_LIVE_MAX: Final = 3
RANK_LIVELY_MAX: Final = 12
"""Somebody in so many conversations at once is still somebody, but waits behind those in few."""
RANK_FEW_MAX: Final = 3
BURST_ROOMS: Final = 3
BURST_S: Final = 10.0
"""So many rooms, none of them written to lately, within so long: nobody writes that fast by hand."""
NEVER: Final = -1e12
LEFT_MAX: Final = 10_000
"""So many accounts and rooms, the latest, a process leaves to its successor."""


class Sender:
    """An account that has sent something lately."""

    __slots__ = ("first_attempts", "live_s", "rooms")

    def __init__(self) -> None:
        self.rooms: dict[str, list[float]] = {}
        """When the account last tried to write to a room, and when it last did; the room tried last stands last."""
        self.first_attempts: list[float] = []
        """When the last rooms were written to for the first time."""
        self.live_s = NEVER
        """When the account last wrote in a live conversation."""

    def inherit(self, rooms: dict[str, list[float]], first_attempts: list[float], live_s: float) -> None:
        for room_id, (_, wrote_s) in self.rooms.items():
            if (older := rooms.pop(room_id, None)) is not None:
                self.rooms[room_id][1] = max(wrote_s, older[1])
        merged = [*rooms.items(), *self.rooms.items()]
        self.rooms = dict(merged[-ROOMS_PER_ACCOUNT_MAX:])
        self.first_attempts = [*first_attempts, *self.first_attempts][-BURST_ROOMS:]
        self.live_s = max(self.live_s, live_s)


class Ranks:
    """The memory."""

    def __init__(self) -> None:
        self._senders: OrderedDict[str, Sender] = OrderedDict()
        self._writers: OrderedDict[str, tuple[str, float, float]] = OrderedDict()
        """Of each room the last writer, when they wrote, and when somebody else last did."""

    def __len__(self) -> int:
        return len(self._senders)

    def rank(self, user_id: str, room_id: str, now_s: float, *, is_new: bool) -> Work:
        """What kind of work it is when this account writes to this room now. Counts it: refused attempts are attempts."""
        senders = self._senders
        sender = senders.get(user_id)
        if sender is None:
            sender = self._add(user_id)
        else:
            senders.move_to_end(user_id)
        rooms = sender.rooms
        known = rooms.pop(room_id, None)
        if known is None:
            known = self._begin_room(sender, now_s)
        elif known[0] <= now_s - RANK_WINDOW_S:
            _note_first_attempt(sender, now_s)
        known[0] = now_s
        rooms[room_id] = known
        since_s = now_s - RANK_WINDOW_S
        firsts = sender.first_attempts
        is_burst = len(firsts) == BURST_ROOMS and firsts[0] > now_s - BURST_S
        if known[1] > now_s - SELF_WROTE_S_MAX and self.heard_s(user_id, room_id) > now_s - OTHER_WROTE_S_MAX:
            count = _count_recent(rooms, since_s, RANK_LIVELY_MAX + 1)
            if count <= RANK_LIVE_MAX and not is_burst:
                sender.live_s = now_s
                last = self._writers[room_id][0]
                if last != user_id and (other := senders.get(last)) is not None:
                    other.live_s = now_s  # who is written to must hear it
                return Work.LIVE
            if count <= RANK_LIVELY_MAX:
                return Work.FIRST if is_burst else Work.LIVELY
            return Work.FEW
        if is_new or is_burst:
            return Work.MANY
        count = _count_recent(rooms, since_s, RANK_FEW_MAX + 1)
        return Work.FIRST if count == 1 else Work.FEW if count <= RANK_FEW_MAX else Work.MANY

    def wrote(self, user_id: str, room_id: str, now_s: float) -> None:
        """A message of the account is in the room."""
        sender = self._senders.get(user_id)
        if sender is not None and (known := sender.rooms.get(room_id)) is not None:
            known[1] = now_s
        last = self._writers.get(room_id)
        if last is None:
            if len(self._writers) >= ROOMS_MAX:
                self._writers.popitem(last=False)
            self._writers[room_id] = (user_id, now_s, NEVER)
            return
        self._writers[room_id] = (user_id, now_s, last[2] if last[0] == user_id else last[1])
        self._writers.move_to_end(room_id)

    def heard_s(self, user_id: str, room_id: str) -> float:
        """When somebody other than this account last wrote to the room."""
        last = self._writers.get(room_id)
        if last is None:
            return NEVER
        return last[2] if last[0] == user_id else last[1]

    def written_s(self, room_id: str) -> float:
        """When anybody last wrote to the room."""
        last = self._writers.get(room_id)
        return NEVER if last is None else last[1]

    def attempted_s(self, user_id: str, room_id: str) -> float:
        """When the account last tried to write to the room."""
        sender = self._senders.get(user_id)
        known = None if sender is None else sender.rooms.get(room_id)
        return NEVER if known is None else known[0]

    def is_live(self, user_id: str, now_s: float) -> bool:
        """Whether the account is in a conversation."""
        sender = self._senders.get(user_id)
        return sender is not None and sender.live_s > now_s - OTHER_WROTE_S_MAX

    def count_rooms(self, user_id: str, now_s: float) -> int:
        """How many rooms the account has tried to write to lately."""
        sender = self._senders.get(user_id)
        return 0 if sender is None else _count_recent(sender.rooms, now_s - RANK_WINDOW_S, ROOMS_PER_ACCOUNT_MAX)

    def found(self, user_id: str, room_id: str, wrote_s: float) -> None:
        """A message was found that the account had sent then; to be called in the order of the messages."""
        sender = self._senders.get(user_id) or self._add(user_id)
        if sender.rooms.pop(room_id, None) is None:
            self._begin_room(sender, wrote_s)
        sender.rooms[room_id] = [wrote_s, wrote_s]
        self.wrote(user_id, room_id, wrote_s)

    def leave(self) -> dict[str, Any]:
        """What a successor should know, in JSON's types."""
        senders = islice(reversed(self._senders.items()), LEFT_MAX)
        writers = islice(reversed(self._writers.items()), LEFT_MAX)
        return {
            "senders": [[name, each.rooms, each.first_attempts, each.live_s] for name, each in senders][::-1],
            "writers": [[room_id, *each] for room_id, each in writers][::-1],
        }

    def inherit(self, left: dict[str, Any]) -> None:
        """Know also what another has left, which is older than what is known here."""
        for user_id, rooms, first_attempts, live_s in left["senders"]:
            sender = self._senders.get(user_id)
            if sender is None:
                if len(self._senders) >= ACCOUNTS_MAX:
                    continue
                sender = self._senders[user_id] = Sender()
            sender.inherit(rooms, first_attempts, live_s)
        for room_id, last, last_s, other_s in left["writers"]:
            known = self._writers.get(room_id)
            if known is not None:
                other_s = max(known[2], other_s if known[0] == last else last_s)
                self._writers[room_id] = (known[0], known[1], other_s)
            elif len(self._writers) < ROOMS_MAX:
                self._writers[room_id] = (last, last_s, other_s)

    def _add(self, user_id: str) -> Sender:
        if len(self._senders) >= ACCOUNTS_MAX:
            self._senders.popitem(last=False)
        sender = self._senders[user_id] = Sender()
        return sender

    def _begin_room(self, sender: Sender, now_s: float) -> list[float]:
        rooms = sender.rooms
        while rooms:
            oldest = next(iter(rooms))
            if len(rooms) < ROOMS_PER_ACCOUNT_MAX and rooms[oldest][0] > now_s - SELF_WROTE_S_MAX:
                break
            del rooms[oldest]
        _note_first_attempt(sender, now_s)
        return [now_s, NEVER]


def _note_first_attempt(sender: Sender, now_s: float) -> None:
    sender.first_attempts.append(now_s)
    if len(sender.first_attempts) > BURST_ROOMS:
        del sender.first_attempts[0]


def _count_recent(rooms: dict[str, list[float]], since_s: float, count_max: int) -> int:
    """How many were tried since then; no more than `count_max` are counted."""
    count = 0
    for known in reversed(rooms.values()):
        if known[0] <= since_s:
            break
        count += 1
        if count == count_max:
            break
    return count
