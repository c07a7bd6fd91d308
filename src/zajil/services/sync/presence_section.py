"""The presence section: those in the user's small rooms whose presence has changed, or on a first sync who are not offline."""

from typing import Any

import orjson

from zajil.ports.database import Read
from zajil.services.accounts.ignored_users import load_ignored_users
from zajil.services.app import App
from zajil.services.signals.presence import OFFLINE, ROOM_MEMBERS_MAX, build_content
from zajil.services.sync.notifier import OnlineUser
from zajil.services.sync.request import SyncRequest, Window

EVENTS_MAX = 1_000
"""More on a first sync are not told; they come with their next change."""


async def load_presence(app: App, tx: Read, sync: SyncRequest, window: Window, user: OnlineUser) -> list[bytes]:
    """m.presence events as JSON."""
    if not app.presence.is_on:
        return []
    since = window.ephemeral_since
    if window.since is None or user.presence_since is None or since < user.presence_since:
        names = await _find_near(app, tx, user, since)
        names.update(name for name, counter in user.presence.items() if counter > since >= 0)
        if window.since is not None and since < 0:
            app.presence.expect_correction(sync.user_id)
        if user.presence_since is None:
            user.presence_since = window.ephemeral_up_to
    elif user.last_presence > since:
        names = {name for name, counter in user.presence.items() if counter > since}
    else:
        return []
    names -= await load_ignored_users(app, tx, sync.user_id)
    chosen = sorted(names)[:EVENTS_MAX]
    contents = {name: await _build(app, tx, sync, name, is_news=_is_news(user, window, name)) for name in chosen}
    wanted = sync.filter.presence
    return [
        orjson.dumps({"type": "m.presence", "sender": name, "content": content})
        for name, content in contents.items()
        if content is not None and wanted.matches("m.presence", name, content)
    ]


async def _find_near(app: App, tx: Read, user: OnlineUser, since: int) -> set[str]:
    """Of everybody in the user's small rooms, the user too, those who have changed after `since`; with -1 those who are not offline."""
    near = {user.user_id}
    for room_id in await app.stores.signals.load_small_rooms(tx, user.user_id, ROOM_MEMBERS_MAX):
        near.update(other.user_id for other in app.notifier.online_in(room_id))
    if app.presence.knows_elsewhere:  # those who sync with another process only are not in this one's memory
        near.update(await app.stores.signals.load_near(tx, user.user_id, ROOM_MEMBERS_MAX))
    people = ((name, app.presence.find(name)) for name in near)
    return {
        name
        for name, person in people
        if person is not None and (person.changed > since if since >= 0 else person.state != OFFLINE)
    }


async def _build(app: App, tx: Read, sync: SyncRequest, name: str, *, is_news: bool) -> dict[str, Any] | None:
    """The event's content. Somebody hidden is offline to those who have to be told, and not mentioned to others."""
    person = app.presence.find(name)
    if name != sync.user_id and not (await app.privacy.load(tx, name)).shows_last_seen_to(sync.user_id):
        return build_content(None, 0) if is_news else None
    return build_content(person, app.clock.monotonic_s())


def _is_news(user: OnlineUser, window: Window, name: str) -> bool:
    return window.since is not None and user.presence.get(name, -1) > window.ephemeral_since
