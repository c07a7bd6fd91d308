"""Which servers this one talks with."""

from fnmatch import fnmatchcase
from typing import Final

from zajil.ports.database import Stream, Transaction
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param
from zajil.services.rooms.room_heads import RoomHead

PATTERN_CHARACTERS_MAX: Final = 255
RULES_MAX: Final = 10_000


class ServerRules:
    """Patterns of server names that the operator allowed or denied by command. A change is heard of by every running process."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.allow: tuple[str, ...] = ()
        self.deny: tuple[str, ...] = ()

    async def load(self) -> None:
        """Read them anew."""
        rules = await self._app.stores.federation_queue.load_rules(self._app.db.reader)
        self.allow = tuple(pattern for pattern, is_allowed in rules if is_allowed)
        self.deny = tuple(pattern for pattern, is_allowed in rules if not is_allowed)


def is_server_allowed(app: App, server_name: str) -> bool:
    """Whether the operator lets this server talk with that one, in either direction."""
    config, rules = app.config, app.server_rules
    if not config.federation:
        return False
    name = server_name.lower()
    if _matches(config.federation_deny, name) or _matches(rules.deny, name):
        return False
    if not config.federation_allow and not rules.allow:
        return True
    return _matches(config.federation_allow, name) or _matches(rules.allow, name)


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns)


def check_server_allowed(app: App, server_name: str) -> None:
    """Raises 403 M_FORBIDDEN."""
    if not is_server_allowed(app, server_name):
        raise MatrixError(403, "M_FORBIDDEN", "This server does not talk with that one.")


async def has_joined(app: App, head: RoomHead, server_name: str) -> bool:
    """Whether a user of the server is in the room, or said to be while its members are not known yet."""
    if head.row.partial_state:
        room = await app.stores.partial_rooms.load(app.db.reader, head.row.room_nid)
        if room is not None and server_name in room.servers and server_name != app.server_name:
            return True
    return await app.stores.federation_queue.has_members_of(app.db.reader, head.row.room_nid, server_name, ["join"])


async def set_server_rule(app: App, pattern: str, *, is_allowed: bool | None) -> None:
    """Allow or deny servers of this pattern from now on; None takes the rule back. Raises M_INVALID_PARAM."""
    if not pattern or len(pattern) > PATTERN_CHARACTERS_MAX or any(character.isspace() for character in pattern):
        raise invalid_param("A pattern is a server name, in which * stands for any letters, as in *.example.org.")

    async def item(tx: Transaction) -> None:
        store = app.stores.federation_queue
        if is_allowed is None:
            await store.delete_rule(tx, pattern)
        elif len(await store.load_rules(tx)) >= RULES_MAX:
            raise invalid_param(f"There are {RULES_MAX} rules already.")
        else:
            await store.store_rule(tx, pattern, is_allowed)
        await tx.append(Stream.FEDERATION, "")

    await app.db.write(item)
