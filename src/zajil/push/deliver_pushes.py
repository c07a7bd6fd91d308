"""From the queue to the gateways: one request after the other for each pusher, many pushers at once.

A process takes a pusher for a while; should it die, the pusher is due again when that is over, and an event may be pushed twice: gateways
know it by its ID. A gateway that fails is tried again after a time that doubles, with some jitter, and what waits for it is bounded.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import orjson
import structlog

from zajil.ports.database import Busy, Read, StorageUnavailable, Stream, Touch, Transaction
from zajil.ports.outbound_http import OutboundFailed, OutboundRequest
from zajil.ports.stores.pushers import BADGE_ONLY, Pusher
from zajil.push.build_notification import build_badge, build_notification
from zajil.push.count_badge import count_badge
from zajil.push.evaluate_event import evaluate_event, find_prepared, may_be_told
from zajil.services.app import App
from zajil.services.notifications.set_pusher import own_url
from zajil.services.notifications.unread_counts import load_unread

PUSHERS_AT_ONCE_MAX: Final = 64
CLAIM_MS: Final = 60_000
EVENTS_PER_CLAIM_MAX: Final = 20
WAITING_MAX: Final = 200
"""Of one pusher whose gateway fails; older ones are given up."""
GIVE_UP_MS: Final = 3 * 24 * 3600 * 1000
"""After so long a failure what waits is given up; the pusher stays."""
TIMEOUT_MS: Final = 20_000
ANSWER_BYTES_MAX: Final = 256 * 1024
BACKOFF_MS: Final = 1_000
BACKOFF_MS_MAX: Final = 3600 * 1000
WAKING: Final = (Stream.RECEIPTS, Stream.NOTIFICATIONS, Stream.PUSHERS)
BADGES_REMEMBERED_MAX: Final = 100_000
IDLE_S_MAX: Final = 30.0
RETRY_S: Final = 5.0

log = structlog.get_logger(__name__)


class GatewayFailed(Exception):
    """The gateway gave no answer that counts; try again later."""


class PushDelivery:
    """The task that empties the queue."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._badges: dict[int, int] = {}
        """The number of unread messages that a pusher was told last."""
        self._wanted = asyncio.Event()
        self._running: dict[asyncio.Task[None], int] = {}
        """Deliveries under way, with their pushers."""
        self._claim: asyncio.Task[list[Pusher]] | None = None
        app.db.subscribe(self._hear)

    def _hear(self, _position: int, touches: Sequence[Touch]) -> None:
        # A receipt may have brought a new number of unread messages.
        if not touches or any(stream in WAKING for stream, _ in touches):
            self._wanted.set()

    def wake(self) -> None:
        """Something was queued."""
        self._wanted.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._wanted.clear()
                try:
                    wait_s = await self._start_due()
                except Exception as error:
                    log.warning("the push queue could not be read", cause=repr(error))
                    wait_s = RETRY_S
                try:
                    async with asyncio.timeout(wait_s):
                        await self._wanted.wait()
                except TimeoutError:
                    pass
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """Break off what is under way, for the next process to do."""
        app, running = self._app, dict(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        claimed, now_ms = list(running.values()), app.clock.now_ms()
        with contextlib.suppress(Busy, StorageUnavailable):
            if self._claim is not None:
                claimed += [pusher.pusher_nid for pusher in await self._claim]

            async def release(tx: Transaction) -> None:
                if claimed:
                    await app.stores.pushers.release(tx, claimed, now_ms)
                tx.touch(Stream.PUSHERS, "")  # the next process looks at once

            await app.db.write(release)

    async def _start_due(self) -> float:
        """Start what is due as far as there is room; returns the seconds until something may be."""
        app, store = self._app, self._app.stores.pushers
        now_ms = app.clock.now_ms()
        due = await store.load_next_due(app.db.reader)
        if due is None:
            return IDLE_S_MAX
        free = PUSHERS_AT_ONCE_MAX - len(self._running)
        if due > now_ms or free <= 0:
            return min(IDLE_S_MAX, max(due - now_ms, 100) / 1000)

        async def claim(tx: Transaction) -> list[Pusher]:
            return await store.claim_due(tx, now_ms, now_ms + CLAIM_MS, free)

        # Even if this is broken off, it must be known which pushers are to be given back.
        self._claim = asyncio.create_task(app.db.write(claim))
        pushers = await asyncio.shield(self._claim)
        self._claim = None
        for pusher in pushers:
            task = asyncio.create_task(self._deliver(pusher, now_ms + CLAIM_MS - TIMEOUT_MS))
            self._running[task] = pusher.pusher_nid
            task.add_done_callback(self._finish)
        return 0

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._wanted.set()

    async def _deliver(self, pusher: Pusher, until_ms: int) -> None:
        try:
            try:
                if await self._send_waiting(pusher, until_ms):
                    await self._settle(pusher)
            except GatewayFailed as failure:
                await self._postpone(pusher, str(failure))
        except Exception:
            # Due again when the claim is over.
            log.exception("a push failed", pusher=pusher.pusher_nid)

    async def _send_waiting(self, pusher: Pusher, until_ms: int) -> bool:
        """Send what waits for a pusher, for as long as it is claimed; False when the gateway has rejected it. Raises `GatewayFailed`."""
        app, store = self._app, self._app.stores.pushers
        for nid in await store.load_waiting(app.db.reader, pusher.pusher_nid, EVENTS_PER_CLAIM_MAX):
            if app.clock.now_ms() > until_ms:
                break
            notification = await self._build(app.db.reader, pusher, nid)
            if notification is not None and pusher.pushkey in await self._post(pusher, notification):
                await app.db.write(lambda tx: store.delete(tx, pusher.pusher_nid))
                return False
            await self._delete_waiting(pusher, nid)
        return True

    async def _delete_waiting(self, pusher: Pusher, nid: int) -> None:
        store = self._app.stores.pushers
        await self._app.db.write(lambda tx: store.delete_waiting(tx, pusher.pusher_nid, [nid]))

    async def _build(self, tx: Read, pusher: Pusher, nid: int) -> dict[str, Any] | None:
        """None for what the user has read meanwhile, or may not be told any more."""
        app = self._app
        if nid == BADGE_ONLY:
            unread = await count_badge(app, tx, pusher.user_id)
            return None if self._badges.get(pusher.pusher_nid) == unread else build_badge(pusher, unread)
        events = await app.stores.events.load_by_nids(tx, [nid])
        head = await app.rooms.find(tx, events[0].event.room_id, app.db.position) if events else None
        prepared = [] if head is None else await find_prepared(app, tx, head, events)
        if head is None or not prepared or not await may_be_told(app, tx, head, prepared[0], pusher.user_id):
            return None
        stored = prepared[0]
        verdict = await evaluate_event(app, tx, head, stored, pusher.user_id)
        if not verdict.notify:
            return None
        if stored.event.membership != "invite":
            tally = await load_unread(app, tx, head, pusher.user_id)
            if tally.covers(stored, stored.notice.thread):
                return None
        unread = await count_badge(app, tx, pusher.user_id)
        return await build_notification(app, tx, head, stored, verdict, pusher, unread)

    async def _post(self, pusher: Pusher, notification: dict[str, Any]) -> frozenset[str]:
        """Hand a notification over; returns the pushkeys that the gateway rejects."""
        url = orjson.loads(pusher.json)["data"]["url"]
        body = {"notification": notification}
        if url == own_url(self._app):
            rejected = await self._app.push_gateway.notify(body)
            if rejected is None:
                raise GatewayFailed("the push service does not answer")
            return frozenset(rejected)
        request = OutboundRequest(
            url,
            method="POST",
            headers={"Content-Type": "application/json"},
            body=orjson.dumps(body),
            timeout_ms=TIMEOUT_MS,
            body_bytes_max=ANSWER_BYTES_MAX,
        )
        try:
            response = await self._app.push_http.fetch(request)
        except OutboundFailed as failure:
            raise GatewayFailed(failure.failure) from None  # the URL may be one user's own
        if not 200 <= response.status < 300:
            raise GatewayFailed(f"status {response.status}")
        self._remember_badge(pusher, notification)
        return parse_rejected(response.body)

    def _remember_badge(self, pusher: Pusher, notification: dict[str, Any]) -> None:
        if len(self._badges) >= BADGES_REMEMBERED_MAX:
            self._badges.clear()
        self._badges[pusher.pusher_nid] = notification["counts"].get("unread", 0)

    async def _settle(self, pusher: Pusher) -> None:
        now_ms = self._app.clock.now_ms()
        self._app.measurements.note_push(pusher.pusher_nid, None)
        await self._app.db.write(lambda tx: self._app.stores.pushers.settle(tx, pusher.pusher_nid, now_ms))

    async def _postpone(self, pusher: Pusher, reason: str) -> None:
        store, now_ms = self._app.stores.pushers, self._app.clock.now_ms()
        self._app.measurements.note_push(pusher.pusher_nid, orjson.loads(pusher.json)["data"]["url"])
        failures = pusher.failures + 1
        since_ms = pusher.failing_since_ts_ms if pusher.failing_since_ts_ms is not None else now_ms
        kept_max = 0 if now_ms - since_ms > GIVE_UP_MS else WAITING_MAX
        wait_ms = min(BACKOFF_MS << min(failures - 1, 30), BACKOFF_MS_MAX)
        due_ms = now_ms + wait_ms // 2 + self._app.randomness.below(wait_ms)
        log.info("a push gateway does not take a notification", pusher=pusher.pusher_nid, cause=reason, wait_ms=wait_ms)

        async def item(tx: Transaction) -> None:
            await store.delete_oldest(tx, pusher.pusher_nid, kept_max)
            if kept_max:
                await store.postpone(tx, pusher.pusher_nid, failures, since_ms, due_ms)
            else:
                await store.settle(tx, pusher.pusher_nid, now_ms)

        await self._app.db.write(item)


def parse_rejected(body: bytes) -> frozenset[str]:
    """The `rejected` of a gateway's answer; none where it makes no sense."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return frozenset()
    rejected = answer.get("rejected") if isinstance(answer, dict) else None
    return frozenset(each for each in rejected if isinstance(each, str)) if isinstance(rejected, list) else frozenset()
