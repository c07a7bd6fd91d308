"""matrix-nio with end-to-end encryption: direct chat, group of five, media, verification by emoji."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import nio
from nio.crypto.sas import Sas
from tests.conversations.nio_device import NioDevice, check_answer

NewNioDevice = Callable[[str], Awaitable[NioDevice]]


def build_png(width: int, height: int) -> bytes:
    """A valid RGB picture with a different colour in every row."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes((row % 256, 80, 255 - row % 256)) * width for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def read_png_size(data: bytes) -> tuple[int, int]:
    assert data.startswith(b"\x89PNG\r\n\x1a\n"), f"not a PNG: {data[:16]!r}"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


async def start_direct_chat(new_nio_device: NewNioDevice) -> tuple[NioDevice, NioDevice, str]:
    alice, bob = await asyncio.gather(new_nio_device("alice"), new_nio_device("bob"))
    room_id = await alice.create_encrypted_room([bob.user_id], direct=True)
    await bob.accept_invite(room_id)
    both = {alice.user_id, bob.user_id}
    await asyncio.gather(alice.wait_for_members(room_id, both), bob.wait_for_members(room_id, both))
    return alice, bob, room_id


async def test_direct_chat_is_decrypted_both_ways(new_nio_device: NewNioDevice) -> None:
    alice, bob, room_id = await start_direct_chat(new_nio_device)
    event_id = await alice.send_text(room_id, "مرحبا يا بوب")
    received = await bob.wait_for_text(room_id, "مرحبا يا بوب")
    assert (received.event_id, received.sender, received.decrypted) == (event_id, alice.user_id, True)
    await bob.send_text(room_id, "Hello Alice")
    assert (await alice.wait_for_text(room_id, "Hello Alice")).decrypted
    stored = await bob.load_stored_event(room_id, event_id)
    assert stored["type"] == "m.room.encrypted", f"the server must only ever have held ciphertext: {stored}"


async def test_edit_reaction_and_redaction_reach_the_other_side(new_nio_device: NewNioDevice) -> None:
    alice, bob, room_id = await start_direct_chat(new_nio_device)
    event_id = await alice.send_text(room_id, "helo")
    await bob.wait_for_text(room_id, "helo")

    replacement = {"m.relates_to": {"rel_type": "m.replace", "event_id": event_id}}
    new_content = {"msgtype": "m.text", "body": "hello"}
    await alice.send_text(room_id, "* hello", **{"m.new_content": new_content}, **replacement)
    edit = await bob.wait_for_text(room_id, "* hello")
    # An encrypted relation travels in clear beside the ciphertext; nio puts it back into the content.
    assert edit.source["content"]["m.relates_to"]["event_id"] == event_id
    assert edit.source["content"]["m.new_content"]["body"] == "hello"

    annotation = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": "👍"}}
    await bob.send(room_id, "m.reaction", annotation)
    reaction = await alice.wait_for_event(room_id, nio.ReactionEvent, "the reaction")
    assert (reaction.key, reaction.reacts_to) == ("👍", event_id)

    secret_id = await alice.send_text(room_id, "regrettable")
    await bob.wait_for_text(room_id, "regrettable")
    check_answer(await alice.client.room_redact(room_id, secret_id, "typed in haste"))
    redaction = await bob.wait_for_event(room_id, nio.RedactionEvent, "the redaction")
    assert (redaction.redacts, redaction.reason) == (secret_id, "typed in haste")
    stored = await bob.load_stored_event(room_id, secret_id)
    assert stored["content"] == {}, f"the redacted event still has its content: {stored}"
    assert stored["unsigned"]["redacted_because"]["event_id"] == redaction.event_id


async def test_group_of_five_all_read_all(new_nio_device: NewNioDevice) -> None:
    people = await asyncio.gather(*(new_nio_device(name) for name in ("amal", "badr", "camila", "dina", "ed")))
    owner, *others = people
    room_id = await owner.create_encrypted_room([person.user_id for person in others])
    await asyncio.gather(*(person.accept_invite(room_id) for person in others))
    everybody = {person.user_id for person in people}
    await asyncio.gather(*(person.wait_for_members(room_id, everybody) for person in people))
    for number, person in enumerate(people):
        await person.send_text(room_id, f"message {number}")
    for person in people:
        for number in range(len(people)):
            await person.wait_for_text(room_id, f"message {number}")
    orders = {tuple(event.event_id for event in person.find_events(room_id, nio.RoomMessageText)) for person in people}
    assert len(orders) == 1, f"the five do not agree on the order: {orders}"


async def test_encrypted_media_and_its_thumbnail(new_nio_device: NewNioDevice) -> None:
    alice, bob, room_id = await start_direct_chat(new_nio_device)
    picture, small = build_png(320, 240), build_png(32, 24)
    file, thumbnail_file = (
        await alice.upload_encrypted(picture, "صورة.png"),
        await alice.upload_encrypted(small, "small.png"),
    )
    info = {"w": 320, "h": 240, "size": len(picture), "mimetype": "image/png", "thumbnail_file": thumbnail_file}
    content = {"msgtype": "m.image", "body": "صورة.png", "file": file, "info": info}
    await alice.send(room_id, "m.room.message", content)
    event = await bob.wait_for_event(room_id, nio.RoomEncryptedImage, "the picture")
    assert await bob.download_encrypted(event) == picture
    stored = check_answer(await bob.client.download(event.url)).body
    assert stored != picture, "the server must hold ciphertext"
    assert event.thumbnail_url == thumbnail_file["url"]
    thumbnail = check_answer(await bob.client.download(event.thumbnail_url)).body
    key, hashes, iv = event.thumbnail_key["k"], event.thumbnail_hashes["sha256"], event.thumbnail_iv
    assert nio.crypto.decrypt_attachment(thumbnail, key, hashes, iv) == small


async def test_plain_media_is_thumbnailed_by_the_server(new_nio_device: NewNioDevice) -> None:
    alice = await new_nio_device("alice")
    picture = build_png(640, 480)
    answer, _ = await alice.client.upload(
        lambda *_: io.BytesIO(picture), "image/png", "plain.png", filesize=len(picture)
    )
    uri = str(check_answer(answer).content_uri)
    download = check_answer(await alice.client.download(uri))
    assert (download.body, download.content_type, download.filename) == (picture, "image/png", "plain.png")
    server_name, media_id = uri.removeprefix("mxc://").split("/")
    thumbnail = check_answer(await alice.client.thumbnail(server_name, media_id, 320, 240))
    assert read_png_size(thumbnail.body) == (320, 240)


async def test_devices_verify_each_other_by_emoji(new_nio_device: NewNioDevice) -> None:
    alice, bob, room_id = await start_direct_chat(new_nio_device)
    bobs_device = alice.find_device(bob.user_id, bob.device_id)
    alices_device = bob.find_device(alice.user_id, alice.device_id)
    assert not bobs_device.verified

    check_answer(await alice.client.start_key_verification(bobs_device))

    def find_verification(device: NioDevice) -> Callable[[], Any]:
        return lambda: next(iter(device.client.key_verifications.values()), None)

    bobs_sas: Sas = await bob.wait_for(find_verification(bob), "Alice's verification request")
    check_answer(await bob.client.accept_key_verification(bobs_sas.transaction_id))
    alices_sas: Sas = await alice.wait_for(find_verification(alice), "her own verification")
    await alice.wait_for(lambda: alices_sas.established_sas is not None, "Bob's key")
    await bob.wait_for(lambda: bobs_sas.established_sas is not None, "Alice's key")
    assert alices_sas.get_emoji() == bobs_sas.get_emoji()
    assert len(alices_sas.get_emoji()) == 7

    check_answer(await alice.client.confirm_short_auth_string(alices_sas.transaction_id))
    check_answer(await bob.client.confirm_short_auth_string(bobs_sas.transaction_id))
    await alice.wait_for(lambda: bobs_device.verified, "Bob's device to be verified")
    await bob.wait_for(lambda: alices_device.verified, "Alice's device to be verified")

    # Verified both ways, the two can talk without ignoring unverified devices.
    answer = await alice.client.room_send(room_id, "m.room.message", {"msgtype": "m.text", "body": "it is you"})
    check_answer(answer)
    assert (await bob.wait_for_text(room_id, "it is you")).verified
