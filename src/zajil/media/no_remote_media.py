"""The RemoteMediaFetcher of a server that does not federate."""

from zajil.ports.remote_media import RemoteMedia, RemoteMediaMissing


class NoRemoteMedia:
    """Has nothing."""

    async def fetch(self, server_name: str, media_id: str, timeout_ms: int) -> RemoteMedia:
        raise RemoteMediaMissing(f"{server_name} is not asked: this server does not federate")
