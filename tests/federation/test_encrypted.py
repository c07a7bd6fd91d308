"""Encrypted chats between servers: matrix-nio on one side, matrix-js-sdk on the other; Zajil on one side, Synapse on the other, and the reverse."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conversations.account import PASSWORD
from tests.conversations.js_device import JsDevice, install_js_packages
from tests.conversations.nio_device import NioDevice
from tests.conversations.talk_encrypted import talk_encrypted
from tests.federation.peers import Authority, TlsServer, build_peer, build_synapse_peer, make_authority, run_both


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[tuple[TlsServer, TlsServer]]:
    folder: Path = tmp_path_factory.mktemp("peers")
    zajil, synapse = build_peer(folder / "zajil", authority), build_synapse_peer(folder / "synapse", authority)
    with run_both(zajil, synapse) as both:
        yield both


@pytest.mark.parametrize("nio_side", ["zajil", "synapse"])
async def test_an_encrypted_chat_across(
    peers: tuple[TlsServer, TlsServer], authority: Authority, tmp_path: Path, nio_side: str
) -> None:
    ours, theirs = peers if nio_side == "zajil" else peers[::-1]
    nina = NioDevice(ours.base, tmp_path / "nio", ssl.create_default_context(cafile=str(authority.ca)))
    jana = await JsDevice.launch(install_js_packages(), authority.ca)
    try:
        await nina.register(f"nina-{nio_side}", PASSWORD)
        await jana.call("register", base=theirs.base, username=f"jana-{nio_side}", password=PASSWORD)
        await jana.call("start")
        await talk_encrypted(nina, jana)
    finally:
        await nina.close()
        await jana.close()
