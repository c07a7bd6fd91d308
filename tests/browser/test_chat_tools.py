"""Threads, pins, timers and the rest of a chat's tools, in a real Chromium."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.stories import run_story
from tests.servers import Server, build_zajil

pytestmark = pytest.mark.browser


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, registration="open", rate_limits="off").start()
    yield server
    server.stop()


def test_people_use_all_tools_of_a_chat(server: Server) -> None:
    run_story(server, "chat_tools", f"{server.base}/#/register")


def test_people_look_after_their_chats(server: Server) -> None:
    run_story(server, "chat_care", f"{server.base}/#/register")


def test_lost_keys_are_made_again(server: Server) -> None:
    run_story(server, "lost_keys", f"{server.base}/#/register")
