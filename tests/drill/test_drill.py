"""`zajil drill` as an operator runs it: a whole quick day, and one that has to fail."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.drill.dropping_proxy import DroppingProxy
from tests.postgres_server import shared_postgres
from tests.servers import ROOT, build_zajil

from zajil.drill.installation import DrillError, find_database, replace_place

DRILL_SECONDS_MAX = 900
"""So long nothing takes but what hangs."""
QUICK_SECONDS_MAX = 60
"""Of a quick day, on a machine that does nothing else."""
SOAK_SECONDS_MAX = 1800


def run_drill(*arguments: str, timeout_s: float = DRILL_SECONDS_MAX) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "zajil.main.cli", "drill", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src")}
    )


def test_scenarios_are_listed() -> None:
    done = run_drill("--list")
    assert done.returncode == 0
    for name in ("february-22", "kill", "flood", "disk-full", "clock-jump", "cut-database"):
        assert name in done.stdout


def test_an_unknown_scenario_is_told() -> None:
    done = run_drill("march-1")
    assert done.returncode == 2
    assert "zajil drill --list" in done.stderr


def test_a_target_is_plain_http() -> None:
    """Said before somebody tries it, and to who does."""
    assert "http://HOST:PORT" in run_drill("--help").stdout
    done = run_drill("reconnect", "--quick", "--target", "https://localhost:1")
    assert done.returncode == 1
    assert "aim behind the proxy" in done.stderr


@pytest.mark.timeout(DRILL_SECONDS_MAX + 30)
def test_a_quick_day_keeps_every_promise(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    is_idle = not {"CI", "PYTEST_XDIST_WORKER"} & os.environ.keys() and os.getloadavg()[0] < 1
    began = time.monotonic()
    done = run_drill("february-22", "--quick", "--report", str(report), "--folder", str(tmp_path))
    print(f"{time.monotonic() - began:.1f} s\n{done.stdout}\n{done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lost 0, duplicated 0, out of order 0" in done.stdout
    assert "flood: p99_control_ms" in done.stderr
    page = report.read_text()
    told = re.search(r"; (\d+) s\.", done.stdout)
    assert told is not None and f"UTC</bdi>, {told[1]} s." in page
    if is_idle:
        assert int(told[1]) < QUICK_SECONDS_MAX
    assert 'dir="rtl"' in page
    assert "وُفي بكل وعد" in page
    assert "<script" not in page


@pytest.mark.timeout(DRILL_SECONDS_MAX + 30)
def test_a_dropped_event_is_noticed(tmp_path: Path) -> None:
    """Through a proxy that keeps one acknowledged event from one reader, the drill ends with 1 and names it."""
    server = build_zajil(tmp_path).start()
    try:
        with DroppingProxy(server.base) as proxy:
            done = run_drill("reconnect", "--quick", "--target", f"http://127.0.0.1:{proxy.port}")
    finally:
        server.stop()
    assert proxy.dropped is not None, done.stdout + done.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    assert "acknowledged and not delivered: 1 (" in done.stdout
    assert proxy.dropped in done.stdout


@pytest.mark.timeout(DRILL_SECONDS_MAX + 30)
def test_the_network_to_the_database_is_cut() -> None:
    done = run_drill("cut-database", "--quick", "--database", shared_postgres().make_database())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cut-database: back_ms" in done.stderr and "lost 0, duplicated 0, out of order 0" in done.stdout


@pytest.mark.soak
@pytest.mark.timeout(SOAK_SECONDS_MAX)
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_full_day_keeps_every_promise(tmp_path: Path, engine: str) -> None:
    database = ["--database", shared_postgres().make_database()] if engine == "postgres" else []
    report = tmp_path / "report.html"
    done = run_drill("february-22", "--report", str(report), "--folder", str(tmp_path), *database, timeout_s=SOAK_SECONDS_MAX)
    print(f"{done.stdout}\n{done.stderr}")
    assert done.returncode == 0
    assert ("needs PostgreSQL" in report.read_text()) == (engine == "sqlite")


def test_where_the_database_is() -> None:
    assert find_database("postgresql://a:b@db.example:99/x") == ("db.example", 99)
    assert find_database("postgresql://a@/x?host=/run/pg&port=5433") == "/run/pg/.s.PGSQL.5433"
    assert replace_place("postgresql://a@/x?host=/run/pg&port=5433", "127.0.0.1:1") == "postgresql://a@127.0.0.1:1/x"
    assert replace_place("postgresql://a:b@db/x?sslmode=disable", "h:1") == "postgresql://a:b@h:1/x?sslmode=disable"
    with pytest.raises(DrillError):
        find_database("postgresql:///x")
