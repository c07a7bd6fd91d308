"""The edge: every request is let in, kept waiting or refused here, before its body is read and before the database is asked.

Who asks is known from memory only (`Sessions.recall`); who is not known is a kind of work of its own.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from math import ceil
from typing import Final

from zajil.core.admission import WAITING, Admission, Entry, Refusal
from zajil.core.admission_gcra import Gcra
from zajil.core.admission_work import SHEDDING, SYNCS, Work
from zajil.http.admission_kinds import find_kind
from zajil.http.request import Request
from zajil.http.router import Auth, Route
from zajil.ports.database import Pace
from zajil.services.admission.new_rooms import NEW_ACCOUNT_MS, describe_s, round_up_ms
from zajil.services.admission.places import forget_place, hold_place
from zajil.services.app import App
from zajil.services.errors import MatrixError, limit_exceeded
from zajil.services.rate_limits import network_of
from zajil.services.requester import Requester

Params = Mapping[str, str]
"""The decoded parameters of the path."""

TICK_S: Final = 0.05
NEW_FRESH_S: Final = 10.0
WAKE_S_LEAST: Final = 0.001
"""Timers are no finer, and a shorter one would only keep the processor busy."""
STEP_BACK_S_MAX: Final = 0.05
"""So long at most what may be shed waits when its turn has come, because a message of a conversation is under way."""
GO_ON_MAX: Final = 4
"""So many of those go on in a round of the event loop."""
KEY_SHARES: Final = Gcra(60, 3)
"""So many messages with keys of an account count as part of its conversations; more of them are ordinary work."""
KEY_SHARERS_MAX: Final = 50_000
WITH_BODY: Final = frozenset({"POST", "PUT", "DELETE", "PATCH"})
KEY_SHARE: Final = "m.room.encrypted"
ANONYMOUS_TOO: Final = (Work.HISTORY, Work.TYPING, Work.PRESENCE)
"""Kinds that do not become another because the sender is not known: they come late enough already."""

TOLD: Final[dict[Work, str]] = {
    Work.LOGIN: "Too many people are logging in at this moment.",
    Work.REGISTER: "Too many people are making accounts at this moment.",
    Work.INVITE: "Too many invitations are being sent at this moment.",
    Work.JOIN: "Too many rooms are being joined at this moment.",
    Work.MEDIA: "Too many files are being uploaded at this moment.",
    Work.SYNC: "The server is busy: everybody is coming back at once.",
    Work.LIVE_SYNC: "The server is busy: everybody is coming back at once.",
    Work.MANY: "The server is busy, and messages to many chats have to wait.",
}
TOLD_OTHERWISE: Final = "The server is busy."
EXPLAINED_MAX: Final = 1024
"""So many sentences are remembered: in a flood thousands are told the same in a second."""


class Edge:
    """Admission on the event loop."""

    def __init__(self, app: App, all_routes: Sequence[Route]) -> None:
        self._app = app
        self._now_s = app.clock.monotonic_s
        self.admission: Admission = app.admission
        self._kinds = {id(route): find_kind(route) for route in all_routes}
        self._key_shares: OrderedDict[str, float] = OrderedDict()
        self._new_since_ms = 0
        """Accounts made later are new; found anew once in a while, not for every message."""
        self._new_until_s = 0.0
        self._stepping_back: deque[Entry] = deque()
        """What has begun and lets messages of conversations pass."""
        self._stepped: asyncio.Handle | None = None
        self._tick: asyncio.TimerHandle | None = None
        self._wake: asyncio.TimerHandle | None = None

    def enter(self, route: Route, params: Params, token: str | None, client_ip: str) -> Entry | None:
        """Take the request in. The entry may have to wait (`begin`), and must `leave`; None for what is always let in.

        Raises 429 M_LIMIT_EXCEEDED.
        """
        entry = self.consider(route, params, token, client_ip)
        if isinstance(entry, Refusal):
            raise refuse(entry)
        return entry

    def consider(self, route: Route, params: Params, token: str | None, client_ip: str) -> Entry | Refusal | None:
        """As `enter`, but returns what is refused because there is too much. Still raises what its sender alone is refused for."""
        work = self._kinds[id(route)]
        if work is None:
            return None
        now_s = self._now_s()
        requester = None if token is None else self._app.sessions.guess(token)
        if requester is not None:
            return self._enter_known(work, route, params, requester, now_s)
        if token is None:
            key = network_of(client_ip)
        else:
            key = token
            if route.auth is not Auth.NONE and work not in ANONYMOUS_TOO:
                return self._admit(Work.UNKNOWN, key, now_s, is_parked=False)
        return self._admit(work, key, now_s, is_parked=reads_body(route))

    def identify(self, entry: Entry, route: Route, request: Request) -> Entry | None:
        """The database has been asked who asks: from now on the request is work of its own kind. Raises 429 M_LIMIT_EXCEEDED."""
        self.leave(entry)
        work = self._kinds[id(route)]
        if work is None:
            return None
        entry_or_refusal = self._enter_known(work, route, request.params, request.requester, self._now_s())
        if isinstance(entry_or_refusal, Refusal):
            raise refuse(entry_or_refusal)
        return entry_or_refusal

    async def begin(self, entry: Entry) -> None:
        """Wait for the entry's turn, in the task of the request. Raises 429 M_LIMIT_EXCEEDED when that takes too long."""
        if entry.waiter is not None:
            await entry.waiter
        if entry.work in SYNCS:
            hold_place(partial(self.park, entry))

    def _enter_known(
        self, work: Work, route: Route, params: Params, requester: Requester, now_s: float
    ) -> Entry | Refusal:
        if work in RANKED:
            work = self._rank(work, params, requester, now_s)
        return self._admit(work, requester.user_id, now_s, is_parked=reads_body(route))

    def _admit(self, work: Work, key: str, now_s: float, *, is_parked: bool) -> Entry | Refusal:
        entry = Entry(work, key, now_s)
        refusal = self.admission.arrive(entry, now_s, is_parked=is_parked)
        if refusal is not None:
            if self._tick is None:
                self._watch(now_s)
            return refusal
        if entry.state == WAITING:
            entry.waiter = asyncio.get_running_loop().create_future()
            self._dispatch()
        return entry

    def find_pace(self, entry: Entry) -> Pace:
        """Whether what the request writes may wait for others, or others for it."""
        if entry.work is Work.LIVE:
            return Pace.URGENT
        return Pace.PATIENT if entry.work in SHEDDING and not self.admission.is_quiet else Pace.ORDINARY

    def park(self, entry: Entry) -> None:
        """The request waits for something that is no work of ours."""
        self.admission.park(entry)
        self._dispatch()

    def leave(self, entry: Entry) -> None:
        """The request has its answer."""
        admission = self.admission
        admission.leave(entry, self._now_s())
        if entry.work in SYNCS:
            forget_place()
        if admission.waiting:
            self._dispatch()

    def _rank(self, work: Work, params: Params, requester: Requester, now_s: float) -> Work:
        user_id = requester.user_id
        if work is Work.SYNC:
            return Work.LIVE_SYNC if self._app.ranks.is_live(user_id, now_s) else Work.SYNC
        if work is Work.PERSON:
            return self._rank_to_device(params, user_id, now_s)
        room_id = params["room_id"]
        if now_s > self._new_until_s:
            self._new_until_s = now_s + NEW_FRESH_S
            self._new_since_ms = self._app.clock.now_ms() - NEW_ACCOUNT_MS
        is_new = requester.created_ts_ms > self._new_since_ms
        self._app.new_rooms.check(user_id, room_id, is_new_account=is_new)
        return self._app.ranks.rank(user_id, room_id, now_s, is_new=is_new)

    def _rank_to_device(self, params: Params, user_id: str, now_s: float) -> Work:
        """Keys go with the messages that they are for, as far as the server can tell."""
        if params.get("type") != KEY_SHARE:
            return Work.PERSON
        count = self._app.ranks.count_rooms(user_id, now_s)
        if count > 3:
            return Work.MANY
        full_s = self._key_shares.get(user_id, 0.0)
        if KEY_SHARES.wait_s(full_s, now_s) or not self._app.ranks.is_live(user_id, now_s):
            return Work.FEW
        self._key_shares[user_id] = KEY_SHARES.take(full_s, now_s)
        self._key_shares.move_to_end(user_id)
        if len(self._key_shares) > KEY_SHARERS_MAX:
            self._key_shares.popitem(last=False)
        return Work.LIVE

    def _dispatch(self) -> None:
        now_s = self._now_s()
        for entry in self.admission.dispatch(now_s):
            if entry.work in STEPPING_BACK:
                self._stepping_back.append(entry)
            elif not entry.waiter.done():
                entry.waiter.set_result(None)
        if self._stepping_back and self._stepped is None:
            self._let_go_on()
        self._watch(now_s)

    def _let_go_on(self) -> None:
        """A few of what stepped back go on: all the same when no message of a conversation is under way, else those that have waited long enough."""
        self._stepped = None
        now_s, has_live = self._now_s(), self.admission.has_live()
        for _ in range(GO_ON_MAX):
            if not self._stepping_back or (has_live and now_s - self._stepping_back[0].started_s < STEP_BACK_S_MAX):
                break
            entry = self._stepping_back.popleft()
            if not entry.waiter.done():
                entry.started_s = now_s  # how long requests take decides how many may run
                entry.waiter.set_result(None)
        if self._stepping_back:
            self._stepped = asyncio.get_running_loop().call_later(WAKE_S_LEAST if has_live else 0, self._let_go_on)

    def _watch(self, now_s: float) -> None:
        """Come back in time while anything waits."""
        loop = asyncio.get_running_loop()
        if self._tick is None and not self.admission.is_quiet:
            self._tick = loop.call_later(TICK_S, self._on_tick)
        if self._wake is None and (wake_s := self.admission.find_wake_s(now_s)) is not None:
            self._wake = loop.call_later(max(wake_s, WAKE_S_LEAST), self._on_wake)

    def _on_wake(self) -> None:
        self._wake = None
        self._dispatch()

    def _on_tick(self) -> None:
        self._tick = None
        now_s = self._now_s()
        for entry, refusal in self.admission.expire(now_s):
            if not entry.waiter.done():
                entry.waiter.set_exception(refuse(refusal))
        self.admission.tend(now_s)
        self._dispatch()


STEPPING_BACK: Final = frozenset(SHEDDING) - frozenset(SYNCS)  # syncs have turns of their own (services/sync/turns.py)
RANKED: Final = (Work.FEW, Work.SYNC, Work.PERSON)
"""Kinds that become another when it is known who asks, and where."""


def reads_body(route: Route) -> bool:
    """Whether the body is read before the endpoint runs."""
    return not route.streams_body and route.method in WITH_BODY


def refuse(refusal: Refusal) -> MatrixError:
    return limit_exceeded(round_up_ms(refusal.wait_s), explain(refusal))


def explain(refusal: Refusal) -> str:
    """Why a request was refused, and until when."""
    return _explain(refusal.work, ceil(refusal.wait_s))


@lru_cache(EXPLAINED_MAX)
def _explain(work: Work, wait_s: int) -> str:
    return f"{TOLD.get(work, TOLD_OTHERWISE)} Try again in {describe_s(wait_s)}."
