"""Push rules over the whole stack."""

import asyncio
from pathlib import Path
from typing import Any

from tests.client import Client, q, running_server

V3 = "/_matrix/client/v3"
RULES = f"{V3}/pushrules/global"


def ids(ruleset: dict[str, Any], kind: str) -> list[str]:
    return [rule["rule_id"] for rule in ruleset[kind]]


async def load(client: Client) -> dict[str, Any]:
    ruleset: dict[str, Any] = (await client.get(f"{V3}/pushrules/")).ok()["global"]
    return ruleset


async def test_rules_are_read_whole_and_in_parts(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        ruleset = await load(anna)
        assert list(ruleset) == ["override", "content", "room", "sender", "underride"]
        invite = next(rule for rule in ruleset["override"] if rule["rule_id"] == ".m.rule.invite_for_me")
        assert invite["conditions"][2]["pattern"] == anna.user_id
        assert (await anna.get(f"{V3}/pushrules")).ok() == {"global": ruleset}
        assert (await anna.get(f"{RULES}/")).ok() == ruleset
        assert (await anna.get(f"{RULES}/override")).ok() == ruleset["override"]
        assert (await anna.get(f"{RULES}/override/")).ok() == ruleset["override"]
        assert (await anna.get(f"{RULES}/override/.m.rule.invite_for_me")).ok() == invite
        assert (await anna.get(f"{RULES}/override/.m.rule.master/enabled")).ok() == {"enabled": False}
        assert (await anna.get(f"{RULES}/override/.m.rule.master/actions")).ok() == {"actions": []}
        for path in (f"{RULES}/nonsense", f"{V3}/pushrules/device", f"{RULES}/room/nothing", f"{RULES}/x/y/enabled"):
            answer = await anna.get(path)
            assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND"), path


async def test_rules_are_added_ordered_changed_and_removed(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        for rule_id, where in (("one", ""), ("two", ""), ("three", "?after=two"), ("four", "?before=one&after=two")):
            (await anna.put(f"{RULES}/content/{rule_id}{where}", {"pattern": rule_id, "actions": ["notify"]})).ok()
        assert ids(await load(anna), "content") == ["two", "three", "four", "one"]
        (await anna.put(f"{RULES}/content/one/enabled", {"enabled": False})).ok()
        (await anna.put(f"{RULES}/content/one/actions", {"actions": ["dont_notify"]})).ok()
        rule = (await anna.get(f"{RULES}/content/one")).ok()
        expected = {"rule_id": "one", "pattern": "one", "default": False, "enabled": False, "actions": []}
        assert rule == expected
        (await anna.delete(f"{RULES}/content/two")).ok()
        assert ids(await load(anna), "content") == ["three", "four", "one"]
        assert (await anna.delete(f"{RULES}/content/two")).errcode == "M_NOT_FOUND"


async def test_what_is_no_rule_is_refused(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna = await server.register("anna")
        body = {"pattern": "x", "actions": ["notify"]}
        for path in ("content/.mine", f"content/{q('a/b')}", f"content/{q(chr(92))}", "nonsense/x"):
            assert (await anna.put(f"{RULES}/{path}", body)).errcode == "M_INVALID_PARAM", path
        assert (await anna.put(f"{RULES}/content/x?before=.m.rule.master", body)).errcode == "M_UNKNOWN"
        assert (await anna.put(f"{RULES}/content/x", {"actions": []})).errcode == "M_MISSING_PARAM"
        assert (await anna.put(f"{RULES}/content/x", {"pattern": "x"})).errcode == "M_MISSING_PARAM"
        assert (await anna.put(f"{RULES}/content/x", {**body, "actions": "notify"})).errcode == "M_INVALID_PARAM"
        assert (await anna.put(f"{V3}/pushrules/device/content/x", body)).errcode == "M_NOT_FOUND"
        assert (await anna.put(f"{RULES}/override/.m.rule.master/enabled", {"enabled": 1})).errcode == "M_INVALID_PARAM"
        assert (await anna.put(f"{RULES}/content/none/enabled", {"enabled": True})).errcode == "M_NOT_FOUND"
        big = {"pattern": "x", "actions": [{"set_tweak": "sound", "value": "x" * 10_000}]}
        answer = await anna.put(f"{RULES}/content/x", big)
        assert (answer.status, answer.errcode) == (413, "M_TOO_LARGE")


async def test_a_change_is_told_to_every_device_and_to_nobody_else(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        first = (await anna.get(f"{V3}/sync")).ok()
        shown = {event["type"]: event["content"] for event in first["account_data"]["events"]}
        assert shown["m.push_rules"] == {"global": await load(anna)}
        waiting = asyncio.create_task(anna.get(f"{V3}/sync?since={first['next_batch']}&timeout=20000"))
        await asyncio.sleep(0.05)
        (await anna.put(f"{RULES}/room/{q('!r:localhost')}", {"actions": []})).ok()
        told = (await asyncio.wait_for(waiting, 5)).ok()
        assert told["account_data"]["events"] == [{"type": "m.push_rules", "content": {"global": await load(anna)}}]
        account_data = f"{V3}/user/{q(anna.user_id)}/account_data/m.push_rules"
        assert (await anna.get(account_data)).ok() == {"global": await load(anna)}
        (await anna.delete(f"{RULES}/room/{q('!r:localhost')}")).ok()
        again = (await anna.get(f"{V3}/sync?since={told['next_batch']}")).ok()
        assert again["account_data"]["events"][0]["content"]["global"]["room"] == []
        assert ids(await load(bert), "room") == []
        # Setting what stands already is no news.
        (await anna.put(f"{RULES}/override/.m.rule.master/enabled", {"enabled": False})).ok()
        assert "account_data" not in (await anna.get(f"{V3}/sync?since={again['next_batch']}")).ok()


async def test_a_muted_room_has_nothing_unread(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        body = {"preset": "private_chat", "invite": [bert.user_id]}
        room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
        (await bert.post(f"{V3}/join/{q(room_id)}")).ok()

        async def count() -> int:
            section = (await bert.get(f"{V3}/sync")).ok()["rooms"]["join"][room_id]
            return int(section["unread_notifications"]["notification_count"])

        message = {"msgtype": "m.text", "body": "hello"}
        (await anna.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/1", message)).ok()
        assert await count() == 1
        (await bert.put(f"{RULES}/room/{q(room_id)}", {"actions": []})).ok()
        (await anna.put(f"{V3}/rooms/{q(room_id)}/send/m.room.message/2", message)).ok()
        assert await count() == 0
        (await bert.delete(f"{RULES}/room/{q(room_id)}")).ok()
        assert await count() == 2


async def test_a_display_name_is_looked_for_as_it_was_when_it_was_said(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        anna, bert = await server.register("anna"), await server.register("bert")
        body = {"preset": "private_chat", "invite": [bert.user_id]}
        room_id = (await anna.post(f"{V3}/createRoom", body)).ok()["room_id"]
        (await bert.post(f"{V3}/join/{q(room_id)}")).ok()
        path = f"{V3}/rooms/{q(room_id)}"
        named = {"conditions": [{"kind": "contains_display_name"}], "actions": ["notify", {"set_tweak": "highlight"}]}
        (await bert.put(f"{RULES}/override/named", named)).ok()
        member = f"{path}/state/m.room.member/{q(bert.user_id)}"
        (await bert.put(member, {"membership": "join", "displayname": "Bertrand"})).ok()
        message = {"msgtype": "m.text", "body": "ask Bertrand"}
        (await anna.put(f"{path}/send/m.room.message/1", message)).ok()
        (await bert.put(member, {"membership": "join", "displayname": "Lord Russell"})).ok()
        (await anna.put(f"{path}/send/m.room.message/2", message)).ok()
        section = (await bert.get(f"{V3}/sync")).ok()["rooms"]["join"][room_id]
        assert section["unread_notifications"] == {"highlight_count": 1, "notification_count": 2}
