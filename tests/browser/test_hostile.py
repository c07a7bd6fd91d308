"""What hostile events do to the web client: nothing."""

from pathlib import Path

import pytest
from tests.browser.hostile_side import HostileSide
from tests.browser.stories import run_story
from tests.servers import build_zajil

pytestmark = pytest.mark.browser


def test_hostile_events_change_nothing(tmp_path: Path) -> None:
    server = build_zajil(tmp_path, registration="open", rate_limits="off").start()
    mallory = HostileSide(server.base, tmp_path / "nio")
    try:
        run_story(server, "hostile", f"{server.base}/#/register", other=mallory.do)
    finally:
        mallory.close()
        server.stop()
