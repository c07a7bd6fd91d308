"""`zajil backup` and `zajil restore`: database, media and the server's key, in a folder.

The folder holds `backup.json`, which names everything else and is written last: without it, or before it changed, there is no
new backup. Media files never change, so a second backup into the same folder copies only new ones. Everything is hashed when it is
copied, and compared when it is restored.
"""

import asyncio
import hashlib
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

from zajil.main.media import open_media_store
from zajil.main.system import KEY_FILE
from zajil.media.object_store import open_local
from zajil.ports.configuration import Config
from zajil.ports.media_store import MediaStore, ObjectMissing
from zajil.storage.postgres import backup as postgres
from zajil.storage.sqlite import backup as sqlite
from zajil.storage.sqlite.backup import make_durable

MANIFEST = "backup.json"
MEDIA = "media"
FORMAT = 2

Hashes = dict[str, str]
"""SHA-256 of media, in hexadecimal, by their key."""

Tell = Callable[[str], None]


class BackupError(Exception):
    """A backup cannot be made or used; the text is for the operator."""


def back_up(config: Config, folder: Path, tell: Tell) -> None:
    """Copy everything a server needs into `folder`, while it runs. Raises `BackupError`, `StorageUnavailable`, OSError."""
    if not config.is_postgres and not config.sqlite_path.exists():
        raise BackupError(f"there is no database in {config.data}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    former = load_manifest(folder) if (folder / MANIFEST).exists() else None
    if former is None and any(folder.iterdir()) and not is_unfinished(folder):
        raise BackupError(f"{folder} holds something that is no backup: choose an empty folder")
    if former is not None and former["server_name"] != config.server_name:
        raise BackupError(f"{folder} is a backup of {former['server_name']}: choose another folder")
    stamp = time.time_ns()
    database, hashes_file = f"database-{stamp}", f"{MEDIA}-{stamp}.json"
    manifest: dict[str, Any] = {"format": FORMAT, "server_name": config.server_name, "database": database}
    manifest |= back_up_database(config, folder / database, tell)
    known = load_hashes(folder / former["media"]) if former is not None else {}
    hashes = asyncio.run(save_media(open_media_store(config), open_local(folder / MEDIA), known, tell))
    (folder / hashes_file).write_text(json.dumps(hashes))
    make_durable(folder / hashes_file)
    manifest["media"] = hashes_file
    shutil.copyfile(config.data / KEY_FILE, folder / KEY_FILE)
    (folder / KEY_FILE).chmod(0o600)
    make_durable(folder / KEY_FILE)
    manifest["sha256"] = build_checksums(folder, (database, KEY_FILE, hashes_file))
    store_manifest(folder, manifest)
    for each in (*folder.glob("database-*"), *folder.glob(f"{MEDIA}-*.json")):
        if each.name not in (database, hashes_file):
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    asyncio.run(delete_others(open_local(folder / MEDIA), hashes))


def back_up_database(config: Config, target: Path, tell: Tell) -> dict[str, Any]:
    """Copy the database to `target`, a file or a folder; returns what the manifest says about it."""

    def tell_share(done: int, total: int) -> None:
        tell(f"database: {100 * done // max(total, 1)} %")

    made_ts_ms = time.time_ns() // 1_000_000
    if not config.is_postgres:
        epoch, position = sqlite.back_up(config.sqlite_path, target, tell_share)
        return {"engine": "sqlite", "epoch": epoch, "position": position, "made_ts_ms": made_ts_ms}
    target.mkdir(mode=0o700)
    epoch, position, tables = asyncio.run(postgres.back_up(config.database, target, tell_share))
    for each in (*target.iterdir(), target):
        make_durable(each)
    return {
        "engine": "postgres",
        "epoch": epoch,
        "position": position,
        "made_ts_ms": made_ts_ms,
        "tables": {table: list(names) for table, names in tables.items()},
    }


def restore(config: Config, folder: Path, tell: Tell) -> None:
    """Make a backup a server again, where there is none yet. Raises `BackupError`, `StorageUnavailable`, OSError.

    Sessions go on. Sync tokens from before are answered with a fresh start, so no client misses anything; one-time keys are gone, and
    devices make new ones.
    """
    manifest = load_manifest(folder)
    engine = "postgres" if config.is_postgres else "sqlite"
    if manifest["engine"] != engine:
        raise BackupError(f"this is a backup of {manifest['engine']}, but the configuration says {engine}")
    if manifest["server_name"] != config.server_name:
        raise BackupError(f"this is a backup of {manifest['server_name']}: give that as --server-name")
    if config.sqlite_path.exists() or (config.data / KEY_FILE).exists():
        raise BackupError(f"{config.data} has a server in it: choose another data folder, or move it away")
    source = folder / manifest["database"]
    tell("checksums")
    try:
        checksums = build_checksums(folder, (source.name, KEY_FILE, manifest["media"]))
    except FileNotFoundError:
        checksums = {}
    if checksums != manifest["sha256"]:
        raise BackupError(f"{folder} is damaged: a file in it is not what it was when the backup was made")
    epoch = int(time.time())
    hashes = load_hashes(folder / manifest["media"])
    asyncio.run(restore_media(open_local(folder / MEDIA), open_media_store(config), hashes, tell))
    tell("database")
    if config.is_postgres:
        try:
            asyncio.run(postgres.restore(config.database, source, manifest["tables"], epoch))
        except postgres.NotEmpty:
            raise BackupError("the PostgreSQL database is not empty: give the URL of an empty one") from None
    else:
        sqlite.restore(source, config.sqlite_path, epoch)
    descriptor = os.open(config.data / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write((folder / KEY_FILE).read_bytes())
    make_durable(config.data / KEY_FILE)
    make_durable(config.data)


async def save_media(source: MediaStore, target: MediaStore, known: Hashes, tell: Tell) -> Hashes:
    """Copy the objects that are not in `target` yet; returns the hashes of all there are. `known` are those of the backup before."""
    hashes: Hashes = {}
    async for each in source.list():
        copied = await target.stat(each.key) if each.key in known else None
        if copied is not None and copied.size == each.size:
            hashes[each.key] = known[each.key]
        else:
            try:
                stream = HashedStream(await source.get(each.key))
            except ObjectMissing:
                continue  # deleted since it was listed
            await target.put(each.key, stream, bytes_max=each.size)
            hashes[each.key] = stream.hexdigest()
        if len(hashes) % 100 == 0:
            tell(f"media: {len(hashes)}")
    return hashes


async def restore_media(source: MediaStore, target: MediaStore, hashes: Hashes, tell: Tell) -> None:
    """Copy the objects with these hashes. Raises `BackupError` for one that is missing or not what it was."""
    for count, (key, expected) in enumerate(hashes.items(), 1):
        found = await source.stat(key)
        if found is None:
            raise BackupError(f"the backup is damaged: the file {key} of its media is missing")
        stream = HashedStream(await source.get(key), expected)
        try:
            await target.put(key, stream, bytes_max=found.size)
        except WrongHash:
            raise BackupError(
                f"the backup is damaged: the file {key} of its media is not what it was when the backup was made"
            ) from None
        if count % 100 == 0:
            tell(f"media: {count}")


async def delete_others(store: MediaStore, hashes: Hashes) -> None:
    """Delete the objects that are in no backup any more."""
    for key in [each.key async for each in store.list() if each.key not in hashes]:
        await store.delete(key)


class WrongHash(Exception):
    """A stream was not what was expected."""


class HashedStream:
    """The chunks of a stream, which are hashed on the way; with `expected`, raises `WrongHash` at its end when the hash is another."""

    def __init__(self, chunks: AsyncIterator[bytes], expected: str | None = None) -> None:
        self._chunks = chunks
        self._hash = hashlib.sha256()
        self._expected = expected

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self._hash.update(chunk)
            yield chunk
        if self._expected is not None and self._expected != self.hexdigest():
            raise WrongHash

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def load_hashes(file: Path) -> Hashes:
    try:
        hashes: Hashes = json.loads(file.read_bytes())
    except (OSError, ValueError):
        raise BackupError(f"{file} cannot be read") from None
    return hashes


def build_checksums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of files, and of all files in folders, by their path in `folder`. Those of media are in a file of their own."""
    checksums = {}
    for name in names:
        entry = folder / name
        for path in sorted(entry.iterdir()) if entry.is_dir() else [entry]:
            with path.open("rb") as file:
                checksums[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
    return checksums


def load_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT:
            raise BackupError(f"{folder} was made by another version of Zajil")
        if not {"server_name", "database", "engine", "media", "sha256"} <= manifest.keys():
            raise KeyError
        if "/" in manifest["database"] or "/" in manifest["media"]:
            raise ValueError
    except (OSError, ValueError, TypeError, KeyError):
        raise BackupError(f"{folder} is not a finished backup") from None
    return manifest


def store_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    partial = folder / f"{MANIFEST}.new"
    partial.write_text(json.dumps(manifest, indent=1))
    make_durable(partial)
    partial.rename(folder / MANIFEST)
    make_durable(folder)


def is_unfinished(folder: Path) -> bool:
    """Whether all there is was left by a backup that was interrupted."""
    return all(
        each.name in (MEDIA, KEY_FILE, f"{MANIFEST}.new") or each.name.startswith(("database-", f"{MEDIA}-"))
        for each in folder.iterdir()
    )
