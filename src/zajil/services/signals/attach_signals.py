"""Typing, presence and the delivered signal of one process, put together."""

from zajil.services.app import App
from zajil.services.signals.delivered import Delivered
from zajil.services.signals.ephemeral import Ephemeral
from zajil.services.signals.node_signals import NodeSignals
from zajil.services.signals.presence import Presence
from zajil.services.signals.typing import Typing


def attach_signals(app: App) -> None:
    """Give `app` what is told to clients and is not in the log."""
    app.node_signals = NodeSignals()
    app.ephemeral = Ephemeral()
    app.notifier.count_ephemeral = lambda: app.ephemeral.counter
    app.typing = Typing(app)
    app.presence = Presence(app)
    app.delivered = Delivered(app)


def start_signals(app: App) -> None:
    """Begin the background work; needs a running loop."""
    app.presence.start()
    app.delivered.start()


async def stop_signals(app: App) -> None:
    """End it, before the database closes."""
    await app.presence.stop()
    await app.delivered.stop()
