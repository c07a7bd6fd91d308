"""`ports.status_outlets.Announcer` through apprise, which speaks a hundred services: each is a URL in the configuration."""

import asyncio
from typing import Final

from zajil.ports.status_outlets import OutletFailed

ANNOUNCE_S_MAX: Final = 60.0


class AppriseAnnouncer:
    """One channel. Apprise is imported when there is something to tell: it takes half a second."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def announce(self, title: str, text: str) -> None:
        def tell() -> bool:
            import apprise

            channel = apprise.Apprise()
            return channel.add(self._url) and bool(channel.notify(body=text, title=title))

        try:
            async with asyncio.timeout(ANNOUNCE_S_MAX):
                if not await asyncio.to_thread(tell):
                    raise OutletFailed("a channel of status_announce does not take announcements")
        except TimeoutError:
            raise OutletFailed("a channel of status_announce does not answer") from None
