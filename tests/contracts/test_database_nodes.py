"""Several processes on one database, on every engine: order, compare-and-swap, no deadlock, news of each other."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from zajil.ports.database import Database, Stream, Touch, Transaction
from zajil.storage import group_commit

INSERT_ROOM = (
    "INSERT INTO rooms (room_nid, room_id, room_version, creator, created_ts_ms, head_version, extremities, depth,"
    " snapshot_id, joined_count, invited_count) VALUES (?, ?, '12', '@a:x', 0, 0, ?, 0, 0, 0, 0)"
)
SWAP = "UPDATE rooms SET head_version = ? WHERE room_id = ? AND head_version = ?"
ROOMS = [f"!{letter}:x" for letter in "abcdefgh"]


@pytest.fixture
async def nodes(open_database: Callable[[], Database]) -> AsyncIterator[list[Database]]:
    opened = [open_database(), open_database(), open_database()]
    for node in opened:
        node.start()

    async def make_rooms(tx: Transaction) -> None:
        await tx.execute_many(INSERT_ROOM, [(nid, room, b"[]") for nid, room in enumerate(ROOMS)])

    await opened[0].write(make_rooms)
    yield opened
    await asyncio.gather(*(node.close() for node in opened))


async def test_positions_become_visible_in_order(nodes: list[Database]) -> None:
    """Whoever has seen position N can never find anything new at or below it."""
    select = "SELECT position FROM current_state WHERE position <= ? ORDER BY position"
    seen: dict[int, list[int]] = {}

    async def item(tx: Transaction) -> int:
        nid = await tx.new_ids(1)
        position = await tx.append(Stream.EVENTS, "!a:x")
        await tx.execute(
            "INSERT INTO current_state (room_nid, type, state_key, event_nid, position) VALUES (?, ?, ?, ?, ?)",
            nid, "t", "", nid, position,
        )  # fmt: skip
        return position

    async def write(node: Database) -> list[int]:
        return [await node.write(item) for _ in range(25)]

    async def watch() -> None:
        while True:
            for node in nodes:
                position = node.position
                seen[position] = [row[0] for row in await node.reader.fetch(select, position)]
            newest = await nodes[0].reader.fetch_value("SELECT max(position) FROM current_state") or 0
            seen[newest] = [row[0] for row in await nodes[1].reader.fetch(select, newest)]
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    lists = await asyncio.gather(*(write(node) for node in nodes * 3))
    watcher.cancel()
    await asyncio.wait([watcher])
    positions = sorted(position for each in lists for position in each)
    assert len(set(positions)) == 225
    assert len(seen) > 5
    for position, found in seen.items():
        assert found == [each for each in positions if each <= position], f"position {position} was shown too early"


async def test_only_one_swap_of_a_head_succeeds(nodes: list[Database]) -> None:
    successes = 0

    async def append(node: Database, room: str) -> None:
        nonlocal successes

        async def item(tx: Transaction) -> bool:
            version = await tx.fetch_value("SELECT head_version FROM rooms WHERE room_id = ?", room)
            await tx.append(Stream.EVENTS, room)
            return await tx.execute_counting(SWAP, version + 1, room, version) == 1

        while not await node.write(item, rooms=(room,)):
            pass
        successes += 1

    await asyncio.gather(*(append(node, room) for node in nodes for room in ROOMS[:3] for _ in range(10)))
    rows = await nodes[0].reader.fetch("SELECT head_version FROM rooms ORDER BY room_id LIMIT 3")
    assert successes == 90
    assert [row[0] for row in rows] == [30, 30, 30]


async def test_a_swap_on_an_old_version_changes_nothing(nodes: list[Database]) -> None:
    async def swap(tx: Transaction) -> int:
        return await tx.execute_counting(SWAP, 1, "!a:x", 0)

    assert await nodes[0].write(swap, rooms=("!a:x",)) == 1
    assert await nodes[1].write(swap, rooms=("!a:x",)) == 0


async def test_nodes_that_change_the_same_rows_do_not_block_each_other(nodes: list[Database]) -> None:
    seed = random.Random(7)  # the orders below

    async def change(node: Database, rooms: Sequence[str]) -> None:
        async def item(tx: Transaction) -> None:
            for room in rooms:
                version = await tx.fetch_value("SELECT head_version FROM rooms WHERE room_id = ?", room)
                await tx.execute(
                    "INSERT INTO room_aliases (room_alias, room_nid, creator, created_ts_ms) VALUES (?, 1, '@a:x', ?)"
                    " ON CONFLICT (room_alias) DO UPDATE SET created_ts_ms = excluded.created_ts_ms",
                    f"#{room}", version,
                )  # fmt: skip
                await tx.append(Stream.EVENTS, room)
                assert await tx.execute_counting(SWAP, version + 1, room, version) == 1

        await node.write(item, rooms=rooms)

    changes = [change(node, seed.sample(ROOMS, seed.randint(1, len(ROOMS)))) for _ in range(40) for node in nodes]
    await asyncio.wait_for(asyncio.gather(*changes), 120)
    total = await nodes[0].reader.fetch_value("SELECT sum(head_version) FROM rooms")
    assert total == nodes[0].position or total == max(node.position for node in nodes)


async def test_local_numbers_are_taken_once(nodes: list[Database]) -> None:
    async def take(node: Database) -> list[int]:
        return [await node.write(lambda tx: tx.new_ids(2)) for _ in range(20)]

    firsts = [first for each in await asyncio.gather(*(take(node) for node in nodes * 2)) for first in each]
    assert len({number for first in firsts for number in (first, first + 1)}) == 2 * len(firsts)


async def test_nodes_hear_of_each_other(nodes: list[Database]) -> None:
    heard: list[tuple[int, Sequence[Touch]]] = []
    foreign: list[tuple[int, Sequence[Touch]]] = []
    nodes[1].subscribe(lambda position, touches: heard.append((position, list(touches))))
    nodes[2].subscribe(lambda *_: None, lambda position, touches: foreign.append((position, list(touches))))

    async def item(tx: Transaction) -> int:
        position = await tx.append(Stream.EVENTS, "!a:x")
        tx.touch(Stream.MEMBERSHIP, "@a:x")
        return position

    position = await nodes[0].write(item)
    async with asyncio.timeout(20):
        while not (heard and foreign):
            await asyncio.sleep(0.01)
    assert heard == [(position, [])]
    assert [each[0] for each in foreign] == [position]
    # An engine may know what has changed; nothing stands for everything.
    assert foreign[0][1] in ([], [(Stream.EVENTS, "!a:x"), (Stream.MEMBERSHIP, "@a:x")])
    assert [node.position for node in nodes] == [position] * 3


async def test_nodes_that_share_their_turn_tell_each_other_what_was_sent(nodes: list[Database]) -> None:
    heard: list[tuple[int, Sequence[Touch]]] = []
    nodes[0].share_turn()
    await nodes[1].catch_up()
    nodes[1].subscribe(lambda position, touches: heard.append((position, list(touches))))
    first = await nodes[0].write(lambda tx: tx.append(Stream.EVENTS, "!a:x"))
    await nodes[1].catch_up()
    second = await nodes[0].write(lambda tx: tx.append(Stream.ACCOUNT_DATA, "@a:x"))
    await nodes[1].catch_up()
    assert heard == [(first, [(Stream.EVENTS, "!a:x")]), (second, [])]


async def test_a_node_hears_of_others_before_its_own_commit(nodes: list[Database]) -> None:
    """Own touches at position N must not hide what another node appended below N."""
    order: list[tuple[str, int]] = []
    nodes[1].subscribe(
        lambda position, _: order.append(("own", position)), lambda position, _: order.append(("foreign", position))
    )
    first = await nodes[0].write(lambda tx: tx.append(Stream.EVENTS, "!a:x"))
    second = await nodes[1].write(lambda tx: tx.append(Stream.EVENTS, "!b:x"))
    assert second > first
    assert order[-1] == ("own", second)
    assert ("foreign", first) in order


async def test_a_new_node_begins_at_the_last_position(
    nodes: list[Database], open_database: Callable[[], Database]
) -> None:
    position = await nodes[0].write(lambda tx: tx.append(Stream.EVENTS, "!a:x"))
    late = open_database()
    assert late.position == position
    assert late.epoch == nodes[0].epoch
    await late.close()


async def test_a_notice_is_faster_than_the_poll(nodes: list[Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "FOREIGN_POLL_S", 60.0)
    await asyncio.sleep(0.15)  # the last short wait ends
    heard = asyncio.Event()
    nodes[1].subscribe(lambda *_: heard.set())
    position = await nodes[0].write(lambda tx: tx.append(Stream.EVENTS, "!a:x"))
    nodes[1].notice(position)
    await asyncio.wait_for(heard.wait(), 20)
    assert nodes[1].position == position


async def test_marks_of_delivery_and_what_a_later_version_touches_stop_nobody(nodes: list[Database]) -> None:
    """A node of the version before knows the stream as little as this one knows that of the next."""
    foreign: list[Sequence[Touch]] = []
    nodes[0].share_turn()
    await nodes[1].catch_up()
    nodes[1].subscribe(lambda *_: None, lambda _position, touches: foreign.append(list(touches)))

    async def item(tx: Transaction) -> int:
        tx.touch("of a later version", "x")  # type: ignore[arg-type]
        return await tx.append(Stream.EVENTS, "!a:x")

    first = await nodes[0].write(item)
    await nodes[1].catch_up()
    assert foreign == [[]]
    assert nodes[1].position == first
    assert await nodes[1].write(lambda tx: tx.append(Stream.EVENTS, "!b:x")) == first + 1
