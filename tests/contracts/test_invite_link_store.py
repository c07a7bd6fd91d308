"""The store of links into rooms, on every engine."""

from dataclasses import replace

import pytest

from zajil.ports.database import Conflict, Database, Transaction
from zajil.ports.stores.invite_links import InviteLink
from zajil.storage.stores.invite_links import SqlInviteLinkStore

STORE = SqlInviteLinkStore()
LINK = InviteLink("one", "!a", "@anna:x", bytes(range(32)), 10, None, None, 0)


async def store(database: Database, *links: InviteLink) -> None:
    async def item(tx: Transaction) -> None:
        for link in links:
            await STORE.store(tx, link)

    await database.write(item)


async def test_links_come_back_as_they_were_stored(database: Database) -> None:
    newer = replace(LINK, link_id="two", created_ts_ms=20, expires_ts_ms=2**50, uses_max=7, uses=3)
    await store(database, LINK, newer, replace(LINK, link_id="other", room_id="!b"))
    assert await STORE.load(database.reader, "!a") == [newer, LINK]
    assert await STORE.load(database.reader, "!none") == []
    with pytest.raises(Conflict):
        await store(database, LINK)


async def test_links_are_counted_and_go(database: Database) -> None:
    expired = replace(LINK, link_id="expired", expires_ts_ms=100)
    later = replace(LINK, link_id="later", expires_ts_ms=101)
    await store(database, LINK, expired, later)

    async def change(tx: Transaction) -> None:
        await STORE.count_use(tx, "one")
        await STORE.count_use(tx, "one")
        await STORE.delete_expired(tx, "!b", 1_000)
        await STORE.delete_expired(tx, "!a", 100)
        await STORE.delete(tx, "!b", "later")

    await database.write(change)
    left = {link.link_id: link.uses for link in await STORE.load(database.reader, "!a")}
    assert left == {"one": 2, "later": 0}

    async def delete(tx: Transaction) -> None:
        await STORE.delete(tx, "!a", "later")

    await database.write(delete)
    assert [link.link_id for link in await STORE.load(database.reader, "!a")] == ["one"]


async def test_the_links_of_a_maker_move(database: Database) -> None:
    of_ben = replace(LINK, link_id="ben", maker="@ben:x")
    elsewhere = replace(LINK, link_id="elsewhere", room_id="!c")
    await store(database, LINK, of_ben, elsewhere)
    await database.write(lambda tx: STORE.move(tx, "!a", "!b", "@anna:x"))
    assert await STORE.load(database.reader, "!a") == [of_ben]
    assert await STORE.load(database.reader, "!b") == [replace(LINK, room_id="!b")]
    assert await STORE.load(database.reader, "!c") == [elsewhere]
