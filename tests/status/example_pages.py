"""Status pages of a server with a past, for looking at them: `python -m tests.status.example_pages FOLDER`."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from zajil.core.health import Cause, Component, State
from zajil.core.incidents import Entry, Incident, Kind, close, identify, open_incident
from zajil.core.status_history import DAY_MS, HOUR_MS, MINUTE_MS, Cell
from zajil.status.memory import Memory
from zajil.status.operate import operate
from zajil.status.pages import build_pages, build_view

NOW_MS = 1_795_600_000_000
DAYS_WATCHED = 71


def build_memory(seed: int = 1) -> Memory:
    """Ten weeks of a server that mostly worked."""
    numbers = random.Random(seed)
    memory = Memory("node", is_new=False)
    for hour in range(DAYS_WATCHED * 24):
        cell = Cell(NOW_MS - NOW_MS % HOUR_MS - hour * HOUR_MS, watched_s=3600.0)
        for _ in range(12):
            slow = 1 + (hour // 24 == 20) * 6
            cell.note_round(numbers.lognormvariate(1.2, 0.4), numbers.lognormvariate(2.1, 0.45) * slow)
        if hour // 24 == 20:
            cell.degraded_s[Component.MESSAGING] = 900.0
        if hour in (24 * 45, 24 * 45 + 1):
            cell.outage_s = {Component.MESSAGING: 1300.0, Component.SIGN_IN: 1300.0, Component.MEDIA: 1300.0}
        if hour // 24 in (7, 8):
            cell.outage_s[Component.MEDIA] = 200.0
        memory.history.hours[cell.start_ts_ms] = cell
    for minute in range(24 * 60):
        if 400 < minute < 470:
            continue
        cell = Cell(NOW_MS - NOW_MS % MINUTE_MS - minute * MINUTE_MS, watched_s=60.0)
        busy = 1 + 1.5 * (600 < minute < 900)
        for _ in range(6):
            cell.note_round(numbers.lognormvariate(1.2, 0.4), numbers.lognormvariate(2.1, 0.45) * busy)
        memory.history.minutes[cell.start_ts_ms] = cell
    past = [
        (Cause.DATABASE_UNREACHABLE, 45, 2600, {}),
        (Cause.SLOW_COMMITS, 20, 21_600, {"commit_ms": 640.0}),
        (Cause.MEDIA_UNREACHABLE, 7, 5000, {}),
        (Cause.PUSH_FAILING, 3, 410, {"pushers_failing": 31.0}),
    ]
    for index, (cause, days, lasted_s, values) in enumerate(past):
        opened_ms = NOW_MS - days * DAY_MS + index * HOUR_MS
        incident = open_incident(f"past-{index}", "node", cause, opened_ms, values)
        memory.put([close(incident, opened_ms + lasted_s * 1000)])
    return memory


def build_long_outage(start_ms: int) -> Incident:
    """An outage with a cause that was found late and an operator who wrote a lot."""
    incident = open_incident("now-1", "node", Cause.ERRORS, start_ms, {"errors": 214.0})
    incident = identify(incident, Cause.DATABASE_UNREACHABLE, start_ms + 9000, {})
    notes = [
        ("Our provider reports a failed disk array in one hall. Engineers are on their way.",
         "أبلغنا مزوّد الخدمة بعطل في مصفوفة أقراص في إحدى القاعات، والمهندسون في طريقهم إلى الموقع."),
        ("The standby database is being promoted. We check that every acknowledged message is on it before we let anybody in.",
         "يجري تحويل قاعدة البيانات الاحتياطية إلى أساسية، ونتحقق من وجود كل رسالة مؤكدة فيها قبل السماح بالدخول."),
        ("All acknowledged messages are there. What your app shows as waiting is sent by itself; please do not send it twice.",
         "كل الرسائل المؤكدة موجودة. ما يظهر في تطبيقك قيد الانتظار سيُرسل تلقائيًا، فلا ترسله مرتين."),
    ]  # fmt: skip
    for index, (english, arabic) in enumerate(notes):
        ts_ms = start_ms + (index + 1) * 11 * 60_000
        incident = incident.add(Entry(ts_ms, Kind.NOTE, incident.cause, {"en": english, "ar": arabic}))
    return incident.add(Entry(start_ms + 45 * 60_000, Kind.UPDATE, incident.cause))


def build_examples() -> dict[str, dict[str, bytes]]:
    """The pages in each of the states, by its name."""
    examples = {}
    for state in ("unknown", *State):
        memory = build_memory() if state != "unknown" else Memory("node")
        if state == State.OUTAGE:
            memory.put([build_long_outage(NOW_MS - 52 * 60_000)])
        if state != "unknown" and state != State.OPERATIONAL:
            memory.put([open_incident("now-2", "node", Cause.DISK_LOW, NOW_MS - 3 * HOUR_MS, {"disk_free": 4.2e8})])
        if state == State.DEGRADED:
            question = {
                "operator": "open",
                "title": {"en": "Work on the picture store tonight", "ar": "أعمال صيانة لمخزن الصور الليلة"},
                "text": {
                    "en": "From 22:00 to 22:30 UTC photos and files may load slowly. Text messages are not affected.",
                    "ar": "من 22:00 إلى 22:30 بالتوقيت العالمي قد يتأخر تحميل الصور والملفات. الرسائل النصية غير متأثرة.",
                },
                "components": ["media"],
            }
            _, incident = operate([], question, "node", NOW_MS - HOUR_MS, "now-3")
            assert incident is not None
            memory.put([incident])
        view = build_view(
            memory,
            NOW_MS,
            name="Zajil Leipzig",
            base_url="https://chat.example.org",
            interval_s=10,
            is_known=state != "unknown",
        )
        examples[str(state)] = build_pages(view)
    return examples


def main() -> None:
    for state, pages in build_examples().items():
        folder = Path(sys.argv[1]) / state
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in pages.items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
