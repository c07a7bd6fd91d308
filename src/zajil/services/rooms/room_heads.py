"""This process's memory of rooms: their heads, their state but for members, and their newest events."""

from collections import OrderedDict, deque
from collections.abc import Mapping

from zajil.core import state_map
from zajil.core.events import Event
from zajil.core.room_rules import ROOM_RULES, RoomRules
from zajil.core.state_map import LoadedNodes, NeedNodes, StateKey
from zajil.ports.database import Database, Read, Transaction
from zajil.ports.stores import Stores
from zajil.ports.stores.events import StoredEvent
from zajil.ports.stores.rooms import RoomRow

ROOMS_MAX = 20_000
RECENT_EVENTS_MAX = 128
MEMBERS_REMEMBERED_MAX = 4_096
NODES_REMEMBERED_MAX = 50_000
LOADS_MAX = 10
"""Of a head that commits overtake while it is read; then it is used once and not remembered."""


class RoomHead:
    """A room as it stands at the newest commit. Changed only by a commit's callback."""

    __slots__ = ("has_remote_members", "heroes", "joined_at", "members", "recent", "recent_after", "rest", "row", "rules")

    def __init__(self, row: RoomRow, rest: dict[StateKey, StoredEvent], loaded_at: int) -> None:
        self.row = row
        self.rules: RoomRules = ROOM_RULES[row.room_version]
        self.rest = rest
        self.joined_at: dict[str, int] = {}
        """Positions of joins, for local users who have not left since."""
        self.has_remote_members: bool | None = True if row.partial_state else None
        """Whether other servers are, or may be, in the room; None when nobody has asked yet."""
        self.heroes: tuple[list[str], list[str]] | None = None
        """Users a summary may name: those here or invited, and those gone. None when unknown."""
        self.members: OrderedDict[str, StoredEvent | None] = OrderedDict()
        self.recent: deque[StoredEvent] = deque(maxlen=RECENT_EVENTS_MAX)
        self.recent_after = loaded_at
        """`recent` holds every announced event with a position greater than this."""

    @property
    def room_id(self) -> str:
        return self.row.room_id

    def state_event(self, event_type: str, state_key: str = "") -> Event | None:
        """A current state event that is not a member's."""
        stored = self.rest.get((event_type, state_key))
        return None if stored is None else stored.event

    def content(self, event_type: str, state_key: str = "") -> dict[str, object]:
        """The content of a current state event, or an empty one."""
        stored = self.rest.get((event_type, state_key))
        return {} if stored is None else stored.event.content

    def events_after(self, position: int) -> list[StoredEvent] | None:
        """Announced events later than `position`, oldest first; None when memory does not reach that far back."""
        if position < self.recent_after:
            return None
        found = []
        for stored in reversed(self.recent):
            if (stored.position or 0) <= position:
                break
            found.append(stored)
        found.reverse()
        return found

    def remember_event(self, stored: StoredEvent) -> None:
        if len(self.recent) == RECENT_EVENTS_MAX:
            self.recent_after = max(self.recent_after, self.recent[0].position or 0)
        self.recent.append(stored)

    def extend_memory(self, events: list[StoredEvent], complete_from: int) -> None:
        """`events` are all announced events after `complete_from`, read just now: keep them if that is more than is known."""
        if complete_from < self.recent_after and len(events) <= RECENT_EVENTS_MAX:
            self.recent.clear()
            self.recent.extend(events)
            self.recent_after = complete_from

    def remember_member(self, user_id: str, stored: StoredEvent | None) -> None:
        self.members[user_id] = stored
        if len(self.members) > MEMBERS_REMEMBERED_MAX:
            self.members.popitem(last=False)

    def replace_event(self, stored: StoredEvent) -> None:
        """An event's stored form has changed (a redaction, say): forget the former one."""
        for index, known in enumerate(self.recent):
            if known.nid == stored.nid:
                self.recent[index] = stored
        event = stored.event
        if event.is_state:
            held = self.rest.get(event.key)
            if held is not None and held.nid == stored.nid:
                self.rest[event.key] = stored
            member = self.members.get(event.key[1])
            if member is not None and member.nid == stored.nid:
                self.members[event.key[1]] = stored
            # What came in its place shows it as `prev_content`.
            for later in (*self.recent, held, member):
                if later is not None and later.replaces_nid == stored.nid:
                    later.client_prefix = None


class KnownNodes(LoadedNodes):
    """What one operation has loaded, and behind it what this process remembers. Nodes are named by their content: they never change."""

    def __init__(self, remembered: OrderedDict[bytes, bytes]) -> None:
        super().__init__()
        self._remembered = remembered

    def load(self, name: bytes) -> bytes:
        node = self._remembered.get(name)
        return super().load(name) if node is None else node


class RoomHeads:
    """Room heads by room ID, loaded when first needed, the least recently used forgotten first."""

    def __init__(self, stores: Stores, db: Database) -> None:
        self._stores = stores
        self._db = db
        self._heads: OrderedDict[str, RoomHead] = OrderedDict()
        self._nodes: OrderedDict[bytes, bytes] = OrderedDict()

    def known(self, room_id: str) -> RoomHead | None:
        return self._heads.get(room_id)

    async def find(self, tx: Read, room_id: str, announced: int) -> RoomHead | None:
        """The room's head, or None if this server does not know the room. `announced` is the position announced last."""
        for _ in range(LOADS_MAX):
            head = self._heads.get(room_id)
            if head is not None:
                self._heads.move_to_end(room_id)
                return head
            position = self._db.position
            head = await self.load(tx, room_id, max(announced, position))
            if self._db.position == position:
                break
            # A commit came between, perhaps to this room: what was read may be of before it, and memory would never hear of it.
        else:
            return None if head is None else self._heads.get(room_id, head)
        if head is not None and room_id not in self._heads:
            self.put(head)
        return self._heads.get(room_id)

    async def load(self, tx: Read, room_id: str, announced: int) -> RoomHead | None:
        """The head as the database has it, past any memory."""
        row = await self._stores.rooms.load_row(tx, room_id)
        if row is None:
            return None
        rest = {stored.event.key: stored for stored in await self._stores.rooms.load_current_state(tx, row.room_nid)}
        return RoomHead(row, rest, announced)

    def put(self, head: RoomHead) -> None:
        self._heads[head.room_id] = head
        if len(self._heads) > ROOMS_MAX:
            self._heads.popitem(last=False)

    def count(self) -> int:
        """Rooms in memory."""
        return len(self._heads)

    def forget(self, room_id: str) -> None:
        self._heads.pop(room_id, None)

    def forget_all(self) -> None:
        """Another process has written."""
        self._heads.clear()

    async def member(self, tx: Read, head: RoomHead, user_id: str) -> StoredEvent | None:
        """The user's current member event."""
        if user_id in head.members:
            return head.members[user_id]
        position = self._db.position
        stored = await self._stores.rooms.load_member_event(tx, head.row.room_nid, user_id)
        if self._db.position == position:
            head.remember_member(user_id, stored)
        return head.members.get(user_id, stored)

    async def membership(self, tx: Read, head: RoomHead, user_id: str) -> str:
        """The user's current membership; "leave" for strangers."""
        stored = await self.member(tx, head, user_id)
        return "leave" if stored is None else stored.event.membership or "leave"

    async def joined_at(self, tx: Read, head: RoomHead, user_id: str) -> int | None:
        """The position of the join from which a local user has been in the room without a break; None if not in it."""
        known = head.joined_at.get(user_id)
        if known is None:
            position = self._db.position
            known = await self._stores.rooms.load_joined_at(tx, head.row.room_nid, user_id)
            if known is not None and self._db.position == position:
                head.joined_at[user_id] = known
        return known

    async def read_state(self, tx: Read, root: bytes) -> dict[StateKey, int]:
        """A whole state map: event numbers by (type, state key)."""
        nodes = KnownNodes(self._nodes)
        while True:
            try:
                return dict(state_map.items(root, nodes.load))
            except NeedNodes as need:
                nodes.update(await self.load_nodes(tx, need.names))

    async def read_state_keys(self, tx: Read, root: bytes, keys: list[StateKey]) -> dict[StateKey, int]:
        """Some entries of a state map."""
        nodes = KnownNodes(self._nodes)
        while True:
            try:
                return state_map.get_many(root, keys, nodes.load)
            except NeedNodes as need:
                nodes.update(await self.load_nodes(tx, need.names))

    async def diff_states(self, tx: Read, old: bytes, new: bytes) -> dict[StateKey, tuple[int | None, int | None]]:
        """What differs between two state maps."""
        nodes = KnownNodes(self._nodes)
        while True:
            try:
                return {key: (before, after) for key, before, after in state_map.diff(old, new, nodes.load)}
            except NeedNodes as need:
                nodes.update(await self.load_nodes(tx, need.names))

    async def update_state(self, tx: Transaction, root: bytes, key: StateKey, nid: int) -> bytes:
        """Store the state map that differs from `root` in one entry; returns its root."""
        return await self.change_state(tx, root, {key: nid})

    async def change_state(self, tx: Transaction, root: bytes, changes: Mapping[StateKey, int | None]) -> bytes:
        """Store the state map that differs from `root` in some entries, None taking one away; returns its root."""
        nodes = KnownNodes(self._nodes)
        while True:
            try:
                new_root, new_nodes = state_map.update(root, changes, nodes.load)
                break
            except NeedNodes as need:
                nodes.update(await self.load_nodes(tx, need.names))
        await self._stores.rooms.insert_nodes(tx, new_nodes)
        self._remember_nodes(new_nodes)  # the next change of this room begins with them
        return new_root

    async def load_nodes(self, tx: Read, names: frozenset[bytes]) -> dict[bytes, bytes]:
        """Nodes of tries, from the database."""
        loaded = await self._stores.rooms.load_nodes(tx, names)
        self._remember_nodes(loaded)
        return loaded

    def _remember_nodes(self, nodes: dict[bytes, bytes]) -> None:
        self._nodes.update(nodes)
        while len(self._nodes) > NODES_REMEMBERED_MAX:
            self._nodes.popitem(last=False)
