"""What remains to be done in the rooms after a change of an account: carry the profile into them, or leave them.

Tasks are rows in the database, so a process that dies leaves them to the next one. Doing one twice changes nothing.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from zajil.ports.database import Transaction
from zajil.ports.stores.accounts import AccountTask
from zajil.ports.stores.profiles import Profile
from zajil.services.accounts.set_profile import PROPAGATE
from zajil.services.app import App
from zajil.services.errors import MatrixError
from zajil.services.messages.append_events import Proposal, append, open_draft, store_draft
from zajil.services.messages.send_event import write_to_room

LEAVE: Final = "leave_rooms"
TASKS_AT_ONCE_MAX: Final = 16
ROOMS_AT_ONCE_MAX: Final = 16
RETRY_S: Final = 30.0

log = structlog.get_logger(__name__)


class AccountTasks:
    """Runs the tasks in the background, one account after the other, several rooms of it at a time."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._wanted = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with whatever an earlier process left; needs a running loop."""
        self._wanted.set()
        self._running = asyncio.create_task(self._run())

    def wake(self) -> None:
        """A task was stored."""
        self._wanted.set()

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def finish(self) -> None:
        """Do everything there is to do now, and return when it is done."""
        while await self._run_some():
            pass

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self.finish()
            except Exception:
                log.exception("account tasks failed")
                asyncio.get_running_loop().call_later(RETRY_S, self.wake)

    async def _run_some(self) -> int:
        tasks = await self._app.stores.accounts.load_tasks(self._app.db.reader, TASKS_AT_ONCE_MAX)
        for task in tasks:
            if task.task == PROPAGATE:
                await propagate_profile(self._app, task.user_id)
            elif task.task == LEAVE:
                await leave_rooms(self._app, task.user_id)
            await self._app.db.write(self._build_delete(task))
        return len(tasks)

    def _build_delete(self, task: AccountTask) -> Callable[[Transaction], Awaitable[None]]:
        async def delete(tx: Transaction) -> None:
            await self._app.stores.accounts.delete_task(tx, task)

        return delete


async def propagate_profile(app: App, user_id: str) -> None:
    """Bring the user's member events in joined rooms up to date with the profile."""
    profile = await app.stores.profiles.load(app.db.reader, user_id) or Profile(user_id)
    rooms = await app.stores.rooms.load_memberships_of_user(app.db.reader, user_id, ["join"])
    stale = [
        row.room_id for row in rooms if (row.display_name, row.avatar_url) != (profile.display_name, profile.avatar_url)
    ]
    await _in_rooms(stale, lambda room_id: _update_member(app, user_id, room_id, profile))


async def leave_rooms(app: App, user_id: str) -> None:
    """Leave every room, and refuse every invite and knock."""
    rooms = await app.stores.rooms.load_memberships_of_user(app.db.reader, user_id, ["join", "invite", "knock"])
    await _in_rooms([row.room_id for row in rooms], lambda room_id: _leave(app, user_id, room_id))


async def _in_rooms(room_ids: list[str], change: Callable[[str], Awaitable[None]]) -> None:
    for start in range(0, len(room_ids), ROOMS_AT_ONCE_MAX):
        outcomes = await asyncio.gather(
            *(change(room_id) for room_id in room_ids[start : start + ROOMS_AT_ONCE_MAX]), return_exceptions=True
        )
        for outcome in outcomes:
            # A room that does not let the change happen is passed over; anything else is tried again later.
            if isinstance(outcome, BaseException) and not isinstance(outcome, MatrixError):
                raise outcome


async def _update_member(app: App, user_id: str, room_id: str, profile: Profile) -> None:
    async def item(tx: Transaction) -> None:
        draft = await open_draft(app, tx, room_id)
        member = await draft.state(app, tx, ("m.room.member", user_id))
        if member is None or member.event.membership != "join":
            return
        content: dict[str, Any] = {
            key: value
            for key, value in member.event.content.items()
            if key not in ("displayname", "avatar_url", "join_authorised_via_users_server")
        }
        if profile.display_name is not None:
            content["displayname"] = profile.display_name
        if profile.avatar_url is not None:
            content["avatar_url"] = profile.avatar_url
        if content != member.event.content:
            await append(app, tx, draft, Proposal("m.room.member", user_id, content, state_key=user_id))
            await store_draft(app, tx, draft)

    await write_to_room(app, room_id, item)


async def _leave(app: App, user_id: str, room_id: str) -> None:
    async def item(tx: Transaction) -> None:
        draft = await open_draft(app, tx, room_id)
        if await draft.membership(app, tx, user_id) in ("join", "invite", "knock"):
            proposal = Proposal("m.room.member", user_id, {"membership": "leave"}, state_key=user_id)
            await append(app, tx, draft, proposal)
            await store_draft(app, tx, draft)

    await write_to_room(app, room_id, item)
