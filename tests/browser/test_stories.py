"""What people do with the web client, in a real Chromium."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.nio_side import NioSide
from tests.browser.stories import run_story
from tests.servers import Server, build_zajil

pytestmark = pytest.mark.browser

LINK_SECONDS_MAX = 20.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, registration="token", rate_limits="on").start()
    yield server
    server.stop()


def find_link(server: Server) -> str:
    """The link that the server prints while it has no account."""
    deadline = time.monotonic() + LINK_SECONDS_MAX
    while not (found := re.search(r"http\S+/#/register\?token=\w+", server.log.read_text())):
        assert time.monotonic() < deadline, server.log_tail()
        time.sleep(0.02)
    return found[0]


def test_people_arrive(server: Server) -> None:
    run_story(server, "arrive", find_link(server))


def test_somebody_new_sends_a_message_in_six_actions(server: Server) -> None:
    run_story(server, "first_chat", find_link(server))


def test_people_talk(server: Server) -> None:
    run_story(server, "conversation", find_link(server))


def test_a_chain_letter_dies_out(server: Server) -> None:
    run_story(server, "chain_letter", find_link(server))


def test_what_was_said_is_found_again(server: Server) -> None:
    run_story(server, "search", find_link(server))


def test_verification(server: Server) -> None:
    run_story(server, "verification")


def test_invitation(server: Server) -> None:
    run_story(server, "invitation")


def test_requests(server: Server) -> None:
    run_story(server, "requests")


def test_community(server: Server) -> None:
    run_story(server, "community")


def test_it_starts_at_once_with_many_chats(tmp_path: Path) -> None:
    server = build_zajil(tmp_path, registration="token", rate_limits="off").start()
    try:
        run_story(server, "perf_start", find_link(server))
    finally:
        server.stop()


def test_people_talk_with_another_client(tmp_path: Path) -> None:
    server = build_zajil(tmp_path, registration="open", rate_limits="on").start()
    omar = NioSide(server.base, tmp_path / "nio")
    try:
        run_story(server, "other_client", f"{server.base}/#/register", other=omar.do)
    finally:
        omar.close()
        server.stop()


def test_somebody_without_a_mouse(server: Server) -> None:
    run_story(server, "keyboard")


def test_people_come_and_go(server: Server) -> None:
    run_story(server, "absences", find_link(server))


def test_people_settle(server: Server) -> None:
    run_story(server, "settings", find_link(server))


def test_a_push_wakes_the_browser(server: Server) -> None:
    run_story(server, "push", find_link(server))
