"""Two machines on one database show the same incidents, and one of them closes what the other can no longer close."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.postgres_server import run_postgres
from tests.status.watched_server import run_watched


@pytest.mark.soak
def test_what_one_tells_both_show(tmp_path: Path) -> None:
    with ExitStack() as stack:
        database = stack.enter_context(run_postgres()).make_database()
        first, second = (
            stack.enter_context(run_watched(tmp_path / name, database=database, status_notices="off"))
            for name in ("first", "second")
        )
        texts = ["--title-en", "T", "--title-ar", "ع", "--en", "t", "--ar", "ن"]
        incident = first.command("incident", "open", *texts).strip()
        second.wait_for(lambda status: [each["id"] for each in status["incidents"]] == [incident], 20)
        second.command("incident", "close", incident)
        first.wait_for(lambda status: not status["incidents"], 20)
        # The first one stalls: its own watcher says so, and the second shows it too.
        worker = first.find_worker()
        assert worker is not None
        os.kill(worker, signal.SIGSTOP)
        try:
            first.wait_for_cause("loop_blocked")
        finally:
            os.kill(worker, signal.SIGCONT)
        second.wait_for(lambda status: any(each["cause"] == "loop_blocked" for each in status["past_incidents"]), 30)
        assert second.read()["state"] == "operational"
