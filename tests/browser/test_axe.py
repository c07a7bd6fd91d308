"""Every screen of the web client, in both languages and both themes, against the rules of accessibility (WCAG 2.2 AA, as axe knows them)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.stories import LOOKED_AT, run_story
from tests.browser.test_stories import find_link
from tests.servers import Server, build_zajil

# Only so that it ends at all: some minutes, and several times that where the machine is shared.
SECONDS_MAX = 1500

pytestmark = [pytest.mark.browser, pytest.mark.timeout(SECONDS_MAX + 60)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, registration="token", rate_limits="on", **LOOKED_AT).start()
    yield server
    server.stop()


def test_axe_finds_nothing(server: Server) -> None:
    """A sample of the screens, each on one device, in both languages and both themes, but not in all four looks: all of it is `make soak`."""
    run_story(server, "look", find_link(server), seconds_max=SECONDS_MAX, ZAJIL_LOOK_SAMPLE="yes")


@pytest.mark.soak
def test_axe_finds_nothing_in_any_look(server: Server) -> None:
    run_story(server, "look", find_link(server), seconds_max=SECONDS_MAX)
