"""One running server for all conversations of a test process, and the devices that talk through it."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.conversations.account import PASSWORD
from tests.conversations.js_device import JsDevice, install_js_packages
from tests.conversations.nio_device import NioDevice
from tests.postgres_server import shared_postgres
from tests.servers import Server, start_synapse, start_zajil


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    start = start_synapse if os.environ.get("ZAJIL_TEST_SERVER") == "synapse" else start_zajil
    running = start(folder)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def server_on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start_zajil(tmp_path_factory.mktemp("server"), database=shared_postgres().make_database())
    yield running
    running.stop()


@pytest.fixture(scope="session")
def unique_name() -> Callable[[str], str]:
    """Names that no other test of this server uses."""
    counter = itertools.count()
    return lambda name: f"{name}-{os.getpid()}-{next(counter)}"


@pytest_asyncio.fixture
async def new_nio_device(
    server: Server, tmp_path: Path, unique_name: Callable[[str], str]
) -> AsyncIterator[Callable[[str], Awaitable[NioDevice]]]:
    """Register an account with the name given and sync on its first device."""
    devices: list[NioDevice] = []

    async def create(name: str) -> NioDevice:
        device = NioDevice(server.base, tmp_path / f"nio-{len(devices)}")
        devices.append(device)
        await device.register(unique_name(name), PASSWORD)
        return device

    yield create
    for device in devices:
        await device.close()


@pytest.fixture(scope="session")
def js_packages() -> Path:
    return install_js_packages()


@pytest_asyncio.fixture
async def new_js_device(
    server: Server, js_packages: Path, unique_name: Callable[[str], str]
) -> AsyncIterator[Callable[..., Awaitable[JsDevice]]]:
    """A device of matrix-js-sdk: of a new account, or with `user` a further one of an account that exists."""
    devices: list[JsDevice] = []

    async def create(name: str, *, user: str | None = None) -> JsDevice:
        device = await JsDevice.launch(js_packages)
        devices.append(device)
        if user is None:
            await device.call("register", base=server.base, username=unique_name(name), password=PASSWORD)
        else:
            await device.call("login", base=server.base, user=user, password=PASSWORD)
        await device.call("start")
        return device

    yield create
    for device in devices:
        await device.close()
