"""The breaker: how many rooms that are new to it an account may write to. It reads nothing, and remembers for ten minutes.

A chain letter goes to many chats at once; a conversation goes on in one. So what is limited is not messages but rooms the account
has not written to lately, and in which nobody else has. Users of other servers are held to it too, but are not refused: their messages wait
(services/federation/slowed_senders.py).
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from zajil.core.admission_gcra import Gcra
from zajil.core.admission_rank import Ranks
from zajil.ports.clock import Clock
from zajil.services.errors import MatrixError, limit_exceeded

LIMIT: Final = Gcra(30, 12)
LIMIT_OF_NEW_ACCOUNTS: Final = Gcra(120, 5)
NEW_ACCOUNT_MS: Final = 24 * 3600 * 1000
MEMORY_S: Final = 600.0
ACCOUNTS_MAX: Final = 50_000


class NewRooms:
    """One number for each account that has written to new rooms lately."""

    def __init__(self, clock: Clock, ranks: Ranks, *, is_on: bool, exempt: Collection[str]) -> None:
        self._clock = clock
        self._ranks = ranks
        self._is_on = is_on
        self._exempt = frozenset(exempt)
        self._full_s: OrderedDict[str, float] = OrderedDict()
        self.refused = 0

    def check(self, user_id: str, room_id: str, *, is_new_account: bool) -> None:
        """To be called before the attempt is counted by `Ranks`. Raises 429 M_LIMIT_EXCEEDED with the time to wait."""
        if not self._is_on or user_id in self._exempt:
            return
        now_s = self._clock.monotonic_s()
        since_s = now_s - MEMORY_S
        if self._ranks.attempted_s(user_id, room_id) > since_s or self._ranks.heard_s(user_id, room_id) > since_s:
            return
        limit = LIMIT_OF_NEW_ACCOUNTS if is_new_account else LIMIT
        full_s = self._full_s.get(user_id, 0.0)
        wait_s = limit.wait_s(full_s, now_s)
        if wait_s:
            self.refused += 1
            raise refuse(limit, wait_s)
        self._take(limit, user_id, full_s, now_s)

    def find_delay_s(self, user_id: str, room_id: str, waited_s: float = 0.0) -> float:
        """How long a message must wait that cannot be refused, ten minutes at most; 0 for not at all. Its turn is kept for it.

        One that was under way for `waited_s` has waited so long, and takes nobody's turn if that was long enough.
        """
        if not self._is_on or user_id in self._exempt:
            return 0.0
        now_s = self._clock.monotonic_s()
        if self._ranks.written_s(room_id) > now_s - MEMORY_S:
            return 0.0
        full_s = self._full_s.get(user_id, 0.0)
        wait_s = LIMIT.wait_s(full_s, now_s)
        if 0 < wait_s <= waited_s:
            return 0.0
        if wait_s < MEMORY_S:
            self._take(LIMIT, user_id, full_s, now_s)
        return max(0.0, min(wait_s, MEMORY_S) - waited_s)

    def _take(self, limit: Gcra, user_id: str, full_s: float, now_s: float) -> None:
        self._full_s[user_id] = limit.take(full_s, now_s)
        self._full_s.move_to_end(user_id)
        if len(self._full_s) > ACCOUNTS_MAX:
            self._full_s.popitem(last=False)

    def leave(self) -> dict[str, float]:
        """For a successor: when each account will have its whole burst again."""
        now_s = self._clock.monotonic_s()
        return {user_id: full_s for user_id, full_s in self._full_s.items() if full_s > now_s}

    def inherit(self, left: dict[str, float]) -> None:
        for user_id, full_s in left.items():
            if len(self._full_s) < ACCOUNTS_MAX:
                self._full_s[user_id] = max(full_s, self._full_s.get(user_id, 0.0))


def refuse(limit: Gcra, wait_s: float) -> MatrixError:
    return limit_exceeded(
        round_up_ms(wait_s),
        f"You have written to many chats in a short time. The next new one can be written to in {describe_s(wait_s)}; "
        f"one more every {limit.interval_s:g} s. Chats in which the others write too are not limited.",
    )


def is_new_account(created_ts_ms: int, now_ms: int) -> bool:
    """Whether the account is less than a day old."""
    return now_ms - created_ts_ms < NEW_ACCOUNT_MS


def round_up_ms(wait_s: float) -> int:
    return max(1, -int(-wait_s * 1000 // 1))


def describe_s(wait_s: float) -> str:
    """A time to wait, for people: rounded up, so that it is never too short."""
    seconds = max(1, -int(-wait_s // 1))
    return f"{seconds} s" if seconds < 120 else f"{-(-seconds // 60)} min"
