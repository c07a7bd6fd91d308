"""A client that assembles what it knows from /sync, step by step, exactly as the spec tells clients to.

It is the judge of "incremental sync = fresh sync": two of them, one that followed along and one that has just logged in,
must end up knowing the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import orjson
from tests.conversations.account import Account

# Clients of today still ask under the name from before spec v1.16, and Synapse knows no other.
STATE_AFTER_UNSTABLE = "org.matrix.msc4222.state_after"
STATE_AFTER = STATE_AFTER_UNSTABLE if os.environ.get("ZAJIL_TEST_SERVER") == "synapse" else "state_after"
GAP_PAGES_MAX = 10_000

Event = dict[str, Any]
StateKey = tuple[str, str]


@dataclass(frozen=True)
class Variant:
    """How a client asks: its filter and parameters."""

    name: str
    timeline_limit: int = 20
    page_limit: int = 10  # of the /messages pages that fill a gap
    lazy_load: bool = False
    threads: bool = False  # unread counts of threads apart from the room's
    state_after: str | None = None  # under which name the state after the timeline is asked for

    def build_query(self) -> dict[str, Any]:
        room: dict[str, Any] = {"timeline": {"limit": self.timeline_limit}}
        if self.lazy_load:
            room["state"] = {"lazy_load_members": True}
            room["timeline"]["lazy_load_members"] = True
        if self.threads:
            room["timeline"]["unread_thread_notifications"] = True
        query: dict[str, Any] = {"filter": orjson.dumps({"room": room}).decode(), "set_presence": "offline"}
        if self.state_after:
            query[self.state_after.replace("state_after", "use_state_after")] = "true"
        return query


PLAIN = Variant("plain")
PLAIN_THREADS = Variant("plain with threads", threads=True)
VARIANTS = [
    PLAIN,
    Variant("gaps", timeline_limit=2),
    Variant("lazy", timeline_limit=3, lazy_load=True, threads=True),
    Variant("state after", timeline_limit=2, state_after=STATE_AFTER),
    Variant("lazy state after", timeline_limit=2, lazy_load=True, state_after=STATE_AFTER_UNSTABLE),
]


@dataclass
class JoinedRoom:
    timeline: list[Event] = field(default_factory=list)
    known: set[str] = field(default_factory=set)  # the event IDs of the timeline
    heard: set[str] = field(default_factory=set)  # senders of events that /sync brought
    state: dict[StateKey, Event] = field(default_factory=dict)
    account_data: dict[str, Any] = field(default_factory=dict)
    receipts: dict[tuple[str, str, str], str] = field(default_factory=dict)  # (kind, user, thread) -> event ID
    unread: dict[str, int] = field(default_factory=dict)
    unread_threads: dict[str, dict[str, int]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    prev_batch: str | None = None

    def describe_timeline(self) -> list[str]:
        return [f"{event['event_id']} {event['type']} {event['sender']}" for event in self.timeline]


class SyncedClient:
    def __init__(self, account: Account, variant: Variant) -> None:
        self.account = account
        self.variant = variant
        self.since: str | None = None
        self.rooms: dict[str, JoinedRoom] = {}
        self.invites: dict[str, list[Event]] = {}
        self.account_data: dict[str, Any] = {}
        self.to_device: list[Event] = []
        self.devices_changed: set[str] = set()
        self.started_over = False
        self.steps: list[str] = []

    def forget(self) -> None:
        """Drop everything but the messages to the device: the next sync is a first one."""
        self.since = None
        self.started_over = True
        self.rooms, self.invites, self.account_data = {}, {}, {}

    def __repr__(self) -> str:
        return f"<{self.account.user_id} {self.account.device_id} {self.variant.name}>"

    async def sync(self, timeout_ms: int = 0, **query: Any) -> bool:
        """Take one step; say whether it brought anything."""
        answer = await self.account.sync(self.since, timeout_ms, **self.variant.build_query(), **query)
        await self.apply(answer)
        return bool(set(answer.get("rooms") or {}) or answer.get("account_data") or answer.get("to_device"))

    async def apply(self, answer: dict[str, Any]) -> None:
        """Take in an answer whole, or, when filling a gap fails, not at all: the same step is then taken again."""
        joined = answer.get("rooms", {}).get("join", {})
        gaps = {room_id: await self._load_gap(room_id, update) for room_id, update in joined.items()}
        self.steps = [*self.steps[-30:], f"{self.since} -> {answer['next_batch']}: {describe_rooms(answer)}"]
        rooms = answer.get("rooms", {})
        # Left and invited again between two syncs, a room stands under `invite` and perhaps under `leave` too: the invitation
        # came last, and whoever is invited is not joined.
        for room_id, update in rooms.get("leave", {}).items():
            self._apply_leave(room_id, update)
        for room_id, update in rooms.get("invite", {}).items():
            self.rooms.pop(room_id, None)
            self.invites[room_id] = update["invite_state"]["events"]
        for room_id, update in rooms.get("join", {}).items():
            self._apply_join(room_id, update, gaps[room_id])
        for event in answer.get("account_data", {}).get("events", []):
            self.account_data[event["type"]] = event["content"]
        self.to_device += answer.get("to_device", {}).get("events", [])
        self.devices_changed |= set(answer.get("device_lists", {}).get("changed", []))
        self.since = answer["next_batch"]

    def _apply_leave(self, room_id: str, update: dict[str, Any]) -> None:
        """Left, kicked, banned, or an invitation withdrawn: whichever it is, the client must be told."""
        self.invites.pop(room_id, None)
        known = self.rooms.pop(room_id, None)
        if known is not None:
            own = self.find_own_membership(update)
            assert own in ("leave", "ban"), f"{self} left {room_id} but the update does not say how: {update}"

    def find_own_membership(self, update: dict[str, Any]) -> str | None:
        sources = (self.variant.state_after,) if self.variant.state_after else ("state", "timeline")
        found = None
        for source in sources:
            for event in update.get(source, {}).get("events", []):
                if event["type"] == "m.room.member" and event.get("state_key") == self.account.user_id:
                    found = event["content"]["membership"]
        return found

    def _apply_join(self, room_id: str, update: dict[str, Any], gap: list[Event]) -> None:
        self.invites.pop(room_id, None)
        newly_joined = room_id not in self.rooms
        room = self.rooms.setdefault(room_id, JoinedRoom())
        timeline = update.get("timeline", {})
        if newly_joined:
            room.prev_batch = timeline.get("prev_batch")
        self._apply_state(room_id, room, update)
        self._append(room_id, room, gap + timeline.get("events", []))
        room.heard |= {event["sender"] for event in timeline.get("events", [])}
        for event in update.get("account_data", {}).get("events", []):
            room.account_data[event["type"]] = event["content"]
        for event in update.get("ephemeral", {}).get("events", []):
            if event["type"] == "m.receipt":
                apply_receipts(room, event["content"])
        if "unread_notifications" in update:
            room.unread = update["unread_notifications"]
        room.unread_threads = update.get("unread_thread_notifications", {})
        room.summary.update(update.get("summary", {}))

    def _apply_state(self, room_id: str, room: JoinedRoom, update: dict[str, Any]) -> None:
        if self.variant.state_after:
            assert "state" not in update, f"{self}: `state` beside {self.variant.state_after} in {room_id}"
            changes = update.get(self.variant.state_after, {}).get("events", [])
        else:
            assert "state_after" not in update, f"{self}: `state_after` without being asked in {room_id}"
            changes = update.get("state", {}).get("events", []) + [
                event for event in update.get("timeline", {}).get("events", []) if "state_key" in event
            ]
        for event in changes:
            room.state[(event["type"], event["state_key"])] = event

    def _append(self, room_id: str, room: JoinedRoom, events: list[Event]) -> None:
        for event in events:
            assert event["event_id"] not in room.known, (
                f"{self}: {event['event_id']} came twice in {room_id}; last steps: {self.steps}"
            )
            room.known.add(event["event_id"])
            room.timeline.append(event)
            if event["type"] == "m.room.redaction":
                target = event["content"].get("redacts") or event.get("redacts")
                redact([*room.timeline, *room.state.values()], target)

    async def _load_gap(self, room_id: str, update: dict[str, Any]) -> list[Event]:
        """What lies between the last event known and a limited timeline."""
        room, timeline = self.rooms.get(room_id), update.get("timeline", {})
        if room is None or not timeline.get("limited"):
            return []
        assert timeline.get("prev_batch"), f"{self}: a limited timeline of {room_id} without prev_batch: {update}"
        return await self.load_older(room_id, timeline["prev_batch"], timeline.get("events", []), room.known)

    async def load_older(self, room_id: str, token: str, newer: list[Event], known: set[str]) -> list[Event]:
        """Walk /messages back to an event known or to the room's beginning; return what was passed, oldest first."""
        if newer and newer[0]["type"] == "m.room.create":
            return []
        passed: list[Event] = []
        seen = {event["event_id"] for event in newer}
        path = f"/rooms/{quote(room_id, safe='')}/messages"
        for _ in range(GAP_PAGES_MAX):
            query = {"dir": "b", "from": token, "limit": self.variant.page_limit}
            page = await self.account.call("GET", path, query=query)
            for event in page["chunk"]:
                if event["event_id"] in known:
                    return passed[::-1]
                assert event["event_id"] not in seen, f"{self}: /messages in {room_id} repeats {event['event_id']}"
                seen.add(event["event_id"])
                passed.append(event)
            if "end" not in page:
                return passed[::-1]
            token = page["end"]
        raise AssertionError(f"{self}: {room_id} does not end after {GAP_PAGES_MAX} pages")


def redact(events: list[Event], event_id: str) -> None:
    """What the redaction algorithm leaves of the kinds of event that tests redact."""
    for event in events:
        if event["event_id"] == event_id:
            event["content"] = {}


def apply_receipts(room: JoinedRoom, content: dict[str, Any]) -> None:
    for event_id, kinds in content.items():
        for kind, users in kinds.items():
            for user_id, receipt in users.items():
                room.receipts[(kind, user_id, receipt.get("thread_id", ""))] = event_id


def describe_rooms(answer: dict[str, Any]) -> str:
    parts = []
    for section, rooms in answer.get("rooms", {}).items():
        for room_id, update in rooms.items():
            timeline = update.get("timeline", {})
            ids = [event["event_id"][-6:] for event in timeline.get("events", [])]
            state = [
                f"{event['type']}/{event['state_key']}={event['event_id'][-6:]}"
                for name in ("state", "state_after", STATE_AFTER_UNSTABLE)
                for event in update.get(name, {}).get("events", [])
            ]
            limited = "limited " if timeline.get("limited") else ""
            parts.append(f"{section} {room_id[-6:]} {limited}{ids} state {state}")
    return "; ".join(parts)


async def load_fresh(user_id: str, account: Account, variant: Variant = PLAIN) -> SyncedClient:
    """What a new login of the same user sees."""
    device = await Account(account.base, account.connections).login(user_id)
    client = SyncedClient(device, variant)
    await client.sync()
    return client
