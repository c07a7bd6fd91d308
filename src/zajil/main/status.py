"""Putting the status of the server on its adapters: the pages and the link in a worker, and the watcher in its own process."""

import asyncio
import contextlib
import fcntl
import ipaddress
import os
import signal
import ssl
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zajil.main.system import SystemClock, SystemRandomness
from zajil.outbound.announcer import AppriseAnnouncer
from zajil.outbound.http_client import HttpClient
from zajil.outbound.status_copy import open_copy
from zajil.ports.configuration import Config
from zajil.services.app import App
from zajil.status.link import FOLDER, LINE_BYTES_MAX, SOCKET, connect, short_path
from zajil.status.memory import Memory
from zajil.status.pages import build_etag, build_pages, build_view
from zajil.status.watcher import Watcher
from zajil.status.worker_link import WorkerLink

EVERYWHERE = ("0.0.0.0/0", "::/0")
LOCK_FILE = "watcher.lock"
LOCK_PAUSE_S = 0.1
SIGN_OF_LIFE_S = 1.0
ORPHAN_S_MAX = 24 * 3600
"""A watcher whose server is gone goes on telling so for a day."""


def attach_status(app: App) -> WorkerLink:
    """Give a worker its link to the watcher, and pages that say that nothing is known yet."""
    config = app.config
    app.db.measure_batches(app.measurements.note_batch)
    if config.status:
        view = build_view(
            Memory(""),
            app.clock.now_ms(),
            name=config.status_name or config.server_name,
            base_url=config.base_url,
            interval_s=config.status_canary_interval_s,
            is_known=False,
        )
        pages = build_pages(view)
        app.status.hang(pages, build_etag(pages))
    return WorkerLink(app)


def build_canary_url(config: Config) -> str:
    """Where the canary sends: the URL of the configuration, else the first bound address."""
    if config.status_canary_url:
        return config.status_canary_url
    host, port = config.addresses[0]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  where everybody is let in
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if config.is_tls else 'http'}://{shown}:{port}"


def build_tls(config: Config) -> ssl.SSLContext | None:
    """Our own address has our own certificate, whatever name it is for; other URLs are checked as everybody checks them."""
    if config.status_canary_url:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def run_watch(config: Config, parent: int | None = None, alive: int | None = None) -> None:
    """Watch, and end this process. From within: `asyncio.run` would wait for a channel, folder or disk that does not answer."""

    async def watch_and_leave() -> None:
        code = 1
        try:
            await watch(config, parent, alive)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    asyncio.run(watch_and_leave())


async def watch(config: Config, parent: int | None, alive: int | None = None) -> None:
    """Watch until told to stop, or until a newer watcher takes over. `parent` is the supervisor, None when a person started it;
    `alive` is where it hears signs of life."""
    living = asyncio.create_task(_give_signs_of_life(alive))
    folder = config.data / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = await _take_lock(config.data, folder)
    http = HttpClient([ipaddress.ip_network(each) for each in EVERYWHERE], tls=build_tls(config))
    watcher = Watcher(
        config,
        SystemClock(),
        SystemRandomness(),
        http,
        build_canary_url(config),
        open_copy(config),
        [AppriseAnnouncer(url) for url in config.status_announce],
    )
    ended: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()

    def end(is_planned: bool | None) -> None:
        if not ended.done():
            ended.set_result(is_planned)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # With its supervisor gone it is the service manager that cleans up after a crash.
        loop.add_signal_handler(number, lambda: end(parent is None or os.getppid() == parent))
    loop.add_signal_handler(signal.SIGUSR1, lambda: end(None))
    with short_path(folder, SOCKET) as path:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108
        server = await asyncio.start_unix_server(
            lambda reader, writer: watcher.serve(reader, writer, lambda: end(None)), path, limit=LINE_BYTES_MAX
        )
        os.chmod(path, 0o600)  # noqa: PTH101
    running = asyncio.create_task(watcher.run())
    orphan = asyncio.create_task(_end_orphan(parent, end))
    try:
        waits: list[asyncio.Future[Any]] = [ended, running]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        orphan.cancel()
        await asyncio.gather(running, orphan, return_exceptions=True)
        await watcher.end(is_planned=ended.result() if ended.done() else None)
    finally:
        living.cancel()
        server.close()
        await http.close()
        os.close(lock)


async def _give_signs_of_life(alive: int | None) -> None:
    """One a second to the supervisor, for as long as there is one."""
    if alive is None:
        return
    os.set_blocking(alive, False)
    with contextlib.suppress(BrokenPipeError):
        while True:
            with contextlib.suppress(BlockingIOError):  # it has not listened for long
                os.write(alive, b".")
            await asyncio.sleep(SIGN_OF_LIFE_S)


async def _end_orphan(parent: int | None, end: Callable[[bool | None], None]) -> None:
    if parent is None:
        return
    while os.getppid() == parent:  # noqa: ASYNC110  nothing tells of it but looking
        await asyncio.sleep(1.0)
    await asyncio.sleep(ORPHAN_S_MAX)
    end(False)


async def _take_lock(data: Path, folder: Path) -> int:
    """Be the only watcher of this folder; the one that is there is asked to go."""
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with contextlib.suppress(OSError):
                line = await connect(data)
                line.send({"retire": True})
                await line.drain()
                line.close()
            await asyncio.sleep(LOCK_PAUSE_S)
        else:
            return lock
