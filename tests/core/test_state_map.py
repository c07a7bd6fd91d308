"""The persistent tries of room state against plain dicts."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.core.state_map import (
    EMPTY_ROOT,
    LEAF_ENTRIES_MAX,
    PAIRS_MAX,
    LoadedNodes,
    NeedNodes,
    StateKey,
    build_name,
    child_names,
    compare,
    diff,
    get,
    get_many,
    items,
    update,
)

KEYS = st.tuples(
    st.sampled_from(["m.room.member", "m.room.name", "org.example.علم", ""]),
    st.one_of(st.integers(0, 60).map(lambda n: f"@user{n}:example.org"), st.text(max_size=4)),
)
CHANGES = st.dictionaries(KEYS, st.one_of(st.none(), st.integers(0, 2**40)), max_size=40)


class Trie:
    """A trie with a store in memory that keeps every version."""

    def __init__(self) -> None:
        self.nodes = LoadedNodes()
        self.root = EMPTY_ROOT

    def update(self, changes: Mapping[StateKey, int | None]) -> dict[bytes, bytes]:
        self.root, new = update(self.root, changes, self.nodes.load)
        for name, node in new.items():
            assert build_name(node) == name
        self.nodes.update(new)
        return new


def apply_to_dict(model: dict[StateKey, int], changes: Mapping[StateKey, int | None]) -> None:
    for key, value in changes.items():
        if value is None:
            model.pop(key, None)
        else:
            model[key] = value


def diff_of_dicts(a: dict[StateKey, int], b: dict[StateKey, int]) -> set[tuple[StateKey, int | None, int | None]]:
    return {(key, a.get(key), b.get(key)) for key in a.keys() | b.keys() if a.get(key) != b.get(key)}


@given(st.lists(CHANGES, max_size=8), st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_behaves_like_a_dict(batches: list[dict[StateKey, int | None]], base: int) -> None:
    trie, model = Trie(), {}
    versions: list[tuple[bytes, dict[StateKey, int]]] = [(EMPTY_ROOT, {})]
    for batch in batches:
        trie.update(batch)
        apply_to_dict(model, batch)
        versions.append((trie.root, dict(model)))
        asked = {*batch, *model, ("m.room.name", "absent")}
        assert get_many(trie.root, asked, trie.nodes.load) == model
    for root, state in versions:
        assert dict(items(root, trie.nodes.load)) == state
    before_root, before = versions[base % len(versions)]
    for root, state in versions:
        found = list(diff(before_root, root, trie.nodes.load))
        assert len(found) == len(set(found))
        assert set(found) == diff_of_dicts(before, state)


@given(CHANGES, CHANGES, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_the_root_depends_on_the_content_only(
    first: dict[StateKey, int | None], detour: dict[StateKey, int | None], shuffle: random.Random
) -> None:
    model: dict[StateKey, int] = {}
    apply_to_dict(model, first)
    at_once, one_by_one = Trie(), Trie()
    at_once.update(model)
    # The long way: with keys that are later removed or overwritten, one change at a time, in any order.
    for key in detour:
        one_by_one.update({key: 7})
    steps: list[tuple[StateKey, int | None]] = [*model.items(), *((key, None) for key in detour if key not in model)]
    shuffle.shuffle(steps)
    for key, value in steps:
        one_by_one.update({key: value})
    assert at_once.root == one_by_one.root
    reached, todo = set(), [at_once.root]
    while todo:
        name = todo.pop()
        if name != EMPTY_ROOT:
            reached.add(name)
            todo += child_names(one_by_one.nodes[name])
    assert reached == set(at_once.nodes)


def test_an_update_without_effect_stores_nothing() -> None:
    trie = Trie()
    trie.update({("m.room.member", f"@{n}:x"): n for n in range(500)})
    before = trie.root
    assert trie.update({("m.room.member", "@3:x"): 3, ("m.room.member", "@900:x"): None}) == {}
    assert trie.root == before


def test_walks_ask_for_whole_levels() -> None:
    trie = Trie()
    trie.update({("m.room.member", f"@user{n}:example.org"): n for n in range(10_000)})
    fetches, loaded = 0, LoadedNodes()
    while True:
        try:
            entries = dict(items(trie.root, loaded.load))
            break
        except NeedNodes as need:
            fetches += 1
            loaded.update((name, trie.nodes[name]) for name in need.names)
    assert len(entries) == 10_000
    assert fetches <= 5


def test_a_diff_visits_only_what_differs() -> None:
    trie = Trie()
    trie.update({("m.room.member", f"@user{n}:example.org"): n for n in range(10_000)})
    old = trie.root
    trie.update({("m.room.member", "@user77:example.org"): 10_001})
    visited = 0

    def load(name: bytes) -> bytes:
        nonlocal visited
        visited += 1
        return trie.nodes[name]

    assert list(diff(old, trie.root, load)) == [(("m.room.member", "@user77:example.org"), 77, 10_001)]
    assert visited <= 10
    visited = 0
    assert get(trie.root, ("m.room.member", "@user78:example.org"), load) == 78
    assert visited <= 5


def test_values_are_numbers_and_damage_is_noticed() -> None:
    with pytest.raises(ValueError, match="negative"):
        update(EMPTY_ROOT, {("m.room.name", ""): -1}, LoadedNodes().load)
    leaves = (b"\x00\x01\x7f@", b"\x00\x01\x02@\xff\x01", b"\x00\x70\x00\x00")
    for damaged in (b"", b"\x07", b"\x01\xff\xff\x00\x00", *leaves):
        with pytest.raises(ValueError, match="of a state map is"):
            list(items(b"r" * 16, {b"r" * 16: damaged}.__getitem__))


def test_bytes_stored_per_membership_change() -> None:
    """10,000 members, then 20,000 changes, every version kept: about 900 bytes a change beside an 811-byte event."""
    members_max, changes = 10_000, 20_000
    seed = 20140222
    generator = random.Random(seed)
    trie = Trie()
    for nid in range(members_max):
        trie.update({("m.room.member", f"@user{nid}:example.org"): nid})
    joins = sum(map(len, trie.nodes.values())) / members_max
    before = sum(map(len, trie.nodes.values()))
    rows = len(trie.nodes)
    for nid in range(members_max, members_max + changes):
        trie.update({("m.room.member", f"@user{generator.randrange(members_max)}:example.org"): nid})
    per_change = (sum(map(len, trie.nodes.values())) - before) / changes
    new_rows = (len(trie.nodes) - rows) / changes
    print(f"seed {seed}: {joins:.0f} bytes a join, {per_change:.0f} bytes and {new_rows:.2f} nodes a change")
    assert per_change <= 900
    assert joins <= 900


def test_comparing_in_steps_finds_the_same() -> None:
    one, two = Trie(), Trie()
    for number in range(600):
        one.update({("m.room.member", f"@user{number}:example.org"): number})
        two.update(
            {("m.room.member", f"@user{number}:example.org"): number + number % 3, ("m.room.name", str(number)): 1}
        )
    known = LoadedNodes()
    asked, found, largest = 0, [], 0
    for step in compare(one.root, two.root, known.load):
        if isinstance(step, NeedNodes):
            # Never one by one, never without end.
            assert 0 < len(step.names) <= 2 * PAIRS_MAX
            assert not step.names & known.keys()
            known.update((name, one.nodes.get(name) or two.nodes[name]) for name in step.names)
            asked += 1
        else:
            found += step
            largest = max(largest, len(step))
    nodes = LoadedNodes({**one.nodes, **two.nodes})
    assert sorted(found, key=str) == sorted(diff(one.root, two.root, nodes.load), key=str)
    assert len(found) == 400 + 600
    assert asked < 12
    assert largest <= 2 * LEAF_ENTRIES_MAX


def test_comparing_damaged_nodes_is_an_error() -> None:
    one, two = Trie(), Trie()
    one.update({("m.room.name", ""): 1})
    two.update({("m.room.name", ""): 2})
    for damaged in (b"\x00\x01", b"\x00\x01\x05a", b"\x00\x01\x01\xff\x01", b"\x01\x00", b"\x07"):
        nodes = LoadedNodes({one.root: damaged, two.root: two.nodes[two.root]})
        with pytest.raises(ValueError, match="state map"):
            list(diff(one.root, two.root, nodes.load))
