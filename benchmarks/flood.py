"""A flood of chain letters on a real server: `python -m benchmarks.flood`.

The server's capacity is capped (`capacity_max`), so that a generator on the same machine can send ten times as much. For every seed the
same conversations are measured twice: without the flood, as the control, and with it. What is published: p99 of the
conversations' sends, from the time at which each was to be sent; what of theirs was refused or lost; what became of the flood; and whether
those who were refused got through when they came back at the time told.

    python -m benchmarks.flood --seeds 1 2 3 4 5 --seconds 20
    python -m benchmarks.flood --seconds 120 --inside 0 0.05 0.2
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from benchmarks.flood_load import Flood, Live, LiveFigures
from benchmarks.flood_people import People, prepare
from benchmarks.flood_sender import NOT_SENT, UNANSWERED, be_a_generator
from tests.servers import Server, build_zajil

CAPACITY = 500
LIVE_RATE = 150.0
BAR_MS = 5.0
CONNECTIONS_MAX = 18_000
"""Who does not wait for answers needs many."""
LEAD_S = 2.0
"""From the start of the processes to the first message."""


@dataclass(frozen=True)
class Settings:
    """One run."""

    seed: int
    seconds: float
    rate: float
    inside: float
    live_rate: float = LIVE_RATE
    capacity: int = CAPACITY


@dataclass
class Run:
    """What one run came to."""

    live: LiveFigures
    flood: dict[str, Any] | None

    def p_ms(self, share: float, *, is_undisturbed: bool = False) -> float:
        """From the time at which a message was to be sent; of all, or of those during which the generator itself was not late."""
        ordered = sorted(self.live.undisturbed_ms if is_undisturbed else self.live.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")

    def delivery_p99_ms(self) -> float:
        ordered = sorted(self.live.deliveries_ms)
        return ordered[int(len(ordered) * 0.99)] if ordered else float("nan")


def start_server(folder: Path, template: Path, capacity: int, **options: str) -> Server:
    """A server on a copy of the prepared data."""
    shutil.copytree(template / "data", folder / "data")
    server = build_zajil(folder, capacity_max=str(capacity), connections_max=str(CONNECTIONS_MAX), **options)
    return server.start()


def run_once(template: Path, people: People, settings: Settings) -> Run:
    with tempfile.TemporaryDirectory(prefix="zajil-flood-") as folder:
        server = start_server(Path(folder), template, settings.capacity)
        try:
            return measure(play(server, template, people, settings))
        except BaseException:
            print(server.log_tail(), file=sys.stderr)
            raise
        finally:
            server.kill()


def measure(playing: Coroutine[Any, Any, Run]) -> Run:
    """Run it on the generators' processors."""
    processors = os.sched_getaffinity(0)
    be_a_generator()
    try:
        return uvloop.run(playing)
    finally:
        gc.enable()
        os.sched_setaffinity(0, processors)


async def play(server: Server, template: Path, people: People, settings: Settings) -> Run:
    live = Live(server.port, people.live, settings.seed)
    await live.begin()
    flooding = None
    if settings.rate:
        flooding = await launch_flood(server, template, people, settings)
        begin_s = float((await read_line(flooding))["begin_s"])
    else:
        begin_s = time.monotonic() + LEAD_S
    until_s = begin_s + settings.seconds
    await live.run(settings.live_rate, begin_s, until_s)
    flood = None if flooding is None else await read_line(flooding)
    if flooding is not None:
        await flooding.wait()
    await live.check(server.port)
    return Run(live.figures, flood)


async def launch_flood(
    server: Server, template: Path, people: People, settings: Settings
) -> asyncio.subprocess.Process:
    told = {
        "port": server.port,
        "people": str(template / f"people-{len(people.live)}-{len(people.chain)}.json"),
        "seed": settings.seed,
        "seconds": settings.seconds,
        "rate": settings.rate,
        "inside": settings.inside,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.flood", "--flood", json.dumps(told), stdout=subprocess.PIPE, limit=1 << 22
    )


async def read_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise SystemExit("the flood has ended early")
    told: dict[str, Any] = json.loads(line)
    return told


async def flood_server(told: dict[str, Any]) -> None:
    """The flood's own process. Says when it begins, so that the conversations are measured at the same time, and what it saw."""
    people = People.load(Path(told["people"]))
    flood = Flood(told["port"], people.chain, told["seed"])
    await flood.log_in()
    if told["inside"]:
        await flood.begin()
    begin_s = time.monotonic() + LEAD_S
    copies = flood.build_copies(told["rate"], begin_s, begin_s + told["seconds"], told["inside"])
    print(json.dumps({"begin_s": begin_s}), flush=True)
    await flood.run(copies, begin_s + told["seconds"])
    print(json.dumps(flood.figures.as_dict()), flush=True)


def describe(settings: Settings, control: Run, run: Run) -> str:
    flood = run.flood or {}
    statuses = {int(status): count for status, count in flood.get("statuses", {}).items()}
    unanswered, not_sent = statuses.pop(UNANSWERED, 0), statuses.pop(NOT_SENT, 0)
    others = sum(statuses.values()) - statuses.get(200, 0) - statuses.get(429, 0)
    returned = flood["polite_kept"] + flood["polite_broken"]
    kept = flood["polite_kept"] / returned if returned else 1.0
    difference = run.p_ms(0.99) - control.p_ms(0.99)
    undisturbed, control_undisturbed = (each.p_ms(0.99, is_undisturbed=True) for each in (run, control))
    passed = difference <= BAR_MS and not run.live.refused and not run.live.lost and not run.live.unanswered
    return (
        f"seed {settings.seed}, {settings.rate:,.0f}/s for {settings.seconds:g} s, {settings.inside:.0%} inside: "
        f"p99 {run.p_ms(0.99):.1f} ms (control {control.p_ms(0.99):.1f}), p50 {run.p_ms(0.5):.1f} ({control.p_ms(0.5):.1f}), "
        f"p99.9 {run.p_ms(0.999):.1f} ({control.p_ms(0.999):.1f}), delivery p99 {run.delivery_p99_ms():.1f} "
        f"({control.delivery_p99_ms():.1f}); without the {len(run.live.disturbed):,} ({len(control.live.disturbed):,}) during which the "
        f"generator itself was late: p99 {undisturbed:.1f} ({control_undisturbed:.1f}); of {len(run.live.said):,} refused "
        f"{run.live.refused}, lost {run.live.lost}, unanswered {run.live.unanswered}; "
        f"flood {statuses.get(200, 0):,} taken, {statuses.get(429, 0):,} refused, other {others}, unanswered {unanswered}, not sent {not_sent}, "
        f"without a true Retry-After {flood['without_retry_after']}; came back as told {returned}, let in {kept:.1%}, "
        f"longest told {flood['polite_wait_ms_max'] / 1000:.1f} s; generators late by {run.live.late_ms:.0f} and {flood['late_ms']:.0f} ms "
        f"at most (flood p99 {flood['late_p99_ms']:.1f}, {flood['connections']:,} connections): "
        f"{'pass' if passed else 'FAIL'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--times", type=float, default=10, help="the flood, in times the capacity")
    parser.add_argument("--inside", type=float, nargs="*", default=[0.0], help="share of copies in live conversations")
    parser.add_argument("--live", type=int, default=200, help="people in conversations")
    parser.add_argument("--chain", type=int, default=4000, help="people who send copies")
    parser.add_argument("--folder", type=Path, help="keep the people here, for further runs")
    parser.add_argument("--flood", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.flood:
        be_a_generator(is_idle=True)
        uvloop.run(flood_server(json.loads(options.flood)))
        return
    with tempfile.TemporaryDirectory(prefix="zajil-people-") as folder:
        template = options.folder or Path(folder)
        people = prepare(template, live=options.live, chain=options.chain)
        for seed in options.seeds:
            control = run_once(template, people, Settings(seed, options.seconds, 0, 0))
            for inside in options.inside:
                settings = Settings(seed, options.seconds, options.times * CAPACITY, inside)
                print(describe(settings, control, run_once(template, people, settings)), flush=True)


if __name__ == "__main__":
    main()
