"""Where the status of the server goes beside its own pages."""

from collections.abc import Mapping
from typing import Protocol


class OutletFailed(Exception):
    """The copy was not written, or nobody was told; the text is for the log."""


class StatusCopy(Protocol):
    """A folder or bucket with a copy of the pages, to be hosted somewhere else."""

    async def write(self, pages: Mapping[str, bytes]) -> None:
        """Replace each file as a whole: whoever reads sees the old or the new one. Raises `OutletFailed`."""


class Announcer(Protocol):
    """A channel through which the world is told: Mastodon, X, Telegram, e-mail, a webhook."""

    async def announce(self, title: str, text: str) -> None:
        """Raises `OutletFailed` when it was not taken."""
