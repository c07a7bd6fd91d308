"""Putting the media repository on its adapters."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator

from zajil.media.no_remote_media import NoRemoteMedia
from zajil.media.object_store import open_local, open_s3
from zajil.media.thumbnails import ProcessThumbnailer
from zajil.outbound.http_client import HttpClient
from zajil.ports.configuration import Config
from zajil.ports.media_store import MediaStore
from zajil.services.app import App
from zajil.services.media.clean_media import run_media_cleaner
from zajil.services.media.media_repository import MediaRepository


def open_media_store(config: Config) -> MediaStore:
    """The bucket, if one is configured, else the folder."""
    if not config.media_s3_bucket:
        return open_local(config.media_path)
    return open_s3(
        config.media_s3_bucket,
        endpoint=config.media_s3_endpoint,
        region=config.media_s3_region,
        access_key=config.media_s3_access_key,
        secret_key=config.media_s3_secret_key,
        prefix=config.media_s3_prefix,
    )


def attach_media(app: App) -> None:
    """Give the services their media repository and their way out to other servers."""
    app.media = MediaRepository(open_media_store(app.config), ProcessThumbnailer(), NoRemoteMedia())
    app.outbound = HttpClient([ipaddress.ip_network(each, strict=False) for each in app.config.outbound_allow])


@contextlib.asynccontextmanager
async def run_media(app: App) -> AsyncIterator[None]:
    """Keep the media repository clean; close it at the end."""
    cleaner = asyncio.create_task(run_media_cleaner(app))
    try:
        yield
    finally:
        cleaner.cancel()
        await asyncio.gather(cleaner, return_exceptions=True)
        await app.media.close()
        await app.outbound.close()
