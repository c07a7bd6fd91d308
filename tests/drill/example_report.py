"""A report with everything in it that a report can say, without holding a drill for it."""

import random

from zajil.drill.ledger import Ledger, Verdict, Window, summarise
from zajil.drill.plan import FAULTS, FULL, QUICK, Fault, Scale
from zajil.drill.report import build_report
from zajil.drill.run_drill import Outcome, Played, Result

BEGAN_AT = 1393063200.0  # 22 February 2014, 10:00 UTC
SECONDS = 160
FAULT_S = 12.0
RATE_PER_S = 30


def play_traffic() -> Ledger:
    """Two and a half minutes of messages; while a fault lasts some are slow."""
    chance, ledger, due = random.Random(22), Ledger(), 0.0
    while due < SECONDS:
        due += chance.expovariate(RATE_PER_S)
        message = ledger.intend("@anna:localhost", f"!room{chance.randrange(40)}:localhost", due)
        slow = 60.0 if 5.0 < due % 20.0 < 6.5 and chance.random() < 0.5 else 1.0
        message.event_id, message.acked_s = f"$event{message.number}", due + chance.lognormvariate(-6.0, 0.5) * slow
        message.failures = int(slow > 1.0)
    return ledger


def build_played(fault: Fault, number: int, ledger: Ledger, scale: Scale, *, is_broken: bool) -> Played:
    began_s = number * 20.0 + 4.0
    windows = [Window("during", began_s, began_s + FAULT_S), Window("before", began_s - 4.0, began_s)]
    windows.append(Window("after", began_s + FAULT_S, began_s + FAULT_S + 4.0))
    during, before, after = (summarise(ledger.messages, window) for window in windows)
    outcomes = [
        Outcome(
            promise,
            float("inf") if is_broken and promise.is_of_time else promise.at_most * 0.4,
            is_judged=not (scale.is_quick and promise.is_of_time),
        )
        for promise in fault.promises
    ]
    figures = {outcome.promise.figure: outcome.value for outcome in outcomes}
    if fault.name == "flood":
        figures |= {"flood_sent": 60_000.0, "flood_refused": 54_321.0}
    return Played(fault, windows[0], before, during, after, outcomes, figures, "200: 5,679, 429: 54,321")


def build_result(scale: Scale, *, is_broken: bool) -> Result:
    ledger = play_traffic()
    result = Result("february-22", scale, 22, BEGAN_AT, 0.0, "", ledger, took_s=SECONDS)
    for number, fault in enumerate(FAULTS):
        if fault.needs_postgres:
            result.skipped.append(fault)
        else:
            result.played.append(build_played(fault, number, ledger, scale, is_broken=is_broken and fault.name == "kill"))
    lost = ("$event7 in !room3:localhost",) if is_broken else ()
    twice = (("@bert:localhost", "!room3:localhost", "$event8"),) if is_broken else ()
    at_s = (result.played[1].window.began_s,) * 2 if is_broken else ()
    result.verdict = Verdict(lost, twice, (), (), (), (), lost_at_s=at_s)
    return result


def build_examples() -> dict[str, str]:
    """Pages by name; what is shown first is English in one, Arabic in the other."""
    pages = {}
    for name, scale, is_broken in (("kept", FULL, False), ("quick", QUICK, False), ("broken", FULL, True)):
        page = build_report(build_result(scale, is_broken=is_broken))
        pages[f"{name}-en"] = page
        pages[f"{name}-ar"] = page.replace('id="show-en" checked', 'id="show-en"').replace('id="show-ar"', 'id="show-ar" checked')
    return pages
