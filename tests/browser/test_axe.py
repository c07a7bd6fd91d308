"""Every screen of the web client against the rules of accessibility (WCAG 2.2 AA, as axe knows them)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.stories import run_story
from tests.browser.test_stories import find_link
from tests.servers import Server, build_zajil

pytestmark = pytest.mark.browser

# A minute and a half on a machine of its own; more than four times that where it is shared.
SECONDS_MAX = 400


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, registration="token", rate_limits="on").start()
    yield server
    server.stop()


def test_axe_finds_nothing(server: Server) -> None:
    run_story(server, "look", find_link(server), seconds_max=SECONDS_MAX)
