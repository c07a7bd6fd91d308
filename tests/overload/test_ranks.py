"""Who writes to how many rooms, and what that makes of their messages."""

import pytest

from zajil.core import admission_rank
from zajil.core.admission_rank import ROOMS_PER_ACCOUNT_MAX, Ranks
from zajil.core.admission_work import SHEDDING, Work


def talk(ranks: Ranks, one: str, other: str, room_id: str, now_s: float) -> None:
    """Both write, and are heard."""
    for user_id in (one, other):
        ranks.rank(user_id, room_id, now_s, is_new=False)
        ranks.wrote(user_id, room_id, now_s)


def test_the_more_rooms_the_later() -> None:
    ranks = Ranks()
    works = [ranks.rank("anna", f"room{number}", number * 20.0, is_new=False) for number in range(6)]
    assert works == [Work.FIRST, Work.FEW, Work.FEW, Work.MANY, Work.MANY, Work.MANY]
    assert ranks.rank("anna", "room5", 100.0 + 601, is_new=False) is Work.FIRST, "ten minutes later it is forgotten"


def test_a_conversation_comes_first() -> None:
    ranks = Ranks()
    assert ranks.rank("anna", "room", 0, is_new=False) is Work.FIRST
    ranks.wrote("anna", "room", 0)
    assert ranks.rank("anna", "room", 1, is_new=False) is Work.FIRST, "nobody has answered"
    assert ranks.rank("ben", "room", 2, is_new=False) is Work.FIRST, "he has not written yet"
    ranks.wrote("ben", "room", 2)
    assert not ranks.is_live("ben", 2)
    assert ranks.rank("anna", "room", 3, is_new=False) is Work.LIVE
    assert ranks.is_live("ben", 3), "who is written to must hear it"
    ranks.wrote("anna", "room", 3)
    assert ranks.rank("ben", "room", 4, is_new=False) is Work.LIVE
    assert ranks.is_live("ben", 4)
    assert ranks.rank("anna", "room", 2 + 901, is_new=False) is Work.FIRST, "the other has been silent for too long"


def test_new_accounts_come_late_unless_somebody_answers() -> None:
    ranks = Ranks()
    assert ranks.rank("new", "room", 0, is_new=True) is Work.MANY
    talk(ranks, "new", "anna", "room", 1)
    assert ranks.rank("new", "room", 2, is_new=True) is Work.LIVE


def test_a_burst_of_rooms_comes_late() -> None:
    ranks = Ranks()
    works = [ranks.rank("anna", f"room{number}", number, is_new=False) for number in range(3)]
    assert works == [Work.FIRST, Work.FEW, Work.MANY]


def test_in_many_conversations_at_once_one_waits_and_is_not_shed() -> None:
    ranks = Ranks()
    for number in range(5):
        talk(ranks, "anna", f"friend{number}", f"room{number}", number * 20.0)
    assert ranks.rank("anna", "room0", 100, is_new=False) is Work.LIVELY
    assert Work.LIVELY not in SHEDDING
    for number in range(5, 13):
        talk(ranks, "anna", f"friend{number}", f"room{number}", number * 20.0)
    assert ranks.rank("anna", "room0", 300, is_new=False) is Work.FEW


def test_copies_to_conversations_in_a_burst_are_shed_with_the_others() -> None:
    ranks = Ranks()
    for number in range(5):
        talk(ranks, "anna", f"friend{number}", f"room{number}", number * 20.0)
    works = [ranks.rank("anna", f"stranger{number}", 200 + number, is_new=False) for number in range(3)]
    assert works[-1] is Work.MANY
    assert ranks.rank("anna", "room0", 203, is_new=False) is Work.FIRST


def test_refused_attempts_are_attempts() -> None:
    ranks = Ranks()
    for number in range(20):
        ranks.rank("spammer", f"room{number}", 0, is_new=False)
    assert ranks.count_rooms("spammer", 1) == 20
    assert ranks.rank("spammer", "room20", 1, is_new=False) is Work.MANY


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_rank, "ACCOUNTS_MAX", 50)
    monkeypatch.setattr(admission_rank, "ROOMS_MAX", 60)
    ranks = Ranks()
    for number in range(500):
        ranks.rank("one", f"room{number}", 0, is_new=False)
        ranks.rank(f"user{number}", "room", 0, is_new=False)
        ranks.wrote("one", f"room{number}", 0)
        ranks.rank("one", "again", 0, is_new=False)
    assert len(ranks) <= 50
    assert len(ranks._writers) <= 60
    assert ranks.count_rooms("one", 1) <= ROOMS_PER_ACCOUNT_MAX
