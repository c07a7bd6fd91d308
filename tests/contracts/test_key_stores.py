"""The stores of keys, backups, device lists and messages to devices, on every engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from zajil.core.key_backup import BackedUpSession
from zajil.ports.database import Database, Stream, Transaction
from zajil.ports.stores.device_keys import CrossSigningKey, KeyCounts, KeySignature, OneTimeKey
from zajil.ports.stores.key_backups import KeyBackup
from zajil.ports.stores.to_device import ToDeviceMessage
from zajil.storage.stores.device_keys import SqlDeviceKeyStore
from zajil.storage.stores.device_lists import SqlDeviceListStore
from zajil.storage.stores.key_backups import SqlKeyBackupStore
from zajil.storage.stores.to_device import SqlToDeviceStore

KEYS, LISTS, BACKUPS, INBOX = SqlDeviceKeyStore(), SqlDeviceListStore(), SqlKeyBackupStore(), SqlToDeviceStore()
ANNA, BERT = "@anna:example.org", "@bert:example.org"
PHONE = (ANNA, "PHONE")


def key(number: int, algorithm: str = "a") -> OneTimeKey:
    return OneTimeKey(algorithm, f"K{number}", b'{"key":"%d"}' % number, b"digest%d" % number)


async def add_devices(tx: Transaction) -> None:
    await tx.execute_many(
        "INSERT INTO devices (user_id, device_id, display_name, created_ts_ms) VALUES (?, ?, ?, 0)",
        [(ANNA, "PHONE", "Anna's ü"), (ANNA, "TABLET", None), (BERT, "LAPTOP", None)],
    )


async def test_device_keys_and_signatures(database: Database) -> None:
    async def prepare(tx: Transaction) -> None:
        await add_devices(tx)
        await KEYS.store_device_key(tx, *PHONE, b"{}")
        await KEYS.store_cross_signing_key(tx, CrossSigningKey(ANNA, "master", "pub", b"{}"))
        signatures = [
            KeySignature(ANNA, "PHONE", ANNA, "ed25519:pub", "s1"),
            KeySignature(ANNA, "pub", ANNA, "ed25519:PHONE", "s2"),
            KeySignature(ANNA, "pub", BERT, "ed25519:berts", "s3"),
        ]
        await KEYS.store_signatures(tx, signatures)
        await KEYS.store_signatures(tx, [KeySignature(ANNA, "PHONE", ANNA, "ed25519:pub", "s1b")])

    await database.write(prepare)
    reader = database.reader
    [stored] = await KEYS.load_device_keys(reader, [ANNA, BERT])
    assert (stored.device_id, bytes(stored.json), stored.display_name) == ("PHONE", b"{}", "Anna's ü")
    assert await KEYS.load_device_ids(reader, [ANNA, BERT]) == {ANNA: ["PHONE", "TABLET"], BERT: ["LAPTOP"]}
    assert {each.signature for each in await KEYS.load_signatures(reader, [ANNA], ANNA)} == {"s1b", "s2"}
    assert {each.signature for each in await KEYS.load_signatures(reader, [ANNA], BERT)} == {"s1b", "s2", "s3"}
    await database.write(lambda tx: KEYS.store_device_key(tx, *PHONE, b'{"new":1}'))
    assert {each.signature for each in await KEYS.load_signatures(reader, [ANNA], ANNA)} == {"s2"}
    assert await database.write(lambda tx: KEYS.delete_device_keys(tx, *PHONE))
    assert not await database.write(lambda tx: KEYS.delete_device_keys(tx, *PHONE))
    assert await KEYS.load_signatures(reader, [ANNA], ANNA) == []
    [master] = await KEYS.load_cross_signing_keys(reader, [ANNA])
    await database.write(lambda tx: KEYS.delete_cross_signing_key(tx, master))
    assert await KEYS.load_signatures(reader, [ANNA], BERT) == []


async def test_one_time_keys(database: Database) -> None:
    async def upload(tx: Transaction, numbers: range) -> None:
        await KEYS.insert_one_time_keys(tx, *PHONE, [key(number) for number in numbers], claimed_max=2)

    async def claim(tx: Transaction) -> str | None:
        taken = await KEYS.take_one_time_key(tx, *PHONE, "a")
        if taken is not None:
            await KEYS.remember_claimed(tx, *PHONE, key(int(taken[0][1:])))
        return taken and taken[0]

    await database.write(partial(upload, numbers=range(3, 6)))
    await database.write(partial(upload, numbers=range(3)))
    assert [await database.write(claim) for _ in range(4)] == ["K3", "K4", "K5", "K0"]
    assert len(await KEYS.load_claimed_keys(database.reader, *PHONE)) == 4
    await database.write(partial(upload, numbers=range(10, 11)))
    assert set(await KEYS.load_claimed_keys(database.reader, *PHONE)) == {("a", "K5"), ("a", "K0")}
    assert set(await KEYS.load_one_time_keys(database.reader, *PHONE)) == {("a", "K1"), ("a", "K2"), ("a", "K10")}
    await database.write(lambda tx: KEYS.store_fallback_key(tx, *PHONE, key(99, "b")))
    await database.write(lambda tx: KEYS.store_key_count_change(tx, *PHONE, 7))
    expected = KeyCounts(
        {"signed_curve25519": 0, "a": 3},
        ["b"],
        7,
        b'"device_one_time_keys_count":{"signed_curve25519":0,"a":3},"device_unused_fallback_key_types":["b"]',
    )
    assert await KEYS.load_key_counts(database.reader, *PHONE) == expected
    await database.write(KEYS.delete_all_one_time_keys)
    after = await KEYS.load_key_counts(database.reader, *PHONE)
    assert (after.one_time_keys, after.unused_fallback_types) == ({"signed_curve25519": 0}, [])


async def test_two_processes_never_hand_out_the_same_key(open_database: Callable[[], Database]) -> None:
    nodes = [open_database() for _ in range(2)]
    for node in nodes:
        node.start()

    async def claim(tx: Transaction) -> str | None:
        taken = await KEYS.take_one_time_key(tx, *PHONE, "a")
        return taken and taken[0]

    try:
        keys = [key(number) for number in range(60)]
        await nodes[0].write(lambda tx: KEYS.insert_one_time_keys(tx, *PHONE, keys, 10))
        claimed = await asyncio.gather(*(nodes[number % 2].write(claim) for number in range(100)))
        names = [each for each in claimed if each is not None]
        assert len(names) == len(set(names)) == 60
    finally:
        for node in nodes:
            await node.close()


async def test_messages_to_devices(database: Database) -> None:
    async def send(tx: Transaction) -> int:
        position = await tx.append(Stream.TO_DEVICE, ANNA)
        messages = [ToDeviceMessage(ANNA, device, position, device.encode()) for device in ("PHONE", "TABLET")]
        await INBOX.insert(tx, messages)
        return position

    positions = [await database.write(send) for _ in range(5)]
    reader = database.reader
    rows = await INBOX.load(reader, *PHONE, positions[0], positions[4], 3)
    assert [(position, bytes(json)) for position, json in rows] == [(each, b"PHONE") for each in positions[1:4]]
    await database.write(lambda tx: INBOX.delete_up_to(tx, *PHONE, positions[1]))
    await database.write(lambda tx: INBOX.delete_oldest(tx, ANNA, "TABLET", 2))
    expected = {"PHONE": (positions[2], positions[4]), "TABLET": (positions[3], positions[4])}
    assert await INBOX.load_waiting(reader, ANNA) == expected
    await database.write(lambda tx: INBOX.delete_device(tx, *PHONE))
    assert list(await INBOX.load_waiting(reader, ANNA)) == ["TABLET"]


async def test_backups(database: Database) -> None:
    session = BackedUpSession(1, 2, True, b'{"x":1}')

    async def prepare(tx: Transaction) -> int:
        version = await BACKUPS.take_version(tx, ANNA)
        await BACKUPS.insert_backup(tx, KeyBackup(ANNA, version, "alg", b"{}", 0, 0, 0))
        await BACKUPS.lock_backup(tx, ANNA, version)
        for room_id in ("!a", "!b"):
            for number in range(3):
                await BACKUPS.store_session(tx, ANNA, version, room_id, f"s{number}", session)
        await BACKUPS.store_totals(tx, ANNA, version, 1, 6, 42)
        return version

    assert [await database.write(prepare) for _ in range(2)] == [1, 2]
    reader = database.reader
    assert await BACKUPS.load_backup(reader, ANNA, None) == KeyBackup(ANNA, 2, "alg", b"{}", 1, 6, 42)
    assert await BACKUPS.count_backups(reader, ANNA) == 2
    assert await BACKUPS.load_session(reader, ANNA, 1, "!a", "s1") == session
    pages = [await BACKUPS.load_sessions(reader, ANNA, 1, None, after, 4) for after in (("", ""), ("!b", "s0"))]
    assert [(room, name) for page in pages for room, name, _ in page] == [
        (room, f"s{number}") for room in ("!a", "!b") for number in range(3)
    ]
    assert [name for _, name, _ in await BACKUPS.load_sessions(reader, ANNA, 1, "!b", ("!b", "s0"), 9)] == ["s1", "s2"]
    assert await database.write(lambda tx: BACKUPS.delete_sessions(tx, ANNA, 1, "!a", None, 2)) == (2, 14)
    assert await database.write(lambda tx: BACKUPS.delete_sessions(tx, ANNA, 1, "!b", "s1", 9)) == (1, 7)
    await database.write(lambda tx: BACKUPS.delete_backup(tx, ANNA, 1))
    assert await BACKUPS.load_orphaned_versions(reader, ANNA) == [1]
    assert await BACKUPS.load_last_version(reader, ANNA) == 2
    await database.write(lambda tx: BACKUPS.delete_all_backups(tx, ANNA))
    assert await BACKUPS.load_orphaned_versions(reader, ANNA) == [1, 2]
    await database.write(lambda tx: BACKUPS.forget_versions(tx, ANNA))
    assert await BACKUPS.load_last_version(reader, ANNA) == 0


async def test_device_lists(database: Database) -> None:
    async def prepare(tx: Transaction) -> None:
        rows = [(1, ANNA, "join", 10), (1, BERT, "join", 20), (2, ANNA, "join", 10), (2, "@c:x", "leave", 30)]
        rows += [(2, "@e:x", "join", 15)]
        await tx.execute_many(
            "INSERT INTO memberships (room_nid, user_id, membership, event_nid, position) VALUES (?, ?, ?, 1, ?)", rows
        )
        await tx.execute_many(
            "INSERT INTO current_state (room_nid, type, state_key, event_nid, position) VALUES (?, ?, '', 1, ?)",
            [(1, "m.room.encryption", 5), (2, "m.room.name", 5)],
        )
        await tx.execute(
            "INSERT INTO events (event_nid, event_id, room_nid, position, history, depth, origin_server_ts, type, state_key, sender,"
            " json) VALUES (1, '$e', 1, 5, 5, 1, 0, 'm.room.encryption', '', 'x', ?)",
            b"{}",
        )
        for user_id, position in ((BERT, 40), ("@e:x", 40), ("@c:x", 41), (ANNA, 42)):
            await LISTS.store_change(tx, user_id, position - 10)
            await LISTS.store_change(tx, user_id, position)
        await LISTS.store_signature_change(tx, ANNA, "@d:x", 43)

    await database.write(prepare)
    reader = database.reader
    assert await LISTS.count_changes(reader, 39, 2) == 2
    assert await LISTS.count_changes(reader, 41, 9) == 1
    assert sorted(await LISTS.load_changed_users(reader, ANNA, 39, 99)) == [ANNA, BERT, "@e:x"]
    assert await LISTS.load_changed_users(reader, ANNA, 40, 41) == []
    assert await LISTS.load_signed_users(reader, ANNA, 42, 43) == ["@d:x"]
    assert await LISTS.load_moved_members(reader, ANNA, 19) == [(1, BERT, "join")]
    assert await LISTS.load_moved_members(reader, ANNA, 20) == []
    assert await LISTS.load_encrypted_rooms(reader, [1, 2]) == [1]
    assert await LISTS.load_newly_encrypted_rooms(reader, ANNA, 4) == [1]
    assert await LISTS.load_newly_encrypted_rooms(reader, ANNA, 5) == []
    assert await LISTS.load_joined_users(reader, [1, 2]) == {ANNA, BERT, "@e:x"}
    assert await LISTS.load_joined_users(reader, [1, 2], 15) == {ANNA, "@e:x"}
    assert sorted(await LISTS.load_moved_users(reader, [1, 2], 19)) == [(1, BERT), (2, "@c:x")]
    assert await LISTS.load_rooms_encrypted_at(reader, [1, 2], 7) == [1]
    assert await LISTS.load_rooms_encrypted_at(reader, [1, 2], 4) == []
    assert await LISTS.load_sharing_users(reader, ANNA, [BERT, "@c:x", "@e:x"]) == {BERT}
