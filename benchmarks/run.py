"""Compare Zajil with Synapse, side by side in one run: `python -m benchmarks.run` (`make bench`).

Both servers run at once on loopback, Synapse as it comes from PyPI with SQLite, its default; both with open registration
and rate limits off. Every scenario of hsbench.py alternates between the two for `--rounds` rounds and the medians are
compared with the bars. Then follow the rows without a counterpart: big_room.py, disk.py, generate.py; and state_resolution.py.
Zajil runs as shipped: synchronous=FULL, the reply after the fsync.
"""

from __future__ import annotations

import argparse
import json
import operator
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers import Server, find_synapse_python, start_synapse, start_zajil

HSBENCH = Path(__file__).with_name("hsbench.py")
SCENARIO_SECONDS_MAX = 1200
OTHERS_SECONDS_MAX = 3600
PROFILE_SECONDS = 8
WHATSAPP_IN_PER_CORE, WHATSAPP_OUT_PER_CORE = 31, 65  # messages/s at its peak in February 2014


@dataclass(frozen=True)
class Scenario:
    name: str
    arguments: dict[str, Any]
    quick: dict[str, Any] = field(default_factory=dict)
    synapse: dict[str, Any] = field(default_factory=dict)  # less of the same work where Synapse would take minutes
    fresh: bool = False  # on a server just started: memory that an earlier round left free would not be counted

    def build_arguments(self, server: str, quick: bool) -> list[str]:
        settings = {
            **self.arguments,
            **(self.quick if quick else {}),
            **(self.synapse if server == "Synapse" else {}),
        }
        return [part for key, value in settings.items() for part in (f"--{key}", str(value))]


# "Unthrottled" is a rate no sender reaches: rate × seconds messages, one after the other.
UNTHROTTLED = 1_000_000
SCENARIOS = [
    Scenario("send-32", {"scenario": "send", "clients": 32, "rooms": 8, "seconds": 10}, {"seconds": 4}),
    Scenario("send-1", {"scenario": "send", "clients": 1, "rooms": 1, "seconds": 8}, {"seconds": 3}),
    Scenario(
        "fanout-10", {"scenario": "fanout", "members": 100, "rate": 10, "seconds": 10}, {"seconds": 4}, {"rate": 2.5}
    ),
    Scenario(
        "fanout-unthrottled",
        {"scenario": "fanout", "members": 100, "rate": UNTHROTTLED, "seconds": 1000 / UNTHROTTLED},
        {"seconds": 500 / UNTHROTTLED},
        {"seconds": 50 / UNTHROTTLED},
    ),
    Scenario(
        "idle", {"scenario": "idle", "clients": 2000, "accounts": 50}, {"clients": 1000, "accounts": 20}, fresh=True
    ),
    Scenario("initial-sync", {"scenario": "initial-sync", "rooms": 50, "members": 50}, {"members": 10}),
]


@dataclass(frozen=True)
class Row:
    """One figure of the table, with the bars it has to pass."""

    title: str
    scenario: str
    figure: str
    lower_is_better: bool
    bar: float | None = None
    ratio_bar: float | None = None

    def check(self, zajil: float, synapse: float | None) -> bool | None:
        """None: there is nothing to pass or it could not be measured."""
        passes: Callable[[float, float], bool] = operator.le if self.lower_is_better else operator.ge
        verdicts = [passes(zajil, self.bar)] if self.bar is not None else []
        if self.ratio_bar is not None and synapse:
            verdicts.append(passes(zajil / synapse, self.ratio_bar))
        return all(verdicts) if verdicts else None

    def describe_bar(self) -> str:
        sign = "≤" if self.lower_is_better else "≥"
        parts = [f"{sign} {self.bar:g}"] if self.bar is not None else []
        parts += [f"{sign} {self.ratio_bar:g} ×"] if self.ratio_bar is not None else []
        return ", ".join(parts)


ROWS = [
    Row("sends/s, 32 clients in 8 rooms", "send-32", "sends_per_s", False, 2500, 28),
    Row("  p50 ms", "send-32", "p50_ms", True),
    Row("  p99 ms", "send-32", "p99_ms", True),
    Row("one client, p50 ms", "send-1", "p50_ms", True, 1.5),
    Row("fan-out to 100 at 10 sends/s, p99 ms (Synapse: 2.5/s)", "fanout-10", "p99_ms", True, 50),
    Row("fan-out to 100 unthrottled, deliveries/s", "fanout-unthrottled", "deliveries_per_s", False, 5000),
    Row("  lost, duplicated or out of order", "fanout-unthrottled", "faults", True, 0),
    Row("KiB of memory per parked long poll", "idle", "kib_per_client", True, None, 0.8),
    Row("initial sync of 50 rooms, cold ms", "initial-sync", "cold_ms", True, 60),
    Row("  warm ms", "initial-sync", "warm_ms", True, 10),
    Row("  empty incremental ms", "initial-sync", "empty_incremental_ms", True, 0.8),
]

Figures = dict[tuple[str, str], list[dict[str, Any]]]


STARTERS: dict[str, Callable[[Path], Server]] = {"Zajil": start_zajil, "Synapse": start_synapse}


def run_scenario(server: Server, scenario: Scenario, quick: bool) -> dict[str, Any]:
    if not scenario.fresh:
        return run_hsbench(server, scenario, quick)
    with tempfile.TemporaryDirectory(prefix="zajil-bench-") as folder:
        other = STARTERS[server.name](Path(folder))
        try:
            return run_hsbench(other, scenario, quick)
        finally:
            other.kill()


def run_hsbench(server: Server, scenario: Scenario, quick: bool) -> dict[str, Any]:
    command = [sys.executable, str(HSBENCH), "--base", server.base, *scenario.build_arguments(server.name, quick)]
    if scenario.name == "idle":
        command += ["--pid", str(server.pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SCENARIO_SECONDS_MAX)
    if done.returncode != 0:
        raise SystemExit(
            f"{scenario.name} against {server.name} failed:\n{done.stderr}\n"
            f"--- end of the log of {server.name}:\n{server.log_tail()}"
        )
    result: dict[str, Any] = json.loads(done.stdout)
    result["faults"] = sum(result.get(key, 0) for key in ("lost", "duplicates", "readers_out_of_order", "errors"))
    return result


def measure(servers: list[Server], scenarios: list[Scenario], rounds: int, quick: bool) -> Figures:
    figures: Figures = {}
    for number in range(rounds):
        for scenario in scenarios:
            # The one that goes first changes, so neither always meets the warmer machine.
            for server in servers if number % 2 == 0 else reversed(servers):
                began = time.monotonic()
                result = run_scenario(server, scenario, quick)
                figures.setdefault((server.name, scenario.name), []).append(result)
                print(
                    f"round {number + 1}/{rounds} {server.name:8}{scenario.name:20}{time.monotonic() - began:6.1f} s "
                    f"{json.dumps(result)}",
                    file=sys.stderr,
                    flush=True,
                )
    return figures


def build_median(figures: Figures, server: str, row: Row) -> float | None:
    values = [
        result[row.figure] for result in figures.get((server, row.scenario), []) if result[row.figure] is not None
    ]
    return statistics.median(values) if values else None


def format_number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.2f}".rstrip("0").rstrip(".")


def build_table(figures: Figures) -> tuple[list[str], bool]:
    lines = ["| figure (median) | Zajil | Synapse | Zajil ÷ Synapse | bar | |", "|---|---:|---:|---:|---|---|"]
    all_pass = True
    for row in ROWS:
        zajil, synapse = build_median(figures, "Zajil", row), build_median(figures, "Synapse", row)
        if zajil is None:
            continue
        verdict = row.check(zajil, synapse)
        all_pass &= verdict is not False
        ratio = f"{zajil / synapse:.3g} ×" if synapse else "–"
        word = {True: "pass", False: "**FAIL**", None: ""}[verdict]
        cells = [row.title, format_number(zajil), format_number(synapse), ratio, row.describe_bar(), word]
        lines.append(f"| {' | '.join(cells)} |")
    sends = build_median(figures, "Zajil", ROWS[0])
    deliveries = build_median(figures, "Zajil", ROWS[5])
    cores = os.cpu_count() or 1
    if sends and deliveries:
        lines += [
            "",
            f"Per core of this machine ({cores} cores, shared with the load generator): {sends / cores:,.0f} messages/s in and "
            f"{deliveries / cores:,.0f}/s out; WhatsApp at its peak in February 2014: {WHATSAPP_IN_PER_CORE} in and "
            f"{WHATSAPP_OUT_PER_CORE} out.",
        ]
    return lines, all_pass


def record_profile(server: Server, scenario: Scenario, output: Path) -> None:
    """Sample Zajil's processes while a scenario runs; the raw stacks are for any flame graph viewer."""
    output.parent.mkdir(parents=True, exist_ok=True)
    profiler = Path(sys.executable).with_name("py-spy")
    command = [profiler, "record", "--subprocesses", "--nonblocking", "--format", "speedscope", "--output", str(output)]
    sampling = subprocess.Popen([*command, "--duration", str(PROFILE_SECONDS), "--pid", str(server.pid)])
    run_scenario(server, scenario, quick=False)
    sampling.wait(PROFILE_SECONDS * 4)


def run_others(with_synapse: bool) -> None:
    """The measurements that need no Synapse server beside them; each prints its own lines."""
    for name in ("big_room", "disk", "generate", *(["state_resolution"] if with_synapse else [])):
        print(f"\n{name}:", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True, timeout=OTHERS_SECONDS_MAX)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="one round of shorter scenarios, unless --rounds says otherwise"
    )
    parser.add_argument("--only", nargs="*", choices=[scenario.name for scenario in SCENARIOS])
    parser.add_argument("--zajil-only", action="store_true", help="no Synapse: the ratios stay empty")
    parser.add_argument(
        "--profile", type=Path, help="also record where Zajil's time goes (speedscope JSON) while sending"
    )
    parser.add_argument("--json", type=Path, help="write every single result there")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args()
    rounds = 1 if options.quick and "--rounds" not in sys.argv else options.rounds
    chosen = [scenario for scenario in SCENARIOS if not options.only or scenario.name in options.only]
    if not options.zajil_only and find_synapse_python() is None:
        print("matrix-synapse is not installed (set ZAJIL_SYNAPSE_VENV): measuring Zajil alone", file=sys.stderr)
        options.zajil_only = True

    with tempfile.TemporaryDirectory(prefix="zajil-bench-") as folder:
        servers: list[Server] = []
        try:
            names = ["Zajil"] if options.zajil_only else ["Zajil", "Synapse"]
            servers.extend(STARTERS[name](Path(folder) / name) for name in names)
            figures = measure(servers, chosen, rounds, options.quick)
            if options.profile:
                record_profile(servers[0], SCENARIOS[0], options.profile)
        finally:
            for server in servers:
                server.kill()

    lines, all_pass = build_table(figures)
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, {rounds} round(s)\n")
    print("\n".join(lines))
    if options.json:
        flat = {f"{server}/{scenario}": results for (server, scenario), results in figures.items()}
        options.json.write_text(json.dumps(flat, indent=1))
    if not options.quick and not options.only:
        run_others(with_synapse=not options.zajil_only)
    if options.strict and not all_pass:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
