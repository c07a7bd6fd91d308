"""The judge of a drill must be able to find every kind of broken promise."""

import pytest

from zajil.drill.ledger import Ledger, Message, Window, find_downtime_s, judge, summarise

ROOM = "!room"
READERS = ["@a:x", "@b:x"]


def build_ledger(count: int = 3) -> tuple[Ledger, list[tuple[str, str]]]:
    """`count` messages, a second apart, acknowledged after 10 ms and read by everybody."""
    ledger = Ledger()
    history = []
    for number in range(count):
        message = ledger.intend("@a:x", ROOM, float(number))
        message.event_id, message.acked_s = f"$e{number}", number + 0.01
        history.append((f"$e{number}", message.body))
    for reader in READERS:
        ledger.receive(reader, ROOM, [event_id for event_id, _ in history])
    return ledger, history


def test_what_is_kept_is_found_kept() -> None:
    ledger, history = build_ledger()
    verdict = judge(ledger, {ROOM: history}, {ROOM: READERS})
    assert (verdict.lost, verdict.doubled, verdict.reordered, verdict.unanswered) == (0, 0, (), ())


def test_an_acknowledged_message_that_is_not_stored_is_lost() -> None:
    ledger, history = build_ledger()
    verdict = judge(ledger, {ROOM: history[:-1]}, {ROOM: []})
    assert verdict.missing == ("$e2 in !room",)


def test_a_message_that_one_reader_did_not_get_is_lost() -> None:
    ledger, history = build_ledger()
    ledger.received["@b:x", ROOM].remove("$e1")
    verdict = judge(ledger, {ROOM: history}, {ROOM: READERS})
    assert verdict.undelivered == (("@b:x", ROOM, "$e1"),)
    assert verdict.lost == 1


def test_a_retry_that_made_a_second_event_is_found() -> None:
    ledger, history = build_ledger()
    verdict = judge(ledger, {ROOM: [*history, ("$again", "drill 1")]}, {ROOM: READERS})
    assert verdict.duplicated == ("drill 1 in !room",)


def test_a_second_delivery_is_found() -> None:
    ledger, history = build_ledger()
    ledger.receive("@a:x", ROOM, ["$e0"])
    verdict = judge(ledger, {ROOM: history}, {ROOM: READERS})
    assert verdict.delivered_twice == (("@a:x", ROOM, "$e0"),)


def test_another_order_is_found() -> None:
    ledger, history = build_ledger()
    ledger.received["@a:x", ROOM] = ["$e1", "$e0", "$e2"]
    verdict = judge(ledger, {ROOM: history}, {ROOM: READERS})
    assert verdict.reordered == (("@a:x", ROOM, "$e0"),)


def test_a_message_that_was_never_answered_is_told() -> None:
    ledger, history = build_ledger()
    ledger.intend("@a:x", ROOM, 9.0)
    ledger.intend("@a:x", ROOM, 9.0, is_live=False)
    assert judge(ledger, {ROOM: history}, {ROOM: READERS}).unanswered == ("drill 3 in !room",)


def test_latency_counts_from_when_a_message_was_due() -> None:
    """One stall of two seconds is seen by everything that was due meanwhile, also by what was sent late because of it."""
    ledger = Ledger()
    for number in range(100):
        message = ledger.intend("@a:x", ROOM, number / 10)
        message.acked_s = max(message.due_s + 0.001, 5.0 if 3.0 <= message.due_s < 5.0 else 0.0)
    figures = summarise(ledger.messages, Window("all", 0.0, 10.0))
    assert figures.sends == 100
    assert figures.longest_ms == pytest.approx(2000, abs=1)
    assert figures.downtime_ms == pytest.approx(2000, abs=1)
    assert figures.p99_ms is not None
    assert figures.p99_ms > 1800


def test_silence_without_anything_due_is_no_downtime() -> None:
    messages = [Message(0, "", "", 0.0, "", acked_s=0.01), Message(1, "", "", 60.0, "", acked_s=60.02)]
    assert find_downtime_s(messages) == pytest.approx(0.02)


def test_what_went_wrong_counts_where_it_was_due() -> None:
    ledger, history = build_ledger(6)
    ledger.received["@b:x", ROOM].remove("$e1")
    ledger.receive("@a:x", ROOM, ["$e2"])
    verdict = judge(ledger, {ROOM: [*history[:-1], ("$again", "drill 3")]}, {ROOM: READERS})
    assert (verdict.lost, verdict.doubled, len(verdict.reordered)) == (2, 2, 1)
    counts = [verdict.count_in(Window("", number, number + 1)) for number in range(6)]
    assert counts == [(0, 0, 0), (1, 0, 0), (0, 1, 1), (0, 1, 0), (0, 0, 0), (1, 0, 0)]
    ledger.received["@a:x", ROOM] = ["$again"]
    verdict = judge(ledger, {ROOM: [*history, ("$again", "drill 3")]}, {ROOM: READERS})
    assert verdict.count_in(Window("", 0, 6)) == (verdict.lost, verdict.doubled, 0)
