"""matrix-js-sdk with its Rust crypto: cross-signing, secret storage, key backup restored on a new device, emoji."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.conversations.account import PASSWORD
from tests.conversations.js_device import JsDevice

NewJsDevice = Callable[..., Awaitable[JsDevice]]


async def start_conversation(new_js_device: NewJsDevice) -> tuple[JsDevice, JsDevice, str]:
    alice, bob = await asyncio.gather(new_js_device("alice"), new_js_device("bob"))
    room_id = await alice.call("create_encrypted_room", invite=[bob.user_id])
    await bob.call("accept_invite", room_id=room_id)
    for device in (alice, bob):
        await device.call("wait_for_members", room_id=room_id, user_ids=[alice.user_id, bob.user_id])
    return alice, bob, room_id


async def test_encrypted_conversation_with_edit_reaction_and_redaction(new_js_device: NewJsDevice) -> None:
    alice, bob, room_id = await start_conversation(new_js_device)
    event_id = await alice.call("send_text", room_id=room_id, body="السلام عليكم")
    received = await bob.call("wait_for_decrypted", room_id=room_id, event_id=event_id)
    assert (received["content"]["body"], received["wire_type"]) == ("السلام عليكم", "m.room.encrypted")

    await bob.call("react", room_id=room_id, event_id=event_id, key="❤️")
    reaction = await alice.call("wait_for_reaction", room_id=room_id, event_id=event_id, key="❤️")
    assert reaction["sender"] == bob.user_id

    await alice.call("edit_text", room_id=room_id, event_id=event_id, body="وعليكم السلام")
    await bob.call("wait_for_edit", room_id=room_id, event_id=event_id, body="وعليكم السلام")

    await alice.call("redact", room_id=room_id, event_id=event_id)
    await bob.call("wait_for_redaction", room_id=room_id, event_id=event_id)


async def test_key_backup_made_on_one_device_is_restored_on_a_new_one(new_js_device: NewJsDevice) -> None:
    alice, bob, room_id = await start_conversation(new_js_device)
    assert await alice.call("bootstrap_cross_signing", password=PASSWORD)
    recovery_key = await alice.call("bootstrap_secret_storage")
    status = await alice.call("secret_storage_status")
    assert status["secret_storage_ready"] and status["cross_signing_ready"] and status["backup_version"]

    mine = await alice.call("send_text", room_id=room_id, body="written before the new phone")
    theirs = await bob.call("send_text", room_id=room_id, body="an answer")
    await alice.call("wait_for_decrypted", room_id=room_id, event_id=theirs)
    await alice.call("wait_for_backup", sessions=2)

    phone = await new_js_device("alice", user=alice.user_id)
    for event_id in (mine, theirs):
        before = await phone.call("wait_for_undecryptable", room_id=room_id, event_id=event_id)
        assert "body" not in before["content"] or "Unable to decrypt" in before["content"]["body"], before
    assert not await alice.call("is_signed_by_owner", user_id=alice.user_id, device_id=phone.device_id)

    restored = await phone.call("recover", recovery_key=recovery_key)
    assert restored["imported"] == restored["total"] >= 2, restored
    after = [await phone.call("wait_for_decrypted", room_id=room_id, event_id=event_id) for event_id in (mine, theirs)]
    assert [event["content"]["body"] for event in after] == ["written before the new phone", "an answer"]

    # The recovery key also unlocked the self-signing key: the old device and Bob see the new one as Alice's.
    await alice.call("wait_for_signed_by_owner", user_id=alice.user_id, device_id=phone.device_id)
    new = await bob.call("send_text", room_id=room_id, body="welcome back")
    assert (await phone.call("wait_for_decrypted", room_id=room_id, event_id=new))["content"]["body"] == "welcome back"


async def test_new_device_verified_by_emoji_receives_the_secrets(new_js_device: NewJsDevice) -> None:
    alice, bob, room_id = await start_conversation(new_js_device)
    assert await alice.call("bootstrap_cross_signing", password=PASSWORD)
    await alice.call("bootstrap_secret_storage")
    event_id = await bob.call("send_text", room_id=room_id, body="from before")
    await alice.call("wait_for_decrypted", room_id=room_id, event_id=event_id)
    await alice.call("wait_for_backup", sessions=1)

    phone = await new_js_device("alice", user=alice.user_id)
    await phone.call("wait_for_undecryptable", room_id=room_id, event_id=event_id)
    await phone.call("request_own_verification")
    await alice.call("accept_verification")
    await phone.call("start_sas")
    await alice.call("join_sas")
    emoji = [await device.call("sas_emoji") for device in (phone, alice)]
    assert emoji[0] == emoji[1] and len(emoji[0]) == 7
    await asyncio.gather(phone.call("confirm_sas"), alice.call("confirm_sas"))

    assert await phone.call("wait_for_gossiped_secrets")
    await phone.call("restore_backup")
    after = await phone.call("wait_for_decrypted", room_id=room_id, event_id=event_id)
    assert after["content"]["body"] == "from before"
    await bob.call("wait_for_signed_by_owner", user_id=alice.user_id, device_id=phone.device_id)
