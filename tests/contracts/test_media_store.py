"""What every media store must do, on a local folder and on a real S3 server."""

import asyncio
import itertools
import os
import stat
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.contracts.s3_server import S3Server, run_s3_server

from zajil.media.object_store import INCOMING, PART_BYTES, ObjectStore, open_local, open_s3
from zajil.ports.media_store import MediaStoreUnavailable, ObjectMissing, ObjectTooLarge

UNBOUNDED = 1 << 40
counter = itertools.count()


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    with run_s3_server() as server:
        yield server


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return open_local(tmp_path / "media")
    server: S3Server = request.getfixturevalue("s3_server")
    return open_store(server, f"run{next(counter)}")


def open_store(server: S3Server, prefix: str) -> ObjectStore:
    return open_s3(
        server.bucket,
        endpoint=server.endpoint,
        region=server.region,
        access_key=server.access_key,
        secret_key=server.secret_key,
        prefix=prefix,
    )


async def split(content: bytes, size: int = 60_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]
        yield b""


async def read(store: ObjectStore, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in await store.get(key, start, end)])


async def keys(store: ObjectStore, prefix: str = "") -> set[str]:
    return {found.key async for found in store.list(prefix)}


@pytest.mark.parametrize("length", [0, 1, 60_001, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 17])
async def test_what_was_put_is_what_one_gets(store: ObjectStore, length: int) -> None:
    content = os.urandom(length)
    before_ms = int(time.time() * 1000) - 2000
    assert await store.put("ab/some-Key_1", split(content), bytes_max=UNBOUNDED) == length
    assert await read(store, "ab/some-Key_1") == content
    found = await store.stat("ab/some-Key_1")
    assert found is not None
    assert (found.key, found.size) == ("ab/some-Key_1", length)
    assert before_ms <= found.modified_ms <= int(time.time() * 1000) + 2000


async def test_ranges(store: ObjectStore) -> None:
    content = os.urandom(1_000_000)
    await store.put("ranges", split(content), bytes_max=UNBOUNDED)
    for start, end in [
        (0, 1),
        (5, 5),
        (999_999, None),
        (1_000_000, None),
        (100, 700_000),
        (999_000, 2_000_000),
        (7, 3),
    ]:
        assert await read(store, "ranges", start, end) == content[start:end]


async def test_what_is_not_there(store: ObjectStore) -> None:
    assert await store.stat("ab/absent") is None
    with pytest.raises(ObjectMissing):
        await store.get("ab/absent")
    with pytest.raises(ObjectMissing):
        await store.get("ab/absent", 5, 5)
    await store.delete("ab/absent")


async def test_delete_and_list(store: ObjectStore) -> None:
    for key in ("aa/1", "aa/2", "bb/1"):
        await store.put(key, split(b"x"), bytes_max=10)
    assert await keys(store) == {"aa/1", "aa/2", "bb/1"}
    assert await keys(store, "aa") == {"aa/1", "aa/2"}
    assert await keys(store, "a") == set()
    await store.delete("aa/1")
    assert await keys(store) == {"aa/2", "bb/1"}
    assert await store.stat("aa/1") is None


@pytest.mark.parametrize("length", [100, 2 * PART_BYTES])
async def test_the_limit_holds_to_the_byte(store: ObjectStore, length: int) -> None:
    content = bytes(length)
    assert await store.put("fits", split(content), bytes_max=length) == length
    with pytest.raises(ObjectTooLarge):
        await store.put("large", split(content), bytes_max=length - 1)
    assert await keys(store) == {"fits"}


async def test_the_limit_stops_an_endless_stream(store: ObjectStore) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1_000_000)

    with pytest.raises(ObjectTooLarge):
        await store.put("endless", endless(), bytes_max=20_000_000)
    assert await keys(store) == set()


@pytest.mark.parametrize("sent", [1000, 3 * PART_BYTES])
async def test_a_stream_that_breaks_leaves_nothing(store: ObjectStore, sent: int) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield bytes(sent)
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        await store.put("ab/broken", breaking(), bytes_max=UNBOUNDED)
    assert await keys(store) == set()
    assert await store.stat("ab/broken") is None


async def test_a_cancelled_put_leaves_nothing(store: ObjectStore) -> None:
    started = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(PART_BYTES)
        started.set()
        await asyncio.sleep(3600)

    task = asyncio.create_task(store.put("cancelled", slow(), bytes_max=UNBOUNDED))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await keys(store) == set()


@pytest.mark.parametrize(
    "key", ["", "/", "a//b", "../a", "a/../b", "a/./b", ".", "a\0b", "a%2Fb", "é", "/a", "a/", "a" * 65]
)
async def test_a_key_that_is_none(store: ObjectStore, key: str) -> None:
    for attempt in (store.put(key, split(b"x"), bytes_max=1), store.get(key), store.stat(key), store.delete(key)):
        with pytest.raises(ValueError, match="not a media store key"):
            await attempt


async def test_many_at_once(store: ObjectStore) -> None:
    contents = {f"many/{number}": os.urandom(200_000) for number in range(20)}
    await asyncio.gather(*(store.put(key, split(content), bytes_max=UNBOUNDED) for key, content in contents.items()))
    assert {key: await read(store, key) for key in contents} == contents


async def test_a_local_put_returns_after_fsync_of_the_file_and_of_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_local(tmp_path / "media")
    synchronised: list[tuple[bool, int]] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synchronised.append((stat.S_ISDIR(found.st_mode), found.st_ino))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    await store.put("ab/cd/key", split(b"content"), bytes_max=UNBOUNDED)
    path = tmp_path / "media/objects/ab/cd/key"
    expected = [path, *list(path.parents)[:4]]
    assert synchronised == [(each.is_dir(), each.stat().st_ino) for each in expected]


async def test_leftovers_of_a_crash_are_removed_when_old(tmp_path: Path) -> None:
    store = open_local(tmp_path)
    await store.put("kept", split(b"x"), bytes_max=1)
    for name, age_s in (("old#1", 7200), ("new#1", 60)):
        (tmp_path / INCOMING / name).write_bytes(b"half")
        os.utime(tmp_path / INCOMING / name, (time.time() - age_s,) * 2)
    assert await keys(store) == {"kept"}
    assert await store.delete_unfinished(int((time.time() - 3600) * 1000)) == 1
    assert [path.name for path in (tmp_path / INCOMING).iterdir()] == ["new#1"]
    assert await keys(store) == {"kept"}


async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    store = open_local(tmp_path / "media")
    (tmp_path / "media" / INCOMING).write_bytes(b"a file stands where a folder must be")
    with pytest.raises(MediaStoreUnavailable):
        await store.put("key", split(b"x"), bytes_max=1)


async def test_an_upload_of_any_length_takes_little_memory(tmp_path: Path) -> None:
    store = open_local(tmp_path)
    length = 400_000_000
    chunk = bytes(1_000_000)

    async def long() -> AsyncIterator[bytes]:
        for _ in range(length // len(chunk)):
            yield chunk

    before = peak_memory_bytes()
    assert await store.put("long", long(), bytes_max=length) == length
    count = 0
    async for part in await store.get("long"):
        count += len(part)
    assert count == length
    assert peak_memory_bytes() - before < 100_000_000


def peak_memory_bytes() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
