"""GET /rooms/{room_id}/messages gives each event once, whatever the filter leaves out, and says when there is nothing further."""

from pathlib import Path

import pytest
from tests.client import q, running_server

V3 = "/_matrix/client/v3"
TOPICS = q('{"types":["m.room.topic"]}')
BETWEEN = 70
"""More than are read at once when few are asked for."""


@pytest.mark.parametrize("direction", ["b", "f"])
async def test_a_filtered_page_that_reaches_the_end_is_the_last(tmp_path: Path, direction: str) -> None:
    async with running_server(tmp_path) as server:
        alice = await server.register("alice")
        room_id = (await alice.post(f"{V3}/createRoom", {})).ok()["room_id"]
        path = f"{V3}/rooms/{q(room_id)}"
        first = (await alice.put(f"{path}/state/m.room.topic/", {"topic": "first"})).ok()["event_id"]
        for number in range(BETWEEN):
            (await alice.put(f"{path}/send/m.room.message/{number}", {"msgtype": "m.text", "body": "between"})).ok()
        last = (await alice.put(f"{path}/state/m.room.topic/", {"topic": "last"})).ok()["event_id"]
        asked = f"{path}/messages?dir={direction}&limit=10&filter={TOPICS}"
        page = (await alice.get(asked)).ok()
        expected = [last, first] if direction == "b" else [first, last]
        assert [event["event_id"] for event in page["chunk"]] == expected
        if "end" in page:  # what comes next may be empty, and never the same again
            assert (await alice.get(f"{asked}&from={page['end']}")).ok()["chunk"] == []
        assert direction == "f" or "end" not in page
