"""A conversation of matrix-nio with matrix-js-sdk in a room of their own."""

from tests.conversations.js_device import JsDevice
from tests.conversations.nio_device import NioDevice

TURNS = 3


async def talk_encrypted(nina: NioDevice, jana: JsDevice) -> None:
    """Nina makes the room and invites Jana; each reads what the other says."""
    room_id = await nina.create_encrypted_room([jana.user_id])
    await jana.call("accept_invite", room_id=room_id)
    both = {nina.user_id, jana.user_id}
    await nina.wait_for_members(room_id, both)
    await jana.call("wait_for_members", room_id=room_id, user_ids=sorted(both))
    for turn in range(TURNS):
        event_id = await nina.send_text(room_id, f"nio says {turn}")
        received = await jana.call("wait_for_decrypted", room_id=room_id, event_id=event_id)
        assert (received["content"]["body"], received["sender"]) == (f"nio says {turn}", nina.user_id)
        event_id = await jana.call("send_text", room_id=room_id, body=f"js says {turn}")
        answer = await nina.wait_for_text(room_id, f"js says {turn}")
        assert (answer.event_id, answer.sender, answer.decrypted) == (event_id, jana.user_id, True)
