"""The stores of accounts, devices, account data, profiles and reports, on every engine."""

from __future__ import annotations

from zajil.ports.database import Database, Transaction
from zajil.ports.stores.account_data import AccountData
from zajil.ports.stores.accounts import Account, AccountTask, RegistrationToken
from zajil.ports.stores.devices import Device, Sighting
from zajil.ports.stores.profiles import Profile
from zajil.ports.stores.reports import Report
from zajil.storage.stores.account_data import SqlAccountDataStore, SqlFilterStore
from zajil.storage.stores.accounts import SqlAccountStore
from zajil.storage.stores.devices import SqlDeviceStore
from zajil.storage.stores.profiles import SqlProfileStore
from zajil.storage.stores.reports import SqlReportStore

ACCOUNTS, DEVICES, DATA = SqlAccountStore(), SqlDeviceStore(), SqlAccountDataStore()
FILTERS, PROFILES, REPORTS = SqlFilterStore(), SqlProfileStore(), SqlReportStore()
ANNA, BERT, DORA = "@anna:example.org", "@bert:example.org", "@dora:example.org"


async def test_accounts(database: Database) -> None:
    anna = Account(ANNA, 1, "hash", is_admin=True)
    bert = Account(BERT, 2, is_guest=True)
    assert not await ACCOUNTS.has_admin(database.reader)

    async def add(tx: Transaction) -> list[bool]:
        return [await ACCOUNTS.store_account(tx, each) for each in (anna, bert, Account(ANNA, 3))]

    assert await database.write(add) == [True, True, False]
    reader = database.reader
    assert await ACCOUNTS.load_account(reader, ANNA) == anna
    assert await ACCOUNTS.load_account(reader, DORA) is None
    assert await ACCOUNTS.load_accounts(reader, "", 10) == [anna, bert]
    assert await ACCOUNTS.load_accounts(reader, ANNA, 10) == [bert]
    assert await ACCOUNTS.has_admin(reader)

    async def change(tx: Transaction) -> None:
        await ACCOUNTS.store_guest_upgrade(tx, BERT, "new", is_admin=False)
        await ACCOUNTS.store_guest_upgrade(tx, ANNA, "never", is_admin=False)
        await ACCOUNTS.store_standing(tx, BERT, is_admin=False, is_locked=True, is_suspended=True)
        await ACCOUNTS.store_deactivation(tx, ANNA, 77)

    await database.write(change)
    assert await ACCOUNTS.load_account(reader, BERT) == Account(BERT, 2, "new", is_locked=True, is_suspended=True)
    assert await ACCOUNTS.load_account(reader, ANNA) == Account(ANNA, 1, is_deactivated=True, erased_position=77)
    assert not await ACCOUNTS.has_admin(reader)


async def test_registration_tokens(database: Database) -> None:
    token = RegistrationToken("t", uses_max=2, uses=0, expires_ts_ms=100, grants_admin=True, created_ts_ms=1)
    open_end = RegistrationToken("u", uses_max=None, uses=0, expires_ts_ms=None, grants_admin=False, created_ts_ms=2)

    async def add(tx: Transaction) -> list[bool]:
        return [await ACCOUNTS.store_registration_token(tx, each) for each in (token, open_end, token)]

    assert await database.write(add) == [True, True, False]
    assert await ACCOUNTS.load_registration_tokens(database.reader, 10) == [open_end, token]

    async def use(tx: Transaction) -> list[bool]:
        return [await ACCOUNTS.use_registration_token(tx, "t", now_ms) for now_ms in (100, 50, 50, 50)]

    assert await database.write(use) == [False, True, True, False]
    used = await ACCOUNTS.load_registration_token(database.reader, "t")
    assert used is not None and used.uses == 2 and not used.is_valid(50)
    assert await database.write(lambda tx: ACCOUNTS.use_registration_token(tx, "u", 10**15))
    assert await database.write(lambda tx: ACCOUNTS.delete_registration_token(tx, "u"))
    assert not await database.write(lambda tx: ACCOUNTS.delete_registration_token(tx, "u"))


async def test_resets_stages_secrets_and_tasks(database: Database) -> None:
    reader = database.reader

    async def fill(tx: Transaction) -> None:
        await ACCOUNTS.store_password_reset(tx, b"one", ANNA, 100, 0)
        await ACCOUNTS.store_password_reset(tx, b"two", ANNA, 100, 0)
        await ACCOUNTS.store_completed_stage(tx, "old", "a", "", 10, 0)
        await ACCOUNTS.store_completed_stage(tx, "s", "a", "1", 100, 20)
        await ACCOUNTS.store_completed_stage(tx, "s", "a", "2", 100, 20)
        await ACCOUNTS.store_task(tx, AccountTask(ANNA, "leave_rooms", 5))
        await ACCOUNTS.store_task(tx, AccountTask(ANNA, "leave_rooms", 6))

    await database.write(fill)
    assert await ACCOUNTS.load_password_reset(reader, b"one", 50) is None
    assert await ACCOUNTS.load_password_reset(reader, b"two", 50) == ANNA
    assert await ACCOUNTS.load_password_reset(reader, b"two", 100) is None
    await database.write(lambda tx: ACCOUNTS.delete_password_resets(tx, ANNA))
    assert await ACCOUNTS.load_password_reset(reader, b"two", 50) is None
    assert await ACCOUNTS.load_completed_stages(reader, "s") == {"a": "2"}
    assert await ACCOUNTS.load_completed_stages(reader, "old") == {}
    await database.write(lambda tx: ACCOUNTS.delete_completed_stages(tx, "s"))
    assert await ACCOUNTS.load_completed_stages(reader, "s") == {}
    assert await ACCOUNTS.load_secret(reader, "x") is None
    assert await database.write(lambda tx: ACCOUNTS.store_secret(tx, "x", b"1")) == b"1"
    assert await database.write(lambda tx: ACCOUNTS.store_secret(tx, "x", b"2")) == b"1"
    assert await ACCOUNTS.load_secret(reader, "x") == b"1"
    [task] = await ACCOUNTS.load_tasks(reader, 10)
    assert task == AccountTask(ANNA, "leave_rooms", 6)
    await database.write(lambda tx: ACCOUNTS.delete_task(tx, AccountTask(ANNA, "leave_rooms", 5)))
    assert await ACCOUNTS.load_tasks(reader, 10) == [task]
    await database.write(lambda tx: ACCOUNTS.delete_task(tx, task))
    assert await ACCOUNTS.load_tasks(reader, 10) == []


async def test_devices(database: Database) -> None:
    phone, tablet = Device(ANNA, "PHONE", "ü", 1), Device(ANNA, "TABLET", None, 2)
    reader = database.reader

    async def add(tx: Transaction) -> list[bool]:
        return [await DEVICES.store_device(tx, each) for each in (tablet, phone, Device(ANNA, "PHONE", "x", 9))]

    assert await database.write(add) == [True, True, False]
    assert await DEVICES.load_devices(reader, ANNA, 10) == [phone, tablet]
    assert await DEVICES.load_devices(reader, ANNA, 1) == [phone]
    assert await DEVICES.count_devices(reader, ANNA) == 2
    assert await DEVICES.load_device(reader, BERT, "PHONE") is None

    async def change(tx: Transaction) -> None:
        await DEVICES.store_display_name(tx, ANNA, "TABLET", "Tablet")
        await DEVICES.store_sightings(tx, [Sighting(ANNA, "PHONE", 5, "192.0.2.0"), Sighting(ANNA, "GONE", 5, "x")])

    await database.write(change)
    assert await DEVICES.load_device(reader, ANNA, "PHONE") == Device(ANNA, "PHONE", "ü", 1, 5, "192.0.2.0")
    assert await DEVICES.load_device(reader, ANNA, "TABLET") == Device(ANNA, "TABLET", "Tablet", 2)


async def test_access_tokens(database: Database) -> None:
    reader = database.reader

    async def add(tx: Transaction) -> None:
        await ACCOUNTS.store_account(tx, Account(ANNA, 1, is_admin=True))
        await DEVICES.store_device(tx, Device(ANNA, "PHONE", None, 1))
        await DEVICES.store_access_token(tx, b"a1", ANNA, "PHONE", 1, None, None)
        await DEVICES.store_access_token(tx, b"other", ANNA, "TABLET", 1, 99, None)
        await DEVICES.store_refresh_token(tx, b"r1", ANNA, "PHONE", 1, None)

    await database.write(add)
    found = await DEVICES.load_access_token(reader, b"a1")
    assert found is not None
    assert (found.user_id, found.device_id, found.expires_ts_ms, found.is_admin) == (ANNA, "PHONE", None, True)
    other = await DEVICES.load_access_token(reader, b"other")
    assert other is not None and other.expires_ts_ms == 99 and other.token_id != found.token_id

    async def refresh_twice(tx: Transaction) -> None:
        for number in (2, 3):
            await DEVICES.delete_successors(tx, ANNA, "PHONE", b"r1")
            await DEVICES.store_access_token(tx, b"a%d" % number, ANNA, "PHONE", 2, 50, b"r1")
            await DEVICES.store_refresh_token(tx, b"r%d" % number, ANNA, "PHONE", 2, b"r1")

    await database.write(refresh_twice)
    assert await DEVICES.load_access_token(reader, b"a2") is None
    assert await DEVICES.load_refresh_token(reader, b"r2") is None
    await database.write(lambda tx: DEVICES.delete_predecessor(tx, ANNA, "PHONE", b"r1"))
    assert await DEVICES.load_access_token(reader, b"a1") is None
    assert await DEVICES.load_refresh_token(reader, b"r1") is None
    newest = await DEVICES.load_access_token(reader, b"a3")
    assert newest is not None and newest.refreshed_from is None
    await database.write(lambda tx: DEVICES.delete_device(tx, ANNA, "PHONE"))
    assert await DEVICES.load_access_token(reader, b"a3") is None
    assert await DEVICES.load_refresh_token(reader, b"r3") is None
    await database.write(lambda tx: ACCOUNTS.store_deactivation(tx, ANNA, None))
    assert await DEVICES.load_access_token(reader, b"other") is None


async def test_login_tokens_are_used_once(database: Database) -> None:
    async def fill(tx: Transaction) -> None:
        await DEVICES.store_login_token(tx, b"old", ANNA, 10, 0)
        await DEVICES.store_login_token(tx, b"new", ANNA, 100, 0)

    await database.write(fill)

    async def use(tx: Transaction) -> list[str | None]:
        return [await DEVICES.use_login_token(tx, each, 50) for each in (b"old", b"new", b"new", b"none")]

    assert await database.write(use) == [None, ANNA, None, None]


async def test_account_data(database: Database) -> None:
    reader = database.reader
    first = AccountData("", "m.direct", b'{"a":1}', 1)
    in_room = AccountData("!r:x", "m.tag", b"{}", 2)
    second = AccountData("", "m.direct", b'{"a":2}', 3)

    async def fill(tx: Transaction) -> None:
        for entry in (first, in_room, second):
            await DATA.store(tx, ANNA, entry)
        await DATA.store(tx, BERT, first)

    await database.write(fill)
    assert await DATA.load(reader, ANNA, "", "m.direct") == {"a": 2}
    assert await DATA.load(reader, ANNA, "!r:x", "m.direct") is None
    assert await DATA.load_all(reader, ANNA) == [second, in_room]
    assert await DATA.load_of_room(reader, ANNA, "!r:x") == [in_room]
    assert await DATA.load_changes(reader, ANNA, 1, 3) == [in_room, second]
    assert await DATA.load_changes(reader, ANNA, 2, 2) == []
    assert await DATA.count(reader, ANNA) == 2
    await database.write(lambda tx: DATA.delete_all(tx, ANNA))
    assert await DATA.load_all(reader, ANNA) == []
    assert await DATA.load_all(reader, BERT) == [first]


async def test_filters_beyond_the_limit_make_the_oldest_go(database: Database) -> None:
    async def fill(tx: Transaction) -> None:
        for number in range(4):
            await FILTERS.store(tx, ANNA, f"f{number}", b'{"n":%d}' % number, number, 3)
        await FILTERS.store(tx, ANNA, "f1", b'{"n":1}', 9, 3)
        await FILTERS.store(tx, ANNA, "f5", b"{}", 10, 3)

    await database.write(fill)
    known = [await FILTERS.load(database.reader, ANNA, f"f{number}") for number in range(6)]
    assert known == [None, {"n": 1}, None, {"n": 3}, None, {}]


async def test_profiles_and_their_words(database: Database) -> None:
    reader = database.reader
    anna = Profile(ANNA, "Anna", None, {"m.tz": "Asia/Riyadh", "x": None})

    async def fill(tx: Transaction) -> None:
        await PROFILES.store(tx, Profile(ANNA, "Old", "mxc://x/y"), 1)
        await PROFILES.store(tx, anna, 2)
        await PROFILES.store_words(tx, ANNA, ["old"])
        await PROFILES.store_words(tx, ANNA, ["anna", "احمد", "anna"])
        await PROFILES.store_words(tx, BERT, ["annette"])

    await database.write(fill)
    assert await PROFILES.load(reader, ANNA) == anna
    assert await PROFILES.load(reader, BERT) is None
    assert await PROFILES.load_many(reader, [ANNA, BERT]) == {ANNA: anna}
    assert set(await PROFILES.load_users_by_word(reader, "ann", 10)) == {ANNA, BERT}
    assert await PROFILES.load_users_by_word(reader, "anna", 10) == [ANNA]
    assert await PROFILES.load_users_by_word(reader, "اح", 10) == [ANNA]
    assert await PROFILES.load_users_by_word(reader, "old", 10) == []
    assert len(await PROFILES.load_users_by_word(reader, "a", 1)) == 1
    await database.write(lambda tx: PROFILES.delete(tx, ANNA))
    assert await PROFILES.load_users_by_word(reader, "anna", 10) == []


async def add_room(tx: Transaction, nid: int, is_public: int, join_rule: str, members: dict[str, str]) -> None:
    await tx.execute(
        "INSERT INTO rooms (room_nid, room_id, room_version, creator, created_ts_ms, head_version, extremities, depth,"
        " snapshot_id, joined_count, invited_count, is_public) VALUES (?, ?, '12', '', 0, 0, ?, 0, 0, 0, 0, ?)",
        nid,
        f"!{nid}:x",
        b"[]",
        is_public,
    )
    await tx.execute(
        "INSERT INTO events (event_nid, event_id, room_nid, depth, origin_server_ts, type, state_key, sender, json)"
        " VALUES (?, ?, ?, 0, 0, 'm.room.join_rules', '', '', ?)",
        nid,
        f"${nid}",
        nid,
        b'{"content":{"join_rule":"%s"}}' % join_rule.encode(),
    )
    await tx.execute(
        "INSERT INTO current_state (room_nid, type, state_key, event_nid, position)"
        " VALUES (?, 'm.room.join_rules', '', ?, 0)",
        nid,
        nid,
    )
    await tx.execute_many(
        "INSERT INTO memberships (room_nid, user_id, membership, event_nid, position) VALUES (?, ?, ?, 0, 0)",
        [(nid, user_id, membership) for user_id, membership in members.items()],
    )


async def test_who_is_visible_to_whom(database: Database) -> None:
    async def fill(tx: Transaction) -> None:
        await add_room(tx, 1, 0, "invite", {ANNA: "join", BERT: "join"})
        await add_room(tx, 2, 0, "invite", {ANNA: "leave", DORA: "join"})
        await add_room(tx, 3, 0, "public", {"@open:x": "join", "@gone:x": "leave"})
        await add_room(tx, 4, 1, "knock", {"@listed:x": "join"})
        await add_room(tx, 5, 0, "public", {ANNA: "join", BERT: "join"})

    await database.write(fill)
    reader = database.reader
    everybody = [BERT, DORA, "@open:x", "@gone:x", "@listed:x", "@nobody:x"]
    assert await PROFILES.load_visible(reader, ANNA, everybody) == {BERT, "@open:x", "@listed:x"}
    assert await PROFILES.load_visible(reader, ANNA, []) == set()
    assert await PROFILES.load_mutual_rooms(reader, ANNA, BERT, "", 10) == ["!1:x", "!5:x"]
    assert await PROFILES.load_mutual_rooms(reader, ANNA, BERT, "!1:x", 10) == ["!5:x"]
    assert await PROFILES.load_mutual_rooms(reader, ANNA, DORA, "", 10) == []
    assert await PROFILES.count_mutual_rooms(reader, ANNA, BERT) == 2


async def test_openid_tokens(database: Database) -> None:
    async def fill(tx: Transaction) -> None:
        await PROFILES.store_openid_token(tx, b"old", ANNA, 10, 0)
        await PROFILES.store_openid_token(tx, b"new", ANNA, 100, 50)

    await database.write(fill)
    assert await PROFILES.load_openid_user(database.reader, b"new", 60) == ANNA
    assert await PROFILES.load_openid_user(database.reader, b"new", 100) is None
    assert await PROFILES.load_openid_user(database.reader, b"old", 5) is None


async def test_reports(database: Database) -> None:
    user = Report(1, ANNA, BERT, None, None, "rude", 5)
    event = Report(2, ANNA, None, "!r:x", "$e", "", 6)

    async def fill(tx: Transaction) -> None:
        await REPORTS.store(tx, user)
        await REPORTS.store(tx, event)

    await database.write(fill)
    reader = database.reader
    assert await REPORTS.load(reader, after=0, with_resolved=False, count_max=10) == [user, event]
    assert await REPORTS.count_since(reader, ANNA, 5) == 1
    assert await database.write(lambda tx: REPORTS.resolve(tx, 1, 9))
    assert not await database.write(lambda tx: REPORTS.resolve(tx, 1, 9))
    assert await REPORTS.load(reader, after=0, with_resolved=False, count_max=10) == [event]
    assert len(await REPORTS.load(reader, after=0, with_resolved=True, count_max=10)) == 2
    assert await REPORTS.load(reader, after=2, with_resolved=True, count_max=10) == []
