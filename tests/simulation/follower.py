"""A client that follows its rooms by incremental /sync with `state_after`, and believes nothing else."""

from typing import Any

from tests.client import Client, q

LIMIT = 1_000


class Follower:
    """What one person sees of one room."""

    def __init__(self, client: Client, room_id: str) -> None:
        self.client = client
        self.room_id = room_id
        self.since = ""
        self.is_in_room = False
        self.state: dict[tuple[str, str], str] = {}
        self.timeline: list[str] = []
        """Since the room was first seen, or seen again."""
        self.was_out = False

    async def sync(self) -> None:
        """One step."""
        filtered = q(f'{{"room":{{"rooms":["{self.room_id}"],"timeline":{{"limit":{LIMIT}}}}}}}')
        path = f"/_matrix/client/v3/sync?timeout=0&use_state_after=true&filter={filtered}{self.since}"
        body = (await self.client.get(path)).ok()
        self.since = f"&since={q(body['next_batch'])}"
        rooms: dict[str, Any] = body.get("rooms", {})
        if self.room_id in rooms.get("leave", {}):
            self.is_in_room, self.was_out, self.state, self.timeline = False, True, {}, []
        update = rooms.get("join", {}).get(self.room_id)
        if update is None:
            return
        self.is_in_room = True
        for event in update.get("state_after", {}).get("events", []):
            self.state[event["type"], event["state_key"]] = event["event_id"]
        news = [event["event_id"] for event in update["timeline"]["events"]]
        if update["timeline"]["limited"]:
            self.was_out, self.timeline = True, []
        self.timeline += news
        assert len(set(self.timeline)) == len(self.timeline), (self.client.user_id, "an event came twice", news)

    async def check(self) -> None:
        """What was seen is the room as it is, and the whole log since, in its order."""
        await self.sync()
        app, path = self.client.server.app, f"/_matrix/client/v3/rooms/{q(self.room_id)}"
        joined = (await self.client.get("/_matrix/client/v3/joined_rooms")).ok()["joined_rooms"]
        assert self.is_in_room == (self.room_id in joined), (self.client.user_id, self.is_in_room)
        if not self.is_in_room:
            return
        state = (await self.client.get(f"{path}/state")).ok()
        actual = {(event["type"], event["state_key"]): event["event_id"] for event in state}
        # What was a rival branch's alone may leave nothing in its place when the branches are joined. No /sync can say so: not even `state_after`
        # has a word for a key under which nothing stands any more.
        seen = {key: event_id for key, event_id in self.state.items() if key in actual}
        assert seen == actual, (
            self.client.user_id,
            {"seen": sorted(seen.items() - actual.items()), "actual": sorted(actual.items() - seen.items())},
        )
        head = await app.rooms.find(app.db.reader, self.room_id, app.db.position)
        assert head is not None
        announced = [each.event.event_id for each in await self._load_log()]
        if self.was_out:
            announced = announced[-len(self.timeline) :]
        assert self.timeline == announced, (self.client.user_id, sorted(set(self.timeline) ^ set(announced)))

    async def _load_log(self) -> list[Any]:
        app = self.client.server.app
        rows = await app.db.reader.fetch(
            "SELECT e.event_nid FROM events e JOIN rooms r ON r.room_nid = e.room_nid"
            " WHERE r.room_id = ? AND e.position IS NOT NULL",
            self.room_id,
        )
        loaded = await app.stores.events.load_by_nids(app.db.reader, [nid for (nid,) in rows])
        return sorted(loaded, key=lambda each: each.position or 0)
