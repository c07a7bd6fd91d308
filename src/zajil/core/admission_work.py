"""What kinds of work there are, in the order in which a server that has too much of it does them, and how much of each may wait."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Work(IntEnum):
    """Kinds of requests. A smaller number goes first."""

    LIVE = 0
    """P0: a message in a conversation that both sides are having; the keys for it."""
    LIVE_SYNC = 1
    """/sync of somebody in such a conversation."""
    UNKNOWN = 2
    """Finding out in the database who asks; what they ask is work of its kind afterwards."""
    LIVELY = 3
    """A message in such a conversation by somebody who is in more than three. It waits behind strangers' tokens, and is not shed."""
    FIRST = 4
    """P1: a message to the only room its sender has written to lately."""
    FEW = 5
    """P2: to one of the two or three rooms."""
    PERSON = 6
    """What people do besides: keys, profiles, settings."""
    LOGIN = 7
    REGISTER = 8
    INVITE = 9
    JOIN = 10
    MEDIA = 11
    SYNC = 12
    HISTORY = 13
    """Older messages, searches, receipts."""
    MANY = 14
    """P3: a message to one of many rooms, of a new account, or in a burst of rooms."""
    FEDERATION = 15
    """What other servers send and ask: they keep it and come again."""
    TYPING = 16
    PRESENCE = 17


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many of a kind may wait, how long, and how many may run at once (None: as many as there is room for)."""

    waiting_max: int
    wait_s_max: float
    running_max: int | None = None
    takes_place: bool = True
    """False for what mostly waits for the network, and would keep others out for nothing."""
    is_request: bool = True
    """False for what is only a part of one, and not counted against a capacity that is capped."""


SYNCS_AT_ONCE: Final = 24
"""Of each of the two kinds so many are put together at the same time; one that waits for news is none of them. A new process reads some thirty
times for somebody's first sync: a hundred of them at once would leave a message waiting for half a second for each of its own three or four reads,
and would not be done any sooner, for so many keep all connections to a database busy."""

BOUNDS: Final[dict[Work, Bounds]] = {
    Work.LIVE: Bounds(
        8192, 60
    ),  # as many as the group commit takes; more live conversations than that are beyond one process
    Work.LIVE_SYNC: Bounds(4096, 10, SYNCS_AT_ONCE),
    Work.LIVELY: Bounds(2000, 10),
    Work.FIRST: Bounds(2000, 10),
    Work.FEW: Bounds(2000, 10),
    Work.UNKNOWN: Bounds(8192, 10, 32, is_request=False),
    Work.PERSON: Bounds(1000, 10),
    Work.LOGIN: Bounds(500, 10, 16),
    Work.REGISTER: Bounds(500, 10, 16),
    Work.INVITE: Bounds(500, 10, 32),
    Work.JOIN: Bounds(1000, 10, 32),
    Work.MEDIA: Bounds(500, 10, 256, takes_place=False),
    Work.SYNC: Bounds(500, 2, SYNCS_AT_ONCE),
    Work.HISTORY: Bounds(500, 5),
    Work.MANY: Bounds(2000, 10),
    Work.FEDERATION: Bounds(500, 10, 64),
    Work.TYPING: Bounds(200, 0.5),
    Work.PRESENCE: Bounds(200, 0.5),
}

SHEDDING: Final = (
    Work.PRESENCE,
    Work.TYPING,
    Work.HISTORY,
    Work.SYNC,
    Work.MANY,
    Work.FEW,
    Work.FIRST,
)
"""What an overloaded server refuses, the least valuable first. The rest is bounded by its queues only."""

FOREGROUND: Final = frozenset(work for work in Work if BOUNDS[work].running_max is None) - {
    Work.HISTORY,
    Work.MANY,
    Work.TYPING,
    Work.PRESENCE,
}
"""Whose waiting means that there is too much work. Of the others some may wait, and what has a bound of its own waits for itself: people go on reading
older messages while a thousand devices come back, or log in."""

SENDS: Final = (Work.LIVE, Work.LIVELY, Work.FIRST, Work.FEW, Work.MANY)
SYNCS: Final = (Work.LIVE_SYNC, Work.SYNC)
