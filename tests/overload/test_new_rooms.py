"""The breaker on new rooms, and the limit on invitations: what honest people feel of them, and that the times told are true."""

import json

import pytest

from zajil.core.admission_rank import Ranks
from zajil.services.admission.invitations import Invitations
from zajil.services.admission.new_rooms import NewRooms
from zajil.services.errors import MatrixError
from zajil.services.requester import Requester

YEAR_MS = 365 * 86_400_000
ANNA = "@anna:localhost"


class SetClock:
    """A clock that is set by hand. It stands a year after the accounts were made."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now_ms(self) -> int:
        return YEAR_MS + int(self.seconds * 1000)

    def monotonic_s(self) -> float:
        return self.seconds


class Sending:
    """An account that writes to rooms, and waits as it is told."""

    def __init__(self, *, is_new: bool = False, is_on: bool = True, exempt: tuple[str, ...] = ()) -> None:
        self.clock = SetClock()
        self.ranks = Ranks()
        self.rooms = NewRooms(self.clock, self.ranks, is_on=is_on, exempt=exempt)
        self.is_new = is_new
        self.refusals = 0

    def try_to_write(self, room_id: str) -> float:
        """0, or the seconds to wait."""
        try:
            self.rooms.check(ANNA, room_id, is_new_account=self.is_new)
        except MatrixError as refused:
            assert (refused.status, refused.errcode) == (429, "M_LIMIT_EXCEEDED")
            assert refused.extra is not None
            self.refusals += 1
            return int(refused.extra["retry_after_ms"]) / 1000
        self.ranks.rank(ANNA, room_id, self.clock.seconds, is_new=self.is_new)
        self.ranks.wrote(ANNA, room_id, self.clock.seconds)
        return 0.0

    def write(self, room_id: str) -> None:
        """Waits once at most: the time told is true."""
        if wait_s := self.try_to_write(room_id):
            self.clock.seconds += wait_s
            assert self.try_to_write(room_id) == 0


@pytest.mark.parametrize(("is_new", "greetings", "last_s"), [(False, 30, 540), (False, 100, 2640), (True, 30, 3000)])
def test_birthday_invitations(is_new: bool, greetings: int, last_s: float) -> None:
    """Of thirty the last waits nine minutes, of a hundred forty-four; in the first day of an account thirty take fifty minutes."""
    sending = Sending(is_new=is_new)
    for number in range(greetings):
        sending.write(f"!{number}")
    assert sending.clock.seconds == pytest.approx(last_s, abs=0.2)


def test_answers_are_free() -> None:
    sending = Sending()
    for number in range(200):
        sending.ranks.wrote(f"@friend{number}:localhost", f"!{number}", 0)
        assert sending.try_to_write(f"!{number}") == 0
    for number in range(12):
        assert sending.try_to_write(f"!new{number}") == 0
    assert sending.try_to_write("!one more") > 0
    assert sending.try_to_write("!new3") == 0, "not a new room any more"


def test_a_refused_attempt_does_not_make_the_room_known() -> None:
    sending = Sending()
    for number in range(12):
        sending.write(f"!{number}")
    assert sending.try_to_write("!more") == pytest.approx(30, abs=0.01)
    assert sending.try_to_write("!more") == pytest.approx(30, abs=0.01)
    assert sending.rooms.refused == 2


def test_exempt_accounts_and_off() -> None:
    for sending in (Sending(exempt=(ANNA,)), Sending(is_on=False)):
        for number in range(500):
            assert sending.try_to_write(f"!{number}") == 0


def test_the_sentence_says_which_limit_and_until_when() -> None:
    sending = Sending()
    for number in range(12):
        sending.write(f"!{number}")
    with pytest.raises(MatrixError, match=r"written to many chats.*in 30 s; one more every 30 s"):
        sending.rooms.check(ANNA, "!more", is_new_account=False)


def test_those_whom_most_decline_invite_half_as_often() -> None:
    clock = SetClock()
    invitations = Invitations(clock, is_on=True, exempt=())
    anna = Requester(ANNA, "D", 1)
    for _ in range(50):
        invitations.check(anna)
    with pytest.raises(MatrixError) as refused:
        invitations.check(anna)
    assert refused.value.extra == {"retry_after_ms": 10_000}
    for number in range(20):
        invitations.note_answer(ANNA, is_declined=number % 3 > 0)
    clock.seconds += 500
    for _ in range(25):
        invitations.check(anna)
    with pytest.raises(MatrixError, match="have declined"):
        invitations.check(anna)
    for _ in range(20):
        invitations.note_answer(ANNA, is_declined=False)
    clock.seconds += 10
    invitations.check(anna)


def test_a_large_group_may_be_made_at_once_and_then_one_waits() -> None:
    clock = SetClock()
    invitations = Invitations(clock, is_on=True, exempt=())
    anna = Requester(ANNA, "D", 1)
    invitations.check(anna, 100)
    with pytest.raises(MatrixError) as refused:
        invitations.check(anna)
    assert refused.value.extra is not None
    clock.seconds += int(refused.value.extra["retry_after_ms"]) / 1000
    invitations.check(anna)


def test_a_hundred_invitations_one_after_the_other() -> None:
    """Fifty go at once, the last waits eight minutes and twenty seconds."""
    clock = SetClock()
    invitations = Invitations(clock, is_on=True, exempt=())
    anna = Requester(ANNA, "D", 1)
    for _ in range(100):
        try:
            invitations.check(anna)
        except MatrixError as refused:
            assert refused.extra is not None
            clock.seconds += int(refused.extra["retry_after_ms"]) / 1000
            invitations.check(anna)
    assert clock.seconds == pytest.approx(500, abs=0.2)


def test_a_successor_knows_who_has_invited_and_how_that_was_answered() -> None:
    clock = SetClock()
    former, successor = [Invitations(clock, is_on=True, exempt=()) for _ in range(2)]
    anna = Requester(ANNA, "D", 1)
    for _ in range(50):
        former.check(anna)
    for _ in range(20):
        former.note_answer(ANNA, is_declined=True)
    successor.note_answer(ANNA, is_declined=False)
    successor.inherit(json.loads(json.dumps(former.leave())))
    with pytest.raises(MatrixError, match="have declined"):
        successor.check(anna)
    for _ in range(9):
        successor.note_answer(ANNA, is_declined=False)
    with pytest.raises(MatrixError) as refused:
        successor.check(anna)
    assert refused.value.extra == {"retry_after_ms": 10_000}, "the answers are the newest twenty"
