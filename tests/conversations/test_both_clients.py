"""matrix-nio and matrix-js-sdk, two implementations of Olm and Megolm, in one encrypted room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.conversations.js_device import JsDevice
from tests.conversations.nio_device import NioDevice
from tests.conversations.talk_encrypted import talk_encrypted


async def test_both_clients_read_each_other(
    new_nio_device: Callable[[str], Awaitable[NioDevice]], new_js_device: Callable[..., Awaitable[JsDevice]]
) -> None:
    nina, jana = await asyncio.gather(new_nio_device("nina"), new_js_device("jana"))
    await talk_encrypted(nina, jana)


async def test_room_made_by_js_sdk_with_both_sides_editing_and_reacting(
    new_nio_device: Callable[[str], Awaitable[NioDevice]], new_js_device: Callable[..., Awaitable[JsDevice]]
) -> None:
    nina, jana = await asyncio.gather(new_nio_device("nina"), new_js_device("jana"))
    room_id = await jana.call("create_encrypted_room", invite=[nina.user_id])
    await nina.accept_invite(room_id)
    both = {nina.user_id, jana.user_id}
    await nina.wait_for_members(room_id, both)
    await jana.call("wait_for_members", room_id=room_id, user_ids=sorted(both))

    original = await nina.send_text(room_id, "first")
    await jana.call("wait_for_decrypted", room_id=room_id, event_id=original)
    relation = {"m.relates_to": {"rel_type": "m.replace", "event_id": original}}
    await nina.send_text(room_id, "* second", **{"m.new_content": {"msgtype": "m.text", "body": "second"}}, **relation)
    await jana.call("wait_for_edit", room_id=room_id, event_id=original, body="second")
    await nina.send(
        room_id, "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": original, "key": "🕊"}}
    )
    reaction = await jana.call("wait_for_reaction", room_id=room_id, event_id=original, key="🕊")
    assert reaction["sender"] == nina.user_id
