"""Server-side key backups: versions, and the sessions in them (client-server API, "Server-side key backups")."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from zajil.core.identifiers import is_within_bytes
from zajil.core.key_backup import BackedUpSession, is_better
from zajil.ports.database import Read, Transaction
from zajil.ports.stores.key_backups import KeyBackup
from zajil.services.app import App
from zajil.services.errors import MatrixError, invalid_param, not_found, too_large, user_limit_exceeded

BACKUPS_MAX: Final = 50
SESSIONS_MAX: Final = 1_000_000
BACKUP_BYTES_MAX: Final = 1024 * 1024 * 1024
SESSIONS_PER_REQUEST_MAX: Final = 10_000
SESSIONS_PER_COMMIT: Final = 200
SESSIONS_PER_PAGE: Final = 500
AUTH_DATA_BYTES_MAX: Final = 32 * 1024
SESSION_DATA_BYTES_MAX: Final = 64 * 1024
ALGORITHM_BYTES_MAX: Final = 255
ID_BYTES_MAX: Final = 255
VERSION_DIGITS_MAX: Final = 15

Upload = tuple[str, str, BackedUpSession]
"""Room ID, session ID, session."""


async def create_backup(app: App, user_id: str, algorithm: str, auth_data: Mapping[str, Any]) -> str:
    """Begin a new version, which is the current one from then on. Raises when the user has `BACKUPS_MAX` already."""
    if not algorithm or not is_within_bytes(algorithm, ALGORITHM_BYTES_MAX):
        raise invalid_param(f"The algorithm must have 1 to {ALGORITHM_BYTES_MAX} bytes.")
    encoded = _encode_auth_data(auth_data)

    async def item(tx: Transaction) -> int:
        store = app.stores.key_backups
        if await store.count_backups(tx, user_id) >= BACKUPS_MAX:
            raise user_limit_exceeded(app.config, f"You have {BACKUPS_MAX} key backups. Delete an old one first.")
        version = await store.take_version(tx, user_id)
        await store.insert_backup(tx, KeyBackup(user_id, version, algorithm, encoded, 0, 0, 0))
        return version

    version = await app.db.write(item)
    await _delete_orphans(app, user_id)
    return str(version)


def _encode_auth_data(auth_data: Mapping[str, Any]) -> bytes:
    encoded = orjson.dumps(auth_data)
    if len(encoded) > AUTH_DATA_BYTES_MAX:
        raise too_large(f"The auth_data is longer than {AUTH_DATA_BYTES_MAX} bytes.")
    return encoded


async def describe_backup(app: App, user_id: str, version: str | None) -> dict[str, Any]:
    """A version, or the current one for None. Raises M_NOT_FOUND."""
    backup = await _find(app, app.db.reader, user_id, version)
    return {
        "algorithm": backup.algorithm,
        "auth_data": orjson.Fragment(backup.auth_data),
        "version": str(backup.version),
        **build_totals(backup),
    }


def build_totals(backup: KeyBackup) -> dict[str, Any]:
    """What every change of a backup's sessions answers with."""
    return {"count": backup.key_count, "etag": str(backup.etag)}


async def update_auth_data(app: App, user_id: str, version: str, algorithm: str, auth_data: Mapping[str, Any]) -> None:
    """Replace a version's auth_data; the algorithm must be the one it has."""
    encoded = _encode_auth_data(auth_data)

    async def item(tx: Transaction) -> None:
        backup = await _find(app, tx, user_id, version)
        if backup.algorithm != algorithm:
            raise invalid_param("The algorithm of a key backup cannot be changed.")
        await app.stores.key_backups.store_auth_data(tx, user_id, backup.version, encoded)

    await app.db.write(item)


async def delete_backup(app: App, user_id: str, version: str) -> None:
    """Delete a version and its sessions. It is no error if that was done before; M_NOT_FOUND if it never was there."""

    async def item(tx: Transaction) -> None:
        number = parse_version(version)
        if number is None or not 0 < number <= await app.stores.key_backups.load_last_version(tx, user_id):
            raise not_found("There is no such version of your key backup.")
        await app.stores.key_backups.delete_backup(tx, user_id, number)

    await app.db.write(item)
    await _delete_orphans(app, user_id)


async def delete_all_backups(app: App, user_id: str) -> None:
    """Delete everything the user has backed up. Stopped half-way, it goes on when it is called again."""

    async def item(tx: Transaction) -> None:
        await app.stores.key_backups.delete_all_backups(tx, user_id)

    await app.db.write(item)
    await _delete_orphans(app, user_id)


async def _delete_orphans(app: App, user_id: str) -> None:
    """Delete the sessions of deleted versions, a few in each commit, so that nobody has to wait for a big backup to go."""
    for version in await app.stores.key_backups.load_orphaned_versions(app.db.reader, user_id):

        async def item(tx: Transaction, version: int = version) -> int:
            deleted, _ = await app.stores.key_backups.delete_sessions(
                tx, user_id, version, None, None, SESSIONS_PER_COMMIT
            )
            return deleted

        while await app.db.write(item) == SESSIONS_PER_COMMIT:
            pass


def parse_version(text: str) -> int | None:
    """The number of a version; None for what cannot be one."""
    if not (text.isascii() and text.isdigit()) or len(text) > VERSION_DIGITS_MAX or text.startswith("0"):
        return None
    return int(text)


async def _find(app: App, tx: Read, user_id: str, version: str | None) -> KeyBackup:
    number = None if version is None else parse_version(version)
    if version is None or number is not None:
        backup = await app.stores.key_backups.load_backup(tx, user_id, number)
        if backup is not None:
            return backup
    raise not_found("You have no key backup." if version is None else "There is no such version of your key backup.")


async def store_sessions(app: App, user_id: str, version: str, sessions: Sequence[Upload]) -> dict[str, Any]:
    """Add sessions to the current version, keeping the better one where there is one already; returns count and etag.

    Raises M_WRONG_ROOM_KEYS_VERSION when the version is not the current one, M_TOO_LARGE when a limit is reached.
    """
    if len(sessions) > SESSIONS_PER_REQUEST_MAX:
        raise too_large(f"At most {SESSIONS_PER_REQUEST_MAX} sessions can be backed up at once.")
    for room_id, session_id, session in sessions:
        if not is_within_bytes(room_id, ID_BYTES_MAX) or not is_within_bytes(session_id, ID_BYTES_MAX):
            raise invalid_param("A room ID or session ID is too long.")
        if len(session.session_data) > SESSION_DATA_BYTES_MAX:
            raise too_large(f"The session_data of a session is longer than {SESSION_DATA_BYTES_MAX} bytes.")
    totals: dict[str, Any] = {}
    for start in range(0, max(len(sessions), 1), SESSIONS_PER_COMMIT):
        piece = sessions[start : start + SESSIONS_PER_COMMIT]

        async def item(tx: Transaction, piece: Sequence[Upload] = piece) -> KeyBackup:
            return await _merge(tx, app, user_id, version, piece)

        totals = build_totals(await app.db.write(item))
    return totals


async def _find_current(tx: Transaction, app: App, user_id: str, version: str) -> KeyBackup:
    """The current version, which must be the one named."""
    current = await _find(app, tx, user_id, None)
    if str(current.version) != version:
        raise MatrixError(
            403,
            "M_WRONG_ROOM_KEYS_VERSION",
            f"Sessions can only be added to the current version of the key backup, which is {current.version}.",
            {"current_version": str(current.version)},
        )
    return current


async def _merge(tx: Transaction, app: App, user_id: str, version: str, sessions: Sequence[Upload]) -> KeyBackup:
    store = app.stores.key_backups
    current = await _find_current(tx, app, user_id, version)
    if not sessions:
        return current
    await store.lock_backup(tx, user_id, current.version)
    current = await _find_current(tx, app, user_id, version)
    kept: dict[tuple[str, str], BackedUpSession] = {}
    count, size = current.key_count, current.bytes
    for room_id, session_id, session in sessions:
        key = (room_id, session_id)
        old = kept.get(key) or await store.load_session(tx, user_id, current.version, room_id, session_id)
        if old is None:
            count += 1
        elif is_better(session, old):
            size -= len(old.session_data)
        else:
            continue
        size += len(session.session_data)
        kept[key] = session
    if not kept:
        return current
    if count > SESSIONS_MAX or size > BACKUP_BYTES_MAX:
        raise too_large("The key backup is full.")
    for (room_id, session_id), session in kept.items():
        await store.store_session(tx, user_id, current.version, room_id, session_id, session)
    return await _store_totals(tx, app, replace(current, etag=current.etag + 1, key_count=count, bytes=size))


async def _store_totals(tx: Transaction, app: App, backup: KeyBackup) -> KeyBackup:
    await app.stores.key_backups.store_totals(
        tx, backup.user_id, backup.version, backup.etag, backup.key_count, backup.bytes
    )
    return backup


async def delete_sessions(
    app: App, user_id: str, version: str, room_id: str | None = None, session_id: str | None = None
) -> dict[str, Any]:
    """Delete all sessions of a version, those of one room, or one; returns count and etag."""

    async def item(tx: Transaction) -> tuple[KeyBackup, bool]:
        backup = await _find(app, tx, user_id, version)
        await app.stores.key_backups.lock_backup(tx, user_id, backup.version)
        backup = await _find(app, tx, user_id, version)
        deleted, size = await app.stores.key_backups.delete_sessions(
            tx, user_id, backup.version, room_id, session_id, SESSIONS_PER_COMMIT
        )
        if deleted:
            changed = replace(
                backup, etag=backup.etag + 1, key_count=backup.key_count - deleted, bytes=backup.bytes - size
            )
            backup = await _store_totals(tx, app, changed)
        return backup, deleted == SESSIONS_PER_COMMIT

    while True:
        backup, is_more = await app.db.write(item)
        if not is_more:
            return build_totals(backup)


def build_session(session: BackedUpSession) -> dict[str, Any]:
    """A session in the form of the spec's KeyBackupData."""
    return {
        "first_message_index": session.first_message_index,
        "forwarded_count": session.forwarded_count,
        "is_verified": session.is_verified,
        "session_data": orjson.Fragment(session.session_data),
    }


async def load_session(app: App, user_id: str, version: str, room_id: str, session_id: str) -> dict[str, Any]:
    """One session. Raises M_NOT_FOUND."""
    backup = await _find(app, app.db.reader, user_id, version)
    session = await app.stores.key_backups.load_session(app.db.reader, user_id, backup.version, room_id, session_id)
    if session is None:
        raise not_found("This session is not in the key backup.")
    return build_session(session)


async def open_sessions(app: App, user_id: str, version: str, room_id: str | None = None) -> AsyncIterator[bytes]:
    """The JSON of a room's sessions, {"sessions": …}, or of all, {"rooms": …}, in pieces. Raises M_NOT_FOUND before the first."""
    backup = await _find(app, app.db.reader, user_id, version)
    pieces = _write_sessions(app, backup, room_id)
    return pieces if room_id is None else _write_room(pieces)


async def _write_room(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield b'{"sessions":{'
    async for piece in pieces:
        yield piece
    yield b"}}"


async def _write_sessions(app: App, backup: KeyBackup, room_id: str | None) -> AsyncIterator[bytes]:
    """The members of "sessions" of one room, or the whole document of all rooms, read page by page."""
    after, last_room = ("", ""), None
    if room_id is None:
        yield b'{"rooms":{'
    while True:
        page = await app.stores.key_backups.load_sessions(
            app.db.reader, backup.user_id, backup.version, room_id, after, SESSIONS_PER_PAGE
        )
        pieces: list[bytes] = []
        for room, session_id, session in page:
            if room != last_room:
                if room_id is None:
                    pieces.append((b"}}," if last_room is not None else b"") + orjson.dumps(room) + b':{"sessions":{')
                last_room = room
            else:
                pieces.append(b",")
            pieces.append(orjson.dumps(session_id) + b":" + orjson.dumps(build_session(session)))
            after = (room, session_id)
        if pieces:
            yield b"".join(pieces)
        if len(page) < SESSIONS_PER_PAGE:
            break
    if room_id is None:
        yield b"}}}}" if last_room is not None else b"}}"
