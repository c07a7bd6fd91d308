"""The whole server with its media on a real S3 server."""

import asyncio
import os
from pathlib import Path

from tests.client import running_server
from tests.contracts.s3_server import run_s3_server
from tests.media import pictures

from zajil.services.media.clean_media import GRACE_MS, clean_media, delete_uploads_of

MEDIA = "/_matrix/client/v1/media"


async def test_upload_download_thumbnail_and_delete(tmp_path: Path) -> None:
    with run_s3_server() as s3:
        options = {
            "media_s3_bucket": s3.bucket,
            "media_s3_endpoint": s3.endpoint,
            "media_s3_region": s3.region,
            "media_s3_access_key": s3.access_key,
            "media_s3_secret_key": s3.secret_key,
            "media_s3_prefix": "zajil/one",
        }
        async with running_server(tmp_path, **options) as server:
            anna = await server.register("anna")
            for content in (pictures.build_png(700, 500), os.urandom(12_000_000)):
                answer = await anna.call("POST", "/_matrix/media/v3/upload", content)
                where = answer.ok()["content_uri"].removeprefix("mxc://")
                assert (await anna.get(f"{MEDIA}/download/{where}")).raw == content
                anna.headers = {"range": "bytes=1000-1999"}
                assert (await anna.get(f"{MEDIA}/download/{where}")).raw == content[1000:2000]
                anna.headers = {}
            picture = await anna.call("POST", "/_matrix/media/v3/upload", pictures.build_png(700, 500))
            where = picture.ok()["content_uri"].removeprefix("mxc://")
            thumbnails = await asyncio.gather(
                *(anna.get(f"{MEDIA}/thumbnail/{where}?width=96&height=96&method=crop") for _ in range(3))
            )
            assert {answer.status for answer in thumbnails} == {200}
            assert len([found async for found in server.app.media.store.list()]) == 4
            assert not list((tmp_path / "media").rglob("*"))
            await delete_uploads_of(server.app, anna.user_id)
            for key in await server.app.stores.media.load_garbage(server.app.db.reader, 2**60, 100):
                assert await server.app.media.store.stat(key) is not None
            await server.app.db.write(
                lambda tx: tx.execute("UPDATE media_garbage SET due_ts_ms = due_ts_ms - ?", GRACE_MS)
            )
            await asyncio.sleep(0.01)
            await clean_media(server.app)
            assert [found async for found in server.app.media.store.list()] == []
