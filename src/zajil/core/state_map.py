"""State maps of rooms as persistent tries: immutable nodes named by the hash of their content (design, section 4).

A map takes (type, state_key) to an event's local number. It is known by the name of its root node, so two equal maps
have equal roots whatever the order of the changes that led to them, and versions share every node that did not change.

Nothing here does I/O. `load` gets a node's bytes by its name; it may raise `NeedNodes`, and the caller then fetches
those nodes and calls again. Every function asks for whole levels at once, so a walk takes one fetch a level:

    nodes = LoadedNodes()
    while True:
        try:
            return update(root, changes, nodes.load)
        except NeedNodes as need:
            nodes.update(await store.load_nodes(need.names))
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

_T = TypeVar("_T")

StateKey = tuple[str, str]
"""An event's (type, state_key)."""
Load = Callable[[bytes], bytes]
Difference = tuple[StateKey, int | None, int | None]
"""A key, its value in one map and its value in the other."""

NAME_BYTES = 16
FAN_OUT = 16
LEAF_ENTRIES_MAX = 8
"""A map of at most so many entries is one leaf, a larger one a branch: the shape is a function of the content."""
PAIRS_MAX = 256  # of nodes whose bodies `compare` asks for at once
_DEPTH_MAX = 2 * NAME_BYTES

_LEAF = b"\x00"
_BRANCH = b"\x01"

# Part of the stored format: append only.
_TYPES = (
    "",  # code 0: the type follows in full
    "m.room.member",
    "m.room.create",
    "m.room.power_levels",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.encryption",
    "m.room.canonical_alias",
    "m.room.aliases",
    "m.room.pinned_events",
    "m.room.server_acl",
    "m.room.tombstone",
    "m.room.third_party_invite",
    "m.space.child",
    "m.space.parent",
    "m.room.policy",
    "m.room.image_pack",
    "m.room.retention",
    "org.matrix.msc3401.call.member",
    "im.vector.modular.widgets",
    "uk.half-shot.bridge",
    "m.bridge",
)
_TYPE_CODES = {name: code for code, name in enumerate(_TYPES) if code}

_Entries = dict[bytes, tuple[StateKey, int]]
"""A leaf's entries by the hash of their key."""


class NeedNodes(Exception):
    """`load` lacks these nodes: fetch them and call again."""

    def __init__(self, names: Iterable[bytes]) -> None:
        self.names = frozenset(names)

    def __str__(self) -> str:
        return f"{len(self.names)} nodes of a state map are not loaded"


class LoadedNodes(dict[bytes, bytes]):
    """The nodes a caller has fetched so far; its `load` asks for the others."""

    def load(self, name: bytes) -> bytes:
        node = self.get(name)
        if node is None:
            raise NeedNodes((name,))
        return node


@dataclass(frozen=True, slots=True)
class _Branch:
    children: dict[int, bytes]
    leaves: int
    """Bit i is set when child i is a leaf; deletion then knows without a look whether a branch may shrink to a leaf."""


_Node = _Entries | _Branch
_Pair = tuple[bytes | _Entries, bytes | _Entries]
"""Two nodes to compare, by name or as part of a leaf that stands against a branch."""


def build_name(node: bytes) -> bytes:
    """The name of a node: the 128-bit hash of its bytes."""
    return blake2b(node, digest_size=NAME_BYTES).digest()


EMPTY_ROOT: bytes = build_name(_LEAF)
"""The root of the empty map; it is never stored and never loaded."""


def get(root: bytes, key: StateKey, load: Load) -> int | None:
    """The value of one key."""
    return get_many(root, (key,), load).get(key)


def get_many(root: bytes, keys: Iterable[StateKey], load: Load) -> dict[StateKey, int]:
    """The values of those keys that the map has."""
    found: dict[StateKey, int] = {}
    level = [(root, [(hash_key(key), key) for key in keys])]
    for depth in range(_DEPTH_MAX + 1):
        if not level:
            break
        nodes = _load_level((name for name, _ in level), load)
        below: list[tuple[bytes, list[tuple[bytes, StateKey]]]] = []
        for name, wanted in level:
            node = nodes[name]
            if isinstance(node, _Branch):
                for nibble, part in _partition(wanted, depth):
                    if nibble in node.children:
                        below.append((node.children[nibble], part))
            else:
                for hashed, key in wanted:
                    if hashed in node:
                        found[key] = node[hashed][1]
        level = below
    return found


def items(root: bytes, load: Load) -> Iterator[tuple[StateKey, int]]:
    """All entries, in an order that depends on the content only. Loads everything before the first entry."""
    leaves: list[_Entries] = []
    level = [root]
    while level:
        nodes = _load_level(level, load)
        below: list[bytes] = []
        for name in level:
            node = nodes[name]
            if isinstance(node, _Branch):
                below.extend(node.children.values())
            else:
                leaves.append(node)
        level = below
    return (entry for leaf in leaves for entry in leaf.values())


def diff(a: bytes, b: bytes, load: Load) -> Iterator[Difference]:
    """The keys whose values differ, as (key, value in a or None, value in b or None). Visits only nodes that differ."""
    found: list[Difference] = []
    for step in compare(a, b, load):
        if isinstance(step, NeedNodes):
            raise step
        found += step
    return iter(found)


def compare(a: bytes, b: bytes, load: Load) -> Iterator[list[Difference] | NeedNodes]:
    """`diff` in steps, for who has other things to do in between: one pair of nodes each.

    Where nodes are missing it yields NeedNodes, for as many pairs at once as `PAIRS_MAX`, and goes on when they are loaded.
    """
    level: list[_Pair] = [(a, b)] if a != b else []
    for depth in range(_DEPTH_MAX + 1):
        below: list[_Pair] = []
        for start in range(0, len(level), PAIRS_MAX):
            part = level[start : start + PAIRS_MAX]
            bodies: dict[bytes, bytes] = {}
            while missing := _gather((side for pair in part for side in pair if isinstance(side, bytes)), load, bodies):
                yield NeedNodes(missing)
            for pair in part:
                yield _compare_pair(pair, depth, bodies, below)
        if not below:
            break
        level = below


def _compare_pair(pair: _Pair, depth: int, bodies: dict[bytes, bytes], below: list[_Pair]) -> list[Difference]:
    """What differs between two nodes, if both are leaves; otherwise their parts that differ go `below`."""
    left, right = pair
    if isinstance(left, bytes) and isinstance(right, bytes):
        one, other = bodies[left], bodies[right]
        if one[:1] == _LEAF == other[:1]:
            return _diff_leaves(_parse_plain_leaf(one), _parse_plain_leaf(other))
        if one[:1] == _BRANCH == other[:1]:
            olds, news = _parse_branch(one).children, _parse_branch(other).children
            below.extend(
                (name, news.get(nibble, EMPTY_ROOT)) for nibble, name in olds.items() if news.get(nibble) != name
            )
            below.extend((EMPTY_ROOT, name) for nibble, name in news.items() if nibble not in olds)
            return []
    old = _parse_node(bodies[left]) if isinstance(left, bytes) else left
    new = _parse_node(bodies[right]) if isinstance(right, bytes) else right
    if not isinstance(old, _Branch) and not isinstance(new, _Branch):
        return _diff_leaves(dict(old.values()), dict(new.values()))
    children = zip(_split_node(old, depth), _split_node(new, depth), strict=True)
    below.extend(pair for pair in children if pair[0] != pair[1])
    return []


def update(root: bytes, changes: Mapping[StateKey, int | None], load: Load) -> tuple[bytes, dict[bytes, bytes]]:
    """The root after the changes (None removes a key), and the nodes to store that may be new.

    Only nodes of the new version are returned, and none when nothing changes.
    """
    hashed = sorted((hash_key(key), key, value) for key, value in changes.items())
    known = _load_paths(root, [change[0] for change in hashed], load)
    stored: dict[bytes, bytes] = {}
    top = _apply(root, [(h, (k, v)) for h, k, v in hashed], 0, _Work(known, load, stored))
    return top.name, stored


def child_names(node: bytes) -> list[bytes]:
    """The names a node refers to, for collecting garbage."""
    return list(_parse_branch(node).children.values()) if node[:1] == _BRANCH else []


@dataclass(frozen=True, slots=True)
class _Work:
    known: dict[bytes, _Node]
    load: Load
    stored: dict[bytes, bytes]

    def store(self, node: _Node) -> "_Stored":
        built = _build_node(node)
        name = build_name(built)
        if name != EMPTY_ROOT:
            self.stored[name] = built
        return _Stored(name, node)


@dataclass(frozen=True, slots=True)
class _Stored:
    name: bytes
    node: _Node


_Change = tuple[bytes, tuple[StateKey, int | None]]


def _apply(name: bytes, changes: list[_Change], depth: int, work: _Work) -> _Stored:
    """One node after its share of the changes; depth is bounded by the length of the hash."""
    node = work.known[name]
    if not isinstance(node, _Branch):
        entries = dict(node)
        for hashed, (key, value) in changes:
            if value is None:
                entries.pop(hashed, None)
            else:
                entries[hashed] = (key, value)
        return _Stored(name, node) if entries == node else _build_subtree(entries, depth, work)
    children = dict(node.children)
    leaves = node.leaves
    for nibble, part in _partition(changes, depth):
        if nibble in children:
            child = _apply(children[nibble], part, depth + 1, work)
        else:
            added = {h: (key, value) for h, (key, value) in part if value is not None}
            child = _build_subtree(added, depth + 1, work)
        if child.name == EMPTY_ROOT:
            children.pop(nibble, None)
            leaves &= ~(1 << nibble)
            continue
        children[nibble] = child.name
        leaves = leaves & ~(1 << nibble) if isinstance(child.node, _Branch) else leaves | 1 << nibble
        work.known[child.name] = child.node
    if children == node.children:
        return _Stored(name, node)
    branch = _Branch(dict(sorted(children.items())), leaves)
    deletes = any(value is None for _, (_, value) in changes)
    return (deletes and _shrink(branch, work)) or work.store(branch)


def _shrink(branch: _Branch, work: _Work) -> _Stored | None:
    """The leaf a branch becomes when deletions left it too few entries, or None."""
    if len(branch.children) > LEAF_ENTRIES_MAX or any(not branch.leaves >> nibble & 1 for nibble in branch.children):
        return None
    missing = [name for name in branch.children.values() if name not in work.known]
    work.known.update(_load_level(missing, work.load))
    merged: _Entries = {}
    for name in branch.children.values():
        leaf = work.known[name]
        assert not isinstance(leaf, _Branch)
        merged.update(leaf)
    if len(merged) > LEAF_ENTRIES_MAX:
        return None
    for name in branch.children.values():
        work.stored.pop(name, None)
    return work.store(dict(sorted(merged.items())))


def _build_subtree(entries: _Entries, depth: int, work: _Work) -> _Stored:
    if len(entries) <= LEAF_ENTRIES_MAX or depth == _DEPTH_MAX:
        return work.store(dict(sorted(entries.items())))
    children: dict[int, bytes] = {}
    leaves = 0
    for nibble, part in _partition(sorted(entries.items()), depth):
        child = _build_subtree(dict(part), depth + 1, work)
        children[nibble] = child.name
        leaves |= 0 if isinstance(child.node, _Branch) else 1 << nibble
    return work.store(_Branch(children, leaves))


def _load_paths(root: bytes, hashes: list[bytes], load: Load) -> dict[bytes, _Node]:
    """The nodes on the way to some keys, loaded level by level."""
    known: dict[bytes, _Node] = {}
    level: list[tuple[bytes, list[tuple[bytes, None]]]] = [(root, [(hashed, None) for hashed in hashes])]
    for depth in range(_DEPTH_MAX + 1):
        if not level:
            break
        known.update(_load_level((name for name, _ in level), load))
        below: list[tuple[bytes, list[tuple[bytes, None]]]] = []
        for name, wanted in level:
            node = known[name]
            if isinstance(node, _Branch):
                parts = _partition(wanted, depth)
                below.extend((node.children[nibble], part) for nibble, part in parts if nibble in node.children)
        level = below
    return known


def _load_level(names: Iterable[bytes], load: Load) -> dict[bytes, _Node]:
    """Load and parse some nodes, asking for all that are missing at once."""
    bodies: dict[bytes, bytes] = {}
    if missing := _gather(names, load, bodies):
        raise NeedNodes(missing)
    return {name: _parse_node(body) for name, body in bodies.items()}


def _gather(names: Iterable[bytes], load: Load, bodies: dict[bytes, bytes]) -> set[bytes]:
    """Load some nodes into `bodies`; returns the names of those that are missing."""
    missing: set[bytes] = set()
    for name in names:
        if name == EMPTY_ROOT:
            bodies[name] = _LEAF
        elif name not in bodies:
            try:
                bodies[name] = load(name)
            except NeedNodes as need:
                missing |= need.names
    return missing


def _partition(pairs: Iterable[tuple[bytes, _T]], depth: int) -> list[tuple[int, list[tuple[bytes, _T]]]]:
    parts: dict[int, list[tuple[bytes, _T]]] = {}
    for pair in pairs:
        parts.setdefault(_nibble(pair[0], depth), []).append(pair)
    return sorted(parts.items(), key=lambda part: part[0])


def _split_node(node: _Node, depth: int) -> list[bytes | _Entries]:
    """A node's sixteen parts: names of children, or the entries of a leaf that stands against a branch."""
    if isinstance(node, _Branch):
        return [node.children.get(nibble, EMPTY_ROOT) for nibble in range(FAN_OUT)]
    parts: list[bytes | _Entries] = [EMPTY_ROOT] * FAN_OUT
    for nibble, part in _partition(node.items(), depth):
        parts[nibble] = dict(part)
    return parts


def _diff_leaves(old: dict[StateKey, int], new: dict[StateKey, int]) -> list[Difference]:
    found: list[Difference] = [(key, nid, new.get(key)) for key, nid in old.items() if new.get(key) != nid]
    found += [(key, None, nid) for key, nid in new.items() if key not in old]
    return found


def hash_key(key: StateKey) -> bytes:
    # 0xff never occurs in UTF-8, so no two keys give the same bytes.
    text = b"\xff".join(part.encode("utf-8", "surrogatepass") for part in key)
    return blake2b(text, digest_size=NAME_BYTES).digest()


def _nibble(hashed: bytes, depth: int) -> int:
    byte = hashed[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def _build_node(node: _Node) -> bytes:
    if isinstance(node, _Branch):
        present = sum(1 << nibble for nibble in node.children)
        head = _BRANCH + present.to_bytes(2, "big") + node.leaves.to_bytes(2, "big")
        return head + b"".join(node.children.values())
    out = bytearray(_LEAF)
    for (type_, state_key), value in node.values():
        code = _TYPE_CODES.get(type_, 0)
        _write_varint(out, code)
        if not code:
            _write_text(out, type_)
        _write_text(out, state_key)
        _write_varint(out, value)
    return bytes(out)


def _parse_node(data: bytes) -> _Node:
    """Parse a stored node. Raises ValueError when it is damaged."""
    try:
        return _parse_branch(data) if data[:1] == _BRANCH else _parse_leaf(data)
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("a node of a state map is damaged") from error


def _parse_branch(data: bytes) -> _Branch:
    present, leaves = int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:5], "big")
    if len(data) != 5 + NAME_BYTES * present.bit_count() or leaves & ~present:
        raise ValueError("a branch of a state map is damaged")
    children: dict[int, bytes] = {}
    at = 5
    for nibble in range(FAN_OUT):
        if present >> nibble & 1:
            children[nibble] = data[at : at + NAME_BYTES]
            at += NAME_BYTES
    return _Branch(children, leaves)


def _parse_leaf(data: bytes) -> _Entries:
    if data[:1] != _LEAF:
        raise ValueError("a node of a state map is of no known kind")
    return {hash_key(key): (key, value) for key, value in _read_leaf(data)}


def _parse_plain_leaf(data: bytes) -> dict[StateKey, int]:
    """A leaf without the hashes of its keys, which only its place among other nodes takes."""
    try:
        return dict(_read_leaf(data))
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("a node of a state map is damaged") from error


def _read_leaf(data: bytes) -> Iterator[tuple[StateKey, int]]:
    at = 1
    while at < len(data):
        code, size = data[at], data[at + 1]
        if 0 < code < 0x80 and size < 0x80:
            # Nearly every entry is of a known type and has a short state key.
            start = at + 2
            at = start + size
            type_, state_key = _TYPES[code], data[start:at].decode("utf-8", "surrogatepass")
        else:
            type_, state_key, at = _read_long_key(data, at)
        value, at = data[at], at + 1
        if value > 0x7F:
            value, at = _read_varint(data, at - 1)
        yield (type_, state_key), value


def _read_long_key(data: bytes, at: int) -> tuple[str, str, int]:
    code, at = _read_varint(data, at)
    if code:
        type_ = _TYPES[code]
    else:
        type_, at = _read_text(data, at)
    state_key, at = _read_text(data, at)
    return type_, state_key, at


def _write_varint(out: bytearray, number: int) -> None:
    if number < 0:
        raise ValueError("a state map holds no negative numbers")
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _write_text(out: bytearray, text: str) -> None:
    encoded = text.encode("utf-8", "surrogatepass")
    _write_varint(out, len(encoded))
    out += encoded


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    length, at = _read_varint(data, at)
    end = at + length
    if end > len(data):
        raise IndexError
    return data[at:end].decode("utf-8", "surrogatepass"), end
