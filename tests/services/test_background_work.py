"""One failure, of whatever kind, ends no work that goes on in the background."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.client import running_server

from zajil.services.accounts import note_sightings
from zajil.services.app import App
from zajil.services.media import clean_media
from zajil.services.messages import clean_transactions
from zajil.services.notifications import unread_checkpoints
from zajil.services.signals import presence

ROUNDS_S_MAX = 5.0


class Work:
    """Fails every time, and says when it was tried again."""

    def __init__(self) -> None:
        self.tries = 0
        self.tried_again = asyncio.Event()

    async def __call__(self, *_: Any) -> None:
        self.tries += 1
        if self.tries > 1:
            self.tried_again.set()
        raise RuntimeError("out of order")


async def run_presence(app: App) -> None:
    await app.presence._sweep_forever()


async def run_sightings(app: App) -> None:
    await app.sightings._run()


async def run_checkpoints(app: App) -> None:
    app.unread_counts.unsaved[("@anna:localhost", "!room")] = None
    await unread_checkpoints.run_unread_checkpoints(app)


@pytest.mark.parametrize(
    ("run", "interval", "place", "name"),
    [
        (clean_media.run_media_cleaner, None, clean_media, "clean_media"),
        (
            clean_transactions.run_transaction_cleaning,
            (clean_transactions, "INTERVAL_S"),
            clean_transactions,
            "clean_transactions",
        ),
        (run_checkpoints, (unread_checkpoints, "INTERVAL_S"), unread_checkpoints, "save_unread_checkpoints"),
        (run_presence, (presence, "SWEEP_S"), presence.Presence, "sweep"),
        (run_sightings, (note_sightings, "FLUSH_S"), note_sightings.Sightings, "flush"),
    ],
)
async def test_goes_on_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any, interval: Any, place: Any, name: str
) -> None:
    async with running_server(tmp_path) as server:
        work = Work()
        with monkeypatch.context() as patched:
            patched.setattr(place, name, work)
            if interval is not None:
                patched.setattr(*interval, 0.001)
            arguments = (server.app,) if interval is not None else (server.app, 0.001)
            running = asyncio.create_task(run(*arguments))
            async with asyncio.timeout(ROUNDS_S_MAX):
                await work.tried_again.wait()
            running.cancel()
            assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], asyncio.CancelledError)
