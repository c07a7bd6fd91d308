"""How often an account may invite people; half as often when most of those it invited have declined. In memory only, and left to a successor."""

from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from zajil.core.admission_gcra import Gcra
from zajil.ports.clock import Clock
from zajil.services.admission.new_rooms import describe_s, is_new_account, round_up_ms
from zajil.services.errors import limit_exceeded
from zajil.services.requester import Requester

LIMIT: Final = Gcra(10, 50)
LIMIT_OF_NEW_ACCOUNTS: Final = Gcra(60, 20)
ANSWERS_REMEMBERED: Final = 20
ANSWERS_LEAST: Final = 4
"""Fewer answers say nothing."""
ACCOUNTS_MAX: Final = 50_000
LEFT_MAX: Final = 10_000
"""So many accounts, the latest, a process leaves to its successor."""


@dataclass(slots=True)
class Inviter:
    """What is known of an account that invites."""

    full_s: float = 0.0
    declined: deque[bool] = field(default_factory=lambda: deque(maxlen=ANSWERS_REMEMBERED))
    """Of the last answers to its invitations, the newest last."""

    @property
    def is_unwelcome(self) -> bool:
        return len(self.declined) >= ANSWERS_LEAST and sum(self.declined) * 2 > len(self.declined)


class Invitations:
    """The memory of one process."""

    def __init__(self, clock: Clock, *, is_on: bool, exempt: Collection[str]) -> None:
        self._clock = clock
        self._is_on = is_on
        self._exempt = frozenset(exempt)
        self._inviters: OrderedDict[str, Inviter] = OrderedDict()
        self.refused = 0

    def check(self, requester: Requester, count: int = 1) -> None:
        """Count invitations, several of which may go together. Raises 429 M_LIMIT_EXCEEDED with the time to wait."""
        if not self._is_on or not count or requester.user_id in self._exempt:
            return
        now_s = self._clock.monotonic_s()
        inviter = self._find(requester.user_id)
        is_new = is_new_account(requester.created_ts_ms, self._clock.now_ms())
        limit = LIMIT_OF_NEW_ACCOUNTS if is_new else LIMIT
        if inviter.is_unwelcome:
            limit = limit.halve()
        wait_s = limit.wait_s(inviter.full_s, now_s, count)
        if wait_s:
            self.refused += 1
            why = " Most of those you invited last have declined." if inviter.is_unwelcome else ""
            raise limit_exceeded(
                round_up_ms(wait_s),
                f"You have invited many people in a short time.{why} You can invite again in {describe_s(wait_s)}; "
                f"one more every {limit.interval_s:g} s.",
            )
        inviter.full_s = limit.take(inviter.full_s, now_s, count)

    def note_answer(self, inviter: str, *, is_declined: bool) -> None:
        """Somebody has joined on an invitation, or declined it."""
        self._find(inviter).declined.append(is_declined)

    def leave(self) -> dict[str, tuple[float, list[bool]]]:
        """For a successor: when each account will have its whole burst again, and how its last invitations were answered."""
        latest = list(islice(reversed(self._inviters.items()), LEFT_MAX))
        return {user_id: (each.full_s, list(each.declined)) for user_id, each in reversed(latest)}

    def inherit(self, left: dict[str, tuple[float, list[bool]]]) -> None:
        """Know also what another has left, which is older than what is known here."""
        for user_id, (full_s, declined) in left.items():
            if user_id not in self._inviters and len(self._inviters) >= ACCOUNTS_MAX:
                continue
            inviter = self._find(user_id)
            inviter.full_s = max(full_s, inviter.full_s)
            inviter.declined = deque([*declined, *inviter.declined], maxlen=ANSWERS_REMEMBERED)

    def _find(self, user_id: str) -> Inviter:
        inviter = self._inviters.get(user_id)
        if inviter is None:
            if len(self._inviters) >= ACCOUNTS_MAX:
                self._inviters.popitem(last=False)
            inviter = self._inviters[user_id] = Inviter()
        else:
            self._inviters.move_to_end(user_id)
        return inviter
