"""`ports.database.Database`, on every engine: group commit, positions, numbers, errors."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from zajil.ports.database import (
    Busy,
    Conflict,
    Database,
    Read,
    Row,
    StorageUnavailable,
    Stream,
    Touch,
    Transaction,
    UnfitValue,
)
from zajil.storage import group_commit

INSERT = "INSERT INTO room_aliases (room_alias, room_nid, creator, created_ts_ms) VALUES (?, ?, ?, ?)"


def insert(alias: str, nid: int = 1) -> Callable[[Transaction], Any]:
    async def item(tx: Transaction) -> str:
        await tx.execute(INSERT, alias, nid, "@anna:example.org", 0)
        return alias

    return item


async def aliases(read: Read) -> list[str]:
    return [row[0] for row in await read.fetch("SELECT room_alias FROM room_aliases ORDER BY room_alias")]


class Refused(Exception):
    pass


async def test_a_write_is_read_after_it_returns(database: Database) -> None:
    assert await database.write(insert("#a:x", 7)) == "#a:x"
    assert await database.reader.fetch_value("SELECT room_nid FROM room_aliases WHERE room_alias = ?", "#a:x") == 7
    assert await database.reader.fetch_row("SELECT room_nid FROM room_aliases WHERE room_alias = ?", "#b:x") is None
    assert await database.reader.fetch_value("SELECT room_nid FROM room_aliases WHERE room_alias = ?", "#b:x") is None
    assert await database.reader.fetch("SELECT room_nid FROM room_aliases WHERE room_alias = ?", "#b:x") == []


async def test_rows_behave_as_sequences(database: Database) -> None:
    await database.write(insert("#a:x", 7))
    row: Row | None = await database.reader.fetch_row("SELECT room_alias, room_nid FROM room_aliases")
    assert row is not None
    alias, nid = row
    assert (alias, nid, row[0], len(row), tuple(row)) == ("#a:x", 7, "#a:x", 2, ("#a:x", 7))


async def test_what_waits_together_commits_together(database: Database) -> None:
    heard: list[tuple[int, Sequence[Touch]]] = []
    database.subscribe(lambda position, touches: heard.append((position, touches)))

    async def item(tx: Transaction) -> int:
        return await tx.append(Stream.EVENTS, "!room:x")

    positions = await asyncio.gather(*(database.write(item) for _ in range(20)))
    assert positions == list(range(positions[0], positions[0] + 20))
    assert len(heard) <= 2
    assert heard[-1][0] == positions[-1] == database.position
    assert sum(len(touches) for _, touches in heard) == 20


async def test_an_item_sees_what_items_before_it_in_the_batch_wrote(database: Database) -> None:
    async def count(tx: Transaction) -> int:
        return int(await tx.fetch_value("SELECT count(*) FROM room_aliases"))

    async def write_then_count(tx: Transaction) -> int:
        await insert("#b:x")(tx)
        return await count(tx)

    outcomes = await asyncio.gather(
        database.write(insert("#a:x")), database.write(count), database.write(write_then_count), database.write(count)
    )
    assert outcomes == ["#a:x", 1, 2, 2]


async def test_an_item_that_refuses_before_it_writes_fails_alone(database: Database) -> None:
    runs = 0

    async def refuse(tx: Transaction) -> None:
        await tx.fetch("SELECT room_alias FROM room_aliases")
        raise Refused

    async def counted(tx: Transaction) -> None:
        nonlocal runs
        runs += 1
        await insert("#b:x")(tx)

    outcomes = await asyncio.gather(
        database.write(insert("#a:x")), database.write(refuse), database.write(counted), return_exceptions=True
    )
    assert isinstance(outcomes[1], Refused)
    assert await aliases(database.reader) == ["#a:x", "#b:x"]
    assert runs == 1


async def test_an_item_that_raises_after_writing_fails_alone_and_leaves_nothing(database: Database) -> None:
    called: list[str] = []

    async def spoil(tx: Transaction) -> None:
        await insert("#bad:x")(tx)
        await tx.append(Stream.EVENTS, "!bad:x")
        tx.on_commit(lambda: called.append("bad"))
        raise Refused

    async def good(tx: Transaction) -> int:
        await insert("#good:x")(tx)
        tx.on_commit(lambda: called.append("good"))
        return await tx.append(Stream.EVENTS, "!good:x")

    heard: list[Touch] = []
    database.subscribe(lambda _, touches: heard.extend(touches))
    outcomes = await asyncio.gather(database.write(good), database.write(spoil), return_exceptions=True)
    assert isinstance(outcomes[1], Refused)
    assert await aliases(database.reader) == ["#good:x"]
    assert called == ["good"]
    assert heard == [(Stream.EVENTS, "!good:x")]
    assert outcomes[0] == database.position


async def test_many_items_that_raise_after_writing_fail_and_no_other_does(database: Database) -> None:
    async def spoil(tx: Transaction) -> None:
        await insert("#bad:x")(tx)
        raise Refused

    writes = [database.write(spoil if number % 3 == 0 else insert(f"#{number:02}:x")) for number in range(30)]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(outcome, Refused) for outcome in outcomes] == [number % 3 == 0 for number in range(30)]
    assert await aliases(database.reader) == [f"#{number:02}:x" for number in range(30) if number % 3]


async def test_a_row_that_is_there_already_is_a_conflict_of_its_item(database: Database) -> None:
    outcomes = await asyncio.gather(
        database.write(insert("#a:x")),
        database.write(insert("#b:x")),
        database.write(insert("#a:x")),
        database.write(insert("#c:x")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[2], Conflict)
    assert await aliases(database.reader) == ["#a:x", "#b:x", "#c:x"]


@pytest.mark.parametrize("text", ["#a\0:x", "#\ud800:x"])
async def test_a_text_no_engine_takes_fails_alone(database: Database, text: str) -> None:
    outcomes = await asyncio.gather(
        database.write(insert("#a:x")),
        database.write(insert(text)),
        database.write(insert("#b:x")),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], UnfitValue)
    assert await aliases(database.reader) == ["#a:x", "#b:x"]
    with pytest.raises(UnfitValue):
        await database.reader.fetch("SELECT room_nid FROM room_aliases WHERE room_alias = ?", text)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200])
async def test_a_number_beyond_64_bits_fails_alone(database: Database, number: int) -> None:
    outcomes = await asyncio.gather(
        database.write(insert("#a:x")), database.write(insert("#b:x", number)), return_exceptions=True
    )
    assert isinstance(outcomes[1], UnfitValue)
    assert await aliases(database.reader) == ["#a:x"]


async def test_an_item_cannot_go_on_after_a_statement_that_failed(database: Database) -> None:
    async def item(tx: Transaction) -> None:
        await insert("#a:x")(tx)
        try:
            await tx.execute_counting(INSERT, "#a:x", 2, "@anna:x", 0)
        except Conflict:
            await insert("#b:x")(tx)

    with pytest.raises(Conflict):
        await database.write(item)
    assert await aliases(database.reader) == []


async def test_positions_and_numbers_only_grow(database: Database) -> None:
    async def item(tx: Transaction) -> tuple[int, int, int]:
        first = await tx.new_ids(3)
        position = await tx.append(Stream.RECEIPTS, "!r:x")
        return first, position, await tx.append(Stream.EVENTS, "!r:x")

    numbers: list[int] = []
    positions: list[int] = []
    for _ in range(3):
        for first, one, two in await asyncio.gather(*(database.write(item) for _ in range(5))):
            numbers += [first, first + 1, first + 2]
            positions += [one, two]
    assert len(set(numbers)) == len(numbers)
    assert positions == sorted(set(positions))
    assert database.position == positions[-1]
    many = await database.write(lambda tx: tx.new_ids(100_000))
    assert many > max(numbers)
    assert await database.write(lambda tx: tx.new_ids(1)) >= many + 100_000


async def test_counting_and_many(database: Database) -> None:
    async def item(tx: Transaction) -> tuple[int, int]:
        await tx.execute_many(INSERT, ((f"#{number}:x", number, "@anna:x", 0) for number in range(10)))
        await tx.execute_many(INSERT, [])
        none = await tx.execute_counting("UPDATE room_aliases SET creator = ? WHERE room_nid > ?", "@b:x", 100)
        return none, await tx.execute_counting("DELETE FROM room_aliases WHERE room_nid >= ?", 4)

    assert await database.write(item) == (0, 6)
    assert await aliases(database.reader) == ["#0:x", "#1:x", "#2:x", "#3:x"]


async def test_writes_of_different_kinds_keep_their_order(database: Database) -> None:
    async def item(tx: Transaction) -> None:
        await insert("#a:x", 1)(tx)
        await tx.execute("UPDATE room_aliases SET room_nid = ? WHERE room_alias = ?", 2, "#a:x")
        await tx.execute("DELETE FROM room_aliases WHERE room_alias = ?", "#a:x")
        await insert("#a:x", 3)(tx)
        await tx.execute(
            "INSERT INTO relations (room_nid, parent_id, rel_type, event_nid, type, sender, reaction_key)"
            " SELECT room_nid, ?, ?, ?, ?, ?, NULL FROM room_aliases",
            "$p", "m.annotation", 1, "m.reaction", "@a:x",
        )  # fmt: skip
        await tx.execute("DELETE FROM room_aliases WHERE room_alias = ?", "#a:x")
        await insert("#b:x", 4)(tx)

    await database.write(item)
    assert await aliases(database.reader) == ["#b:x"]
    assert await database.reader.fetch_value("SELECT room_nid FROM relations") == 3


async def test_scratch_lasts_as_long_as_the_batch(database: Database) -> None:
    async def item(tx: Transaction) -> int:
        await tx.new_ids(1)
        tx.scratch["runs"] = tx.scratch.get("runs", 0) + 1
        return int(tx.scratch["runs"])

    assert await asyncio.gather(*(database.write(item) for _ in range(3))) == [1, 2, 3]
    assert await database.write(item) == 1


async def test_nobody_hears_of_a_commit_before_it_can_be_read(database: Database) -> None:
    order: list[str] = []

    async def item(tx: Transaction) -> None:
        await insert("#a:x")(tx)
        await tx.append(Stream.EVENTS, "!r:x")
        tx.touch(Stream.MEMBERSHIP, "@anna:x")
        tx.on_commit(lambda: order.append("memory"))

    def listen(position: int, touches: Sequence[Touch]) -> None:
        assert touches == [(Stream.EVENTS, "!r:x"), (Stream.MEMBERSHIP, "@anna:x")]
        assert database.position == position
        order.append("heard")

    database.subscribe(listen)
    await database.write(item)
    order.append("answered")
    assert order == ["memory", "heard", "answered"]


async def test_a_listener_that_raises_harms_nobody(database: Database) -> None:
    heard: list[int] = []

    def fail(_position: int, _touches: Sequence[Touch]) -> None:
        raise Refused

    database.subscribe(fail)
    database.subscribe(lambda position, _: heard.append(position))

    async def item(tx: Transaction) -> int:
        tx.on_commit(lambda: fail(0, ()))
        return await tx.append(Stream.EVENTS, "!r:x")

    assert heard == [] and [await database.write(item)] == heard


async def test_an_item_that_only_reads_announces_nothing(database: Database) -> None:
    heard: list[int] = []
    database.subscribe(lambda position, _: heard.append(position))
    assert await database.write(aliases) == []
    assert heard == []


async def test_a_cancelled_caller_stops_nobody_else(database: Database) -> None:
    first = asyncio.create_task(database.write(insert("#a:x")))
    cancelled = asyncio.create_task(database.write(insert("#never:x")))
    last = asyncio.create_task(database.write(insert("#c:x")))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([first, cancelled, last])
    assert cancelled.cancelled()
    assert (await first, await last) == ("#a:x", "#c:x")
    assert await aliases(database.reader) == ["#a:x", "#c:x"]


async def test_the_queue_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "QUEUE_ITEMS_MAX", 5)
    outcomes = await asyncio.gather(
        *(database.write(insert(f"#{number}:x")) for number in range(7)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [str] * 5 + [Busy] * 2
    assert await aliases(database.reader) == [f"#{number}:x" for number in range(5)]


async def test_closing_finishes_what_waits_and_takes_nothing_more(database: Database) -> None:
    writes = [asyncio.create_task(database.write(insert(f"#{number}:x"))) for number in range(600)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*writes)) == 600
    with pytest.raises(StorageUnavailable):
        await database.write(insert("#late:x"))


async def test_a_slow_read_sees_one_snapshot(database: Database) -> None:
    await database.write(insert("#a:x"))
    assert await database.read_slowly(aliases) == ["#a:x"]

    async def fail(_read: Read) -> None:
        raise Refused

    with pytest.raises(Refused):
        await database.read_slowly(fail)
    assert await asyncio.gather(*(database.read_slowly(aliases) for _ in range(10))) == [["#a:x"]] * 10


async def test_texts_sort_by_code_point(database: Database) -> None:
    names = ["#B:x", "#a:x", "#é:x", "#ب:x", "#𐍈:x", "#ﬀ:x", "#_:x"]
    for name in names:
        await database.write(insert(name))
    assert await aliases(database.reader) == sorted(names)


async def test_values_come_back_as_they_went_in(database: Database) -> None:
    blob = bytes(range(256))

    async def item(tx: Transaction) -> None:
        await tx.execute("INSERT INTO state_nodes (hash, body) VALUES (?, ?)", b"", blob)
        await insert("#" + "ز" * 200, 2**63 - 1)(tx)
        await insert("", -(2**63))(tx)

    await database.write(item)
    assert await database.reader.fetch_value("SELECT body FROM state_nodes WHERE hash = ?", b"") == blob
    rows = await database.reader.fetch("SELECT room_alias, room_nid FROM room_aliases ORDER BY room_nid")
    assert [tuple(row) for row in rows] == [("", -(2**63)), ("#" + "ز" * 200, 2**63 - 1)]
    total = await database.reader.fetch_value("SELECT sum(created_ts_ms) FROM room_aliases")
    assert total == 0 and isinstance(total, int)
