"""The page on which an account is made, in a real Chromium."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.servers import Server, build_zajil

pytestmark = pytest.mark.browser

WAIT_S_MAX = 20.0


class Page:
    """One tab, spoken to through the DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.number = 0
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        await self.socket.send_json({"id": self.number, "method": method, "params": params})
        while True:
            message = await asyncio.wait_for(self.socket.receive_json(), WAIT_S_MAX)
            if message.get("id") == self.number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.complaints.append(json.dumps(message["params"]))

    async def read(self, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def wait_for(self, expression: str) -> Any:
        async with asyncio.timeout(WAIT_S_MAX):
            while not (value := await self.read(expression)):
                await asyncio.sleep(0.02)
        return value

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=url)
        await self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = build_zajil(tmp_path, registration="token", rate_limits="on").start()
    yield server
    server.stop()


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed; as root: apt install chromium")
    # The sandbox needs rights that root and many containers do not have; nothing but our own page is opened.
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    options.append(f"--user-data-dir={tmp_path / 'chromium'}")
    with (tmp_path / "chromium.log").open("wb") as log:
        process = subprocess.Popen([chromium, *options, "about:blank"], stdout=log, stderr=log)
    try:
        port_file = tmp_path / "chromium" / "DevToolsActivePort"
        async with asyncio.timeout(WAIT_S_MAX):
            while not (port_file.exists() and port_file.read_text().count("\n")):
                await asyncio.sleep(0.05)
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tab = next(each for each in await answer.json() if each["type"] == "page")
            async with session.ws_connect(tab["webSocketDebuggerUrl"]) as socket:
                page = Page(socket)
                await page.call("Log.enable")
                await page.call("Runtime.enable")
                yield page
    finally:
        process.terminate()
        process.wait(20)


async def fill_and_submit(page: Page, **values: str) -> None:
    for name, value in values.items():
        await page.read(f"document.getElementById('{name}').value = {json.dumps(value)}")
    await page.read("document.getElementById('submit').click()")
    await page.wait_for("!document.getElementById('submit').disabled")


async def find_link(server: Server) -> str:
    async with asyncio.timeout(WAIT_S_MAX):
        while not (found := re.search(r"http\S+/#/register\?token=\w+", server.log.read_text())):
            await asyncio.sleep(0.02)
    return found[0]


async def test_the_first_account_is_made_through_the_link(server: Server, page: Page) -> None:
    link = await find_link(server)
    await page.open(link)
    assert await page.read("document.getElementById('token').value") == link.partition("token=")[2]
    await fill_and_submit(page, username="Not Valid!", password="correct horse")
    assert "cannot be used" in await page.read("document.getElementById('problem').textContent")
    await fill_and_submit(page, username="anna", password="short")
    assert "8 characters" in await page.read("document.getElementById('problem').textContent")
    await fill_and_submit(page, username="anna", password="correct horse")
    assert await page.read("document.getElementById('user-id').textContent") == "@anna:localhost"
    assert await page.read("document.getElementById('password').value") == ""
    assert "token" not in await page.read("location.href")
    assert await page.read("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    # A refused name is answered with 400 and the flows with 401, which Chromium's log mentions; nothing else may be there.
    assert [each for each in page.complaints if "status of 40" not in each] == []

    await page.open(link)
    await fill_and_submit(page, username="second", password="correct horse")
    assert "used up" in await page.read("document.getElementById('problem').textContent")


async def test_arabic_reads_from_right_to_left(server: Server, page: Page) -> None:
    await page.open(await find_link(server))
    assert await page.read("document.documentElement.dir") == "ltr"
    await page.read("document.getElementById('language').click()")
    assert await page.read("document.documentElement.dir + document.documentElement.lang") == "rtlar"
    assert await page.read("document.querySelector('h1').textContent") == "أنشئ حسابك"
    await fill_and_submit(page, username="anna", password="short")
    assert "ثمانية" in await page.read("document.getElementById('problem').textContent")
