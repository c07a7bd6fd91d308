"""Publishing, querying and claiming keys."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.client import Client, InProcessServer, running_server
from tests.services.key_material import V3, CrossSigning, DeviceMaterial, public, sign

from zajil.services.keys import query_keys as query_keys_service
from zajil.services.keys.upload_keys import ONE_TIME_KEYS_MAX

ALGORITHM = "signed_curve25519"


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[InProcessServer]:
    async with running_server(tmp_path) as running:
        yield running


async def query(client: Client, *user_ids: str) -> dict[str, dict]:
    return (await client.post(f"{V3}/keys/query", {"device_keys": {each: [] for each in user_ids}})).ok()


async def claim(client: Client, user_id: str, device_id: str, algorithm: str = ALGORITHM) -> dict[str, dict]:
    body = {"one_time_keys": {user_id: {device_id: algorithm}}}
    return (await client.post(f"{V3}/keys/claim", body)).ok()["one_time_keys"].get(user_id, {}).get(device_id, {})


async def test_published_device_keys_are_found_with_the_name_of_the_device(server: InProcessServer) -> None:
    anna = await server.register("anna", initial_device_display_name="Anna's phone")
    bert = await server.register("bert")
    keys = DeviceMaterial(anna).device_keys()
    await DeviceMaterial(anna).upload(device_keys={**keys, "unsigned": {"forged": True}})
    found = await query(bert, anna.user_id)
    assert found["device_keys"] == {
        anna.user_id: {anna.device_id: {**keys, "unsigned": {"device_display_name": "Anna's phone"}}}
    }
    assert found["failures"] == {}


async def test_only_the_devices_asked_for_are_answered(server: InProcessServer) -> None:
    anna = await server.register("anna")
    second = await server.login(anna.user_id)
    for device in (anna, second):
        await DeviceMaterial(device).upload(device_keys=DeviceMaterial(device).device_keys())
    body = {"device_keys": {anna.user_id: [second.device_id, "NOBODY"]}}
    found = (await anna.post(f"{V3}/keys/query", body)).ok()
    assert list(found["device_keys"][anna.user_id]) == [second.device_id]


async def test_whether_an_account_exists_is_not_told(server: InProcessServer) -> None:
    anna = await server.register("anna")
    bert = await server.register("bert")
    nobody = f"@nobody:{server.app.server_name}"
    found = (await query(anna, nobody, bert.user_id, "no user id"))["device_keys"]
    assert found == {nobody: {}, bert.user_id: {}}


async def test_users_of_other_servers_are_a_failure_of_their_server(server: InProcessServer) -> None:
    anna = await server.register("anna")
    found = await query(anna, "@zoe:elsewhere.example", anna.user_id)
    assert list(found["failures"]) == ["elsewhere.example"]
    assert "@zoe:elsewhere.example" not in found["device_keys"]
    claimed = await anna.post(f"{V3}/keys/claim", {"one_time_keys": {"@zoe:elsewhere.example": {"X": ALGORITHM}}})
    assert list(claimed.ok()["failures"]) == ["elsewhere.example"]


async def test_too_many_users_at_once_are_refused(server: InProcessServer) -> None:
    anna = await server.register("anna")
    users = {f"@u{number}:x.y": [] for number in range(query_keys_service.USERS_QUERIED_MAX + 1)}
    assert (await anna.post(f"{V3}/keys/query", {"device_keys": users})).errcode == "M_TOO_LARGE"


async def test_repeating_an_upload_changes_nothing(server: InProcessServer) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    body = {
        "device_keys": anna.device_keys(),
        "one_time_keys": anna.one_time_keys(range(5)),
        "fallback_keys": {"signed_curve25519:F1": anna.one_time_key(99, fallback=True)},
    }
    assert await anna.upload(**body) == {ALGORITHM: 5}
    position = server.app.db.position
    assert await anna.upload(**body) == {ALGORITHM: 5}
    assert server.app.db.position == position


async def test_another_key_under_the_same_id_is_refused_and_nothing_of_the_upload_is_kept(
    server: InProcessServer,
) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    await anna.upload(one_time_keys=anna.one_time_keys(range(1)))
    clash = {"signed_curve25519:K0001": anna.one_time_key(1), "signed_curve25519:K0000": anna.one_time_key(7)}
    answer = await anna.client.post(f"{V3}/keys/upload", {"one_time_keys": clash, "device_keys": anna.device_keys()})
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")
    assert answer.body["error"].startswith("One time key signed_curve25519:K0000 already exists")
    assert await anna.upload() == {ALGORITHM: 1}
    assert (await query(anna.client, anna.client.user_id))["device_keys"] == {anna.client.user_id: {}}


async def test_a_fresh_signature_of_the_same_key_is_no_conflict(server: InProcessServer) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    await anna.upload(one_time_keys=anna.one_time_keys(range(1)))
    resigned = sign(anna.one_time_key(0), anna.client.user_id, "OTHER", anna.key)
    assert await anna.upload(one_time_keys={"signed_curve25519:K0000": resigned}) == {ALGORITHM: 1}


@pytest.mark.parametrize(
    "body",
    [
        {"one_time_keys": {"noalgorithm": {"key": "x"}}},
        {"one_time_keys": {"signed_curve25519:": {"key": "x"}}},
        {"one_time_keys": {"signed_curve25519:A": {"nokey": "x"}}},
        {"one_time_keys": {"signed_curve25519:A": 7}},
        {"one_time_keys": {"signed_curve25519:A": {"key": "x", "weight": 1.5}}},
        {"one_time_keys": {"signed_curve25519:A": {"key": "x" * 10_000}}},
        {"one_time_keys": {"signed_curve25519:A": {"key": "x", "signatures": {"@a:b": ["x"]}}}},
        {"one_time_keys": {"a" * 65 + ":A": "x"}},
        {"fallback_keys": {"signed_curve25519:A": {"key": "x"}, "signed_curve25519:B": {"key": "y"}}},
        {"device_keys": {"user_id": "@someone:else", "device_id": "X", "algorithms": [], "keys": {}}},
        {"device_keys": {}},
        {"one_time_keys": {f"a:{number}": "x" for number in range(ONE_TIME_KEYS_MAX + 1)}},
    ],
)
async def test_malformed_keys_are_refused(server: InProcessServer, body: dict) -> None:
    anna = await server.register("anna")
    answer = await anna.post(f"{V3}/keys/upload", body)
    assert (answer.status, answer.errcode) == (400, "M_INVALID_PARAM")


async def test_a_device_cannot_collect_more_keys_than_the_limit(server: InProcessServer) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    await anna.upload(one_time_keys={f"curve25519:{number}": "x" for number in range(ONE_TIME_KEYS_MAX)})
    answer = await anna.client.post(f"{V3}/keys/upload", {"one_time_keys": {"curve25519:more": "x"}})
    assert answer.errcode == "M_INVALID_PARAM"


@pytest.mark.parametrize("body", [{"device_keys": []}, {"device_keys": {"@a:b": "X"}}, {"device_keys": {"@a:b": [1]}}])
async def test_malformed_queries_are_refused(server: InProcessServer, body: dict) -> None:
    anna = await server.register("anna")
    assert (await anna.post(f"{V3}/keys/query", body)).errcode == "M_BAD_JSON"
    assert (await anna.post(f"{V3}/keys/query", {})).errcode == "M_MISSING_PARAM"


async def test_keys_are_claimed_in_the_order_of_their_upload_and_then_the_fallback_key(
    server: InProcessServer,
) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    bert = await server.register("bert")
    fallback = anna.one_time_key(99, fallback=True)
    await anna.upload(one_time_keys={"signed_curve25519:Z": anna.one_time_key(1)})
    await anna.upload(
        one_time_keys={"signed_curve25519:A": anna.one_time_key(2)}, fallback_keys={"signed_curve25519:F": fallback}
    )
    device_id, user_id = anna.client.device_id, anna.client.user_id
    names = [next(iter(await claim(bert, user_id, device_id))) for _ in range(4)]
    assert names == [f"{ALGORITHM}:{key_id}" for key_id in "ZAFF"]
    assert await claim(bert, user_id, device_id) == {f"{ALGORITHM}:F": fallback}
    assert await claim(bert, user_id, device_id, "other_algorithm") == {}
    assert await claim(bert, user_id, "NODEVICE") == {}


async def test_a_claimed_key_does_not_come_back_when_its_upload_is_repeated(server: InProcessServer) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    await anna.upload(one_time_keys=anna.one_time_keys(range(2)))
    await claim(anna.client, anna.client.user_id, anna.client.device_id)
    assert await anna.upload(one_time_keys=anna.one_time_keys(range(2))) == {ALGORITHM: 1}
    # The ID alone says nothing: a device that lost its memory may use it for a new key.
    assert await anna.upload(one_time_keys={"signed_curve25519:K0000": anna.one_time_key(70)}) == {ALGORITHM: 2}


async def test_each_key_is_handed_out_once_under_concurrency(server: InProcessServer) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    claimers = [await server.register(f"user{number}") for number in range(4)]
    await anna.upload(
        one_time_keys=anna.one_time_keys(range(100)),
        fallback_keys={"signed_curve25519:F": anna.one_time_key(999, fallback=True)},
    )
    device_id, user_id = anna.client.device_id, anna.client.user_id
    answers = await asyncio.gather(*(claim(claimers[number % 4], user_id, device_id) for number in range(200)))
    names = Counter(next(iter(answer)) for answer in answers)
    assert names.pop(f"{ALGORITHM}:F") == 100
    assert len(names) == 100
    assert set(names.values()) == {1}


async def test_claims_survive_a_restart(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = DeviceMaterial(await server.register("anna"))
        user_id, device_id = anna.client.user_id, anna.client.device_id
        await anna.upload(one_time_keys=anna.one_time_keys(range(10)))
        before = {next(iter(await claim(anna.client, user_id, device_id))) for _ in range(5)}
    async with running_server(tmp_path) as server:
        other = await server.login(user_id)
        after = {next(iter(await claim(other, user_id, device_id))) for _ in range(5)}
        assert len(before | after) == 10
        assert await claim(other, user_id, device_id) == {}


async def test_counts_are_kept_in_memory_and_never_out_of_date(server: InProcessServer) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    user_id, device_id = anna.client.user_id, anna.client.device_id
    memory = server.app.device_memory
    counts = await memory.load_key_counts(user_id, device_id)
    assert (counts.one_time_keys, counts.unused_fallback_types) == ({ALGORITHM: 0}, [])
    await anna.upload(
        one_time_keys=anna.one_time_keys(range(3)),
        fallback_keys={"signed_curve25519:F": anna.one_time_key(9, fallback=True)},
    )
    counts = await memory.load_key_counts(user_id, device_id)
    assert (counts.one_time_keys, counts.unused_fallback_types) == ({ALGORITHM: 3}, [ALGORITHM])
    assert await memory.load_key_counts(user_id, device_id) is counts
    for _ in range(4):
        await claim(anna.client, user_id, device_id)
    counts = await memory.load_key_counts(user_id, device_id)
    assert (counts.one_time_keys, counts.unused_fallback_types) == ({ALGORITHM: 0}, [])
    # Repeating the used fallback key does not make it unused; a new one does.
    await anna.upload(fallback_keys={"signed_curve25519:F": anna.one_time_key(9, fallback=True)})
    assert (await memory.load_key_counts(user_id, device_id)).unused_fallback_types == []
    await anna.upload(fallback_keys={"signed_curve25519:G": anna.one_time_key(10, fallback=True)})
    assert (await memory.load_key_counts(user_id, device_id)).unused_fallback_types == [ALGORITHM]


async def test_a_deleted_device_leaves_no_keys(server: InProcessServer) -> None:
    anna = DeviceMaterial(await server.register("anna"))
    bert = await server.register("bert")
    await anna.upload(
        device_keys=anna.device_keys(),
        one_time_keys=anna.one_time_keys(range(3)),
        fallback_keys={"signed_curve25519:F": anna.one_time_key(9, fallback=True)},
    )
    user_id, device_id = anna.client.user_id, anna.client.device_id
    (await anna.client.post(f"{V3}/logout")).ok()
    assert (await query(bert, user_id))["device_keys"] == {user_id: {}}
    assert await claim(bert, user_id, device_id) == {}
    again = await server.login(user_id, device_id=device_id)
    assert (await again.post(f"{V3}/keys/upload", {})).ok() == {"one_time_key_counts": {ALGORITHM: 0}}


class TestCrossSigning:
    async def upload(self, client: Client, body: dict) -> None:
        (await client.post(f"{V3}/keys/device_signing/upload", body)).ok()

    async def test_the_first_keys_need_no_confirmation_and_others_do(self, server: InProcessServer) -> None:
        anna = await server.register("anna")
        await self.upload(anna, CrossSigning(anna.user_id).body())
        await self.upload(anna, CrossSigning(anna.user_id).body())  # a repetition
        changed = CrossSigning(anna.user_id, seed=150).body()
        refused = await anna.post(f"{V3}/keys/device_signing/upload", changed)
        assert refused.status == 401
        assert refused.body["flows"] == [{"stages": ["m.login.password"]}]
        await self.upload(anna, {**changed, "auth": anna.password_auth(refused.body["session"])})
        found = await query(anna, anna.user_id)
        assert found["master_keys"] == {anna.user_id: changed["master_key"]}
        assert found["user_signing_keys"] == {anna.user_id: changed["user_signing_key"]}

    async def test_the_user_signing_key_is_for_its_owner_only(self, server: InProcessServer) -> None:
        anna, bert = await server.register("anna"), await server.register("bert")
        keys = CrossSigning(anna.user_id)
        await self.upload(anna, keys.body())
        found = await query(bert, anna.user_id)
        assert found["master_keys"] == {anna.user_id: keys.master_key()}
        assert found["self_signing_keys"] == {anna.user_id: keys.self_signing_key()}
        assert found["user_signing_keys"] == {}

    async def test_bad_keys_are_refused(self, server: InProcessServer) -> None:
        anna = await server.register("anna")
        keys, other = CrossSigning(anna.user_id), CrossSigning(anna.user_id, seed=150)

        async def errcode(**body: object) -> str:
            return (await anna.post(f"{V3}/keys/device_signing/upload", body)).errcode

        assert await errcode(self_signing_key=keys.self_signing_key()) == "M_MISSING_PARAM"
        forged = {"master_key": keys.master_key(), "self_signing_key": other.self_signing_key()}
        assert await errcode(**forged) == "M_INVALID_SIGNATURE"
        assert await errcode(master_key={**keys.master_key(), "user_id": "@eve:localhost"}) == "M_INVALID_PARAM"
        assert await errcode(master_key={**keys.master_key(), "usage": ["user_signing"]}) == "M_INVALID_PARAM"
        assert await errcode(master_key={**keys.master_key(), "keys": {"ed25519:x": "y"}}) == "M_INVALID_PARAM"
        assert await errcode(master_key={**keys.master_key(), "keys": {"ed25519:eA": "eA"}}) == "M_INVALID_PARAM"
        assert await errcode(master_key=[]) == "M_BAD_JSON"

    async def test_devices_and_keys_cannot_have_the_same_name(self, server: InProcessServer) -> None:
        anna = await server.register("anna")
        keys = CrossSigning(anna.user_id)
        await server.login(anna.user_id, device_id=public(keys.master))
        assert (await anna.post(f"{V3}/keys/device_signing/upload", keys.body())).errcode == "M_FORBIDDEN"
        other = CrossSigning(anna.user_id, seed=150)
        await self.upload(anna, other.body())
        identifier = {"type": "m.id.user", "user": anna.user_id}
        body = {"type": "m.login.password", "identifier": identifier, "password": "correct horse battery"}
        answer = await anna.post(f"{V3}/login", {**body, "device_id": public(other.self_signing)})
        assert answer.status == 400 or answer.status == 403

    async def test_signatures_are_verified_stored_and_shown_to_whom_they_concern(self, server: InProcessServer) -> None:
        anna, bert, carl = [await server.register(name) for name in ("anna", "bert", "carl")]
        keys, berts = CrossSigning(anna.user_id), CrossSigning(bert.user_id, seed=150)
        device = DeviceMaterial(anna)
        await device.upload(device_keys=device.device_keys())
        await self.upload(anna, keys.body())
        await self.upload(bert, berts.body())
        signed_device = sign(device.device_keys(), anna.user_id, public(keys.self_signing), keys.self_signing)
        signed_master = sign(keys.master_key(), anna.user_id, anna.device_id, device.key)
        signed_bert = sign(berts.master_key(), anna.user_id, public(keys.user_signing), keys.user_signing)
        forged = sign(device.device_keys(), anna.user_id, public(keys.self_signing), keys.master)
        body = {
            anna.user_id: {anna.device_id: signed_device, public(keys.master): signed_master, "NOBODY": signed_device},
            bert.user_id: {public(berts.master): signed_bert},
        }
        failures = (await anna.post(f"{V3}/keys/signatures/upload", body)).ok()["failures"]
        assert {user_id: list(of) for user_id, of in failures.items()} == {anna.user_id: ["NOBODY"]}
        assert failures[anna.user_id]["NOBODY"]["errcode"] == "M_NOT_FOUND"
        failed = await anna.post(f"{V3}/keys/signatures/upload", {anna.user_id: {anna.device_id: forged}})
        assert failed.ok()["failures"][anna.user_id][anna.device_id]["errcode"] == "M_INVALID_SIGNATURE"

        for reader in (anna, bert, carl):
            found = await query(reader, anna.user_id, bert.user_id)
            seen_device = found["device_keys"][anna.user_id][anna.device_id]
            assert seen_device["signatures"] == signed_device["signatures"]
            assert found["master_keys"][anna.user_id]["signatures"] == signed_master["signatures"]
            seen_by_anna_only = found["master_keys"][bert.user_id].get("signatures", {})
            assert seen_by_anna_only == (signed_bert["signatures"] if reader is anna else {})

    async def test_signatures_go_with_the_key_that_made_them(self, server: InProcessServer) -> None:
        anna = await server.register("anna")
        keys, device = CrossSigning(anna.user_id), DeviceMaterial(anna)
        await device.upload(device_keys=device.device_keys())
        await self.upload(anna, keys.body())
        signed = sign(device.device_keys(), anna.user_id, public(keys.self_signing), keys.self_signing)
        (await anna.post(f"{V3}/keys/signatures/upload", {anna.user_id: {anna.device_id: signed}})).ok()
        changed = CrossSigning(anna.user_id, seed=150).body()
        await self.upload(anna, {**changed, "auth": anna.password_auth()})
        seen = (await query(anna, anna.user_id))["device_keys"][anna.user_id][anna.device_id]
        assert seen["signatures"] == device.device_keys()["signatures"]

    @pytest.mark.parametrize("body", [{"@a:b": []}, {"@a:b": 7}, []])
    async def test_malformed_signatures_are_refused(self, server: InProcessServer, body: object) -> None:
        anna = await server.register("anna")
        assert (await anna.post(f"{V3}/keys/signatures/upload", body)).errcode == "M_BAD_JSON"
