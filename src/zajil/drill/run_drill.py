"""Plays a scenario from beginning to end and judges it."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from zajil.drill.faults import DOING, Day
from zajil.drill.installation import DrillError, Installation
from zajil.drill.ledger import Figures, Ledger, Verdict, Window, judge, summarise
from zajil.drill.plan import Fault, Promise, Scale
from zajil.drill.proxy import Proxy
from zajil.drill.traffic import Traffic

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one promise."""

    promise: Promise
    value: float
    is_judged: bool = True

    @property
    def is_kept(self) -> bool:
        """What never ended is broken even where nobody asks how long it took."""
        return self.value <= self.promise.at_most if self.is_judged else math.isfinite(self.value)


@dataclass
class Played:
    """One fault, as it went."""

    fault: Fault
    window: Window
    before: Figures
    during: Figures
    after: Figures
    outcomes: list[Outcome]
    figures: dict[str, float]
    note: str = ""


@dataclass
class Result:
    """The whole drill. Times are seconds of one clock; `began_s` is its zero."""

    scenario: str
    scale: Scale
    seed: int
    began_at: float
    """Seconds since 1970."""
    began_s: float
    target: str
    ledger: Ledger
    played: list[Played] = field(default_factory=list)
    skipped: list[Fault] = field(default_factory=list)
    verdict: Verdict | None = None
    took_s: float = 0.0
    """From nothing to the verdict."""

    @property
    def is_broken(self) -> bool:
        """Whether any promise was broken."""
        assert self.verdict is not None
        return bool(self.verdict.wrongs) or any(
            not outcome.is_kept for each in self.played for outcome in each.outcomes
        )


@dataclass(frozen=True)
class Order:
    """What to play, and on what."""

    scenario: str
    faults: Sequence[Fault]
    scale: Scale
    seed: int
    folder: Path
    database: str = ""
    target: str = ""
    registration_token: str = ""


async def run_drill(order: Order, tell: Tell) -> Result:
    """Raises `DrillError` when it cannot be held."""
    ledger = Ledger()
    installation = None if order.target else Installation(order.folder, order.database)
    network = installation.network if installation is not None else build_network(order.target)
    set_out_s = time.monotonic()
    result = Result(order.scenario, order.scale, order.seed, time.time(), set_out_s, order.target, ledger)
    traffic = None
    try:
        if installation is not None:
            tell("Starting a private copy")
            await installation.start()
        else:
            await network.start()
        traffic = Traffic(order.scale, network, order.seed, ledger, registration_token=order.registration_token)
        tell(f"Making {order.scale.people} people, {order.scale.groups} groups and {order.scale.people // 2} pairs")
        await traffic.prepare()
        result.began_s = time.monotonic()
        traffic.start()
        await play(order, Day(order.scale, traffic, ledger, installation), result, tell)
        tell("Waiting until everything has arrived")
        await traffic.pause()
        await traffic.wait_until_read(order.scale.settle_s_max)
        tell("Comparing what was promised with what is there")
        result.verdict = judge(ledger, await traffic.load_histories(), traffic.members)
        result.took_s = time.monotonic() - set_out_s
    except OSError as error:
        raise DrillError(f"the drill ended early: {error}") from error
    finally:
        if traffic is not None:
            await traffic.stop()
        if installation is not None:
            await installation.stop()
        else:
            await network.stop()
    return result


def build_network(target: str) -> Proxy:
    """A network to a server that is not ours, plain HTTP on this machine or beside it. Raises `DrillError`."""
    parts = urlsplit(target)
    if parts.scheme != "http" or not parts.hostname:
        raise DrillError("--target must be http://HOST:PORT; a drill does not go through TLS, so aim behind the proxy")
    return Proxy((parts.hostname, parts.port or 80))


async def play(order: Order, day: Day, result: Result, tell: Tell) -> None:
    await asyncio.sleep(order.scale.calm_s)
    for fault in order.faults:
        if (fault.needs_copy and day.installation is None) or (fault.needs_postgres and not order.database):
            result.skipped.append(fault)
            continue
        tell(f"{fault.name} …")
        began_s, failed = time.monotonic(), await day.traffic.count_failed()
        figures = await DOING[fault.name](day)
        ended_s = time.monotonic()
        figures |= {kind: count - failed[kind] for kind, count in (await day.traffic.count_failed()).items()}
        await asyncio.sleep(order.scale.calm_s)
        window = Window(fault.name, began_s, ended_s)
        before = Window("before", began_s - order.scale.calm_s, began_s)
        after = Window("after", ended_s, time.monotonic())
        messages = result.ledger.messages
        outcomes = [
            Outcome(promise, figures[promise.figure], is_judged=not (order.scale.is_quick and promise.is_of_time))
            for promise in fault.promises
        ]
        tell(f"{fault.name}: {', '.join(f'{name} {value:,.0f}' for name, value in figures.items())}")
        result.played.append(
            Played(
                fault,
                window,
                summarise(messages, before),
                summarise(messages, window),
                summarise(messages, after),
                outcomes,
                figures,
                day.notes.get(fault.name, ""),
            )
        )
